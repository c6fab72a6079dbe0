//! The commands that kubectl is given.

use crate::spelling::{Flag, command, switch, valued, words};
use crate::{Case, Dice, Kind};

/// Daily reads, one on a line.
const READS: &str = include_str!("reads.txt");
/// Daily changes, which gate is right to ask about.
const WRITES: &str = include_str!("writes.txt");
/// Commands that could start a program.
const PROGRAMS: &str = include_str!("programs.txt");
/// Commands that could write a file.
const FILES: &str = include_str!("files.txt");
/// Rehearsals that stay on this machine.
const REHEARSED: &str = include_str!("rehearsed.txt");

fn ordinary_flags(dice: &mut Dice, verb: &str) -> Vec<Flag> {
    let mut flags = Vec::new();
    if dice.chance(40) {
        let name = dice.pick(&["default", "kube-system", "prod", "get", "x"]);
        flags.push(valued("namespace", "n", name));
    }
    if dice.chance(20) {
        let context = dice.pick(&["first", "second"]);
        flags.push(valued("context", "", context));
    }
    if dice.chance(8) {
        flags.push(valued("request-timeout", "", "5s"));
    }
    match verb {
        "get" => {
            if dice.chance(40) {
                let output = dice.pick(&["wide", "name"]);
                flags.push(valued("output", "o", output));
            }
            if dice.chance(20) {
                flags.push(switch("show-labels", ""));
            }
            if dice.chance(15) {
                flags.push(valued("selector", "l", "app=web"));
            }
            if dice.chance(15) {
                flags.push(switch("no-headers", ""));
            }
        }
        "logs" => {
            if dice.chance(50) {
                flags.push(valued("tail", "", "10"));
            }
            if dice.chance(30) {
                flags.push(switch("timestamps", ""));
            }
            if dice.chance(20) {
                flags.push(switch("previous", "p"));
            }
        }
        "top" if dice.chance(30) => flags.push(switch("no-headers", "")),
        _ => {}
    }
    flags
}

/// Puts flags between the words of a command, spelled one way or another.
/// `first` is the first place that a flag of the command may stand at.
fn spread(dice: &mut Dice, line: &[String], flags: &[Flag], first: usize) -> Vec<String> {
    let mut argv = vec!["kubectl".to_owned()];
    let end = line
        .iter()
        .position(|word| word == "--")
        .unwrap_or(line.len());
    // A flag does not stand between another one and its value.
    let free: Vec<usize> = (first..=end)
        .filter(|&at| at == 0 || !line.get(at - 1).is_some_and(|word| word.starts_with('-')))
        .collect();
    let mut placed: Vec<(usize, Vec<String>)> = flags
        .iter()
        .map(|flag| (dice.pick(&free), flag.pflag(dice)))
        .collect();
    dice.shuffle(&mut placed);
    for (index, word) in line.iter().enumerate() {
        for (_, words) in placed.iter().filter(|(at, _)| *at == index) {
            argv.extend(words.iter().cloned());
        }
        argv.push(word.clone());
    }
    let rest: Vec<String> = placed
        .into_iter()
        .filter(|(at, _)| *at >= line.len())
        .flat_map(|(_, words)| words)
        .collect();
    argv.extend(rest);
    argv
}

fn ordinary(dice: &mut Dice) -> Case {
    if dice.chance(22) {
        let line = words(dice.line(WRITES));
        let flags = if dice.chance(40) {
            vec![valued("namespace", "n", "prod")]
        } else {
            Vec::new()
        };
        return Case::new(
            Kind::Change,
            "daily-change",
            spread(dice, &line, &flags, line.len().min(2)),
        );
    }
    if dice.chance(8) {
        let line = words(dice.line(REHEARSED));
        let mut argv = spread(dice, &line, &[], 0);
        argv.push("--dry-run=client".to_owned());
        if dice.chance(30) {
            argv.extend(["-o".to_owned(), "name".to_owned()]);
        }
        return Case::new(Kind::Read, "daily-rehearsal", argv);
    }
    let line = words(dice.line(READS));
    let verb = line.first().cloned().unwrap_or_default();
    let flags = if matches!(
        verb.as_str(),
        "" | "completion" | "options" | "help" | "plugin"
    ) {
        Vec::new()
    } else {
        ordinary_flags(dice, &verb)
    };
    let first = if verb == "get" || verb == "logs" {
        1
    } else {
        line.len()
    };
    Case::new(Kind::Read, "daily-read", spread(dice, &line, &flags, first))
}

/// Flags whose values pose as verbs, and flags that say nothing.
fn camouflage(dice: &mut Dice) -> Vec<Flag> {
    let mut flags = Vec::new();
    for _ in 0..dice.below(4) {
        let posing = dice.pick(&[
            "get",
            "describe",
            "logs",
            "version",
            "help",
            "--help",
            "--dry-run=client",
            "-h",
        ]);
        flags.push(match dice.below(6) {
            0 => valued("namespace", "n", posing),
            1 => valued("context", "", "first"),
            2 => valued("request-timeout", "", "5s"),
            3 => valued("field-manager", "", posing),
            4 => valued("v", "v", "1"),
            _ => switch("warnings-as-errors", ""),
        });
    }
    flags
}

