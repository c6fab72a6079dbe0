//! The shim's own words on stderr: only where not even the full gate can be started.

use std::io::Write as _;

/// Writes one line behind `gate: `, as everything that is gate's begins.
pub(crate) fn line(text: &str) {
    // Nobody is left to tell that stderr is closed.
    drop(writeln!(std::io::stderr(), "gate: {text}"));
}
