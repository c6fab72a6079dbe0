//! Reading a file that decides what gate does: only if nobody else can write it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use gate_protocol::inert::inert;

use crate::failure::{Failure, FailureKind};
use nix::libc::O_NONBLOCK;

/// The largest file that is read, in bytes.
const LIMIT_BYTES: u64 = 8 << 20;

/// Who must own the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// root alone.
    Root,
    /// The caller, or root.
    Caller,
    /// Anyone: what it says can only tighten.
    Anyone,
}

/// Returns the file's text; `None` where there is no such file.
///
/// # Errors
/// It is there and can't be read, is not a regular file of that owner that
/// nobody else can write, is too large, or is not UTF-8.
pub(crate) fn read(path: &Path, owner: Owner) -> Result<Option<String>, Failure> {
    let shown = inert(&path.to_string_lossy()).into_owned();
    let bad = |why: String| Failure::new(FailureKind::Configuration, why);
    let unreadable = |error| {
        bad(format!("cannot read `{shown}`"))
            .caused_by(error)
            .hint("make it a readable text file, or remove it; nothing runs before")
    };
    let file = match OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    refuse_unless_owned(&file, owner).map_err(|why| {
        bad(format!("`{shown}` is not used: {why}"))
            .hint("make it a regular file of its owner that nobody else can write: chmod go-w")
    })?;
    let mut text = String::new();
    let read = file.take(LIMIT_BYTES + 1).read_to_string(&mut text);
    read.map_err(unreadable)?;
    if text.len() as u64 > LIMIT_BYTES {
        return Err(bad(format!(
            "`{shown}` is larger than {} MiB",
            LIMIT_BYTES >> 20
        ))
        .hint("split it; nothing runs before"));
    }
    Ok(Some(text))
}

fn refuse_unless_owned(file: &File, owner: Owner) -> Result<(), String> {
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let caller = nix::unistd::geteuid().as_raw();
    let (is_theirs, expected) = match owner {
        Owner::Root => (metadata.uid() == 0, "root"),
        Owner::Caller => (
            metadata.uid() == 0 || metadata.uid() == caller,
            "you or root",
        ),
        Owner::Anyone => return Ok(()),
    };
    if !is_theirs {
        return Err(format!(
            "it belongs to uid {}, not to {expected}",
            metadata.uid()
        ));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!(
            "others can write it (mode {:o})",
            metadata.mode() & 0o7777
        ));
    }
    Ok(())
}
