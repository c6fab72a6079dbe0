//! kill -9 of client and server at each step: at most one run, and afterwards
//! the log says what happened, or `unknown`.
//!
//! A proxy stops client and server at exact points, a FIFO stops the tool, and `strace` kills at a
//! system call; nothing is timed. `GATE_TEST_ROUNDS` says how often each point is tried; with it,
//! none of the system calls is left out.
#![expect(
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

#[path = "kill_points/anywhere.rs"]
mod anywhere;
#[path = "kill_points/calls.rs"]
mod calls;
#[path = "kill_points/client.rs"]
mod client;
#[path = "kill_points/commits.rs"]
mod commits;
#[expect(dead_code, reason = "other tests answer too")]
#[path = "fail_closed/http.rs"]
mod http;
#[path = "kill_points/interrupted.rs"]
mod interrupted;
#[path = "kill_points/many.rs"]
mod many;
#[path = "kill_points/on_postgres.rs"]
mod on_postgres;
#[path = "kill_points/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "other tests on this proxy use the rest of it")]
#[path = "fail_closed/proxy.rs"]
mod proxy;
#[path = "kill_points/scene.rs"]
mod scene;
#[path = "kill_points/server.rs"]
mod server;
#[expect(dead_code, reason = "other tests on this stage use the rest of it")]
#[path = "fail_closed/stage.rs"]
mod stage;
#[path = "kill_points/story.rs"]
mod story;
