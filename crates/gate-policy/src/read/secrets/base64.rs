//! Base64, as far as it takes to see what stands behind it.
//!
//! Source: RFC 4648, sections 4 and 5; both alphabets are taken.

/// Returns the bytes, or nothing where it is no base64.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|byte| *byte != b'=')? + 1;
    let mut bytes = Vec::with_capacity(end * 3 / 4);
    let mut bits = 0_u32;
    let mut count = 0;
    for byte in text.get(..end)? {
        bits = (bits << 6) | u32::from(value(*byte)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    // Six bits alone are less than a byte.
    (count != 6).then_some(bytes)
}

/// Returns the text behind it, where it is text.
pub(super) fn decode_text(text: &[u8]) -> Option<Vec<u8>> {
    let decoded = decode(text)?;
    let is_text = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    let text = std::str::from_utf8(&decoded).ok()?;
    text.as_bytes().iter().all(is_text).then_some(decoded)
}

/// Tells whether it stands for `user:password` (RFC 7617).
pub(super) fn is_user_and_password(text: &[u8]) -> bool {
    text.len() >= 4
        && decode_text(text).is_some_and(|text| {
            let colon = text.iter().position(|byte| *byte == b':');
            colon.is_some_and(|colon| colon + 1 < text.len())
        })
}

fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_text, is_user_and_password};

    #[test]
    fn base64_is_read_with_and_without_padding() {
        assert_eq!(decode(b"aHVudGVyMg==").as_deref(), Some(&b"hunter2"[..]));
        assert_eq!(decode(b"aHVudGVyMg").as_deref(), Some(&b"hunter2"[..]));
        assert_eq!(decode(b"_-8").as_deref(), Some(&[0xff, 0xef][..]));
        assert_eq!(decode(b"a"), None);
        assert_eq!(decode(b"a b"), None);
        assert_eq!(decode(b"=="), None);
    }

    #[test]
    fn a_user_with_a_password_is_told_from_other_text() {
        assert!(is_user_and_password(b"dTpwYXNz"));
        assert!(!is_user_and_password(b"dXNlcjo="));
        assert!(!is_user_and_password(b"aHVudGVyMg=="));
        assert_eq!(decode_text(b"_-8"), None);
    }
}
