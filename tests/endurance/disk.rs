//! A disk that is full, and one that fails. `strace` gives the errors that a broken disk gives.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gate_testkit::inside::inside;

use crate::http::Message;
use crate::scene::Scene;
use crate::stage::{Ran, Waiting, run};
use crate::story::{Confirmed, approving, assert_nothing_lost, survive};

/// Longer than any call of a server that is well, and shorter than a client waits for an answer.
const BOUND: Duration = Duration::from_secs(10);

/// Runs the command under `strace`, with these options beside those that write what it saw to a file,
/// and returns that too.
pub(crate) fn traced(scene: &Scene, word: &str, options: &[&str]) -> (Ran, String) {
    let seen = scene.machine.home.path().join("seen");
    let mut outer = ["strace", "-f", "-qq", "-o", seen.to_str().unwrap()].to_vec();
    outer.extend(options);
    let ran = run(&mut inside(&outer, &scene.machine.deploy("60s", word)));
    (ran, std::fs::read_to_string(seen).unwrap())
}

/// Source: fsync(2): after a failed sync the pages may be gone, so the next one would succeed and
/// mean nothing.
fn assert_no_descriptor_is_synced_again(case: &str, seen: &str) {
    let mut failed = BTreeSet::new();
    for line in seen.lines() {
        let call = line.split_once(' ').unwrap().1.trim_start();
        let Some((name, rest)) = call.split_once('(') else {
            continue;
        };
        let descriptor = rest.split([')', ',']).next().unwrap().to_owned();
        if name == "close" {
            failed.remove(&descriptor);
        } else if name.ends_with("sync") || name == "fdatasync" {
            assert!(!failed.contains(&descriptor), "{case}: {line}\n{seen}");
            if line.contains("EIO") {
                failed.insert(descriptor);
            }
        }
    }
}

#[test]
fn a_sync_that_fails_before_the_start_stops_it_and_one_after_it_changes_nothing() {
    let scene = Scene::with("run_lease_seconds = 1\n");
    let script = approving(scene.server.bob(), Confirmed::default());
    scene.proxy.set(script);
    let (mut refused, mut ran_all_the_same) = (0, 0);
    for call in ["fsync", "fdatasync"] {
        for number in 1.. {
            let word = format!("{call}-{number}");
            let inject = format!("inject={call}:error=EIO:when={number}");
            let trace = "trace=fsync,fdatasync,close";
            let (ran, seen) = traced(&scene, &word, &["-e", trace, "-e", &inject]);
            if !seen.contains("INJECTED") {
                assert_eq!((ran.code, scene.runs(&word)), (Some(0), 1), "{ran:?}");
                break;
            }
            assert_no_descriptor_is_synced_again(&word, &seen);
            match ran.code {
                Some(78 | 125) => {
                    assert_eq!(scene.runs(&word), 0, "{word}: {ran:?}");
                    refused += 1;
                    // Where it was the server's rules that were not kept, gate wants them fetched.
                    let pull = run(&mut scene.machine.gate(&["rules", "pull"]));
                    assert_eq!(pull.code, Some(0), "{word}: {ran:?} {pull:?}");
                }
                // The tool's own code, whatever became of the record.
                Some(0) => {
                    assert_eq!(scene.runs(&word), 1, "{word}: {ran:?}");
                    ran_all_the_same += 1;
                }
                _ => unreachable!("{word}: {ran:?}"),
            }
        }
    }
    assert!(
        refused > 0 && ran_all_the_same > 0,
        "{refused} {ran_all_the_same}"
    );
    // What failed left nothing behind that stops the next.
    assert_eq!(scene.again("afterwards").code, Some(0));
    scene.flush();
    let records = scene.server.records();
    let of = |kind: &str| records.iter().filter(|one| one["type"] == kind).count();
    assert_eq!((of("client.gap"), of("client.fork")), (0, 0));
    scene.assert_verified();
}

#[test]
fn a_write_to_the_queue_that_fails_leaves_no_half_of_it() {
    let scene = Scene::with("run_lease_seconds = 1\n");
    let script = approving(scene.server.bob(), Confirmed::default());
    scene.proxy.set(script);
    assert_eq!(scene.again("first").code, Some(0));
    let queue = scene.machine.spool().join("events.jsonl");
    let path = queue.to_str().unwrap();
    for (error, number) in [
        ("EIO", 1),
        ("ENOSPC", 1),
        ("EDQUOT", 1),
        ("EIO", 2),
        ("ENOSPC", 2),
    ] {
        let word = format!("{error}-{number}");
        let inject = format!("inject=write:error={error}:when={number}");
        let (ran, seen) = traced(&scene, &word, &["-P", path, "-e", &inject]);
        assert!(seen.contains("INJECTED"), "{word}: {seen}");
        // The first is the start of the run, the second its outcome.
        let (code, runs) = if number == 1 { (125, 0) } else { (0, 1) };
        assert_eq!(
            (ran.code, scene.runs(&word)),
            (Some(code), runs),
            "{word}: {ran:?}"
        );
        let text = std::fs::read_to_string(&queue).unwrap();
        assert!(text.is_empty() || text.ends_with("}\n"), "{text}");
    }
    assert_eq!(scene.again("afterwards").code, Some(0));
    scene.flush();
    let records = scene.server.records();
    let of = |kind: &str| records.iter().filter(|one| one["type"] == kind).count();
    assert_eq!(
        (
            of("client.gap"),
            of("client.fork"),
            of("client.epoch_reset")
        ),
        (0, 0, 0)
    );
    scene.assert_verified();
}

