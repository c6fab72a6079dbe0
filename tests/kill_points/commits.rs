//! kill -9 of the server at each of its commits on `PostgreSQL`: right before the database gets it,
//! and right after the database has done it, when the server has not heard of that.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::sync::{Arc, Mutex};

use gate_testkit::relay::{Direction, Fate};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::postgres;
use crate::scene::{Scene, roomy, rounds_or};
use crate::story::{assert_nothing_lost, survive};

/// A commit as it goes over the wire. Source: `PostgreSQL`, "Message Formats", Query.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
/// Far more commits than one command has.
const MOST: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Before,
    After,
}

/// Which commit kills whom.
#[derive(Debug)]
struct Trap {
    server: Pid,
    /// How many commits still pass.
    passing: usize,
    side: Side,
    /// The connection on which the answer to the commit is awaited.
    awaited: Option<usize>,
}

impl Trap {
    fn look(&mut self, connection: usize, way: Direction, bytes: &[u8]) -> Fate {
        let has_answer = way == Direction::Down && self.awaited == Some(connection);
        let is_commit = bytes.windows(COMMIT.len()).any(|some| some == COMMIT);
        let is_the_one = way == Direction::Up && is_commit && {
            let left = self.passing.checked_sub(1);
            self.passing = left.unwrap_or(usize::MAX);
            left.is_none()
        };
        if is_the_one && self.side == Side::After {
            self.awaited = Some(connection);
            return Fate::Pass;
        }
        if is_the_one || has_answer {
            self.awaited = None;
            kill(self.server, Signal::SIGKILL).unwrap();
            return Fate::Lost;
        }
        Fate::Pass
    }
}

#[test]
fn killed_at_any_commit_on_postgres_it_is_all_or_nothing_and_nothing_is_lost() {
    let (postgres, relay) = postgres::start();
    let server = postgres::server(&postgres, &relay, "commits", &roomy(""));
    let mut scene = Scene::of(server);
    let trap: Arc<Mutex<Option<Trap>>> = Arc::default();
    let seen = Arc::clone(&trap);
    relay.watch(Arc::new(move |connection, way, bytes: &[u8]| {
        let mut trap = seen.lock().unwrap();
        let Some(set) = trap.as_mut() else {
            return Fate::Pass;
        };
        let fate = set.look(connection, way, bytes);
        if fate == Fate::Lost {
            *trap = None;
        }
        fate
    }));
    for round in rounds_or(1) {
        for side in [Side::Before, Side::After] {
            let kills = (0..MOST).take_while(|passing| {
                *trap.lock().unwrap() = Some(Trap {
                    server: scene.server.pid(),
                    passing: *passing,
                    side,
                    awaited: None,
                });
                survive(&mut scene, &format!("{round}-{side:?}-{passing}"))
            });
            let kills = kills.count();
            *trap.lock().unwrap() = None;
            // The question, the answer, the claim, and the run: of a tool that is over at once its start
            // and its end are told together.
            assert!((4..MOST).contains(&kills), "{side:?}: {kills} kills");
        }
    }
    assert_nothing_lost(&scene);
}
