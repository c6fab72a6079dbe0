//! Which key comes after which: a signed note by both, so that who knows the one before learns of the
//! next, and who knows the next learns that the one before was good.

use jiff::Timestamp;

use super::key::{SigningKey, VerifierKey};
use super::note::{NoteError, SignedNote, sign_note};

/// The first line. Of a checkpoint it would be the log's name.
const KIND: &str = "gate-key/1";

/// The most statements that are followed.
const MOST: usize = 1_000;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// It signs grants and rules.
    Grant,
    /// It signs the heads of the log.
    Log,
}

impl KeyPurpose {
    /// Returns the word for it, `grant` or `log`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Log => "log",
        }
    }
}

/// That one key comes after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// What both are for.
    pub purpose: KeyPurpose,
    /// The one before.
    pub before: VerifierKey,
    /// The one that signs from then on.
    pub after: VerifierKey,
    /// When that was said.
    pub at: Timestamp,
}

/// Why a statement is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SuccessionError {
    /// It is not signed by both keys that it names.
    #[error("it is not signed by both keys")]
    Note(#[from] NoteError),
    /// Not what such a statement is.
    #[error("it does not say which key comes after which")]
    Form,
}

impl Succession {
    /// Says that `after` comes after `before`, signed by both.
    ///
    /// # Errors
    /// [`SuccessionError::Form`] where their names differ or they are one key, and
    /// [`SuccessionError::Note`].
    pub fn sign(
        purpose: KeyPurpose,
        before: &SigningKey,
        after: &SigningKey,
        at: Timestamp,
    ) -> Result<String, SuccessionError> {
        let (old, new) = (before.verifier(), after.verifier());
        if old.name() != new.name() || old == new {
            return Err(SuccessionError::Form);
        }
        let text = format!("{KIND}\n{}\n{old}\n{new}\n{at}\n", purpose.as_str());
        Ok(sign_note(&text, &[before, after])?)
    }

    /// Reads a statement and verifies that both keys signed it.
    ///
    /// # Errors
    /// Each [`SuccessionError`] as its name says.
    pub fn verify(note: &str) -> Result<Self, SuccessionError> {
        let note = SignedNote::parse(note.as_bytes())?;
        let said = Self::parse(note.unverified_text()).ok_or(SuccessionError::Form)?;
        let keys = [said.before.clone(), said.after.clone()];
        for key in &keys {
            note.clone().verify(std::slice::from_ref(key))?;
        }
        if said.before.name() != said.after.name() || said.before == said.after {
            return Err(SuccessionError::Form);
        }
        Ok(said)
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.strip_suffix('\n')?.split('\n').collect();
        let &[kind, purpose, before, after, at] = lines.as_slice() else {
            return None;
        };
        let purpose = match purpose {
            "grant" => KeyPurpose::Grant,
            "log" => KeyPurpose::Log,
            _ => return None,
        };
        Some(Self {
            purpose,
            before: before.parse().ok().filter(|_| kind == KIND)?,
            after: after.parse().ok()?,
            at: at.parse().ok()?,
        })
    }
}

/// Returns the keys that came after `first`, each named by the one before it, the newest last. What
/// does not verify, or is of another purpose, counts for nothing.
#[must_use]
pub fn successors(
    first: &VerifierKey,
    purpose: KeyPurpose,
    statements: &[String],
) -> Vec<VerifierKey> {
    let all: Vec<Succession> = said(purpose, statements).collect();
    chain(first, |known| {
        let next = all.iter().find(|one| one.before == *known);
        next.map(|one| one.after.clone())
    })
}

/// Returns the keys that were good before `last`, as it says itself, the newest first.
#[must_use]
pub fn predecessors(
    last: &VerifierKey,
    purpose: KeyPurpose,
    statements: &[String],
) -> Vec<VerifierKey> {
    let all: Vec<Succession> = said(purpose, statements).collect();
    chain(last, |known| {
        let before = all.iter().find(|one| one.after == *known);
        before.map(|one| one.before.clone())
    })
}

/// Returns the keys that are reached from one, step by step; a circle ends where it closes.
fn chain(
    from: &VerifierKey,
    step: impl Fn(&VerifierKey) -> Option<VerifierKey>,
) -> Vec<VerifierKey> {
    let mut keys: Vec<VerifierKey> = Vec::new();
    while let Some(key) = step(keys.last().unwrap_or(from))
        && key != *from
        && !keys.contains(&key)
    {
        keys.push(key);
    }
    keys
}

fn said(purpose: KeyPurpose, statements: &[String]) -> impl Iterator<Item = Succession> {
    let notes = statements.iter().take(MOST);
    notes
        .filter_map(|note| Succession::verify(note).ok())
        .filter(move |one| one.purpose == purpose)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> ([SigningKey; 3], Vec<String>) {
        let keys = [(); 3].map(|()| SigningKey::generate("gate-x/audit").unwrap());
        let at = "2026-11-29T12:00:00Z".parse().unwrap();
        let say = |before: usize, after: usize| {
            Succession::sign(KeyPurpose::Log, &keys[before], &keys[after], at).unwrap()
        };
        let statements = vec![say(0, 1), say(1, 2)];
        (keys, statements)
    }

    #[test]
    fn who_knows_a_key_learns_of_those_after_it_and_of_those_before() {
        let (keys, statements) = chain();
        let keys = keys.map(|key| key.verifier());
        let after = successors(&keys[0], KeyPurpose::Log, &statements);
        assert_eq!(after, [keys[1].clone(), keys[2].clone()]);
        let before = predecessors(&keys[2], KeyPurpose::Log, &statements);
        assert_eq!(before, [keys[1].clone(), keys[0].clone()]);
        assert!(successors(&keys[0], KeyPurpose::Grant, &statements).is_empty());
        assert!(successors(&keys[2], KeyPurpose::Log, &statements).is_empty());
    }

    #[test]
    fn a_statement_that_one_of_both_did_not_sign_counts_for_nothing() {
        let (keys, statements) = chain();
        let stranger = SigningKey::generate("gate-x/audit").unwrap();
        let at = "2026-11-29T12:00:00Z".parse().unwrap();
        let own = Succession::sign(KeyPurpose::Log, &keys[0], &stranger, at).unwrap();
        // The stranger's own statement, in which the old key's signature is another one's.
        let (text, _) = own.split_once("\n\n").unwrap();
        let forged = sign_note(&format!("{text}\n"), &[&stranger]).unwrap();
        assert!(Succession::verify(&forged).is_err());
        let changed = statements[0].replacen("2026", "2027", 1);
        assert!(Succession::verify(&changed).is_err());
        let known = keys[0].verifier();
        assert!(successors(&known, KeyPurpose::Log, &[forged, changed]).is_empty());
        let other = SigningKey::generate("gate-y/audit").unwrap();
        assert!(Succession::sign(KeyPurpose::Log, &keys[0], &other, at).is_err());
    }

    #[test]
    fn a_circle_ends() {
        let (keys, mut statements) = chain();
        let at = "2026-11-29T12:00:00Z".parse().unwrap();
        statements.push(Succession::sign(KeyPurpose::Log, &keys[2], &keys[0], at).unwrap());
        let known = keys[0].verifier();
        assert_eq!(successors(&known, KeyPurpose::Log, &statements).len(), 2);
    }
}
