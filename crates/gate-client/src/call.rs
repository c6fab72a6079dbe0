//! One question to the server, ready to be sent as often as need be.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, Request, Url};
use serde::Serialize;

use crate::error::{Cause, ClientError};
use crate::token::IdempotencyKey;

/// The header by which the server knows a repeated POST.
static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The most bytes of one message.
pub(crate) const MESSAGE_LIMIT: usize = 1 << 20;
/// The most bytes of one page of a list or of the audit log.
pub(crate) const PAGE_LIMIT: usize = 16 << 20;

/// What the body of a good answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `application/json`.
    Json,
    /// `text/plain`, in UTF-8.
    Text,
    /// None: "no content" is the answer.
    Nothing,
}

/// One question.
#[derive(Debug)]
pub(crate) struct Call {
    /// What is asked, for error messages.
    pub(crate) what: &'static str,
    request: Request,
    /// The most bytes of the answer's body.
    pub(crate) limit_bytes: usize,
    /// How long the exchange may take on top of the client's request timeout.
    pub(crate) wait: Duration,
    /// Whether the token is sent along.
    pub(crate) is_authenticated: bool,
    /// Whether the server has to prove its key first, where it is known.
    pub(crate) needs_proof: bool,
    /// What the body of a good answer is.
    pub(crate) form: Form,
}

impl Call {
    pub(crate) fn new(what: &'static str, method: Method, url: Url) -> Self {
        Self {
            what,
            request: Request::new(method, url),
            limit_bytes: MESSAGE_LIMIT,
            wait: Duration::ZERO,
            is_authenticated: true,
            needs_proof: true,
            form: Form::Json,
        }
    }

    /// Adds one parameter to the query.
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.request
            .url_mut()
            .query_pairs_mut()
            .append_pair(name, value);
        self
    }

    /// Gives it a JSON body.
    pub(crate) fn json<T: Serialize>(mut self, body: &T) -> Result<Self, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| self.unsendable(&error))?;
        let json = HeaderValue::from_static("application/json");
        self.request.headers_mut().insert(CONTENT_TYPE, json);
        *self.request.body_mut() = Some(body.into());
        Ok(self)
    }

    /// Gives it an idempotency key, the same for each time it is sent.
    pub(crate) fn idempotency(self, key: &IdempotencyKey) -> Result<Self, ClientError> {
        self.header(IDEMPOTENCY_KEY.clone(), key.as_str())
    }

    /// Asks only for what differs from the version with this tag.
    pub(crate) fn if_none_match(self, etag: &str) -> Result<Self, ClientError> {
        self.header(IF_NONE_MATCH, etag)
    }

    /// Asks for a change of what has this tag, and of nothing else.
    pub(crate) fn if_match(self, seen: Option<&str>) -> Result<Self, ClientError> {
        match seen {
            Some(etag) => self.header(IF_MATCH, etag),
            None => Ok(self),
        }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Result<Self, ClientError> {
        let value = HeaderValue::from_str(value).map_err(|error| self.unsendable(&error))?;
        self.request.headers_mut().insert(name, value);
        Ok(self)
    }

    /// Raises the limit on the answer's size.
    pub(crate) fn up_to(mut self, limit_bytes: usize) -> Self {
        self.limit_bytes = limit_bytes;
        self
    }

    /// Allows for the time that the server was asked to hold the answer.
    pub(crate) fn waiting(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sends it without the token.
    pub(crate) fn anonymous(mut self) -> Self {
        self.is_authenticated = false;
        self
    }

    /// Sends it without the token, and to whoever answers: there is nothing secret in it.
    pub(crate) fn unproven(mut self) -> Self {
        self.needs_proof = false;
        self.anonymous()
    }

    /// Expects text instead of JSON.
    pub(crate) fn text(mut self) -> Self {
        self.form = Form::Text;
        self
    }

    /// Expects no body.
    pub(crate) fn nothing(mut self) -> Self {
        self.form = Form::Nothing;
        self
    }

    /// Tells whether "not modified" is an answer to it.
    pub(crate) fn is_conditional(&self) -> bool {
        self.request.headers().contains_key(IF_NONE_MATCH)
    }

    /// Returns a copy to send; the body is shared, not copied.
    pub(crate) fn to_request(&self) -> Option<Request> {
        let mut request = self.request.try_clone()?;
        let accept = match self.form {
            Form::Json => "application/json, application/problem+json",
            Form::Text => "text/plain, application/problem+json",
            Form::Nothing => "application/problem+json",
        };
        request
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_static(accept));
        Some(request)
    }

    fn unsendable(&self, error: &(dyn std::error::Error + 'static)) -> ClientError {
        ClientError::Unsendable {
            what: self.what,
            source: Cause::innermost_of(error),
        }
    }
}
