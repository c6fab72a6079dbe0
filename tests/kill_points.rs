//! kill -9 of client and server at each step: at most one run, and afterwards
//! the log says what happened, or `unknown`.
//!
//! A proxy stops client and server at exact points, and a FIFO stops the tool;
//! nothing is timed. `GATE_KILL_ROUNDS` says how often each point is tried.
#![expect(
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

#[path = "kill_points/client.rs"]
mod client;
#[expect(dead_code, reason = "other tests answer too")]
#[path = "fail_closed/http.rs"]
mod http;
#[path = "kill_points/interrupted.rs"]
mod interrupted;
#[path = "kill_points/many.rs"]
mod many;
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
