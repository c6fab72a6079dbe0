//! What stands at the standard input of a command inside another, where a command before a pipe or
//! a file gives it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use super::paths::{path_of, plain_join};
use crate::command_line::{CommandLine, FileKind};
use crate::invocation::{Input, InputKind, Invocation, Nested, Place, Placement};

/// The most words of a command that are looked at.
const WORDS: usize = 1_000;

/// Says of a command where its standard input comes from, and of those in it that get it too.
pub(super) fn note(read: &mut Invocation, placement: Placement) {
    let mut is_read = false;
    for input in &mut read.inputs {
        if input.kind == InputKind::Stdin {
            input.placement = placement;
            is_read = true;
        }
    }
    if !is_read {
        return;
    }
    if placement == Placement::Made && read.does_more_than_read() {
        let why = "what it reads at its standard input is made by another command when it runs";
        read.reasons.push(why.to_owned());
    }
    for inner in read.nested.iter_mut().filter_map(|one| one.inner.as_mut()) {
        note(&mut inner.invocation, placement);
    }
}

/// Adds the files that the commands before a pipe name, where one behind it acts by what it is
/// given: `cat a.yaml | kubectl apply -f -`. More of them than are read does no harm.
pub(crate) fn add_files(line: &CommandLine<'_>, before: Range<usize>, invocation: &mut Invocation) {
    let is_given = |nested: &Nested| {
        let read = nested.inner.as_ref().map(|inner| &inner.invocation);
        let mut inputs = read.into_iter().flat_map(|read| &read.inputs);
        inputs.any(|input| {
            input.kind == InputKind::Stdin
                && matches!(input.placement, Placement::Made | Placement::Unsure)
        })
    };
    let behind = invocation.nested.get(before.end..).unwrap_or_default();
    if before.is_empty() || !behind.iter().any(is_given) {
        return;
    }
    let mut found = BTreeSet::new();
    let before = invocation.nested.get(before).unwrap_or_default();
    collect(line, before, &mut found);
    for path in found {
        let mut inputs = invocation.inputs.iter();
        if !inputs.any(|known| plain_join(line.cwd, &known.path) == path) {
            let input = Input::unnamed(InputKind::File, path, "piped");
            invocation.inputs.push(Input {
                placement: Placement::Unsure,
                ..input
            });
        }
    }
}

/// Collects the files that words name, whole or behind a `=`.
fn collect(line: &CommandLine<'_>, commands: &[Nested], found: &mut BTreeSet<PathBuf>) {
    let inner = commands.iter().filter_map(|nested| nested.inner.as_ref());
    for inner in inner.filter(|inner| inner.place == Place::Here) {
        for word in inner.argv.iter().skip(1).take(WORDS) {
            let value = word.split_once('=').map(|(_, value)| value);
            for name in [Some(word.as_str()), value].into_iter().flatten() {
                let path = plain_join(&inner.cwd, &path_of(name.as_bytes()));
                if !name.is_empty() && line.files.kind(&path) == Some(FileKind::File) {
                    found.insert(path);
                }
            }
        }
        collect(line, &inner.invocation.nested, found);
    }
}
