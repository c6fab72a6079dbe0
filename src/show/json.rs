//! One line of JSON, written member by member.
//!
//! `serde_json` looks at each byte of each string, and nearly every string of an answer is plain:
//! that alone would be a tenth of what a decision takes.

use std::fmt::Write as _;

use serde_json::Value;

use super::answer::printable;

/// Writes the name of a member, whose value is written next. It is one of gate's own, and plain, so
/// that all that stands around it is one text.
macro_rules! member {
    ($json:expr, $name:literal) => {
        $json.begin(concat!(",\"", $name, "\":"))
    };
}
pub(crate) use member;

/// A line under writing. Commas stand where they have to.
#[derive(Debug, Default)]
pub(crate) struct Json(String);

impl Json {
    /// Returns what was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Begins another line.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Writes an object, whose members `fill` writes.
    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut Self)) {
        self.enclosed(('{', '}'), fill);
    }

    /// Writes a list, whose values `fill` writes.
    pub(crate) fn list(&mut self, fill: impl FnOnce(&mut Self)) {
        self.enclosed(('[', ']'), fill);
    }

    fn enclosed(&mut self, (open, close): (char, char), fill: impl FnOnce(&mut Self)) {
        self.separate();
        self.0.push(open);
        fill(self);
        self.0.push(close);
    }

    /// Writes the name of a member as [`member`] has made it, with the comma in front of it where
    /// it is not the first.
    #[inline]
    pub(crate) fn begin(&mut self, name: &'static str) -> &mut Self {
        let is_first = self.0.as_bytes().last() == Some(&b'{');
        let first = name.strip_prefix(',').filter(|_| is_first);
        self.0.push_str(first.unwrap_or(name));
        self
    }

    /// Writes the name of a member that gate has from elsewhere.
    pub(crate) fn other_name(&mut self, name: &str) -> &mut Self {
        self.text(name);
        self.0.push(':');
        self
    }

    /// Writes a word of gate's own, which is plain.
    pub(crate) fn word(&mut self, word: &'static str) {
        self.separate();
        self.quote(word);
    }

    /// Writes a string, in which no character can act on a terminal.
    pub(crate) fn text(&mut self, text: &str) {
        self.separate();
        if is_plain(text.as_bytes()) {
            self.quote(text);
        } else {
            let encoded = Value::from(text).to_string();
            self.0.push_str(&printable(&encoded));
        }
    }

    fn quote(&mut self, plain: &str) {
        self.0.reserve(plain.len() + 2);
        self.0.push('"');
        self.0.push_str(plain);
        self.0.push('"');
    }

    /// Writes strings as a list.
    pub(crate) fn texts(&mut self, texts: &[impl AsRef<str>]) {
        self.list(|list| texts.iter().for_each(|text| list.text(text.as_ref())));
    }

    /// Writes a number.
    pub(crate) fn number(&mut self, number: usize) {
        self.separate();
        // Writing to a String can't fail.
        let _ = write!(self.0, "{number}");
    }

    /// Writes what is JSON already.
    pub(crate) fn raw(&mut self, json: &str) {
        self.separate();
        self.0.push_str(&printable(json));
    }

    fn separate(&mut self) {
        if !matches!(self.0.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(',');
        }
    }
}

/// Tells whether a text stands in JSON, and on a terminal, as it is. It looks at eight bytes at
/// a time: it is asked of nearly everything that is written.
fn is_plain(text: &[u8]) -> bool {
    let (eights, rest) = text.as_chunks::<8>();
    let last = rest
        .iter()
        .fold(u64::from_ne_bytes([b' '; 8]), |last, byte| {
            last << 8 | u64::from(*byte)
        });
    let found = eights.iter().fold(odd_bytes(last), |found, eight| {
        found | odd_bytes(u64::from_ne_bytes(*eight))
    });
    found == 0
}

/// Returns a number that is not zero where one of eight bytes is a quote, a backslash, or no
/// printable sign of ASCII. Taking one from each byte lends from above a byte that was zero.
const fn odd_bytes(eight: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    let quote = eight ^ (ONES * b'"' as u64);
    let backslash = eight ^ (ONES * b'\\' as u64);
    let delete = eight ^ (ONES * 0x7f);
    let controls = eight.wrapping_sub(ONES * b' ' as u64) & !eight;
    let zeros = (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (delete.wrapping_sub(ONES) & !delete);
    (eight | controls | zeros) & HIGH
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn a_text_is_plain_where_serde_and_a_terminal_leave_it_alone() {
        for c in (0..0x250_u32).filter_map(char::from_u32) {
            let encoded = Value::from(c.to_string()).to_string();
            let is_same = encoded.len() == 3 && matches!(printable(&encoded), Cow::Borrowed(_));
            for (before, behind) in [(0, 0), (3, 1), (7, 9), (8, 0), (16, 2)] {
                let text = format!("{}{c}{}", "~".repeat(before), " ".repeat(behind));
                assert_eq!(is_plain(text.as_bytes()), is_same, "{text:?}");
            }
        }
    }

    #[test]
    fn a_line_is_what_serde_makes_of_the_same_value() {
        let texts = [
            "",
            "a b",
            "{",
            "[:",
            "q\"",
            "\\",
            "\n\u{1b}[2J",
            "é東\u{202e}",
            "\u{7f}",
        ];
        let texts = texts.map(str::to_owned);
        let mut json = Json::default();
        for _ in 0..2 {
            json.clear();
            json.object(|json| {
                member!(json, "id").raw("[1, \"\u{9b}\"]");
                for text in &texts {
                    json.other_name(text).text(text);
                }
                member!(json, "none").texts(&[""; 0]);
                member!(json, "all").texts(&texts);
                member!(json, "inside").list(|json| {
                    json.object(|json| member!(json, "n").number(10));
                    json.object(|_| {});
                });
            });
        }
        let mut wanted = serde_json::json!({
            "id": [1, "\u{9b}"], "none": [], "all": texts, "inside": [{ "n": 10 }, {}],
        });
        for text in &texts {
            wanted[text] = text.as_str().into();
        }
        let line = json.as_str();
        assert_eq!(
            serde_json::from_str::<Value>(line).unwrap(),
            wanted,
            "{line}"
        );
        assert_eq!(line, printable(line));
    }
}
