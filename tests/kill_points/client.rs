//! kill -9 of the client.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use nix::sys::signal::Signal;

use crate::proxy::{Point, When};
use crate::scene::{Scene, WHOLE};
use crate::stage::Waiting;

pub(crate) fn before_the_submission(scene: &mut Scene, word: &str) {
    let earlier = scene.asked();
    let stop = scene.proxy.stop_at(Point::SUBMISSION);
    let waiting = Waiting::start(&scene.machine, word);
    stop.reached();
    waiting.kill();
    stop.lose();
    assert_eq!((scene.asked(), scene.runs(word)), (earlier, 0));
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    scene.server.approve(&id);
    assert_eq!(waiting.end().code, Some(0));
    assert_eq!(scene.runs(word), 1);
    scene.assert_whole(&id);
}

pub(crate) fn after_the_submission(scene: &mut Scene, word: &str) {
    let earlier = scene.asked();
    let stop = scene.proxy.stop_at(Point::SUBMISSION.when(When::After));
    let waiting = Waiting::start(&scene.machine, word);
    stop.reached();
    waiting.kill();
    stop.lose();
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    assert_eq!(scene.asked(), earlier + 1, "asked twice");
    scene.server.approve(&id);
    assert_eq!(waiting.end().code, Some(0));
    assert_eq!(scene.runs(word), 1);
    scene.assert_whole(&id);
}

pub(crate) fn while_it_waits(scene: &mut Scene, word: &str) {
    let stop = scene.proxy.stop_at(Point::POLL.when(When::Sent));
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    stop.reached();
    waiting.kill();
    stop.lose();
    scene.server.approve(&id);
    assert_eq!(scene.runs(word), 0);
    assert_eq!(scene.again(word).code, Some(0));
    assert_eq!(scene.runs(word), 1);
    scene.assert_whole(&id);
}

pub(crate) fn before_the_claim(scene: &mut Scene, word: &str) {
    let stop = scene.proxy.stop_at(Point::CLAIM);
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    scene.server.approve(&id);
    stop.reached();
    waiting.kill();
    stop.lose();
    assert_eq!(scene.server.request(&id)["status"], "approved");
    assert_eq!(scene.runs(word), 0);
    assert_eq!(scene.again(word).code, Some(0));
    assert_eq!(scene.runs(word), 1);
    scene.assert_whole(&id);
}

pub(crate) fn after_the_claim(scene: &mut Scene, word: &str) {
    let stop = scene.proxy.stop_at(Point::CLAIM.when(When::After));
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    scene.server.approve(&id);
    stop.reached();
    waiting.kill();
    stop.lose();
    scene.until(&id, "unknown");
    let history = scene.server.history(&id);
    assert_eq!(history.get(..3), WHOLE.map(String::from).get(..3));
    assert_eq!(history.get(3..), Some(&["run.unknown".to_owned()][..]));
    scene.assert_asks(word);
    assert_eq!(scene.runs(word), 0);
}

pub(crate) fn before_the_tool_is_started(scene: &mut Scene, word: &str) {
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    waiting.kill();
    scene.server.approve(&id);
    scene.kill_at_start(word);
    assert_eq!(scene.flush(), 1, "the start was durable before the start");
    scene.until(&id, "unknown");
    assert_eq!(scene.flush(), 0);
    let history = scene.server.history(&id);
    assert_eq!(history.get(..4), WHOLE.map(String::from).get(..4));
    assert_eq!(history.get(4..), Some(&["run.unknown".to_owned()][..]));
    scene.assert_asks(word);
    assert_eq!(scene.runs(word), 0);
}

fn told_while_the_tool_runs(scene: &mut Scene, word: &str) {
    let (up, go) = scene.block_tool();
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    scene.server.approve(&id);
    assert_eq!(std::fs::read_to_string(&up).unwrap(), "up\n");
    scene.until(&id, "started");
    std::fs::write(&go, "on\n").unwrap();
    assert_eq!(waiting.end().code, Some(3));
    scene.assert_whole(&id);
}

