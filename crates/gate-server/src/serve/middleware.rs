//! Around every call: an id, a span, a whole ending for what writes, and
//! problems where no handler answers.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::problem::Failure;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the call an id and a span. The span has method and path; never a
/// header, a query or a body, which can hold what nobody should read.
pub(super) async fn frame(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let span = tracing::info_span!(
        "call",
        request_id = id,
        method = request.method().as_str(),
        path = request.uri().path(),
        status = tracing::field::Empty,
    );
    let mut response = whole(request, next).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    span.in_scope(|| tracing::debug!("answered"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Runs what may write in a task of its own: a client that goes away between a
/// commit and the wake-up must not keep the others from hearing of it.
async fn whole(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let task = tokio::spawn(next.run(request).in_current_span());
    match task.await {
        Ok(response) => response,
        Err(error) => Failure::internal(&error).into_response(),
    }
}

/// The path has other methods.
pub(super) async fn no_such_method() -> Failure {
    Failure::bad_request("this path is not for this method")
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}
