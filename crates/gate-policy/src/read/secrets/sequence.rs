//! Secrets that are known by the word in front of them, or by the tool.

use std::ops::Range;

use super::marks::Marks;
use super::pieces;
use super::prose;
use super::reference::{is_file, is_no_secret};
use super::scan::Reading;
use super::text::is_name_byte;
use super::tools::{Known, Part, of_any_tool, reads_mysql};
use crate::read::secret_names::{may_name_a_file, names_a_secret};

/// Flags whose value is one `NAME=VALUE`, whatever signs the value holds.
const PAIR_FLAGS: &[&[u8]] = &[
    b"-e",
    b"--env",
    b"-var",
    b"--var",
    b"--build-arg",
    b"--backend-config",
    b"-backend-config",
    b"--from-literal",
    b"--set-literal",
];

/// The words of a command, one after the other.
#[derive(Default)]
pub(super) struct Sequence {
    tool: Option<Known>,
    settings: Settings,
    /// Who made these words of a text.
    reading: Reading,
    /// Which of `login`, `secret` and `put-parameter` were read.
    seen: Vec<&'static [u8]>,
    next: Next,
}

/// Which operands are settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Settings {
    #[default]
    None,
    /// `git config NAME VALUE`.
    NameThenValue,
    /// `env NAME=VALUE`, up to the first operand that is none.
    Pairs,
}

/// What a name in front of a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Flag,
    /// `git config NAME`.
    Setting,
}

/// What the next word is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Anything,
    /// The value of something with such a name.
    Secret { origin: Origin, may_be_file: bool },
    /// The value of a flag of the tool.
    Part(Part),
    /// A setting of the form `NAME=VALUE`, whose value may be secret.
    Pair { is_always: bool, cut: Cut },
}

impl Next {
    /// Tells whether the next word is a secret as it stands.
    fn is_whole(self) -> bool {
        matches!(self, Self::Secret { .. } | Self::Part(Part::Whole))
    }
}

impl Sequence {
    /// Of words that were split out of a text.
    pub(super) fn of_text(reading: Reading) -> Self {
        Self {
            reading,
            ..Self::default()
        }
    }

    /// Of the words behind a tool: of some only what stands behind a name tells
    /// that it is a secret, also where a profile says what the words are.
    pub(super) fn of_tool(tool: &[u8]) -> Self {
        let is_known = matches!(
            tool,
            b"az" | b"npm" | b"pnpm" | b"redis-cli" | b"valkey-cli" | b"yarn"
        );
        Self {
            tool: is_known.then(|| Known::find(tool)).flatten(),
            ..Self::default()
        }
    }

    /// Reads the next word. `is_understood` tells that a profile says what the
    /// word is.
    pub(super) fn read(&mut self, word: &[u8], is_understood: bool, marks: &mut Marks) {
        let whole = 0..word.len();
        let bare = pieces::bare(word, whole);
        let text = word.get(bare.clone()).unwrap_or_default();
        let is_single = bare.start > 0 && word.starts_with(b"'");
        let text = if self.reading == Reading::Shell && !is_single {
            before_execution(text)
        } else {
            text
        };
        let next = std::mem::take(&mut self.next);
        if self.reading == Reading::Prose && next.is_whole() && !prose::is_likely(text) {
            return;
        }
        match next {
            Next::Anything => {}
            // A profile says itself whether a flag takes the word behind it.
            Next::Secret {
                origin: Origin::Flag,
                ..
            } if is_understood => {}
            Next::Secret { .. } if is_no_secret(text, self.reading) => return,
            Next::Secret { may_be_file, .. } => {
                if !is_flag(text) {
                    mark_secret(text, bare.start, may_be_file, marks);
                    return;
                }
            }
            Next::Part(part) => return mark_part(text, bare.start, part, marks),
            Next::Pair { is_always, cut } => {
                return mark_pair(text, bare.start, is_always, cut, marks);
            }
        }
        if text.starts_with(b"-") && text.len() > 1 {
            self.read_flag(text, bare.start, marks);
        } else {
            self.read_operand(text, bare.start, is_understood, marks);
        }
    }