/// Fails one call of a process, the so-and-so-many-th of its name, as a broken disk does: with an
/// error, for `torn` after half of it was written. `strace` counts by thread, and the server's are many.
const FAULT: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
static atomic_int seen;
static int fails(const char *call) {
    const char *wanted = getenv("FAULT_CALL"), *at = getenv("FAULT_AT"), *told = getenv("FAULT_SEEN");
    if (!wanted || !at || !told || strcmp(wanted, call) != 0) return 0;
    if (atomic_fetch_add(&seen, 1) + 1 != atoi(at)) return 0;
    close(open(told, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    errno = EIO;
    return 1;
}
int fsync(int file) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    return fails("fsync") ? -1 : real(file);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t place) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    if (fails("pwrite64")) return -1;
    if (fails("torn")) {
        real(file, bytes, count / 2, place);
        errno = EIO;
        return -1;
    }
    return real(file, bytes, count, place);
}
"#;

#[test]
fn a_disk_of_the_server_that_fails_once_costs_a_retry_and_nothing_else() {
    let mut scene = Scene::with("");
    let home = scene.machine.home.path().to_owned();
    let library = crate::clocks::library(&scene.machine.home, "fault", FAULT);
    let told = home.join("told");
    let step = if std::env::var_os("GATE_TEST_ROUNDS").is_none() {
        23
    } else {
        1
    };
    for (call, step) in [("fsync", 1), ("pwrite64", step), ("torn", step)] {
        for number in (1..2_000).step_by(step) {
            scene.server.kill();
            drop(std::fs::remove_file(&told));
            let outer = [
                "env".to_owned(),
                format!("LD_PRELOAD={}", library.display()),
                format!("FAULT_CALL={call}"),
                format!("FAULT_AT={number}"),
                format!("FAULT_SEEN={}", told.display()),
            ];
            if !scene.server.restart_within(&outer) {
                // A server that can't write down what it must at the start does not serve.
                scene.restart();
                continue;
            }
            scene.proxy.redirect(scene.server.address);
            let has_died = survive(&mut scene, &format!("{call}-{number}"));
            assert!(!has_died, "{call} {number}: {}", scene.server.log());
            if !told.exists() {
                break;
            }
        }
    }
    assert_nothing_lost(&scene);
}

/// Puts the folder `$1` on a file system of its own with as much room as `$2` says, and becomes the
/// rest.
const SMALL: &str = "set -e; data=$1; size=$2; shift 2; mkdir -p \"$data.small\"\n\
    mount -t tmpfs -o mode=700,size=\"$size\" none \"$data.small\"; cp -a \"$data/.\" \"$data.small\"\n\
    mount --bind \"$data.small\" \"$data\"; exec \"$@\"";

#[test]
fn a_full_disk_of_the_server_is_a_503_until_there_is_room() {
    let mut scene = Scene::with("");
    let mut earlier = Waiting::start(&scene.machine, "earlier");
    let id = earlier.asked();
    scene.server.kill();
    let data = scene.server.data();
    let options = if nix::unistd::geteuid().is_root() {
        "-m"
    } else {
        "-Urm"
    };
    let outer = [
        "unshare",
        options,
        "sh",
        "-c",
        SMALL,
        "sh",
        data.to_str().unwrap(),
        "4m",
    ];
    assert!(
        scene.server.restart_within(&outer),
        "{}",
        scene.server.log()
    );
    scene.proxy.redirect(scene.server.address);
    let seen = PathBuf::from(format!("/proc/{}/root", scene.server.pid()));
    let fill = seen.join(data.strip_prefix("/").unwrap()).join("fill");
    // To the last block.
    drop(std::fs::write(&fill, vec![0; 8 << 20]));
    let records = scene.server.records().len();

    let approve = || {
        let path = format!("/v1/requests/{id}/reviews");
        let digest = scene.server.request(&id)["digest"].clone();
        let body = serde_json::json!({"answer": "approve", "digest": digest}).to_string();
        let asked = Message::ask("POST", &path).with("content-type", "application/json");
        let begun = Instant::now();
        let answer = scene.server.ask("bob_approver", asked.with_body(body));
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        answer
    };
    // What was written last may have left some room in the files: each no to the agent is a record.
    let is_full = (0..500).any(|_| {
        let path = format!("/v1/requests/{id}/reviews");
        let refused = scene.server.ask("agent", Message::ask("POST", &path));
        assert!(matches!(refused.status(), 403 | 503), "{refused:?}");
        refused.status() == 503
    });
    assert!(is_full, "there was room for everything");
    let refused = approve();
    assert_eq!(refused.status(), 503, "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("1"), "{refused:?}");
    assert_eq!(scene.server.request(&id)["status"], "pending");

    std::fs::remove_file(&fill).unwrap();
    assert_eq!(approve().status(), 200);
    assert_eq!(earlier.end().code, Some(0));
    assert_eq!(scene.runs("earlier"), 1);
    scene.assert_whole(&id);
    assert!(scene.server.records().len() > records);
    scene.assert_verified();
}
