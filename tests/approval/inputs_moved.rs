//! An input can be made another in more ways than by writing to it, and can be
//! something that is no file. Each is run as it was approved, or refused.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use gate_protocol::invocation::Delivery;

use crate::agent::{Agent, Running, approve_as_bob, shown};
use crate::binding::approved_after;
use crate::server::{GATE, Live, run};
use crate::stage::requests;

/// Stands for any tool where what counts is the file that its last word names.
const COPIES_ITS_FILE: &str = "#!/bin/sh\nfor last in \"$@\"; do :; done\ncat \"${last#*://}\"\n";
const GOOD: &str = "kind: Pod\n";
const EVIL: &str = "kind: ClusterRole\n";

fn agent_with_tools(live: &Live) -> Agent<'_> {
    let agent = Agent::new(live);
    for tool in ["kubectl", "psql", "terraform", "aws"] {
        agent.home.script(tool, COPIES_ITS_FILE).unwrap();
    }
    agent
}

/// A way to make `d/input` in the working folder another file.
type Change = fn(&Path);

fn written(work: &Path) {
    std::fs::write(work.join("d/input"), EVIL).unwrap();
}

/// The name is a link, and then leads elsewhere.
fn linked_elsewhere(work: &Path) {
    symlink("evil", work.join("d/link")).unwrap();
    std::fs::rename(work.join("d/link"), work.join("d/input")).unwrap();
}

/// Another name of the same file is written to.
fn written_by_another_name(work: &Path) {
    std::fs::hard_link(work.join("d/input"), work.join("beside")).unwrap();
    std::fs::write(work.join("beside"), EVIL).unwrap();
}

/// The folder is renamed, and another put in its place.
fn in_another_folder(work: &Path) {
    std::fs::rename(work.join("d"), work.join("old")).unwrap();
    std::fs::create_dir(work.join("d")).unwrap();
    std::fs::write(work.join("d/input"), EVIL).unwrap();
}

fn truncated(work: &Path) {
    File::create(work.join("d/input")).unwrap();
}

fn removed(work: &Path) {
    std::fs::remove_dir_all(work.join("d")).unwrap();
}

const CHANGES: [Change; 6] = [
    written,
    linked_elsewhere,
    written_by_another_name,
    in_another_folder,
    truncated,
    removed,
];

/// Each kind of word that names a file whose content decides.
const COMMANDS: [&[&str]; 6] = [
    &["kubectl", "apply", "-f", "d/input"],
    &[
        "kubectl",
        "create",
        "configmap",
        "c",
        "--from-file",
        "d/input",
    ],
    &["psql", "-X", "-f", "d/input"],
    &["terraform", "apply", "-input=false", "d/input"],
    &[
        "aws",
        "ec2",
        "run-instances",
        "--cli-input-json",
        "file://d/input",
    ],
    &[
        "aws",
        "lambda",
        "update-function-code",
        "--zip-file",
        "fileb://d/input",
    ],
];

#[test]
fn whatever_becomes_of_a_file_its_approved_bytes_run() {
    let live = Live::start();
    let agent = agent_with_tools(&live);
    let work = agent.home.work();
    for (at, words) in COMMANDS.iter().enumerate() {
        // Each command in two of the ways, and each way with two of the commands.
        for change in [CHANGES[at], CHANGES[(at + 1) % CHANGES.len()]] {
            for old in ["d", "old", "beside"] {
                let old = work.join(old);
                drop(std::fs::remove_dir_all(&old).or_else(|_| std::fs::remove_file(&old)));
            }
            agent.home.write("work/d/evil", EVIL).unwrap();
            agent.home.write("work/d/input", GOOD).unwrap();
            let mut command = agent.gate_run(&[], words);
            let (_, ended) = approved_after(&agent, &mut command, || change(&work));
            assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
            assert_eq!(ended.stdout, GOOD, "{words:?}");
        }
    }
    agent.assert_log_verifies();
}