    fn read_flag(&mut self, word: &[u8], start: usize, marks: &mut Marks) {
        let equals = word.iter().position(|byte| *byte == b'=');
        let name = word.get(..equals.unwrap_or(word.len())).unwrap_or_default();
        let inline = equals.map(|equals| {
            let value = start + equals + 1;
            (value, word.get(equals + 1..).unwrap_or_default())
        });
        if self.settings == Settings::NameThenValue && name.starts_with(b"--get") {
            // What is asked for is a name, and what stands behind it narrows it down.
            self.settings = Settings::None;
        }
        if PAIR_FLAGS.contains(&name) {
            // Of a config map it is no secret.
            let cut = if name == b"-e" {
                Cut::AtBlank
            } else {
                Cut::Never
            };
            let is_always = name == b"--from-literal" && self.seen.contains(&&b"secret"[..]);
            match inline {
                Some((at, value)) => mark_pair(value, at, is_always, cut, marks),
                None => self.next = Next::Pair { is_always, cut },
            }
            return;
        }
        let part = match self.tool {
            Some(tool) => tool.part(name, |word| self.seen.contains(&word)),
            None => of_any_tool(name),
        };
        if part.is_none()
            && let Some(part) = self.tool.and_then(|tool| tool.sign_inside(word))
        {
            return mark_part(word.get(2..).unwrap_or_default(), start + 2, part, marks);
        }
        match (part, inline) {
            (Some(Part::Attached), _) => {
                let value = word.get(2..).unwrap_or_default();
                mark_part(before_close(value), start + 2, Part::Whole, marks);
            }
            (Some(part), Some((at, value))) => mark_part(value, at, part, marks),
            (Some(part), None) => self.next = Next::Part(part),
            (None, None) if is_registry_setting(name) && names_a_secret(name) => {
                self.next = Next::Secret {
                    origin: Origin::Setting,
                    may_be_file: false,
                };
            }
            (None, None) if is_name(name) && names_a_secret(name) => {
                self.next = Next::Secret {
                    origin: Origin::Flag,
                    may_be_file: may_name_a_file(name),
                };
            }
            // The text of a word with a sign is read as `name=value` anyway.
            (None, _) => {}
        }
    }

    fn read_operand(&mut self, word: &[u8], start: usize, is_understood: bool, marks: &mut Marks) {
        // What a profile knows for an operand is no script.
        if self.settings == Settings::Pairs {
            mark_pair(word, start, false, Cut::Never, marks);
        } else if is_understood {
            mark_pair(word, start, false, Cut::AtSign, marks);
        }
        if !is_understood {
            mark_login(word, start, marks);
            // Behind a path, and in a list of commands: `["mysql`.
            let is_border = |byte: &u8| b"/\"'[({=\\".contains(byte);
            let name = word.rsplit(is_border).next().unwrap_or(word);
            if let Some(tool) = Known::find(name) {
                self.tool = Some(tool);
            }
        }
        for known in [&b"login"[..], b"secret", b"put-parameter", b"signurl"] {
            if word == known && !self.seen.contains(&known) {
                self.seen.push(known);
            }
        }
        let folded = |known: &[u8]| word.eq_ignore_ascii_case(known);
        // A profile says itself which word behind `auth` is the password.
        let takes_one = |tool: Known| tool.takes_a_secret_behind(word);
        let is_said = |tool: Known| is_understood && tool.is_redis();
        if self
            .tool
            .is_some_and(|tool| takes_one(tool) && !is_said(tool))
        {
            self.next = Next::Part(Part::Whole);
        } else if self.settings == Settings::NameThenValue
            && names_a_setting(word)
            && names_a_secret(word)
        {
            self.next = Next::Secret {
                origin: Origin::Setting,
                may_be_file: may_name_a_file(word),
            };
        } else if folded(b"config")
            || folded(b"configure")
            || word == b"\\set"
            || (word == b"set" && self.tool.is_some_and(Known::is_of_node))
            || self.tool.is_some_and(|tool| tool.stores_behind_names(word))
        {
            self.settings = Settings::NameThenValue;
        } else if word == b"env" || word.ends_with(b"/env") {
            self.settings = Settings::Pairs;
        } else if self.settings == Settings::Pairs && !word.contains(&b'=') {
            self.settings = Settings::None;
        }
    }

