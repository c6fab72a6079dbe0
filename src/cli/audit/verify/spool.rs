//! The local queue of events, held against its own chain.

use std::io::ErrorKind;
use std::path::Path;

use gate_protocol::canonical::{Digest, from_strict_slice};
use gate_protocol::event::ClientEvent;
use gate_protocol::inert::inert;
use serde::Deserialize;

use super::finding::does_not_verify;
use crate::failure::{Failure, FailureKind};
use crate::show::answer;
use crate::world::World;

/// Up to where the server has confirmed, as the queue remembers it.
#[derive(Debug, Deserialize)]
struct Confirmed {
    seq: u64,
    hash: Digest,
}

/// What the queue holds, where everything is in its place.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    events: usize,
    confirmed: u64,
    undelivered: usize,
    /// A last line without its end: its write did not return, so nothing relied on it.
    torn: bool,
}

/// The first event that is not in its place.
#[derive(Debug, PartialEq, Eq)]
struct BadEvent {
    line: usize,
    why: String,
}

pub(super) fn verify(world: &World) -> Result<(), Failure> {
    let folder = world.layout.spool()?;
    let Some(queue) = read(&folder.join("events.jsonl"))? else {
        return answer::line("verified: there is no queue here, nothing was ever recorded");
    };
    let confirmed = match read(&folder.join("position"))? {
        Some(bytes) => from_strict_slice(&bytes).ok(),
        None => None,
    };
    match follow(&queue, confirmed.as_ref()) {
        Ok(held) => {
            let torn = if held.torn {
                "; the last write was cut off before it counted"
            } else {
                ""
            };
            answer::line(&format!(
                "verified: {} events in one chain, {} not confirmed by the server yet{torn}",
                held.events, held.undelivered
            ))
        }
        Err(bad) => does_not_verify(&format!("line {}", bad.line), &bad.why),
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let shown = inert(&path.to_string_lossy()).into_owned();
            Err(
                Failure::new(FailureKind::Configuration, format!("cannot read `{shown}`"))
                    .caused_by(error),
            )
        }
    }
}

/// Follows the chain from the first line, or from what the server confirmed.
fn follow(queue: &[u8], confirmed: Option<&Confirmed>) -> Result<Held, BadEvent> {
    let whole = queue
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let (lines, tail) = queue.split_at(whole);
    let reached = confirmed.map_or((0, Digest::ZERO), |confirmed| {
        (confirmed.seq, confirmed.hash)
    });
    let mut before: Option<(u64, Digest)> = None;
    let mut held = Held {
        events: 0,
        confirmed: reached.0,
        undelivered: 0,
        torn: !tail.is_empty(),
    };
    let lines = lines
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty());
    for (at, line) in lines {
        let bad = |why: String| BadEvent { line: at + 1, why };
        let event: ClientEvent =
            from_strict_slice(line).map_err(|error| bad(format!("no event: {error}")))?;
        // Confirmed events may have been emptied out; then the first line has no known one before it.
        let expected = before.or_else(|| (event.seq > reached.0).then_some(reached));
        if let Some((seq, hash)) = expected {
            if event.seq != seq + 1 {
                return Err(bad(format!(
                    "event {} stands where event {} belongs",
                    event.seq,
                    seq + 1
                )));
            }
            if event.prev != hash {
                return Err(bad(format!(
                    "event {} does not follow event {seq}: one of them was changed",
                    event.seq
                )));
            }
        }
        let hash = event.hash().map_err(|error| bad(error.to_string()))?;
        if event.seq == reached.0 && hash != reached.1 {
            return Err(bad(format!(
                "event {} is not the one that the server has",
                event.seq
            )));
        }
        held.events += 1;
        held.undelivered += usize::from(event.seq > reached.0);
        before = Some((event.seq, hash));
    }
    match before {
        Some((seq, _)) if seq < reached.0 => Err(BadEvent {
            line: held.events + 1,
            why: format!(
                "the queue ends at event {seq}, but the server has event {}",
                reached.0
            ),
        }),
        _ => Ok(held),
    }
}

#[cfg(test)]
mod tests {
    use gate_protocol::canonical::to_canonical_bytes;
    use gate_protocol::event::{Fact, RunAbandonedFact};
    use gate_protocol::id::{Nonce, RequestId};

    use super::*;

    fn lines(count: u64) -> Vec<String> {
        let mut prev = Digest::ZERO;
        let mut lines = Vec::new();
        for seq in 1..=count {
            let fact = Fact::RunAbandoned(RunAbandonedFact {
                request: RequestId::generate(),
                claim_nonce: Nonce::generate().unwrap(),
                why: format!("event {seq}"),
            });
            let at = "2026-11-22T17:39:34Z".parse().unwrap();
            let event = ClientEvent {
                seq,
                prev,
                at,
                fact,
            };
            prev = event.hash().unwrap();
            lines.push(String::from_utf8(to_canonical_bytes(&event).unwrap()).unwrap() + "\n");
        }
        lines
    }

    fn confirmed(lines: &[String], at: usize) -> Confirmed {
        let event: ClientEvent = from_strict_slice(lines[at].trim_end().as_bytes()).unwrap();
        Confirmed {
            seq: event.seq,
            hash: event.hash().unwrap(),
        }
    }

    #[test]
    fn an_untouched_queue_verifies_from_wherever_it_begins() {
        let lines = lines(5);
        let whole = follow(lines.concat().as_bytes(), None).unwrap();
        assert_eq!((whole.events, whole.undelivered, whole.torn), (5, 5, false));
        let position = confirmed(&lines, 2);
        let rest = follow(lines[1..].concat().as_bytes(), Some(&position)).unwrap();
        assert_eq!((rest.events, rest.undelivered), (4, 2));
        let emptied = follow(b"", Some(&position)).unwrap();
        assert_eq!((emptied.events, emptied.undelivered), (0, 0));
        let torn = lines.concat();
        let torn = follow(&torn.as_bytes()[..torn.len() - 5], None).unwrap();
        assert_eq!((torn.events, torn.torn), (4, true));
    }

    #[test]
    fn a_changed_removed_moved_or_added_event_is_named() {
        let good = lines(5);
        let bad_line = |lines: &[String], position: Option<&Confirmed>| {
            follow(lines.concat().as_bytes(), position)
                .unwrap_err()
                .line
        };
        let mut changed = good.clone();
        changed[1] = changed[1].replace("event 2", "event X");
        assert_eq!(bad_line(&changed, None), 3);
        let mut removed = good.clone();
        removed.remove(2);
        assert_eq!(bad_line(&removed, None), 3);
        let mut moved = good.clone();
        moved.swap(0, 1);
        assert_eq!(bad_line(&moved, None), 1);
        let mut added = good.clone();
        added.insert(3, good[0].clone());
        assert_eq!(bad_line(&added, None), 4);
        assert_eq!(bad_line(&good[..2], Some(&confirmed(&good, 4))), 3);
        assert_eq!(bad_line(&["{}\n".to_owned()], None), 1);
    }
}
