//! Bytes that nobody can change, and inputs that cannot become such.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail by panic"
)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::symlink;
use std::path::Path;

use gate_exec::{Fingerprint, Snapshot, SnapshotError};

const CAP: u64 = 1 << 20;

/// Returns a snapshot of a file with these bytes, which is gone already.
fn sealed(bytes: &[u8]) -> Snapshot {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    Snapshot::of_path(file.path(), CAP).unwrap()
}

fn bytes_of(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot.reader().read_to_end(&mut bytes).unwrap();
    bytes
}

/// The name under which this process can open a snapshot.
fn path_of(snapshot: &Snapshot) -> std::path::PathBuf {
    format!("/proc/self/fd/{}", snapshot.as_fd().as_raw_fd()).into()
}

#[test]
fn a_duplicate_has_a_number_that_no_program_expects_to_be_free() {
    let snapshot = sealed(b"sealed");
    let other = snapshot.duplicate().unwrap();
    assert!(other.as_raw_fd() >= 100);
    let path = format!("/proc/self/fd/{}", other.as_raw_fd());
    assert_eq!(fs::read(path).unwrap(), b"sealed");
}

#[test]
fn a_snapshot_keeps_its_bytes_when_the_file_is_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    fs::write(&path, b"approved").unwrap();
    let snapshot = Snapshot::of_path(&path, CAP).unwrap();
    assert_eq!(
        snapshot.source(),
        Some(&Fingerprint::of_path(&path).unwrap())
    );
    fs::write(&path, b"something else").unwrap();
    assert_eq!(bytes_of(&snapshot), b"approved");
    assert_eq!(fs::read(path_of(&snapshot)).unwrap(), b"approved");
    assert_eq!(snapshot.size_bytes(), 8);
}

#[test]
fn nobody_can_write_to_a_snapshot() {
    let snapshot = sealed(b"sealed");
    assert!(
        File::options()
            .append(true)
            .open(path_of(&snapshot))
            .is_err_and(|error| { error.kind() == std::io::ErrorKind::PermissionDenied })
            || {
                let mut file = File::options()
                    .write(true)
                    .open(path_of(&snapshot))
                    .unwrap();
                file.write_all(b"x").is_err()
                    && file.set_len(0).is_err()
                    && file.set_len(9).is_err()
            }
    );
    assert_eq!(bytes_of(&snapshot), b"sealed");
}

#[test]
fn a_snapshot_stands_above_the_descriptors_of_shell_scripts() {
    let snapshot = sealed(b"");
    assert!(snapshot.as_fd().as_raw_fd() >= 100);
    assert_eq!(bytes_of(&snapshot), b"");
}

#[test]
fn a_link_is_followed_to_its_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("input"), b"x").unwrap();
    symlink("input", folder.path().join("link")).unwrap();
    let snapshot = Snapshot::of_path(&folder.path().join("link"), CAP).unwrap();
    let file = Fingerprint::of_path(&folder.path().join("input")).unwrap();
    assert_eq!(snapshot.source(), Some(&file));
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (path, expected) in [
        (fifo.as_path(), "pipe"),
        (folder.path(), "directory"),
        (Path::new("/dev/null"), "device"),
    ] {
        match Snapshot::of_path(path, CAP).unwrap_err() {
            SnapshotError::NotRegular { kind, .. } => assert_eq!(kind, expected),
            other => panic!("{other:?}"),
        }
    }
    let missing = Snapshot::of_path(&folder.path().join("missing"), CAP).unwrap_err();
    assert!(matches!(missing, SnapshotError::Unreadable { .. }));
}

#[test]
fn the_cap_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    fs::write(&path, [0; 100]).unwrap();
    assert_eq!(Snapshot::of_path(&path, 100).unwrap().size_bytes(), 100);
    let error = Snapshot::of_path(&path, 99).unwrap_err();
    assert!(matches!(
        error,
        SnapshotError::TooLarge { cap_bytes: 99, .. }
    ));
    let file = File::open(&path).unwrap();
    let error = Snapshot::of_stream(file.as_fd(), &path, 99).unwrap_err();
    assert!(matches!(error, SnapshotError::TooLarge { .. }));
}

/// Files of `/proc` claim no size and have bytes all the same: what was hashed would not be all.
#[test]
fn a_file_whose_size_is_not_what_was_read_is_refused() {
    let error = Snapshot::of_path(Path::new("/proc/self/status"), CAP).unwrap_err();
    assert!(matches!(error, SnapshotError::Changed { .. }), "{error:?}");
}

#[test]
fn a_stream_is_read_to_its_end() {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let sent: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let snapshot = std::thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&sent).unwrap();
            drop(writer);
        });
        Snapshot::of_stream(reader.as_fd(), Path::new("/dev/stdin"), CAP).unwrap()
    });
    assert_eq!(bytes_of(&snapshot), sent);
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}
