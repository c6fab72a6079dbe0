//! One pass over a text: every name is looked at with what it is tied to, and
//! every run of name bytes with its shape.

use std::ops::Range;

use super::link::{self, CommentEnds, Gap, Link, Tie};
use super::literal::Quoting;
use super::marks::Marks;
use super::pairs::{self, Field, Pair};
use super::sql::{self, Statement};
use super::text::{Text, before_comment, escape_length, is_name_byte, run_end};
use super::tokens::Tokens;
use super::value::{self, Extent, How, NameKind};
use super::{entropy, header, nested, pem, prose, shapes, statement, uri, yaml};
use crate::read::secret_names::{may_name_a_file, names_a_secret, plain_name};

/// How far the kind of an object is looked for.
const KIND: usize = 4096;

/// Who reads a text: that says where a value without quotes ends, and what
/// must never be hidden behind a mask because it is executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reading {
    /// The tool takes the word as it is.
    #[default]
    Word,
    /// A shell.
    Shell,
    /// A database with standard strings.
    Sql,
    /// A database in whose strings a backslash escapes.
    MySql,
    /// People: `token: fix the parser` is no assignment.
    Prose,
}

/// What is known about a text before it is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Setting<'n> {
    pub(super) reading: Reading,
    /// The option that it is the value of, without dashes.
    pub(super) name: &'n [u8],
    /// Whether the command acts on a Kubernetes Secret: then everything below
    /// `data` is one.
    pub(super) is_secret_object: bool,
    /// How many encodings it was taken out of.
    pub(super) depth: usize,
    /// In how many texts that a database reads it stands.
    pub(super) nest: usize,
}

impl Setting<'_> {
    /// Tells whether the same is found in a statement where it stands in argv and where it stands
    /// alone: none of these options changes what is searched for.
    pub(super) fn is_of_statement(&self) -> bool {
        matches!(self.reading, Reading::Sql | Reading::MySql)
            && matches!(self.name, b"c" | b"command" | b"e" | b"execute")
            && !self.is_secret_object
    }
}

/// Tells whether a text can hold a secret at all: it has a sign that ties a
/// name to a value, or a run as long as a token. Most words of most commands
/// have neither, and this is all that is done about them.
pub(super) fn may_hold_a_secret(bytes: &[u8]) -> bool {
    let (mut run, mut token) = (0, 0);
    for (at, byte) in bytes.iter().copied().enumerate() {
        if is_name_byte(byte) {
            run += 1;
            token += 1;
            if run >= shapes::LEAST || token >= entropy::LEAST {
                return true;
            }
        } else if matches!(byte, b'/' | b'+') {
            run = 0;
            token += 1;
            if token >= entropy::LEAST {
                return true;
            }
        } else if byte == b':' {
            // The next path of a list, and not the host of a URI.
            let behind = (bytes.get(at + 1), bytes.get(at + 2));
            if !matches!(behind, (Some(b'/'), next) if next != Some(&b'/')) {
                return true;
            }
            (run, token) = (0, 0);
        } else if matches!(byte, b'@' | b',' | b'*' | b'~' | b'^') {
            (run, token) = (0, 0);
        } else {
            return true;
        }
    }
    false
}

/// Returns the secrets of a text.
pub(super) fn read(bytes: &[u8], setting: &Setting<'_>) -> Marks {
    if !may_hold_a_secret(bytes) {
        return Marks::default();
    }
    let text = Text::new(bytes);
    read_text(&text, setting)
}

/// Tells whether a text that stood encoded in another one holds a secret.
pub(super) fn holds_a_secret(bytes: &[u8]) -> bool {
    let setting = Setting {
        depth: 1,
        ..Setting::default()
    };
    !read(bytes, &setting).is_empty()
}

