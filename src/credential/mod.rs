//! The token of this user for each server, and where it is kept.
//!
//! The best place that takes it: the desktop's keyring (Secret Service), then
//! the kernel's, then a file of mode 0600 with a warning. A small book of our
//! own says which place has the token of which server, so that reading it asks
//! that one place and no other: a keyring that is locked or gone is an error
//! with its reason, and never a silent turn to an older token elsewhere. Who is
//! not logged in never waits for D-Bus.

mod bounded;
mod file;
mod keyring;
mod keyutils;
mod secret_service;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use gate_client::{ServerUrl, Token};
use gate_protocol::inert::inert;

use crate::failure::{Failure, FailureKind};
use crate::progress::Voice;
use crate::report;
use crate::world::World;

use bounded::UNTOLD;
use file::{Book, Kept};
use keyring::{Keyring, KeyringError};

/// The environment variable that brings a token along, for CI.
const VARIABLE: &str = "GATE_TOKEN";

/// How long a keyring may take where nobody can be asked to unlock it, and
/// where a person may be looking at its window.
const UNATTENDED: Duration = Duration::from_secs(5);
const ATTENDED: Duration = Duration::from_secs(45);

/// Where a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In `GATE_TOKEN`.
    Environment,
    /// In the desktop's keyring.
    SecretService,
    /// In the kernel's keyring.
    Keyutils,
    /// In this file.
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str(VARIABLE),
            Self::SecretService => f.write_str("the system keyring (Secret Service)"),
            Self::Keyutils => f.write_str("the kernel keyring"),
            Self::File(path) => write!(f, "the file `{}`", inert(&path.to_string_lossy())),
        }
    }
}

/// Returns the token for `server`: `GATE_TOKEN` first, then the place where
/// [`store`] put it. `None` where there is neither. A keyring may take no longer
/// than `patience`, and `voice` is told that it is waited for.
///
/// # Errors
/// `GATE_TOKEN` is no token; the place can't be reached in time, has lost the
/// token or can't be trusted.
pub(crate) fn load(
    world: &World,
    server: &ServerUrl,
    patience: Option<Duration>,
    voice: Voice,
) -> Result<Option<(Token, Place)>, Failure> {
    if let Some(text) = world.env(VARIABLE) {
        let token = text.parse().map_err(|error: gate_client::TokenError| {
            bad(format!("{VARIABLE} is not a token"))
                .caused_by(error)
                .hint(format!(
                    "copy it again, whole, or unset {VARIABLE} and run `gate login`"
                ))
        })?;
        return Ok(Some((token, Place::Environment)));
    }
    let path = world.layout.credential_file()?;
    let book = Book::read(&path)?;
    let usual = Wait::of(world);
    let wait = Wait {
        limit: patience.map_or(usual.limit, |patience| patience.min(usual.limit)),
        voice,
    };
    match book.find(server) {
        None => Ok(None),
        Some(Kept::File { token }) => Ok(Some((token.clone(), Place::File(path)))),
        Some(Kept::SecretService {}) => from_keyring(Keyring::SecretService, wait, server),
        Some(Kept::Keyutils {}) => from_keyring(Keyring::Keyutils, wait, server),
    }
}

/// Returns the token for `server` as [`load`] does, where nobody has to be asked for it: a keyring
/// that is locked stays so. Nothing is told.
pub(crate) fn at_hand(world: &World, server: &ServerUrl, patience: Duration) -> Option<Token> {
    let voice = Voice::Human;
    if world.env(VARIABLE).is_none() {
        let book = Book::read(&world.layout.credential_file().ok()?).ok()?;
        let keyring = book.find(server)?.keyring();
        let limit = patience.min(UNTOLD);
        let wait = Wait { limit, voice };
        if keyring.is_some_and(|keyring| !keyring.is_open(&account(server), wait)) {
            return None;
        }
    }
    let found = load(world, server, Some(patience.min(UNTOLD)), voice).ok()?;
    found.map(|(token, _)| token)
}

