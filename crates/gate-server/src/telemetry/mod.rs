//! Spans for a collector of `OpenTelemetry`: each call is one, and so is each record about a request,
//! in the trace that the request came with. What is sent names ids, paths and words of ours, and
//! never what a command, a reason or a header holds.

mod export;
mod otlp;
mod records;

use std::time::SystemTime;

use gate_protocol::trace::TraceParent;
use tokio::sync::mpsc;

pub(crate) use export::Collector;
pub use export::CollectorError;
pub(crate) use records::RecordSpans;

use crate::metrics::Metrics;

/// How many spans wait to be sent. One more is lost, and counted.
const MOST: usize = 8_192;

tokio::task_local! {
    /// The call that is being answered.
    pub(crate) static CALL: TraceParent;
}

/// Returns the call that is being answered, if one is.
pub(crate) fn current() -> Option<TraceParent> {
    CALL.try_with(|call| *call).ok()
}

/// What a span is about, in the numbers of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpanKind {
    Internal = 1,
    Server = 2,
}

/// Something that took time.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) own: TraceParent,
    /// The span that it comes from.
    pub(crate) parent: Option<TraceParent>,
    /// A span of another trace that it belongs to as well.
    pub(crate) link: Option<TraceParent>,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) begun: SystemTime,
    pub(crate) ended: SystemTime,
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
    pub(crate) has_failed: bool,
}

/// The value of an attribute.
#[derive(Clone, Debug)]
pub(crate) enum Attribute {
    Text(String),
    Number(u64),
}

/// Takes spans for the collector, if there is one. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Telemetry(Option<mpsc::Sender<Span>>);

/// The spans that were taken and not sent yet.
pub(crate) type Waiting = mpsc::Receiver<Span>;

impl Telemetry {
    /// Returns one whose spans are sent by whoever has the other half.
    pub(crate) fn new() -> (Self, Waiting) {
        let (sender, waiting) = mpsc::channel(MOST);
        (Self(Some(sender)), waiting)
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Takes a span; one that there is no room for is counted, and nobody waits for it.
    pub(crate) fn take(&self, span: Span, metrics: &Metrics) {
        if let Some(sender) = &self.0
            && sender.try_send(span).is_err()
        {
            metrics.span("lost");
        }
    }
}
