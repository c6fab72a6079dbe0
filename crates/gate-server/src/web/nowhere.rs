//! Addresses that lead nowhere: a page for a browser, a problem for a program.

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::ACCEPT;
use axum::response::{IntoResponse as _, Response};

use super::headers;
use super::page::Refused;
use super::session::MaybeVisitor;
use crate::problem::Failure;
use crate::state::Server;

/// Says that there is nothing.
pub(crate) async fn nowhere(State(server): State<Server>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let accept = parts
        .headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    let is_browser = accept.is_some_and(|accept| accept.contains("text/html"));
    if !is_browser || parts.uri.path().starts_with("/v1/") {
        return Failure::not_found().into_response();
    }
    let refused = Refused::from(Failure::not_found());
    let visitor = MaybeVisitor::from_request_parts(&mut parts, &server).await;
    let mut response = match visitor {
        Ok(MaybeVisitor(Some(visitor))) => refused.signed_in(visitor),
        Ok(MaybeVisitor(None)) => refused,
        Err(failed) => failed,
    }
    .into_response();
    headers::add(&mut response);
    response
}