fn from_keyring(
    keyring: Keyring,
    wait: Wait,
    server: &ServerUrl,
) -> Result<Option<(Token, Place)>, Failure> {
    let login = format!("run `gate login --server {server}` again");
    let secret = keyring.get(&account(server), wait).map_err(|error| {
        bad(format!("cannot read the token of `{server}`"))
            .caused_by(error)
            .hint(format!("unlock the keyring, set {VARIABLE}, or {login}"))
    })?;
    let Some(secret) = secret else {
        let text = format!("{} no longer has the token of `{server}`", keyring.place());
        return Err(bad(text).hint(login));
    };
    let token = std::str::from_utf8(&secret)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            bad(format!(
                "what {} has for `{server}` is not a token",
                keyring.place()
            ))
            .hint(login)
        })?;
    Ok(Some((token, keyring.place())))
}

/// Keeps `token` for `server` in the best place that takes it, and says so
/// where that is not the best one.
///
/// # Errors
/// No place takes it, or the book can't be read or written.
pub(crate) fn store(world: &World, server: &ServerUrl, token: &Token) -> Result<Place, Failure> {
    let path = world.layout.credential_file()?;
    // Read before anything is stored: a book that is not used must stop it all.
    let mut book = Book::read(&path)?;
    let kept = keep(world, server, token, &path);
    let before = book.find(server).and_then(Kept::keyring);
    let now = kept.keyring();
    book.set(server, kept);
    book.write(&path)?;
    if let Some(old) = before.filter(|old| Some(*old) != now)
        && let Err(error) = old.remove(&account(server), Wait::of(world))
    {
        report::line(&format!(
            "warning: an older token is still in {}: {}",
            old.place(),
            told(&error)
        ));
    }
    Ok(now.map_or(Place::File(path), Keyring::place))
}

/// Puts the token into the first keyring that takes it; what is returned goes
/// into the book, with the token itself where no keyring did.
fn keep(world: &World, server: &ServerUrl, token: &Token, path: &std::path::Path) -> Kept {
    for keyring in [Keyring::SecretService, Keyring::Keyutils] {
        match keyring.set(&account(server), token, Wait::of(world)) {
            Ok(()) => return Kept::from(keyring),
            Err(error) => report::line(&format!("warning: {}", told(&error))),
        }
    }
    let shown = path.to_string_lossy();
    report::line(&format!(
        "warning: no keyring took the token, so it is in the file `{}`, readable by you alone",
        inert(&shown)
    ));
    report::line("whoever can read your files, or a backup of them, can use it");
    Kept::File {
        token: token.clone(),
    }
}

/// Forgets the token for `server`, and returns where it was.
///
/// # Errors
/// The place where it is can't be reached or changed; the token is then still there.
pub(crate) fn remove(world: &World, server: &ServerUrl) -> Result<Option<Place>, Failure> {
    let path = world.layout.credential_file()?;
    let mut book = Book::read(&path)?;
    let Some(kept) = book.find(server) else {
        return Ok(None);
    };
    let keyring = kept.keyring();
    if let Some(keyring) = keyring {
        keyring
            .remove(&account(server), Wait::of(world))
            .map_err(|error| {
                bad(format!(
                    "the token of `{server}` is still in {}",
                    keyring.place()
                ))
                .caused_by(error)
                .hint("unlock the keyring and run `gate logout` again")
            })?;
    }
    book.forget(server);
    book.write(&path)?;
    Ok(Some(keyring.map_or(Place::File(path), Keyring::place)))
}

/// The name under which a keyring has the token.
fn account(server: &ServerUrl) -> String {
    server.to_string()
}

/// How a keyring is waited for.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// How long it may take.
    limit: Duration,
    /// Who is told.
    voice: Voice,
}

impl Wait {
    /// Returns the usual wait: longer where it can show a window to somebody.
    fn of(world: &World) -> Self {
        let has_screen = ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| world.env_os(name).is_some());
        Self {
            limit: if has_screen { ATTENDED } else { UNATTENDED },
            voice: Voice::Human,
        }
    }
}

fn bad(text: String) -> Failure {
    Failure::new(FailureKind::Configuration, text)
}

/// Returns the whole chain of an error in one line, inert.
fn told(error: &KeyringError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    inert(&text).into_owned()
}
