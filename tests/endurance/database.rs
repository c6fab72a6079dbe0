//! A `PostgreSQL` that is killed, locked, used up or silent: calls end within a bound, nothing that was
//! confirmed is lost, and who waits is released as soon as it is back.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gate_testkit::real::{Postgres, locate};
use gate_testkit::relay::{Relay, Weather};

use crate::http::{Message, exchange};
use crate::postgres;
use crate::scene::{Scene, WHOLE, roomy, rounds_or};
use crate::stage::{Waiting, run};
use crate::story::{Confirmed, approving, assert_nothing_lost};

/// Within this every call is answered, whatever the database does.
const BOUND: Duration = Duration::from_secs(20);
/// Within this everything goes on once the database is back.
pub(crate) const BACK: Duration = Duration::from_secs(30);

/// The lock of whoever writes.
const WRITER: &str = "SELECT pg_advisory_xact_lock(7449363235788029953)";

pub(crate) fn scene_on(postgres: &Postgres, relay: &Relay) -> Scene {
    Scene::of(postgres::server(postgres, relay, "endurance", &roomy("")))
}

/// Asks, and holds the answer's time to its bound.
fn asked(scene: &Scene, who: &str, question: Message) -> Message {
    let begun = Instant::now();
    let answer = scene.server.ask(who, question);
    let took = begun.elapsed();
    assert!(took < BOUND, "{took:?}: {answer:?}");
    answer
}

/// Has bob approve a request, which may be refused for now.
pub(crate) fn approved(scene: &Scene, id: &str, digest: &str) -> u16 {
    let body = serde_json::json!({"answer": "approve", "digest": digest}).to_string();
    let path = format!("/v1/requests/{id}/reviews");
    let question = Message::ask("POST", &path).with("content-type", "application/json");
    asked(scene, "bob_approver", question.with_body(body)).status()
}

/// Has bob try again until it is done.
pub(crate) fn approved_in_the_end(scene: &Scene, id: &str, digest: &str) {
    let begun = Instant::now();
    loop {
        match approved(scene, id, digest) {
            200 => return,
            503 => assert!(begun.elapsed() < BACK, "{}", scene.server.log()),
            other => unreachable!("{other}"),
        }
    }
}

pub(crate) fn digest_of(scene: &Scene, id: &str) -> String {
    let request = scene.server.request(id);
    request["digest"].as_str().unwrap().to_owned()
}

pub(crate) fn assert_ran(scene: &Scene, waiting: Waiting, id: &str, word: &str) {
    let ran = waiting.end();
    assert_eq!(ran.code, Some(0), "{word}: {ran:?}");
    assert_eq!(scene.runs(word), 1, "{word}");
    scene.flush();
    assert_eq!(scene.server.history(id), WHOLE, "{word}");
}

#[test]
fn killed_and_started_again_it_has_lost_nothing_and_releases_who_waits() {
    let (mut postgres, relay) = postgres::start();
    let scene = scene_on(&postgres, &relay);
    for round in rounds_or(1) {
        let (before, during) = (format!("{round}-before"), format!("{round}-during"));
        let mut waiting = [&before, &during].map(|word| Waiting::start(&scene.machine, word));
        let [decided, open] = waiting.each_mut().map(Waiting::asked);
        let digest = digest_of(&scene, &open);
        // Confirmed and then killed, at once.
        scene.server.approve(&decided);
        postgres.kill().unwrap();
        let refused = approved(&scene, &open, &digest);
        assert_eq!(refused, 503, "{}", scene.server.log());
        let page = Message::ask("GET", &format!("/v1/requests/{open}"));
        let refused = asked(&scene, "bob_approver", page).status();
        assert_eq!(refused, 503, "{}", scene.server.log());
        postgres.restart().unwrap();
        approved_in_the_end(&scene, &open, &digest);
        let begun = Instant::now();
        let [first, second] = waiting;
        assert_ran(&scene, first, &decided, &before);
        assert_ran(&scene, second, &open, &during);
        assert!(begun.elapsed() < BACK, "{:?}", begun.elapsed());
    }
    assert_nothing_lost(&scene);
}

/// A command goes all the way while the database is killed again and again.
#[test]
fn killed_at_any_time_it_loses_nothing_that_was_confirmed() {
    let (mut postgres, relay) = postgres::start();
    let scene = scene_on(&postgres, &relay);
    let confirmed = Confirmed::default();
    scene
        .proxy
        .set(approving(scene.server.bob(), Arc::clone(&confirmed)));
    for round in rounds_or(1) {
        let machine = &scene.machine;
        let ran = std::thread::scope(|scope| {
            let running = scope.spawn(|| {
                let tries = std::iter::repeat_with(|| run(&mut machine.deploy("120s", &round)));
                tries.take(20).find(|ran| ran.code != Some(69)).unwrap()
            });
            let mut pause = Duration::from_millis(20);
            while !running.is_finished() {
                postgres.kill().unwrap();
                postgres.restart().unwrap();
                std::thread::sleep(pause);
                // Longer each time, so that it gets further each time.
                pause *= 2;
            }
            running.join().unwrap()
        });
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(scene.runs(&round), 1);
        scene.flush();
    }
    for id in &*confirmed.lock().unwrap() {
        assert_eq!(scene.server.history(id), WHOLE);
    }
    assert_nothing_lost(&scene);
}