    /// Returns who reads a word: `-c` makes it a script, `-m` prose.
    pub(super) fn reading(&self, previous: &[u8], word: &[u8], tool: &[u8]) -> Reading {
        let (flag, is_own) = match word.first() {
            Some(b'-') => (
                word.split(|byte| *byte == b'=').next().unwrap_or(word),
                true,
            ),
            _ => (previous, false),
        };
        let is_psql = tool == b"psql" || self.tool.is_some_and(Known::is_psql);
        let is_mysql = reads_mysql(tool) || self.is_mysql();
        match flag {
            b"-m" | b"--message" | b"--title" | b"--description" | b"--notes" | b"--reason"
            | b"--comment" | b"--subject" => Reading::Prose,
            b"-e" | b"--execute" if is_mysql => Reading::MySql,
            b"--command" if is_psql => Reading::Sql,
            b"--command" if !is_own => Reading::Shell,
            [b'-', b'c', ..] if is_psql => Reading::Sql,
            [b'-', b'm', _, ..] if is_own && tool == b"git" => Reading::Prose,
            [b'-', cluster @ .., b'c']
                if !is_own
                    && tool != b"git"
                    && cluster.len() < 4
                    && cluster.iter().all(u8::is_ascii_alphabetic) =>
            {
                Reading::Shell
            }
            _ if tool == b"ssh" && word.contains(&b' ') => Reading::Shell,
            _ => Reading::Word,
        }
    }

    fn is_mysql(&self) -> bool {
        self.tool.is_some_and(Known::is_mysql)
    }
}

/// Tells whether a word is the next flag rather than a value with a dash.
fn is_flag(word: &[u8]) -> bool {
    match word {
        [b'-', b'-', letter, rest @ ..] => {
            let name = rest.split(|byte| *byte == b'=').next().unwrap_or(rest);
            letter.is_ascii_alphabetic() && name.iter().all(|byte| is_name_byte(*byte))
        }
        [b'-', letter] => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

/// Leaves out what a shell executes: a mask would hide it.
pub(in crate::read) fn before_execution(text: &[u8]) -> &[u8] {
    let end = text
        .iter()
        .zip(text.iter().skip(1).chain([&b' ']))
        .position(|pair| matches!(pair, (b'`', _) | (b'$', b'(')));
    text.get(..end.unwrap_or(text.len())).unwrap_or(text)
}

/// Tells whether a word looks like the name of a setting.
/// `set-credentials` is a subcommand.
fn names_a_setting(word: &[u8]) -> bool {
    let is_divided = |sign: &u8| word.contains(sign);
    word.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-/:@[]\"'".contains(byte))
        && (!is_divided(&b'-') || b"._/".iter().any(is_divided))
}

/// Tells whether an option is a setting of a registry: `--//HOST/:_authToken`.
fn is_registry_setting(name: &[u8]) -> bool {
    name.starts_with(b"--//") && names_a_setting(name)
}

/// Tells whether a text is one name and nothing more.
fn is_name(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_name_byte(*byte))
}

/// Leaves out what closes a list of commands behind its last word: `"]}`.
fn before_close(value: &[u8]) -> &[u8] {
    let is_close = |byte: &u8| b"\"'\\]},".contains(byte);
    let open = value.iter().rposition(|byte| !is_close(byte));
    let (inner, close) = value.split_at(open.map_or(0, |last| last + 1));
    let is_quoted = close.iter().any(|byte| matches!(byte, b'"' | b'\''));
    let has_more = inner.iter().any(|byte| matches!(byte, b'"' | b'\''));
    if is_quoted && !has_more { inner } else { value }
}

