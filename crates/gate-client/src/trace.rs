//! The trace of this process: every call to a server is of its span, so that what one `gate run`
//! asked, waited for, claimed and reported is seen together.

use std::sync::OnceLock;

use gate_protocol::trace::TraceParent;
use reqwest::header::HeaderValue;

static SPAN: OnceLock<Option<TraceParent>> = OnceLock::new();

/// Returns the span of this process, which begins a trace with the first call that needs one; none
/// where the system has no random bytes.
pub fn own_span() -> Option<TraceParent> {
    *SPAN.get_or_init(|| TraceParent::begin().ok())
}

/// Makes the span of this process one of somebody else's trace, and tells whether it was in time: a
/// process that has called already has a trace of its own.
pub fn join_trace(of: TraceParent) -> bool {
    of.next().is_ok_and(|span| SPAN.set(Some(span)).is_ok())
}

/// Returns the header of a call; none where there is no span, which is no reason not to call.
pub(crate) fn header() -> Option<HeaderValue> {
    HeaderValue::from_str(&own_span()?.to_string()).ok()
}
