//! The commands of the shell itself.

use std::path::{Component, Path, PathBuf};

use super::expand::Field;
use super::parser::{Dialect, is_name};
use super::run::Runner;
use super::scope::{Scope, Value};
use super::simple::Called;
use crate::command_line::{FileError, Files};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Place, Placement};
use crate::read::inputs::plain_join;
use crate::read::path_of;
use crate::read::words::shown;
use crate::read::written::FilesInside;

/// Those that do nothing to anything outside of the shell, whatever their words.
const HARMLESS: &[&[u8]] = &[
    b":", b"true", b"false", b"echo", b"exit", b"return", b"wait", b"jobs", b"bg", b"fg",
    b"disown", b"times", b"type", b"umask", b"pwd", b"logout", b"unalias", b"ulimit", b"dirs",
    b"shift",
];
/// Those that are read by their words.
const READ: &[&[u8]] = &[
    b"test",
    b"[",
    b"[[",
    b"printf",
    b"cd",
    b"export",
    b"declare",
    b"typeset",
    b"local",
    b"readonly",
    b"unset",
    b"set",
    b"shopt",
    b"read",
    b"break",
    b"continue",
    b"eval",
    b"source",
    b".",
    b"trap",
    b"exec",
    b"command",
    b"builtin",
    b"kill",
    b"pushd",
    b"popd",
    b"hash",
    b"getopts",
    b"let",
    b"alias",
    b"mapfile",
    b"readarray",
    b"enable",
    b"fc",
    b"history",
    b"bind",
    b"complete",
    b"compgen",
    b"compopt",
    b"autoload",
    b"zmodload",
    b"setopt",
    b"unsetopt",
    b"emulate",
    b"zle",
    b"sched",
    b"whence",
    b"print",
];
/// Those that some shell called `sh` does not have: it goes on without.
const NOT_EVERYWHERE: &[&[u8]] = &[b"declare", b"typeset", b"builtin", b"source", b"shopt"];
/// Those that a function of the same name does not replace in every shell.
const SPECIAL: &[&[u8]] = &[
    b":",
    b".",
    b"break",
    b"continue",
    b"eval",
    b"exec",
    b"exit",
    b"export",
    b"readonly",
    b"return",
    b"set",
    b"shift",
    b"times",
    b"trap",
    b"unset",
];
/// The letters of `set` that change nothing of what a command means.
const PLAIN_LETTERS: &[u8] = b"euxfvCbhmBEHT";

pub(super) fn is_builtin(name: &[u8]) -> bool {
    HARMLESS.contains(&name) || READ.contains(&name)
}

pub(super) fn is_special(name: &[u8]) -> bool {
    SPECIAL.contains(&name)
}

/// Does what a command of the shell does.
pub(super) fn run(runner: &mut Runner<'_>, name: &[u8], called: &Called<'_>, scope: &mut Scope) {
    let words = called.fields.get(1..).unwrap_or_default();
    if runner.dialect == Dialect::Posix && NOT_EVERYWHERE.contains(&name) {
        let name = shown(name);
        runner.unknown(&format!("not every shell has `{name}`"));
    }
    match name {
        b"shift" => {
            scope.words = None;
            runner.harmless(name, words);
        }
        _ if HARMLESS.contains(&name) => runner.harmless(name, words),
        b"test" | b"[" | b"[[" => runner.plain_test(words),
        b"printf" if !may_set_variable(words) => runner.harmless(name, words),
        b"cd" => runner.change_folder(words, scope),
        b"export" | b"declare" | b"typeset" | b"local" | b"readonly" => {
            runner.declare(name, words, scope);
        }
        b"unset" => unset(runner, words, scope),
        b"set" => runner.set_options(words, scope),
        b"shopt" => runner.effect(Effect::Read, "the shell does it itself"),
        b"read" => read_variables(runner, words, scope),
        b"break" | b"continue" => scope.is_torn = true,
        b"eval" => runner.eval(words, scope, called),
        b"source" | b"." => runner.source(words, called, scope),
        b"trap" => runner.trap(words, called, scope),
        b"exec" | b"command" | b"builtin" => runner.prefixed(name, called, scope),
        b"kill" => runner.effect(Effect::Write, "`kill` ends or signals processes"),
        b"alias" if words.is_empty() => runner.effect(Effect::Read, "it shows aliases"),
        _ => {
            let name = shown(name);
            runner.unknown(&format!("what `{name}` makes of the shell is not followed"));
        }
    }
}

/// Tells whether `printf` sets a variable, or may.
fn may_set_variable(words: &[Field]) -> bool {
    words
        .first()
        .is_some_and(|word| !word.is_known || word.bytes.starts_with(b"-"))
}

fn unset(runner: &mut Runner<'_>, words: &[Field], scope: &mut Scope) {
    for word in words {
        match &*word.bytes {
            b"-v" if word.is_known => {}
            name if word.is_known && is_name(name) => scope.unset(name),
            _ => runner.unknown("what `unset` takes away is not known"),
        }
    }
}