fn mark_secret(value: &[u8], start: usize, may_be_file: bool, marks: &mut Marks) {
    let is_path = may_be_file && is_file(value);
    if !is_path && !is_no_secret(value, Reading::Word) {
        marks.add(start..start + value.len(), "password");
    }
}

fn mark_part(value: &[u8], start: usize, part: Part, marks: &mut Marks) {
    let range: Range<usize> = match part {
        Part::Whole | Part::Attached => 0..value.len(),
        Part::Behind(sign) => match value.iter().position(|byte| *byte == sign) {
            Some(at) => at + 1..value.len(),
            None => return,
        },
    };
    let secret = value.get(range.clone()).unwrap_or_default();
    if !is_no_secret(secret, Reading::Word) {
        marks.add(start + range.start..start + range.end, "password");
    }
}

/// `user:V@host`, as `sqlplus` and others have it, where `V` is no word and no
/// version: `name:1.2@sha256:…` is an image.
fn mark_login(word: &[u8], start: usize, marks: &mut Marks) {
    let Some(at) = word.iter().rposition(|byte| *byte == b'@') else {
        return;
    };
    let (login, host) = word.split_at(at);
    let Some(sign) = login.iter().position(|byte| matches!(byte, b':' | b'/')) else {
        return;
    };
    let (user, password) = login.split_at(sign);
    let password = password.get(1..).unwrap_or_default();
    let is_host = host.get(1).is_some_and(u8::is_ascii_alphanumeric) && !host.contains(&b':');
    if is_host && is_name(user) && prose::is_likely(password) {
        let from = start + sign + 1;
        marks.add(from..from + password.len(), "password");
    }
}

/// Where a value behind `NAME=` may end before its word does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Nowhere: the word is one setting.
    Never,
    /// At a blank with another `name=` behind it, as in libpq and ansible.
    AtBlank,
    /// There, and at a `,`, `;` or `&`.
    AtSign,
}

/// `NAME=VALUE`: to the end of the word, unless it is a list of settings. That is
/// cut where it is searched.
fn mark_pair(pair: &[u8], start: usize, is_always: bool, cut: Cut, marks: &mut Marks) {
    let Some(equals) = pair.iter().position(|byte| *byte == b'=') else {
        return;
    };
    let (name, value) = pair.split_at(equals);
    let value = value.get(1..).unwrap_or_default();
    if is_always || (is_name(name) && names_a_secret(name) && is_one_secret(name, value, cut)) {
        let at = start + equals + 1;
        let bare = pieces::bare(value, 0..value.len());
        marks.add(at + bare.start..at + bare.end, "password");
    }
}

fn is_one_secret(name: &[u8], value: &[u8], cut: Cut) -> bool {
    let is_elsewhere =
        is_no_secret(value, Reading::Word) || (may_name_a_file(name) && is_file(value));
    let is_structure = matches!(value.trim_ascii(), [b'{', .., b'}'] | [b'[', .., b']']);
    !is_elsewhere && !is_structure && !is_list(value, cut)
}

/// Tells whether another `name=` stands behind a sign that may cut.
fn is_list(value: &[u8], cut: Cut) -> bool {
    let mut is_name = false;
    let mut may_start = false;
    for byte in value {
        let cuts = match byte {
            b' ' | b'\n' => cut != Cut::Never,
            b',' | b';' | b'&' => cut == Cut::AtSign,
            _ => false,
        };
        if cuts {
            (may_start, is_name) = (true, false);
        } else if is_name_byte(*byte) {
            is_name |= may_start;
            may_start = false;
        } else if *byte == b'=' && is_name {
            return true;
        } else {
            (may_start, is_name) = (false, false);
        }
    }
    false
}
