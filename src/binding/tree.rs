//! The hash of a folder: names, kinds and contents of everything in it.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use gate_protocol::canonical::Digest;
use sha2::{Digest as _, Sha256};

/// The most entries that are hashed.
const ENTRY_LIMIT: usize = 50_000;
/// The most content that is hashed, in bytes.
const CONTENT_LIMIT_BYTES: u64 = 2 << 30;
/// Folders of tools that never read them as input.
const SKIPPED: [&str; 1] = [".git"];

/// Returns what stands for a file or folder that is not there.
pub(super) fn absent() -> Digest {
    Digest::of_bytes(b"absent")
}

/// Returns one hash over a folder, a single file, or the absence of both, and
/// the bytes of content that it covers. A symbolic link counts by where it points.
///
/// # Errors
/// Something in it can't be read, is neither file, folder nor link, or there is
/// too much of it.
pub(super) fn hash(root: &Path) -> io::Result<(Digest, u64)> {
    let mut hasher = Sha256::new();
    let mut size_bytes = 0;
    let mut entries = 0;
    let mut waiting = vec![PathBuf::new()];
    while let Some(relative) = waiting.pop() {
        entries += 1;
        if entries > ENTRY_LIMIT {
            return Err(too_much(format!(
                "it holds more than {ENTRY_LIMIT} entries"
            )));
        }
        // The root may be a link to the folder; below it a link is a link.
        let is_root = relative.as_os_str().is_empty();
        let (path, metadata) = if is_root {
            // Not joined with nothing: a slash at its end would make a file no file.
            let path = root.to_owned();
            match path.metadata() {
                // That it is not there is bound too.
                Err(error) if is_absence(&error) => {
                    return Ok((absent(), 0));
                }
                found => (path, found?),
            }
        } else {
            let path = root.join(&relative);
            let metadata = path.symlink_metadata()?;
            (path, metadata)
        };
        let (kind, content) = if metadata.is_dir() {
            waiting.extend(children(&path, &relative)?);
            (b'd', Vec::new())
        } else if metadata.is_symlink() {
            (b'l', path.read_link()?.as_os_str().as_bytes().to_vec())
        } else if metadata.is_file() {
            let (digest, length) = super::hash(File::open(&path)?)?;
            size_bytes += length;
            (b'f', digest.as_bytes().to_vec())
        } else if is_root && is_null_device(&metadata) {
            (b'n', Vec::new())
        } else {
            return Err(too_much(format!("`{}` is not a file", relative.display())));
        };
        if size_bytes > CONTENT_LIMIT_BYTES {
            return Err(too_much(format!(
                "it holds more than {} GiB",
                CONTENT_LIMIT_BYTES >> 30
            )));
        }
        // Lengths first, so that no two trees give the same bytes.
        for part in [&[kind], relative.as_os_str().as_bytes(), content.as_slice()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    Ok((Digest::from_bytes(hasher.finalize().into()), size_bytes))
}

/// Returns what stands in a folder, last name first, as a stack wants it.
fn children(folder: &Path, relative: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        if !SKIPPED.iter().any(|skipped| name == *skipped) {
            names.push(relative.join(name));
        }
    }
    names.sort_by(|a, b| b.cmp(a));
    Ok(names)
}

/// Tells whether there is nothing of that name; below a file there never is.
fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Tells whether it is `/dev/null`, by which settings are said to be empty:
/// null(4), character device 1:3.
fn is_null_device(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == nix::sys::stat::makedev(1, 3)
}

fn too_much(why: String) -> io::Error {
    io::Error::other(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_that_a_tool_could_see_changes_the_hash() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("d")).unwrap();
        std::fs::write(at("d/a"), b"1").unwrap();
        let mut seen = vec![hash(folder.path()).unwrap().0];
        let mut differs = |what: &str| {
            let now = hash(folder.path()).unwrap().0;
            assert!(!seen.contains(&now), "{what}");
            seen.push(now);
        };
        std::fs::write(at("d/a"), b"2").unwrap();
        differs("content");
        std::fs::rename(at("d/a"), at("a")).unwrap();
        differs("place");
        std::os::unix::fs::symlink("a", at("l")).unwrap();
        differs("a new link");
        std::fs::remove_file(at("l")).unwrap();
        std::os::unix::fs::symlink("d", at("l")).unwrap();
        differs("where a link points");
        std::fs::write(at(".auto.tfvars"), b"").unwrap();
        differs("a hidden file");
    }

    #[test]
    fn what_is_not_there_must_stay_away() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let absent = hash(&file).unwrap();
        std::fs::write(&file, b"").unwrap();
        assert_ne!(hash(&file).unwrap(), absent);
    }

    #[test]
    fn a_single_file_nothing_and_the_null_device_have_a_hash_each() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let of = |path: &Path| hash(path).unwrap();
        let absent = of(&at("config"));
        std::fs::write(at("config"), b"").unwrap();
        let empty = of(&at("config"));
        std::fs::write(at("config"), b"x").unwrap();
        let full = of(&at("config"));
        let null = of(Path::new("/dev/null"));
        let hashes = [absent, empty, full, null].map(|(digest, _)| digest);
        for (index, one) in hashes.iter().enumerate() {
            assert!(!hashes.iter().skip(index + 1).any(|other| other == one));
        }
        assert_eq!((absent.1, full.1, null.1), (0, 1, 0));
        assert_eq!(
            of(&at("config/below")),
            absent,
            "below a file there is nothing"
        );
        assert!(hash(Path::new("/dev/zero")).is_err());
    }

    #[test]
    fn the_folder_of_git_is_not_an_input() {
        let folder = tempfile::tempdir().unwrap();
        let before = hash(folder.path()).unwrap();
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        std::fs::write(folder.path().join(".git/index"), b"x").unwrap();
        assert_eq!(hash(folder.path()).unwrap(), before);
    }
}
