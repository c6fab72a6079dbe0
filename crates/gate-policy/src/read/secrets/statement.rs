//! Strings of SQL that are secret by what stands around them: the name of a
//! column, of a table or of a setting, in any order that the language allows.
//!
//! What the language puts directly behind a keyword is found by [`super::sql`]
//! in the text as it stands; this reads tokens, so that no comment and no
//! spelling comes between.
//!
//! Source: `PostgreSQL`, SQL Commands.

use std::collections::BTreeSet;
use std::ops::Range;

use super::assigned;
use super::columns;
use super::looks;
use super::marks::Marks;
use super::meta;
use super::nested;
use super::reference::is_no_secret;
use super::rows::{self, Rows};
use super::scan::{Reading, Setting};
use super::text::Text;
use super::tokens::{Kind, Token, Tokens};
use crate::read::secret_names::{holds_secrets, names_a_secret};

/// How many tokens may stand between a name and its string.
const NEAR: usize = 10;

/// Words with which other readers than a database are handed a statement.
const VERBS: &[&[u8]] = &[
    b"alter", b"call", b"copy", b"create", b"delete", b"do", b"insert", b"merge", b"replace",
    b"select", b"set", b"update", b"with",
];

/// Words between a column, a setting or a variable and its string.
const BETWEEN: &[&[u8]] = &[
    b"to",
    b"like",
    b"ilike",
    b"similar",
    b"not",
    b"default",
    b"in",
    b"any",
    b"all",
    b"array",
    b"is",
    b"distinct",
    b"from",
    b"null",
    b"set",
    b"text",
    b"varchar",
    b"char",
    b"character",
    b"varying",
    b"bytea",
    b"json",
    b"jsonb",
    b"constant",
];

/// Functions that take a name and its value: `set_config`, `jsonb_set`.
const PAIRING: &[&[u8]] = &[
    b"set_config",
    b"json",
    b"hstore",
    b"values",
    b"xml",
    b"map",
    b"object",
    b"put",
    b"set",
    b"secret",
    b"store",
];

/// Tells whether a text that some tool takes reads like a statement.
pub(super) fn is_likely(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    let end = text
        .iter()
        .take(8)
        .position(|byte| !byte.is_ascii_alphabetic());
    let verb = end.and_then(|end| text.get(..end)).unwrap_or_default();
    VERBS.iter().any(|known| verb.eq_ignore_ascii_case(known)) && text.contains(&b'\'')
}

/// Marks the secret strings of a text that a database reads.
pub(super) fn find(text: &Text<'_>, tokens: &Tokens, setting: &Setting<'_>, marks: &mut Marks) {
    let mut reader = Statements {
        text,
        all: &tokens.all,
        is_mysql: setting.reading == Reading::MySql,
        open: Vec::new(),
        marked: BTreeSet::new(),
        lists: Vec::new(),
        first: None,
        closed: None,
        rows: Rows::default(),
        valued: 0,
        marks,
    };
    for index in 0..tokens.all.len() {
        reader.read(index);
    }
    nested::search(text, tokens, setting, marks);
    meta::find(text, tokens, setting, marks);
}

/// Statements under search.
pub(super) struct Statements<'s, 't> {
    pub(super) text: &'s Text<'t>,
    pub(super) all: &'s [Token],
    is_mysql: bool,
    /// The open brackets: where each stands, and whether what is in it is a list
    /// of names and values.
    open: Vec<(usize, bool)>,
    /// The strings that are secret already.
    marked: BTreeSet<usize>,
    /// The stretches of which every string was marked, in order and apart: none
    /// is walked again, however deep lists stand in lists.
    lists: Vec<Range<usize>>,
    /// The first word of the statement.
    pub(super) first: Option<usize>,
    /// The brackets that were closed last.
    pub(super) closed: Option<(usize, usize)>,
    pub(super) rows: Rows,
    /// Up to where an expression was read whose strings are all secret.
    pub(super) valued: usize,
    pub(super) marks: &'s mut Marks,
}

