//! SIGTERM to the client: what it says of its request is what is so.

use nix::sys::signal::Signal;

use crate::proxy::{Point, When};
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
