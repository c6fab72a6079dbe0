//! A network between client and server that resets, dawdles, closes halfway, drops polls or is cut.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gate_testkit::relay::{Direction, Fate, Relay, Weather};

use crate::scene::{Scene, WHOLE};
use crate::stage::{Machine, Waiting, run};
use crate::story::{Confirmed, approving, assert_nothing_lost};

/// A scene whose machine reaches the server through a relay.
fn behind_a_relay() -> (Scene, Relay) {
    let mut scene = Scene::with("");
    let relay = Relay::to(scene.proxy.address).unwrap();
    scene.machine = Machine::of(&scene.server, relay.address());
    (scene, relay)
}

fn assert_ran_once(scene: &Scene, waiting: Waiting, id: &str, word: &str) {
    let ran = waiting.end();
    assert_eq!(ran.code, Some(0), "{word}: {ran:?}");
    assert_eq!(scene.runs(word), 1, "{word}: {ran:?}");
    scene.flush();
    assert_eq!(scene.server.history(id), WHOLE, "{word}");
}

#[test]
fn a_wait_outlives_resets_each_second_and_the_answer_comes_once() {
    let (scene, relay) = behind_a_relay();
    let mut waiting = Waiting::start(&scene.machine, "reset");
    let id = waiting.asked();
    let seconds = std::env::var("GATE_TEST_SECONDS").map_or(5, |some| some.parse().unwrap());
    let mut resets = 0;
    for _ in 0..seconds {
        std::thread::sleep(Duration::from_secs(1));
        resets += relay.reset();
    }
    assert!(resets >= 2, "{resets} polls were reset");
    scene.server.approve(&id);
    assert_ran_once(&scene, waiting, &id, "reset");
    assert_nothing_lost(&scene);
}

#[test]
fn a_poll_that_is_closed_halfway_is_asked_again() {
    let (scene, relay) = behind_a_relay();
    let mut waiting = Waiting::start(&scene.machine, "halfway");
    let id = waiting.asked();
    while relay.open() == 0 {
        std::thread::yield_now();
    }
    relay.close_halfway();
    assert_eq!(waiting.until("disconnected")["request"], id.as_str());
    waiting.until("reconnected");
    scene.server.approve(&id);
    assert_ran_once(&scene, waiting, &id, "halfway");
    assert_nothing_lost(&scene);
}

/// Each connection is reset at each of the moments at which bytes pass, in either direction.
#[test]
fn a_reset_at_any_moment_loses_nothing_and_runs_nothing_twice() {
    let (scene, relay) = behind_a_relay();
    let script = approving(scene.server.bob(), Confirmed::default());
    scene.proxy.set(script);
    for way in [Direction::Up, Direction::Down] {
        for number in 0..30 {
            let word = format!("{way:?}-{number}");
            let passing = Arc::new(Mutex::new(Some(number)));
            let left = Arc::clone(&passing);
            relay.watch(Arc::new(move |_, goes, _: &[u8]| {
                let mut left = left.lock().unwrap();
                if goes != way {
                    return Fate::Pass;
                }
                match *left {
                    Some(0) => {
                        *left = None;
                        Fate::Lost
                    }
                    Some(more) => {
                        *left = Some(more - 1);
                        Fate::Pass
                    }
                    None => Fate::Pass,
                }
            }));
            let ran = run(&mut scene.machine.deploy("60s", &word));
            assert_eq!(ran.code, Some(0), "{word}: {ran:?}");
            assert_eq!(scene.runs(&word), 1, "{word}: {ran:?}");
            scene.flush();
            if passing.lock().unwrap().is_some() {
                break;
            }
        }
    }
    assert_nothing_lost(&scene);
}

#[test]
fn half_a_second_on_the_way_is_only_slow() {
    let (scene, relay) = behind_a_relay();
    let script = approving(scene.server.bob(), Confirmed::default());
    scene.proxy.set(script);
    relay.set(Weather {
        latency: Duration::from_millis(250),
        ..Weather::default()
    });
    let ran = run(&mut scene.machine.deploy("60s", "far"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(scene.runs("far"), 1);
}

/// The network takes everything and brings nothing, which no error tells.
#[test]
fn a_silent_network_before_the_question_is_69_and_during_the_wait_a_pause() {
    let (scene, relay) = behind_a_relay();
    let silent = Weather {
        is_silent: true,
        ..Weather::default()
    };
    relay.set(silent);
    let ran = run(&mut scene.machine.deploy("3s", "unheard"));
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert_eq!(scene.runs("unheard"), 0);
    relay.set(Weather::default());

    let mut waiting = Waiting::start(&scene.machine, "paused");
    let id = waiting.asked();
    relay.set(silent);
    scene.server.approve(&id);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(scene.runs("paused"), 0);
    relay.set(Weather::default());
    assert_ran_once(&scene, waiting, &id, "paused");
    assert_nothing_lost(&scene);
}