#[test]
fn what_is_mounted_over_a_file_or_its_folder_is_not_what_runs() {
    if !nix::unistd::geteuid().is_root() {
        // Nobody else can mount anything where this gate sees it.
        return;
    }
    let live = Live::start();
    let agent = agent_with_tools(&live);
    let work = agent.home.work();
    agent.home.write("evil/input", EVIL).unwrap();
    agent.home.write("work/d/input", GOOD).unwrap();
    let over = [
        "mount --bind ../evil/input d/input",
        "mount --bind ../evil d",
        "mount -t tmpfs none d",
    ];
    for words in [&["apply", "-f", "d/input"][..], &["apply", "-f", "d"]] {
        for mount in over {
            let pid = agent.home.path().join("pid");
            let script = "echo $$ > \"$0\"; exec \"$@\"";
            let mut command = agent.home.command("unshare");
            command.args(["-m", "sh", "-c", script]).arg(&pid).arg(GATE);
            command.args(["run", "--", "kubectl"]).args(words);
            let mut waiting = Running::start(&mut command);
            let id = waiting.asked();
            let pid = std::fs::read_to_string(pid).unwrap();
            let enter = ["-t", pid.trim_end(), "-m", "--wd=.", "sh", "-c", mount];
            let mounted = run(Command::new("nsenter").current_dir(&work).args(enter));
            assert_eq!(mounted.code, Some(0), "{mount}: {mounted:?}");
            approve_as_bob(&live, &id);
            let ended = waiting.finish();
            if words.ends_with(&["d"]) {
                // The stand-in can't print a folder: it says of which one.
                assert!(ended.stderr.contains("/copies/each/"), "{ended:?}");
            } else {
                assert_eq!((ended.code, &*ended.stdout), (Some(0), GOOD), "{mount}");
            }
        }
    }
}

#[test]
fn what_comes_through_a_descriptor_is_read_once() {
    let live = Live::start();
    let agent = agent_with_tools(&live);
    let input = agent.home.write("work/input", GOOD).unwrap();
    let swap = || std::fs::write(&input, EVIL).unwrap();
    let gate = "exec \"$0\" run -- kubectl apply -f";
    for (script, delivery) in [
        ("<(cat input)", Delivery::Snapshot),
        ("/proc/self/fd/0 < input", Delivery::Snapshot),
        ("/dev/fd/7 7< input", Delivery::Snapshot),
        ("/dev/stdin < input", Delivery::Stdin),
        ("- < input", Delivery::Stdin),
        ("- < <(cat input)", Delivery::Stdin),
    ] {
        std::fs::write(&input, GOOD).unwrap();
        let mut command = agent.home.command("bash");
        command.arg("-c").arg(format!("{gate} {script}")).arg(GATE);
        let (id, ended) = approved_after(&agent, &mut command, swap);
        let inputs = shown(&live, &id).invocation.inputs;
        let mut manifests = inputs.iter().filter(|one| one.role == "manifest");
        assert_eq!(manifests.next().unwrap().delivery, delivery, "{script}");
        // Of its standard input the stand-in prints only what `/dev/stdin` names.
        if !script.starts_with("- ") {
            assert_eq!(
                (ended.code, &*ended.stdout),
                (Some(0), GOOD),
                "{script}: {ended:?}"
            );
        }
    }
    agent.assert_log_verifies();
}

#[test]
fn what_is_no_file_is_not_asked_about() {
    let live = Live::start();
    let agent = agent_with_tools(&live);
    let work = agent.home.work();
    nix::unistd::mkfifo(&work.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::fs::create_dir(work.join("with-pipe")).unwrap();
    std::fs::rename(work.join("pipe"), work.join("with-pipe/pipe")).unwrap();
    symlink("with-pipe/pipe", work.join("pipe")).unwrap();
    let sparse = File::create(work.join("sparse")).unwrap();
    sparse.set_len(10 << 30).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(work.join("socket")).unwrap();
    symlink("nowhere", work.join("dangling")).unwrap();
    for (name, said) in [
        ("pipe", "is a pipe, not a regular file"),
        ("with-pipe", "is not a file"),
        ("socket", "is a socket, not a regular file"),
        ("/dev/zero", "is a device, not a regular file"),
        ("sparse", "is larger than"),
        ("dangling", "cannot read input"),
        (
            "https://example.test/a.yaml",
            "download it, look at it, and name the file",
        ),
        (
            "HTTP://127.0.0.1:9/a.yaml",
            "download it, look at it, and name the file",
        ),
    ] {
        let words = ["kubectl", "apply", "-f", name];
        let refused = run(&mut agent.gate_run(&[], &words));
        assert_eq!(refused.code, Some(126), "{name}: {refused:?}");
        assert!(refused.stderr.contains(said), "{name}: {refused:?}");
        assert_eq!(refused.stdout, "", "{name}");
    }
    assert!(requests(&live).is_empty());
}
