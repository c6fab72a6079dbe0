//! The last resort: what is as random as a key and carries no name.
//!
//! Shannon's measure can't tell `MyCamelCaseResourceName2024` from a key of that
//! length. What can is how often neighbours differ in kind: in a random token a
//! small letter stands next to a capital, a capital next to a digit and a digit
//! next to a small letter all the time; in names people and clouds make, one of
//! these is missing. So hexadecimal (commits, digests, UUIDs, instance ids), the
//! suffixes of pods and stacks and CamelCase stay readable, and so do keys that
//! are made of one kind of letters: those are found by their names alone.

use std::ops::Range;

use super::base64;
use super::looks;
use super::marks::Marks;
use super::scan;
use super::text::{Text, is_name_byte, is_quote};
use crate::read::secret_names::names_an_identifier;

/// The fewest bytes. Of random tokens of this length four in five are found, of
/// 32 bytes nineteen in twenty, of 40 all but one in fifty.
pub(super) const LEAST: usize = 24;
/// How long a name may be that says what the value is.
const NAME: usize = 64;
/// How many bytes of a token are judged.
const JUDGED: usize = 256;
/// How an AWS secret key is told from a path: by its exact length.
const AWS_SECRET: usize = 40;

/// What public data that looks random starts with: public keys in the wire
/// format of SSH, and in DER (RFC 5280, `SubjectPublicKeyInfo`).
const PUBLIC: &[&[u8]] = &[
    b"AAAAB3NzaC1",
    b"AAAAC3NzaC1",
    b"AAAAE2VjZHNh",
    b"AAAAGnNr",
    b"MIGfMA0GCSqGSIb3DQEBAQUAA4",
    b"MIIBIjANBgkqhkiG9w0BAQEFAAOC",
    b"MIICIjANBgkqhkiG9w0BAQEFAAOC",
    b"MFkwEwYHKoZIzj0CAQ",
    b"MHYwEAYHKoZIzj0CAQ",
    b"MCowBQYDK2Vw",
];
/// Checksums as npm, browsers and Go write them.
const CHECKSUMS: &[&[u8]] = &[b"sha1-", b"sha256-", b"sha384-", b"sha512-", b"h1:"];