pub(super) fn read_text(text: &Text<'_>, setting: &Setting<'_>) -> Marks {
    let tokens = tokens(text, setting);
    let mut scan = Scan {
        text,
        setting,
        tokens: tokens.as_ref(),
        marks: Marks::default(),
        at: 0,
        open: 0,
        quote: None,
        pair: Pair::Nothing,
        statement: Statement::default(),
        comments: CommentEnds::default(),
        last: 0..0,
        run_until: 0,
        says_secret: None,
        secret_until: 0,
    };
    while let Some(byte) = text.at(scan.at) {
        scan.at = scan.step(byte);
    }
    let mut marks = scan.marks;
    if let Some(tokens) = &tokens {
        statement::find(text, tokens, setting, &mut marks);
    } else if setting.reading == Reading::Word && statement::is_likely(text.rest(0)) {
        let setting = Setting {
            reading: Reading::Sql,
            ..*setting
        };
        let tokens = Tokens::of(text, setting.reading);
        statement::find(text, &tokens, &setting, &mut marks);
    }
    entropy::find(text, setting.name, setting.depth, &mut marks);
    marks
}

/// Splits what a database reads, as deep as it is read.
fn tokens(text: &Text<'_>, setting: &Setting<'_>) -> Option<Tokens> {
    let is_sql = matches!(setting.reading, Reading::Sql | Reading::MySql);
    (is_sql && setting.nest < nested::DEEPEST).then(|| Tokens::of(text, setting.reading))
}

/// A text under search.
pub(super) struct Scan<'s, 't> {
    pub(super) text: &'s Text<'t>,
    pub(super) setting: &'s Setting<'s>,
    /// What a database makes of it.
    tokens: Option<&'s Tokens>,
    pub(super) marks: Marks,
    at: usize,
    /// How many brackets are open.
    pub(super) open: usize,
    /// The quote that is open.
    pub(super) quote: Option<u8>,
    pub(super) pair: Pair,
    pub(super) statement: Statement,
    pub(super) comments: CommentEnds,
    /// The last run of name bytes.
    last: Range<usize>,
    /// Where it ends.
    run_until: usize,
    /// Whether its kind is `Secret`, once that was asked.
    says_secret: Option<bool>,
    /// Up to here every value is a secret.
    pub(super) secret_until: usize,
}

impl Scan<'_, '_> {
    /// Reads what starts with this byte; returns where reading goes on.
    fn step(&mut self, byte: u8) -> usize {
        let next = self.at + 1;
        if let Some(end) = self.tokens.and_then(|tokens| tokens.skip(self.at)) {
            // It is searched as a text of its own.
            self.quote = None;
            return end;
        }
        if is_name_byte(byte) || escape_length(self.text, self.at) > 0 {
            return self.read_run();
        }
        match byte {
            b'"' => self.turn_quote(byte),
            b'\'' if self.is_no_apostrophe() => self.turn_quote(byte),
            b'{' | b'[' | b'(' => {
                self.open += 1;
                self.pair.forget_at(byte);
            }
            b'}' | b']' | b')' => {
                self.open = self.open.saturating_sub(1);
                self.pair.forget_at(byte);
            }
            b';' => self.statement = Statement::default(),
            b'=' if self.statement == Statement::SetPassword => {
                return sql::literal(self, next).unwrap_or(next);
            }
            b':' if self.text.starts(next, b"//") => {
                let is_scheme = self.last.end == self.at;
                let scheme = if is_scheme { self.last.clone() } else { 0..0 };
                return uri::read(self, self.text.slice(scheme), next + 2);
            }
            _ => {}
        }
        next
    }

    fn turn_quote(&mut self, byte: u8) {
        if let Some(tokens) = self.tokens.filter(|_| byte == b'\'') {
            self.quote = tokens.is_in_string(self.at + 1).then_some(byte);
            return;
        }
        self.quote = match self.quote {
            None => Some(byte),
            Some(open) if open == byte => None,
            Some(open) => Some(open),
        };
    }

    fn is_no_apostrophe(&self) -> bool {
        self.quote.is_some()
            || !matches!(self.setting.reading, Reading::Word | Reading::Prose)
            || !self.text.before(self.at).is_some_and(is_name_byte)
    }

