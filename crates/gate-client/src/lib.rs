//! Talks to the approval server: submit, wait, claim, deliver.
//!
//! This is the client's half of the `/v1` API, between "digest" and "verify
//! the grant" on the path of a command. Its one promise: whatever the server,
//! a proxy or the network does, the answer is either a well-formed message of
//! [`gate_protocol`] about the very thing that was asked, or an error. Slow,
//! endless, malformed, redirected and mistyped answers are errors, never an
//! approval. Whether an answer is *true* is not judged here: a grant is
//! verified against the pinned key by its receiver.
//!
//! Nothing comes from the environment: no proxy (`HTTPS_PROXY`), no trust roots
//! (`SSL_CERT_FILE`), no logging of session keys. The trust roots are those of
//! Mozilla as compiled in, and the certificates that the settings name.
//!
//! # Runtime
//! All functions are futures for the caller's tokio runtime, with its I/O and
//! time drivers enabled; one thread is enough, and this crate spawns none. A
//! [`Client`] belongs to the runtime it was first used in. `localhost` and IP
//! literals need no lookup; any other name is resolved by `getaddrinfo(3)` on
//! the runtime's blocking pool, so a caller that counts threads or memory
//! builds the runtime with `max_blocking_threads(1)` and a short
//! `thread_keep_alive`.
//!
//! # Clocks
//! No clock of the server is read: time left is `expires_in_seconds`, counted
//! with [`std::time::Instant`], which on Linux stands still while the machine
//! is suspended (`CLOCK_MONOTONIC`; `CLOCK_BOOTTIME` needs `unsafe` or `libc`).
//! After a suspend the client therefore waits longer than it had to, never
//! shorter, and the server says `expired` on the first poll.
#![forbid(unsafe_code)]

mod accounts;
mod admin;
mod audit;
mod backoff;
mod call;
mod channels;
mod client;
mod connection;
mod error;
mod forward;
mod page;
mod reply;
mod request;
mod server_url;
mod settings;
mod sign_in;
mod standing_grants;
mod tls;
mod token;
mod trace;
mod wait;

pub use admin::{Fetched, Put};
pub use audit::RecordRange;
pub use backoff::Backoff;
pub use client::{Client, Tagged};
pub use error::{Cause, ClientError, TlsFault};
pub use forward::{Destination, DestinationError, ForwardError, OtlpSender, SyslogSender};
pub use page::{Listed, Most};
pub use request::{ListQuery, Submitted};
pub use server_url::{ServerUrl, ServerUrlError};
pub use settings::{ClientSettings, SettingsError};
pub use sign_in::{JobTokenError, github_job_token};
pub use token::{IdempotencyKey, IdempotencyKeyError, Token, TokenError};
pub use trace::{join_trace, own_span};
pub use wait::{POLL_WAIT, WaitNotice};
