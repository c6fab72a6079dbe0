//! kill -9 of the server at each of its calls to the system that bring a change to the disk. `strace`
//! kills it on the way into the call, so the one before is done and this one is not.

use gate_testkit::inside::kill_at_each;

use crate::scene::{Scene, rounds_or};
use crate::story::{assert_nothing_lost, survive};

/// Far more calls than a start and one command have.
const MOST: usize = 2_000;

/// Kills at every `step`-th call of this name, and returns how often the server has died.
fn kills_at(scene: &mut Scene, round: &str, call: &str, step: usize) -> usize {
    kill_at_each(call, MOST, step, |number, strace| {
        scene.server.kill();
        if !scene.server.restart_within(strace) {
            // It died while it started.
            scene.restart();
            return true;
        }
        scene.proxy.redirect(scene.server.address);
        survive(scene, &format!("{round}-{call}-{number}"))
    })
}

#[test]
fn killed_at_any_write_to_the_disk_it_is_all_or_nothing_and_nothing_is_lost() {
    let mut scene = Scene::with("");
    for round in rounds_or(1) {
        let is_short = std::env::var_os("GATE_TEST_ROUNDS").is_none();
        let kills = kills_at(&mut scene, &round, "fsync", 1);
        assert!(kills >= 5, "{kills} kills at fsync");
        let step = if is_short { 11 } else { 1 };
        let kills = kills_at(&mut scene, &round, "pwrite64", step);
        assert!(kills >= 3, "{kills} kills at pwrite64");
    }
    assert_nothing_lost(&scene);
}
