//! The hash of a folder: names, kinds and contents of everything in it, and of
//! what its symbolic links lead to.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInput, Delivery};
use nix::libc::{O_NOCTTY, O_NONBLOCK};
use sha2::{Digest as _, Sha256};

/// The most entries that are hashed.
const ENTRY_LIMIT: usize = 50_000;
/// The most content that is hashed, in bytes.
const CONTENT_LIMIT_BYTES: u64 = 16 << 30;

/// Returns what stands for a file or folder that is not there.
pub(crate) fn absent() -> Digest {
    Digest::of_bytes(b"absent")
}

/// Returns what stands for a file that the caller can't read.
pub(super) fn unreadable() -> Digest {
    Digest::of_bytes(b"unreadable")
}

/// Returns the hash of a single file with this content, as [`hash`] gives it.
pub(super) fn of_file(content: &Digest) -> Digest {
    BoundInput::hash_of(content, Delivery::Copy)
}

/// Returns one hash over a folder, a single file, or the absence of both, and
/// the bytes of content that it covers. Names in `skipped` are left out
/// wherever they stand; one behind a `/` at the top of the folder alone.
///
/// A symbolic link counts by its text and by what it leads to: a tool that
/// follows it reads that. A folder is entered once, however many links lead to
/// it, which also ends a circle.
///
/// # Errors
/// Something in it can't be read, is neither file, folder nor link, or there is
/// too much of it.
pub(super) fn hash(root: &Path, skipped: &[impl AsRef<str>]) -> io::Result<(Digest, u64)> {
    let mut tree = Tree {
        skipped: skipped.iter().map(AsRef::as_ref).collect(),
        hasher: Sha256::new(),
        size_bytes: 0,
        entries: 0,
        entered: BTreeMap::new(),
        waiting: Vec::new(),
    };
    // Not joined with nothing: a slash at its end would make a file no file.
    // The root may be a link to the folder: it is what the tool is given.
    match root.metadata() {
        // That it is not there is bound too.
        Err(error) if is_absence(&error) => return Ok((absent(), 0)),
        found => tree.add(PathBuf::new(), root, &found?)?,
    }
    while let Some(relative) = tree.waiting.pop() {
        let path = root.join(&relative);
        let metadata = path.symlink_metadata()?;
        if metadata.is_symlink() {
            tree.add_link(relative, &path)?;
        } else {
            tree.add(relative, &path, &metadata)?;
        }
    }
    Ok((
        Digest::from_bytes(tree.hasher.finalize().into()),
        tree.size_bytes,
    ))
}

/// A folder on its way into the hash.
struct Tree<'a> {
    skipped: Vec<&'a str>,
    hasher: Sha256,
    size_bytes: u64,
    entries: usize,
    /// Each folder by its identity, with the name that it was entered by.
    entered: BTreeMap<(u64, u64), PathBuf>,
    waiting: Vec<PathBuf>,
}

