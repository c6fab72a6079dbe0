//! Files that a command only mentions: in words of a tool that gate has no
//! profile of, or that it does not understand, and in parameters that are not listed.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::words::Parsed;
use super::{path_of, plain_join};
use crate::command_line::{CommandLine, FileKind, Stdin};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Placement, WordRole};
use crate::profile::Follows;

/// The most names that are looked for, each in every folder that it may be
/// taken from.
pub(super) const NAME_LIMIT: usize = 200_000;
/// The longest path of Linux: nothing has a longer name.
pub(super) const PATH_BYTES: usize = 4096;

/// Adds each regular file that a word which is not understood names, whole or
/// in part. More of them than are read does no harm, and a script that is not
/// among them could be another one by the time that it runs.
pub(super) fn in_words(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let mut found = Vec::new();
    let mut left = NAME_LIMIT;
    for (index, (word, known)) in line.argv.iter().zip(&invocation.words).enumerate() {
        if index == 0 || known.role != WordRole::Unknown {
            continue;
        }
        for range in parts(word.as_encoded_bytes()) {
            let name = word.as_encoded_bytes().get(range.clone());
            let Some(name) = name else { continue };
            if left == 0 {
                let word = PathBuf::from((index + 1).to_string());
                let why = "the words hold more names than gate looks for";
                refuse(Input::refused(word, "word", why), invocation);
                return;
            }
            left -= 1;
            let path = path_of(name);
            if line.files.kind(&line.cwd.join(&path)) == Some(FileKind::File) {
                found.push(Input {
                    argv_index: Some(index),
                    range,
                    placement: Placement::Unsure,
                    ..Input::unnamed(InputKind::File, path, "file")
                });
            }
        }
    }
    if found.is_empty() {
        return;
    }
    let known: Vec<PathBuf> = invocation
        .inputs
        .iter()
        .map(|one| one.path.clone())
        .collect();
    let mut seen: BTreeSet<PathBuf> = known.into_iter().collect();
    found.retain(|input| seen.insert(input.path.clone()));
    invocation.inputs.extend(found);
}

/// The most names that are looked for in the value of one parameter.
const VALUE_NAMES: usize = 1_000;

/// Adds each regular file that the value of a parameter names, whole or in
/// part: of a command whose parameters are not listed any can be a file's name.
pub(super) fn add_named(
    line: &CommandLine<'_>,
    (value, argv_index, start): (&[u8], usize, usize),
    invocation: &mut Invocation,
) {
    if matches!(value, b"-" | b"@-" | b"/dev/stdin" | b"@/dev/stdin") {
        return add_stdin(line, "parameter", invocation);
    }
    let ranges = parts(value);
    if ranges.len() > VALUE_NAMES || invocation.inputs.len() > VALUE_NAMES {
        let word = PathBuf::from((argv_index + 1).to_string());
        let why = "the words hold more names than gate looks for";
        refuse(Input::refused(word, "parameter", why), invocation);
        return;
    }
    for range in ranges {
        let path = path_of(value.get(range.clone()).unwrap_or_default());
        let is_file = line.files.kind(&line.cwd.join(&path)) == Some(FileKind::File);
        if is_file && invocation.inputs.iter().all(|known| known.path != path) {
            invocation.inputs.push(Input {
                argv_index: Some(argv_index),
                range: start + range.start..start + range.end,
                placement: Placement::Unsure,
                ..Input::unnamed(InputKind::File, path, "parameter")
            });
        }
    }
}

/// Adds what the operands of a command whose parameters are not listed name, and what the files
/// of all its words lead to.
pub(super) fn in_operands(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    invocation: &mut Invocation,
) {
    if parsed.node().is_some_and(|node| node.is_open) {
        for operand in &parsed.operands {
            let (bytes, index) = (operand.bytes, operand.argv_index);
            add_named(line, (bytes, index, 0), invocation);
            add_named_folder(line, ("", bytes, index, 0), invocation);
        }
    }
    if parsed.spec.name == "az" && invocation.does_more_than_read() {
        let files = invocation.inputs.iter();
        let files: Vec<PathBuf> = files.map(|file| plain_join(line.cwd, &file.path)).collect();
        for file in files {
            let place = (Placement::InPlace, false);
            super::followed::follow(line, file, Follows::Bicep, place, invocation);
        }
    }
}

/// Parts of the names of parameters whose value is a file or a folder of this machine.
const NAMING: [&str; 10] = [
    "archive", "artifact", "build", "context", "director", "folder", "local", "package", "source",
    "src",
];

