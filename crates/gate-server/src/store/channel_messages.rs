//! Where the message of each request stands in each chat, and which callbacks
//! were taken.

use gate_protocol::id::RequestId;
use jiff::Timestamp;

use super::columns::{count, get, integer, parse};
use super::sql::{Row, query};
use super::{Connection, StoreError};

/// A message in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChatMessage {
    pub(crate) request: RequestId,
    /// Where it stands.
    pub(crate) conversation: String,
    /// Its id there.
    pub(crate) message: String,
    /// The request's version that it shows.
    pub(crate) version: u64,
    /// The status that its thread was told last.
    pub(crate) told: String,
}

fn message(row: &Row) -> Result<ChatMessage, StoreError> {
    Ok(ChatMessage {
        request: parse(row, "request")?,
        conversation: get(row, "conversation")?,
        message: get(row, "message")?,
        version: count(row, "version")?,
        told: get(row, "told")?,
    })
}

/// Returns the message of a request.
pub(crate) async fn find(
    connection: &mut Connection,
    channel: &str,
    request: RequestId,
) -> Result<Option<ChatMessage>, StoreError> {
    let row = query("SELECT * FROM channel_messages WHERE channel = ? AND request = ?")
        .bind(channel)
        .bind(request.to_string())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(message).transpose()
}

/// Returns the message that stands at a place.
pub(crate) async fn at(
    connection: &mut Connection,
    channel: &str,
    conversation: &str,
    id: &str,
) -> Result<Option<ChatMessage>, StoreError> {
    let row = query(
        "SELECT * FROM channel_messages WHERE channel = ? AND conversation = ? AND message = ?",
    )
    .bind(channel)
    .bind(conversation)
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(message).transpose()
}

/// Stores where a message stands and what it shows now.
pub(crate) async fn put(
    connection: &mut Connection,
    channel: &str,
    message: &ChatMessage,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO channel_messages (channel, request, conversation, message, version, told)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (channel, request) DO UPDATE SET conversation = excluded.conversation,
           message = excluded.message, version = excluded.version, told = excluded.told",
    )
    .bind(channel)
    .bind(message.request.to_string())
    .bind(&message.conversation)
    .bind(&message.message)
    .bind(integer(message.version))
    .bind(&message.told)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a callback; false where it was taken before.
pub(crate) async fn take_callback(
    connection: &mut Connection,
    hash: &[u8],
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let done =
        query("INSERT INTO used_callbacks (hash, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(hash)
            .bind(expires_at.as_millisecond())
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a callback back that was taken and not carried out.
pub(crate) async fn give_callback_back(
    connection: &mut Connection,
    hash: &[u8],
) -> Result<(), StoreError> {
    query("DELETE FROM used_callbacks WHERE hash = ?")
        .bind(hash)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets the callbacks that are too old to be taken at all.
pub(crate) async fn forget_callbacks(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("DELETE FROM used_callbacks WHERE expires_at <= ?")
        .bind(now.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}
