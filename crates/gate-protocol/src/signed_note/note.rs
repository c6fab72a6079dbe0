//! Signed notes: text that people can read, and signatures under it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::{Algorithm, KeyId, SigningKey, VerifierKey, is_name};

/// The largest signed note that is read or written, in bytes.
pub const MAX_NOTE_BYTES: usize = 256 * 1024;

/// The most signatures on one note. The specification asks for 16 at least.
pub const MAX_SIGNATURES: usize = 100;

/// Starts each signature line: an em dash and a space.
pub(super) const MARK: &str = "\u{2014} ";

/// Why a note was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// More than [`MAX_NOTE_BYTES`] or [`MAX_SIGNATURES`].
    #[error("the note is too large")]
    TooLarge,
    /// The text is not UTF-8, has control characters, or does not end in a
    /// newline.
    #[error("the note's text is not lines of plain text")]
    Text,
    /// No block of well-formed signature lines ends the note.
    #[error("the note's signature block is malformed: {0}")]
    Block(&'static str),
    /// Two of the given keys share their name and hash.
    #[error("two keys are called `{0}`")]
    AmbiguousKey(String),
    /// A known key's signature does not match the text.
    #[error("the signature of `{0}` does not match the text")]
    BadSignature(String),
    /// None of the signatures is by a known key.
    #[error("no signature is by a known key")]
    Unverified,
}

/// One signature line, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name that the line gives.
    pub name: String,
    /// The hash that the line gives.
    pub key_id: KeyId,
    /// What follows the hash: the signature in its algorithm's own form.
    pub signature: Vec<u8>,
}

/// A note that was split into text and signatures, and not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature that a known key made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSignature {
    /// The key's name.
    pub name: String,
    /// The key's hash.
    pub key_id: KeyId,
    /// For a cosignature the witness's clock, in seconds since 1970.
    pub cosigned_at_seconds: Option<u64>,
}

/// A note's text and the known keys that signed it: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedNote {
    /// The text, with its final newline.
    pub text: String,
    /// By whom, in the order of the note.
    pub signatures: Vec<VerifiedSignature>,
}

impl SignedNote {
    /// Splits a note, and verifies nothing.
    ///
    /// # Errors
    /// [`NoteError::TooLarge`], [`NoteError::Text`] and [`NoteError::Block`].
    pub fn parse(note: &[u8]) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge);
        }
        let note = std::str::from_utf8(note).map_err(|_| NoteError::Text)?;
        // The last empty line divides, for the text may have empty lines.
        let (text, block) = note
            .rsplit_once("\n\n")
            .ok_or(NoteError::Block("no empty line before it"))?;
        let text = format!("{text}\n");
        valid_text(&text)?;
        let block = block
            .strip_suffix('\n')
            .ok_or(NoteError::Block("no newline at its end"))?;
        let signatures = block
            .split('\n')
            .map(parse_line)
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::TooLarge);
        }
        Ok(Self { text, signatures })
    }

    /// Returns the text, which nobody vouches for yet.
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// Returns all signature lines, in order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Verifies every signature whose name and hash are those of a given key,
    /// and leaves the others aside.
    ///
    /// # Errors
    /// [`NoteError::AmbiguousKey`], [`NoteError::BadSignature`] where a known
    /// key's signature is wrong even if another is right, and
    /// [`NoteError::Unverified`] where no known key has signed.
    pub fn verify(self, keys: &[VerifierKey]) -> Result<VerifiedNote, NoteError> {
        let mut verified: Vec<VerifiedSignature> = Vec::new();
        for signature in &self.signatures {
            let mut known = keys
                .iter()
                .filter(|key| key.name() == signature.name && key.id() == signature.key_id);
            let Some(key) = known.next() else { continue };
            if known.any(|other| other != key) {
                return Err(NoteError::AmbiguousKey(key.label()));
            }
            let signature = verify_one(key, &self.text, &signature.signature)?;
            if !verified.contains(&signature) {
                verified.push(signature);
            }
        }
        if verified.is_empty() {
            return Err(NoteError::Unverified);
        }
        Ok(VerifiedNote {
            text: self.text,
            signatures: verified,
        })
    }
}