    fn read_run(&mut self) -> usize {
        let start = self.at;
        // Behind a token that was found inside a run its end is known.
        if start >= self.run_until {
            self.run_until = run_end(self.text, start);
            if self.tokens.is_some() {
                self.run_until = before_comment(self.text, start, self.run_until);
            }
        }
        let end = self.run_until;
        let before = std::mem::replace(&mut self.last, start..end);
        if self.text.starts(start, pem::BEGIN)
            && let Some(next) = pem::read(self.text, start, &mut self.marks)
        {
            return next;
        }
        if let Some((range, kind)) = shapes::find(self.text, start..end)
            && !self.is_key_id(kind)
        {
            let next = range.end;
            self.marks.add(range, kind);
            return next;
        }
        let Some(link) = link::find(self.text, &(start..end)) else {
            return end;
        };
        // `\n` of a JSON string stands directly in front of what follows.
        let letters = self.text.before(start) == Some(b'\\')
            && matches!(self.text.at(start), Some(b'n' | b'r' | b't'));
        let start = if letters { start + 1 } else { start };
        self.read_named(start..end, &before, link).unwrap_or(end)
    }

    /// `--access-key-id AKIA…` says which key is meant. It is no secret, and who
    /// approves its end has to read it.
    fn is_key_id(&self, kind: &str) -> bool {
        kind == "aws-access-key" && self.setting.name == b"access-key-id"
    }

    fn read_named(
        &mut self,
        run: Range<usize>,
        before: &Range<usize>,
        link: Link,
    ) -> Option<usize> {
        let name = plain_name(self.text.slice(run.clone()));
        if matches!(link.tie, Tie::Assign | Tie::Call)
            && sql::is_key_pragma(self.text.slice(before.clone()), &name)
        {
            return sql::literal(self, link.end).or_else(|| {
                let how = How::of(self, run.start, &name, link);
                value::read(self, link.end, &how)
            });
        }
        match link.tie {
            Tie::Assign | Tie::Colon | Tie::Element => self.read_assigned(&run, &name, link),
            Tie::Call if sql::is_password_function(&name) => sql::literal(self, link.end),
            Tie::Item if name.starts_with(b"-") && names_a_secret(&name) => {
                let how = How::of_item(run.start);
                self.quote = None;
                value::read(self, self.text.skip_blanks(link.end), &how)
            }
            Tie::Call | Tie::Item => None,
            Tie::Blank if self.setting.reading == Reading::Prose && names_a_secret(&name) => {
                prose::read(self, link.end, false)
            }
            Tie::Blank => sql::read_word(self, &run, before, &name, link.end),
        }
    }

    fn read_assigned(&mut self, run: &Range<usize>, name: &[u8], link: Link) -> Option<usize> {
        let is_quoted = link.gap == Gap::Quoted;
        let quote = if is_quoted { None } else { self.quote };
        let how = How::of(self, run.start, name, link);
        let is_header = if link.tie == Tie::Colon {
            header::is_header(name)
        } else {
            header::is_authorization(name)
        };
        if link.tie == Tie::Colon && uri::is_mechanism_property(self.text, run.start, name) {
            let how = How {
                extent: Extent::Word,
                name: NameKind::Query,
                ..how
            };
            return value::read(self, link.end, &how);
        }
        if link.tie == Tie::Colon && !is_header && !self.is_key(run.start, link) {
            if name == b"pass" && run.start == 0 && self.setting.reading == Reading::Word {
                // `pass:V`, as openssl and others have it.
                return value::read(self, link.end, &how);
            }
            let is_prose = self.setting.reading == Reading::Prose && names_a_secret(name);
            return is_prose
                .then(|| prose::read(self, link.end, true))
                .flatten();
        }
        let is_region = name == b"stringData" || (name == b"data" && self.is_secret_object());
        if is_region && run.start >= self.secret_until {
            self.open_region(run.start, link.end);
            return None;
        }
        let is_secret = run.start < self.secret_until
            || is_header
            || (names_a_secret(name) && self.setting.name != b"from-file")
            || header::is_encoded_login(self.text, name, link.end);
        if !is_secret {
            match pairs::read(self, name, link.end, &how) {
                Field::Secret => {}
                Field::Plain => return None,
                Field::ReadUntil(end) => return (end > run.end).then_some(end),
            }
        }
        let outer = std::mem::replace(&mut self.quote, quote);
        let next = value::read(self, link.end, &how);
        if next.is_none() {
            self.quote = outer;
        }
        next
    }

