//! The commit and the branch that `HEAD` names.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::{Repository, open, read_small};

/// How many symbolic references are followed, as git does.
const DEPTH: usize = 5;

/// The most bytes of `packed-refs` that are looked through.
const PACKED_BYTES: u64 = 16 << 20;

/// What `HEAD` names, as far as it can be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The commit, in hex; none before the first one.
    pub(super) commit: Option<String>,
    /// The branch; none where HEAD is detached.
    pub(super) branch: Option<String>,
}

impl Head {
    /// Returns the length of this repository's hashes in bytes: SHA-256 shows
    /// in the commit, and everything else has SHA-1.
    pub(super) fn hash_bytes(&self) -> usize {
        match self.commit.as_ref().map(String::len) {
            Some(64) => 32,
            Some(_) | None => 20,
        }
    }
}

/// Reads `HEAD` and follows it to a commit.
pub(super) fn read(repository: &Repository) -> Head {
    let Some(text) = read_small(&repository.git_dir.join("HEAD")) else {
        return Head::default();
    };
    let Some(name) = symbolic(&text) else {
        return Head {
            commit: hash(&text),
            branch: None,
        };
    };
    // A repository with reftables keeps a stub here, and its references in a
    // format that is not read.
    if name == "refs/heads/.invalid" {
        return Head::default();
    }
    Head {
        commit: resolve(repository, name),
        branch: Some(name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()),
    }
}

/// Returns the reference that a symbolic one points to, if its name is safe to
/// look up: below `refs/` and nowhere else.
fn symbolic(text: &str) -> Option<&str> {
    let name = text.strip_prefix("ref:")?.trim();
    let is_safe = name.starts_with("refs/")
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !name.contains('\0');
    is_safe.then_some(name)
}

fn hash(text: &str) -> Option<String> {
    let text = text.trim();
    let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then(|| text.to_ascii_lowercase())
}

/// Follows a reference below `refs/` to a commit or a tag.
pub(super) fn resolve(repository: &Repository, name: &str) -> Option<String> {
    let mut name = name.to_owned();
    for _ in 0..DEPTH {
        let loose = read_small(&repository.git_dir.join(&name))
            .or_else(|| read_small(&repository.common_dir.join(&name)));
        match loose {
            None => return packed(&repository.common_dir.join("packed-refs"), &name),
            Some(text) => match symbolic(&text) {
                Some(next) => next.clone_into(&mut name),
                None => return hash(&text),
            },
        }
    }
    None
}

/// Looks `name` up in a `packed-refs` file.
fn packed(path: &Path, name: &str) -> Option<String> {
    let mut lines = BufReader::new(open(path)?.take(PACKED_BYTES));
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        // Comments begin with `#`, the peeled commit of a tag with `^`.
        let Some(space) = line.iter().position(|byte| *byte == b' ') else {
            continue;
        };
        let (value, rest) = line.split_at(space);
        if rest.trim_ascii() == name.as_bytes() {
            return hash(std::str::from_utf8(value).ok()?);
        }
    }
}
