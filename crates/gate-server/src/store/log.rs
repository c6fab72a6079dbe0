//! The audit log's rows: records byte for byte, the head, the checkpoints.

use gate_protocol::canonical::Digest;
use gate_protocol::log::{AuditRecord, Frontier, KeptPayload};
use jiff::Timestamp;

use super::columns::{count, get, integer, json, parse, text, time};
use super::sql::{Row, Value, insert_rows, query};
use super::{Connection, StoreError, payloads};

/// What the next record follows from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) prev: Option<Digest>,
    pub(crate) tree: Frontier,
}

/// Returns the head; that of the empty log where nothing was appended.
pub(crate) async fn head(connection: &mut Connection) -> Result<Head, StoreError> {
    read_head(connection, "SELECT prev, frontier FROM log_head").await
}

/// Returns the head for who is to append to it, in a database that others share. Its row is locked
/// until the change is over: the writer's lock keeps others away already, unless the database only
/// seems to have such locks, as some that speak `PostgreSQL`'s protocol do.
pub(crate) async fn head_to_append(connection: &mut Connection) -> Result<Head, StoreError> {
    read_head(connection, "SELECT prev, frontier FROM log_head FOR UPDATE").await
}

async fn read_head(connection: &mut Connection, text: &'static str) -> Result<Head, StoreError> {
    let row = query(text).fetch_optional(connection).await?;
    let Some(row) = row else {
        return Ok(Head::default());
    };
    Ok(Head {
        prev: Some(parse(&row, "prev")?),
        tree: json(&row, "frontier")?,
    })
}

/// Returns the index of the first record whose body is here; those before it were archived.
pub(crate) async fn pruned(connection: &mut Connection) -> Result<u64, StoreError> {
    let row = query("SELECT pruned FROM log_head")
        .fetch_optional(connection)
        .await?;
    row.map_or(Ok(0), |row| count(&row, "pruned"))
}

/// A record that is made and not stored yet.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) record: AuditRecord,
    pub(crate) leaf: Digest,
    /// What stands beside it, with whose it is.
    pub(crate) payload: Option<(KeptPayload, Option<String>)>,
}

/// Appends records, after which the head is `head`.
pub(crate) async fn append(
    connection: &mut Connection,
    pending: &[Pending],
    head: &Head,
) -> Result<(), StoreError> {
    let (Some(prev), false) = (head.prev, pending.is_empty()) else {
        return Ok(());
    };
    let row = |one: &Pending| -> [Value; 3] {
        [
            integer(one.record.seq()).into(),
            one.record.bytes().into(),
            one.leaf.as_bytes().as_slice().into(),
        ]
    };
    let insert = "INSERT INTO log_records (seq, record, leaf) VALUES";
    insert_rows(connection, insert, pending.iter().map(row).collect()).await?;
    for one in pending {
        if let Some((payload, owner)) = &one.payload {
            payloads::insert(connection, one.record.seq(), owner.as_deref(), payload).await?;
        }
    }
    query(
        "INSERT INTO log_head (one, prev, frontier) VALUES (1, ?, ?)
         ON CONFLICT (one) DO UPDATE SET prev = excluded.prev, frontier = excluded.frontier",
    )
    .bind(prev.to_string())
    .bind(text(&head.tree, "frontier")?)
    .execute(connection)
    .await?;
    Ok(())
}

/// A page ends once it has this many bytes; the first record always fits, so a
/// reader gets on.
const PAGE_BYTES: u64 = 4 << 20;

/// Returns at most `limit` records from index `from` on, as text: a record is JSON.
/// Fewer where they are large, with what stands beside them; of what does not fit only
/// the sizes are read.
pub(crate) async fn page(
    connection: &mut Connection,
    from: u64,
    limit: u64,
) -> Result<Vec<String>, StoreError> {
    let rows = query(
        "WITH sizes AS (
           SELECT log_records.seq, octet_length(record) + coalesce(octet_length(parts), 0) AS bytes
           FROM log_records LEFT JOIN log_payloads ON log_payloads.seq = log_records.seq
           WHERE log_records.seq >= ?1 ORDER BY log_records.seq LIMIT ?2),
         places AS (
           SELECT seq, sum(bytes) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) - bytes AS before
           FROM sizes)
         SELECT log_records.record FROM places JOIN log_records ON log_records.seq = places.seq
         WHERE places.before < ?3 ORDER BY log_records.seq",
    )
    .bind(integer(from))
    .bind(integer(limit))
    .bind(integer(PAGE_BYTES))
    .fetch_all(connection)
    .await?;
    rows.iter().map(text_of).collect()
}

fn text_of(row: &Row) -> Result<String, StoreError> {
    String::from_utf8(get(row, "record")?).map_err(|_| StoreError::Unreadable { what: "record" })
}

/// Which records are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct WantedRecords {
    /// Only those of this type.
    pub(crate) record_type: Option<String>,
    /// Only those that tell of this request.
    pub(crate) request: Option<String>,
    /// Only those below this index.
    pub(crate) before: Option<u64>,
    /// The most of one page.
    pub(crate) limit: u64,
}

/// Returns records as text, newest first.
pub(crate) async fn search(
    connection: &mut Connection,
    wanted: &WantedRecords,
) -> Result<Vec<String>, StoreError> {
    let mut query = query(
        "SELECT record FROM log_records
         WHERE seq >= coalesce((SELECT pruned FROM log_head), 0)",
    );
    let record_text = connection.record_text();
    if let Some(record_type) = &wanted.record_type {
        query.push(" AND json_extract(").push(record_text);
        query.push(", '$.type') = ");
        query.push_bind(record_type);
    }
    if let Some(request) = &wanted.request {
        query.push(" AND json_extract(").push(record_text);
        query.push(", '$.body.request') = ");
        query.push_bind(request);
    }
    if let Some(before) = wanted.before {
        query.push(" AND seq < ").push_bind(integer(before));
    }
    query.push(" ORDER BY seq DESC LIMIT ");
    query.push_bind(integer(wanted.limit));
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(text_of).collect()
}

/// Returns the size of the last checkpoint; 0 where there is none.
pub(crate) async fn checkpointed(connection: &mut Connection) -> Result<u64, StoreError> {
    let row = query("SELECT coalesce(max(size), 0) AS size FROM log_checkpoints")
        .fetch_one(connection)
        .await?;
    count(&row, "size")
}

/// Returns the size of the last checkpoint and when it was signed.
pub(crate) async fn last_checkpoint(
    connection: &mut Connection,
) -> Result<Option<(u64, Timestamp)>, StoreError> {
    let row = query("SELECT size, at FROM log_checkpoints ORDER BY size DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((count(&row, "size")?, time(&row, "at")?)))
        .transpose()
}

/// Stores a checkpoint.
pub(crate) async fn insert_checkpoint(
    connection: &mut Connection,
    size: u64,
    note: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("INSERT INTO log_checkpoints (size, note, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(integer(size))
        .bind(note)
        .bind(now.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}
