//! Terminals that wait to be signed in from a browser.

use jiff::Timestamp;

use super::columns::{count, get, integer, time, time_if_any};
use super::sql::{Row, query};
use super::{Connection, StoreError};
use crate::identity::TokenHash;

/// A terminal that is about to wait.
#[derive(Debug)]
pub(crate) struct NewDevice<'a> {
    pub(crate) device: TokenHash,
    pub(crate) user_code: TokenHash,
    pub(crate) host: &'a str,
    pub(crate) address: &'a str,
    pub(crate) agent: &'a str,
    pub(crate) interval_seconds: u64,
    pub(crate) expires_at: Timestamp,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceStatus {
    Pending,
    Approved,
    Denied,
    /// Its token was handed out.
    Used,
}

/// A terminal as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) status: DeviceStatus,
    pub(crate) principal: Option<String>,
    /// The token that signed in the browser that let it in, if one did.
    pub(crate) token: Option<String>,
    pub(crate) host: String,
    pub(crate) address: String,
    pub(crate) agent: String,
    pub(crate) asked_at: Timestamp,
    pub(crate) polled_at: Option<Timestamp>,
    pub(crate) interval_seconds: u64,
    pub(crate) expires_at: Timestamp,
}

fn device(row: &Row) -> Result<Device, StoreError> {
    let status = match get::<&str>(row, "status")? {
        "pending" => DeviceStatus::Pending,
        "approved" => DeviceStatus::Approved,
        "denied" => DeviceStatus::Denied,
        "used" => DeviceStatus::Used,
        _ => return Err(StoreError::Unreadable { what: "status" }),
    };
    Ok(Device {
        status,
        principal: get(row, "principal")?,
        token: get(row, "token")?,
        host: get(row, "host")?,
        address: get(row, "address")?,
        agent: get(row, "agent")?,
        asked_at: time(row, "asked_at")?,
        polled_at: time_if_any(row, "polled_at")?,
        interval_seconds: count(row, "interval_seconds")?,
        expires_at: time(row, "expires_at")?,
    })
}

/// Stores a terminal.
pub(crate) async fn insert(
    connection: &mut Connection,
    new: &NewDevice<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO device_codes (device, user_code, status, host, address, agent, asked_at,
           interval_seconds, expires_at)
         VALUES (?, ?, 'pending', ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.device.as_bytes())
    .bind(new.user_code.as_bytes())
    .bind(new.host)
    .bind(new.address)
    .bind(new.agent)
    .bind(now.as_millisecond())
    .bind(integer(new.interval_seconds))
    .bind(new.expires_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns how many terminals wait: of this address, and in all.
pub(crate) async fn waiting(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let rows = query(
        "SELECT address FROM device_codes
         WHERE status IN ('pending', 'approved') AND expires_at > ?",
    )
    .bind(now.as_millisecond())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| get(row, "address")).collect()
}

/// Returns the terminal of this code of its own.
pub(crate) async fn find(
    connection: &mut Connection,
    device_code: TokenHash,
) -> Result<Option<Device>, StoreError> {
    let row = query("SELECT * FROM device_codes WHERE device = ?")
        .bind(device_code.as_bytes())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(device).transpose()
}

/// Returns the terminal that shows this code, if it still waits.
pub(crate) async fn shown(
    connection: &mut Connection,
    user_code: TokenHash,
    now: Timestamp,
) -> Result<Option<Device>, StoreError> {
    let row = query(
        "SELECT * FROM device_codes
         WHERE user_code = ? AND status = 'pending' AND expires_at > ?",
    )
    .bind(user_code.as_bytes())
    .bind(now.as_millisecond())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(device).transpose()
}

/// Lets the terminal that shows this code act as `principal`, or refuses it where
/// there is none; false where it does not wait any more.
pub(crate) async fn answer(
    connection: &mut Connection,
    user_code: TokenHash,
    (principal, token): (Option<&str>, Option<&str>),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = query(
        "UPDATE device_codes SET principal = ?1, token = ?4,
           status = CASE WHEN ?1 IS NULL THEN 'denied' ELSE 'approved' END
         WHERE user_code = ?2 AND status = 'pending' AND expires_at > ?3",
    )
    .bind(principal)
    .bind(user_code.as_bytes())
    .bind(now.as_millisecond())
    .bind(token)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes down that a terminal asked, and how long it must wait from now on.
pub(crate) async fn polled(
    connection: &mut Connection,
    device_code: TokenHash,
    interval_seconds: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE device_codes SET polled_at = ?, interval_seconds = ? WHERE device = ?")
        .bind(now.as_millisecond())
        .bind(integer(interval_seconds))
        .bind(device_code.as_bytes())
        .execute(connection)
        .await?;
    Ok(())
}

/// Uses an approved code up; false where it is not approved any more.
pub(crate) async fn use_up(
    connection: &mut Connection,
    device_code: TokenHash,
) -> Result<bool, StoreError> {
    let done =
        query("UPDATE device_codes SET status = 'used' WHERE device = ? AND status = 'approved'")
            .bind(device_code.as_bytes())
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends what a principal let in and that was not handed out yet.
pub(crate) async fn remove_of(
    connection: &mut Connection,
    principal: &str,
) -> Result<(), StoreError> {
    query("DELETE FROM device_codes WHERE principal = ?")
        .bind(principal)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets the terminals whose time was over a while ago, so that one that asks
/// late is still told so.
pub(crate) async fn forget(
    connection: &mut Connection,
    before: Timestamp,
) -> Result<(), StoreError> {
    query("DELETE FROM device_codes WHERE expires_at <= ?")
        .bind(before.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}