    /// Tells whether a name with a colon behind it is a key of YAML or JSON.
    fn is_key(&self, start: usize, link: Link) -> bool {
        if link.gap == Gap::Quoted {
            return true;
        }
        let is_tied = self
            .text
            .at(link.end)
            .is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'\'' | b'"'));
        if !is_tied || self.setting.reading == Reading::Prose {
            return false;
        }
        let first = self
            .text
            .seek_back(start, |byte| !matches!(byte, b' ' | b'\t' | b'-' | b'?'));
        // `\n` of the JSON string in which the YAML stands.
        let is_line = self.text.before(first) == Some(b'n')
            && first >= 2
            && self.text.before(first - 1) == Some(b'\\');
        is_line
            || self.text.before(first).is_none_or(|byte| {
                matches!(
                    byte,
                    b'\n' | b'\r' | b'{' | b'[' | b',' | b'(' | b'"' | b'\'' | b'\\' | b'='
                )
            })
    }

    /// Tells whether the text says of itself that it is a Kubernetes Secret, or
    /// the command does.
    fn is_secret_object(&mut self) -> bool {
        if self.setting.is_secret_object {
            return true;
        }
        let text = self.text;
        *self.says_secret.get_or_insert_with(|| {
            [
                &b"\"kind\":\"Secret\""[..],
                b"\"kind\": \"Secret\"",
                b"kind: Secret",
            ]
            .into_iter()
            .any(|kind| text.find(0, KIND, kind).is_some())
        })
    }

    /// Takes everything in the brackets, or on the deeper lines, for secret.
    fn open_region(&mut self, key: usize, value: usize) {
        let at = self.text.skip_blanks(value);
        if matches!(self.text.at(at), Some(b'{' | b'[')) {
            self.secret_until = yaml::closing(self.text, at);
        } else if self.text.slice(value..at).contains(&b'\n') {
            self.secret_until = yaml::below(self.text, key, value).end;
        }
    }

    /// How single quotes are read where the text stands now.
    pub(super) fn quoting(&self) -> Quoting {
        match self.setting.reading {
            Reading::Word | Reading::Prose | Reading::MySql => Quoting::Either,
            Reading::Sql => Quoting::Doubled,
            Reading::Shell => Quoting::Never,
        }
    }

    /// Tells whether a shell acts on signs here: also inside double quotes.
    pub(super) fn is_executed(&self) -> bool {
        self.setting.reading == Reading::Shell && self.quote != Some(b'\'')
    }

    /// Returns where `$(` or a backtick starts to execute something, or the end.
    pub(super) fn executed_part(&self, range: Range<usize>) -> usize {
        if !self.is_executed() {
            return range.end;
        }
        let text = self.text;
        let mut at = range.start;
        loop {
            at = text.seek_within(at, range.end, |byte| matches!(byte, b'$' | b'`'));
            if at >= range.end || text.at(at) == Some(b'`') || text.starts(at, b"$(") {
                return at.min(range.end);
            }
            at += 1;
        }
    }
}

impl How {
    fn of(scan: &Scan<'_, '_>, key: usize, name: &[u8], link: Link) -> Self {
        let in_query = matches!(scan.text.before(key), Some(b'?' | b'&'));
        Self {
            key,
            extent: match link.gap {
                _ if link.tie == Tie::Colon => Extent::Line,
                Gap::Tight => Extent::Word,
                Gap::Spaced | Gap::Quoted => Extent::SpacedWord,
            },
            name: if header::is_header(name) {
                NameKind::Header
            } else if link.tie == Tie::Element {
                NameKind::Element
            } else if in_query {
                NameKind::Query
            } else if may_name_a_file(name) {
                NameKind::MayBeFile
            } else {
                NameKind::Plain
            },
        }
    }

    /// Of the next word of a list.
    fn of_item(key: usize) -> Self {
        Self {
            key,
            extent: Extent::SpacedWord,
            name: NameKind::Plain,
        }
    }
}
