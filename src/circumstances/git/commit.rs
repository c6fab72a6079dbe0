//! What a commit says: its tree, its parents, its time and its first line.

use super::Repository;
use super::object::{Kind, Objects, bytes};

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    /// The name of its tree.
    pub(super) tree: Vec<u8>,
    pub(super) parents: Vec<Vec<u8>>,
    /// When it was made, in seconds, as it says itself.
    pub(super) time: i64,
    /// The first line of its message.
    pub(super) subject: String,
}

impl Commit {
    /// Reads a commit; `None` where it is not there, or is none.
    pub(super) fn read(objects: &Objects, name: &[u8]) -> Option<Self> {
        Self::parse(&objects.read(name, Kind::Commit)?)
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body);
        let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
        let values = |name: &'static str| {
            let lines = head.lines();
            lines.filter_map(move |line| line.strip_prefix(name)?.strip_prefix(' '))
        };
        let mut maker = values("committer").next()?.rsplit(' ').skip(1);
        Some(Self {
            tree: bytes(values("tree").next()?)?,
            parents: values("parent").map(bytes).collect::<Option<_>>()?,
            time: maker.next()?.parse().ok()?,
            subject: message.lines().next().unwrap_or_default().to_owned(),
        })
    }
}

/// Returns the hash of the tree of `commit`, which is given in hex.
pub(super) fn tree(repository: &Repository, commit: &str) -> Option<Vec<u8>> {
    let objects = Objects::of(repository, 1);
    let body = objects.read(&bytes(commit)?, Kind::Commit)?;
    let line = body.split(|byte| *byte == b'\n').next()?;
    bytes(std::str::from_utf8(line.strip_prefix(b"tree ")?).ok()?)
}
