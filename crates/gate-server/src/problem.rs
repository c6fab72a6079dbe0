//! Every refusal as `application/problem+json`. What a client sees and what
//! the log keeps are two things: a failure of the server tells no details.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gate_protocol::canonical::CanonicalError;
use gate_protocol::log::RecordError;
use gate_protocol::problem::{Problem, ProblemCode};

use crate::lifecycle::Refusal;
use crate::store::StoreError;

/// Why a call was not answered with what it asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Boxed, as every call returns one of these or an answer.
    problem: Box<Problem>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Failure {
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            problem: Box::new(Problem::new(code, detail)),
            header: None,
        }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::BadRequest, detail)
    }

    /// Refuses a cursor that no page of this list gave.
    pub(crate) fn wrong_cursor() -> Self {
        Self::bad_request("`cursor` must be the `next` of a page of this list, as it came")
    }

    /// Says the same for what does not exist and for what the caller may not see.
    pub(crate) fn not_found() -> Self {
        Self::new(
            ProblemCode::NotFound,
            "there is no such thing, or this token may not see it",
        )
    }

    /// Asks the client to come again.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.header = Some((RETRY_AFTER, seconds.into()));
        self
    }

    /// Says which tag the thing has now.
    pub(crate) fn with_tag(mut self, tag: &str) -> Self {
        self.header = HeaderValue::from_str(tag).ok().map(|tag| (ETAG, tag));
        self
    }

    /// Answers with a status for which the problem codes have no word of their own.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.problem.status = status.as_u16();
        status
            .canonical_reason()
            .unwrap_or("Refused")
            .clone_into(&mut self.problem.title);
        self
    }

    /// Returns it as the API says it.
    pub(crate) fn problem(&self) -> &Problem {
        &self.problem
    }

    pub(crate) fn detail(&self) -> &str {
        self.problem
            .detail
            .as_deref()
            .unwrap_or(&self.problem.title)
    }

    /// Returns the header that goes with it, as when to come again.
    pub(crate) fn header(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.header.as_ref()
    }

    /// Logs `cause` and tells the client nothing of it.
    pub(crate) fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(cause = %chain(cause), "the server failed");
        Self::new(
            ProblemCode::Internal,
            "the server failed and changed nothing; its log has more under this request id",
        )
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

/// Returns the answer where the store may do it a moment later.
fn unavailable(error: &StoreError, detail: &'static str) -> Failure {
    tracing::warn!(cause = %chain(error), "the store is not available");
    Failure::new(ProblemCode::Unavailable, detail).retry_after(1)
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Busy(_) => unavailable(
                &error,
                "the store does not answer in time; nothing was changed, try again",
            ),
            StoreError::Unconfirmed(_) => unavailable(
                &error,
                "the store did not say whether the change was made; look, or ask the same again",
            ),
            StoreError::Disk(_) => unavailable(
                &error,
                "the disk of the server takes nothing; nothing was changed, try again later",
            ),
            StoreError::Unsafe { .. } => unavailable(
                &error,
                "the database is set so that it could lose what it is given; nothing was changed",
            ),
            StoreError::Nul(_) => Self::bad_request("a text holds the character NUL"),
            StoreError::Database(_)
            | StoreError::Migrate(_)
            | StoreError::Newer { .. }
            | StoreError::Standby
            | StoreError::Unreadable { .. } => Self::internal(&error),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            problem: Box::new(refusal.problem()),
            header: None,
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        if error == RecordError::TooLarge {
            return Self::new(
                ProblemCode::TooLarge,
                "what is to be recorded does not fit into an audit record of 1 MiB",
            );
        }
        Self::internal(&error)
    }
}

impl From<CanonicalError> for Failure {
    fn from(error: CanonicalError) -> Self {
        Self::bad_request(format!("the body has no canonical form: {error}"))
    }
}

impl From<getrandom::Error> for Failure {
    fn from(error: getrandom::Error) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some((name, value)) = self.header {
            headers.insert(name, value);
        }
        response
    }
}