/// Splits and verifies a note: [`SignedNote::parse`], then
/// [`SignedNote::verify`].
///
/// # Errors
/// Those of both.
pub fn verify_note(note: &[u8], keys: &[VerifierKey]) -> Result<VerifiedNote, NoteError> {
    SignedNote::parse(note)?.verify(keys)
}

/// Signs `text`, which ends in a newline, with each key in turn.
///
/// # Errors
/// [`NoteError::Text`], [`NoteError::TooLarge`], [`NoteError::Block`] without a
/// key, and [`NoteError::AmbiguousKey`] where a key is given twice.
pub fn sign_note(text: &str, keys: &[&SigningKey]) -> Result<String, NoteError> {
    valid_text(text)?;
    if keys.is_empty() {
        return Err(NoteError::Block("no key to sign with"));
    }
    let mut note = format!("{text}\n");
    for (place, key) in keys.iter().enumerate() {
        let verifier = key.verifier();
        if keys
            .iter()
            .take(place)
            .any(|earlier| earlier.verifier().label() == verifier.label())
        {
            return Err(NoteError::AmbiguousKey(verifier.label()));
        }
        let signature = [
            &verifier.id().as_bytes()[..],
            &key.sign(text.as_bytes())[..],
        ]
        .concat();
        note.push_str(MARK);
        note.push_str(key.name());
        note.push(' ');
        note.push_str(&STANDARD.encode(signature));
        note.push('\n');
    }
    if note.len() > MAX_NOTE_BYTES || keys.len() > MAX_SIGNATURES {
        return Err(NoteError::TooLarge);
    }
    Ok(note)
}

pub(super) fn valid_text(text: &str) -> Result<(), NoteError> {
    let is_plain = text.bytes().all(|byte| byte >= b' ' || byte == b'\n');
    if is_plain && text.ends_with('\n') {
        Ok(())
    } else {
        Err(NoteError::Text)
    }
}

fn parse_line(line: &str) -> Result<NoteSignature, NoteError> {
    let (name, encoded) = line
        .strip_prefix(MARK)
        .and_then(|line| line.split_once(' '))
        .ok_or(NoteError::Block("a line is not `— name base64`"))?;
    if !is_name(name) {
        return Err(NoteError::Block("a line has no valid key name"));
    }
    let decoded = STANDARD
        .decode(encoded)
        .map_err(|_| NoteError::Block("a signature is not base64"))?;
    match decoded.split_first_chunk::<4>() {
        Some((key_id, signature)) if !signature.is_empty() => Ok(NoteSignature {
            name: name.to_owned(),
            key_id: KeyId::from_bytes(*key_id),
            signature: signature.to_vec(),
        }),
        Some(_) | None => Err(NoteError::Block("a signature is too short")),
    }
}

/// Source: C2SP tlog-cosignature: the time is signed with the text.
pub(super) fn cosignature_message(at_seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {at_seconds}\n{text}")
}

fn verify_one(
    key: &VerifierKey,
    text: &str,
    signature: &[u8],
) -> Result<VerifiedSignature, NoteError> {
    let bad = || NoteError::BadSignature(key.label());
    let (is_good, cosigned_at_seconds) = match key.algorithm() {
        Algorithm::Ed25519 => (key.has_signed(text.as_bytes(), signature), None),
        Algorithm::CosignatureV1 => {
            let (time, signature) = signature.split_first_chunk::<8>().ok_or_else(bad)?;
            let time = u64::from_be_bytes(*time);
            let message = cosignature_message(time, text);
            (key.has_signed(message.as_bytes(), signature), Some(time))
        }
    };
    if !is_good {
        return Err(bad());
    }
    Ok(VerifiedSignature {
        name: key.name().to_owned(),
        key_id: key.id(),
        cosigned_at_seconds,
    })
}