/// A session of somebody else's that holds a lock until it is dropped.
struct Holding(Child);

impl Holding {
    fn of(postgres: &Postgres, lock: &str) -> Self {
        let mut psql = Command::new(locate("psql").unwrap());
        psql.env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(postgres.environment())
            .env("PGDATABASE", "endurance")
            .args(["-X", "-q", "-c"])
            .arg(format!("BEGIN; {lock}; SELECT pg_sleep(600)"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let holding = Self(psql.spawn().unwrap());
        let is_held = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        while postgres.sql(is_held).unwrap().trim() != "1" {
            std::thread::yield_now();
        }
        holding
    }

    fn let_go(mut self, postgres: &Postgres) {
        postgres
            .sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE wait_event = 'PgSleep'",
            )
            .unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn locked_by_somebody_else_a_change_is_a_503_and_then_goes_through() {
    let (postgres, relay) = postgres::start();
    let scene = scene_on(&postgres, &relay);
    for (word, lock) in [
        ("log", "LOCK TABLE log_records IN ACCESS EXCLUSIVE MODE"),
        (
            "writer",
            "SELECT pg_advisory_xact_lock(7449363235788029953)",
        ),
    ] {
        let mut waiting = Waiting::start(&scene.machine, word);
        let id = waiting.asked();
        let digest = digest_of(&scene, &id);
        let holding = Holding::of(&postgres, lock);
        assert_eq!(approved(&scene, &id, &digest), 503, "{word}");
        assert_eq!(scene.runs(word), 0, "{word}");
        holding.let_go(&postgres);
        approved_in_the_end(&scene, &id, &digest);
        assert_ran(&scene, waiting, &id, word);
    }
    assert_nothing_lost(&scene);
}

#[test]
fn with_all_connections_stuck_each_call_is_a_503_and_then_all_goes_on() {
    let (postgres, relay) = postgres::start();
    let scene = scene_on(&postgres, &relay);
    let mut waiting = Waiting::start(&scene.machine, "stuck");
    let id = waiting.asked();
    let digest = digest_of(&scene, &id);
    let lock = "LOCK TABLE requests, tokens, principals IN ACCESS EXCLUSIVE MODE";
    let holding = Holding::of(&postgres, lock);
    let (address, bearer) = (scene.server.address, scene.server.token("bob_approver"));
    let bearer = format!("Bearer {bearer}");
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let question = Message::ask("GET", "/v1/requests").with("authorization", &bearer);
                let begun = Instant::now();
                let answer = exchange(address, &question).unwrap();
                assert_eq!(answer.status(), 503, "{answer:?}");
                assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
            });
        }
    });
    holding.let_go(&postgres);
    approved_in_the_end(&scene, &id, &digest);
    assert_ran(&scene, waiting, &id, "stuck");
    assert_nothing_lost(&scene);
}

/// It takes what it is sent and says nothing, as a machine that hangs.
#[test]
fn silent_it_costs_each_call_its_bound_and_then_all_goes_on() {
    let (postgres, relay) = postgres::start();
    let scene = scene_on(&postgres, &relay);
    let mut waiting = Waiting::start(&scene.machine, "frozen");
    let id = waiting.asked();
    let digest = digest_of(&scene, &id);
    postgres.freeze(true).unwrap();
    for _ in 0..2 {
        assert_eq!(approved(&scene, &id, &digest), 503);
    }
    postgres.freeze(false).unwrap();
    approved_in_the_end(&scene, &id, &digest);
    assert_ran(&scene, waiting, &id, "frozen");
    assert_nothing_lost(&scene);
}

/// The machine of the database is gone without a word, and another has its address: what was open
/// never says anything again, and new connections are good.
#[test]
fn connections_that_say_nothing_any_more_are_given_up_for_new_ones() {
    let (postgres, relay) = postgres::start();
    let scene = scene_on(&postgres, &relay);
    let mut waiting = Waiting::start(&scene.machine, "stranded");
    let id = waiting.asked();
    let digest = digest_of(&scene, &id);
    // A change waits for its turn at the database, and what becomes of it is never heard.
    let holding = Holding::of(&postgres, WRITER);
    std::thread::scope(|scope| {
        let changing = scope.spawn(|| approved(&scene, &id, &digest));
        let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        while postgres.sql(waits).unwrap().trim() == "0" {
            std::thread::yield_now();
        }
        assert!(relay.strand() > 0);
        assert_eq!(changing.join().unwrap(), 503);
    });
    holding.let_go(&postgres);
    approved_in_the_end(&scene, &id, &digest);
    assert_ran(&scene, waiting, &id, "stranded");
    assert_nothing_lost(&scene);
}

#[test]
fn a_database_that_is_far_away_is_only_slow() {
    let (postgres, relay) = postgres::start();
    let scene = scene_on(&postgres, &relay);
    scene
        .proxy
        .set(approving(scene.server.bob(), Confirmed::default()));
    relay.set(Weather {
        latency: Duration::from_millis(10),
        ..Weather::default()
    });
    let ran = run(&mut scene.machine.deploy("60s", "far"));
    assert_eq!(ran.code, Some(0), "{ran:?} {}", scene.server.log());
    assert_eq!(scene.runs("far"), 1);
    relay.set(Weather::default());
    assert_nothing_lost(&scene);
}
