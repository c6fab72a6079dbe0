//! The target `shell`; its body is one of the ordinary tests, too.
#![no_main]

#[path = "../../crates/gate-policy/tests/fuzz/bodies.rs"]
#[expect(dead_code, reason = "each target uses one of the bodies")]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::shell(bytes));
