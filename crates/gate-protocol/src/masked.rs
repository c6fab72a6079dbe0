//! Text in which secrets are masked visibly, and bound by a keyed commitment.
//!
//! What a person sees is what the digest covers: the plain parts stand as they
//! are, and for each secret stand its length and an HMAC of its value under a
//! key that never leaves the machine. Equal secrets of one machine have equal
//! commitments, so a swapped secret changes the digest; without the key the
//! value can't be guessed and tried.

use std::fmt::Write as _;

use base64::Engine as _;
use serde::{Deserialize, Serialize};

use crate::inert::inert;

/// One stretch of a [`MaskedText`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Plain text, exactly as given.
    Text(String),
    /// Bytes that are not UTF-8, in standard base64.
    Bytes(String),
    /// A secret that stays on the machine.
    Secret(MaskedSecret),
}

/// What leaves the machine of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MaskedSecret {
    /// What kind of secret it was taken for, as `password` or `aws access key`.
    pub kind: String,
    /// The length of the value in bytes.
    pub length_bytes: u64,
    /// The first 16 bytes of HMAC-SHA-256 over the value, in lowercase hex.
    pub commitment: String,
}

/// A word, value or path with its secrets masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct MaskedText(pub Vec<Segment>);

impl MaskedText {
    /// Returns text without a secret.
    #[must_use]
    pub fn plain(bytes: &[u8]) -> Self {
        let mut text = Self::default();
        text.push_plain(bytes);
        text
    }

    /// Appends bytes that hold no secret.
    pub fn push_plain(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.0.push(match std::str::from_utf8(bytes) {
            Ok(text) => Segment::Text(text.to_owned()),
            Err(_) => Segment::Bytes(base64::engine::general_purpose::STANDARD.encode(bytes)),
        });
    }

    /// Appends a masked secret.
    pub fn push_secret(&mut self, secret: MaskedSecret) {
        self.0.push(Segment::Secret(secret));
    }

    /// Returns how many secrets are masked in it.
    pub fn secrets(&self) -> usize {
        let is_secret = |segment: &&Segment| matches!(segment, Segment::Secret(_));
        self.0.iter().filter(is_secret).count()
    }

    /// Returns what a person is shown: inert text, each mask visible as
    /// `‹secret 20 bytes, hmac 9f3a›`.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut shown = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => shown.push_str(&inert(text)),
                Segment::Bytes(encoded) => push_bytes(&mut shown, encoded),
                Segment::Secret(secret) => {
                    let mark: String = secret.commitment.chars().take(4).collect();
                    // Writing to a String can't fail.
                    let _ = write!(
                        shown,
                        "‹secret {} bytes, hmac {}›",
                        secret.length_bytes,
                        inert(&mark)
                    );
                }
            }
        }
        shown
    }

    /// Returns [`shown`](Self::shown) as one word of a command line: quoted
    /// where a POSIX shell would need it.
    #[must_use]
    pub fn shown_word(&self) -> String {
        let shown = self.shown();
        let is_bare = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
        // A mask has blanks of its own and is one word all the same.
        let is_plain = |segment: &Segment| match segment {
            Segment::Text(text) => text.chars().all(is_bare),
            Segment::Secret(_) => true,
            Segment::Bytes(_) => false,
        };
        if !shown.is_empty() && self.0.iter().all(is_plain) {
            return shown;
        }
        format!("'{}'", shown.replace('\'', "'\\''"))
    }
}

fn push_bytes(shown: &mut String, encoded: &str) {
    match base64::engine::general_purpose::STANDARD.decode(encoded) {
        Ok(bytes) => {
            for chunk in bytes.utf8_chunks() {
                shown.push_str(&inert(chunk.valid()));
                for byte in chunk.invalid() {
                    let _ = write!(shown, "\\x{byte:02x}");
                }
            }
        }
        Err(_) => shown.push_str("‹unreadable bytes›"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> MaskedSecret {
        MaskedSecret {
            kind: "password".into(),
            length_bytes: 8,
            commitment: "9f3a00112233445566778899aabbccdd".into(),
        }
    }

    #[test]
    fn a_mask_is_visible_and_the_rest_is_whole() {
        let mut text = MaskedText::plain(b"postgres://u:");
        text.push_secret(secret());
        text.push_plain(b"@h/db");
        assert_eq!(
            text.shown(),
            "postgres://u:‹secret 8 bytes, hmac 9f3a›@h/db"
        );
        assert_eq!(text.secrets(), 1);
    }

    #[test]
    fn a_word_with_a_mask_in_it_is_still_shown_as_one_word() {
        let mut plain = MaskedText::plain(b"--password=");
        plain.push_secret(secret());
        assert_eq!(
            plain.shown_word(),
            "--password=\u{2039}secret 8 bytes, hmac 9f3a\u{203a}"
        );
        let mut several = MaskedText::plain(b"alter role x password '");
        several.push_secret(secret());
        several.push_plain(b"'; drop table t");
        assert_eq!(
            several.shown_word(),
            "'alter role x password '\\''\u{2039}secret 8 bytes, hmac 9f3a\u{203a}'\\''; drop table t'"
        );
    }

    #[test]
    fn bytes_that_are_not_text_survive_and_are_shown_escaped() {
        let text = MaskedText::plain(b"ns-\xff\x1b[2J");
        assert!(matches!(text.0.as_slice(), [Segment::Bytes(_)]));
        assert_eq!(text.shown(), "ns-\\xff\\u{1b}[2J");
    }

    #[test]
    fn words_are_quoted_as_a_shell_would_need_it() {
        assert_eq!(MaskedText::plain(b"apply").shown_word(), "apply");
        assert_eq!(
            MaskedText::plain(b"drop table t").shown_word(),
            "'drop table t'"
        );
        assert_eq!(MaskedText::plain(b"it's").shown_word(), "'it'\\''s'");
        assert_eq!(MaskedText::plain(b"").shown_word(), "''");
    }
}
