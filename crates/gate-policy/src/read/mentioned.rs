//! Files that a command only mentions: in words of a tool that gate has no
//! profile of, or that it does not understand, and inside the backslash
//! commands of psql.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::path_of;
use crate::command_line::{CommandLine, FileKind, Stdin};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Placement, WordRole};

/// The most scripts of psql that are followed.
const SCRIPT_LIMIT: usize = 100;
/// The most names in one text that are looked for.
const NAME_LIMIT: usize = 10_000;

/// Adds each regular file that a word which is not understood names, whole or
/// in part. More of them than are read does no harm, and a script that is not
/// among them could be another one by the time that it runs.
pub(super) fn in_words(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let mut found = Vec::new();
    for (index, (word, known)) in line.argv.iter().zip(&invocation.words).enumerate() {
        if index == 0 || known.role != WordRole::Unknown {
            continue;
        }
        for range in parts(word) {
            let name = word.as_encoded_bytes().get(range.clone());
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                continue;
            };
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

/// Returns the parts of a word that could be a file's name: all of it, what
/// follows a letter as in `-fFILE`, a `=` as in `--file=FILE`, an `@` as in
/// `-d@FILE`, and each of several between commas or colons.
fn parts(word: &OsString) -> Vec<Range<usize>> {
    let bytes = word.as_encoded_bytes();
    let mut starts = vec![0];
    if matches!(bytes, [b'-', letter, _, ..] if *letter != b'-') {
        starts.push(2);
    }
    let is_mark = |byte: u8| matches!(byte, b'=' | b'@' | b',' | b':');
    let behind = bytes.iter().enumerate().filter(|(_, byte)| is_mark(**byte));
    starts.extend(behind.map(|(at, _)| at + 1).take(64));
    let mut parts = Vec::new();
    for start in starts {
        parts.push(start..bytes.len());
        let rest = bytes.get(start..).unwrap_or_default();
        if let Some(length) = rest.iter().position(|byte| matches!(byte, b',' | b':')) {
            parts.push(start..start + length);
        }
    }
    parts
}

/// Adds what the statements and backslash commands of psql read here.
pub(super) fn in_psql(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let scripts = invocation.inputs.iter();
    let scripts = scripts.filter(|input| input.role == "script" && input.kind == InputKind::File);
    let folders = scripts.filter_map(|input| Some(line.cwd.join(input.path.parent()?)));
    let mut search = Search {
        line,
        folders: std::iter::once(line.cwd.to_owned())
            .chain(folders)
            .collect(),
        found: Vec::new(),
        scripts: Vec::new(),
        is_relative: false,
    };
    for nested in &invocation.nested {
        if nested.language == "psql" {
            search.command(&nested.text);
        }
        if nested.effect >= Effect::Execute {
            search.text(&nested.text);
        }
    }
    search.follow_scripts();
    let (found, is_relative) = (search.found, search.is_relative);
    if is_relative {
        // `\ir` is taken from the folder that the script stands in.
        for input in invocation
            .inputs
            .iter_mut()
            .filter(|input| input.role == "script")
        {
            input.placement = Placement::InPlace;
        }
    }
    for input in found {
        if !invocation
            .inputs
            .iter()
            .any(|known| known.path == input.path)
        {
            invocation.inputs.push(input);
        }
    }
    add_copied_stdin(line, invocation);
}

/// Adds the standard input where `copy … from stdin` stores it. In a script
/// that is what follows in the script; only `pstdin` is psql's own.
fn add_copied_stdin(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let has_script = invocation.options.iter().any(|used| used.name == "file");
    let reads = |text: &str| {
        let text = text.to_ascii_lowercase();
        if !text.contains("stdin") {
            return false;
        }
        let words: Vec<&str> = text
            .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
            .filter(|word| !word.is_empty())
            .collect();
        words.contains(&"copy")
            && words.windows(2).any(|two| match two {
                ["from", "pstdin"] => true,
                ["from", "stdin"] => !has_script,
                _ => false,
            })
    };
    if invocation.nested.iter().any(|nested| reads(&nested.text)) {
        add_stdin(line, "data", invocation);
    }
}

/// Adds the standard input, where it is something that can be bound: what a
/// person will type can't.
pub(super) fn add_stdin(line: &CommandLine<'_>, role: &str, invocation: &mut Invocation) {
    let is_known = |input: &Input| input.kind == InputKind::Stdin;
    let is_there = matches!(line.stdin, Stdin::Unread | Stdin::Content(_));
    if is_there && !invocation.inputs.iter().any(is_known) {
        let stdin = Input::unnamed(InputKind::Stdin, PathBuf::from("-"), role);
        invocation.inputs.push(stdin);
    }
}

struct Search<'a> {
    line: &'a CommandLine<'a>,
    /// From where names may be taken: `\cd` and `\ir` change it.
    folders: Vec<PathBuf>,
    found: Vec<Input>,
    /// Scripts that are named, to be looked into.
    scripts: Vec<PathBuf>,
    is_relative: bool,
}

impl Search<'_> {
    /// Looks through a text that is not understood for backslash commands.
    fn text(&mut self, text: &str) {
        for line in text
            .lines()
            .filter(|line| line.contains('\\'))
            .take(NAME_LIMIT)
        {
            for command in line.split('\\').skip(1) {
                self.command(command);
            }
        }
    }

    /// Takes what one backslash command names, given without its backslash.
    fn command(&mut self, command: &str) {
        let mut words = command
            .split(|letter: char| letter.is_whitespace() || "'\"`=|(),;".contains(letter))
            .filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default();
        let words: Vec<&str> = words.take(NAME_LIMIT).collect();
        // A name between quotes may hold what would else end it.
        let quoted = command.split(['\'', '"', '`']).skip(1).step_by(2);
        match name {
            "cd" => {
                let folders = words.iter().map(|word| self.joined(self.line.cwd, word));
                let folders: Vec<PathBuf> = folders.collect();
                self.folders.extend(folders);
            }
            "i" | "include" | "ir" | "include_relative" => {
                self.is_relative |= name.starts_with("ir") || name == "include_relative";
                for word in words.iter().copied().chain(quoted) {
                    let paths = self.add(word, Placement::InPlace);
                    self.scripts.extend(paths);
                }
            }
            _ => {
                for word in words.iter().copied().chain(quoted) {
                    self.add(word, Placement::Unsure);
                }
            }
        }
    }

    /// Adds the files of a name that are there; in place also the first that
    /// is not, which would be read if it appeared.
    fn add(&mut self, name: &str, placement: Placement) -> Vec<PathBuf> {
        let paths = self.folders.iter().map(|folder| self.joined(folder, name));
        let mut paths: Vec<PathBuf> = paths.collect();
        if !(placement == Placement::InPlace && paths.iter().all(|path| !self.is_file(path))) {
            paths.retain(|path| self.is_file(path));
        }
        for path in &paths {
            if !self.found.iter().any(|known| known.path == *path) {
                let role = if placement == Placement::InPlace {
                    "script"
                } else {
                    "file"
                };
                self.found.push(Input {
                    placement,
                    ..Input::unnamed(InputKind::File, path.clone(), role)
                });
            }
        }
        paths
    }

    fn is_file(&self, path: &Path) -> bool {
        self.line.files.kind(path) == Some(FileKind::File)
    }

    /// psql takes `~/` for the home folder.
    fn joined(&self, folder: &Path, name: &str) -> PathBuf {
        match (name.strip_prefix("~/"), self.line.env.get("HOME")) {
            (Some(below), Some(home)) => Path::new(home).join(below),
            _ => folder.join(name),
        }
    }

    /// Looks into the scripts that scripts name.
    fn follow_scripts(&mut self) {
        let mut seen = BTreeSet::new();
        while let Some(path) = self.scripts.pop() {
            if seen.len() >= SCRIPT_LIMIT || !seen.insert(path.clone()) {
                continue;
            }
            if let Some(folder) = path.parent().map(Path::to_owned)
                && !self.folders.contains(&folder)
            {
                self.folders.push(folder);
            }
            if let Ok(content) = self.line.files.read(&path) {
                self.text(&String::from_utf8_lossy(&content));
            }
        }
    }
}
