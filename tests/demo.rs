//! `gate demo` with the real binary: it plays with whatever tool is here, ends
//! with 0 only if every step held, opens a shell, and leaves nothing behind.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

#[path = "demo/managed.rs"]
mod managed;
#[expect(
    dead_code,
    reason = "the tests of files that decide use the rest of it"
)]
#[path = "live/namespace.rs"]
mod namespace;
#[path = "demo/played.rs"]
mod played;
#[path = "demo/shell.rs"]
mod shell;
#[path = "demo/stage.rs"]
mod stage;
