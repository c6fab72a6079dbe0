//! The database's machine is lost and a streaming standby takes over: one that was waited for lacks
//! nothing; one that lagged lacks what was confirmed last, which is noticed, and nothing is changed
//! until a new epoch begins.

use std::net::SocketAddr;
use std::time::Instant;

use gate_testkit::real::Postgres;
use gate_testkit::relay::{Relay, Weather};
use serde_json::Value;

use crate::database::{BACK, approved, approved_in_the_end, assert_ran, digest_of, scene_on};
use crate::http::{Message, exchange};
use crate::postgres;
use crate::scene::Scene;
use crate::stage::{GATE, Ran, Waiting, run};
use crate::story::assert_nothing_lost;

fn address(postgres: &Postgres) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], postgres.port()))
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < BACK, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn says(postgres: &Postgres, question: &str, wanted: &str) {
    until(question, || {
        postgres.sql(question).unwrap().trim() == wanted
    });
}

/// The primary's machine is gone, and the standby has its place.
fn fail_over(mut primary: Postgres, standby: &Postgres, relay: &Relay) {
    primary.kill().unwrap();
    assert_eq!(standby.sql("SELECT pg_promote()").unwrap().trim(), "t");
    relay.redirect(address(standby));
}

fn receipts(scene: &Scene) -> Ran {
    run(&mut scene.machine.gate(&["audit", "verify", "--receipts"]))
}

