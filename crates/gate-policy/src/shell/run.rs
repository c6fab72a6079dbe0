//! What a script would do: each of its commands is read as one of its own, in
//! the order in which they would run, with what the shell knows then.
//!
//! Where it depends on a command whether another one runs, both are taken to
//! run, and what they change is no longer known behind them.

use std::rc::Rc;

use super::exit::{Exit, Part};
use super::expand::Field;
use super::feed::{Feed, is_alone, is_whole, shares_with_words, single};
use super::names::is_called_by_shell;
use super::parser::{Dialect, Script, parse};
use super::printed::Secrets;
use super::scope::{Function, Scope, Value};
use super::syntax::{
    AndOr, Command, ForWords, Joint, Kind, List, Pipeline, Redirect, RedirectKind, Word,
};
use super::trap::Traps;
use crate::command_line::{CommandLine, FileKind};
use crate::effect::Effect;
use crate::invocation::{Invocation, Place};
use crate::read::MAX_SCRIPT_BYTES;
use crate::read::fed;
use crate::read::inner::Nesting;
use crate::read::words::shown;

/// The most commands of scripts that are looked at, those of loops once for
/// each turn.
pub(super) const MAX_STEPS: u32 = 4_000;
/// How deep functions call functions.
pub(super) const MAX_CALLS: u8 = 8;
/// Said of what may read the rest of the script.
pub(super) const TAKES_OF_SCRIPT: &str =
    "it may take lines of the script, which stands at the standard input";
/// The most words that a loop goes through one by one.
const MAX_TURNS: usize = 24;

/// The text that is run, and where it stands.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) text: Rc<[u8]>,
    pub(super) here: Rc<Vec<Word>>,
    /// The word of argv that the text stands in, and where it starts there.
    pub(super) origin: Option<(usize, usize)>,
}

impl Frame {
    /// Returns a word as it is written.
    pub(super) fn raw(&self, word: &Word) -> Vec<u8> {
        match self.text.get(word.range.clone()) {
            Some(raw) if !raw.is_empty() => raw.to_vec(),
            _ => b"$(...)".to_vec(),
        }
    }
}

/// What the shell itself has at its standard input.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ShellInput {
    /// What the outer command has.
    Outer,
    /// Where `exec` has led it.
    Moved,
    /// The script itself.
    Script,
}

/// Reads the commands of a script.
pub(super) struct Runner<'r> {
    pub(super) line: &'r CommandLine<'r>,
    pub(super) nesting: Nesting<'r>,
    pub(super) invocation: &'r mut Invocation,
    pub(super) dialect: Dialect,
    pub(super) place: Place,
    /// The word of argv that the script comes from.
    pub(super) within: Option<usize>,
    /// Whether no other command takes from the standard input.
    pub(super) is_single: bool,
    /// Whether only what is known afterwards is wanted, and no effect.
    pub(super) is_dry: bool,
    pub(super) steps: u32,
    pub(super) calls: u8,
    /// The loops and functions that are being run, the innermost one last.
    pub(super) exits: Vec<Exit>,
    pub(super) traps: Traps,
    pub(super) input: ShellInput,
    /// Whether the shell may show each command before it runs.
    pub(super) is_traced: bool,
    /// What is known wherever an error may have ended the line before its end.
    pub(super) dropped: Option<Scope>,
    pub(super) secrets: Secrets,
}

