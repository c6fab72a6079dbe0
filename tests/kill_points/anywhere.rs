//! kill -9 of the client on its way into any call to the system by which it makes something durable,
//! says something to the server, starts the tool or learns of its end.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use gate_testkit::inside::{inside, killing};
use serde_json::Value;

use crate::scene::{Scene, WHOLE, rounds_or};
use crate::stage::run;
use crate::story::{Confirmed, approving};

const CALLS: &str = "fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,link,linkat,\
    unlink,unlinkat,connect,sendto,sendmsg,writev,clone,clone3,vfork,wait4,waitid,pidfd_open";

/// How many points are tried where nobody asks for more.
const FEW: usize = 16;

const LEASES: &str = "grant_seconds = 5\nstart_report_seconds = 1\nrun_lease_seconds = 1\n";

/// Returns how often gate itself makes each of the calls, from the start to the end of a command.
fn counted(scene: &Scene) -> BTreeMap<String, usize> {
    let out = scene.machine.home.path().join("calls");
    let trace = format!("trace={CALLS}");
    let out_path = out.to_str().unwrap();
    let outer = ["strace", "-f", "-qq", "-o", out_path, "-e", &trace];
    let ran = run(&mut inside(&outer, &scene.machine.deploy("60s", "counted")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let text = std::fs::read_to_string(out).unwrap();
    let own = text.split(' ').next().unwrap();
    let mut calls = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let call = words.next().filter(|id| *id == own).and(words.next());
        if let Some((name, _)) = call.and_then(|call| call.split_once('(')) {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

/// Returns the ids of all requests, in the order in which they were asked.
fn created(scene: &Scene) -> Vec<String> {
    let records = scene.server.records();
    let created = records
        .iter()
        .filter(|record| record["type"] == "request.created");
    let id = |record: &Value| record["body"]["request"].as_str().unwrap().to_owned();
    created.map(id).collect()
}

/// Kills gate there. Returns whether that came to pass, and the request where it is used and its end
/// is not known.
fn kill_at(scene: &Scene, call: &str, number: usize, word: &str) -> (bool, Option<String>) {
    let earlier = created(scene).len();
    let outer = killing(call, number);
    let killed = run(&mut inside(&outer, &scene.machine.deploy("60s", word)));
    // `strace` ends as what it ran does. Where the calls came in another order it went through.
    let went_through = killed.code == Some(0);
    assert!(
        went_through || killed.signal == Some(9),
        "{word}: {killed:?}"
    );
    scene.flush();
    let asked = created(scene).split_off(earlier);
    assert!(asked.len() <= 1, "{word} asked twice: {asked:?}");
    let status = |id: &String| {
        scene.server.request(id)["status"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let used = match asked.first().map(status).as_deref() {
        None | Some("pending" | "approved") => {
            assert_eq!(scene.runs(word), 0, "{word}");
            let ran = scene.again(word);
            assert_eq!(ran.code, Some(0), "{word}: {ran:?}");
            let asked = created(scene).split_off(earlier);
            assert_eq!(asked.len(), 1, "{word} asked twice: {asked:?}");
            scene.assert_whole(asked.first().unwrap());
            assert_eq!(scene.runs(word), 1, "{word}");
            None
        }
        Some("finished") => {
            assert_eq!(scene.runs(word), 1, "{word}");
            scene.assert_whole(asked.first().unwrap());
            None
        }
        Some("claimed" | "started" | "unknown") => {
            assert!(!went_through && scene.runs(word) <= 1, "{word}");
            asked.first().cloned()
        }
        Some(other) => unreachable!("{word} is {other}"),
    };
    (!went_through, used)
}

#[test]
fn killed_anywhere_gate_runs_the_tool_at_most_once_and_the_log_says_so() {
    let scene = Scene::with(LEASES);
    let confirmed = Confirmed::default();
    let script = approving(scene.server.bob(), Arc::clone(&confirmed));
    scene.proxy.set(script);
    // The first command makes keys and a queue, which the later ones find.
    assert_eq!(scene.again("first").code, Some(0));
    let mut points = Vec::new();
    for (call, count) in counted(&scene) {
        points.extend((1..=count).map(|number| (call.clone(), number)));
    }
    assert!(points.len() > FEW, "{points:?}");
    if std::env::var_os("GATE_TEST_ROUNDS").is_none() {
        let step = points.len().div_ceil(FEW);
        points = points.into_iter().step_by(step).collect();
    }
    let mut lost = Vec::new();
    let mut kills = 0;
    for round in rounds_or(1) {
        for (call, number) in &points {
            let word = format!("{round}-{call}-{number}");
            let (was_killed, used) = kill_at(&scene, call, *number, &word);
            kills += usize::from(was_killed);
            lost.extend(used.map(|id| (word, id)));
        }
    }
    assert!(kills * 2 > points.len(), "{kills} kills at {points:?}");
    for (word, id) in lost {
        scene.until(&id, "unknown");
        let history = scene.server.history(&id);
        let (end, before) = history.split_last().unwrap();
        assert_eq!(end, "run.unknown", "{word}");
        assert_eq!(
            WHOLE.get(..before.len()),
            Some(&before.iter().map(String::as_str).collect::<Vec<_>>()[..]),
            "{word}"
        );
        assert!(scene.runs(&word) <= 1, "{word}");
        scene.assert_asks(&word);
    }
    for id in &*confirmed.lock().unwrap() {
        let history = scene.server.history(id);
        assert!(
            history.contains(&"decision.recorded".to_owned()),
            "{id}: {history:?}"
        );
    }
    scene.assert_verified();
}
