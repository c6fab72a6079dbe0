//! What a build or a project of docker takes from this machine without a word of argv naming it.
//! Source: the compose specification, `docker buildx build --help`, the reference of bake files.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::paths::{path_of, plain_join};
use super::scalars::{self, Scalar};
use super::words::Parsed;
use super::{MAX_SCRIPT_BYTES, bicep};
use crate::command_line::{CommandLine, FileError, FileKind};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation};
use crate::profile::Text;

/// The names under which compose looks for its file.
const COMPOSE_FILES: &[&str] = &[
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
/// Those that it lays over it.
const OVERRIDES: &[&str] = &[
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];
/// The names under which bake looks for its files, beside those of compose.
const BAKE_FILES: &[&str] = &[
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
];
/// Fields of a compose file whose values are files or folders of this machine.
const NAMING: &[&str] = &[
    "additional_contexts",
    "build",
    "context",
    "contexts",
    "dockerfile",
    "env_file",
    "file",
    "include",
    "path",
];
/// Those of them in which each value is one.
const LISTING: &[&str] = &["additional_contexts", "contexts", "env_file", "include"];
/// Fields of a bake file whose lists and maps name no file or folder.
const HARMLESS: &[&str] = &["args", "inherits", "labels", "platforms", "tags", "targets"];
const BY_VARIABLE: &str = "a variable says which file or folder it takes, and gate doesn't know it";
/// The most compose files that lead to each other.
const LIMIT: usize = 100;
const SKIPPED: &[Text] = &[Cow::Borrowed(".git")];

pub(super) fn read(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    if !invocation.does_more_than_read() {
        return;
    }
    let values = |name: &str| -> Vec<&[u8]> {
        let uses = parsed.uses.iter().filter(|used| used.name == name);
        uses.filter_map(|used| used.value).collect()
    };
    let path: Vec<&str> = parsed.path.iter().map(AsRef::as_ref).collect();
    let mut project = Project {
        line,
        invocation,
        seen: BTreeSet::new(),
        waiting: Vec::new(),
    };
    for value in values("build-context") {
        project.add_context(value);
    }
    for value in values("security-opt").into_iter().chain(values("secret")) {
        project.add_fields(value);
    }
    match path[..] {
        ["compose", ..] => project.wait_for(&values("file"), &[COMPOSE_FILES, OVERRIDES]),
        ["stack", "deploy"] => project.wait_for(&values("compose-file"), &[]),
        ["buildx", "bake"] => {
            project.push(InputKind::Directory, line.cwd.to_owned());
            let defaults = [COMPOSE_FILES, OVERRIDES, BAKE_FILES];
            project.wait_for(&values("file"), &defaults);
        }
        _ => {}
    }
    project.look();
}

struct Project<'a, 'i> {
    line: &'a CommandLine<'a>,
    invocation: &'i mut Invocation,
    seen: BTreeSet<PathBuf>,
    waiting: Vec<PathBuf>,
}

impl Project<'_, '_> {
    fn push(&mut self, kind: InputKind, path: PathBuf) {
        self.invocation.add_input(Input {
            skipped: Cow::Borrowed(SKIPPED),
            ..Input::unnamed(kind, path, "build context")
        });
    }

    fn refuse(&mut self, path: PathBuf, why: &'static str) {
        self.invocation.add(Effect::Unknown, why);
        self.invocation
            .add_input(Input::refused(path, "build context", why));
    }

    /// Notes the files that are named or, where none is, those of the nearest folder that has one.
    fn wait_for(&mut self, named: &[&[u8]], defaults: &[&[&str]]) {
        let files = named.iter().filter(|name| **name != b"-");
        let files = files.map(|name| plain_join(self.line.cwd, &path_of(name)));
        self.waiting.extend(files);
        if !self.waiting.is_empty() {
            return;
        }
        for folder in self.line.cwd.ancestors() {
            let usual = defaults.iter().copied().flatten();
            let paths = usual.map(|name| folder.join(name));
            let there = paths.filter(|path| self.line.files.kind(path).is_some());
            self.waiting = there.collect();
            if !self.waiting.is_empty() {
                return;
            }
        }
    }

    fn look(&mut self) {
        while let Some(path) = self.waiting.pop() {
            if !self.seen.insert(path.clone()) {
                continue;
            }
            if self.seen.len() > LIMIT {
                return self.refuse(path, "the project leads to more files than gate follows");
            }
            self.look_into(&path);
        }
    }

    fn look_into(&mut self, path: &Path) {
        let content = match self.line.files.read(path) {
            Err(FileError::Absent) => return,
            Ok(content) if content.len() <= MAX_SCRIPT_BYTES => content,
            Ok(_) | Err(FileError::Unreadable(_)) => {
                return self.refuse(path.to_owned(), "it is too long, or can't be read");
            }
        };
        self.push(InputKind::File, path.to_owned());
        let folder = path.parent().unwrap_or(path);
        if path.extension().is_some_and(|end| end == "hcl") {
            let text = String::from_utf8_lossy(&content).replace('"', "'");
            for name in bicep::quoted(&text) {
                self.add(folder, name);
            }
            return self.note_variables(path, &text);
        }
        let Some(document) = scalars::read(&content) else {
            let why = "it is written in a way that gate can't follow";
            return self.refuse(path.to_owned(), why);
        };
        for scalar in &document.scalars {
            if !document.is_plain || names_one(scalar) {
                self.add_value(folder, &scalar.text);
            }
            if scalar.text.contains('$') && is_name(scalar) {
                self.refuse(plain_join(folder, Path::new(&scalar.text)), BY_VARIABLE);
            } else if scalar.text.contains('$') && !document.is_plain {
                self.invocation.add(Effect::Unknown, BY_VARIABLE);
            }
        }
    }

    /// Refuses a bake file in which a variable names a context or a file; where it can be one
    /// only, the command is unknown. Its texts stand between `'`.
    fn note_variables(&mut self, path: &Path, text: &str) {
        for line in text.lines().filter(|line| !is_comment(line)) {
            let pair = line.split_once('=').or_else(|| line.split_once(": "));
            let Some((field, value)) = pair else {
                if line.contains("${") {
                    self.invocation.add(Effect::Unknown, BY_VARIABLE);
                }
                continue;
            };
            let field = field.trim().rsplit([' ', '\t', '{']).next().unwrap_or("");
            let value = value.trim();
            if is_literal(value) {
                continue;
            }
            if matches!(field, "context" | "contexts" | "dockerfile") {
                self.refuse(path.to_owned(), BY_VARIABLE);
            } else if !(HARMLESS.contains(&field) && value.starts_with(['[', '{'])) {
                self.invocation.add(Effect::Unknown, BY_VARIABLE);
            }
        }
    }

    /// Adds the value of a field, and what stands behind a `=` in it.
    fn add_value(&mut self, folder: &Path, value: &str) {
        self.add(folder, value);
        if let Some((_, behind)) = value.split_once('=') {
            self.add(folder, behind);
        }
    }

    /// Adds what is there of that name, and looks into it where it can be a compose file.
    fn add(&mut self, folder: &Path, name: &str) {
        if is_address(name.as_bytes()) {
            let why = "it names what is fetched, and can differ at each run";
            return self.refuse(name.into(), why);
        }
        let path = plain_join(folder, Path::new(name));
        match self.line.files.kind(&path) {
            Some(FileKind::Directory) => self.push(InputKind::Directory, path),
            Some(FileKind::File) => {
                self.push(InputKind::File, path.clone());
                let end = path.extension().and_then(|end| end.to_str());
                if matches!(end, Some("yml" | "yaml" | "hcl")) {
                    self.waiting.push(path);
                }
            }
            Some(FileKind::Special) | None => {}
        }
    }

    /// Adds the files of `seccomp=FILE` and `id=NAME,src=FILE`.
    fn add_fields(&mut self, value: &[u8]) {
        for field in value.split(|byte| *byte == b',') {
            let at = field.iter().position(|byte| matches!(byte, b'=' | b':'));
            let Some((name, file)) = at.and_then(|at| field.split_at_checked(at)) else {
                continue;
            };
            let file = file.get(1..).unwrap_or_default();
            let path = plain_join(self.line.cwd, &path_of(file));
            let is_there = self.line.files.kind(&path) == Some(FileKind::File);
            let names_one = match name {
                b"seccomp" => !matches!(file, b"unconfined" | b"builtin"),
                // Elsewhere than in a build it is a secret of the server.
                b"src" | b"source" => is_there,
                _ => false,
            };
            if names_one {
                self.push(InputKind::File, path);
            }
        }
    }

    /// Adds the folder of `NAME=FOLDER`.
    fn add_context(&mut self, value: &[u8]) {
        let at = value.iter().position(|byte| *byte == b'=');
        let place = value.get(at.map_or(0, |at| at + 1)..).unwrap_or_default();
        let place = place.strip_prefix(b"oci-layout://").unwrap_or(place);
        if is_address(place) {
            let why = "it names what is fetched, and can differ at each run";
            return self.refuse(path_of(place), why);
        }
        let of_image = place.starts_with(b"docker-image://") || place.starts_with(b"target:");
        if !of_image {
            self.push(
                InputKind::Directory,
                plain_join(self.line.cwd, &path_of(place)),
            );
        }
    }
}

/// Tells whether docker would fetch a context of that name.
fn is_address(name: &[u8]) -> bool {
    [
        &b"http://"[..],
        b"https://",
        b"git://",
        b"git@",
        b"ssh://",
        b"github.com/",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

fn is_comment(line: &str) -> bool {
    ["#", "//"].iter().any(|mark| line.trim().starts_with(mark))
}

/// Tells whether a value of a bake file, whose texts stand between `'`, is made of no variable.
fn is_literal(value: &str) -> bool {
    let is_known = |word: &str| {
        let is_number = word.starts_with(|letter: char| letter.is_ascii_digit());
        word.is_empty() || is_number || matches!(word, "true" | "false" | "null")
    };
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut beside = value.split('\'').step_by(2);
    !value.contains("${")
        && beside.all(|text| {
            let code = text.split('#').next().unwrap_or("");
            // In a map it is a key that stands before a `=`.
            let mut parts = code
                .split(',')
                .map(|part| part.split_once('=').unwrap_or(("", part)));
            !code.contains('?')
                && parts.all(|(_, made)| made.split(|letter| !is_word(letter)).all(is_known))
        })
}

/// Tells whether a value is the name of a file or folder, and not another word about a build.
fn is_name(scalar: &Scalar) -> bool {
    let last = scalar.keys.last().map_or("", String::as_str);
    let mut keys = scalar.keys.iter().map(String::as_str);
    names_one(scalar) && (NAMING.contains(&last) || keys.any(|key| LISTING.contains(&key)))
}

/// Tells whether a value stands in a field that names a file or folder. What is mounted is read
/// by what runs in a container, and is not part of what is built.
fn names_one(scalar: &Scalar) -> bool {
    let mut keys = scalar.keys.iter().map(String::as_str);
    let last = scalar.keys.last().map_or("", String::as_str);
    let is_kept = last != "target" && last != "tags" && last != "args";
    is_kept
        && !keys
            .clone()
            .any(|key| matches!(key, "args" | "labels" | "environment" | "volumes"))
        && keys.any(|key| NAMING.contains(&key))
}

#[cfg(test)]
mod tests {
    use super::is_literal;

    #[test]
    fn a_value_of_a_bake_file_is_literal_where_no_variable_makes_it() {
        for literal in [
            "'.'",
            "'a' }",
            "{ a = 'b', c = 'd' }",
            "['a', 'b'] # DIR",
            "{",
            "true",
            "3",
        ] {
            assert!(is_literal(literal), "{literal}");
        }
        for made in [
            "DIR",
            "DIR }",
            "'${DIR}/x'",
            "join('/', ['a', DIR])",
            "{ a = 'b', c = DIR }",
            "{ a = DIR, c = 'd' }",
            "'a' == X ? 'b' : 'c'",
            "X != '' ? 'b' : 'c'",
        ] {
            assert!(!is_literal(made), "{made}");
        }
    }
}
