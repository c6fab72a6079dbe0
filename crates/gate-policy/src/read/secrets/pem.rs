//! Private keys in PEM: between the lines that say so.
//!
//! Only what can be a key is masked. Words between the two lines that are no
//! base64 stay readable, so that nobody hides a command in there.
//!
//! Source: RFC 7468; RFC 1421, section 4.6 for the headers.

use super::marks::Marks;
use super::text::Text;

pub(super) const BEGIN: &[u8] = b"-----BEGIN";
const END: &[u8] = b"-----END";
const DASHES: &[u8] = b"-----";
/// The longest label, as in `OPENSSH PRIVATE KEY`, with room to spare.
const LABEL: usize = 64;
/// A shorter line is the last one, or none of a key.
const LINE: usize = 16;
const HEADERS: &[&[u8]] = &[b"Proc-Type:", b"DEK-Info:", b"Comment:", b"Version:"];

/// Reads a block whose first line starts at `start`. Returns where reading goes
/// on, or nothing when there is no block. What is no private key is skipped:
/// certificates look random and are public.
pub(super) fn read(text: &Text<'_>, start: usize, marks: &mut Marks) -> Option<usize> {
    let label = start + BEGIN.len();
    let label_end = text.find(label, label + LABEL, DASHES)?;
    let is_private = text.find(label, label_end, b"PRIVATE KEY").is_some();
    let body = skip_separators(text, label_end + DASHES.len());
    let mut at = body;
    let mut end = body;
    loop {
        if text.starts(at, END) {
            break;
        }
        if HEADERS.iter().any(|header| text.starts(at, header)) {
            at = skip_separators(text, text.seek(at, |byte| matches!(byte, b'\n' | b'\\')));
            continue;
        }
        let line = text.seek(at, |byte| !is_base64(byte));
        let next = skip_separators(text, line);
        let is_last = text.starts(next, END) || next == text.len();
        if line == at || (line - at < LINE && !is_last) {
            break;
        }
        end = line;
        at = next;
    }
    if is_private {
        marks.add(body..end, "private-key");
    } else {
        marks.add_public(body..end);
    }
    Some(end)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Line ends, also as JSON and shells write them: `\n`, `\\n`, `\r\n`.
fn skip_separators(text: &Text<'_>, from: usize) -> usize {
    let mut at = from;
    loop {
        let blanks = text.skip_blanks(at);
        let letter = text.seek(blanks, |byte| byte != b'\\');
        let is_escape = letter > blanks && matches!(text.at(letter), Some(b'n' | b'r' | b't'));
        if is_escape {
            at = letter + 1;
        } else if letter > blanks && matches!(text.at(letter), Some(b'\n')) {
            at = letter;
        } else {
            return blanks;
        }
    }
}
