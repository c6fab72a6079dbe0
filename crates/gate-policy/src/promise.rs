//! What an approval of an input promises.

use crate::invocation::{Input, InputKind, Placement};

/// How the bytes of an input that were approved reach the tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It gets a sealed copy: nobody can change what it reads.
    Sealed,
    /// It gets a private copy under the same name, which is looked at again
    /// right before the start.
    Copied,
    /// It reads it where it is, after one more look right before the start.
    Rechecked,
    /// Another command makes it: nobody can look at it before.
    Made,
}

impl Promise {
    /// Returns the words that stand for it in `gate explain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "a sealed copy",
            Self::Copied => "a private copy",
            Self::Rechecked => "hashed again right before the start",
            Self::Made => "made by another command when it runs",
        }
    }
}

impl Input {
    /// Returns how it is to reach the tool when it is approved; nothing where
    /// nobody is asked about it.
    pub fn promise(&self) -> Option<Promise> {
        let is_named = self.argv_index.is_some();
        match (self.kind, self.placement) {
            (InputKind::Url | InputKind::Refused { .. }, _) => None,
            (InputKind::Descriptor, _) => is_named.then_some(Promise::Sealed),
            (InputKind::Stdin, Placement::Made) => Some(Promise::Made),
            (InputKind::Stdin, Placement::Unsure) => Some(Promise::Rechecked),
            (InputKind::Stdin, _) => Some(Promise::Sealed),
            (InputKind::File, Placement::Anywhere) if is_named => Some(Promise::Sealed),
            (InputKind::File | InputKind::Directory, Placement::SameName) => Some(Promise::Copied),
            (InputKind::File | InputKind::Directory, _) => Some(Promise::Rechecked),
        }
    }
}
