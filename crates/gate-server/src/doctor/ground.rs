//! The folder with its modes, and how many descriptors there can be.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::Finding;
use crate::metrics::most_descriptors;
use crate::settings::Settings;

/// Descriptors beside those of connections: the store, channels, the log.
const BESIDE: u64 = 200;

/// With so little free a start or a backup of a small server fails.
const FULL_BYTES: u64 = 10 << 20;
/// Somebody should make room.
const SCARCE_BYTES: u64 = 100 << 20;
/// The same, where it is the last twentieth of a disk.
const LITTLE_BYTES: u64 = 5 << 30;

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

/// Looks whether there is room for what the server writes.
pub(super) fn room(dir: &Path) -> Option<Finding> {
    // Some that are no disks say that they have nothing at all.
    let found = statvfs(dir).ok().filter(|found| found.blocks() > 0)?;
    let block = found.fragment_size();
    let free = found.blocks_available().saturating_mul(block);
    let whole = found.blocks().saturating_mul(block);
    Some(room_of(free, whole, dir))
}

fn room_of(free: u64, whole: u64, dir: &Path) -> Finding {
    let name = "disk";
    let said = format!("{} MiB of {} MiB are free", free >> 20, whole >> 20);
    let mend = format!(
        "make room where {} is: a server that can't write changes nothing, and does not start again",
        dir.display()
    );
    let is_scarce = free < SCARCE_BYTES || (free < LITTLE_BYTES && free < whole / 20);
    if free < FULL_BYTES {
        Finding::fail(name, said, mend)
    } else if is_scarce {
        Finding::warn(name, said, mend)
    } else {
        Finding::ok(name, said)
    }
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

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_disk_that_is_nearly_full_is_told_before_it_is() {
        let state = |free_mib: u64, whole_mib: u64| {
            room_of(free_mib << 20, whole_mib << 20, Path::new("/data")).state
        };
        assert_eq!(state(50_000, 100_000), State::Ok);
        // Of a large disk a twentieth is enough for long.
        assert_eq!(state(50_000, 2_000_000), State::Ok);
        assert_eq!(state(200, 1_000), State::Ok);
        assert_eq!(state(2_000, 100_000), State::Warn);
        assert_eq!(state(99, 1_000), State::Warn);
        assert_eq!(state(1, 4), State::Fail);
        let here = room(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(here.said.ends_with("are free"), "{here:?}");
    }
}
