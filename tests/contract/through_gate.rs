//! Cases that need gate itself: what it says on stderr, what it refuses to ask about, and amounts
//! that are too much for each wrapper of `gate-exec`.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::OnceLock;

use crate::contract::inherited::assert_same;
use crate::contract::pty::Shell;
use crate::contract::wrapper::{Wrapper, run, wait_for_end};

/// The program of `stage.c`, for cases that need another environment.
pub(crate) static STAGE: OnceLock<PathBuf> = OnceLock::new();

/// Every code that gate also uses for itself, and the ends of the range.
const CODES: [i32; 18] = [
    0, 1, 2, 63, 64, 69, 75, 77, 78, 124, 125, 126, 127, 128, 130, 137, 254, 255,
];

/// DESIGN.md section 4: "the tool's own, always, when it ran".
pub(crate) fn exit_codes_that_are_gates_too_are_the_tools(wrapper: &Wrapper) {
    for code in CODES {
        let ended = run(wrapper.probe(&["exit", &code.to_string()]));
        assert_eq!(ended.status, code << 8, "exit code {code}: {ended:?}");
        assert_eq!(ended.stdout, "");
        assert_eq!(wrapper.heard(&ended.stderr), "");
    }
}

/// execvp(3) finds a bare name on PATH and leaves `argv[0]` as it was typed.
pub(crate) fn a_bare_name_is_found_and_stays_argv0(wrapper: &Wrapper) {
    let state = |wrapper: &Wrapper| run(wrapper.command("probe", &["state", "9"]));
    let bare = state(&wrapper.without());
    assert!(bare.report.contains("argv [\"probe\","), "{bare:?}");
    assert_same(wrapper, &state(wrapper), &bare, "a bare name");
}

/// env(1): "127 if COMMAND cannot be found", and gate itself is never what is found.
pub(crate) fn a_name_that_is_nowhere_is_127(wrapper: &Wrapper) {
    for name in [
        "no-such-tool-anywhere",
        "/nonexistent/folder/no-such-tool-anywhere",
    ] {
        let ended = run(wrapper.command(name, &[]));
        assert_eq!(ended.status, 127 << 8, "{ended:?}");
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.starts_with("gate: "), "{ended:?}");
    }
}

