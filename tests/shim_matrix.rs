//! Which tool a shim runs, and that each command is judged once it meets one:
//! whatever PATH, links, copies, version managers and other gates do.

#[path = "live/agent.rs"]
#[expect(dead_code, reason = "what is asked here is approved at once")]
mod agent;
#[path = "shim_matrix/approved.rs"]
mod approved;
#[path = "shim_matrix/bare.rs"]
mod bare;
#[path = "shim_matrix/found.rs"]
mod found;
#[path = "shim_matrix/ground.rs"]
mod ground;
#[path = "live/namespace.rs"]
#[expect(
    dead_code,
    reason = "no other user's files are looked at in these tests"
)]
mod namespace;
#[path = "shim_matrix/nested.rs"]
mod nested;
#[path = "shim_matrix/rebuilt.rs"]
mod rebuilt;
#[expect(
    dead_code,
    reason = "what people at the server are told is not looked at here"
)]
#[path = "live/server.rs"]
mod server;
#[expect(dead_code, reason = "the tools here note their calls in a file")]
#[path = "shims/stage.rs"]
mod stage;
#[path = "shim_matrix/versions.rs"]
mod versions;