fn without_an_answer_to_the_start(scene: &mut Scene, word: &str) {
    let (up, _go) = scene.block_tool();
    let stop = scene.proxy.stop_at(Point::START);
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    scene.server.approve(&id);
    assert_eq!(std::fs::read_to_string(&up).unwrap(), "up\n");
    stop.reached();
    waiting.signal(Signal::SIGTERM);
    let ran = waiting.end();
    assert_eq!(ran.signal, Some(Signal::SIGTERM as i32), "{ran:?}");
    assert!(ran.stderr.contains("not yet at the server"), "{ran:?}");
    stop.lose();
    assert_eq!(scene.flush(), 2);
    assert_eq!(scene.server.request(&id)["outcome"]["signal"], 15);
    scene.assert_whole(&id);
}

pub(crate) fn while_the_tool_runs(scene: &mut Scene, word: &str) {
    let (up, go) = scene.block_tool();
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    scene.server.approve(&id);
    assert_eq!(std::fs::read_to_string(&up).unwrap(), "up\n");
    waiting.kill();
    // The tool is not gate's to take down: it goes on to its end.
    std::fs::write(&go, "on\n").unwrap();
    scene.flush();
    scene.until(&id, "unknown");
    let history = scene.server.history(&id);
    assert_eq!(history.get(..4), WHOLE.map(String::from).get(..4));
    assert_eq!(history.get(4..), Some(&["run.unknown".to_owned()][..]));
    scene.assert_asks(word);
    assert_eq!(scene.runs(word), 1);
    scene.unblock_tool();
}

pub(crate) fn around_the_outcome(scene: &mut Scene, word: &str) {
    for when in [When::Before, When::Sent, When::After] {
        let word = format!("{word}-{when:?}");
        let stop = scene.proxy.stop_at(Point::OUTCOME.when(when));
        let mut waiting = Waiting::start(&scene.machine, &word);
        let id = waiting.asked();
        scene.server.approve(&id);
        stop.reached();
        waiting.kill();
        stop.lose();
        // The start once more, which the server has and counts once, and the outcome.
        assert_eq!(scene.flush(), 2);
        assert_eq!(scene.runs(&word), 1);
        assert_eq!(scene.server.request(&id)["outcome"]["exit_code"], 0);
        scene.assert_whole(&id);
    }
}

#[test]
fn before_the_submission_nobody_was_asked_and_nothing_ran() {
    Scene::with("").play(before_the_submission);
}

#[test]
fn with_the_answer_to_the_submission_lost_the_next_run_goes_on_with_the_request() {
    Scene::with("").play(after_the_submission);
}

#[test]
fn while_it_waits_the_approval_runs_nothing_until_the_command_is_run_again() {
    Scene::with("").play(while_it_waits);
}

#[test]
fn approved_and_not_claimed_it_is_claimed_by_the_next_run() {
    Scene::with("").play(before_the_claim);
}

#[test]
fn claimed_with_the_grant_lost_the_run_becomes_unknown_and_is_asked_for_anew() {
    Scene::with("grant_seconds = 1\nstart_report_seconds = 1\n").play(after_the_claim);
}

#[test]
fn claimed_and_not_started_the_log_says_that_it_may_have_run() {
    Scene::with("run_lease_seconds = 1\n").play(before_the_tool_is_started);
}

#[test]
fn the_server_is_told_of_the_start_while_the_tool_runs() {
    Scene::with("").play(told_while_the_tool_runs);
}

#[test]
fn a_server_that_does_not_answer_holds_up_neither_the_start_nor_a_signal() {
    Scene::with("").play(without_an_answer_to_the_start);
}

#[test]
fn while_the_tool_runs_it_ran_once_and_its_outcome_is_unknown() {
    Scene::with("run_lease_seconds = 1\n").play(while_the_tool_runs);
}

#[test]
fn with_the_outcome_unreported_or_unconfirmed_it_arrives_exactly_once() {
    Scene::with("").play(around_the_outcome);
}