/// The environment is a list of bytes in an order. Of a name that stands twice gate keeps the first,
/// for programs disagree on which one counts, and what was judged must be what is used.
pub(crate) fn the_environment_arrives_in_order(wrapper: &Wrapper) {
    let state = |wrapper: &Wrapper| {
        let mut prefix: Vec<OsString> = vec![STAGE.get().unwrap().into(), "odd".into()];
        prefix.extend(wrapper.argv("", &[]));
        prefix.pop();
        run(Wrapper::new("odd", prefix).probe(&["state", "9"]))
    };
    let mut bare = state(&wrapper.without());
    let odd = r#"no-equals-sign", "=hidden", "B=\\xff\\x1b", "Z=2"]"#;
    assert!(bare.report.contains(odd), "{bare:?}");
    assert!(bare.report.contains(r#"env ["Z=1", "A=", "#), "{bare:?}");
    bare.report = bare.report.replace(r#", "Z=2"]"#, "]");
    assert_same(wrapper, &state(wrapper), &bare, "environment");
}

/// An approval names the folder that it is for, so there is none for a folder that is gone.
pub(crate) fn a_deleted_working_directory_is_not_asked_about(wrapper: &Wrapper) {
    let script = "mkdir gone && cd gone && rmdir ../gone && exec \"$@\"";
    let mut prefix: Vec<OsString> = ["/bin/sh", "-c", script, "sh"].map(Into::into).into();
    prefix.extend(wrapper.argv("", &[]));
    prefix.pop();
    let ended = run(Wrapper::new("in a folder that is gone", prefix).probe(&["state", "9"]));
    assert_eq!(ended.status, 126 << 8, "{ended:?}");
    assert_eq!((ended.stdout.as_str(), ended.report.as_str()), ("", ""));
    // A shell that starts there has its own word about it first.
    let mut lines = ended.stderr.split("\\n");
    let is_told = lines.any(|line| line.starts_with("gate: the working directory"));
    assert!(is_told, "{ended:?}");
}

/// THREATS.md 2.4, up to a length that a person can still be shown whole.
pub(crate) fn arguments_that_can_be_shown_arrive_byte_for_byte(wrapper: &Wrapper) {
    let long = "x".repeat(2000);
    let lists: [&[&[u8]]; 4] = [
        &[],
        &[b"", b"", b" "],
        &[
            b"\xff\xfe",
            b"a\nb",
            b"--help",
            b"--",
            b"-",
            "\u{202e}".as_bytes(),
        ],
        &[long.as_bytes()],
    ];
    for list in lists {
        let state = |wrapper: &Wrapper| {
            let mut command = wrapper.probe(&["state", "9"]);
            command.args(list.iter().map(|word| OsStr::from_bytes(word)));
            run(command)
        };
        let bare = state(&wrapper.without());
        assert_same(wrapper, &state(wrapper), &bare, "arguments");
    }
}

/// Settings that a person makes in a shell, as what stands before and after a command.
const IN_A_SHELL: [(&str, &str); 7] = [
    ("", ""),
    ("umask 027; ulimit -n 77; ", ""),
    ("trap '' HUP INT QUIT PIPE TSTP; ", ""),
    ("", "0<&-"),
    ("", "1>&-"),
    ("", "2>&-"),
    ("", "0<&- 1>&- 2>&- 5<&9"),
];

/// A command as a job of its own in which these settings hold.
fn line_in_shell(shell: &Shell, before: &str, command: &str, after: &str) -> String {
    if !shell.dialect.is_posix {
        return format!("{before}{command} {after}");
    }
    format!("({before}exec {command} {after})")
}

/// The same as without a terminal, for a job in the foreground of an interactive shell.
pub(crate) fn the_tool_sees_the_same_at_a_terminal(wrapper: &Wrapper) {
    for (before, after) in IN_A_SHELL {
        let mut shell = Shell::start(wrapper);
        if !shell.dialect.is_posix && before.starts_with("trap") {
            continue;
        }
        let mut state = |wrapper: &Wrapper| {
            shell.meet(wrapper);
            let earlier = shell.channel.text().len();
            let mut command = shell.probe(wrapper, "state 9");
            if wrapper.path().is_none() {
                // Bash names in `_` the program that it started.
                command = format!("env -u _ {command}");
            }
            let line = line_in_shell(&shell, before, &command, after);
            shell.type_line(&line);
            while !report_after(&shell, earlier).contains("\nexecfn ") {
                shell.channel.wait_for_more();
            }
            shell.wait_for_prompt();
            let report = wrapper.as_without(report_after(&shell, earlier));
            report.lines().map(without_group).collect::<Vec<String>>()
        };
        let (bare, ours) = (state(&wrapper.without()), state(wrapper));
        assert!(bare.iter().any(|line| line.ends_with("terminal true")));
        for (ours, theirs) in ours.iter().zip(&bare) {
            if !(wrapper.runs_by_descriptor && ours.starts_with("execfn")) {
                assert_eq!(ours, theirs, "`{before}` `{after}`");
            }
        }
        assert_eq!(ours.len(), bare.len(), "`{before}` `{after}`");
    }
}

fn report_after(shell: &Shell, earlier: usize) -> &str {
    shell.channel.text().split_at(earlier).1
}

/// Each job has a process group of its own number.
fn without_group(line: &str) -> String {
    let mut numbers: Vec<&str> = line.split(", ").collect();
    if line.starts_with("umask, pgrp") {
        numbers.remove(6);
    }
    numbers.join(", ")
}

/// THREATS.md 4.4: "byte-identical, constant memory".
pub(crate) fn a_gigabyte_passes_both_ways_in_constant_memory(wrapper: &Wrapper) {
    pass(wrapper, wrapper.many_bytes());
}

const BLOCK_BYTES: usize = 1 << 20;

/// Sends numbered blocks through the tool and compares each one that comes back.
fn pass(wrapper: &Wrapper, bytes: usize) {
    let mut command = wrapper.probe(&["copy"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (first_back, is_first_back) = std::sync::mpsc::channel();
    let blocks = bytes / BLOCK_BYTES;
    let growth = std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut wanted = noise();
            let mut block = vec![0; BLOCK_BYTES];
            for number in 0..blocks {
                stdout.read_exact(&mut block).unwrap();
                stamp(&mut wanted, number);
                assert!(block == wanted, "block {number} came back changed");
                // Only the first one is waited for.
                let _ = first_back.send(number);
            }
            assert_eq!(stdout.read(&mut block).unwrap(), 0, "more came back");
        });
        let mut block = noise();
        stamp(&mut block, 0);
        stdin.write_all(&block).unwrap();
        // Once bytes come back the tool runs, and what gate needs to start it is behind it.
        is_first_back.recv().unwrap();
        let before = peak_bytes(&child);
        for number in 1..blocks {
            stamp(&mut block, number);
            stdin.write_all(&block).unwrap();
        }
        let growth = peak_bytes(&child).saturating_sub(before);
        drop(stdin);
        growth
    });
    assert_eq!(wait_for_end(&mut child), 0);
    assert!(growth <= BLOCK_BYTES, "{growth} bytes more at its peak");
}

/// Bytes without a pattern that a lost or doubled part could hide in (xorshift64).
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(BLOCK_BYTES / 8).flatten().collect()
}

fn stamp(block: &mut [u8], number: usize) {
    block[..8].copy_from_slice(&number.to_le_bytes());
}

/// The most memory that the started process has had so far, in bytes (`VmHWM` of
/// `proc_pid_status(5)`).
fn peak_bytes(child: &Child) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes << 10
}