impl Tree<'_> {
    /// Adds a file, or a folder whose content is then waiting.
    fn add(&mut self, relative: PathBuf, path: &Path, metadata: &Metadata) -> io::Result<()> {
        self.entries += 1;
        if self.entries > ENTRY_LIMIT {
            return Err(too_much(format!(
                "it holds more than {ENTRY_LIMIT} entries"
            )));
        }
        if metadata.is_dir() {
            let identity = (metadata.dev(), metadata.ino());
            if let Some(first) = self.entered.get(&identity) {
                let first = first.as_os_str().as_bytes();
                add_entry(&mut self.hasher, b's', &relative, first);
                return Ok(());
            }
            add_entry(&mut self.hasher, b'd', &relative, b"");
            self.waiting.extend(self.children(path, &relative)?);
            self.entered.insert(identity, relative);
        } else if metadata.is_file() {
            let left = CONTENT_LIMIT_BYTES.saturating_sub(self.size_bytes);
            let (digest, length) = hash_file(path, left)?;
            self.size_bytes += length;
            add_entry(&mut self.hasher, b'f', &relative, digest.as_bytes());
        } else if is_null_device(metadata) {
            add_entry(&mut self.hasher, b'n', &relative, b"");
        } else {
            return Err(no_file(path));
        }
        Ok(())
    }

    /// Adds a link and what it leads to.
    fn add_link(&mut self, relative: PathBuf, path: &Path) -> io::Result<()> {
        let text = path.read_link()?;
        add_entry(
            &mut self.hasher,
            b'l',
            &relative,
            text.as_os_str().as_bytes(),
        );
        match path.metadata() {
            Ok(metadata) if metadata.is_file() && open(path).is_err() => {
                add_entry(&mut self.hasher, b'u', &relative, b"");
                Ok(())
            }
            Ok(metadata) => self.add(relative, path, &metadata),
            // It leads nowhere, in a circle, or where the caller may not go: the tool may not either.
            Err(error) => {
                let kind = if is_absence(&error) { b'a' } else { b'u' };
                add_entry(&mut self.hasher, kind, &relative, b"");
                Ok(())
            }
        }
    }

    /// Returns what stands in a folder, last name first, as a stack wants it.
    fn children(&self, folder: &Path, relative: &Path) -> io::Result<Vec<PathBuf>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let name = entry?.file_name();
            let name = relative.join(name);
            if !self.skipped.iter().any(|skipped| is_named(&name, skipped)) {
                names.push(name);
            }
        }
        names.sort_by(|a, b| b.cmp(a));
        Ok(names)
    }
}

/// Tells whether a path from the top of a folder is one that is left out.
fn is_named(path: &Path, skipped: &str) -> bool {
    match skipped.strip_prefix('/') {
        Some(at_the_top) => path == Path::new(at_the_top),
        None => path.file_name().is_some_and(|name| name == skipped),
    }
}

/// Opens what was a file a moment ago. By now it may be a pipe, which would hold
/// gate until somebody writes to it, or a terminal.
pub(super) fn open(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .custom_flags(O_NONBLOCK | O_NOCTTY)
        .open(path)
}

/// Returns the hash of a file of at most `left` bytes, and its length.
fn hash_file(path: &Path, left: u64) -> io::Result<(Digest, u64)> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(no_file(path));
    }
    // A length costs nothing to claim: without a look at it a file that is all hole is read for
    // hours. And it says nothing of what is written meanwhile, or of files below `/proc`.
    if metadata.len() > left {
        return Err(too_long());
    }
    let (digest, length) = super::hash(file.take(left.saturating_add(1)))?;
    if length > left {
        return Err(too_long());
    }
    Ok((digest, length))
}

/// Adds one entry, lengths first, so that no two trees give the same bytes.
fn add_entry(hasher: &mut Sha256, kind: u8, relative: &Path, content: &[u8]) {
    for part in [&[kind], relative.as_os_str().as_bytes(), content] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
}

