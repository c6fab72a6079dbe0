//! What is allowed, through `gate-shim` as it is released, beside other wrappers.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::report::Report;
use crate::server::GATE;
use crate::timing::{Timed, Times, find, in_turn};
use crate::{Bench, Extent, HEADER, released};

/// Allowed commands: the name of the row, and the words.
pub(crate) const COMMANDS: [(&str, &[&str]); 4] = [
    ("kubectl", &["kubectl", "get", "pods"]),
    ("terraform", &["terraform", "plan"]),
    ("aws", &["aws", "ec2", "describe-instances"]),
    (
        "psql",
        &[
            "psql",
            "-d",
            "shop",
            "-c",
            "select id from users where id = 7",
        ],
    ),
];

/// The one of them that stands beside other wrappers.
pub(crate) const BESIDE_OTHERS: (&str, &[&str]) = COMMANDS[0];

/// Other programs that start a command and may do something of their own before: the name, and what
/// stands between it and the command. Those that are installed, and do it without a question, have a
/// row.
const PEERS: [(&str, &[&str]); 6] = [
    ("env", &[]),
    ("sudo", &["-n"]),
    ("sudo-rs", &["-n"]),
    ("doas", &["-n"]),
    ("mise", &["exec", "--"]),
    ("pyenv", &["exec"]),
];

/// Real tools, and what each prints without a server.
const REAL: [(&str, &[&str]); 4] = [
    ("kubectl", &["version", "--client"]),
    ("terraform", &["version"]),
    ("aws", &["--version"]),
    ("psql", &["--version"]),
];

/// Measures at each number of rules, and then with the real tools.
pub(crate) fn measure(bench: &Bench, report: &mut Report, extent: &Extent) {
    let shims = shims(bench);
    for (rules, rounds) in extent.fast {
        compile(bench, *rules);
        allowed(bench, report, &shims, (*rules, *rounds));
    }
    peers(bench, report, &shims, extent.fast[0].1);
    real(bench, report, &shims, extent.real);
}

/// Makes a folder of shims, beside which the full gate lies.
fn shims(bench: &Bench) -> PathBuf {
    let programs = bench.home.path().join("programs");
    let shims = bench.home.path().join("fast");
    std::fs::create_dir(&programs).unwrap();
    std::fs::create_dir(&shims).unwrap();
    std::fs::copy(released::shim(), programs.join("gate-shim")).unwrap();
    symlink(GATE, programs.join("gate")).unwrap();
    for (tool, _) in COMMANDS {
        symlink(programs.join("gate-shim"), shims.join(tool)).unwrap();
        if tool != "kubectl" {
            std::fs::copy(bench.bin("kubectl"), bench.bin(tool)).unwrap();
        }
    }
    shims
}

/// Compiles so many rules of the user.
fn compile(bench: &Bench, rules: usize) {
    bench.write_rules(rules);
    // What was written this very moment is not compiled.
    std::thread::sleep(Duration::from_millis(100));
    let mut compiled = bench.home.command(GATE);
    let compiled = compiled.args(["rules", "compile"]).output().unwrap();
    assert!(compiled.status.success(), "{compiled:?}");
}

fn allowed(bench: &Bench, report: &mut Report, shims: &Path, (rules, rounds): (usize, usize)) {
    let mut commands = bare(bench);
    commands.extend(COMMANDS.map(|(name, words)| through(shims, name, words)));
    let times = in_turn(with_path(bench, shims, None), rounds, &commands);
    let title = format!("Allowed through gate-shim, {rules} rules of the user, {rounds} rounds");
    table(report, &title, &times);
}

/// Other wrappers beside the shim, in rounds of their own: what takes a millisecond leaves the
/// caches of whatever comes after it empty.
fn peers(bench: &Bench, report: &mut Report, shims: &Path, rounds: usize) {
    let tool = bench.bin("kubectl");
    let mut commands = bare(bench);
    let (name, words) = BESIDE_OTHERS;
    commands.push(through(shims, name, words));
    for (name, between) in PEERS {
        let Some(program) = find(name) else { continue };
        let mut argv = vec![program.into_os_string()];
        argv.extend(between.iter().map(Into::into));
        argv.push(tool.clone().into_os_string());
        let mut tried = bench.home.command(&argv[0]);
        tried.args(&argv[1..]).stdout(Stdio::null());
        let tried = tried.stderr(Stdio::null()).status().unwrap();
        if tried.success() {
            commands.push(Timed {
                name: name.to_owned(),
                argv,
            });
        }
    }
    let times = in_turn(with_path(bench, shims, None), rounds, &commands);
    let title = format!("Other wrappers of the same program, {rounds} rounds");
    table(report, &title, &times);
}

/// Returns the program as it is, and behind what only becomes it.
fn bare(bench: &Bench) -> Vec<Timed> {
    let tool = bench.bin("kubectl");
    let floor = bench.bin("floor_exec");
    vec![
        Timed::new("direct", &[&tool, &"get", &"pods"]),
        Timed::new("floor_exec", &[&floor, &tool, &"get", &"pods"]),
    ]
}

fn through(shims: &Path, name: &str, words: &[&str]) -> Timed {
    let mut argv = vec![shims.join(words[0]).into_os_string()];
    argv.extend(words[1..].iter().map(Into::into));
    Timed {
        name: format!("gate-shim: {name}"),
        argv,
    }
}

/// A table whose first row is the program as it is, and the second the floor.
fn table(report: &mut Report, title: &str, times: &[Times]) {
    report.line(&format!("\n## {title}\n\n{HEADER}"));
    for one in times {
        report.line(&one.row(&times[0], Some(&times[1])));
    }
}

/// Each real tool twice as it is, and once through the shim: what the shim adds has to be less than
/// what the first two differ by.
fn real(bench: &Bench, report: &mut Report, shims: &Path, rounds: usize) {
    report.line(&format!(
        "\n## Real tools, {rounds} rounds\n\n| command | median µs | p99 µs | × direct | |\n|---|---|---|---|---|"
    ));
    for (name, words) in REAL {
        let Some(tool) = find(name) else {
            report.line(&format!("{name} is not here, so there is no row of it"));
            continue;
        };
        let folder = tool.parent().unwrap();
        let run = |label: &str, program: PathBuf| {
            let mut argv = vec![program.into_os_string()];
            argv.extend(words.iter().map(Into::into));
            Timed {
                name: format!("{name} {label}"),
                argv,
            }
        };
        let commands = [
            run("direct", tool.clone()),
            run("direct again", tool.clone()),
            run("through gate-shim", shims.join(name)),
        ];
        let base = with_path(bench, shims, Some(folder));
        let times = in_turn(base, rounds, &commands);
        for one in &times {
            report.line(&one.row(&times[0], None));
        }
    }
}

/// Returns the program that times, with the shims first on PATH, then the real tools of `folder`.
fn with_path(bench: &Bench, shims: &Path, folder: Option<&Path>) -> std::process::Command {
    let mut command = bench.home.command("rounds");
    let bin = bench.home.bin();
    let folders = [
        shims,
        folder.unwrap_or(&bin),
        Path::new("/usr/bin"),
        Path::new("/bin"),
    ];
    command.env("PATH", std::env::join_paths(folders).unwrap());
    command
}
