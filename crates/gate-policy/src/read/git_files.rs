//! What a word of git shows of files that hold secrets: it can be a commit, a path, a pattern of
//! paths, or what a commit has under a path.

use super::path_of;
use super::paths::plain_join;
use super::secret_files::{self, aims};
use super::words::{Parsed, Use};
use crate::command_line::CommandLine;
use crate::invocation::WordRole;

/// Commands of git that take commits and paths.
const TAKING_REVISIONS: &[&str] = &["diff", "log", "reflog", "show", "whatchanged"];

/// Tells whether git shows a file with secrets for a word: what it has under a name stands behind
/// the commit that it is taken from, a path can begin with a sign for where it is looked for, and
/// can be a pattern.
pub(super) fn reveals(line: &CommandLine<'_>, parsed: &Parsed<'_>, word: &[u8]) -> bool {
    let is_border = |byte: &u8| matches!(byte, b':' | b')');
    let first = word.splitn(2, |byte| *byte == b':').nth(1);
    let last = word.rsplit(is_border).next();
    let is_meant = |name: &[u8]| secret_files::reveals((line, line.cwd), name) || aims(name);
    let is_named = !may_be_revision(line, parsed, word);
    let is_in_commit = first.is_some_and(speaks_of_secrets);
    is_named && (is_in_commit || [first, last].into_iter().flatten().any(is_meant))
}

/// How names of files end that hold secrets, whatever stands before.
const ENDS: &[&[u8]] = &[
    b".env",
    b".jks",
    b".key",
    b".netrc",
    b".npmrc",
    b".p12",
    b".pem",
    b".pfx",
    b".pgpass",
    b".tfstate",
    b".tfvars",
];
/// What paths of such files have in them.
const PARTS: &[&[u8]] = &[
    b".env.",
    b"credentials",
    b"id_ed25519",
    b"id_rsa",
    b"kubeconfig",
    b"password",
    b"secret",
];
/// Ends of names of files that only look so.
const HARMLESS: &[&[u8]] = &[b".example", b".pub", b".sample", b".template"];

/// Tells whether a path in a commit speaks of secrets: nobody sees there what the file is.
fn speaks_of_secrets(path: &[u8]) -> bool {
    let has = |part: &&[u8]| path.windows(part.len()).any(|found| found == *part);
    let ends = |ends: &[&[u8]]| ends.iter().any(|end| path.ends_with(end));
    !ends(HARMLESS) && (ends(ENDS) || PARTS.iter().any(has))
}

fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// Tells whether git takes a word for a commit: in front of `--` it takes none for a path that
/// is not there. A name with a dot is hardly one of a branch.
fn may_be_revision(line: &CommandLine<'_>, parsed: &Parsed<'_>, word: &[u8]) -> bool {
    let takes_revisions = parsed
        .path
        .first()
        .is_some_and(|command| TAKING_REVISIONS.contains(&command.as_ref()));
    let is_moved =
        |used: &Use<'_>| matches!(&*used.name, "C" | "git-dir" | "no-index" | "work-tree");
    let separator = parsed
        .words
        .iter()
        .position(|word| word.role == WordRole::Separator);
    let is_behind = |at: usize| {
        let mut operands = parsed.operands.iter();
        operands.any(|operand| operand.bytes == word && operand.argv_index > at)
    };
    let is_plain = |byte: &u8| !b":*?[".contains(byte);
    takes_revisions
        && word.iter().all(is_plain)
        && !word.starts_with(b"/")
        && !name_of(word).contains(&b'.')
        && !separator.is_some_and(is_behind)
        && !parsed.uses.iter().any(is_moved)
        && line
            .files
            .kind(&plain_join(line.cwd, &path_of(word)))
            .is_none()
}
