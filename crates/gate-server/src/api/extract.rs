//! What a handler takes from the wire, each refusal as a problem.

use std::fmt::Display;
use std::str::FromStr;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use gate_protocol::canonical::{StrictError, from_strict_slice};
use gate_protocol::problem::ProblemCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Failure;
use crate::state::Server;

/// A JSON body, read strictly: no member twice, no unknown member, no number
/// that two readers could read differently.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Server> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, server: &Server) -> Result<Self, Failure> {
        let limit_bytes = server.settings.limits.body_bytes;
        read_json(request, server, limit_bytes).await.map(Self)
    }
}

/// A JSON body as [`Json`] reads it, of at most so many bytes, whatever the
/// limit of other bodies is.
pub(super) struct JsonUpTo<T, const LIMIT_BYTES: usize>(pub(super) T);

impl<T: DeserializeOwned, const LIMIT_BYTES: usize> FromRequest<Server>
    for JsonUpTo<T, LIMIT_BYTES>
{
    type Rejection = Failure;

    async fn from_request(request: Request, server: &Server) -> Result<Self, Failure> {
        read_json(request, server, LIMIT_BYTES).await.map(Self)
    }
}

async fn read_json<T: DeserializeOwned>(
    mut request: Request,
    server: &Server,
    limit_bytes: usize,
) -> Result<T, Failure> {
    let media_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err(Failure::new(
            ProblemCode::MediaType,
            "send the body as `Content-Type: application/json`",
        ));
    }
    DefaultBodyLimit::max(limit_bytes).apply(&mut request);
    let read = Bytes::from_request(request, server);
    let bytes = match tokio::time::timeout(server.settings.limits.body_timeout, read).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)))) => {
            let detail = format!("the body is larger than {limit_bytes} bytes");
            return Err(Failure::new(ProblemCode::TooLarge, detail));
        }
        Ok(Err(_)) => return Err(Failure::bad_request("the body broke off")),
        Err(_) => {
            return Err(Failure::bad_request("the body did not come in time")
                .with_status(StatusCode::REQUEST_TIMEOUT));
        }
    };
    parse(&bytes)
}

/// Strict first; where only the shape is wrong, a second look says at which place.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    from_strict_slice(bytes).map_err(|error| {
        let placed = matches!(error, StrictError::Shape(_))
            .then(|| serde_json::from_slice::<T>(bytes).err())
            .flatten();
        let what = placed.map_or_else(|| error.to_string(), |placed| placed.to_string());
        Failure::bad_request(format!("the body is not what is asked for: {what}"))
    })
}

/// The query, with no unknown parameter.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Server> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Server) -> Result<Self, Failure> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|rejection| {
                Failure::bad_request(gate_protocol::inert::inert(&rejection.body_text()))
            })
    }
}

/// The one parameter of the path. What does not parse names nothing.
pub(super) struct Name<T>(pub(super) T);

impl<T: FromStr> FromRequestParts<Server> for Name<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Failure> {
        let params = RawPathParams::from_request_parts(parts, server)
            .await
            .map_err(|_| Failure::not_found())?;
        let (_, text) = params.iter().next().ok_or_else(Failure::not_found)?;
        text.parse().map(Self).map_err(|_| Failure::not_found())
    }
}

/// Reads an optional parameter of a query through `FromStr`, naming it where it is wrong.
pub(super) fn parse_parameter<T>(name: &str, text: Option<&str>) -> Result<Option<T>, Failure>
where
    T: FromStr,
    T::Err: Display,
{
    text.map(str::parse)
        .transpose()
        .map_err(|error| Failure::bad_request(format!("`{name}`: {error}")))
}

/// A reply in JSON that no cache keeps.
pub(super) struct Reply<T>(pub(super) StatusCode, pub(super) T);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.1) {
            Ok(body) => json_bytes(self.0, body),
            Err(error) => Failure::internal(&error).into_response(),
        }
    }
}

/// Answers with JSON that is text already.
pub(super) fn json_bytes(status: StatusCode, body: impl Into<Body>) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (axum::http::header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body.into()).into_response()
}
