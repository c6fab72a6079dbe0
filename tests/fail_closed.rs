//! Unreachable, slow, garbled, expired, replayed, wrong digest, wrong key, stale
//! or unreadable rules: all mean no. In every case the tool never starts, the
//! exit code is the documented one, and the message says what to do.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

#[path = "fail_closed/answers.rs"]
mod answers;
#[path = "fail_closed/grants.rs"]
mod grants;
#[path = "fail_closed/http.rs"]
mod http;
#[path = "live/namespace.rs"]
mod namespace;
#[path = "fail_closed/policy.rs"]
mod policy;
#[expect(dead_code, reason = "the kill points use the rest of it")]
#[path = "fail_closed/proxy.rs"]
mod proxy;
#[path = "fail_closed/queue.rs"]
mod queue;
#[path = "fail_closed/reserve.rs"]
mod reserve;
#[expect(dead_code, reason = "the other tests on this stage use the rest of it")]
#[path = "fail_closed/stage.rs"]
mod stage;
