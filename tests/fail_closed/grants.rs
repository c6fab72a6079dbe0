//! Grants that are not the server's, not for this, not now, or not the first.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gate_protocol::canonical::Digest;
use gate_protocol::claim::{Grant, SignedGrant};
use gate_protocol::id::{Nonce, RequestId};
use gate_protocol::runner_key::RunnerSecret;
use gate_protocol::signed_note::SigningKey;

use crate::http::Message;
use crate::proxy::{Point, Proxy, Reply, Upstream};
use crate::stage::{Machine, Server, assert_told, run};

/// What is done to a grant that is then signed with the server's own key.
type Change = fn(&mut Grant);

/// What is to be done about a grant that answers another claim, and about one
/// that only its server could have signed.
const PROXY: &str = "See that no proxy or";
const SERVER: &str = "nothing was run; tell who runs the server";

/// Every field that a client must hold against what it asked for. The signature
/// is good in all of them: only the comparison can refuse.
const CHANGES: [(&str, Change, &str); 8] = [
    ("another version", |grant| grant.v = 2, SERVER),
    ("another server", |grant| grant.audience.push('x'), SERVER),
    (
        "another request",
        |grant| grant.request = RequestId::generate(),
        PROXY,
    ),
    (
        "another digest",
        |grant| grant.digest = Digest::of_bytes(b"another"),
        PROXY,
    ),
    (
        "another runner",
        |grant| grant.runner_key = RunnerSecret::generate().unwrap().public(),
        SERVER,
    ),
    (
        "another nonce",
        |grant| grant.claim_nonce = Nonce::generate().unwrap(),
        PROXY,
    ),
    ("no time left", |grant| grant.valid_for_seconds = 0, SERVER),
    (
        "forged for longer",
        |grant| grant.valid_for_seconds += 1,
        SERVER,
    ),
];

/// Makes a proxy that lets bob approve whatever is waited for, and hands each
/// answer to a claim to `forge`.
fn forging(server: &Server, forge: impl Fn(Message) -> Message + Send + Sync + 'static) -> Proxy {
    let proxy = Proxy::to(server.address);
    let bob = server.bob();
    proxy.set(Arc::new(move |asked: &Message, upstream: Upstream| {
        if Point::POLL.matches(asked) {
            bob.approve_polled(asked);
        }
        let is_claim = Point::CLAIM.matches(asked);
        upstream.pass(asked).changed(|honest| {
            let is_grant = is_claim && honest.status() == 200;
            Reply::Answer(if is_grant { forge(honest) } else { honest })
        })
    }));
    proxy
}

fn signed(answer: &Message) -> SignedGrant {
    serde_json::from_slice(&answer.body).unwrap()
}

fn answer(grant: &SignedGrant) -> Message {
    Message::answer(200, "application/json", serde_json::to_vec(grant).unwrap())
}

fn assert_refused(case: &str, server: &Server, proxy: &Proxy, next: &str) {
    let machine = Machine::of(server, proxy.address);
    let ran = run(&mut machine.deploy("20s", "now"));
    assert_eq!(ran.code, Some(125), "{case}: {ran:?}");
    assert_told(case, &ran, next);
    assert_eq!(machine.canary(), [""; 0], "{case}: {ran:?}");
}

#[test]
fn a_grant_that_differs_in_one_field_is_refused_though_it_is_signed() {
    let server = Server::start("open_requests = 100\n");
    std::thread::scope(|scope| {
        for (case, change, next) in CHANGES {
            let server = &server;
            scope.spawn(move || {
                let key = server.signing_key();
                let proxy = forging(server, move |honest| {
                    let mut forged = signed(&honest);
                    change(&mut forged.grant);
                    if case == "forged for longer" {
                        // The signature is that of the grant before the change.
                        return answer(&forged);
                    }
                    answer(&SignedGrant::sign(forged.grant, forged.record, &key).unwrap())
                });
                assert_refused(case, server, &proxy, next);
            });
        }
    });
}

#[test]
fn a_grant_signed_by_any_other_key_is_refused() {
    let server = Server::start("");
    let thief = SigningKey::generate(server.said("/server/audience")).unwrap();
    let proxy = forging(&server, move |honest| {
        let honest = signed(&honest);
        answer(&SignedGrant::sign(honest.grant, honest.record, &thief).unwrap())
    });
    assert_refused("signed by another key", &server, &proxy, SERVER);
}

