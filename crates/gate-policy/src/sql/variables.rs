//! psql's variables, as far as gate can know them.

use std::collections::BTreeMap;

use super::grammar::Lexer;
use super::script::Buffer;

/// The variables that psql itself looks at, of which a value changes only what
/// it shows, or makes it stop sooner.
const HARMLESS: &[&str] = &[
    "AUTOCOMMIT",
    "COMP_KEYWORD_CASE",
    "ECHO",
    "ECHO_HIDDEN",
    "FETCH_COUNT",
    "HIDE_TABLEAM",
    "HIDE_TOAST_COMPRESSION",
    "IGNOREEOF",
    "ON_ERROR_ROLLBACK",
    "ON_ERROR_STOP",
    "QUIET",
    "SHOW_ALL_RESULTS",
    "SHOW_CONTEXT",
    "VERBOSITY",
];

/// What a script knows of its variables.
#[derive(Debug, Default)]
pub(super) struct Variables {
    known: BTreeMap<String, String>,
    /// Whether some can have any value.
    are_lost: bool,
}

impl Variables {
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.known.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.known.remove(name);
    }

    /// Says that from here on a value can be anything.
    pub(super) fn lose(&mut self) {
        self.known.clear();
        self.are_lost = true;
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.known.get(name).map(String::as_str)
    }

    /// Puts in what stands for the `:` at a place, and returns the place behind
    /// it.
    pub(super) fn put(
        &self,
        text: &str,
        at: usize,
        buffer: &mut Buffer,
    ) -> Result<usize, &'static str> {
        let behind = text.get(at + 1..).unwrap_or_default();
        let Some(named) = Named::new(behind) else {
            return Ok(at + 1);
        };
        let end = at + 1 + named.length;
        let value = self.value(named.name);
        match (named.way, value) {
            (Way::Asked, _) if self.are_lost => Err(UNKNOWN),
            (Way::Asked, value) => {
                let is_set = if value.is_some() { "TRUE" } else { "FALSE" };
                Ok(buffer.put(text, at, end, is_set))
            }
            // `[1:2]`: a number is no name that anybody gives.
            (Way::Plain, None) if !self.are_lost && is_number(named.name) => Ok(end),
            (_, None) => Err(UNKNOWN),
            (Way::Text, Some(value)) => {
                let quoted = value.replace('\'', "''");
                let quoted = if value.contains('\\') {
                    format!("E'{}'", quoted.replace('\\', "\\\\"))
                } else {
                    format!("'{quoted}'")
                };
                apart(text, at, end)?;
                Ok(buffer.put(text, at, end, &quoted))
            }
            (Way::Name, Some(value)) => {
                let quoted = format!("\"{}\"", value.replace('"', "\"\""));
                apart(text, at, end)?;
                Ok(buffer.put(text, at, end, &quoted))
            }
            (Way::Plain, Some(value)) => {
                whole(value)?;
                apart(text, at, end)?;
                Ok(buffer.put(text, at, end, value))
            }
        }
    }
}

const UNKNOWN: &str = "a variable stands in a statement";

/// How a variable is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `:name`
    Plain,
    /// `:'name'`
    Text,
    /// `:"name"`
    Name,
    /// `:{?name}`
    Asked,
}

struct Named<'t> {
    name: &'t str,
    way: Way,
    length: usize,
}

impl<'t> Named<'t> {
    fn new(behind: &'t str) -> Option<Self> {
        let (way, open, close) = match behind.as_bytes() {
            [b'\'', ..] => (Way::Text, 1, 1),
            [b'"', ..] => (Way::Name, 1, 1),
            [b'{', b'?', ..] => (Way::Asked, 2, 1),
            _ => (Way::Plain, 0, 0),
        };
        let inside = behind.get(open..)?;
        let is_in = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        let length = inside.bytes().take_while(is_in).count();
        let name = inside.get(..length).filter(|name| !name.is_empty())?;
        let closing = inside.as_bytes().get(length);
        let is_closed = match way {
            Way::Plain => true,
            Way::Text => closing == Some(&b'\''),
            Way::Name => closing == Some(&b'"'),
            Way::Asked => closing == Some(&b'}'),
        };
        is_closed.then_some(Self {
            name,
            way,
            length: open + length + close,
        })
    }
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Refuses a value in which a word, string or comment begins that goes on
/// behind it, or in which psql would look for more.
fn whole(value: &str) -> Result<(), &'static str> {
    const OPEN: &str = "the value of a variable is no whole words";
    if value.contains(['\\', ':']) || value.contains("--") || value.contains("/*") {
        return Err(OPEN);
    }
    let mut lexer = Lexer::new(value);
    while lexer.position() < value.len() {
        lexer.next().map_err(|_| OPEN)?;
    }
    Ok(())
}

/// Refuses a variable that runs into the words beside it.
fn apart(text: &str, from: usize, to: usize) -> Result<(), &'static str> {
    let before = text.get(..from).and_then(|text| text.bytes().last());
    let behind = text.as_bytes().get(to).copied();
    let is_apart = |byte: Option<u8>, signs: &[u8]| {
        byte.is_none_or(|byte| byte.is_ascii_whitespace() || signs.contains(&byte))
    };
    if is_apart(before, b"(,;[") && is_apart(behind, b"),;]:.") {
        return Ok(());
    }
    Err("a variable runs into the word beside it")
}

/// Tells whether a variable changes neither what psql reads nor what it starts.
pub(super) fn is_harmless(name: &str) -> bool {
    let is_own = name
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit());
    !is_own || is_number(name) || HARMLESS.contains(&name)
}