/// Adds what looks random and was not found otherwise. `name` is the option
/// that the text is the value of, if there is one.
pub(super) fn find(text: &Text<'_>, name: &[u8], depth: usize, marks: &mut Marks) {
    let mut start = 0;
    while start < text.len() {
        let end = text.seek(start, |byte| !is_token_byte(byte));
        if end - start >= LEAST {
            if names_an_identifier(name) {
                return;
            }
            judge(text, start..end, depth, marks);
        }
        start = text.seek(end, is_token_byte);
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-')
}

fn judge(text: &Text<'_>, run: Range<usize>, depth: usize, marks: &mut Marks) {
    looks::add(run.len());
    let padded = text.seek_within(run.end, run.end + 2, |byte| byte != b'=');
    let token = text.slice(run.start..run.end);
    if marks.is_public(run.start) || is_public(text, run.start, token) {
        return;
    }
    let is_base64 = padded > run.end || token.contains(&b'+') || !token.contains(&b'/');
    if is_base64 && let Some(decoded) = base64::decode_text(token) {
        looks::add(token.len());
        if depth == 0 && scan::holds_a_secret(&decoded) {
            marks.add(run.start..padded, "encoded");
        }
        return;
    }
    if is_base64 && is_random(token) {
        marks.add(run.start..padded, "high-entropy");
    } else if token.len() == AWS_SECRET && (is_aws_secret(token) || is_random(token)) {
        marks.add(run, "aws-secret-key");
    } else if token.contains(&b'/') {
        judge_parts(token, run.start, marks);
    }
}

/// Judges what stands between slashes. The short rest of a key that has slashes
/// itself is masked with the part beside it; the words of a path are not.
fn judge_parts(token: &[u8], start: usize, marks: &mut Marks) {
    let mut run: Option<(Range<usize>, bool)> = None;
    let mut at = start;
    for part in token.split(|byte| *byte == b'/') {
        let range = at..at + part.len();
        at = range.end + 1;
        let is_key = is_random(part);
        if is_key || is_rest(part) {
            let (known, was_key) = run.get_or_insert((range.clone(), false));
            known.end = range.end;
            *was_key |= is_key;
        } else if let Some((known, true)) = run.take() {
            marks.add(known, "high-entropy");
        }
    }
    if let Some((known, true)) = run {
        marks.add(known, "high-entropy");
    }
}

/// Tells whether a part between slashes is no word: too short to be one, or
/// mixed as words are not.
fn is_rest(part: &[u8]) -> bool {
    let mix = Mix::of(part.get(..JUDGED).unwrap_or(part));
    !part.is_empty() && (part.len() <= 2 || 3 * mix.all() >= part.len())
}

fn is_public(text: &Text<'_>, start: usize, token: &[u8]) -> bool {
    if PUBLIC.iter().any(|prefix| token.starts_with(prefix))
        || CHECKSUMS.iter().any(|prefix| token.starts_with(prefix))
    {
        return true;
    }
    // `SHA256:…`, `Version=…`, `"etag": "…"`: the name in front says what it is.
    let limit = start.saturating_sub(NAME);
    let mut at = start;
    while at > limit
        && text
            .before(at)
            .is_some_and(|byte| matches!(byte, b' ' | b':' | b'=' | b'\\' | b'@') || is_quote(byte))
    {
        at -= 1;
    }
    if at == start {
        return false;
    }
    let mut name = at;
    while name > limit && text.before(name).is_some_and(is_name_byte) {
        name -= 1;
    }
    looks::add(start - name);
    names_an_identifier(text.slice(name..at))
}

/// Tells whether small letters, capitals and digits are mixed as in a key.
fn is_random(token: &[u8]) -> bool {
    let judged = token.get(..JUDGED).unwrap_or(token);
    let mix = Mix::of(judged);
    judged.len() >= LEAST
        && mix.small_and_capital >= 2
        && mix.small_and_digit >= 1
        && mix.capital_and_digit >= 1
        && mix.small_and_digit + mix.capital_and_digit >= 3
        && 3 * mix.all() >= judged.len() - 1
        && distinct(judged) >= 14
}

/// Forty bytes of base64. A path of that length has no capitals and digits so
/// close together.
fn is_aws_secret(token: &[u8]) -> bool {
    let mix = Mix::of(token);
    mix.small_and_capital >= 4
        && mix.small_and_digit + mix.capital_and_digit >= 2
        && 3 * mix.all() >= token.len() - 5
        && distinct(token) >= 20
}

/// How many neighbours are of two kinds.
#[derive(Default)]
struct Mix {
    small_and_capital: usize,
    small_and_digit: usize,
    capital_and_digit: usize,
}

impl Mix {
    fn of(token: &[u8]) -> Self {
        let mut mix = Self::default();
        for (one, two) in token.iter().zip(token.iter().skip(1)) {
            let is = |kind: fn(&u8) -> bool| (kind(one), kind(two));
            let (small, capital, digit) = (
                is(u8::is_ascii_lowercase),
                is(u8::is_ascii_uppercase),
                is(u8::is_ascii_digit),
            );
            let meet = |a: (bool, bool), b: (bool, bool)| (a.0 && b.1) || (a.1 && b.0);
            mix.small_and_capital += usize::from(meet(small, capital));
            mix.small_and_digit += usize::from(meet(small, digit));
            mix.capital_and_digit += usize::from(meet(capital, digit));
        }
        mix
    }

    fn all(&self) -> usize {
        self.small_and_capital + self.small_and_digit + self.capital_and_digit
    }
}

fn distinct(token: &[u8]) -> u32 {
    let mut seen = 0_u128;
    for byte in token {
        seen |= 1 << (byte & 0x7f);
    }
    seen.count_ones()
}
