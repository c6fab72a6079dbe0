//! Bad input gets a clear error and never a panic: flags, URLs, tokens, files,
//! and bodies.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

#[path = "bad_input/bodies.rs"]
mod bodies;
#[path = "bad_input/command_line.rs"]
mod command_line;
#[path = "bad_input/files.rs"]
mod files;
#[expect(dead_code, reason = "other tests speak for the server too")]
#[path = "fail_closed/http.rs"]
mod http;
#[path = "bad_input/rules.rs"]
mod rules;
#[expect(dead_code, reason = "other tests on this stage use the rest of it")]
#[path = "fail_closed/stage.rs"]
mod stage;
#[path = "bad_input/tokens.rs"]
mod tokens;
