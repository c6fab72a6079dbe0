//! A server, or something that stands before it, that answers what no gate
//! server would: at the submission, at the wait and at the claim.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::http::Message;
use crate::proxy::{Point, Proxy, Reply, Script, Upstream};
use crate::stage::{Approver, Machine, Ran, Server, assert_told, run};

/// The wait that is asked for, and how long after it gate must have ended.
const TIMEOUT: Duration = Duration::from_secs(4);
const SLACK: Duration = Duration::from_secs(5);

/// What is answered in the place of the truth.
type Lie = fn(&Message, Upstream) -> Reply;

/// What is to be done where the server can't be reached, can't answer now, or
/// something else stands in its place.
const NETWORK: &str = "see that the server runs and the network is up";
const MOMENT: &str = "run again in a moment";
const PORTAL: &str = "with no proxy or portal in between";

/// One lie: its name, the exit codes at the rules and the submission, at the
/// wait, at the claim, and what is to be done where nobody was asked yet.
/// What only looks like an outage is 69; an answer to a claim that is no grant is
/// a refused grant, 125; a wait that nobody answers in time is 75.
const LIES: [(&str, Lie, [i32; 3], &str); 11] = [
    (
        "500",
        |_, _| plain(500, "text/plain", "oops"),
        [69, 69, 69],
        MOMENT,
    ),
    ("301 to the good server", redirect, [69, 69, 125], PORTAL),
    (
        "garbage",
        |_, _| Reply::Bytes(b"\x16\x03\x01\0\xff\xfe never HTTP\r\n\r\n".to_vec()),
        [69, 69, 69],
        NETWORK,
    ),
    (
        "HTML with 200",
        |_, _| plain(200, "text/html", "<h1>Sign in to the hotel</h1>"),
        [69, 69, 125],
        PORTAL,
    ),
    ("wrong content type", wrong_type, [69, 69, 125], PORTAL),
    ("one byte a second", one_byte_a_second, [69, 75, 69], MOMENT),
    ("cut off", cut_off, [69, 69, 69], NETWORK),
    ("truncated JSON", truncated, [69, 69, 125], PORTAL),
    (
        "100 MB of JSON",
        |_, _| Reply::Flood(100 << 20),
        [69, 69, 125],
        PORTAL,
    ),
    ("a key twice", doubled, [69, 69, 125], PORTAL),
    (
        "nothing at all",
        |_, _| Reply::Nothing,
        [69, 69, 69],
        NETWORK,
    ),
];

/// The steps at which the lying begins.
const STEPS: [(&str, Point); 4] = [
    ("fetch of the rules", Point::RULES),
    ("submission", Point::SUBMISSION),
    ("wait", Point::POLL),
    ("claim", Point::CLAIM),
];

fn plain(status: u16, content_type: &str, body: &str) -> Reply {
    Reply::Answer(Message::answer(status, content_type, body))
}

fn redirect(asked: &Message, upstream: Upstream) -> Reply {
    let (_, path) = asked.line();
    let good = format!("http://{}{path}", upstream.address());
    let answer = Message::answer(301, "text/plain", "there");
    Reply::Answer(answer.with("location", &good))
}

fn wrong_type(asked: &Message, upstream: Upstream) -> Reply {
    upstream.pass(asked).changed(|answer| {
        Reply::Answer(Message::answer(answer.status(), "text/plain", answer.body))
    })
}

fn one_byte_a_second(asked: &Message, upstream: Upstream) -> Reply {
    upstream
        .pass(asked)
        .changed(|answer| Reply::Drip(answer.to_bytes()))
}

fn cut_off(asked: &Message, upstream: Upstream) -> Reply {
    upstream.pass(asked).changed(|answer| {
        let mut bytes = answer.to_bytes();
        bytes.truncate(bytes.len() - answer.body.len() / 2);
        Reply::Bytes(bytes)
    })
}

fn truncated(asked: &Message, upstream: Upstream) -> Reply {
    upstream.pass(asked).changed(|mut answer| {
        answer.body.truncate(answer.body.len() / 2);
        Reply::Answer(answer)
    })
}

