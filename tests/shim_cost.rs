//! What an allowed command costs through `gate-shim` as it is released: instructions, system calls
//! and page faults, which a busy machine does not change; and which files it opens. `cargo bench
//! --bench overhead` has the times.
#![cfg(target_arch = "x86_64")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/released.rs"]
mod released;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use gate_testkit::home::Home;
use gate_testkit::inside::inside;
use gate_testkit::steps::{follow, page_faults};

/// A command, and the most that it may cost.
struct Limit {
    argv: &'static [&'static str],
    instructions: u64,
    system_calls: u64,
    page_faults: i64,
}

/// What was measured when it was last made cheaper, and a little more: another compiler, and longer
/// names of folders, cost a few instructions. Who makes it cheaper lowers them.
const LIMITS: [Limit; 5] = [
    Limit {
        argv: &["kubectl", "get", "pods", "-n", "web"],
        instructions: 144_000,
        system_calls: 55,
        page_faults: 37,
    },
    Limit {
        argv: &["terraform", "plan"],
        instructions: 404_000,
        system_calls: 59,
        page_faults: 40,
    },
    Limit {
        argv: &["aws", "ec2", "describe-instances"],
        instructions: 156_000,
        system_calls: 56,
        page_faults: 37,
    },
    Limit {
        argv: &["psql", "-c", "select id from users where id = 7"],
        instructions: 234_000,
        system_calls: 53,
        page_faults: 48,
    },
    Limit {
        argv: &["git", "status", "--short"],
        instructions: 155_000,
        system_calls: 53,
        page_faults: 35,
    },
];

/// What a session over ssh has in its environment beside its folders.
const SESSION: [(&str, &str); 18] = [
    ("COLORTERM", "truecolor"),
    ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1000/bus"),
    ("HISTSIZE", "10000"),
    ("LOGNAME", "ada"),
    ("LS_COLORS", "rs=0:di=01;34:ln=01;36"),
    ("MAIL", "/var/mail/ada"),
    ("OLDPWD", "/home/ada"),
    ("SHELL", "/bin/bash"),
    ("SHLVL", "1"),
    ("SSH_AUTH_SOCK", "/tmp/ssh-XXXXXXabcdef/agent.4242"),
    ("SSH_CLIENT", "192.0.2.7 51812 22"),
    ("SSH_CONNECTION", "192.0.2.7 51812 198.51.100.4 22"),
    ("SSH_TTY", "/dev/pts/3"),
    ("USER", "ada"),
    ("XDG_SESSION_CLASS", "user"),
    ("XDG_SESSION_ID", "17"),
    ("XDG_SESSION_TYPE", "tty"),
    ("_", "/usr/bin/make"),
];

/// Makes a home in which each tool is a program that only ends, with a shim in front of it.
fn home(shim: &Path) -> Home {
    let mut home = Home::with_path(&[]).unwrap();
    let (programs, shims) = (home.path().join("programs"), home.path().join("shims"));
    std::fs::create_dir(&programs).unwrap();
    std::fs::create_dir(&shims).unwrap();
    std::fs::copy(shim, programs.join("gate-shim")).unwrap();
    symlink(env!("CARGO_BIN_EXE_gate"), programs.join("gate")).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/overhead/floor.c");
    let tool = home.path().join("tool");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let status = Command::new(compiler)
        .args(["-O2", "-nostdlib", "-static", "-fno-pie", "-no-pie"])
        .args(["-fno-stack-protector", "-DTARGET", "-o"])
        .args([&tool, &source])
        .status()
        .unwrap();
    assert!(status.success());
    for limit in &LIMITS {
        let name = limit.argv[0];
        std::fs::copy(&tool, home.bin().join(name)).unwrap();
        symlink(programs.join("gate-shim"), shims.join(name)).unwrap();
    }
    let path = std::env::join_paths([shims, home.bin()]).unwrap();
    home.set("PATH", path);
    home.set_all(SESSION);
    home
}

