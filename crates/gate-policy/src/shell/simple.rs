//! One simple command: a function, a command of the shell itself, a program.

use std::ffi::OsString;
use std::path::Path;

use super::builtin;
use super::expand::Field;
use super::feed::{Feed, leaves_input};
use super::parser::Dialect;
use super::run::{Frame, Runner, TAKES_OF_SCRIPT};
use super::scope::{Scope, UNKNOWN_VALUE, Value, exported, word_of};
use super::syntax::{Assignment, Simple};
use crate::command_line::{Environment, Stdin};
use crate::effect::Effect;
use crate::invocation::{EnvironmentAction, InputKind, Nested, Place, Placement};
use crate::read::inner::{Inner, Origin, absorb};
use crate::read::path_of;
use crate::read::plain_join;
use crate::read::words::shown;

/// A command whose words are expanded.
pub(super) struct Called<'c> {
    pub(super) fields: &'c [Field],
    pub(super) frame: &'c Frame,
    pub(super) feed: &'c Feed,
    /// What is set for it alone.
    pub(super) prefix: &'c [(Vec<u8>, Value)],
    /// Whether it is a program, whatever functions there are.
    pub(super) is_program: bool,
}

impl Runner<'_> {
    pub(super) fn simple(
        &mut self,
        simple: &Simple,
        scope: &mut Scope,
        frame: &Frame,
        feed: &Feed,
    ) {
        let fields = self.fields(&simple.words, scope, frame);
        let prefix = self.assignments(simple, scope, frame);
        let Some(first) = fields.first() else {
            if !simple.words.is_empty() {
                self.unknown("a command has no name when its words are expanded");
            }
            return;
        };
        if !first.is_known {
            let raw = self.nameless(&frame.text, simple);
            self.unknown(&format!("the name of a command is not known: `{raw}`"));
            return;
        }
        self.doubt_timed(&fields, scope);
        if self.is_traced {
            self.note_words(&fields);
        }
        let called = Called {
            fields: &fields,
            frame,
            feed,
            prefix: &prefix,
            is_program: false,
        };
        self.called(&called, scope);
    }

    /// Where `time` is a word of the grammar, what it times is a function or a
    /// command of the shell; else it is a program.
    fn doubt_timed(&mut self, fields: &[Field], scope: &Scope) {
        let Some((b"time", rest)) = fields
            .split_first()
            .map(|(first, rest)| (&*first.bytes, rest))
        else {
            return;
        };
        let mut rest = rest.iter().filter(|field| !field.bytes.starts_with(b"-"));
        let is_of_shell = |field: &Field| {
            scope.functions.contains_key(&field.bytes) || builtin::changes_shell(&field.bytes)
        };
        if self.dialect == Dialect::Posix && rest.next().is_some_and(is_of_shell) {
            self.unknown("whether `time` runs a program or what the shell has is not known");
        }
    }

    /// Does the assignments before a command, each with what the ones before it
    /// set; returns what is set for the command alone.
    fn assignments(
        &mut self,
        simple: &Simple,
        scope: &mut Scope,
        frame: &Frame,
    ) -> Vec<(Vec<u8>, Value)> {
        let mut prefix = Vec::new();
        if simple.words.is_empty() {
            for assignment in &simple.assignments {
                let value = self.assigned(assignment, scope, frame);
                self.assign(&assignment.name, value, scope);
            }
            return prefix;
        }
        if simple.assignments.is_empty() {
            return prefix;
        }
        let mut ahead = scope.clone();
        for assignment in &simple.assignments {
            let value = self.assigned(assignment, &mut ahead, frame);
            self.assign(&assignment.name, value.clone(), &mut ahead);
            prefix.push((assignment.name.clone(), value));
        }
        if self.dropped.is_some() {
            self.may_drop(scope);
        }
        // What a calculation in one of them sets stays.
        for (name, _) in &prefix {
            ahead.restore(name, scope);
        }
        scope.forget(&ahead);
        prefix
    }

    /// Notes a command of which not even the name is known.
    fn nameless(&mut self, text: &[u8], simple: &Simple) -> String {
        let raw = shown(text.get(simple.range.clone()).unwrap_or_default());
        if !self.is_dry {
            let nested = Nested::statement("command", raw.clone(), Effect::Unknown);
            self.invocation.nested.push(nested);
        }
        raw
    }

    fn assigned(&mut self, assignment: &Assignment, scope: &mut Scope, frame: &Frame) -> Value {
        for word in &assignment.others {
            self.value(word, scope, frame);
        }
        let mut words = assignment.others.iter().chain(&assignment.value);
        let source = words.find_map(|word| self.carried(word, scope));
        self.carry(&assignment.name, source);
        let Some(word) = &assignment.value else {
            return Value::Unknown;
        };
        let value = self.value(word, scope, frame);
        if self.is_traced {
            self.note_value(word, &value, scope);
        }
        value
    }

    pub(super) fn called(&mut self, called: &Called<'_>, scope: &mut Scope) {
        let Some(name) = called.fields.first().map(|field| field.bytes.clone()) else {
            return;
        };
        let function = scope
            .functions
            .get(&name)
            .filter(|_| !called.is_program)
            .cloned();
        if let Some(function) = function {
            self.with_prefix(called, scope, |runner, scope| {
                runner.call(&function, called.fields, scope, called.feed);
            });
            if function.is_sure && !builtin::is_special(&name) {
                return;
            }
            let name = shown(&name);
            self.unknown(&format!("whether `{name}` is a function is not known"));
        }
        if builtin::is_builtin(&name) {
            self.note_printed(called.fields);
            self.with_prefix(called, scope, |runner, scope| {
                builtin::run(runner, &name, called, scope);
            });
        } else {
            self.program(called, scope);
        }
    }

    /// Runs something with what is set for it alone.
    fn with_prefix(
        &mut self,
        called: &Called<'_>,
        scope: &mut Scope,
        run: impl FnOnce(&mut Self, &mut Scope),
    ) {
        if called.prefix.is_empty() {
            run(self, scope);
            return;
        }
        let mut inside = scope.clone();
        for (name, value) in called.prefix {
            inside.set(name, value.clone());
            inside.export(name);
        }
        run(self, &mut inside);
        // Behind some commands of a shell they stay, in some shells. Behind
        // `IFS= read` they don't in any.
        let is_read = called
            .fields
            .first()
            .is_some_and(|field| field.bytes == b"read");
        for (name, _) in called.prefix.iter().filter(|_| is_read) {
            inside.restore(name, scope);
        }
        scope.forget(&inside);
    }

    /// Reads a program with its words.
    pub(super) fn program(&mut self, called: &Called<'_>, scope: &Scope) {
        if self.is_dry {
            return;
        }
        let mut env = std::borrow::Cow::Borrowed(&scope.env);
        for (name, value) in called.prefix {
            env.to_mut().set(word_of(name), exported(value));
        }
        let mut doubts: Vec<String> = called
            .fields
            .iter()
            .filter(|field| !field.is_known && !self.is_settled(field, called.fields, scope))
            .map(|field| format!("a word of it is not known: `{}`", shown(&field.bytes)))
            .collect();
        if scope.cwd.is_none() && self.place == Place::Here {
            doubts.push("the folder that it starts in is not known".to_owned());
        }
        let is_file = |field: &Field| self.is_plain_file(&field.bytes, scope);
        if matches!(called.feed, Feed::Script) && !leaves_input(called.fields, is_file) {
            doubts.push(TAKES_OF_SCRIPT.to_owned());
        }
        let names = called.prefix.iter().map(|(name, _)| &**name);
        if !scope.is_outside(b"PATH") || names.into_iter().any(|name| name == b"PATH") {
            doubts.push("it is looked for in another PATH".to_owned());
        }
        let cwd = scope.cwd.as_deref().unwrap_or(self.line.cwd);
        let sketch = Sketch {
            called,
            env: &env,
            cwd,
            doubts,
        };
        self.absorbed(&sketch);
    }

    /// Tells whether a name is that of a file here, and no link, which could
    /// lead to the standard input as what stands in `/dev` can.
    fn is_plain_file(&self, name: &[u8], scope: &Scope) -> bool {
        let Some(cwd) = scope.cwd.as_ref().filter(|_| self.place == Place::Here) else {
            return false;
        };
        let path = plain_join(cwd, &path_of(name));
        let parts = path.parent().zip(path.file_name());
        let real = parts.and_then(|(folder, name)| {
            let folder = self.line.files.canonical(folder)?;
            Some(folder.join(name))
        });
        real.is_some_and(|real| {
            let mut devices = ["/dev", "/proc"].iter();
            !devices.any(|folder| real.starts_with(folder))
                && self.line.files.canonical(&path).as_ref() == Some(&real)
        })
    }

    /// Reads it, a second time with what a file holds where it would run that.
    fn absorbed(&mut self, sketch: &Sketch<'_>) {
        let known = self.invocation.nested.len();
        let stdin = match sketch.called.feed {
            Feed::Outer => match self.line.stdin {
                Stdin::Content(_) if !self.is_single => Stdin::Unread,
                stdin @ (Stdin::Content(_) | Stdin::Absent | Stdin::Terminal | Stdin::Unread) => {
                    stdin
                }
            },
            Feed::Known(bytes) => Stdin::Content(bytes),
            Feed::File(_) | Feed::Script | Feed::Unknown => Stdin::Unread,
        };
        let content = match sketch.called.feed {
            Feed::File(path) if self.place == Place::Here && self.reads_stdin(sketch) => {
                self.line.files.read(path).ok()
            }
            Feed::File(_) | Feed::Outer | Feed::Known(_) | Feed::Script | Feed::Unknown => None,
        };
        let stdin = content.as_deref().map_or(stdin, Stdin::Content);
        let inner = self.inner(sketch, stdin);
        absorb(self.line, self.nesting, &inner, self.invocation);
        self.doubt_environment(known, sketch.env);
        // What does more than that is asked about as it is.
        let mut new = self.invocation.nested.iter().skip(known);
        if new.all(|nested| matches!(nested.effect, Effect::Read | Effect::Local)) {
            self.note_printed(sketch.called.fields);
        }
    }

    /// Tells whether a command would do what its standard input says.
    fn reads_stdin(&self, sketch: &Sketch<'_>) -> bool {
        let mut probe = self.invocation.clone();
        let inner = self.inner(sketch, Stdin::Unread);
        let inner = Inner {
            shares_stdin: true,
            fed: None,
            ..inner
        };
        probe.inputs.clear();
        absorb(self.line, self.nesting, &inner, &mut probe);
        let mut inputs = probe.inputs.iter();
        inputs.any(|input| input.kind == InputKind::Stdin && input.placement == Placement::Anywhere)
    }

    fn inner<'w>(&self, sketch: &'w Sketch<'w>, stdin: Stdin<'w>) -> Inner<'w> {
        let fields = sketch.called.fields.iter();
        let frame = sketch.called.frame;
        Inner {
            argv: fields.clone().map(|field| word_of(&field.bytes)).collect(),
            origins: fields.map(|field| origin(frame, field)).collect(),
            within: self.within,
            env: sketch.env,
            inherits: true,
            cwd: sketch.cwd,
            stdin,
            shares_stdin: matches!(sketch.called.feed, Feed::Outer),
            fed: match sketch.called.feed {
                Feed::Unknown => Some(Placement::Made),
                Feed::File(_) => Some(Placement::Unsure),
                Feed::Outer | Feed::Known(_) | Feed::Script => None,
            },
            place: self.place,
            doubts: sketch.doubts.clone(),
        }
    }

    /// A variable whose value is not known, and that matters to the program,
    /// makes it unknown.
    fn doubt_environment(&mut self, from: usize, env: &Environment) {
        let mut unknown = env
            .iter()
            .filter(|(_, value)| *value == UNKNOWN_VALUE)
            .peekable();
        if unknown.peek().is_none() {
            return;
        }
        let names: Vec<OsString> = unknown.map(|(name, _)| name.to_owned()).collect();
        let new = self.invocation.nested.iter_mut().skip(from);
        let why = "a variable that matters to it is not known";
        let mut is_doubtful = false;
        for inner in new.filter_map(|nested| nested.inner.as_mut()) {
            let read = &mut inner.invocation;
            let matters = read.environment.iter().any(|note| {
                names.contains(&note.name) && note.action != EnvironmentAction::Stripped
            });
            if matters {
                read.add(Effect::Unknown, why);
                read.effect = read.effects.strictest();
                is_doubtful = true;
            }
        }
        if is_doubtful {
            for nested in self.invocation.nested.iter_mut().skip(from) {
                nested.effect = nested
                    .inner
                    .as_ref()
                    .map_or(nested.effect, |inner| inner.invocation.effect);
            }
            self.invocation.effects.insert(Effect::Unknown);
            if !self.invocation.reasons.iter().any(|reason| reason == why) {
                self.invocation.reasons.push(why.to_owned());
            }
        }
    }
}

/// A program about to be read.
struct Sketch<'s> {
    called: &'s Called<'s>,
    env: &'s Environment,
    cwd: &'s Path,
    doubts: Vec<String>,
}

/// Returns where a word stands in argv.
fn origin(frame: &Frame, field: &Field) -> Option<Origin> {
    let (argv_index, start) = frame.origin?;
    let raw = frame
        .text
        .get(field.range.clone())
        .filter(|raw| !raw.is_empty())?;
    Some(Origin {
        argv_index,
        range: start + field.range.start..start + field.range.end,
        is_verbatim: field.is_known && raw == field.bytes,
    })
}
