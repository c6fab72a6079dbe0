//! Many gates at once on one local queue.

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::Arc;

use serde_json::Value;

use crate::http::Message;
use crate::proxy::Upstream;
use crate::scene::Scene;
use crate::stage::run;

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

/// As after a machine or a home was put back from a backup.
#[test]
fn a_queue_that_was_put_back_goes_on_in_a_new_epoch_and_loses_nothing() {
    let scene = Scene::with("");
    let home = &scene.machine.home;
    home.script("kubectl", "#!/bin/sh\n").unwrap();
    let read = |pod: &str| {
        let args = ["run", "--", "kubectl", "get", "pod", pod];
        let ran = run(&mut scene.machine.gate(&args));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    let copy = home.path().join("copy");
    let copied = |from: &std::path::Path, to: &std::path::Path| {
        let copied = std::process::Command::new("cp")
            .arg("-rT")
            .args([from, to])
            .status();
        assert!(copied.unwrap().success());
    };
    read("first");
    read("second");
    copied(&scene.machine.spool(), &copy);
    read("later");
    assert_eq!(scene.flush(), 3);
    std::fs::remove_dir_all(scene.machine.spool()).unwrap();
    copied(&copy, &scene.machine.spool());
    read("new");
    read("newest");
    // What the server had already is confirmed again and counted once.
    assert_eq!(scene.flush(), 4);
    assert_eq!(scene.flush(), 0);
    let records = scene.server.records();
    let shown = records
        .iter()
        .filter(|record| record["type"] == "allow.recorded");
    let shown: Vec<&str> = shown
        .map(|record| record["body"]["decided"]["shown"].as_str().unwrap())
        .collect();
    let expected = ["first", "second", "later", "new", "newest"];
    assert_eq!(shown, expected.map(|pod| format!("kubectl get pod {pod}")));
    let of = |kind: &str| {
        records
            .iter()
            .filter(|record| record["type"] == kind)
            .count()
    };
    assert_eq!((of("client.fork"), of("client.epoch_reset")), (1, 1));
    scene.server.assert_log_verifies();
}
