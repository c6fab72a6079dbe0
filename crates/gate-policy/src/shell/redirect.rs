//! Where the input of a command comes from, and what its output goes over.

use std::path::Path;
use std::rc::Rc;

use super::expand::Field;
use super::feed::Feed;
use super::parser::Dialect;
use super::run::{Frame, Runner, ShellInput};
use super::scope::{Scope, Value};
use super::syntax::{Command, Kind, Redirect, RedirectKind, Word};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Place};
use crate::read::plain_join;
use crate::read::words::shown;
use crate::read::{path_of, secret_files};

/// Files to which writing changes nothing.
const HARMLESS: &[&[u8]] = &[
    b"/dev/null",
    b"/dev/stdout",
    b"/dev/stderr",
    b"/dev/tty",
    b"/dev/full",
    b"/dev/fd/1",
    b"/dev/fd/2",
];

impl Runner<'_> {
    /// Does what redirections do; returns what stands at the standard input.
    pub(super) fn redirected(
        &mut self,
        redirects: &[Redirect],
        scope: &mut Scope,
        frame: &Frame,
        feed: &Feed,
    ) -> Feed {
        let mut feed = match feed {
            Feed::Outer if self.input == ShellInput::Moved => Feed::Unknown,
            Feed::Outer | Feed::Known(_) | Feed::File(_) | Feed::Script | Feed::Unknown => {
                feed.clone()
            }
        };
        for redirect in redirects {
            let is_input = redirect.descriptor == Some(0);
            // zsh reads one source after the other where there is more than one.
            let adds = self.dialect == Dialect::Zsh && !matches!(feed, Feed::Outer);
            let next = match &redirect.kind {
                RedirectKind::From(word) => self.input_file(word, scope, frame, &feed),
                RedirectKind::To(word) => {
                    self.output_file(word, scope, frame);
                    Feed::Unknown
                }
                RedirectKind::Duplicate(word) => {
                    let value = self.value(word, scope, frame);
                    self.note_value(word, &value, scope);
                    let is_descriptor = |value: &[u8]| {
                        let digits = value.strip_suffix(b"-").unwrap_or(value);
                        digits.iter().all(u8::is_ascii_digit)
                    };
                    if !matches!(&value, Value::Known(value) if is_descriptor(value)) {
                        self.output_file(word, scope, frame);
                    }
                    // `>&-` and `>&3-`, or what is not known.
                    if !matches!(&value, Value::Known(value) if !value.ends_with(b"-")) {
                        self.nesting.account.closes.set(true);
                    }
                    // The descriptor can be one more of the script.
                    match self.input {
                        ShellInput::Script => Feed::Script,
                        ShellInput::Outer | ShellInput::Moved => Feed::Unknown,
                    }
                }
                RedirectKind::Here(index) => {
                    let text = frame.here.get(*index).cloned().unwrap_or_default();
                    self.given_text(&text, b"", scope, frame)
                }
                RedirectKind::HereString(word) => self.given_text(word, b"\n", scope, frame),
            };
            if is_input {
                feed = if adds { Feed::Unknown } else { next };
            }
        }
        feed
    }

    /// Returns what a text that stands in the script gives a command to read.
    fn given_text(&mut self, word: &Word, end: &[u8], scope: &mut Scope, frame: &Frame) -> Feed {
        let value = self.value(word, scope, frame);
        self.note_value(word, &value, scope);
        match value {
            Value::Known(mut text) => {
                text.extend_from_slice(end);
                Feed::Known(text.into())
            }
            Value::Number | Value::PerhapsNumber | Value::Unknown => Feed::Unknown,
        }
    }

    /// Returns the one word that a redirection names.
    fn target(&mut self, word: &Word, scope: &mut Scope, frame: &Frame) -> Option<Field> {
        let fields = self.fields(std::slice::from_ref(word), scope, frame);
        // A file that is not there is named in an error.
        self.note_words(&fields);
        let mut fields = fields.into_iter();
        let only = fields.next().filter(|field| field.is_known);
        only.filter(|_| fields.next().is_none())
    }

    fn output_file(&mut self, word: &Word, scope: &mut Scope, frame: &Frame) {
        let Some(field) = self.target(word, scope, frame) else {
            let raw = shown(&frame.raw(word));
            self.unknown(&format!(
                "it writes to a file whose name is not known: `{raw}`"
            ));
            return;
        };
        let name = &*field.bytes;
        if HARMLESS.contains(&name) {
            return;
        }
        let shown = shown(name);
        if name.starts_with(b"/dev/tcp/") || name.starts_with(b"/dev/udp/") {
            self.unknown(&format!("`{shown}` is a connection"));
            return;
        }
        self.effect(Effect::Write, &format!("it writes to the file `{shown}`"));
        if self.place == Place::Here && !self.is_dry {
            let cwd = scope.cwd.as_deref();
            let place = cwd.map_or("/".into(), |cwd| plain_join(cwd, &path_of(name)));
            self.nesting.account.note(place);
        }
    }

    fn input_file(&mut self, word: &Word, scope: &mut Scope, frame: &Frame, before: &Feed) -> Feed {
        let Some(field) = self.target(word, scope, frame) else {
            let raw = shown(&frame.raw(word));
            self.unknown(&format!("it reads a file whose name is not known: `{raw}`"));
            return Feed::Unknown;
        };
        let shown = shown(&field.bytes);
        if matches!(&*field.bytes, b"/dev/null") {
            return Feed::Known(Rc::from(&b""[..]));
        }
        if matches!(&*field.bytes, b"/dev/stdin" | b"/dev/fd/0") {
            return before.clone();
        }
        if field.bytes.starts_with(b"/dev/") || field.bytes.starts_with(b"/proc/") {
            self.unknown(&format!("it reads `{shown}`, which can be anything"));
            return Feed::Unknown;
        }
        let Some(cwd) = &scope.cwd else {
            self.unknown("the folder of a file that it reads is not known");
            return Feed::Unknown;
        };
        let holds_secrets = match self.place {
            Place::Here => secret_files::reveals((self.line, cwd), &field.bytes),
            Place::Elsewhere => secret_files::holds_secrets(&field.bytes),
        };
        if holds_secrets {
            self.effect(Effect::Secret, &format!("`{shown}` holds secrets"));
        }
        let path = plain_join(cwd, &path_of(&field.bytes));
        if self.place == Place::Elsewhere {
            return Feed::Unknown;
        }
        self.bind(&path, "stdin");
        Feed::File(path)
    }

    /// Makes a file an input, which is read where it is.
    pub(super) fn bind(&mut self, path: &Path, role: &str) {
        if !self.is_dry {
            let input = Input::unnamed(InputKind::File, path.to_owned(), role.to_owned());
            self.invocation.add_input(input);
        }
    }

    /// Returns what a command writes, where that is plain: `echo` of words
    /// that are known, `cat` of a here-document.
    pub(super) fn output(&mut self, command: &Command, scope: &Scope, frame: &Frame) -> Feed {
        let Kind::Simple(simple) = &command.kind else {
            return Feed::Unknown;
        };
        let words: Option<Vec<Vec<u8>>> = simple.words.iter().map(Word::literal).collect();
        let is_literal = |word: &Word| !word.pieces.is_empty();
        let Some(words) = words.filter(|_| simple.words.iter().all(is_literal)) else {
            return Feed::Unknown;
        };
        let mut aside = scope.clone();
        let was_dry = std::mem::replace(&mut self.is_dry, true);
        let fields = self.fields(&simple.words, &mut aside, frame);
        let inside = self.redirected(&command.redirects, &mut aside, frame, &Feed::Unknown);
        self.is_dry = was_dry;
        let is_known = fields.iter().all(|field| field.is_known) && fields.len() == words.len();
        let words: Vec<Vec<u8>> = fields.into_iter().map(|field| field.bytes).collect();
        let is_own = |name: &[u8]| scope.functions.contains_key(name);
        let Some((name, rest)) = words.split_first().filter(|(name, _)| !is_own(name)) else {
            return Feed::Unknown;
        };
        match (&**name, rest) {
            _ if !is_known => Feed::Unknown,
            (b"cat", []) => match inside {
                Feed::Known(text) if command.redirects.len() == 1 => Feed::Known(text),
                Feed::Known(_) | Feed::Outer | Feed::File(_) | Feed::Script | Feed::Unknown => {
                    Feed::Unknown
                }
            },
            (b"cat", [path]) if command.redirects.is_empty() && !path.starts_with(b"-") => {
                match &scope.cwd {
                    Some(cwd) => Feed::File(plain_join(cwd, &path_of(path))),
                    None => Feed::Unknown,
                }
            }
            (b"echo", [first, ..])
                if command.redirects.is_empty()
                    && !first.starts_with(b"-")
                    && !rest.iter().any(|word| word.contains(&b'\\')) =>
            {
                let mut text = rest.join(&b' ');
                text.push(b'\n');
                Feed::Known(text.into())
            }
            _ => Feed::Unknown,
        }
    }
}
