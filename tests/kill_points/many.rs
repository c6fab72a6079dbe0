//! Many gates at once on one local queue.

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::Arc;

use serde_json::Value;

use crate::http::Message;
use crate::proxy::Upstream;
use crate::scene::Scene;

const GATES: u64 = 50;

#[test]
fn fifty_gates_on_one_queue_leave_a_gapless_sequence_that_counts_once() {
    let scene = Scene::with("");
    let bob = scene.server.bob();
    scene
        .proxy
        .set(Arc::new(move |asked: &Message, upstream: Upstream| {
            bob.approve_polled(asked);
            upstream.pass(asked)
        }));
    let words: Vec<String> = (0..GATES).map(|at| format!("gate-{at:02}")).collect();
    let gates: Vec<Child> = words
        .iter()
        .map(|word| scene.machine.deploy("120s", word).spawn().unwrap())
        .collect();
    for mut gate in gates {
        assert_eq!(gate.wait().unwrap().code(), Some(0));
    }
    let mut canary = scene.machine.canary();
    canary.sort();
    assert_eq!(canary, words);
    scene.flush();
    let records = scene.server.records();
    let of = |kind: &str| -> Vec<&Value> {
        let found = records.iter().filter(|record| record["type"] == kind);
        found.map(|record| &record["body"]).collect()
    };
    for never in [
        "client.gap",
        "client.epoch_reset",
        "client.fork",
        "run.misreported",
    ] {
        assert!(of(never).is_empty(), "{never}: {:?}", of(never));
    }
    let (started, finished) = (of("run.started"), of("run.finished"));
    assert_eq!((started.len(), finished.len()), (50, 50));
    let reports: Vec<&Value> = started.into_iter().chain(finished).collect();
    let epochs: BTreeSet<String> = reports
        .iter()
        .map(|body| format!("{} {}", body["client"], body["epoch"]))
        .collect();
    assert_eq!(epochs.len(), 1, "{epochs:?}");
    let mut places: Vec<u64> = reports
        .iter()
        .filter_map(|body| body["seq"].as_u64())
        .collect();
    places.sort_unstable();
    assert_eq!(places, (1..=2 * GATES).collect::<Vec<u64>>());
    scene.server.assert_log_verifies();
}
