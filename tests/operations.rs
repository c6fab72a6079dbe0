//! Running a server for years: copies and the way back, another database, what watches it, its log,
//! its keys. docs/operations.md.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "operations/backup.rs"]
mod backup;
#[path = "operations/cut_off.rs"]
mod cut_off;
#[path = "operations/guarded.rs"]
mod guarded;
#[path = "operations/http.rs"]
mod http;
#[path = "operations/moved.rs"]
mod moved;
#[expect(dead_code, reason = "other tests hide files")]
#[path = "live/namespace.rs"]
mod namespace;
#[path = "operations/resealed.rs"]
mod resealed;
#[path = "operations/rotated.rs"]
mod rotated;
#[path = "operations/stage.rs"]
mod stage;
#[path = "operations/traced.rs"]
mod traced;
#[path = "operations/watched.rs"]
mod watched;