/// Asks without waiting, and has bob approve it: what is approved and not claimed.
fn approved_unclaimed(scene: &Scene, word: &str) -> String {
    scene.assert_asks(word);
    let listed = scene.server.ask(
        "bob_approver",
        Message::ask("GET", "/v1/requests?status=pending"),
    );
    let id = listed.json()["requests"][0]["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    scene.server.approve(&id);
    id
}

fn parts_not_ready(scene: &Scene) -> Vec<String> {
    let answer = exchange(scene.server.address, &Message::ask("GET", "/readyz")).unwrap();
    let parts = answer.json()["parts"].clone();
    let not_ready = |part: &&Value| part["is_ready"] == false;
    let parts = parts.as_array().unwrap().iter().filter(not_ready);
    parts
        .map(|part| part["part"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_standby_that_is_waited_for_takes_over_with_all_that_was_confirmed() {
    let (primary, relay) = postgres::start();
    let standby = primary.standby(primary.port()).unwrap();
    primary
        .sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        .unwrap();
    primary.sql("SELECT pg_reload_conf()").unwrap();
    says(
        &primary,
        "SELECT sync_state FROM pg_stat_replication",
        "sync",
    );
    let scene = scene_on(&primary, &relay);
    let mut waiting = ["decided", "open"].map(|word| Waiting::start(&scene.machine, word));
    let [decided, open] = waiting.each_mut().map(Waiting::asked);
    let digest = digest_of(&scene, &open);
    let unclaimed = approved_unclaimed(&scene, "unclaimed");
    // Confirmed, and then the machine is lost at once.
    scene.server.approve(&decided);
    fail_over(primary, &standby, &relay);
    approved_in_the_end(&scene, &open, &digest);
    let [first, second] = waiting;
    assert_ran(&scene, first, &decided, "decided");
    assert_ran(&scene, second, &open, "open");
    // What was approved before can be claimed after: nothing is void.
    assert_eq!(scene.again("unclaimed").code, Some(0));
    assert_eq!(scene.server.request(&unclaimed)["status"], "finished");
    let proved = receipts(&scene);
    assert_eq!(proved.code, Some(0), "{proved:?}");
    assert_nothing_lost(&scene);
}

/// A scene whose database was taken over by a standby that lacks a run which was confirmed.
struct Lagged {
    scene: Scene,
    /// The request of the run.
    used: String,
    /// How many records the log had.
    size: usize,
    _standby: Postgres,
    _relays: [Relay; 2],
}

impl Lagged {
    fn new() -> Self {
        let (primary, relay) = postgres::start();
        let between = Relay::to(address(&primary)).unwrap();
        let standby = primary.standby(between.address().port()).unwrap();
        let scene = scene_on(&primary, &relay);
        let used = approved_unclaimed(&scene, "used");
        let caught_up = "SELECT count(*) FROM pg_stat_replication
            WHERE replay_lsn >= pg_current_wal_flush_lsn()";
        says(&primary, caught_up, "1");
        between.set(Weather {
            is_silent: true,
            ..Weather::default()
        });
        // It runs, and all of it is confirmed; the standby hears nothing of it.
        assert_eq!(scene.again("used").code, Some(0));
        scene.flush();
        assert_eq!(receipts(&scene).code, Some(0));
        let size = scene.server.records().len();
        fail_over(primary, &standby, &relay);
        Self {
            scene,
            used,
            size,
            _standby: standby,
            _relays: [relay, between],
        }
    }

    /// Waits until the log is there again, without the run: there the approval is unused. Used again,
    /// it would start a second run.
    fn assert_lost(&self) {
        let listed = || Message::ask("GET", "/v1/requests");
        until("the database is back", || {
            self.scene.server.ask("auditor", listed()).status() == 200
        });
        assert_eq!(self.scene.server.request(&self.used)["status"], "approved");
        assert!(self.scene.server.records().len() < self.size);
    }

    /// The command does not run again, and who ran it can prove that records are gone.
    fn assert_no_second_run(&self) {
        let again = run(&mut self.scene.machine.deploy("2s", "used"));
        assert_ne!(again.code, Some(0), "{again:?}");
        assert_eq!(self.scene.runs("used"), 1, "{again:?}");
        let lost = receipts(&self.scene);
        // A server that has seen the loss signs no head of what is left, and says why.
        let is_told = lost
            .stderr
            .contains("lacks records that this server has seen");
        let is_refused = lost.code == Some(69) && is_told;
        assert!(lost.code == Some(1) || is_refused, "{lost:?}");
    }

    /// Begins a new epoch, in which the same command asks anew and a new answer lets it run.
    fn begin_anew(&self) {
        let scene = &self.scene;
        let mut new_epoch = scene.machine.home.command(GATE);
        new_epoch
            .args(["server", "new-epoch", "--reason", "db2 lagged", "--data"])
            .arg(scene.server.data())
            .arg("--config")
            .arg(scene.server.data().with_file_name("server.toml"));
        let begun = run(&mut new_epoch);
        assert_eq!(begun.code, Some(0), "{begun:?}");
        until("the server goes on", || parts_not_ready(scene).is_empty());
        assert_eq!(scene.server.request(&self.used)["status"], "expired");
        let mut waiting = Waiting::start(&scene.machine, "anew");
        let id = waiting.asked();
        scene.server.approve(&id);
        assert_eq!(waiting.end().code, Some(0));
        assert_eq!((scene.runs("used"), scene.runs("anew")), (1, 1));
        scene.assert_verified();
    }
}

#[test]
fn a_standby_that_lagged_lacks_records_and_nothing_is_changed_until_a_new_epoch() {
    let lagged = Lagged::new();
    lagged.assert_lost();
    let digest = digest_of(&lagged.scene, &lagged.used);
    assert_eq!(approved(&lagged.scene, &lagged.used, &digest), 503);
    lagged.assert_no_second_run();
    assert_eq!(parts_not_ready(&lagged.scene), ["log"]);
    lagged.begin_anew();
}

/// Whoever saw the loss is gone, and who comes after has seen nothing: what the client was granted
/// before tells it.
#[test]
fn a_server_that_started_after_the_failover_grants_nothing_a_second_time() {
    let mut lagged = Lagged::new();
    lagged.scene.crash();
    lagged.assert_lost();
    assert_eq!(parts_not_ready(&lagged.scene), [""; 0]);
    lagged.assert_no_second_run();
    let log = lagged.scene.server.log();
    assert!(log.contains("lacks the record of a grant"), "{log}");
    // Nor after others have gone on, past the place of what was lost.
    let mut others = (0..lagged.size).map(|number| format!("other-{number}"));
    while lagged.scene.server.records().len() <= lagged.size {
        lagged.scene.assert_asks(&others.next().unwrap());
    }
    lagged.assert_no_second_run();
    lagged.begin_anew();
}