/// `read` sets variables to what it reads.
fn read_variables(runner: &mut Runner<'_>, words: &[Field], scope: &mut Scope) {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match &*word.bytes {
            _ if !word.is_known => runner.unknown("what `read` sets is not known"),
            b"-p" | b"-d" | b"-n" | b"-N" | b"-t" | b"-u" => drop(words.next()),
            [b'-', letters @ ..] if letters.iter().all(|letter| b"rs".contains(letter)) => {}
            name if is_name(name) => scope.set(name, Value::Unknown),
            _ => runner.unknown("what `read` sets is not known"),
        }
    }
}

impl Runner<'_> {
    fn change_folder(&mut self, words: &[Field], scope: &mut Scope) {
        self.effect(Effect::Read, "the shell does it itself");
        let flags: [&[u8]; 3] = [b"-P", b"-L", b"--"];
        let mut words = words.iter().filter(|word| !flags.contains(&&*word.bytes));
        let target = match (words.next(), words.next()) {
            (None, _) => match scope.get(b"HOME") {
                Value::Known(home) if !home.is_empty() => Some(home),
                Value::Known(_) | Value::Number | Value::Unknown => None,
            },
            (Some(word), None) if word.is_known && !word.bytes.starts_with(b"-") => {
                Some(word.bytes.clone())
            }
            _ => None,
        };
        let is_relative = |target: &Vec<u8>| {
            let parts: [&[u8]; 2] = [b"/", b"."];
            !parts.iter().any(|part| target.starts_with(part))
        };
        let searches = scope.get(b"CDPATH") != Value::Known(Vec::new());
        let target = target.filter(|target| !(searches && is_relative(target)));
        scope.cwd = match (&scope.cwd, target) {
            (Some(cwd), Some(target)) if !scope.is_torn => {
                Some(logical(&cwd.join(path_of(&target))))
            }
            (None, Some(target)) if target.starts_with(b"/") && !scope.is_torn => {
                Some(logical(&path_of(&target)))
            }
            _ => None,
        };
        scope.is_moving = scope.cwd.is_some();
    }

    fn declare(&mut self, name: &[u8], words: &[Field], scope: &mut Scope) {
        if words.is_empty() || words.iter().any(|word| word.bytes == b"-p") {
            self.effect(Effect::Secret, "it prints every variable");
            return;
        }
        let mut exports = name == b"export";
        let mut fixes = name == b"readonly";
        let mut is_plain = true;
        for word in words {
            if !word.is_known && !word.bytes.contains(&b'=') {
                self.unknown("what is declared is not known");
                continue;
            }
            if let Some(letters) = word.bytes.strip_prefix(b"-") {
                exports |=
                    letters == b"x" || letters == b"gx" || letters == b"xr" || letters == b"rx";
                fixes |= letters.contains(&b'r');
                is_plain &= letters.iter().all(|letter| b"xrg".contains(letter));
                if letters.iter().any(|letter| b"ainAfF".contains(letter)) {
                    self.unknown("a declared variable has a type that is not followed");
                }
                continue;
            }
            let equals = word.bytes.iter().position(|byte| *byte == b'=');
            let variable = word.bytes.get(..equals.unwrap_or(word.bytes.len()));
            let Some(variable) = variable.filter(|name| is_name(name)) else {
                self.unknown("what is declared is not known");
                continue;
            };
            if super::simple::starts_code(variable) {
                let name = shown(variable);
                self.unknown(&format!("`{name}` is set, from which a shell takes code"));
            }
            if let Some(equals) = equals {
                let value = word.bytes.get(equals + 1..).unwrap_or_default().to_vec();
                let value = if word.is_known && is_plain {
                    Value::Known(value)
                } else {
                    Value::Unknown
                };
                scope.set(variable, value);
            }
            if exports {
                scope.export(variable);
            }
            if fixes {
                scope.fix(variable);
            }
        }
    }

    fn set_options(&mut self, words: &[Field], scope: &mut Scope) {
        if words.is_empty() {
            self.effect(Effect::Secret, "it prints every variable");
            return;
        }
        self.effect(Effect::Read, "the shell does it itself");
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let is_plain =
                |letters: &[u8]| letters.iter().all(|letter| PLAIN_LETTERS.contains(letter));
            match &*word.bytes {
                _ if !word.is_known => self.unknown("what `set` sets is not known"),
                b"--" => {
                    let known = |word: &Field| word.is_known.then(|| word.bytes.clone());
                    let rest: Option<Vec<Vec<u8>>> = words.map(known).collect();
                    let first = scope
                        .words
                        .as_ref()
                        .and_then(|words| words.first())
                        .cloned();
                    scope.words = rest.filter(|_| !scope.is_torn).map(|rest| {
                        std::iter::once(first.unwrap_or_default())
                            .chain(rest)
                            .collect()
                    });
                    return;
                }
                [b'-' | b'+', letters @ .., b'o'] if is_plain(letters) => {
                    let names: [&[u8]; 7] = [
                        b"pipefail",
                        b"errexit",
                        b"nounset",
                        b"xtrace",
                        b"noglob",
                        b"noclobber",
                        b"verbose",
                    ];
                    let option = words.next().map(|word| &*word.bytes);
                    if !option.is_some_and(|option| names.contains(&option)) {
                        self.unknown("an option of the shell is not understood");
                    }
                }
                [b'-' | b'+', letters @ ..] if is_plain(letters) => {}
                _ => self.unknown("an option of the shell is not understood"),
            }
        }
    }

    fn eval(&mut self, words: &[Field], scope: &mut Scope, called: &Called<'_>) {
        if !words.iter().all(|word| word.is_known) {
            self.unknown("what `eval` runs is not known");
            return;
        }
        let text: Vec<&[u8]> = words.iter().map(|word| &*word.bytes).collect();
        let text = text.join(&b' ');
        self.deeper_text(&text, scope, called);
    }

    /// Runs a text that is made while the script runs.
    fn deeper_text(&mut self, text: &[u8], scope: &mut Scope, called: &Called<'_>) {
        if self.calls >= super::run::MAX_CALLS {
            self.unknown("texts are run in texts deeper than gate reads");
            return;
        }
        self.calls += 1;
        self.is_single = false;
        self.text(text, None, scope, called.feed);
        self.calls -= 1;
    }

    fn source(&mut self, words: &[Field], called: &Called<'_>, scope: &mut Scope) {
        let file = words
            .first()
            .filter(|word| word.is_known && word.bytes.contains(&b'/'));
        let (Some(file), Some(cwd), Place::Here) = (file, &scope.cwd, self.place) else {
            self.unknown("a script that it takes in is looked for, or its name is not known");
            return;
        };
        let path = plain_join(cwd, &path_of(&file.bytes));
        let content = self.script_file(&path);
        match content {
            Ok(text) => {
                scope.words = None;
                self.deeper_text(&text, scope, called);
            }
            Err(problem) => {
                let name = shown(&file.bytes);
                self.unknown(&format!("can't read script `{name}`: {problem}"));
            }
        }
    }

    /// Returns the text of a script, which becomes an input.
    fn script_file(&mut self, path: &Path) -> Result<Vec<u8>, FileError> {
        let is_known = |known: &Input| known.path == path;
        if !self.is_dry && !self.invocation.inputs.iter().any(is_known) {
            self.invocation.inputs.push(Input {
                placement: Placement::InPlace,
                ..Input::unnamed(InputKind::File, path.to_owned(), "script")
            });
        }
        let files = FilesInside(self.line.files);
        files.read(path).map(std::borrow::Cow::into_owned)
    }

    fn trap(&mut self, words: &[Field], called: &Called<'_>, scope: &mut Scope) {
        self.effect(Effect::Read, "the shell does it itself");
        match words {
            [] => {}
            [word, ..] if !word.is_known => self.unknown("what `trap` runs is not known"),
            [word, ..] if matches!(&*word.bytes, b"-" | b"" | b"-l" | b"-p") => {}
            [dashes, word, ..] if dashes.bytes == b"--" && !word.is_known => {
                self.unknown("what `trap` runs is not known");
            }
            [word, rest @ ..] => {
                let text = match rest.first() {
                    Some(next) if word.bytes == b"--" => next.bytes.clone(),
                    Some(_) | None => word.bytes.clone(),
                };
                // It may run at any time from here on.
                let mut changed = scope.clone();
                changed.cwd = None;
                self.deeper_text(&text, &mut changed, called);
                changed.cwd.clone_from(&scope.cwd);
                scope.forget(&changed);
            }
        }
    }

    /// `exec`, `command` and `builtin` run the command behind their options.
    fn prefixed(&mut self, name: &[u8], called: &Called<'_>, scope: &mut Scope) {
        let mut fields = called.fields.get(1..).unwrap_or_default();
        let is = |fields: &[Field], word: &[u8]| {
            fields
                .first()
                .is_some_and(|field| field.is_known && field.bytes == word)
        };
        if name == b"command" && (is(fields, b"-v") || is(fields, b"-V")) {
            self.effect(Effect::Read, "it shows where a command stands");
            return;
        }
        if is(fields, b"--") {
            fields = fields.get(1..).unwrap_or_default();
        }
        let Some(first) = fields.first() else {
            self.effect(Effect::Read, "only the descriptors of the shell change");
            return;
        };
        if !first.is_known || first.bytes.starts_with(b"-") {
            self.unknown("how a command is started is not understood");
            return;
        }
        let inside = Called {
            fields,
            is_program: true,
            ..*called
        };
        match name {
            b"exec" => self.program(&inside, scope),
            _ => self.called(&inside, scope),
        }
    }
}

/// Takes back what a `..` leaves, as the shell does with the name of its
/// folder.
fn logical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}
