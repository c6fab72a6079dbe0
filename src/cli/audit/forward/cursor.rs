//! How far the records were taken by one receiver: kept on the disk after each batch, so that a
//! forwarder that was killed sends the last one again, and no other.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gate_protocol::canonical::{Digest, from_strict_slice, to_canonical_bytes};
use gate_protocol::inert::inert;
use gate_protocol::log::AuditRecord;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::world::World;

/// Where the log goes on for one receiver. No other forwarder moves it while this lives.
#[derive(Debug)]
pub(super) struct Cursor {
    path: PathBuf,
    server: String,
    receiver: String,
    place: Place,
    _held: File,
}

/// What is on the disk: a place means nothing in another log, or to another receiver.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    server: String,
    receiver: String,
    next: u64,
    last: Option<Digest>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// The index of the record that comes next.
    next: u64,
    /// The hash of the one before it, which it must name; none where nothing was sent yet.
    last: Option<Digest>,
}

impl Cursor {
    /// Opens the one for what goes from `server` to `receiver`, which begins at `from` where nothing
    /// was sent yet. `file` says where it is, if not in gate's state folder.
    ///
    /// # Errors
    /// Another forwarder is at work, or it can't be read or kept.
    pub(super) fn open(
        world: &World,
        (server, receiver): (&str, &str),
        (file, from): (Option<PathBuf>, u64),
    ) -> Result<Self, Failure> {
        let path = if let Some(file) = file {
            world.cwd.join(file)
        } else {
            let name = Digest::of_bytes(format!("{server}\n{receiver}").as_bytes());
            let name: String = name.to_string().chars().take(16).collect();
            world.layout.state()?.join(format!("forwarded-{name}.json"))
        };
        let shown = inert(&path.to_string_lossy()).into_owned();
        let failed = |what: &str, error: io::Error| {
            Failure::new(
                FailureKind::Configuration,
                format!("cannot {what} `{shown}`"),
            )
            .caused_by(error)
        };
        if let Some(folder) = path.parent() {
            durable::make_folder(folder).map_err(|error| failed("make the folder of", error))?;
        }
        let held = durable::lock(&lock_of(&path), Duration::ZERO).map_err(|error| {
            failed("have", error).hint("one forwarder is enough for one receiver")
        })?;
        let place = match std::fs::read(&path) {
            Ok(bytes) => {
                let kept: Kept = from_strict_slice(&bytes).map_err(|error| {
                    failed("understand", io::Error::other(error)).hint(begin_anew(next_in(&bytes)))
                })?;
                kept.place_of(server, receiver).map_err(|other| {
                    failed("use", io::Error::other(other)).hint(kept.hint_of_other(server))
                })?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Place {
                next: from,
                last: None,
            },
            Err(error) => return Err(failed("read", error)),
        };
        Ok(Self {
            path,
            server: server.to_owned(),
            receiver: receiver.to_owned(),
            place,
            _held: held,
        })
    }

    pub(super) const fn next(&self) -> u64 {
        self.place.next
    }

    /// Holds what comes next, which begins at `from`, against what was sent before: no number is left
    /// out, and each record names the one before it.
    ///
    /// # Errors
    /// It is another log, or one that has lost records.
    pub(super) fn hold(&self, size: u64, from: u64, batch: &[AuditRecord]) -> Result<(), Failure> {
        if size < self.place.next {
            let text = format!(
                "the log has {size} records, and {} were forwarded: its end was removed",
                self.place.next
            );
            return Err(self.is_another(text, ""));
        }
        let go_on = format!(
            ", with --from {} where the receiver has what was before",
            self.place.next
        );
        let mut before = self.place;
        if from > before.next {
            // Of what was archived unseen there is nothing to hold the first one against.
            before = Place {
                next: from,
                last: None,
            };
        }
        for record in batch {
            if record.seq() != before.next {
                let text = format!(
                    "the server sent record {} where {} comes next",
                    record.seq(),
                    before.next
                );
                return Err(self.is_another(text, &go_on));
            }
            if before.last.is_some_and(|last| last != record.prev()) {
                let text = format!("record {} does not follow what was forwarded", record.seq());
                return Err(self.is_another(text, &go_on));
            }
            before = after(record);
        }
        Ok(())
    }

    fn is_another(&self, text: String, how: &str) -> Failure {
        let shown = inert(&self.path.to_string_lossy()).into_owned();
        Failure::new(FailureKind::Found, text).hint(format!(
            "`gate audit verify --live` says what became of the log; remove {shown} to begin anew{how}"
        ))
    }

    /// Keeps that everything up to this record was taken.
    ///
    /// # Errors
    /// It can't be written: what was taken would be sent again and again.
    pub(super) fn keep(&mut self, last: &AuditRecord) -> Result<(), Failure> {
        self.place = after(last);
        let kept = Kept {
            server: self.server.clone(),
            receiver: self.receiver.clone(),
            next: self.place.next,
            last: self.place.last,
        };
        let encoded = to_canonical_bytes(&kept).map_err(io::Error::other);
        let kept = encoded.and_then(|encoded| durable::replace(&self.path, &encoded));
        kept.map_err(|error| {
            let shown = inert(&self.path.to_string_lossy()).into_owned();
            let text = format!("cannot write `{shown}`");
            Failure::new(FailureKind::Internal, text).caused_by(error)
        })
    }
}

/// Returns the file that is locked, which no other cursor has: `a.json` and `a.txt` are two.
fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Returns how it goes on without what is in a file that can't be understood.
fn begin_anew(next: Option<u64>) -> String {
    match next {
        Some(next) => format!("remove it, and go on with --from {next}, which it says"),
        None => {
            "remove it to begin anew, with --from where that is not the first record".to_owned()
        }
    }
}

/// Returns which record comes next by a file that can't be understood as a whole.
fn next_in(bytes: &[u8]) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    value.get("next")?.as_u64()
}

