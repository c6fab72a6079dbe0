//! The traces that requests came with.

use super::columns::parse;
use super::sql::query;
use super::{Connection, StoreError};
use gate_protocol::id::RequestId;
use gate_protocol::trace::TraceParent;

/// Keeps the trace of a new request.
pub(crate) async fn put(
    connection: &mut Connection,
    request: &str,
    trace: TraceParent,
) -> Result<(), StoreError> {
    query("INSERT INTO request_traces (request, traceparent) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(request)
        .bind(trace.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the trace of a request, where it is known.
pub(crate) async fn find(
    connection: &mut Connection,
    request: RequestId,
) -> Result<Option<TraceParent>, StoreError> {
    let row = query("SELECT traceparent FROM request_traces WHERE request = ?")
        .bind(request.to_string())
        .fetch_optional(connection)
        .await?;
    row.map(|row| parse(&row, "traceparent")).transpose()
}