fn hidden_write(dice: &mut Dice) -> Case {
    let line = words(dice.line(WRITES));
    let flags = camouflage(dice);
    let mut argv = spread(dice, &line, &flags, 0);
    if dice.chance(20) {
        let place = 1 + dice.below(argv.len());
        argv.insert(
            place,
            dice.pick(&["--", "-", "get", "--help=false", "-h=false", "help"])
                .to_owned(),
        );
    }
    Case::new(Kind::Attack, "hidden-write", argv)
}

fn look_alike_rehearsal(dice: &mut Dice) -> Case {
    let line = words(dice.line(WRITES));
    let flags = if dice.chance(40) {
        camouflage(dice)
    } else {
        Vec::new()
    };
    let mut argv = spread(dice, &line, &flags, 0);
    let values = [
        "--dry-run=none",
        "--dry-run=client --dry-run=none",
        "--dry-run client",
        "--dry-run none",
        "--dry-run=client --dry-run=server",
        "--dry-run=server",
        "--dry-run=server --dry-run=client",
        "--dry-run=Client",
        "--dry-run=",
        "--dry-run",
        "--dry-r=client",
        "-dry-run=client",
        "--dry-run=false",
        "--dry-run=none --dry-run",
        "-- --dry-run=client",
        "--dry-run=client --",
        "--dry-run=true",
        "--dry-run --dry-run=none",
        "--dry-run=unchanged",
        "--server-dry-run",
        "--help=false --dry-run=none",
        "-h=false",
        "--help --help=false",
        "-n --dry-run=client",
        "-l --dry-run=client",
        "--local",
        "--local=false",
    ];
    for word in dice.pick(&values).split(' ') {
        if dice.chance(70) {
            argv.push(word.to_owned());
        } else {
            let place = 1 + dice.below(argv.len());
            argv.insert(place, word.to_owned());
        }
    }
    Case::new(Kind::Attack, "look-alike-rehearsal", argv)
}

fn raw(dice: &mut Dice) -> Case {
    let verb = dice.pick(&["get", "delete", "create", "replace"]);
    let path = dice.pick(&[
        "/api/v1/namespaces/default/pods/web",
        "/api/v1/namespaces/default/pods/web/proxy/",
        "/healthz",
        "/readyz",
        "/version",
        "/api/v1/namespaces/default/pods/web/exec?command=ls",
        "/apis/apps/v1/namespaces/default/deployments/web",
        "/healthz/../api/v1/namespaces/default/pods/web/exec",
    ]);
    let mut argv = vec!["kubectl".to_owned(), verb.to_owned()];
    argv.extend(valued("raw", "", path).pflag(dice));
    if matches!(verb, "create" | "replace") {
        argv.extend(["-f".to_owned(), "web.yaml".to_owned()]);
    }
    if dice.chance(30) {
        argv.push("--dry-run=client".to_owned());
    }
    Case::new(Kind::Attack, "raw", argv)
}

fn elsewhere(dice: &mut Dice) -> Case {
    let line = words(dice.line(READS));
    let flag = match dice.below(9) {
        0 | 1 => valued("server", "s", "{b}"),
        2 => valued("cluster", "", "second"),
        3 => valued("kubeconfig", "", "other.config"),
        4 => valued("context", "", "second"),
        5 => valued("kubeconfig", "", "second.config"),
        6 => valued("user", "", "u"),
        _ => valued("filename", "f", "{b}/api/v1/namespaces/default/pods/web"),
    };
    let mut flags = vec![flag];
    if dice.chance(30) {
        flags.push(valued("context", "", "first"));
    }
    let case = Case::new(
        Kind::Attack,
        "elsewhere",
        spread(dice, &line, &flags, line.len().min(1)),
    );
    match dice.below(8) {
        0 => case.with_env("KUBECONFIG", "{cwd}/other.config"),
        1 => case.with_env("KUBECONFIG", "{cwd}/second.config:{home}/.kube/config"),
        2 => case.with_env("KUBERNETES_MASTER", "{b}"),
        _ => case,
    }
}

fn program(dice: &mut Dice) -> Case {
    command(Kind::Attack, "program", "kubectl", dice.line(PROGRAMS))
}

fn file_write(dice: &mut Dice) -> Case {
    let line = dice.line(FILES);
    let flags = camouflage(dice);
    let line = words(line);
    let case = Case::new(
        Kind::Attack,
        "file-write",
        spread(dice, &line, &flags, line.len()),
    );
    if dice.chance(10) {
        case.with_env("KUBECACHEDIR", "{cwd}/kept.d")
    } else {
        case
    }
}

fn from_stdin(dice: &mut Dice) -> Case {
    let line = words(dice.pick(&[
        "apply -f -",
        "delete -f -",
        "create -f -",
        "replace -f -",
        "diff -f -",
        "apply -f - --dry-run=client",
        "get -f -",
    ]));
    let flags = camouflage(dice);
    Case::new(Kind::Attack, "stdin", spread(dice, &line, &flags, 0)).with_stdin(super::MANIFEST)
}

/// Returns a command.
pub fn case(dice: &mut Dice) -> Case {
    if dice.chance(50) {
        return ordinary(dice);
    }
    let make = match dice.below(12) {
        0 | 1 => hidden_write,
        2..=4 => look_alike_rehearsal,
        5 => raw,
        6 | 7 => elsewhere,
        8 | 9 => program,
        10 => file_write,
        _ => from_stdin,
    };
    make(dice)
}
