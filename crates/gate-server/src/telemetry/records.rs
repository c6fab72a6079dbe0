//! What happened to a request, as spans of the trace that the request came with, whoever did it: so
//! the question, the answer, the claim and the run are seen together.

use std::time::SystemTime;

use gate_protocol::id::RequestId;
use gate_protocol::log::RecordType;
use gate_protocol::trace::TraceParent;
use serde_json::Value;

use super::{Attribute, Span, SpanKind, current};
use crate::state::Server;
use crate::store::{Connection, StoreError, traces};

/// The records of one change that are about a request.
#[derive(Debug)]
pub(crate) struct RecordSpans {
    begun: SystemTime,
    spans: Vec<Span>,
}

impl RecordSpans {
    /// Finds the trace of each record, before the change is committed.
    pub(crate) async fn of(
        connection: &mut Connection,
        begun: SystemTime,
        recorded: &[(RecordType, Value)],
    ) -> Result<Self, StoreError> {
        let mut spans = Vec::new();
        for (record_type, body) in recorded {
            let text = |name: &str| body.get(name).and_then(Value::as_str);
            let Some(id) = text("request").and_then(|id| id.parse::<RequestId>().ok()) else {
                continue;
            };
            if *record_type == RecordType::RequestCreated
                && let Some(call) = current()
            {
                traces::put(connection, &id.to_string(), call).await?;
            }
            let Some(trace) = traces::find(connection, id).await? else {
                continue;
            };
            let mut attributes = vec![("gate.request", Attribute::Text(id.to_string()))];
            let answer = text("answer").map(str::to_owned);
            attributes.extend(answer.map(|answer| ("gate.answer", Attribute::Text(answer))));
            spans.extend(span(trace, begun, (record_type, attributes)));
        }
        Ok(Self { begun, spans })
    }

    /// Sends them, once the change is committed.
    pub(crate) fn send(self, server: &Server) {
        let ended = SystemTime::now().max(self.begun);
        for span in self.spans {
            server
                .telemetry
                .take(Span { ended, ..span }, &server.metrics);
        }
    }
}

fn span(
    trace: TraceParent,
    begun: SystemTime,
    (record_type, attributes): (&RecordType, Vec<(&'static str, Attribute)>),
) -> Option<Span> {
    // Under the call that did it, where that is of the same trace; else beside a link to it.
    let call = current();
    let within = call.filter(|call| call.is_of(&trace));
    Some(Span {
        own: trace.next().ok()?,
        parent: Some(within.unwrap_or(trace)),
        link: call.filter(|call| !call.is_of(&trace)),
        name: record_type.as_str().to_owned(),
        kind: SpanKind::Internal,
        begun,
        ended: begun,
        attributes,
        has_failed: false,
    })
}
