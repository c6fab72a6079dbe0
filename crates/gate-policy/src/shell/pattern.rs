//! Words that need not be known: those of programs that only show what they name.

use std::ffi::OsString;

use super::expand::Field;
use super::run::Runner;
use super::scope::{Scope, word_of};
use crate::invocation::Place;
use crate::read::secret_files::{aims_at_secrets, holds_secrets, stand_below};
use crate::read::{is_showing, only_names};

impl Runner<'_> {
    /// Tells whether a word that is not known changes nothing of what a program
    /// does: `ls $x` shows names, and `cat *.md` files of a folder that can all be
    /// read.
    pub(super) fn is_settled(&self, field: &Field, fields: &[Field], scope: &Scope) -> bool {
        let Some(name) = fields.first().filter(|name| name.is_known) else {
            return false;
        };
        let is_here = self.place == Place::Here;
        let looks_only = is_showing(&name.bytes) || checks(fields);
        lists(fields)
            || (looks_only && is_here && self.is_open(field, scope))
            || (compares(&name.bytes) && is_here && is_substituted(&field.bytes))
    }

    /// Tells whether a word is a pattern of files in a folder without secrets.
    fn is_open(&self, field: &Field, scope: &Scope) -> bool {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./*?".contains(byte);
        let pattern = &*field.bytes;
        let is_wild = |byte: &u8| matches!(byte, b'*' | b'?');
        let (Some(wild), Some(cwd)) = (pattern.iter().position(is_wild), &scope.cwd) else {
            return false;
        };
        let before = pattern.get(..wild).unwrap_or_default();
        let end = before.iter().rposition(|byte| *byte == b'/');
        let name = pattern.rsplit(|byte| *byte == b'/').next();
        let is_hidden = |part: &[u8]| part.starts_with(b".") && part.iter().any(is_wild);
        let folder = end.map_or(&b"."[..], |end| before.get(..=end).unwrap_or_default());
        pattern.iter().all(is_plain)
            && !pattern.split(|byte| *byte == b'/').any(is_hidden)
            && !holds_secrets(pattern)
            && !name.is_some_and(aims_at_secrets)
            && !stand_below((self.line, cwd), folder)
    }
}

/// Tells whether a program only says whether the files that it is given are well made.
fn checks(fields: &[Field]) -> bool {
    matches!(fields, [name, command, ..] if name.bytes == b"twine" && command.bytes == b"check" && command.is_known)
}

/// Tells whether a program only shows and compares what it is given, wherever it stands among its
/// words.
fn compares(name: &[u8]) -> bool {
    is_showing(name) || matches!(name, b"cmp" | b"comm" | b"diff")
}

/// Tells whether a word as it is written is the output of a command, and nothing else: it stands
/// for a descriptor then. The command is read by itself.
fn is_substituted(word: &[u8]) -> bool {
    let inside = word
        .strip_prefix(b"<(")
        .and_then(|rest| rest.strip_suffix(b")"));
    inside.is_some_and(|inside| !inside.iter().any(|byte| b"()`$".contains(byte)))
}

/// Tells whether a program shows no more than names, whichever words stand for
/// those that are not known.
fn lists(fields: &[Field]) -> bool {
    let words: Vec<OsString> = fields.iter().map(|field| word_of(&field.bytes)).collect();
    // The letters of grep decide.
    let is_known = match fields {
        [name, letters, ..] if name.bytes == b"grep" => letters.is_known,
        _ => true,
    };
    is_known && only_names(words.iter().map(|word| &**word))
}
