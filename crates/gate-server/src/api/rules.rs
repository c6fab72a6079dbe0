//! `/v1/rules`: the rules in force.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gate_protocol::problem::Problem;
use gate_protocol::rules::{RULES_MESSAGE_LIMIT_BYTES, SignedRules};
use serde::Deserialize;

use super::extract::{JsonUpTo, Reply};
use crate::identity::{AnyRole, Caller, Operator};
use crate::problem::Failure;
use crate::state::Server;

/// The body of `PUT /v1/rules`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutRules {
    /// The rules as TOML.
    text: String,
    /// The version that the author has seen; 0 for none. Where another is in
    /// force, nothing is changed.
    expected_version: Option<u64>,
}

/// Returns the rules in force, signed.
#[utoipa::path(get, path = "/v1/rules", tag = "rules",
    params(("If-None-Match" = Option<String>, Header, description = "The tag that is known")),
    responses((status = 200, body = SignedRules), (status = 304), (status = 404, body = Problem)))]
pub(super) async fn current(
    State(server): State<Server>,
    _caller: Caller<AnyRole>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let rules = server.rules().await?.ok_or_else(Failure::not_found)?;
    let tag = rules.etag()?;
    let response = if is_known(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Reply(StatusCode::OK, rules).into_response()
    };
    Ok(tagged(response, &tag))
}

fn tagged(mut response: Response, tag: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Source: RFC 9110 section 13.1.2.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == "*" || known == tag)
}

/// Puts new rules in force.
#[utoipa::path(put, path = "/v1/rules", tag = "rules", request_body = PutRules,
    responses((status = 200, body = SignedRules), (status = 400, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem)))]
pub(super) async fn activate(
    State(server): State<Server>,
    caller: Caller<Operator>,
    JsonUpTo(put): JsonUpTo<PutRules, RULES_MESSAGE_LIMIT_BYTES>,
) -> Result<Reply<SignedRules>, Failure> {
    let rules = server
        .activate_rules(caller.actor.name(), put.text, put.expected_version)
        .await?;
    Ok(Reply(StatusCode::OK, rules))
}