/// Writes so many rules of which none speaks of these commands, and compiles them.
fn compile(home: &Home, rules: usize) {
    let mut text = String::new();
    for number in 0..rules {
        writeln!(
            text,
            "[[rule]]\nid = 'r{number}'\ntool = 'kubectl'\ncommand = 'delete'\n\
             target = {{ namespace = 'n{number}' }}\ndecision = 'deny'\n"
        )
        .unwrap();
    }
    home.write(".config/gate/rules.d/many.toml", text).unwrap();
    // What was written this very moment is not compiled.
    std::thread::sleep(std::time::Duration::from_millis(100));
    let compiled = home
        .command(env!("CARGO_BIN_EXE_gate"))
        .args(["rules", "compile"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&compiled.stdout);
    assert!(said.contains("was compiled"), "{compiled:?}");
}

/// The instructions and system calls until the tool starts.
fn steps(home: &Home, argv: &[&str]) -> (u64, u64) {
    let shim = home.path().join("shims").join(argv[0]);
    let mut words = vec![shim.as_os_str()];
    words.extend(argv[1..].iter().map(OsStr::new));
    let steps = follow(home.command("/bin/sh"), &words, &mut |_, _| {}).unwrap();
    assert_eq!(steps.became, home.bin().join(argv[0]), "{argv:?}");
    (steps.instructions, steps.system_calls)
}

/// The page faults beyond those of the tool itself, at their fewest.
fn added_faults(home: &Home, argv: &[&str]) -> i64 {
    let fewest = |folder: PathBuf| {
        let run = || page_faults(home.command(folder.join(argv[0])).args(&argv[1..])).unwrap();
        (0..20).map(|_| run()).min().unwrap()
    };
    fewest(home.path().join("shims")) - fewest(home.bin())
}

#[test]
fn an_allowed_command_costs_no_more_than_it_did_at_any_number_of_rules() {
    let home = home(&released::shim());
    compile(&home, 10);
    let few: Vec<(u64, u64)> = LIMITS
        .iter()
        .map(|limit| steps(&home, limit.argv))
        .collect();
    let faults = LIMITS.iter().map(|limit| added_faults(&home, limit.argv));
    let faults: Vec<i64> = faults.collect();
    compile(&home, 1_000);
    let mut report = String::new();
    let mut is_too_much = false;
    for ((limit, (instructions, calls)), faults) in LIMITS.iter().zip(few).zip(faults) {
        let (with_many, _) = steps(&home, limit.argv);
        writeln!(
            report,
            "{:?}: {instructions} instructions of {}, {with_many} with 1,000 rules; \
             {calls} system calls of {}; {faults} page faults of {}",
            limit.argv, limit.instructions, limit.system_calls, limit.page_faults
        )
        .unwrap();
        is_too_much |= instructions > limit.instructions
            || calls > limit.system_calls
            || faults > limit.page_faults
            // Flat within a tenth.
            || with_many * 10 > instructions * 11;
    }
    assert!(!is_too_much, "{report}");
}

/// The system calls of a command until its tool starts, as strace tells them.
fn traced(home: &Home, argv: &[&str]) -> Vec<String> {
    let trace = home.path().join("trace");
    let mut shim = home.command(home.path().join("shims").join(argv[0]));
    shim.args(&argv[1..]);
    let outer = ["/usr/bin/strace", "-f", "-o", trace.to_str().unwrap()];
    let ran = inside(&outer, &shim).output().unwrap();
    assert!(ran.status.success(), "{argv:?}: {ran:?}");
    let text = std::fs::read_to_string(trace).unwrap();
    // Before each call stands the process that made it.
    let calls = text.lines().filter_map(|line| line.split_once(' '));
    let calls = calls.map(|(_, call)| call.trim_start().to_owned());
    let mut calls: Vec<String> = calls.collect();
    let is_exec = |call: &String| call.starts_with("execve");
    let starts: Vec<usize> = (0..calls.len()).filter(|at| is_exec(&calls[*at])).collect();
    assert!(starts.len() == 2 && starts[0] == 0, "{argv:?}: {text}");
    calls.truncate(starts[1]);
    calls
}

/// Fails unless the command was decided in this one process by these files alone.
#[track_caller]
fn assert_opens(home: &Home, argv: &[&str], wanted: &[PathBuf]) {
    let calls = traced(home, argv);
    for call in &calls {
        for refused in [
            "clone", "fork", "vfork", "socket", "connect", "epoll", "poll", "futex", "pipe",
            "io_uring",
        ] {
            assert!(!call.starts_with(refused), "{argv:?}: {call}");
        }
    }
    let opened = calls
        .iter()
        .filter(|call| call.starts_with("open") && !call.contains(" = -1 "))
        .filter_map(|call| call.split('"').nth(1))
        .map(PathBuf::from);
    assert_eq!(opened.collect::<Vec<_>>(), wanted, "{argv:?}");
}

#[test]
fn an_allowed_command_is_one_process_and_opens_the_policy_the_tool_and_its_record() {
    let home = home(&released::shim());
    compile(&home, 10);
    let state = home.state().join("gate");
    let (policy, journal) = (state.join("policy"), state.join("spool/allowed"));
    for limit in &LIMITS {
        let tool = home.bin().join(limit.argv[0]);
        let wanted = [policy.clone(), tool, journal.clone()];
        assert_opens(&home, limit.argv, &wanted);
    }
}
