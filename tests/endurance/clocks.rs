//! Clocks that are wrong, that are set while somebody waits, and that stand still while a machine
//! sleeps. Debian's `faketime` and a library of the test's own say so to the program.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use gate_testkit::home::Home;
use gate_testkit::inside::inside;

use crate::postgres;
use crate::proxy::Point;
use crate::scene::{Scene, roomy};
use crate::stage::{Server, Waiting, run};
use crate::story::{Confirmed, approving, assert_nothing_lost};

/// Returns where Debian keeps the library.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap();
    let paths = folders.map(|entry| entry.unwrap().path().join("faketime/libfaketimeMT.so.1"));
    paths.into_iter().find(|path| path.exists()).unwrap()
}

/// Returns what makes the clock of what follows wrong by what the file says, at each look at it. The
/// time that only counts goes on as it is, as when somebody sets a real clock.
fn wrong_by(file: &Path) -> Vec<String> {
    vec![
        "env".to_owned(),
        format!("LD_PRELOAD={}", faketime().display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", file.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ]
}

#[test]
fn a_client_whose_clock_is_wrong_by_an_hour_or_ten_years_runs_what_is_approved_or_nothing() {
    let scene = Scene::with("");
    let script = approving(scene.server.bob(), Confirmed::default());
    scene.proxy.set(script);
    for off in ["+3600s", "-3600s", "-10y"] {
        let file = scene.machine.home.write("off", format!("{off}\n")).unwrap();
        let deploy = scene.machine.deploy("20s", off);
        let ran = run(&mut inside(&wrong_by(&file), &deploy));
        assert_eq!(ran.code, Some(0), "{off}: {ran:?}");
        assert_eq!(scene.runs(off), 1, "{off}");
        scene.flush();
    }
    // By this clock the server's rules have ended, and nobody can tell old rules from a fast clock.
    let file = scene.machine.home.write("off", "+10y\n").unwrap();
    let ran = run(&mut inside(
        &wrong_by(&file),
        &scene.machine.deploy("20s", "ahead"),
    ));
    assert_eq!((ran.code, scene.runs("ahead")), (Some(78), 0), "{ran:?}");
    assert!(ran.stderr.contains("clock"), "{ran:?}");
    assert_nothing_lost(&scene);
}

/// Starts a wait whose clock is as the file says.
fn waiting(scene: &Scene, outer: &[String], word: &str) -> Child {
    let deploy = scene.machine.deploy("60s", word);
    inside(outer, &deploy)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_client_whose_clock_is_set_while_it_waits_goes_on_waiting() {
    let scene = Scene::with("");
    for off in ["+10y", "-10y"] {
        let file = scene.machine.home.write("off", "+0s\n").unwrap();
        let stop = scene.proxy.stop_at(Point::POLL);
        let mut child = waiting(&scene, &wrong_by(&file), off);
        stop.reached();
        std::fs::write(&file, format!("{off}\n")).unwrap();
        let script = approving(scene.server.bob(), Confirmed::default());
        scene.proxy.set(script);
        stop.go_on();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{off}");
        assert_eq!(scene.runs(off), 1, "{off}");
        scene.flush();
    }
    assert_nothing_lost(&scene);
}

/// What ends when is the server's word alone.
#[test]
fn a_server_whose_clock_is_set_ends_requests_by_it_and_keeps_a_sound_log() {
    let mut scene = Scene::with("");
    let file = scene.machine.home.write("off", "+0s\n").unwrap();
    let outer = wrong_by(&file);
    scene.server.kill();
    assert!(
        scene.server.restart_within(&outer),
        "{}",
        scene.server.log()
    );
    scene.proxy.redirect(scene.server.address);

    let mut earlier = Waiting::start(&scene.machine, "earlier");
    let id = earlier.asked();
    std::fs::write(&file, "-3600s\n").unwrap();
    scene.server.approve(&id);
    assert_eq!(earlier.end().code, Some(0));
    assert_eq!(scene.runs("earlier"), 1);
    scene.flush();
    scene.assert_whole(&id);

    let mut later = Waiting::start(&scene.machine, "later");
    let id = later.asked();
    std::fs::write(&file, "+3600s\n").unwrap();
    let ran = later.end();
    assert_eq!(ran.code, Some(75), "{ran:?}");
    assert!(ran.stderr.contains("has expired"), "{ran:?}");
    assert_eq!(scene.runs("later"), 0);
    assert_eq!(
        scene.server.history(&id),
        ["request.created", "request.expired"]
    );
    assert_nothing_lost(&scene);
}

/// Several servers have one clock, which is their database's.
#[test]
fn a_second_server_whose_clock_is_an_hour_ahead_ends_nothing_early() {
    let (postgres, relay) = postgres::start();
    let mut scene = Scene::of(postgres::server(&postgres, &relay, "clocks", &roomy("")));
    let mut waiting = Waiting::start(&scene.machine, "early");
    let id = waiting.asked();
    let file = scene.machine.home.write("off", "+3600s\n").unwrap();
    let left = |server: &Server| server.request(&id)["expires_in_seconds"].as_u64().unwrap();
    let before = left(&scene.server);
    scene.server.kill();
    let outer = wrong_by(&file);
    assert!(
        scene.server.restart_within(&outer),
        "{}",
        scene.server.log()
    );
    scene.proxy.redirect(scene.server.address);
    let after = left(&scene.server);
    assert!(
        (1..=before).contains(&after),
        "{before} s, and then {after} s"
    );
    scene.server.approve(&id);
    let ran = waiting.end();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(scene.runs("early"), 1);
    scene.flush();
    scene.assert_whole(&id);
    assert_nothing_lost(&scene);
}

/// Adds an hour to the time since boot, sleep included, once there is a file; the time without sleep
/// goes on as it is. That is what a program finds after its machine has slept.
const SLEEP: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *at) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int told = real(clock, at);
    const char *slept = getenv("SLEPT");
    if (told == 0 && clock != CLOCK_MONOTONIC && slept && access(slept, F_OK) == 0) {
        at->tv_sec += 3600;
    }
    return told;
}
"#;

/// Makes a library of a text in C that a program can be given with `LD_PRELOAD`.
pub(crate) fn library(home: &Home, name: &str, text: &str) -> PathBuf {
    let source = home.write(&format!("{name}.c"), text).unwrap();
    let library = home.path().join(format!("{name}.so"));
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    library
}

#[test]
fn a_machine_that_slept_over_its_grant_does_not_start_the_tool() {
    let scene = Scene::with("");
    let library = library(&scene.machine.home, "sleep", SLEEP);
    let slept = scene.machine.home.path().join("slept");
    let outer = vec![
        "env".to_owned(),
        format!("LD_PRELOAD={}", library.display()),
        format!("SLEPT={}", slept.display()),
    ];
    let confirmed = Confirmed::default();
    let approve = approving(scene.server.bob(), Arc::clone(&confirmed));
    let asleep = slept.clone();
    scene.proxy.set(Arc::new(move |asked, upstream| {
        if Point::CLAIM.matches(asked) {
            // It gets its grant, and sleeps before it starts the tool.
            std::fs::write(&asleep, "").unwrap();
        }
        approve(asked, upstream)
    }));
    let ran = run(&mut inside(
        &outer,
        &scene.machine.deploy("20s", "overslept"),
    ));
    assert_eq!(ran.code, Some(125), "{ran:?}");
    assert_eq!(scene.runs("overslept"), 0);
    std::fs::remove_file(&slept).unwrap();
    scene.flush();
    let id = confirmed.lock().unwrap().first().unwrap().clone();
    let history = scene.server.history(&id);
    assert_eq!(
        history.last().map(String::as_str),
        Some("run.abandoned"),
        "{history:?}"
    );
    assert_eq!(scene.again("awake").code, Some(0));
    scene.assert_verified();
}
