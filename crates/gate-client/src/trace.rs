//! The trace of this process: every call to a server is a span of it, so that what one `gate run`
//! asked, waited for, claimed and reported is seen together.

use std::sync::OnceLock;

use gate_protocol::trace::TraceParent;
use reqwest::header::HeaderValue;

/// Returns the header of the next call; none where the system has no random bytes, which is no
/// reason not to call.
pub(crate) fn next() -> Option<HeaderValue> {
    static TRACE: OnceLock<Option<TraceParent>> = OnceLock::new();
    let trace = *TRACE.get_or_init(|| TraceParent::begin().ok());
    HeaderValue::from_str(&trace?.next().ok()?.to_string()).ok()
}