impl<'t> Statements<'_, 't> {
    fn read(&mut self, index: usize) {
        match self.kind(index) {
            Some(Kind::Word) => self.read_word(index),
            Some(Kind::String | Kind::Body) => {
                self.read_alias(index, index);
                self.read_pair(index);
                self.read_format(index);
            }
            Some(Kind::Sign(b'(' | b'[')) => {
                if self.is_sign(index, b'(') {
                    rows::read_opened(self, index);
                }
                let pairs = index.checked_sub(1).is_some_and(|before| {
                    self.is_sign(before, b',') && self.open.is_empty() || self.pairs(before)
                });
                self.open.push((index, pairs));
            }
            Some(Kind::Sign(b')' | b']')) => {
                if let Some((start, _)) = self.open.pop() {
                    self.read_alias(start, index);
                    rows::read_closed(self, start, index);
                }
            }
            Some(Kind::Sign(b';')) => {
                self.open.clear();
                (self.first, self.closed) = (None, None);
                self.rows.end();
            }
            Some(Kind::Number | Kind::Sign(_)) | None => {}
        }
    }

    fn read_word(&mut self, index: usize) {
        let first = *self.first.get_or_insert(index);
        if self.is_word(index, b"insert") {
            return rows::read_insert(self, index + 1);
        }
        if self.is_word(index, b"set") && !self.is_sign(index + 1, b'(') {
            assigned::read_setting(self, first, index + 1);
        }
        if self.is_word(index, b"into") {
            return columns::read_insert(self, index + 1);
        }
        if self.is_word(index, b"update") {
            return columns::read_update(self, index + 1);
        }
        if self.is_word(index, b"set") && self.is_sign(index + 1, b'(') {
            return columns::read_set(self, index + 2);
        }
        if self.is_sign(index + 1, b'(') && assigned::takes_a_key(self, index) {
            return self.mark_list(index + 2);
        }
        if !self.names_a_secret(index) {
            return;
        }
        if self.is_sign(index + 1, b'(') {
            if !index
                .checked_sub(1)
                .is_some_and(|before| self.names_a_table(before))
            {
                self.mark_list(index + 2);
            }
        } else {
            self.read_named(index + 1);
            if self.is_sign(index + 1, b'=') {
                assigned::read_value(self, index + 2);
            }
        }
    }

    /// Notes that rows of derived tables are values of secret columns.
    pub(super) fn expect_rows(&mut self) {
        rows::expect(self);
    }

    /// `token = 'V'`, `password text DEFAULT 'V'`, `app.secret TO 'V'`,
    /// `token NOT IN ('V', 'W')`.
    fn read_named(&mut self, start: usize) {
        let mut list = None;
        let mut is_closed = false;
        for index in start..start + NEAR {
            match self.kind(index) {
                Some(Kind::String | Kind::Body) => {
                    return match list {
                        Some(start) => self.mark_list(start),
                        None => self.mark(index),
                    };
                }
                Some(Kind::Word) if self.is_between(index) => {}
                // `(a, token) = (…)` is read by its columns.
                Some(Kind::Sign(b'(' | b'[')) if is_closed => return,
                Some(Kind::Sign(b'(' | b'[')) => list = list.or(Some(index + 1)),
                Some(Kind::Sign(b')')) => (is_closed, list) = (list.is_none(), None),
                Some(Kind::Number | Kind::Sign(b'=' | b'<' | b'>' | b'!' | b'~' | b'*')) => {}
                // `:=` and a cast; a variable is none of them.
                Some(Kind::Sign(b':'))
                    if self.is_sign(index + 1, b'=')
                        || self.is_sign(index + 1, b':')
                        || self.is_sign(index - 1, b':') => {}
                Some(Kind::Word | Kind::Sign(_)) | None => return,
            }
        }
    }

    /// Tells whether a table or an index has its name behind this word, and no
    /// function.
    fn names_a_table(&self, index: usize) -> bool {
        [
            &b"table"[..],
            b"exists",
            b"into",
            b"references",
            b"on",
            b"key",
            b"unique",
        ]
        .iter()
        .any(|word| self.is_word(index, word))
    }

    fn is_between(&self, index: usize) -> bool {
        BETWEEN.iter().any(|word| self.is_word(index, word))
    }

    /// Marks the strings up to where this list is closed.
    pub(super) fn mark_list(&mut self, start: usize) {
        if self.lists.last().is_some_and(|list| list.contains(&start)) {
            return;
        }
        let mut depth = 0_usize;
        let mut end = start;
        loop {
            match self.kind(end) {
                Some(Kind::Sign(b'(' | b'[')) => depth += 1,
                Some(Kind::Sign(b')' | b']')) if depth == 0 => break,
                Some(Kind::Sign(b')' | b']')) => depth -= 1,
                Some(Kind::Sign(b';')) | None => break,
                Some(Kind::String | Kind::Body | Kind::Word | Kind::Number | Kind::Sign(_)) => {}
            }
            end += 1;
        }
        looks::add(end - start);
        self.mark_all(start..end);
    }

    /// Marks every string of a stretch. What was marked in it before is stepped
    /// over: as brackets nest, that stands inside of it or all around it.
    fn mark_all(&mut self, stretch: Range<usize>) {
        let is_around =
            |list: &Range<usize>| list.start <= stretch.start && stretch.end <= list.end;
        if self.lists.last().is_some_and(is_around) {
            return;
        }
        let mut end = stretch.end;
        while let Some(inner) = self.lists.pop_if(|list| list.end > stretch.start) {
            self.mark_strings(inner.end..end);
            end = inner.start;
        }
        self.mark_strings(stretch.start..end);
        self.lists.push(stretch);
    }

    fn mark_strings(&mut self, stretch: Range<usize>) {
        looks::add(stretch.len());
        for index in stretch {
            if matches!(self.kind(index), Some(Kind::String | Kind::Body)) {
                self.mark(index);
            }
        }
    }

    /// `'V' AS password`, `crypt('V', …)::text token`.
    fn read_alias(&mut self, start: usize, end: usize) {
        let mut at = end + 1;
        // A bound, for each string of a long chain of casts would walk the rest of the chain.
        let far = at + 3 * NEAR;
        while at < far && self.is_sign(at, b':') && self.is_sign(at + 1, b':') {
            at += 3;
        }
        looks::add(at - end);
        let is_said = self.is_word(at, b"as") || self.is_word(at, b"into");
        let name = if is_said { at + 1 } else { at };
        let goes_on = matches!(
            self.kind(name + 1),
            Some(Kind::Sign(b'=' | b'(' | b'<' | b'>' | b'!' | b'~' | b':') | Kind::String)
        );
        if self.names_a_secret(name) && !goes_on {
            self.mark_all(start..end + 1);
        }
    }

    /// `set_config('app.password', 'V', false)`.
    fn read_pair(&mut self, index: usize) {
        let Some((_, true)) = self.open.last() else {
            return;
        };
        // A password is no name, whatever it ends in.
        if self.marked.contains(&index) {
            return;
        }
        let is_pair = self.is_sign(index + 1, b',')
            && matches!(self.kind(index + 2), Some(Kind::String | Kind::Body));
        if is_pair && names_a_secret(self.slice(index)) && self.slice(index).len() < 64 {
            self.mark(index + 2);
        }
    }

    /// `format('alter role x password %L', 'V')`.
    fn read_format(&mut self, index: usize) {
        let format = self.slice(index);
        let has_hole = format
            .windows(2)
            .any(|two| matches!(two, b"%L" | b"%s" | b"%I"));
        if !has_hole || !self.is_sign(index + 1, b',') || self.marked.contains(&index) {
            return;
        }
        let mut words = format.split(u8::is_ascii_whitespace);
        if words.any(names_a_secret) {
            self.mark_list(index + 1);
        }
    }

    /// Tells whether brackets behind this word hold names and their values.
    fn pairs(&self, index: usize) -> bool {
        let is_word = self.kind(index) == Some(Kind::Word);
        let word = self.slice(index);
        is_word
            && PAIRING.iter().any(|part| {
                word.windows(part.len())
                    .any(|window| window.eq_ignore_ascii_case(part))
            })
    }

    pub(super) fn kind(&self, index: usize) -> Option<Kind> {
        self.all.get(index).map(|token| token.kind)
    }

    pub(super) fn range(&self, index: usize) -> Range<usize> {
        self.all
            .get(index)
            .map_or(0..0, |token| token.range.clone())
    }

    pub(super) fn slice(&self, index: usize) -> &'t [u8] {
        let range = self.range(index);
        self.text.slice(range)
    }

    /// Tells whether this is a word of the language: in quotes it is only a name.
    pub(super) fn is_word(&self, index: usize, word: &[u8]) -> bool {
        self.kind(index) == Some(Kind::Word)
            && self.slice(index).eq_ignore_ascii_case(word)
            && !self.is_quoted(index)
    }

    fn is_quoted(&self, index: usize) -> bool {
        let range = self.range(index);
        let before = range.start.checked_sub(1).and_then(|at| self.text.at(at));
        matches!(before, Some(b'"' | b'`')) && self.text.at(range.end) == before
    }

    pub(super) fn is_sign(&self, index: usize, sign: u8) -> bool {
        self.kind(index) == Some(Kind::Sign(sign))
    }

    pub(super) fn names_a_secret(&self, index: usize) -> bool {
        self.kind(index) == Some(Kind::Word) && names_a_secret(self.slice(index))
    }

    /// Tells whether a table of this name is one of secrets.
    pub(super) fn is_secret_table(&self, index: usize) -> bool {
        self.kind(index) == Some(Kind::Word) && holds_secrets(self.slice(index))
    }

    /// Marks a string, unless it stands for something that is no secret.
    pub(super) fn mark(&mut self, index: usize) {
        let range = self.range(index);
        let reading = if self.is_mysql {
            Reading::MySql
        } else {
            Reading::Sql
        };
        if !is_no_secret(self.text.slice(range.clone()), reading) {
            self.marked.insert(index);
            self.marks.add(range, "password");
        }
    }
}
