//! The shim as it is released.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds it, unless it is there already, and returns its path.
pub(crate) fn shim() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let built = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/shim"))
        .arg(env!("CARGO_BIN_EXE_gate"))
        .env("CARGO_TARGET_DIR", target)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{said}");
    PathBuf::from(String::from_utf8(built.stdout).unwrap().trim_end())
}
