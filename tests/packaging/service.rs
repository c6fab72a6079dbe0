//! The server as its service starts it: by the command of the unit, with the settings of the package,
//! as a user of its own who can write to the folder of its state and to nothing else.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::assert_said;
use crate::bare::Bare;

const SETTINGS: &str = "/etc/gate-server/server.toml";
const STATE: &str = "/var/lib/gate";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(name)
}

/// Returns the value of each line of the unit that sets `key`.
fn unit(key: &str) -> Vec<String> {
    let text = fs::read_to_string(file("gate-server.service")).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(name, _)| *name == key)
        .map(|(_, value)| value.to_owned())
        .collect()
}

/// Returns a root in which the service has its state and its settings, which begin with `more`.
fn stage(more: &str) -> Bare {
    let mut bare = Bare::new();
    bare.writable = Some(STATE);
    let settings = fs::read_to_string(file("server.toml")).unwrap();
    bare.add(SETTINGS, &format!("{more}\n{settings}"));
    bare
}

/// Returns the command of the unit, which names `gate` without its folder.
fn start() -> Vec<String> {
    let lines = unit("ExecStart");
    let [line] = &*lines else {
        unreachable!("one command: {lines:?}")
    };
    assert!(line.starts_with("gate "), "{line}");
    let line = format!("/bin/{line}");
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn the_service_says_what_it_lacks_then_serves_and_stops() {
    let bare = stage("listen = \"127.0.0.1:0\"");
    let start = start();
    let start: Vec<&str> = start.iter().map(String::as_str).collect();
    assert_said(&bare.run(&start), 78, &["run `gate server init` first"]);
    // Both ends are final: it would say the same again and again.
    assert_eq!(unit("RestartPreventExitStatus"), ["64 78"]);
    let made = bare.run(&["/bin/gate", "server", "init", "--data", STATE]);
    assert_said(&made, 0, &[]);
    let mut serving = bare.command(&start).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(serving.stderr.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let said = lines.find(|line| line.contains("serving on")).unwrap();
    assert!(said.contains(STATE), "{said}");
    let drained = std::thread::spawn(move || lines.count());
    kill(
        Pid::from_raw(serving.id().try_into().unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(serving.wait().unwrap().code(), Some(0));
    drained.join().unwrap();
}

#[test]
fn bad_settings_of_the_service_are_named() {
    let bare = stage("min_cuont = 2");
    let start = start();
    let start: Vec<&str> = start.iter().map(String::as_str).collect();
    assert_said(&bare.run(&start), 78, &[SETTINGS, "min_cuont"]);
}

#[test]
fn the_unit_is_one_that_systemd_understands_and_shuts_in() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("gate-server.service");
    let text = fs::read_to_string(file("gate-server.service")).unwrap();
    // The program need not be installed here.
    fs::write(
        &unit,
        text.replace("ExecStart=gate ", "ExecStart=/bin/true "),
    )
    .unwrap();
    let analyze = |args: &[&str]| {
        let output = Command::new("systemd-analyze")
            .args(args)
            .arg(&unit)
            .output()
            .unwrap();
        let both = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.success(), both.concat())
    };
    let (_, said) = analyze(&["verify", "--man=no"]);
    assert!(!said.contains("gate-server"), "{said}");
    // Of 100; a service that nothing shuts in has 96.
    let (holds, said) = analyze(&["security", "--offline=true", "--threshold=20"]);
    assert!(holds, "{said}");
}

#[test]
fn the_units_of_a_user_are_ones_that_systemd_understands() {
    let folder = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/systemd");
    for name in ["gate-audit-flush.service", "gate-audit-flush.timer"] {
        let text = fs::read_to_string(examples.join(name)).unwrap();
        let text = text.replace("ExecStart=gate ", "ExecStart=/bin/true ");
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = Command::new("systemd-analyze");
    command.args(["--user", "verify", "--man=no"]);
    command.env("XDG_RUNTIME_DIR", folder.path());
    let timer = folder.path().join("gate-audit-flush.timer");
    let output = command.arg(timer).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && !said.contains("gate-audit-flush"),
        "{said}"
    );
}
