//! The target `argv`; its body is one of the ordinary tests, too. `GATE_FUZZ_TOOL` holds it to
//! one tool.
#![no_main]

#[path = "../../crates/gate-policy/tests/fuzz/bodies.rs"]
#[expect(dead_code, reason = "each target uses one of the bodies")]
mod bodies;

use std::ffi::OsString;
use std::sync::LazyLock;

static TOOL: LazyLock<Option<OsString>> = LazyLock::new(|| std::env::var_os("GATE_FUZZ_TOOL"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::argv_of(bytes, TOOL.as_deref()));
