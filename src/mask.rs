//! Masks secrets before anything leaves the process.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::ops::Range;

use gate_policy::{SecretPlace, SecretSpan};
use gate_protocol::masked::{MaskedSecret, MaskedText};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::identity::CommitmentKey;

/// Separates commitments from every other use of the key.
const DOMAIN: &[u8] = b"gate/secret/v1\0";
/// How much of the HMAC leaves the machine, in bytes: enough to tell values
/// apart, and no way back without the key.
const COMMITMENT_BYTES: usize = 16;

/// Masks what the reading of a command found to be secret.
pub(crate) struct Masker<'a> {
    key: &'a CommitmentKey,
    words: BTreeMap<usize, Vec<&'a SecretSpan>>,
    variables: BTreeMap<&'a OsStr, Vec<&'a SecretSpan>>,
}

impl<'a> Masker<'a> {
    /// Prepares to mask `secrets`.
    pub(crate) fn new(key: &'a CommitmentKey, secrets: &'a [SecretSpan]) -> Self {
        let mut masker = Self {
            key,
            words: BTreeMap::new(),
            variables: BTreeMap::new(),
        };
        for secret in secrets {
            match &secret.place {
                SecretPlace::Argv(index) => masker.words.entry(*index).or_default().push(secret),
                SecretPlace::Env(name) => masker
                    .variables
                    .entry(name.as_os_str())
                    .or_default()
                    .push(secret),
            }
        }
        masker
    }

    /// Returns word `index` of argv, masked.
    pub(crate) fn word(&self, index: usize, bytes: &[u8]) -> MaskedText {
        self.mask(bytes, self.words.get(&index))
    }

    /// Returns the value of variable `name`, masked.
    pub(crate) fn variable(&self, name: &OsStr, bytes: &[u8]) -> MaskedText {
        self.mask(bytes, self.variables.get(name))
    }

    fn mask(&self, bytes: &[u8], secrets: Option<&Vec<&SecretSpan>>) -> MaskedText {
        let mut text = MaskedText::default();
        let mut done = 0;
        for (range, kind) in merged(secrets.map_or(&[], Vec::as_slice), bytes.len()) {
            text.push_plain(bytes.get(done..range.start).unwrap_or_default());
            text.push_secret(self.secret(bytes.get(range.clone()).unwrap_or_default(), kind));
            done = range.end;
        }
        text.push_plain(bytes.get(done..).unwrap_or_default());
        text
    }

    fn secret(&self, value: &[u8], kind: &str) -> MaskedSecret {
        let mut commitment = String::with_capacity(COMMITMENT_BYTES * 2);
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.expose()) {
            mac.update(DOMAIN);
            mac.update(value);
            for byte in mac.finalize().into_bytes().iter().take(COMMITMENT_BYTES) {
                // Writing to a String can't fail.
                let _ = write!(commitment, "{byte:02x}");
            }
        }
        MaskedSecret {
            kind: kind.to_owned(),
            length_bytes: value.len() as u64,
            commitment,
        }
    }
}

/// Returns the spans in order, overlapping ones as one, clipped to the text.
fn merged<'a>(secrets: &[&'a SecretSpan], length: usize) -> Vec<(Range<usize>, &'a str)> {
    let mut spans: Vec<_> = secrets
        .iter()
        .map(|secret| {
            (
                secret.range.start.min(length)..secret.range.end.min(length),
                secret,
            )
        })
        .filter(|(range, _)| range.start < range.end)
        .collect();
    spans.sort_by_key(|(range, _)| (range.start, range.end));
    let mut merged: Vec<(Range<usize>, &str)> = Vec::new();
    for (range, secret) in spans {
        match merged.last_mut() {
            Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
            Some(_) | None => merged.push((range, &secret.kind)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(index: usize, range: Range<usize>) -> SecretSpan {
        SecretSpan {
            place: SecretPlace::Argv(index),
            range,
            kind: "password".into(),
        }
    }

    #[test]
    fn overlapping_secrets_become_one_mask_and_nothing_of_them_is_left() {
        let key = CommitmentKey::for_test(1);
        let secrets = [span(0, 2..6), span(0, 4..8), span(0, 90..99)];
        let text = Masker::new(&key, &secrets).word(0, b"p=hunter2&x");
        assert_eq!(text.secrets(), 1);
        assert!(!serde_json::to_string(&text).unwrap().contains("unt"));
        assert!(
            text.shown().starts_with("p=‹secret 6 bytes, hmac "),
            "{}",
            text.shown()
        );
        assert!(text.shown().ends_with("2&x"));
    }

    #[test]
    fn a_commitment_binds_the_value_and_needs_the_key() {
        let secrets = [span(0, 0..3)];
        let of = |key: u8, value: &[u8]| {
            let key = CommitmentKey::for_test(key);
            Masker::new(&key, &secrets).word(0, value)
        };
        assert_eq!(of(1, b"abc"), of(1, b"abc"));
        assert_ne!(of(1, b"abc"), of(1, b"abd"));
        assert_ne!(of(1, b"abc"), of(2, b"abc"));
    }
}
