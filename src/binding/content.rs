//! The text of an input for people, with its secrets masked. Only what decides
//! like a command itself is sent, and only where every byte of it is known:
//! settings and credentials stay on the machine.

use std::io::Read;
use std::path::Path;

use gate_policy::masked_prose;
use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{CONTENT_LIMIT_BYTES, CONTENTS_LIMIT_BYTES, Delivery};
use sha2::{Digest as _, Sha256};

use super::tree;

/// What an input is to the tool where its text is worth reading: it says what is done.
const SHOWN: [&str; 7] = [
    "compose file",
    "manifest",
    "patch",
    "playbook",
    "script",
    "stdin",
    "values",
];
/// Parts of names of files that hold secrets whatever they are to the tool.
const SECRET_NAMES: [&str; 8] = [
    ".env",
    ".key",
    ".pem",
    "credential",
    "kubeconfig",
    "passw",
    "secret",
    "token",
];

/// Words beside which secrets stand.
const NAMES_OF_SECRETS: [&str; 12] = [
    "api_key",
    "api-key",
    "apikey",
    "authorization",
    "bearer",
    "credential",
    "identified by",
    "passw",
    "pgpass",
    "private key",
    "secret",
    "token",
];

/// How much may still be sent with one request, in bytes.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(CONTENTS_LIMIT_BYTES)
    }

    /// Returns the text of what `reader` gives, where it is what was hashed.
    pub(super) fn text(
        &mut self,
        what: (&str, &Path),
        (hashed, delivery): (&Digest, Delivery),
        reader: impl Read,
    ) -> Option<String> {
        let (role, path) = what;
        if !SHOWN.contains(&role) || may_hold_secrets(path) {
            return None;
        }
        let mut bytes = Vec::new();
        let limit = u64::try_from(CONTENT_LIMIT_BYTES + 1).ok()?;
        reader.take(limit).read_to_end(&mut bytes).ok()?;
        if bytes.len() > CONTENT_LIMIT_BYTES || !is_hashed(&bytes, hashed, delivery) {
            return None;
        }
        let text = String::from_utf8(bytes).ok()?;
        if names_a_secret(&text) {
            return None;
        }
        let shown = masked_prose(&text, &[]);
        self.0 = self.0.checked_sub(shown.len())?;
        (shown.len() <= CONTENT_LIMIT_BYTES).then_some(shown)
    }
}

/// What is read a second time must be what was hashed: what is shown is bound.
fn is_hashed(bytes: &[u8], hashed: &Digest, delivery: Delivery) -> bool {
    let sha256 = Digest::from_bytes(Sha256::digest(bytes).into());
    match delivery {
        Delivery::Snapshot | Delivery::Stdin => sha256 == *hashed,
        Delivery::Copy | Delivery::Rechecked => tree::of_file(&sha256) == *hashed,
    }
}

fn may_hold_secrets(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Tells whether a text speaks of secrets: then none of it is sent. What masks
/// secrets in sentences does not read scripts, and misses a password in SQL.
fn names_a_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    NAMES_OF_SECRETS.iter().any(|name| text.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(role: &str, name: &str, bytes: &[u8]) -> Option<String> {
        let hashed = Digest::from_bytes(Sha256::digest(bytes).into());
        let what = (role, Path::new(name));
        Budget::new().text(what, (&hashed, Delivery::Snapshot), bytes)
    }

    #[test]
    fn what_says_what_is_done_is_shown_and_its_secrets_are_not() {
        assert_eq!(
            text_of("manifest", "app.yaml", b"replicas: 2\n").as_deref(),
            Some("replicas: 2\n")
        );
        let address = b"redis-cli -u redis://u:Hunter2-Pw@cache.example/0\n";
        let masked = text_of("script", "warm.sh", address).unwrap();
        assert!(!masked.contains("Hunter2-Pw"), "{masked}");
    }

    #[test]
    fn what_can_hold_secrets_or_is_no_text_stays() {
        for (role, name, bytes) in [
            ("kubeconfig", "app.yaml", &b"a: 1"[..]),
            ("manifest", "db-secret.yaml", b"a: 1"),
            ("values", "prod.env", b"a: 1"),
            (
                "manifest",
                "app.yaml",
                b"apiVersion: v1\nkind:  \"Secret\"\ndata: {a: Yg==}",
            ),
            ("script", "q.sql", b"ALTER ROLE a PASSWORD 'x';"),
            ("manifest", "app.yaml", b"\xff\xfe"),
            ("manifest", "app.yaml", &vec![b'a'; CONTENT_LIMIT_BYTES + 1]),
        ] {
            assert_eq!(text_of(role, name, bytes), None, "{role} {name}");
        }
    }

    #[test]
    fn what_is_not_what_was_hashed_is_not_shown() {
        let other = Digest::from_bytes(Sha256::digest(b"other").into());
        let what = ("manifest", Path::new("app.yaml"));
        let text = Budget::new().text(what, (&other, Delivery::Snapshot), &b"a: 1"[..]);
        assert_eq!(text, None);
    }

    #[test]
    fn all_of_them_together_have_a_limit() {
        let mut budget = Budget::new();
        let bytes = vec![b'a'; CONTENT_LIMIT_BYTES];
        let hashed = Digest::from_bytes(Sha256::digest(&bytes).into());
        let mut sent = 0;
        for _ in 0..10 {
            let what = ("manifest", Path::new("app.yaml"));
            let text = budget.text(what, (&hashed, Delivery::Snapshot), &bytes[..]);
            sent += text.map_or(0, |text| text.len());
        }
        assert_eq!(sent, CONTENTS_LIMIT_BYTES);
    }
}
