//! Around every call: an id, a span, a place in the count, a whole ending for what writes, and
//! problems where no handler answers.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gate_protocol::problem::ProblemCode;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::admission::Admission;
use crate::problem::Failure;
use crate::state::Server;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How many calls of one network that change something can last at the same time,
/// and how many of all: each goes on though its client has gone away.
const CHANGES_OF_A_NETWORK: u32 = 256;
const CHANGES: u32 = 1_024;
/// The key under which all are counted; no network is called so.
const EVERYBODY: &str = "*";

/// Gives the call an id and a span, and counts it. The span has method and path;
/// never a header, a query or a body, which can hold what nobody should read.
pub(super) async fn frame(State(server): State<Server>, request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let span = tracing::info_span!(
        "call",
        request_id = id,
        method = request.method().as_str(),
        path = request.uri().path(),
        status = tracing::field::Empty,
    );
    let mut response = counted(&server, request, next)
        .instrument(span.clone())
        .await;
    span.record("status", response.status().as_u16());
    span.in_scope(|| tracing::debug!("answered"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Lets a call through that does not come too fast.
async fn counted(server: &Server, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let (admission, knocked) = Admission::knock(&mut parts, server).await;
    parts.extensions.insert(admission.clone());
    let request = Request::from_parts(parts, body);
    let mut response = match knocked {
        Ok(()) => whole(server, admission.network(), request, next).await,
        Err(refused) => refused.into_response(),
    };
    admission.tell(response.headers_mut());
    response
}

/// Runs what may write in a task of its own: a client that goes away between a
/// commit and the wake-up must not keep the others from hearing of it.
async fn whole(server: &Server, network: &str, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let changes = &server.flood.changes;
    let seats = (
        changes.take(EVERYBODY, CHANGES),
        changes.take(network, CHANGES_OF_A_NETWORK),
    );
    let (Some(all), Some(own)) = seats else {
        let why = "too much is being changed at once; nothing was changed, try again";
        let busy = Failure::new(ProblemCode::Unavailable, why).retry_after(1);
        return busy.into_response();
    };
    let running = async move {
        let _seats = (all, own);
        next.run(request).await
    };
    match tokio::spawn(running.in_current_span()).await {
        Ok(response) => response,
        Err(error) => Failure::internal(&error).into_response(),
    }
}

/// The path has other methods.
pub(super) async fn no_such_method() -> Failure {
    Failure::new(
        ProblemCode::MethodNotAllowed,
        "this path is not for this method",
    )
}