fn doubled(asked: &Message, upstream: Upstream) -> Reply {
    upstream.pass(asked).changed(|mut answer| {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let members = text.strip_prefix('{').unwrap();
        let (first, _) = members.split_once(':').unwrap();
        answer.body = format!("{{{first}:null,{members}").into_bytes();
        Reply::Answer(answer)
    })
}

/// Lies at `step`. Bob approves whatever is waited for, so that what is lied
/// about from there on is an approval.
fn script(step: Point, lie: Lie, bob: Approver) -> Script {
    Arc::new(move |asked: &Message, upstream: Upstream| {
        if Point::POLL.matches(asked) {
            bob.approve_polled(asked);
        }
        if step.matches(asked) {
            return lie(asked, upstream);
        }
        upstream.pass(asked)
    })
}

fn deploy(machine: &Machine) -> (Ran, Duration) {
    let begun = Instant::now();
    let ran = run(&mut machine.deploy(&format!("{}s", TIMEOUT.as_secs()), "now"));
    (ran, begun.elapsed())
}

fn assert_refused(case: &str, machine: &Machine, code: i32, next: &str) {
    let (ran, took) = deploy(machine);
    assert_eq!(ran.code, Some(code), "{case}: {ran:?}");
    assert_told(case, &ran, next);
    assert_eq!(machine.canary(), [""; 0], "{case}: {ran:?}");
    assert!(took < TIMEOUT + SLACK, "{case} took {took:?}");
}

#[test]
fn no_answer_but_the_right_one_starts_the_tool() {
    let server = Server::start("open_requests = 1000\n");
    std::thread::scope(|scope| {
        for (lied, lie, codes, before) in LIES {
            let [ask, wait, claim] = codes;
            for ((step, point), code) in STEPS.into_iter().zip([ask, ask, wait, claim]) {
                let server = &server;
                let next = match (step, code) {
                    ("claim", 125) => "See that no proxy or",
                    ("claim", _) => "if the claim reached the server it",
                    (_, 75) => "run the same command again to go on with it",
                    _ => before,
                };
                scope.spawn(move || {
                    let proxy = Proxy::to(server.address);
                    proxy.set(script(point, lie, server.bob()));
                    let machine = Machine::of(server, proxy.address);
                    assert_refused(&format!("{lied} at the {step}"), &machine, code, next);
                });
            }
        }
    });
    server.assert_log_verifies();
}

#[test]
fn a_server_that_is_down_is_said_to_be_unreachable() {
    let server = Server::start("");
    // Not a port that was free a moment ago: the system may give it to another test.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    assert_refused("server down", &Machine::of(&server, nobody), 69, NETWORK);
}

#[test]
fn the_same_stage_without_a_lie_runs_the_tool() {
    let server = Server::start("");
    let proxy = Proxy::to(server.address);
    let bob = server.bob();
    proxy.set(Arc::new(move |asked: &Message, upstream: Upstream| {
        if Point::POLL.matches(asked) {
            bob.approve_polled(asked);
        }
        upstream.pass(asked)
    }));
    let machine = Machine::of(&server, proxy.address);
    let (ran, _) = deploy(&machine);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(machine.canary(), ["now"]);
}

/// `--timeout`: one wait, whatever it is for. The rules take most of it, and the submission the rest.
#[test]
fn a_slow_server_gets_the_callers_patience_once() {
    let server = Server::start("");
    let proxy = Proxy::to(server.address);
    let machine = Machine::of(&server, proxy.address);
    proxy.set(Arc::new(|asked: &Message, upstream: Upstream| {
        let answer = upstream.pass(asked);
        let slow = [(Point::RULES, 8), (Point::SUBMISSION, 60)];
        if let Some((_, seconds)) = slow.into_iter().find(|(point, _)| point.matches(asked)) {
            std::thread::sleep(Duration::from_secs(seconds));
        }
        answer
    }));
    let begun = Instant::now();
    let ran = run(&mut machine.deploy("10s", "now"));
    let took = begun.elapsed();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert_told("slow", &ran, "run again in a moment");
    assert!(took < Duration::from_secs(15), "{took:?}: {ran:?}");
    assert_eq!(machine.canary(), [""; 0]);
}
