//! Around every call: an id, a span, a place in the count, a whole ending for what writes, and
//! problems where no handler answers.

use std::time::{Instant, SystemTime};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gate_protocol::problem::ProblemCode;
use gate_protocol::trace::{TRACEPARENT, TraceParent};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::admission::Admission;
use crate::metrics::CallKind;
use crate::problem::Failure;
use crate::state::Server;
use crate::telemetry::{self, Attribute, Span, SpanKind};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How many calls of one network that change something can last at the same time,
/// and how many of all: each goes on though its client has gone away.
const CHANGES_OF_A_NETWORK: u32 = 256;
const CHANGES: u32 = 1_024;
/// The key under which all are counted; no network is called so.
const EVERYBODY: &str = "*";

/// Gives the call an id and a span, counts it, and tells whoever watches. The span has the method and
/// the path of the route, and of no route none; never a header, a query or a body, which can hold
/// what nobody should read.
pub(super) async fn frame(State(server): State<Server>, request: Request, next: Next) -> Response {
    let call = Call::of(&request);
    let id = Uuid::now_v7().to_string();
    let span = tracing::info_span!(
        "call",
        request_id = id,
        trace_id = call.own.map(|own| own.trace_id()),
        method = call.method.as_str(),
        path = call.route,
        status = tracing::field::Empty,
    );
    let running = server.metrics.begin_call();
    // Boxed, or it would have its place here once for each of the two ways to go on.
    let answering = Box::pin(counted(&server, request, next).instrument(span.clone()));
    let mut response = match call.own {
        Some(own) => telemetry::CALL.scope(own, answering).await,
        None => answering.await,
    };
    drop(running);
    let status = response.status().as_u16();
    let took_ms = u64::try_from(call.since.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.record("status", status);
    if server.settings.operations.logs_calls {
        span.in_scope(|| tracing::info!(took_ms, "answered"));
    } else {
        span.in_scope(|| tracing::debug!(took_ms, "answered"));
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(own) = call.own
        && let Ok(own) = HeaderValue::from_str(&own.to_string())
    {
        headers.insert(TRACEPARENT, own);
    }
    call.tell(&server, status, id);
    response
}

/// What is known of a call before it is answered.
struct Call {
    method: Method,
    route: String,
    kind: CallKind,
    parent: Option<TraceParent>,
    /// None where the system has no random bytes.
    own: Option<TraceParent>,
    begun: SystemTime,
    since: Instant,
}

impl Call {
    fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>();
        let route = route.map_or("-", MatchedPath::as_str).to_owned();
        let given = request.headers().get(TRACEPARENT);
        let parent: Option<TraceParent> = given.and_then(|text| text.to_str().ok()?.parse().ok());
        let own = match parent {
            Some(parent) => parent.next(),
            None => TraceParent::begin(),
        };
        let waits = |query: &str| query.split('&').any(|pair| pair.starts_with("wait="));
        let kind = match *request.method() {
            Method::GET if request.uri().query().is_some_and(waits) => CallKind::Wait,
            Method::GET | Method::HEAD => CallKind::Look,
            _ => CallKind::Change,
        };
        Self {
            method: request.method().clone(),
            route,
            kind,
            parent,
            own: own.ok(),
            begun: SystemTime::now(),
            since: Instant::now(),
        }
    }

    /// Tells those who watch that it was answered.
    fn tell(self, server: &Server, status: u16, id: String) {
        let (method, took) = (self.method.as_str(), self.since.elapsed());
        server.metrics.call(method, status, self.kind, took);
        let Some(own) = self.own.filter(|_| server.telemetry.is_on()) else {
            return;
        };
        let span = Span {
            own,
            parent: self.parent,
            link: None,
            name: format!("{method} {}", self.route),
            kind: SpanKind::Server,
            begun: self.begun,
            ended: SystemTime::now(),
            attributes: vec![
                ("http.request.method", Attribute::Text(method.to_owned())),
                ("http.route", Attribute::Text(self.route)),
                (
                    "http.response.status_code",
                    Attribute::Number(status.into()),
                ),
                ("gate.call", Attribute::Text(id)),
            ],
            has_failed: status >= 500,
        };
        server.telemetry.take(span, &server.metrics);
    }
}

/// Lets a call through that does not come too fast: what only reads, as a poll that waits, as it is, and
/// what may write to its end.
async fn counted(server: &Server, request: Request, next: Next) -> Response {
    // Boxed, and so gone while a poll waits, with the parts that it takes the call into.
    let (request, admission, knocked) = Box::pin(knocked(server, request)).await;
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = match knocked {
        Ok(()) if reads => next.run(request).await,
        Ok(()) => Box::pin(to_its_end(server, admission.network(), request, next)).await,
        Err(refused) => refused.into_response(),
    };
    admission.tell(response.headers_mut());
    response
}

/// Counts the call for the network that it comes from.
async fn knocked(server: &Server, request: Request) -> (Request, Admission, Result<(), Failure>) {
    let (mut parts, body) = request.into_parts();
    let (admission, knocked) = Admission::knock(&mut parts, server).await;
    parts.extensions.insert(admission.clone());
    (Request::from_parts(parts, body), admission, knocked)
}

/// Runs what may write in a task of its own: a client that goes away between a
/// commit and the wake-up must not keep the others from hearing of it.
async fn to_its_end(server: &Server, network: &str, request: Request, next: Next) -> Response {
    let changes = &server.flood.changes;
    let seats = (
        changes.take(EVERYBODY, CHANGES),
        changes.take(network, CHANGES_OF_A_NETWORK),
    );
    let (Some(all), Some(own)) = seats else {
        server.metrics.refused("changes");
        let why = "too much is being changed at once; nothing was changed, try again";
        let busy = Failure::new(ProblemCode::Unavailable, why).retry_after(1);
        return busy.into_response();
    };
    let running = async move {
        let _seats = (all, own);
        next.run(request).await
    };
    let running = running.in_current_span();
    let ran = match telemetry::current() {
        Some(call) => tokio::spawn(telemetry::CALL.scope(call, running)).await,
        None => tokio::spawn(running).await,
    };
    match ran {
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
