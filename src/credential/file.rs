//! The book: which place has the token of which server, and the token itself
//! where no keyring took it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use gate_client::{ServerUrl, Token};
use gate_protocol::inert::inert;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::keyring::Keyring;
use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::trust::{self, Owner, TrustError};

/// The largest book that is read, in bytes.
const LIMIT_BYTES: usize = 1 << 20;

/// What is known of every server's token.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    servers: BTreeMap<String, Kept>,
}

/// Where one server's token is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Kept {
    /// In the desktop's keyring.
    SecretService {},
    /// In the kernel's keyring.
    Keyutils {},
    /// Here.
    File {
        /// The token.
        #[serde(serialize_with = "expose", deserialize_with = "parse")]
        token: Token,
    },
}

impl From<Keyring> for Kept {
    fn from(keyring: Keyring) -> Self {
        match keyring {
            Keyring::SecretService => Self::SecretService {},
            Keyring::Keyutils => Self::Keyutils {},
        }
    }
}

impl Kept {
    /// Returns the keyring that has the token, if one has it.
    pub(super) fn keyring(&self) -> Option<Keyring> {
        match self {
            Self::SecretService {} => Some(Keyring::SecretService),
            Self::Keyutils {} => Some(Keyring::Keyutils),
            Self::File { .. } => None,
        }
    }
}

fn expose<S: Serializer>(token: &Token, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose())
}

fn parse<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Token, D::Error> {
    Zeroizing::new(String::deserialize(deserializer)?)
        .parse()
        .map_err(D::Error::custom)
}

impl Book {
    /// Reads the book; an absent one is empty.
    ///
    /// # Errors
    /// It is there and is not a regular file of this user that nobody else can
    /// read, or is malformed.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = inert(&path.to_string_lossy()).into_owned();
        let text = match trust::read_bytes(path, Owner::CallerAlone, LIMIT_BYTES) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(Self::default()),
            Err(TrustError::Read(error)) => {
                let text = format!("cannot read `{shown}`");
                return Err(Failure::new(FailureKind::Configuration, text).caused_by(error));
            }
            Err(error) => return Err(refused(&shown, &error.to_string())),
        };
        // Only the place of a mistake is told: the parser's words could repeat a token.
        serde_json::from_slice(&text).map_err(|error| {
            refused(
                &shown,
                &format!(
                    "line {}, column {} is malformed",
                    error.line(),
                    error.column()
                ),
            )
        })
    }

    /// Writes the book: a new file of mode 0600, in place of the old in one
    /// step. An empty one is removed.
    ///
    /// # Errors
    /// It can't be written; the old one is then still there.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let written = if self.servers.is_empty() {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                removed => removed,
            }
        } else {
            serde_json::to_vec_pretty(self)
                .map(Zeroizing::new)
                .map_err(std::io::Error::from)
                .and_then(|text| durable::replace(path, &text))
        };
        written.map_err(|error| {
            let shown = path.to_string_lossy();
            let text = format!("cannot write `{}`", inert(&shown));
            Failure::new(FailureKind::Configuration, text).caused_by(error)
        })
    }

    /// Returns where the token of `server` is.
    pub(super) fn find(&self, server: &ServerUrl) -> Option<&Kept> {
        self.servers.get(&server.to_string())
    }

    /// Notes where the token of `server` is now.
    pub(super) fn set(&mut self, server: &ServerUrl, kept: Kept) {
        self.servers.insert(server.to_string(), kept);
    }

    /// Forgets `server`.
    pub(super) fn forget(&mut self, server: &ServerUrl) {
        self.servers.remove(&server.to_string());
    }
}

fn refused(shown: &str, why: &str) -> Failure {
    Failure::new(
        FailureKind::Configuration,
        format!("`{shown}` is not used: {why}"),
    )
    .hint(
        "a token in it may be known to others: remove the file, have the token revoked, \
         and run `gate login` with a new one",
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const TOKEN: &str = "gate_rq_hunter2";

    fn server() -> ServerUrl {
        "https://gate.example.com".parse().unwrap()
    }

    fn written(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("state").join("credential");
        let mut book = Book::default();
        book.set(
            &server(),
            Kept::File {
                token: TOKEN.parse().unwrap(),
            },
        );
        book.write(&path).unwrap();
        path
    }

    fn refusal(path: &Path) -> String {
        Book::read(path).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn a_book_reads_back_from_a_file_that_only_its_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        let book = Book::read(&path).unwrap();
        let Some(Kept::File { token }) = book.find(&server()) else {
            panic!("the token is not in the file");
        };
        assert_eq!(token.expose(), TOKEN);
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");
    }

    #[test]
    fn an_absent_book_is_empty_and_a_forgotten_server_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            Book::read(&folder.path().join("none"))
                .unwrap()
                .find(&server())
                .is_none()
        );
        let path = written(folder.path());
        let mut book = Book::read(&path).unwrap();
        book.forget(&server());
        book.write(&path).unwrap();
        assert!(!path.exists(), "an empty book is no file");
        assert!(Book::read(&path).unwrap().find(&server()).is_none());
    }

    #[test]
    fn a_book_that_others_can_read_or_write_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        for mode in [0o640, 0o604, 0o620, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(
                refusal(&path).contains(&format!("(mode {mode:o})")),
                "{}",
                refusal(&path)
            );
        }
    }

    #[test]
    fn a_link_and_what_is_no_file_are_not_used_and_never_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(refusal(&link).ends_with("it is a symbolic link"));
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(refusal(&fifo).ends_with("it is not a regular file"));
    }

    #[test]
    fn a_malformed_book_is_refused_without_repeating_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credential");
        for text in [
            "",
            TOKEN,
            &format!("{{\"servers\":\"{TOKEN}\"}}"),
            &format!("{{\"servers\":{{\"x\":{{\"place\":\"{TOKEN}\"}}}}}}"),
            &format!("{{\"servers\":{{\"x\":{{\"place\":\"file\",\"token\":\"{TOKEN} \"}}}}}}"),
        ] {
            durable::replace(&path, text.as_bytes()).unwrap();
            let failure = refusal(&path);
            assert!(failure.contains("is malformed"), "{failure}");
            assert!(!failure.contains("hunter2"), "{failure}");
        }
    }
}