/// Tells whether there is nothing of that name; below a file there never is.
pub(super) fn is_absence(error: &io::Error) -> bool {
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

fn no_file(path: &Path) -> io::Error {
    too_much(format!("`{}` is not a file", super::shown(path)))
}

fn too_long() -> io::Error {
    let most = CONTENT_LIMIT_BYTES >> 30;
    too_much(format!("it holds more than {most} GiB"))
}

fn too_much(why: String) -> io::Error {
    io::Error::other(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything(root: &Path) -> io::Result<(Digest, u64)> {
        hash(root, &[] as &[&str])
    }

    #[test]
    fn every_change_that_a_tool_could_see_changes_the_hash() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("d")).unwrap();
        std::fs::write(at("d/a"), b"1").unwrap();
        let mut seen = vec![everything(folder.path()).unwrap().0];
        let mut differs = |what: &str| {
            let now = everything(folder.path()).unwrap().0;
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
        let absent = everything(&file).unwrap();
        std::fs::write(&file, b"").unwrap();
        assert_ne!(everything(&file).unwrap(), absent);
    }

    #[test]
    fn a_single_file_nothing_and_the_null_device_have_a_hash_each() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let of = |path: &Path| everything(path).unwrap();
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
        assert!(everything(Path::new("/dev/zero")).is_err());
    }

    #[test]
    fn what_a_link_leads_to_counts() {
        let (folder, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |name: &str| folder.path().join(name);
        let there = |name: &str| beside.path().join(name);
        std::fs::write(there("file"), b"1").unwrap();
        std::fs::create_dir(there("inner")).unwrap();
        std::os::unix::fs::symlink(there("file"), at("file")).unwrap();
        std::os::unix::fs::symlink(there("inner"), at("inner")).unwrap();
        std::os::unix::fs::symlink(there("missing"), at("missing")).unwrap();
        let mut seen = vec![everything(folder.path()).unwrap().0];
        let mut differs = |what: &str| {
            let now = everything(folder.path()).unwrap().0;
            assert!(!seen.contains(&now), "{what}");
            seen.push(now);
        };
        std::fs::write(there("file"), b"2").unwrap();
        differs("the content of a file behind a link");
        std::fs::write(there("inner/new"), b"").unwrap();
        differs("a new file in a folder behind a link");
        std::fs::write(there("missing"), b"").unwrap();
        differs("what a link leads to appeared");
    }

    #[test]
    fn links_in_a_circle_have_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("d")).unwrap();
        std::os::unix::fs::symlink("..", at("d/up")).unwrap();
        std::os::unix::fs::symlink("../d", at("d/self")).unwrap();
        std::os::unix::fs::symlink("round", at("round")).unwrap();
        let before = everything(folder.path()).unwrap();
        assert_eq!(everything(folder.path()).unwrap(), before);
        std::fs::write(at("d/a"), b"").unwrap();
        assert_ne!(everything(folder.path()).unwrap(), before);
    }

    #[test]
    fn only_what_is_skipped_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        let both = || {
            let without = hash(folder.path(), &[".git"]).unwrap();
            (everything(folder.path()).unwrap(), without)
        };
        let before = both();
        std::fs::write(folder.path().join(".git/index"), b"x").unwrap();
        let after = both();
        assert_ne!(before.0, after.0);
        assert_eq!(before.1, after.1);
    }

    #[test]
    fn what_is_skipped_at_the_top_counts_below() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("src/target")).unwrap();
        std::fs::create_dir(at("target")).unwrap();
        let without = || hash(folder.path(), &["/target"]).unwrap();
        let before = without();
        std::fs::write(at("target/x.o"), b"x").unwrap();
        assert_eq!(without(), before);
        std::fs::write(at("src/target/mod.rs"), b"x").unwrap();
        assert_ne!(without(), before);
    }

    #[test]
    fn a_file_that_is_all_hole_is_not_read_for_hours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hole");
        File::create(&path).unwrap().set_len(1 << 42).unwrap();
        let begun = std::time::Instant::now();
        for root in [&path, folder.path()] {
            let error = everything(root).unwrap_err();
            assert_eq!(error.to_string(), "it holds more than 16 GiB");
        }
        assert!(begun.elapsed() < std::time::Duration::from_mins(1));
    }

    #[test]
    fn no_more_is_read_than_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"four").unwrap();
        assert_eq!(hash_file(&path, 4).unwrap().1, 4);
        assert!(hash_file(&path, 3).is_err());
        // Its length is said to be 0.
        assert!(hash_file(Path::new("/proc/self/status"), 9).is_err());
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = hash_file(&path, 9).unwrap_err();
        assert!(error.to_string().ends_with("is not a file"), "{error}");
    }

    #[test]
    fn a_copy_of_a_file_has_the_hash_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"text").unwrap();
        let of_copy = of_file(&Digest::of_bytes(b"text"));
        assert_eq!(everything(&path).unwrap().0, of_copy);
    }
}
