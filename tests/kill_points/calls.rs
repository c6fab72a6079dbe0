//! kill -9 of the server at each of its calls to the system that bring a change to the disk. `strace`
//! kills it on the way into the call, so the one before is done and this one is not.

use crate::scene::{Scene, rounds_or};
use crate::story::{assert_nothing_lost, survive};

/// Far more calls than a start and one command have.
const MOST: usize = 2_000;

/// So many numbers in a row at which nothing dies are beyond the last call: `strace` counts the calls
/// of each thread by itself, and may pass over one as a thread begins.
const BEYOND: usize = 3;

/// Kills at every `step`-th call of this name, and returns how often the server has died.
fn kill_at_each(scene: &mut Scene, round: &str, call: &str, step: usize) -> usize {
    let (mut kills, mut without) = (0, 0);
    for number in (1..MOST).step_by(step) {
        scene.server.kill();
        let trace = format!("trace={call}");
        let inject = format!("inject={call}:signal=KILL:when={number}");
        let strace = [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &trace,
            "-e",
            &inject,
        ];
        if !scene.server.restart_within(&strace) {
            // It died while it started.
            kills += 1;
            scene.restart();
            continue;
        }
        scene.proxy.redirect(scene.server.address);
        if survive(scene, &format!("{round}-{call}-{number}")) {
            (kills, without) = (kills + 1, 0);
        } else {
            without += 1;
        }
        if without == BEYOND {
            return kills;
        }
    }
    unreachable!("it never got beyond its last `{call}`");
}

#[test]
fn killed_at_any_write_to_the_disk_it_is_all_or_nothing_and_nothing_is_lost() {
    let mut scene = Scene::with("");
    for round in rounds_or(1) {
        let is_short = std::env::var_os("GATE_TEST_ROUNDS").is_none();
        let kills = kill_at_each(&mut scene, &round, "fsync", 1);
        assert!(kills >= 5, "{kills} kills at fsync");
        let step = if is_short { 11 } else { 1 };
        let kills = kill_at_each(&mut scene, &round, "pwrite64", step);
        assert!(kills >= 3, "{kills} kills at pwrite64");
    }
    assert_nothing_lost(&scene);
}
