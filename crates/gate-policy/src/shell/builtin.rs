//! The commands of the shell itself.

use std::borrow::Cow;
use std::path::{Component, PathBuf};

use super::expand::Field;
use super::feed::Feed;
use super::parser::Dialect;
use super::run::{Runner, ShellInput};
use super::scope::{Scope, Value};
use super::simple::Called;
use crate::command_line::{Files, without_dots};
use crate::effect::Effect;
use crate::invocation::Place;
use crate::read::path_of;
use crate::read::plain_join;
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
pub(super) fn is_builtin(name: &[u8]) -> bool {
    HARMLESS.contains(&name) || READ.contains(&name)
}

/// Tells whether a command of the shell may do more than a program of its name.
pub(super) fn changes_shell(name: &[u8]) -> bool {
    READ.contains(&name)
}

/// Tells whether a command runs a text as a part of the script.
fn takes_in(name: &[u8]) -> bool {
    matches!(name, b"eval" | b"." | b"source")
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
        b"return" => {
            runner.exit(None, scope);
            runner.harmless(name, words);
        }
        _ if HARMLESS.contains(&name) => runner.harmless(name, words),
        b"test" | b"[" | b"[[" => runner.plain_test(words),
        b"printf" if !may_set_variable(words) => runner.harmless(name, words),
        b"cd" => runner.change_folder(words, scope),
        b"export" | b"declare" | b"typeset" | b"local" | b"readonly" => {
            runner.declare(name, words, scope);
        }
        b"unset" => runner.unset(words, scope),
        b"set" => runner.set_options(words, scope),
        b"shopt" => runner.shell_options(words),
        b"read" => {
            runner.takes_of_script(called.feed);
            runner.read_variables(words, scope);
        }
        b"break" | b"continue" => runner.leave_loops(words, scope),
        b"eval" => runner.eval(words, scope, called),
        b"source" | b"." => runner.source(words, called, scope),
        b"trap" => runner.trap(words, scope),
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

impl Runner<'_> {
    /// `break` and `continue`: zsh calculates how many loops they leave.
    fn leave_loops(&mut self, words: &[Field], scope: &Scope) {
        let loops = words.first().map_or(Some(1), |word| {
            let digits = std::str::from_utf8(&word.bytes).ok()?;
            digits.parse().ok().filter(|_| word.is_known)
        });
        if loops.is_none() {
            self.unknown("how many loops are left is not known");
        }
        self.exit(loops.or(Some(usize::MAX)), scope);
    }

    fn change_folder(&mut self, words: &[Field], scope: &mut Scope) {
        self.effect(Effect::Read, "the shell does it itself");
        let flags: [&[u8]; 3] = [b"-P", b"-L", b"--"];
        let is_physical = words.iter().any(|word| word.bytes == b"-P");
        let mut words = words.iter().filter(|word| !flags.contains(&&*word.bytes));
        let target = match (words.next(), words.next()) {
            (None, _) => match scope.get(b"HOME") {
                Value::Known(home) if !home.is_empty() => Some(home),
                Value::Known(_) | Value::Number | Value::PerhapsNumber | Value::Unknown => None,
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
        let is_absolute = |target: &Vec<u8>| target.starts_with(b"/");
        let is_named = scope.is_named() || target.as_ref().is_some_and(is_absolute);
        scope.cwd = match (&scope.cwd, target) {
            (Some(cwd), Some(target)) => Some(cwd.join(path_of(&target))),
            (None, Some(target)) if target.starts_with(b"/") => Some(path_of(&target)),
            _ => None,
        };
        // Behind a link `-P` takes a `..` for another folder than the name says,
        // and PWD for another one than the path that gate knows.
        let goes_up = |path: &PathBuf| path.components().any(|part| part == Component::ParentDir);
        scope.cwd = scope
            .cwd
            .take()
            .filter(|path| !((is_physical || !is_named) && goes_up(path)))
            .map(|path| without_dots(&path));
        if is_named {
            scope.follow_folder();
        }
        scope.is_moving = scope.cwd.is_some();
    }

    fn eval(&mut self, words: &[Field], scope: &mut Scope, called: &Called<'_>) {
        if !words.iter().all(|word| word.is_known) {
            self.unknown("what `eval` runs is not known");
            return;
        }
        let text: Vec<&[u8]> = words.iter().map(|word| &*word.bytes).collect();
        let text = text.join(&b' ');
        self.deeper_text(&text, scope, called.feed);
    }

    /// Runs a text that is made while the script runs.
    pub(super) fn deeper_text(&mut self, text: &[u8], scope: &mut Scope, feed: &Feed) {
        if self.calls >= super::run::MAX_CALLS {
            self.unknown("texts are run in texts deeper than gate reads");
            return;
        }
        self.calls += 1;
        self.is_single = false;
        self.text(text, None, scope, feed);
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
        self.bind(&path, "script");
        let files = FilesInside(self.line.files);
        match files.read(&path).map(Cow::into_owned) {
            Ok(text) => {
                scope.words = None;
                self.taken_in(&text, scope, called.feed);
            }
            Err(problem) => {
                let name = shown(&file.bytes);
                self.unknown(&format!("can't read script `{name}`: {problem}"));
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
            self.note_words(fields);
            return;
        }
        if is(fields, b"--") {
            fields = fields.get(1..).unwrap_or_default();
        }
        let Some(first) = fields.first() else {
            self.effect(Effect::Read, "only the descriptors of the shell change");
            let has_moved = !matches!(called.feed, Feed::Outer | Feed::Script);
            if has_moved && self.input == ShellInput::Script {
                self.unknown("the shell goes on with another script at the standard input");
            } else if has_moved {
                self.input = ShellInput::Moved;
            }
            return;
        };
        if !first.is_known || first.bytes.starts_with(b"-") {
            self.unknown("how a command is started is not understood");
            return;
        }
        if name == b"command" && self.dialect == Dialect::Posix && takes_in(&first.bytes) {
            self.unknown("some shells go on behind an error in what `command` takes in");
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
