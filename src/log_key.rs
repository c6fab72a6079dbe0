//! Which key a log must be signed with: the named one, or the one that this
//! machine saw first and pinned.

use gate_client::Client;
use gate_protocol::inert::inert;
use gate_protocol::signed_note::{KeyPurpose, SignedNote, VerifierKey, predecessors, successors};

use crate::failure::{Failure, FailureKind};
use crate::remembered::Remembered;
use crate::report;
use crate::session::Session;
use crate::world::World;

/// The pinned keys, by the server's URL.
fn pins(world: &World) -> Result<Remembered<VerifierKey>, Failure> {
    Remembered::read(world, "log-keys.json", "the pinned keys")
}

/// The statements by which one key names the next, by the server's URL.
fn statements(world: &World) -> Result<Remembered<Vec<String>>, Failure> {
    Remembered::read(world, "log-key-statements.json", "the statements of keys")
}

/// The keys of one log: the one that signs now, and those that signed before it.
#[derive(Clone, Debug)]
pub(crate) struct LogKeys {
    now: VerifierKey,
    before: Vec<VerifierKey>,
}

impl From<VerifierKey> for LogKeys {
    fn from(now: VerifierKey) -> Self {
        let before = Vec::new();
        Self { now, before }
    }
}

impl LogKeys {
    fn of(now: VerifierKey, statements: &[String]) -> Self {
        let before = predecessors(&now, KeyPurpose::Log, statements);
        Self { now, before }
    }

    /// Returns the key that signs now.
    pub(crate) fn now(&self) -> &VerifierKey {
        &self.now
    }

    /// Returns all of them, the newest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &VerifierKey> {
        std::iter::once(&self.now).chain(&self.before)
    }

    /// Tells whether one of them has put its name under a note.
    pub(crate) fn have_signed(&self, note: &[u8]) -> bool {
        let key = self.of_note(note);
        SignedNote::parse(note).is_ok_and(|note| {
            let mut signatures = note.signatures().iter();
            signatures.any(|one| one.name == key.name() && one.key_id == key.id())
        })
    }

    /// Returns the one that a note is signed by; where it is none of them, the one that signs now,
    /// by which it then does not verify.
    pub(crate) fn of_note(&self, note: &[u8]) -> &VerifierKey {
        let Ok(note) = SignedNote::parse(note) else {
            return &self.now;
        };
        let has_signed = |key: &&VerifierKey| {
            let mut signatures = note.signatures().iter();
            signatures.any(|one| one.name == key.name() && one.key_id == key.id())
        };
        self.all().find(has_signed).unwrap_or(&self.now)
    }

    /// Returns these keys, with those that came after the newest of them where `statements` says so.
    pub(crate) fn and_after(self, statements: &[String]) -> Self {
        let mut after = successors(&self.now, KeyPurpose::Log, statements);
        let Some(now) = after.pop() else { return self };
        let before = after.into_iter().rev();
        let before = before.chain([self.now]).chain(self.before).collect();
        Self { now, before }
    }
}

/// Returns the pinned key of the configured server's log, without asking anyone.
///
/// # Errors
/// None is pinned, or the pins can't be read.
pub(crate) fn pinned(world: &World) -> Result<LogKeys, Failure> {
    let server = world
        .configuration()?
        .named_server()
        .map(|server| server.value.to_string());
    let pins = pins(world)?;
    let known = statements(world)?;
    let of = |server: String| {
        let said = known.get(&server).map_or(&[][..], Vec::as_slice);
        let keys = pins.get(&server).map(|key| LogKeys::of(key.clone(), said));
        keys.map(|keys| keys.and_after(said))
    };
    server.and_then(of).ok_or_else(|| {
        Failure::new(
            FailureKind::Configuration,
            "the log's key is not pinned here",
        )
        .hint("give it with --key; `gate audit verify --live` pins it once the server can be asked")
    })
}

/// Returns `keys` with those that came after them, as the server hands out their statements; none
/// where nothing came after. The newest is pinned from now on, with
/// what is to be said of that.
pub(crate) async fn after(
    world: &World,
    client: &Client,
    keys: &LogKeys,
) -> Option<(LogKeys, Option<String>)> {
    let said = client.server_identity().await.ok()?.key_statements;
    let after = keys.clone().and_after(&said);
    if after.now() == keys.now() {
        return None;
    }
    let server = client.server().to_string();
    // What can't be written is asked for once more the next time.
    let moved = pins(world).and_then(|mut pins| {
        remember(world, &server, &said)?;
        move_pin(&mut pins, &server, (keys.now(), after.now()))
    });
    Some((after, moved.ok()))
}

/// Pins the key that the pinned one has named, and returns what is to be said of it.
fn move_pin(
    pins: &mut Remembered<VerifierKey>,
    server: &str,
    (before, named): (&VerifierKey, &VerifierKey),
) -> Result<String, Failure> {
    pins.put(server.to_owned(), named.clone())?;
    Ok(format!(
        "the log's key is {} from now on: {}, which was pinned, says so",
        inert(&named.to_string()),
        inert(&before.label())
    ))
}

/// Remembers statements beside those that are known, by which older heads are held, also without the
/// server.
fn remember(world: &World, server: &str, said: &[String]) -> Result<(), Failure> {
    let mut known = statements(world)?;
    let mut all = known.get(server).cloned().unwrap_or_default();
    let count = all.len();
    for one in said {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
    if all.len() > count {
        known.put(server.to_owned(), all)?;
    }
    Ok(())
}

/// Returns the pinned key of the server's log, and pins the one that the server
/// names now where none is pinned. A key that is not the pinned one is refused:
/// whoever can exchange it can sign another history.
///
/// # Errors
/// The server names another key than the pinned one, or does not answer.
pub(crate) fn pin(world: &World, session: &Session) -> Result<LogKeys, Failure> {
    let server = world.configuration()?.server()?.to_string();
    let mut pins = pins(world)?;
    let identity = session.call(session.client().server_identity())?;
    let named: VerifierKey = identity.log_key.parse().map_err(|error| {
        Failure::new(
            FailureKind::Unreachable,
            "the server names no key of its log",
        )
        .caused_by(error)
    })?;
    let said = identity.key_statements.as_slice();
    match pins.get(&server) {
        Some(pinned) if *pinned == named => {}
        Some(pinned) if successors(pinned, KeyPurpose::Log, said).last() == Some(&named) => {
            let before = pinned.clone();
            report::line(&move_pin(&mut pins, &server, (&before, &named))?);
        }
        Some(pinned) => {
            return Err(Failure::new(
                FailureKind::Configuration,
                format!(
                    "the log of `{server}` was signed by `{pinned}` and now claims the key `{named}`"
                ),
            )
            .hint(format!(
                "ask who runs the server; if the change is meant, remove {} and compare the new key",
                pins.place()
            )));
        }
        None => {
            pins.put(server.clone(), named.clone())?;
            report::line(&format!(
                "pinned the log's key {}",
                inert(&named.to_string())
            ));
            report::line("compare it with what the server's operator says");
        }
    }
    remember(world, &server, said)?;
    Ok(LogKeys::of(named, said))
}