impl Kept {
    /// Returns the place, if it is that of what goes from `server` to `receiver`.
    fn place_of(&self, server: &str, receiver: &str) -> Result<Place, String> {
        if (&*self.server, &*self.receiver) != (server, receiver) {
            let (from, to) = (inert(&self.server), inert(&self.receiver));
            return Err(format!("it is that of what goes from {from} to {to}"));
        }
        Ok(Place {
            next: self.next,
            last: self.last,
        })
    }
}

impl Kept {
    /// Returns what to do where it is that of another server or receiver. Its place in the log of
    /// another server says nothing.
    fn hint_of_other(&self, server: &str) -> String {
        let other = "name another file with --cursor";
        if self.server == server {
            format!("{other}; --from {} goes on where this one is", self.next)
        } else {
            other.to_owned()
        }
    }
}

fn after(record: &AuditRecord) -> Place {
    Place {
        next: record.seq() + 1,
        last: Some(record.hash()),
    }
}

#[cfg(test)]
mod tests {
    use gate_protocol::log::RecordType;

    use super::*;

    fn log(count: u64) -> Vec<AuditRecord> {
        let (mut prev, mut log) = (Digest::ZERO, Vec::new());
        for seq in 0..count {
            let at = "2026-01-01T00:00:00Z".parse().unwrap();
            let body = serde_json::json!({});
            let kind = RecordType::RequestCreated;
            let record = AuditRecord::new(seq, prev, at, &kind, &body).unwrap();
            prev = record.hash();
            log.push(record);
        }
        log
    }

    #[test]
    fn a_log_goes_on_without_a_hole_or_from_what_was_archived() {
        let log = log(6);
        let cursor = Cursor {
            path: PathBuf::from("cursor"),
            server: "s".to_owned(),
            receiver: "r".to_owned(),
            place: after(&log[1]),
            _held: File::open("/dev/null").unwrap(),
        };
        let holds = |from: u64, batch: &[AuditRecord]| cursor.hold(6, from, batch).is_ok();
        assert!(holds(2, &log[2..]) && holds(2, &[]));
        assert!(holds(4, &log[4..]), "archived");
        let hole = [log[2].clone(), log[4].clone()];
        assert!(!holds(2, &hole));
        assert!(!holds(2, &log[3..]), "it is said to be the next one");
        assert!(!holds(4, &log[5..]) && !holds(4, &log[3..]));
        assert!(!holds(2, &log[1..]));
    }

    #[test]
    fn a_place_is_that_of_one_server_and_one_receiver() {
        let kept = Kept {
            server: "s".to_owned(),
            receiver: "r".to_owned(),
            next: 3,
            last: None,
        };
        assert_eq!(kept.place_of("s", "r").unwrap().next, 3);
        assert!(kept.place_of("s", "other").is_err());
        assert!(kept.place_of("other", "r").is_err());
    }
}
