//! History is read from a standby, which lags, is erased behind, stops, takes over: no decision, no
//! proof and no erased word comes from it, and where it is of no use the primary is read.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use gate_testkit::home::Home;
use gate_testkit::real::Postgres;
use gate_testkit::relay::Relay;
use serde_json::Value;

use crate::database::BACK;
use crate::http::{Message, exchange};
use crate::postgres;
use crate::scene::{Scene, roomy};
use crate::stage::{GATE, Ran, run};

/// What a list of requests is read by, and nothing else.
const LIST: &str = "FROM places JOIN requests_asked";
/// What a page of records is read by.
const RECORDS: &str = "SELECT log_records.record FROM places";

/// A server, its database, and the standby of that.
struct Pair {
    scene: Scene,
    primary: Postgres,
    standby: Postgres,
    _relay: Relay,
    home: Home,
}

fn list(status: &str) -> Message {
    Message::ask("GET", &format!("/v1/requests?status={status}"))
}

/// Returns how many records an answer of the standby is of, and how many it lacks.
fn told(answer: &Message) -> Option<(u64, u64)> {
    let header = answer.header("gate-standby")?;
    let number = |name: &str| {
        let mut pairs = header.split(", ").filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == name)?.1.parse().ok()
    };
    Some((number("records")?, number("behind")?))
}

