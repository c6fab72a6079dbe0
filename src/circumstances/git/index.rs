//! The entries of git's index, as far as they tell whether a file was changed.
//!
//! Source: gitformat-index(5), versions 2, 3 and 4.

/// What the index remembers of a file's status, each number cut to 32 bits as git does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordedStatus {
    pub(super) ctime_seconds: u32,
    pub(super) ctime_nanoseconds: u32,
    pub(super) mtime_seconds: u32,
    pub(super) mtime_nanoseconds: u32,
    pub(super) inode: u32,
    pub(super) mode: u32,
    pub(super) size_bytes: u32,
}

/// How an entry takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As any tracked file.
    Tracked,
    /// Said to be unchanged, or not checked out: git does not look at it.
    NotLookedAt,
    /// In the middle of a merge, or added by intent: not committed whatever is there.
    Unsettled,
}

/// One entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The path below the work tree's top.
    pub(super) path: Vec<u8>,
    /// What was recorded of the file.
    pub(super) status: RecordedStatus,
    /// How it takes part.
    pub(super) standing: Standing,
}

/// What the index says beside its entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    /// Whether this index is a part of another one (a split index).
    pub(super) is_split: bool,
    /// The hash of the tree that a commit of this index would have; none once something was staged
    /// and no tree was written since.
    pub(super) tree: Option<Vec<u8>>,
}

const ASSUME_VALID: u16 = 0x8000;
const EXTENDED: u16 = 0x4000;
const STAGE: u16 = 0x3000;
const NAME_LENGTH: u16 = 0x0fff;
const SKIP_WORKTREE: u16 = 0x4000;
const INTENT_TO_ADD: u16 = 0x2000;
/// Ten 32-bit numbers: times, device, inode, mode, user, group, size.
const STAT_BYTES: usize = 40;

/// Reads entries one after the other.
pub(super) struct Entries<'a> {
    content: &'a [u8],
    position: usize,
    version: u32,
    left: u32,
    hash_bytes: usize,
    /// The last path, from which version 4 builds the next one.
    path: Vec<u8>,
}

impl<'a> Entries<'a> {
    /// Starts reading; `None` where it is no index of a known version.
    pub(super) fn parse(content: &'a [u8], hash_bytes: usize) -> Option<Self> {
        let mut entries = Self {
            content,
            position: 0,
            version: 0,
            left: 0,
            hash_bytes,
            path: Vec::new(),
        };
        if entries.take(4)? != b"DIRC" {
            return None;
        }
        entries.version = entries.number()?;
        entries.left = entries.number()?;
        (2..=4).contains(&entries.version).then_some(entries)
    }

    /// Returns how many entries are left.
    pub(super) fn left(&self) -> u32 {
        self.left
    }

    /// Reads the next entry; `None` where the index is malformed or at its end.
    pub(super) fn read_entry(&mut self) -> Option<Entry> {
        self.left = self.left.checked_sub(1)?;
        let start = self.position;
        let status = recorded(self.take(STAT_BYTES)?)?;
        self.take(self.hash_bytes)?;
        let flags = self.short()?;
        let extended = match (flags & EXTENDED != 0, self.version) {
            (false, _) => 0,
            (true, 3..) => self.short()?,
            (true, _) => return None,
        };
        self.read_path(start)?;
        let length = usize::from(flags & NAME_LENGTH);
        // The recorded length tells apart a wrong hash length and a broken file.
        let fits = if length == usize::from(NAME_LENGTH) {
            self.path.len() >= length
        } else {
            self.path.len() == length
        };
        if !fits || !is_below(&self.path) {
            return None;
        }
        let standing = if flags & STAGE != 0 || extended & INTENT_TO_ADD != 0 {
            Standing::Unsettled
        } else if flags & ASSUME_VALID != 0 || extended & SKIP_WORKTREE != 0 {
            Standing::NotLookedAt
        } else {
            Standing::Tracked
        };
        Some(Entry {
            path: self.path.clone(),
            status,
            standing,
        })
    }

    /// Reads what stands after the last entry. `None` where that is malformed.
    pub(super) fn extensions(mut self) -> Option<Extensions> {
        let mut extensions = Extensions::default();
        // What ends the file is a hash over it, without a signature.
        while self.content.len() - self.position > self.hash_bytes {
            let signature = self.take(4)?;
            let length = self.number()?;
            let content = self.take(usize::try_from(length).ok()?)?;
            match signature {
                b"link" => extensions.is_split = true,
                b"TREE" => extensions.tree = root_tree(content, self.hash_bytes),
                _ => {}
            }
        }
        Some(extensions)
    }

    fn read_path(&mut self, start: usize) -> Option<()> {
        if self.version == 4 {
            let stripped = self.variable_length()?;
            let kept = self.path.len().checked_sub(stripped)?;
            self.path.truncate(kept);
        } else {
            self.path.clear();
        }
        let rest = self.content.get(self.position..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        self.path.extend_from_slice(rest.get(..end)?);
        self.position += end + 1;
        if self.version != 4 {
            // NUL bytes fill the entry up to a multiple of eight.
            let used = self.position - start;
            self.take(used.next_multiple_of(8) - used)?;
        }
        Some(())
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let end = self.position.checked_add(bytes)?;
        let taken = self.content.get(self.position..end)?;
        self.position = end;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn short(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// Reads a number in the variable-length form of pack offsets.
    fn variable_length(&mut self) -> Option<usize> {
        let mut value = 0_usize;
        loop {
            let [byte] = *self.take(1)? else { return None };
            value = value
                .checked_shl(7)?
                .checked_add(usize::from(byte & 0x7f))?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            value = value.checked_add(1).filter(|value| *value < 1 << 32)?;
        }
    }
}

/// Returns the hash of the root of a cached tree: an empty name, the number of entries, which is
/// -1 when it is out of date, the number of subtrees, the hash.
fn root_tree(content: &[u8], hash_bytes: usize) -> Option<Vec<u8>> {
    let line = content.strip_prefix(b"\0")?;
    let end = line.iter().position(|byte| *byte == b'\n')?;
    let (counts, rest) = line.split_at(end);
    if counts.starts_with(b"-") {
        return None;
    }
    Some(rest.get(1..=hash_bytes)?.to_vec())
}

fn recorded(bytes: &[u8]) -> Option<RecordedStatus> {
    let mut numbers = bytes
        .chunks_exact(4)
        .filter_map(|chunk| Some(u32::from_be_bytes(chunk.try_into().ok()?)));
    let [ctime_seconds, ctime_nanoseconds] = [numbers.next()?, numbers.next()?];
    let [mtime_seconds, mtime_nanoseconds] = [numbers.next()?, numbers.next()?];
    // The device is not compared by git either: it changes with every mount.
    let [_device, inode, mode] = [numbers.next()?, numbers.next()?, numbers.next()?];
    let [_user, _group, size_bytes] = [numbers.next()?, numbers.next()?, numbers.next()?];
    Some(RecordedStatus {
        ctime_seconds,
        ctime_nanoseconds,
        mtime_seconds,
        mtime_nanoseconds,
        inode,
        mode,
        size_bytes,
    })
}

/// Tells whether a path stays below the work tree's top.
fn is_below(path: &[u8]) -> bool {
    !path.is_empty()
        && path
            .split(|byte| *byte == b'/')
            .all(|part| !matches!(part, b"" | b"." | b".."))
}
