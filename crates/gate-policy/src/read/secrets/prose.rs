//! What people write beside a command: a reason, a comment. A secret in it is
//! masked as one in a statement is.
//!
//! Prose names passwords all the time and seldom holds one, so a word behind
//! such a name is one only where no sentence has such a word.

use super::redact;
use super::scan::Scan;

/// The shortest word that is taken for a password.
const SHORTEST: usize = 6;
/// From how many letters and digits on a word of both is no name with a number.
const LONG: usize = 8;
/// How many bytes of a word are judged.
const JUDGED: usize = 128;
/// The shortest hexadecimal number that names a commit.
const COMMIT: usize = 7;

/// How many words may stand between the name of a secret and the secret.
const MOST_BETWEEN: usize = 3;
/// Words between the name of a secret and the secret: `the password is V`.
const BETWEEN: &[&[u8]] = &[
    b"is", b"was", b"to", b"of", b"now", b"be", b"will", b"becomes",
];

/// Returns what a person wrote as it may leave the machine: the secrets in it
/// are masked, and so are the values of `known` wherever they stand.
///
/// A mask is `[secret 7 bytes]`; all else is as it was.
pub fn masked(text: &str, known: &[String]) -> String {
    redact::masked_sentence(text, known)
}

/// Reads what stands behind the name of a secret in a sentence. `is_said` tells
/// that a sign ties them.
pub(super) fn read(scan: &mut Scan<'_, '_>, start: usize, is_said: bool) -> Option<usize> {
    let text = scan.text;
    let mut at = text.skip_blanks(start);
    let mut is_said = is_said;
    for _ in 0..MOST_BETWEEN {
        let end = text.seek_within(at, at + LONG, |byte| !byte.is_ascii_alphabetic());
        let word = text.slice(at..end);
        if !BETWEEN.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            break;
        }
        is_said = true;
        at = text.skip_blanks(end);
    }
    let opens = |byte: u8| matches!(byte, b'"' | b'\'' | b'`');
    let is_quoted = text.at(at).is_some_and(opens);
    let value = at + usize::from(is_quoted);
    let is_end = |byte: u8| byte.is_ascii_whitespace() || opens(byte);
    let judged = text.seek_within(value, value + JUDGED, is_end);
    let word = text.slice(value..judged);
    let fits = if is_said || is_quoted {
        is_likely(word)
    } else {
        is_likely(word) && longest_mix(word) >= LONG
    };
    if !fits {
        return None;
    }
    let end = text.seek(judged, is_end);
    let signs = text.slice(value..end).iter().rev();
    let signs = signs.take_while(|byte| b".,;:!?)".contains(byte)).count();
    scan.marks.add(value..end - signs, "password");
    Some(end)
}

/// Tells whether a word is none of a sentence and no name of a thing: it mixes
/// letters and digits, and is no ticket, version, commit, path or file.
pub(crate) fn is_likely(word: &[u8]) -> bool {
    let signs = word
        .iter()
        .rev()
        .take_while(|byte| b".,;:!?)".contains(byte));
    let word = word.get(..word.len() - signs.count()).unwrap_or(word);
    let is_place = word
        .iter()
        .any(|byte| matches!(byte, b'/' | b'@') || byte.is_ascii_whitespace());
    if word.len() < SHORTEST || is_place {
        return false;
    }
    let has_sign = word.iter().any(|byte| b"!#$%^&*+=~".contains(byte));
    let has_letter = word.iter().any(u8::is_ascii_alphabetic);
    (has_sign && has_letter) || longest_mix(word) > SHORTEST
}

/// Returns how long the longest part is in which letters and digits stand
/// together, and that is no commit.
fn longest_mix(word: &[u8]) -> usize {
    let parts = word.split(|byte| !byte.is_ascii_alphanumeric());
    parts
        .filter(|part| {
            let is_hex = part.len() >= COMMIT
                && part
                    .iter()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let has_digit = part.iter().any(u8::is_ascii_digit);
            let has_letter = part.iter().any(u8::is_ascii_alphabetic);
            has_digit && has_letter && !is_hex
        })
        .map(<[u8]>::len)
        .max()
        .unwrap_or(0)
}