fn ids(answer: &Message) -> Vec<String> {
    assert_eq!(answer.status(), 200, "{answer:?}");
    let listed = answer.json()["requests"].clone();
    let listed = listed.as_array().unwrap().iter();
    listed
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < BACK, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Pair {
    fn new(max_lag_seconds: u32) -> Self {
        let (primary, relay) = postgres::start();
        let standby = primary.standby(primary.port()).unwrap();
        let home = Home::new().unwrap();
        let token = home.write("metrics", "seen-by-prometheus\n").unwrap();
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
        let settings = format!(
            "{}\n[metrics]\ntoken_file = '{}'\n[database.standby]\nmax_lag_seconds = {max_lag_seconds}\n\
             url = 'postgres://postgres@127.0.0.1:{}/history'\n",
            roomy(""),
            token.display(),
            standby.port(),
        );
        let scene = Scene::of(postgres::server(&primary, &relay, "history", &settings));
        let pair = Self {
            scene,
            primary,
            standby,
            _relay: relay,
            home,
        };
        pair.used();
        pair
    }

    fn ask(&self, who: &str, asked: Message) -> Message {
        self.scene.server.ask(who, asked)
    }

    fn finished(&self) -> Message {
        self.ask("auditor", list("finished"))
    }

    /// Waits until the standby is read.
    fn used(&self) {
        until("the standby is read", || told(&self.finished()));
    }

    /// Waits until it is not read any more, for this reason; lists come all the while.
    fn unused(&self, why: &str) {
        until(why, || {
            let begun = Instant::now();
            let answer = self.finished();
            assert_eq!(answer.status(), 200, "{answer:?}");
            assert!(begun.elapsed() < Duration::from_secs(8), "{why}");
            (told(&answer).is_none() && self.metric(why) > 0.0).then_some(())
        });
        until("the log says so", || {
            let log = self.scene.server.log();
            log.contains("history is not read from the standby")
                .then_some(())
        });
    }

    /// Returns how often the primary was read for this reason.
    fn metric(&self, why: &str) -> f64 {
        let name = format!("gate_history_reads_total{{from=\"primary\",why=\"{why}\"}} ");
        self.sample(&name).unwrap_or(0.0)
    }

    fn sample(&self, name: &str) -> Option<f64> {
        let asked = Message::ask("GET", "/metrics");
        let asked = asked.with("authorization", "Bearer seen-by-prometheus");
        let answer = exchange(self.scene.server.address, &asked).unwrap();
        let text = String::from_utf8(answer.body).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    }

    /// Asks, has bob approve it, runs it to its end, and returns its id.
    fn done(&self, word: &str) -> String {
        self.scene.assert_asks(word);
        let pending = ids(&self.ask("bob_approver", list("pending")));
        let [id] = pending.as_slice() else {
            unreachable!("{pending:?}");
        };
        self.scene.server.approve(id);
        assert_eq!(self.scene.again(word).code, Some(0));
        self.scene.flush();
        assert_eq!(self.scene.runs(word), 1);
        assert_eq!(self.scene.server.request(id)["status"], "finished");
        id.clone()
    }

    /// Has the standby take in nothing any more.
    fn pause(&self) {
        self.standby.sql("SELECT pg_wal_replay_pause()").unwrap();
        until("it stands", || {
            let state = self.standby.sql("SELECT pg_get_wal_replay_pause_state()");
            (state.unwrap().trim() == "paused").then_some(())
        });
    }

    fn resume(&self) {
        self.standby.sql("SELECT pg_wal_replay_resume()").unwrap();
    }

    /// Runs `gate` as the auditor, on a machine that keeps what it verified.
    fn audit(&self, args: &[&str]) -> Ran {
        let mut gate = self.home.command(GATE);
        gate.arg("audit")
            .args(args)
            .env(
                "GATE_SERVER",
                format!("http://{}", self.scene.server.address),
            )
            .env("GATE_TOKEN", self.scene.server.token("auditor"));
        run(&mut gate)
    }

    fn verified(&self) {
        let verified = self.audit(&["verify", "--live"]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }

    /// Returns what the doctor says of the standby.
    fn doctor(&self, config: &std::path::Path) -> (String, String) {
        let mut doctor = self.home.command(GATE);
        doctor
            .args(["server", "doctor", "--json", "--data"])
            .arg(self.scene.server.data())
            .arg("--config")
            .arg(config);
        let ran = run(&mut doctor);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        let mut findings = found["findings"].as_array().unwrap().iter();
        let finding = findings.find(|one| one["name"] == "standby").unwrap();
        let text = |name: &str| finding[name].as_str().unwrap().to_owned();
        (text("state"), text("said"))
    }

    fn config(&self) -> std::path::PathBuf {
        self.scene.server.data().with_file_name("server.toml")
    }
}

fn count(postgres: &Postgres, statement: &str) -> usize {
    let statements = postgres.statements().unwrap();
    let found = statements.iter().filter(|one| one.contains(statement));
    found.count()
}

#[test]
fn what_has_ended_and_the_log_are_read_from_the_standby_and_what_is_open_is_not() {
    let pair = Pair::new(30);
    let id = pair.done("first");
    let before = [LIST, RECORDS].map(|what| count(&pair.primary, what));
    let at_standby = [LIST, RECORDS].map(|what| count(&pair.standby, what));
    let answer = until("the standby has it", || {
        let answer = pair.finished();
        (ids(&answer) == [id.clone()]).then_some(answer)
    });
    let (records, behind) = told(&answer).unwrap();
    assert_eq!(behind, 0);
    let page = Message::ask("GET", "/v1/audit/records?from=0&limit=5");
    let page = pair.ask("auditor", page);
    assert_eq!(told(&page), Some((records, 0)));
    assert_eq!(page.json()["size"], records);
    let tile = Message::ask("GET", "/v1/log/tile/0/000.p/5");
    let tile = pair.ask("auditor", tile);
    assert_eq!((tile.status(), tile.body.len()), (200, 5 * 32));
    assert_eq!(told(&tile), Some((records, 0)));
    // Their statements are in its own log, and in the primary's are no more than before.
    assert_eq!(
        [LIST, RECORDS].map(|what| count(&pair.primary, what)),
        before
    );
    let read = [LIST, RECORDS].map(|what| count(&pair.standby, what));
    assert!(
        read[0] > at_standby[0] && read[1] > at_standby[1],
        "{read:?}"
    );
    assert_eq!(pair.sample("gate_standby_usable "), Some(1.0));
    // What decides is the primary's.
    for status in ["pending", "approved", "claimed", "started"] {
        assert_eq!(told(&pair.ask("auditor", list(status))), None, "{status}");
    }
    for path in [
        format!("/v1/requests/{id}"),
        "/v1/requests".to_owned(),
        format!("/v1/requests?status=denied&digest={}", "0".repeat(64)),
        "/v1/audit/checkpoint".to_owned(),
        "/v1/audit/inclusion?index=0".to_owned(),
        format!("/v1/audit/proof/consistency?from=1&to={records}"),
        "/v1/audit/start".to_owned(),
    ] {
        let answer = pair.ask("auditor", Message::ask("GET", &path));
        assert_eq!((answer.status(), told(&answer)), (200, None), "{path}");
    }
    let (state, said) = pair.doctor(&pair.config());
    assert_eq!(
        (&*state, &*said),
        ("ok", &*format!("it has {records} of {records} records"))
    );
}

#[test]
fn a_standby_that_lags_changes_no_decision_and_no_log_goes_back() {
    let pair = Pair::new(300);
    let early = pair.done("early");
    pair.verified();
    until("the standby has it", || {
        (ids(&pair.finished()) == [early.clone()]).then_some(())
    });
    pair.pause();
    // Asked, approved, claimed and run by what only the primary knows; denied, and so denied again.
    let late = pair.done("late");
    assert_eq!(pair.scene.runs("late"), 1);
    let answer = pair.finished();
    assert_eq!(ids(&answer), std::slice::from_ref(&early));
    let (has, lacks) = told(&answer).unwrap();
    let records = pair.scene.server.records();
    assert_eq!(has + lacks, records.len() as u64);
    assert!(lacks >= 4, "{lacks}");
    // The log is whole, whoever tells which part, and goes on for who verified it before.
    for number in 0..records.len() {
        let page = Message::ask("GET", &format!("/v1/audit/records?from={number}&limit=1"));
        let page = pair.ask("auditor", page);
        assert_eq!(page.json()["size"], records.len() as u64);
        assert_eq!(told(&page).is_some(), (number as u64) < has, "{number}");
    }
    let goes_on = pair.audit(&["verify", "--live"]);
    assert_eq!(goes_on.code, Some(0), "{goes_on:?}");
    assert!(goes_on.stdout.contains("goes on: from"), "{goes_on:?}");
    let out = pair.home.path().join("export");
    let exported = pair.audit(&["export", "--out", out.to_str().unwrap()]);
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let receipts = run(&mut pair.scene.machine.gate(&["audit", "verify", "--receipts"]));
    assert_eq!(receipts.code, Some(0), "{receipts:?}");
    pair.resume();
    until("it has taken in the rest", || {
        (ids(&pair.finished()) == [late.clone(), early.clone()]).then_some(())
    });
    pair.verified();
}

#[test]
fn what_was_erased_is_not_read_from_a_standby_that_does_not_know_it() {
    let pair = Pair::new(300);
    let reason = "the-reason-of-a-person";
    let mut asked = pair.scene.machine.gate(&[
        "run",
        "--no-wait",
        "--reason",
        reason,
        "--",
        "deployer",
        "word",
    ]);
    assert_eq!(run(&mut asked).code, Some(75));
    let pending = ids(&pair.ask("bob_approver", list("pending")));
    let cancel = Message::ask("POST", &format!("/v1/requests/{}/cancel", pending[0]));
    assert_eq!(pair.ask("agent", cancel).status(), 200);
    let shown = |path: &str| {
        let answer = pair.ask("auditor", Message::ask("GET", path));
        assert_eq!(answer.status(), 200, "{answer:?}");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        (told(&answer).is_some(), text.contains(reason))
    };
    let paths = [
        "/v1/requests?status=cancelled",
        "/v1/audit/records?limit=1000",
    ];
    for path in paths {
        until(path, || (shown(path) == (true, true)).then_some(()));
    }
    pair.pause();
    let wanted = serde_json::json!({"request": pending[0], "why": "asked for"}).to_string();
    let erase = Message::ask("POST", "/v1/audit/erasures").with("content-type", "application/json");
    let erased = pair.ask("admin", erase.with_body(wanted));
    assert_eq!(erased.status(), 200, "{erased:?}");
    for path in paths {
        assert_eq!(shown(path), (false, false), "{path}");
    }
    pair.unused("unaware");
    pair.verified();
    pair.resume();
    for path in paths {
        until(path, || (shown(path) == (true, false)).then_some(()));
    }
}

#[test]
fn a_standby_that_lags_too_far_stops_or_takes_over_is_not_read_any_more() {
    let mut pair = Pair::new(1);
    pair.done("first");
    pair.pause();
    pair.done("second");
    pair.unused("lagging");
    assert_eq!(ids(&pair.finished()).len(), 2);
    assert_eq!(pair.sample("gate_standby_usable "), Some(0.0));
    let (state, said) = pair.doctor(&pair.config());
    assert_eq!(state, "warn", "{said}");
    assert!(said.contains("records, the oldest for"), "{said}");
    pair.resume();
    pair.used();

    pair.standby.kill().unwrap();
    pair.unused("down");
    pair.done("third");
    assert_eq!(ids(&pair.finished()).len(), 3);
    let (state, said) = pair.doctor(&pair.config());
    assert_eq!(state, "warn", "{said}");
    assert!(said.contains("it can't be read"), "{said}");
    pair.standby.restart().unwrap();
    pair.used();
    // One that says nothing at all.
    pair.standby.freeze(true).unwrap();
    pair.unused("down");
    pair.standby.freeze(false).unwrap();
    pair.used();

    // It goes on by itself from here, and is another database.
    assert_eq!(pair.standby.sql("SELECT pg_promote()").unwrap().trim(), "t");
    pair.unused("no_standby");
    pair.done("fourth");
    assert_eq!(ids(&pair.finished()).len(), 4);
    pair.verified();
    let ready = exchange(pair.scene.server.address, &Message::ask("GET", "/readyz")).unwrap();
    assert_eq!(ready.status(), 200, "{ready:?}");
}

#[test]
fn what_is_no_standby_of_the_database_is_said_by_the_doctor() {
    let pair = Pair::new(30);
    let settings = std::fs::read_to_string(pair.config()).unwrap();
    let named = |port: u16, name: &str| {
        let url = |port: u16, name: &str| format!("postgres://postgres@127.0.0.1:{port}/{name}'");
        let changed = settings.replace(&url(pair.standby.port(), "history"), &url(port, name));
        let file = pair.home.write("other.toml", changed).unwrap();
        let (state, said) = pair.doctor(&file);
        assert_eq!(state, "warn", "{said}");
        said
    };
    let itself = named(pair.primary.port(), "history");
    assert!(itself.contains("it is no standby"), "{itself}");
    let beside = named(pair.standby.port(), "postgres");
    assert!(beside.contains("it follows another database"), "{beside}");
    let (other, _relay) = postgres::start();
    let copied = other.standby(other.port()).unwrap();
    let foreign = named(copied.port(), "postgres");
    assert!(foreign.contains("it follows another database"), "{foreign}");
}
