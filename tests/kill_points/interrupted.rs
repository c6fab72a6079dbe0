//! SIGTERM to the client, and lost answers: what it says of its request is what
//! is so.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;

use crate::http::Message;
use crate::proxy::{Point, Reply, Upstream, When};
use crate::scene::Scene;
use crate::stage::{Ran, Waiting};

const WORD: &str = "word";

fn assert_ended_by_sigterm(ran: &Ran, text: &str) {
    assert_eq!((ran.code, ran.signal), (None, Some(15)), "{ran:?}");
    assert!(ran.stderr.contains(text), "{ran:?}");
}

#[test]
fn with_the_submission_on_its_way_the_request_is_taken_back_once_it_is_known() {
    let scene = Scene::with("");
    let stop = scene.proxy.stop_at(Point::SUBMISSION.when(When::After));
    let waiting = Waiting::start(&scene.machine, WORD);
    stop.reached();
    waiting.signal(Signal::SIGTERM);
    stop.go_on();
    assert_ended_by_sigterm(&waiting.end(), "is taken back and nothing was run");
    let records = scene.server.records();
    let last = records.last().unwrap();
    assert_eq!(last["type"], "request.cancelled", "{last}");
    assert_eq!(scene.runs(WORD), 0);
}

#[test]
fn with_the_answer_to_the_submission_lost_it_is_said_that_nobody_knows() {
    let mut scene = Scene::with("");
    let stop = scene.proxy.stop_at(Point::SUBMISSION.when(When::After));
    let waiting = Waiting::start(&scene.machine, WORD);
    stop.reached();
    scene.server.kill();
    waiting.signal(Signal::SIGTERM);
    stop.lose();
    assert_ended_by_sigterm(
        &waiting.end(),
        "whether the server has the request is not known",
    );
    assert_eq!(scene.runs(WORD), 0);
}

#[test]
fn with_the_answer_to_the_submission_lost_it_is_asked_for_again_and_the_request_taken_back() {
    let scene = Scene::with("");
    let stop = scene.proxy.stop_at(Point::SUBMISSION.when(When::After));
    let waiting = Waiting::start(&scene.machine, WORD);
    stop.reached();
    waiting.signal(Signal::SIGINT);
    stop.lose();
    let ran = waiting.end();
    assert_eq!((ran.code, ran.signal), (None, Some(2)), "{ran:?}");
    assert!(
        ran.stderr.contains("is taken back and nothing was run"),
        "{ran:?}"
    );
    let types: Vec<_> = scene.server.records();
    let types: Vec<_> = types.iter().map(|record| &record["type"]).collect();
    assert!(
        types.ends_with(&[&"request.created".into(), &"request.cancelled".into()]),
        "{types:?}"
    );
    assert_eq!((scene.asked(), scene.runs(WORD)), (1, 0));
}

/// Waits until it catches SIGTERM: it has decided to ask, and binds the command.
fn catches_sigterm(waiting: &mut Waiting) {
    let status = format!("/proc/{}/status", waiting.child.id());
    let catches = |text: String| {
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
        caught & 1 << (Signal::SIGTERM as u64 - 1) != 0
    };
    while !catches(std::fs::read_to_string(&status).unwrap()) {
        assert_eq!(waiting.child.try_wait().unwrap(), None, "it ended before");
        std::thread::yield_now();
    }
}

#[test]
fn while_the_command_is_bound_nobody_is_asked() {
    let scene = Scene::with("");
    // All hole, so it costs nothing but the time to hash it.
    let huge = File::create(scene.machine.home.work().join(WORD)).unwrap();
    huge.set_len(2 << 30).unwrap();
    let mut waiting = Waiting::start(&scene.machine, WORD);
    catches_sigterm(&mut waiting);
    waiting.signal(Signal::SIGTERM);
    let text = "cancelled before anybody was asked; nothing was run";
    assert_ended_by_sigterm(&waiting.end(), text);
    assert_eq!((scene.asked(), scene.runs(WORD)), (0, 0));
}

/// docs/events.md: `reattached` is false where this run made the request, however long the server
/// took, and also where the first answer got lost.
#[test]
fn a_request_is_its_own_where_the_answer_came_late_and_at_the_second_try() {
    let scene = Scene::with("");
    let is_lost = AtomicBool::new(false);
    scene
        .proxy
        .set(Arc::new(move |asked: &Message, upstream: Upstream| {
            let answer = upstream.pass(asked);
            if !Point::SUBMISSION.matches(asked) {
                return answer;
            }
            if !is_lost.swap(true, Ordering::SeqCst) {
                return Reply::Nothing;
            }
            answer.changed(|mut answer| {
                let mut request = answer.json();
                // As if a minute had passed on the way.
                let left = request["expires_in_seconds"].as_u64().unwrap();
                request["expires_in_seconds"] = (left - 60).into();
                answer.body = request.to_string().into_bytes();
                Reply::Answer(answer)
            })
        }));
    for reattached in [false, true] {
        let mut waiting = Waiting::start(&scene.machine, WORD);
        let told = waiting.until("submitted");
        assert_eq!(told["reattached"], reattached, "{told}");
        waiting.kill();
    }
    assert_eq!(scene.asked(), 1);
}

#[test]
fn with_the_server_gone_it_is_said_that_the_request_stays() {
    let mut scene = Scene::with("");
    let mut waiting = Waiting::start(&scene.machine, WORD);
    let id = waiting.asked();
    scene.server.kill();
    waiting.signal(Signal::SIGTERM);
    let text = format!("request {id} could not be taken back");
    assert_ended_by_sigterm(&waiting.end(), &text);
    scene.restart();
    assert_eq!(scene.server.request(&id)["status"], "pending");
    assert_eq!(scene.runs(WORD), 0);
}