/// Adds the folder that a parameter of a command which acts names, whole: it can be uploaded.
/// The name of an operand is empty.
pub(super) fn add_named_folder(
    line: &CommandLine<'_>,
    (name, value, argv_index, start): (&str, &[u8], usize, usize),
    invocation: &mut Invocation,
) {
    let is_local = NAMING.iter().any(|part| name.contains(part)) || matches!(name, "path" | "s");
    let is_path = value.starts_with(b".") || (value.contains(&b'/') && !value.starts_with(b"/"));
    let is_operand = name.is_empty() && value.contains(&b'/');
    let path = path_of(value);
    if !(is_local || is_path || is_operand)
        || path == Path::new("/")
        || !invocation.does_more_than_read()
        || line.files.kind(&line.cwd.join(&path)) != Some(FileKind::Directory)
        || invocation.inputs.iter().any(|known| known.path == path)
    {
        return;
    }
    invocation.inputs.push(Input {
        argv_index: Some(argv_index),
        range: start..start + value.len(),
        ..Input::unnamed(InputKind::Directory, path, "parameter")
    });
}

/// Adds what can't be bound, so that nobody is asked about the command.
pub(super) fn refuse(refused: Input, invocation: &mut Invocation) {
    invocation.add(
        Effect::Unknown,
        "the command names more than gate follows, and it can differ at each run",
    );
    invocation.inputs.push(refused);
}

/// Returns the parts of a word that could be a file's name: all of it, what
/// follows a letter as in `-fFILE`, a `=` as in `--file=FILE`, an `@` as in
/// `-d@FILE`, and each of several between commas or colons.
fn parts(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    if matches!(bytes, [b'-', letter, _, ..] if *letter != b'-') {
        starts.push(2);
    }
    let is_mark = |byte: u8| matches!(byte, b'=' | b'@' | b',' | b':');
    let behind = bytes.iter().enumerate().filter(|(_, byte)| is_mark(**byte));
    starts.extend(behind.map(|(at, _)| at + 1));
    starts.sort_unstable();
    let is_end = |byte: u8| matches!(byte, b',' | b':');
    let ends = bytes.iter().enumerate().filter(|(_, byte)| is_end(**byte));
    let mut ends = ends.map(|(at, _)| at).peekable();
    let mut parts = Vec::new();
    for start in starts {
        parts.push(start..bytes.len());
        while ends.next_if(|end| *end < start).is_some() {}
        parts.extend(ends.peek().map(|end| start..*end));
    }
    parts.retain(|part| !part.is_empty() && part.len() <= PATH_BYTES);
    parts
}

/// Adds the standard input, where it is something that can be bound: what a
/// person will type can't.
pub(super) fn add_stdin(line: &CommandLine<'_>, role: &str, invocation: &mut Invocation) {
    if matches!(line.stdin, Stdin::Unread | Stdin::Content(_)) {
        invocation.add_stdin(role, Placement::InPlace);
    }
}
#[cfg(test)]
pub(super) mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::command_line::{Environment, MapFiles};

    pub(in crate::read) fn read(words: &[&str], files: &[(&str, &[u8])]) -> Invocation {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let cwd = Path::new("/w");
        let files = files.iter().map(|(name, text)| (*name, text.to_vec()));
        crate::read_invocation(&CommandLine {
            argv: &argv,
            env: &Environment::default(),
            cwd,
            stdin: Stdin::Absent,
            files: &MapFiles::new(cwd, files),
        })
    }

    pub(in crate::read) fn binds(invocation: &Invocation, path: &str) -> bool {
        let mut inputs = invocation.inputs.iter();
        inputs.any(|input| input.kind == InputKind::File && input.path == Path::new(path))
    }

    /// Returns why the command can't be approved, where it can't.
    pub(in crate::read) fn refused(invocation: &Invocation) -> Option<&'static str> {
        let mut inputs = invocation.inputs.iter();
        let why = inputs.find_map(|input| input.kind.refusal())?;
        assert_eq!(invocation.effect, Effect::Unknown);
        Some(why)
    }

    #[test]
    fn a_name_far_back_in_a_word_is_bound() {
        let word = format!("{}key=deploy.yaml", "a=b,".repeat(1_000));
        let invocation = read(&["tool", &word], &[("deploy.yaml", b"")]);
        assert!(binds(&invocation, "deploy.yaml"), "{:?}", invocation.inputs);
        assert_eq!(refused(&invocation), None);
    }

    #[test]
    fn words_of_more_names_than_are_looked_for_are_refused() {
        let word = ",a".repeat(60_000);
        let invocation = read(&["tool", &word], &[]);
        assert_eq!(refused(&invocation), None);
        let invocation = read(&["tool", &word, &word, &word, &word], &[]);
        let why = refused(&invocation);
        assert_eq!(why, Some("the words hold more names than gate looks for"));
    }
}