#[test]
fn whoever_answers_for_the_server_without_its_key_gets_no_token() {
    let (server, other) = (Server::start(""), Server::start(""));
    let proxy = Proxy::to(server.address);
    let machine = Machine::of(&server, proxy.address);
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    proxy.redirect(other.address);
    proxy.set(Arc::new(move |question: &Message, upstream: Upstream| {
        seen.lock().unwrap().push(question.start.clone());
        upstream.pass(question)
    }));
    let no_key = "no token was sent";
    for words in [
        &["run", "--timeout", "5s", "--", "deployer", "now"][..],
        &["requests", "list"],
        &["whoami"],
        &["rules", "pull"],
    ] {
        let ran = run(&mut machine.gate(words));
        assert_eq!(ran.code, Some(69), "{words:?}: {ran:?}");
        assert_told("no key", &ran, no_key);
    }
    let asked = asked.lock().unwrap();
    assert!(asked.is_empty(), "{asked:?}");
    assert!(machine.canary().is_empty());
}

/// The client keeps the record as its receipt: one of something else would prove nothing.
#[test]
fn a_grant_without_the_record_of_its_claim_is_refused() {
    let server = Server::start("open_requests = 100\n");
    let changes: [fn(&str) -> String; 3] = [
        |_| "{}".to_owned(),
        |record| record.replacen("grant.claimed", "run.started", 1),
        |record| record.replacen("\"claim_nonce\":\"", "\"claim_nonce\":\"00", 1),
    ];
    for change in changes {
        let proxy = forging(&server, move |honest| {
            let mut forged = signed(&honest);
            let other = change(&forged.record);
            assert_ne!(other, forged.record);
            forged.record = other;
            answer(&forged)
        });
        assert_refused("another record", &server, &proxy, SERVER);
    }
}

#[test]
fn a_damaged_signature_is_refused() {
    let server = Server::start("");
    let proxy = forging(&server, |honest| {
        let mut grant = honest.json();
        let signature = grant["signature"]["signature"].as_str().unwrap().to_owned();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        grant["signature"]["signature"] = format!("{first}{}", signature.get(1..).unwrap()).into();
        Message::answer(200, "application/json", grant.to_string())
    });
    assert_refused("damaged signature", &server, &proxy, SERVER);
}

#[test]
fn a_grant_that_was_held_back_for_longer_than_it_is_good_is_refused() {
    let server = Server::start("grant_seconds = 1\n");
    let proxy = forging(&server, |honest| {
        // The delay is the attack. There is no event to wait for: what passes is the client's own
        // monotonic time, which nobody can set, and a second is the least that a grant can live.
        std::thread::sleep(Duration::from_millis(1_100));
        honest
    });
    assert_refused("held back", &server, &proxy, SERVER);
}

#[test]
fn the_grant_of_an_earlier_claim_starts_nothing() {
    let server = Server::start("");
    let first: Mutex<Option<Message>> = Mutex::new(None);
    let proxy = forging(&server, move |honest| {
        first.lock().unwrap().get_or_insert(honest).clone()
    });
    let machine = Machine::of(&server, proxy.address);
    let honest = run(&mut machine.deploy("20s", "now"));
    assert_eq!(honest.code, Some(0), "{honest:?}");
    let replayed = run(&mut machine.deploy("20s", "now"));
    assert_eq!(replayed.code, Some(125), "{replayed:?}");
    assert_told("replayed", &replayed, PROXY);
    assert_eq!(machine.canary(), ["now"], "{replayed:?}");
}

#[test]
fn an_approval_that_the_server_did_not_give_is_worth_nothing() {
    let server = Server::start("");
    let proxy = Proxy::to(server.address);
    proxy.set(Arc::new(|asked: &Message, upstream: Upstream| {
        let is_submission = Point::SUBMISSION.matches(asked);
        upstream.pass(asked).changed(|honest| {
            if !is_submission {
                return Reply::Answer(honest);
            }
            let mut request = honest.json();
            request["status"] = "approved".into();
            let forged = Message::answer(201, "application/json", request.to_string());
            Reply::Answer(forged)
        })
    }));
    let next = "run the same command again to ask again";
    assert_refused("approved by the proxy", &server, &proxy, next);
    let types = server.records();
    assert!(types.iter().all(|record| record["type"] != "grant.claimed"));
}
