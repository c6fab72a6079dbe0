//! The folder with its modes, and how many descriptors there can be.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::Finding;
use crate::metrics::most_descriptors;
use crate::settings::Settings;

/// Descriptors beside those of connections: the store, channels, the log.
const BESIDE: u64 = 200;

/// What only the owner may read.
const PRIVATE: [&str; 6] = [
    "gate.db",
    "gate.db-wal",
    "gate.db-shm",
    "grant.key",
    "log.key",
    "channels.key",
];

/// Looks at the data folder and what is in it.
pub(super) fn folder(dir: &Path) -> Vec<Finding> {
    let shown = dir.display();
    let Ok(metadata) = std::fs::metadata(dir) else {
        let said = format!("`{shown}` is not there");
        let mend = "make the server with `gate server init`, or name its folder with --data";
        return vec![Finding::fail("folder", said, mend)];
    };
    let mut findings = Vec::new();
    let mode = metadata.permissions().mode() & 0o777;
    findings.push(if mode & 0o700 == mode {
        Finding::ok("folder", format!("`{shown}` is its owner's alone"))
    } else {
        let said = format!("`{shown}` is open to others (mode {mode:03o})");
        Finding::fail("folder", said, format!("chmod 700 {shown}"))
    });
    let mut open = Vec::new();
    for name in PRIVATE {
        let path = dir.join(name);
        let Ok(file) = std::fs::metadata(&path) else {
            continue;
        };
        if file.permissions().mode() & 0o077 != 0 {
            open.push((name, "chmod 600"));
        } else if file.uid() != metadata.uid() {
            open.push((name, "chown it to the folder's owner:"));
        }
    }
    findings.push(match open.first() {
        None => Finding::ok("files", "keys and database are their owner's alone"),
        Some((name, mend)) => {
            let names: Vec<&str> = open.iter().map(|(name, _)| *name).collect();
            let said = format!("others can read, or own, {}", names.join(", "));
            Finding::fail(
                "files",
                said,
                format!("{mend} {}", dir.join(name).display()),
            )
        }
    });
    findings
}

/// Looks whether as many connections as the settings allow can be open.
pub(super) fn descriptors(settings: &Settings) -> Finding {
    let wanted = u64::from(settings.operations.max_connections) + BESIDE;
    let name = "descriptors";
    match most_descriptors() {
        None => Finding::ok(name, "as many as there are"),
        Some(most) if most >= wanted => Finding::ok(name, format!("{most} can be open")),
        Some(most) => Finding::warn(
            name,
            format!(
                "{most} can be open for what is started from here, and {} connections need {wanted}",
                settings.operations.max_connections
            ),
            format!(
                "start the server with a higher limit (LimitNOFILE={wanted} in its unit, \
                 `ulimit -n` in a shell), or set `max_connections` lower"
            ),
        ),
    }
}
