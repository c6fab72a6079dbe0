//! A server that is stopped and started again under hundreds who wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use gate_client::{Client, ClientError, ClientSettings, IdempotencyKey, WaitNotice};
use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInvocation, BoundTool};
use gate_protocol::masked::MaskedText;
use gate_protocol::request::{
    ApprovalRequest, ApprovalStatus, Circumstances, SubmitRequest, Terms,
};
use gate_protocol::runner_key::RunnerSecret;
use gate_testkit::relay::Relay;
use nix::sys::signal::{Signal, kill};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::scene::Scene;

const WAITERS: usize = 300;
/// How many are approved while the server is stopped and started.
const DECIDED: usize = 100;
/// Within this everybody is back, and everything that was decided is told.
const BACK: Duration = Duration::from_secs(30);
/// Who comes within so short a time comes together.
const TOGETHER: Duration = Duration::from_millis(100);

fn submission(word: &str) -> SubmitRequest {
    let plain = |text: &str| MaskedText::plain(text.as_bytes());
    let invocation = BoundInvocation {
        v: 1,
        tool: BoundTool {
            name: "deployer".to_owned(),
            path: plain("/usr/bin/deployer"),
            sha256: Digest::of_bytes(b"deployer"),
            size_bytes: 8,
        },
        argv: ["deployer", word].map(plain).into(),
        cwd: plain("/srv"),
        command: Vec::new(),
        effect: "unknown".to_owned(),
        target: BTreeMap::new(),
        environment: Vec::new(),
        inputs: Vec::new(),
        preview: None,
        runner_key: RunnerSecret::from_seed(&[7; 32]).public(),
    };
    SubmitRequest {
        digest: invocation.digest().unwrap(),
        invocation,
        circumstances: Circumstances::default(),
        terms: Terms {
            rules: vec!["baseline/unknown".to_owned()],
            reasons: Vec::new(),
            requirements: Vec::new(),
            request_ttl_seconds: 600,
            permit_ttl_seconds: 600,
            remind_seconds: None,
        },
        reason: None,
        break_glass: false,
    }
}

/// Who was told what, as soon as they were.
type Told = Receiver<(String, Result<ApprovalStatus, ClientError>)>;

/// Asks as somebody of their own, as each of so many processes does.
fn ask(url: &str, token: &str, word: &str) -> (Client, ApprovalRequest) {
    let settings = ClientSettings::new(url.parse().unwrap());
    let client = Client::new(settings.with_token(token.parse().unwrap())).unwrap();
    let key = IdempotencyKey::generate().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let submitted = runtime.block_on(client.submit(&submission(word), &key));
    (client, submitted.unwrap().request)
}

/// Waits for the answers to all, each by itself.
fn wait_for(all: Vec<(Client, ApprovalRequest)>) -> Told {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let waits = LocalSet::new();
        for (client, request) in all {
            let tell = tell.clone();
            waits.spawn_local(async move {
                let id = request.id;
                let on = &mut |_: WaitNotice<'_>| {};
                let verdict = client.wait_for_verdict(id, request, None, on).await;
                let status = verdict.map(|request| request.status);
                // Who listens is gone once the test is over.
                drop(tell.send((id.to_string(), status)));
            });
        }
        runtime.block_on(waits);
    });
    told
}

/// Returns the most that came together after `start`.
fn largest_herd(relay: &Relay, start: Instant) -> usize {
    let came: Vec<Instant> = relay.came().into_iter().filter(|at| *at >= start).collect();
    let together = |first: &Instant| {
        let last = *first + TOGETHER;
        came.iter()
            .filter(|at| (*first..last).contains(*at))
            .count()
    };
    came.iter().map(together).max().unwrap_or_default()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < BACK, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_restart_under_hundreds_who_wait_loses_no_answer_and_brings_no_herd() {
    let mut scene = Scene::with("");
    let relay = Relay::to(scene.server.address).unwrap();
    let url = format!("http://{}", relay.address());
    let token = scene.server.token("agent");
    let all: Vec<_> = (0..WAITERS)
        .map(|number| ask(&url, token, &number.to_string()))
        .collect();
    let ids = all.iter().map(|(_, request)| request.id.to_string());
    let decided: BTreeSet<String> = ids.take(DECIDED).collect();
    let told = wait_for(all);
    until("all wait", || relay.open() >= WAITERS);

    // Bob goes on answering all the while, at the same address as everybody.
    let (bob, at, answered) = (scene.server.bob(), relay.address(), decided.clone());
    let answering = std::thread::spawn(move || {
        for id in answered {
            while bob.approve_at(at, &id).ok() != Some(200) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    });
    kill(scene.server.pid(), Signal::SIGTERM).unwrap();
    until("the server ends", || scene.server.has_ended());
    scene.server.restart();
    let back = Instant::now();
    relay.redirect(scene.server.address);
    answering.join().unwrap();

    let mut released = BTreeSet::new();
    while released.len() < DECIDED {
        let left = BACK.saturating_sub(back.elapsed());
        let (id, status) = told.recv_timeout(left).unwrap();
        assert_eq!(status.unwrap(), ApprovalStatus::Approved, "{id}");
        assert!(decided.contains(&id) && released.insert(id));
    }
    until("all are back", || relay.open() >= WAITERS - DECIDED);
    assert!(
        told.try_recv().is_err(),
        "who nobody answered is told something"
    );
    let herd = largest_herd(&relay, back);
    // All are let go at one moment and come back over a second: a quarter was measured. On a busy
    // machine more of those who were spread are let in together.
    assert!(herd <= WAITERS / 2, "{herd} of {WAITERS} came together");
    let records = scene.server.records();
    let of = |kind: &str| records.iter().filter(|one| one["type"] == kind).count();
    assert_eq!(
        (of("request.created"), of("decision.recorded")),
        (WAITERS, DECIDED)
    );
    scene.assert_verified();
}
