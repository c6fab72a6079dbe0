//! kill -9 of the server.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use crate::proxy::{Point, When};
use crate::scene::Scene;
use crate::stage::Waiting;

const EACH: [When; 3] = [When::Before, When::Sent, When::After];

pub(crate) fn around_the_submission(scene: &mut Scene, word: &str) {
    for when in EACH {
        let word = format!("{word}-{when:?}");
        let earlier = scene.asked();
        let stop = scene.proxy.stop_at(Point::SUBMISSION.when(when));
        let mut waiting = Waiting::start(&scene.machine, &word);
        stop.reached();
        scene.crash();
        stop.lose();
        let id = waiting.asked();
        assert_eq!(scene.asked(), earlier + 1, "{when:?}");
        scene.server.approve(&id);
        assert_eq!(waiting.end().code, Some(0), "{when:?}");
        assert_eq!(scene.runs(&word), 1, "{when:?}");
        scene.assert_whole(&id);
    }
}

pub(crate) fn while_it_is_waited_for(scene: &mut Scene, word: &str) {
    let stop = scene.proxy.stop_at(Point::POLL.when(When::Sent));
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    stop.reached();
    scene.crash();
    stop.lose();
    scene.server.approve(&id);
    assert_eq!(waiting.end().code, Some(0));
    assert_eq!(scene.runs(word), 1);
    scene.assert_whole(&id);
}

pub(crate) fn after_the_approval(scene: &mut Scene, word: &str) {
    let stop = scene.proxy.stop_at(Point::POLL.when(When::After));
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    scene.server.approve(&id);
    stop.reached();
    scene.crash();
    stop.lose();
    assert_eq!(waiting.end().code, Some(0));
    assert_eq!(scene.runs(word), 1);
    scene.assert_whole(&id);
}

pub(crate) fn around_the_claim(scene: &mut Scene, word: &str) {
    for when in EACH {
        let word = format!("{word}-{when:?}");
        let stop = scene.proxy.stop_at(Point::CLAIM.when(when));
        let mut waiting = Waiting::start(&scene.machine, &word);
        let id = waiting.asked();
        scene.server.approve(&id);
        stop.reached();
        scene.crash();
        stop.lose();
        let ran = waiting.end();
        assert_eq!(ran.code, Some(0), "{when:?}: {ran:?}");
        assert_eq!(scene.runs(&word), 1, "{when:?}");
        scene.assert_whole(&id);
    }
}

pub(crate) fn while_the_tool_runs(scene: &mut Scene, word: &str) {
    let (up, go) = scene.block_tool();
    let mut waiting = Waiting::start(&scene.machine, word);
    let id = waiting.asked();
    scene.server.approve(&id);
    assert_eq!(std::fs::read_to_string(&up).unwrap(), "up\n");
    scene.crash();
    std::fs::write(&go, "on\n").unwrap();
    assert_eq!(waiting.end().code, Some(3));
    assert_eq!(scene.runs(word), 1);
    scene.flush();
    assert_eq!(scene.server.request(&id)["outcome"]["exit_code"], 3);
    scene.assert_whole(&id);
    scene.unblock_tool();
}

pub(crate) fn around_the_outcome(scene: &mut Scene, word: &str) {
    for when in EACH {
        let word = format!("{word}-{when:?}");
        let stop = scene.proxy.stop_at(Point::OUTCOME.when(when));
        let mut waiting = Waiting::start(&scene.machine, &word);
        let id = waiting.asked();
        scene.server.approve(&id);
        stop.reached();
        scene.server.kill();
        stop.lose();
        let ran = waiting.end();
        assert_eq!(ran.code, Some(0), "{when:?}: {ran:?}");
        assert!(ran.stderr.contains("gate audit flush"), "{ran:?}");
        scene.restart();
        // The start once more, which the server has and counts once, and the outcome.
        assert_eq!(scene.flush(), 2, "{when:?}");
        assert_eq!(scene.runs(&word), 1, "{when:?}");
        assert_eq!(scene.server.request(&id)["outcome"]["exit_code"], 0);
        scene.assert_whole(&id);
    }
}

#[test]
fn around_the_submission_one_person_is_asked_once() {
    Scene::with("").play(around_the_submission);
}

#[test]
fn while_it_is_waited_for_the_wait_goes_on_after_the_restart() {
    Scene::with("").play(while_it_is_waited_for);
}

#[test]
fn after_the_approval_the_approval_is_still_there() {
    Scene::with("").play(after_the_approval);
}

#[test]
fn around_the_claim_there_is_one_grant_and_one_run() {
    Scene::with("").play(around_the_claim);
}

#[test]
fn while_the_tool_runs_nothing_happens_to_it_and_its_outcome_arrives() {
    Scene::with("").play(while_the_tool_runs);
}

#[test]
fn around_the_outcome_the_exit_code_stands_and_the_outcome_arrives_exactly_once() {
    Scene::with("").play(around_the_outcome);
}
