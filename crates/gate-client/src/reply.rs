//! Reads a reply with suspicion: right status, right type, right size, strict JSON.

use std::time::Duration;

use gate_protocol::canonical::from_strict_slice;
use gate_protocol::problem::{Problem, ProblemCode};
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::call::{Call, Form};
use crate::error::ClientError;

/// The most bytes of a refusal.
const PROBLEM_LIMIT: usize = 64 << 10;
/// Who calls too fast and is let in again within this time waits instead of giving up.
const SOON: Duration = Duration::from_secs(10);
/// The longest entity tag that is kept.
const ETAG_LIMIT: usize = 256;

/// What went wrong while the body came in.
pub(crate) enum BodyError {
    /// The connection broke.
    Lost(reqwest::Error),
    /// More bytes than there may be.
    TooLong(usize),
}

/// A reply whose status, type and size are as they must be.
#[derive(Debug)]
pub(crate) struct Reply {
    what: &'static str,
    /// Whether the server says that what it answers with is new.
    pub(crate) is_created: bool,
    /// The version of what was asked for, where the server names one.
    pub(crate) etag: Option<String>,
    body: Option<Vec<u8>>,
}

/// Either a reply, or why the connection gave none.
pub(crate) type Received = Result<Result<Reply, ClientError>, reqwest::Error>;

impl Reply {
    /// Reads the reply to `call`. The outer error is the connection's, the
    /// inner one is the reply's.
    pub(crate) async fn receive(call: &Call, response: Response) -> Received {
        let status = response.status();
        let what = call.what;
        if status == StatusCode::NOT_MODIFIED && call.is_conditional() {
            return Ok(Ok(Self {
                what,
                is_created: false,
                etag: None,
                body: None,
            }));
        }
        if status == StatusCode::NO_CONTENT && call.form == Form::Nothing {
            return Ok(Ok(Self {
                what,
                is_created: false,
                etag: None,
                body: None,
            }));
        }
        if is_passing(status) {
            return Ok(Err(unavailable(response).await));
        }
        if status.is_client_error() {
            return refusal(what, response).await;
        }
        if status != StatusCode::OK && status != StatusCode::CREATED {
            return Ok(Err(ClientError::garbled(what, unexpected(status))));
        }
        let expected = match call.form {
            Form::Json => "application/json",
            Form::Text => "text/plain",
            Form::Nothing => return Ok(Err(ClientError::garbled(what, unexpected(status)))),
        };
        if let Err(why) = expect_type(&response, expected) {
            return Ok(Err(ClientError::garbled(what, why)));
        }
        let etag = etag(response.headers());
        match read_body(response, call.limit_bytes).await {
            Ok(body) => Ok(Ok(Self {
                what,
                is_created: status == StatusCode::CREATED,
                etag,
                body: Some(body),
            })),
            Err(BodyError::Lost(error)) => Err(error),
            Err(BodyError::TooLong(limit)) => Ok(Err(too_long(what, limit))),
        }
    }

    /// Tells whether the server said that nothing changed.
    pub(crate) fn is_not_modified(&self) -> bool {
        self.body.is_none()
    }

    /// Takes the body as a message of the protocol.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        from_strict_slice(self.body.as_deref().unwrap_or_default())
            .map_err(|error| ClientError::garbled(self.what, error))
    }

    /// Takes the body as text.
    pub(crate) fn into_text(self) -> Result<String, ClientError> {
        String::from_utf8(self.body.unwrap_or_default())
            .map_err(|_| ClientError::garbled(self.what, "the text is not UTF-8"))
    }
}

/// Tells whether the status says that it will pass.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}

fn unexpected(status: StatusCode) -> String {
    if status.is_redirection() {
        return format!(
            "HTTP status {}, a redirect, which is never followed",
            status.as_u16()
        );
    }
    format!("HTTP status {}", status.as_u16())
}

fn too_long(what: &'static str, limit: usize) -> ClientError {
    ClientError::garbled(what, format_args!("the body is longer than {limit} bytes"))
}

/// A body that can't be read, from a proxy for example, loses its words only:
/// the status says enough.
async fn unavailable(response: Response) -> ClientError {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    let problem = match expect_type(&response, "application/problem+json") {
        Ok(()) => read_body(response, PROBLEM_LIMIT).await.ok(),
        Err(_) => None,
    };
    let problem = problem
        .and_then(|body| from_strict_slice::<Problem>(&body).ok())
        .filter(|problem| problem.status == status)
        .map(Box::new);
    match problem {
        // Open requests don't close by asking again: the caller is to be told now. Who only
        // asked too fast is told when to come, and that is soon.
        Some(problem) if problem.code == ProblemCode::TooMany && !is_soon(retry_after) => {
            ClientError::Refused(problem)
        }
        problem => ClientError::Unavailable {
            status,
            problem,
            retry_after,
        },
    }
}

/// Tells whether it is worth waiting for.
fn is_soon(retry_after: Option<Duration>) -> bool {
    retry_after.is_some_and(|after| after <= SOON)
}

async fn refusal(what: &'static str, response: Response) -> Received {
    let status = response.status().as_u16();
    let garbled =
        |why: String| ClientError::garbled(what, format!("HTTP status {status}, and {why}"));
    if let Err(why) = expect_type(&response, "application/problem+json") {
        return Ok(Err(garbled(why)));
    }
    let body = match read_body(response, PROBLEM_LIMIT).await {
        Ok(body) => body,
        Err(BodyError::Lost(error)) => return Err(error),
        Err(BodyError::TooLong(limit)) => return Ok(Err(too_long(what, limit))),
    };
    Ok(Err(match from_strict_slice::<Problem>(&body) {
        Ok(problem) if problem.status == status => ClientError::Refused(Box::new(problem)),
        Ok(problem) => garbled(format!("the body says {}", problem.status)),
        Err(error) => garbled(error.to_string()),
    }))
}

/// Compares the media type without its parameters, as RFC 9110 section 8.3.1
/// has it; two types, or one that is not text, are wrong.
fn expect_type(response: &Response, expected: &str) -> Result<(), String> {
    let mut types = response.headers().get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else {
        return Err(format!("it does not have the one content type {expected}"));
    };
    let value = value.to_str().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(format!("its content type is `{essence}`, not {expected}"))
}

/// Reads at most `limit` bytes; what comes after them is never received, let
/// alone kept. A length that is announced too high ends it at once.
async fn read_body(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |length| length > limit) {
        return Err(BodyError::TooLong(limit));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Lost)? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLong(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads `Retry-After` where it is a number of seconds. The other form is a
/// date, which means something only to one who believes the server's clock.
///
/// Source: RFC 9110 section 10.2.3.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().map(Duration::from_secs).ok()
}

fn etag(headers: &HeaderMap) -> Option<String> {
    let etag = headers.get(ETAG)?.to_str().ok()?;
    (etag.len() <= ETAG_LIMIT).then(|| etag.to_owned())
}