impl Runner<'_> {
    /// Says that something is not understood. Elsewhere that is no more than
    /// that something runs.
    pub(super) fn unknown(&mut self, why: &str) {
        self.effect(Effect::Unknown, why);
    }

    pub(super) fn effect(&mut self, effect: Effect, why: &str) {
        let is_elsewhere = self.place == Place::Elsewhere;
        if !self.is_dry {
            let says_nothing = matches!(effect, Effect::Unknown | Effect::Read);
            if !(is_elsewhere && says_nothing) {
                self.invocation.add(effect, why);
            }
        }
    }

    /// Does something only for what is known afterwards.
    pub(super) fn dry(&mut self, run: impl FnOnce(&mut Self)) {
        let was_dry = std::mem::replace(&mut self.is_dry, true);
        run(self);
        self.is_dry = was_dry;
    }

    /// Reads a script and runs it.
    pub(super) fn text(
        &mut self,
        text: &[u8],
        origin: Option<(usize, usize)>,
        scope: &mut Scope,
        feed: &Feed,
    ) {
        if text.len() > MAX_SCRIPT_BYTES {
            self.unknown(&format!(
                "a script of {} bytes is more than gate reads",
                text.len()
            ));
            return;
        }
        match parse(text, self.dialect) {
            Ok(Script { list, here }) => {
                let frame = Frame {
                    text: text.into(),
                    here: Rc::new(here),
                    origin,
                };
                let is_simple = |only: &Command| matches!(only.kind, Kind::Simple(_));
                self.is_single &= single(&list).is_some_and(is_simple);
                let is_whole = is_alone(&list, &frame);
                let feed = if is_whole {
                    feed.clone()
                } else {
                    feed.shared()
                };
                self.list(&list, scope, &frame, &feed);
            }
            Err(problem) => self.unknown(&format!("the script is not understood: {problem}")),
        }
    }

    pub(super) fn list(&mut self, list: &List, scope: &mut Scope, frame: &Frame, feed: &Feed) {
        for and_or in &list.0 {
            self.and_or(and_or, scope, frame, feed);
        }
    }

    /// Runs commands in a shell of their own.
    pub(super) fn step_aside(&mut self, list: &List, scope: &Scope, frame: &Frame) {
        self.is_single = false;
        let feed = if self.input == ShellInput::Script {
            Feed::Script
        } else {
            Feed::Unknown
        };
        self.list(list, &mut scope.clone(), frame, &feed);
    }

    fn and_or(&mut self, and_or: &AndOr, scope: &mut Scope, frame: &Frame, feed: &Feed) {
        let Some(((_, first), rest)) = and_or.pipelines.split_first() else {
            return;
        };
        let before = (!rest.is_empty()).then(|| scope.clone());
        self.pipeline(first, scope, frame, feed);
        if let Some(before) = before {
            let mut changed = scope.clone();
            // Behind `&&` it has moved, or nothing runs.
            changed.is_moving = false;
            for (joint, pipeline) in rest {
                if *joint == Joint::Or {
                    // What came before may have failed halfway, or been left out.
                    changed.forget(&before);
                    changed.forget(scope);
                }
                self.pipeline(pipeline, &mut changed, frame, feed);
                // The list can end behind each of them.
                scope.forget(&changed);
            }
        }
        self.settle(scope);
    }

    /// Behind `cd FOLDER;` the folder is known only where there is one.
    fn settle(&self, scope: &mut Scope) {
        if std::mem::take(&mut scope.is_moving) {
            let is_there = scope
                .cwd
                .as_ref()
                .is_some_and(|cwd| self.line.files.kind(cwd) == Some(FileKind::Directory));
            if !is_there {
                scope.cwd = None;
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, scope: &mut Scope, frame: &Frame, feed: &Feed) {
        let is_alone = pipeline.commands.len() == 1;
        if let (true, false, Some(only)) =
            (is_alone, pipeline.is_background, pipeline.commands.first())
        {
            self.command(only, scope, frame, feed);
            return;
        }
        let mut feed = feed.clone();
        let first = self.invocation.nested.len();
        for command in &pipeline.commands {
            let mut aside = scope.clone();
            let before = first..self.invocation.nested.len();
            self.command(command, &mut aside, frame, &feed);
            fed::add_files(self.line, before, self.invocation);
            feed = self.output(command, scope, frame);
            if !pipeline.is_background {
                // ksh and zsh run the last one in their own shell.
                scope.forget(&aside);
            }
        }
    }

    pub(super) fn command(
        &mut self,
        command: &Command,
        scope: &mut Scope,
        frame: &Frame,
        feed: &Feed,
    ) {
        if self.steps == 0 {
            self.unknown("the script has more commands than gate reads");
            return;
        }
        self.steps -= 1;
        let feed = if shares_with_words(command) {
            &feed.shared()
        } else {
            feed
        };
        let are_open = !self.nesting.account.closes.get();
        let mut redirects = command.redirects.iter();
        let is_sure = redirects.all(|redirect| succeeds(redirect, are_open));
        let before = (!is_sure).then(|| scope.clone());
        let feed = self.redirected(&command.redirects, scope, frame, feed);
        let feed = if is_whole(command, frame) {
            feed
        } else {
            feed.shared()
        };
        let is_bare = matches!(&command.kind, Kind::Simple(simple) if simple.words.is_empty());
        if is_bare && !command.redirects.is_empty() {
            self.doubt_bare(scope);
        }
        self.kind(&command.kind, scope, frame, &feed);
        if let Some(before) = before {
            // It does not run at all where a redirection fails.
            scope.forget(&before);
        }
        if let Some(dropped) = &self.dropped {
            scope.forget(dropped);
        }
        self.traps.see(scope);
    }

    /// In zsh a variable says what redirections without a command start.
    fn doubt_bare(&mut self, scope: &Scope) {
        let mut names = ["NULLCMD", "READNULLCMD"].into_iter();
        if self.dialect == Dialect::Zsh && names.any(|name| scope.env.get(name).is_some()) {
            self.unknown("what a redirection without a command starts is not known");
        }
    }

    fn kind(&mut self, kind: &Kind, scope: &mut Scope, frame: &Frame, feed: &Feed) {
        match kind {
            Kind::Simple(simple) => self.simple(simple, scope, frame, feed),
            Kind::Group(list) => self.list(list, scope, frame, feed),
            Kind::Subshell(list) => self.list(list, &mut scope.clone(), frame, feed),
            Kind::If(lists) => {
                let mut lists = lists.iter();
                if let Some(condition) = lists.next() {
                    self.list(condition, scope, frame, feed);
                }
                for list in lists {
                    self.perhaps(list, scope, frame, feed);
                }
            }
            Kind::While(condition, body) => {
                self.enter(Part::Loop);
                self.foresee(&[condition, body], scope, frame, feed);
                self.perhaps(condition, scope, frame, feed);
                self.perhaps(body, scope, frame, feed);
                self.leave(scope);
            }
            Kind::For(name, words, body) => self.for_loop((name, words, body), scope, frame, feed),
            Kind::Case(subject, arms) => {
                self.value(subject, scope, frame);
                for (patterns, list) in arms {
                    for pattern in patterns {
                        self.value(pattern, scope, frame);
                    }
                    self.perhaps(list, scope, frame, feed);
                }
            }
            Kind::Function(name, body) => self.define(name, body, scope, frame),
            Kind::Test(words) => self.test(words, scope, frame),
            Kind::Arithmetic(arithmetic) => self.calculate(arithmetic, scope),
        }
    }

    /// Notes that the rest of the line may be left out from here on.
    pub(super) fn may_drop(&mut self, scope: &Scope) {
        match &mut self.dropped {
            Some(dropped) => dropped.forget(scope),
            dropped @ None => *dropped = Some(scope.clone()),
        }
    }

    /// What reads where the script itself comes from takes lines away from it,
    /// and what follows is another script than the one that was read.
    pub(super) fn takes_of_script(&mut self, feed: &Feed) {
        if matches!(feed, Feed::Script) {
            self.unknown(TAKES_OF_SCRIPT);
        }
    }

    fn define(&mut self, name: &[u8], body: &Rc<Command>, scope: &mut Scope, frame: &Frame) {
        if is_called_by_shell(name, self.dialect) {
            let name = shown(name);
            self.unknown(&format!("the shell calls the function `{name}` by itself"));
        }
        let function = Function {
            body: Rc::clone(body),
            frame: frame.clone(),
            is_sure: true,
        };
        scope.functions.insert(name.to_vec(), function);
    }

    /// Runs a script that the shell takes in: it can be left as a function can.
    pub(super) fn taken_in(&mut self, text: &[u8], scope: &mut Scope, feed: &Feed) {
        self.enter(Part::Script);
        self.deeper_text(text, scope, feed);
        self.leave(scope);
    }

    /// Runs what may or may not run.
    pub(super) fn perhaps(&mut self, list: &List, scope: &mut Scope, frame: &Frame, feed: &Feed) {
        let mut changed = scope.clone();
        self.list(list, &mut changed, frame, feed);
        scope.forget(&changed);
    }

    /// Forgets what commands that run again will have changed by then. What one
    /// turn changes can change more in the next one.
    fn foresee(&mut self, lists: &[&List], scope: &mut Scope, frame: &Frame, feed: &Feed) {
        self.dry(|runner| {
            loop {
                let before = scope.clone();
                for list in lists {
                    runner.perhaps(list, scope, frame, feed);
                }
                runner.rejoin(scope);
                if scope.is_like(&before) {
                    break;
                }
            }
        });
    }

    fn for_loop(
        &mut self,
        (name, words, body): (&[u8], &ForWords, &List),
        scope: &mut Scope,
        frame: &Frame,
        feed: &Feed,
    ) {
        let values: Option<Vec<Vec<u8>>> = match words {
            ForWords::Given(words) => {
                let fields = self.fields(words, scope, frame);
                for field in &fields {
                    self.carry_field(name, field);
                }
                let known = |field: Field| field.is_known.then_some(field.bytes);
                fields.into_iter().map(known).collect()
            }
            ForWords::Positional => {
                let source = self.secret_behind(b"@", scope);
                self.carry(name, source);
                let words = scope.words.as_ref();
                words.map(|words| words.get(1..).unwrap_or_default().to_vec())
            }
            ForWords::Unknown(words) => {
                self.takes_of_script(feed);
                for field in self.fields(words, scope, frame) {
                    self.carry_field(name, &field);
                }
                None
            }
        };
        let before = scope.clone();
        self.enter(Part::Loop);
        if let Some(values) = values.filter(|values| values.len() <= MAX_TURNS) {
            for value in values {
                self.assign(name, Value::Known(value), scope);
                self.list(body, scope, frame, feed);
                self.rejoin(scope);
            }
        } else {
            self.assign(name, Value::Unknown, scope);
            self.foresee(&[body], scope, frame, feed);
            scope.set(name, Value::Unknown);
            self.perhaps(body, scope, frame, feed);
        }
        self.leave(scope);
        scope.forget(&before);
    }

    /// Runs a function. What it changes is not known behind it: some of it may
    /// be local.
    pub(super) fn call(
        &mut self,
        function: &Function,
        fields: &[Field],
        scope: &mut Scope,
        feed: &Feed,
    ) {
        if self.calls >= MAX_CALLS {
            self.unknown("functions call each other deeper than gate reads");
            return;
        }
        self.calls += 1;
        self.carry_words(fields.get(1..).unwrap_or_default());
        let mut inside = scope.clone();
        let known = |field: &Field| field.is_known.then(|| field.bytes.clone());
        let words: Option<Vec<Vec<u8>>> = fields.iter().skip(1).map(known).collect();
        inside.words = words.map(|words| {
            let name = scope.words.as_ref().and_then(|words| words.first());
            std::iter::once(name.cloned().unwrap_or_default())
                .chain(words)
                .collect()
        });
        self.enter(Part::Function);
        self.command(&function.body, &mut inside, &function.frame, feed);
        self.leave(&mut inside);
        // Its words are its own.
        inside.words.clone_from(&scope.words);
        scope.forget(&inside);
        self.calls -= 1;
    }
}

/// Tells whether a redirection can be taken to succeed; a descriptor is there
/// where none was closed.
fn succeeds(redirect: &Redirect, are_open: bool) -> bool {
    match &redirect.kind {
        RedirectKind::To(word) => word.literal().is_some_and(|name| name == b"/dev/null"),
        RedirectKind::Duplicate(word) => word
            .literal()
            .is_some_and(|name| are_open && matches!(&*name, b"1" | b"2")),
        RedirectKind::From(_) | RedirectKind::Here(_) | RedirectKind::HereString(_) => false,
    }
}
