//! What the tool inherits: signals, descriptors, limits, arguments, environment, folder.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

use super::wrapper::{Ended, REPORT, Wrapper, example, run, run_after, set_up};

/// DESIGN.md, invariant 8: "The tool sees what it would see without gate".
pub(crate) fn the_tool_sees_what_the_caller_set_up(wrapper: &Wrapper) {
    for (name, change) in SETTINGS {
        let state = |wrapper: &Wrapper| run_after(wrapper.probe(&["state", "9"]), *change);
        assert_same(wrapper, &state(wrapper), &state(&wrapper.without()), name);
    }
}

pub(crate) fn assert_same(wrapper: &Wrapper, by_gate: &Ended, bare: &Ended, name: &str) {
    assert_eq!(by_gate.status, bare.status, "{name}: {by_gate:?}");
    assert!(bare.report.contains("SigIgn"), "{name}: {bare:?}");
    let report = wrapper.as_without(&by_gate.report);
    for (ours, theirs) in report.lines().zip(bare.report.lines()) {
        // The one difference that ExecBy::Descriptor documents.
        if wrapper.runs_by_descriptor && ours.starts_with("execfn") {
            continue;
        }
        let is_written = wrapper.speaks && is_stderr(ours, name);
        assert_eq!(
            without_offset(ours, is_written),
            without_offset(theirs, is_written),
            "{name}"
        );
    }
    assert_eq!(
        report.lines().count(),
        bare.report.lines().count(),
        "{name}"
    );
    let stdout = match name {
        ONE_STREAM => wrapper.heard(&by_gate.stdout),
        _ => by_gate.stdout.clone(),
    };
    assert_eq!(
        (&stdout, &wrapper.heard(&by_gate.stderr)),
        (&bare.stdout, &bare.stderr),
        "{name}"
    );
}

/// Tells whether `line` describes a descriptor on which gate may speak.
fn is_stderr(line: &str, name: &str) -> bool {
    line.starts_with("fd 2 ") || (name == ONE_STREAM && line.starts_with("fd 1 "))
}

/// The line of a descriptor, without how far its file is written.
fn without_offset(line: &str, is_written: bool) -> String {
    let fields = line.split(' ').enumerate();
    let kept = fields.filter(|(index, _)| !(is_written && *index == 4));
    kept.map(|(_, field)| field).collect::<Vec<_>>().join(" ")
}

/// The setting in which what is said on stderr arrives on stdout.
const ONE_STREAM: &str = "one stream for output and errors";

type Setting = (&'static str, fn());

const SETTINGS: &[Setting] = &[
    ("nothing", || {}),
    ("SIGPIPE ignored", || ignore(&[libc::SIGPIPE])),
    ("SIGHUP ignored, as by nohup", || ignore(&[libc::SIGHUP])),
    (
        "SIGINT and SIGQUIT ignored, as in the background of a shell",
        || {
            ignore(&[libc::SIGINT, libc::SIGQUIT]);
        },
    ),
    ("SIGCHLD ignored", || ignore(&[libc::SIGCHLD])),
    ("terminal stops ignored", || {
        ignore(&[libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU]);
    }),
    ("all signals ignored", || {
        ignore(&(1..=64).collect::<Vec<_>>());
    }),
    ("glibc's own signals ignored", || ignore(&[32, 33])),
    ("a real-time signal ignored", || ignore(&[40, 64])),
    ("faults ignored", || {
        ignore(&[libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE]);
    }),
    ("some signals blocked", || {
        block((1 << 9) | (1 << 14) | (1 << 41));
    }),
    ("all signals blocked", || block(u64::MAX)),
    ("glibc's own signals blocked", || {
        block((1 << 31) | (1 << 32));
    }),
    ("standard input closed", || close(&[0])),
    ("standard output closed", || close(&[1])),
    ("standard error closed", || close(&[2])),
    ("input and output closed", || close(&[0, 1])),
    ("all three closed", || close(&[0, 1, 2])),
    ("more descriptors", || {
        // SAFETY: duplicating an open descriptor to free numbers.
        unsafe {
            libc::dup2(REPORT, 3);
            libc::dup2(0, 63);
            libc::dup2(1, 255);
        }
    }),
    (ONE_STREAM, || {
        // SAFETY: two numbers.
        unsafe { libc::dup2(1, 2) };
    }),
    ("input that does not block", || {
        // SAFETY: numbers only.
        unsafe { libc::fcntl(0, libc::F_SETFL, libc::O_NONBLOCK) };
    }),
    ("a closed umask", || mask_files(0o777)),
    ("an open umask", || mask_files(0)),
    ("few descriptors allowed", || limit(libc::RLIMIT_NOFILE, 64)),
    ("no core files", || limit(libc::RLIMIT_CORE, 0)),
    ("little processor time", || limit(libc::RLIMIT_CPU, 100)),
    ("a small stack", || limit(libc::RLIMIT_STACK, 1 << 20)),
    ("a lower priority", || {
        // SAFETY: a number.
        unsafe { libc::nice(7) };
    }),
    ("no new privileges", || {
        // SAFETY: numbers only.
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    }),
    ("an alarm set", || {
        // SAFETY: a number.
        unsafe { libc::alarm(1000) };
    }),
];

fn ignore(signals: &[i32]) {
    for signal in signals {
        let action = [libc::SIG_IGN as u64, 0, 0, 0];
        // Directly, for the C library refuses its own two signals.
        // SAFETY: the array has the layout of the kernel's action, which is only read.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, *signal, action.as_ptr(), 0, 8) };
    }
}

fn block(mask: u64) {
    // SAFETY: eight valid bytes that are only read.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            0,
            8,
        )
    };
}

fn close(descriptors: &[i32]) {
    for descriptor in descriptors {
        // SAFETY: the new process owns them.
        unsafe { libc::close(*descriptor) };
    }
}

fn mask_files(mask: libc::mode_t) {
    // SAFETY: a number.
    unsafe { libc::umask(mask) };
}

fn limit(resource: libc::__rlimit_resource_t, soft: libc::rlim_t) {
    let limit = libc::rlimit {
        rlim_cur: soft,
        rlim_max: soft,
    };
    // SAFETY: a valid limit that is only read.
    unsafe { libc::setrlimit(resource, &raw const limit) };
}

/// THREATS.md 2.4: non-UTF-8 bytes, empty arguments, one argument of the greatest length.
pub(crate) fn arguments_arrive_byte_for_byte(wrapper: &Wrapper) {
    use std::ffi::OsStr;
    let longest = "x".repeat(131_071);
    let lists: [Vec<&OsStr>; 5] = [
        vec![],
        vec![OsStr::new(""), OsStr::new(""), OsStr::new(" ")],
        vec![
            OsStr::from_bytes(b"\xff\xfe"),
            OsStr::new("a\nb"),
            OsStr::new("--help"),
        ],
        vec![
            OsStr::new("--"),
            OsStr::new("-"),
            OsStr::new("--argv0=x"),
            OsStr::new("\u{202e}"),
        ],
        vec![OsStr::new(&longest)],
    ];
    for list in lists {
        let state = |wrapper: &Wrapper| {
            let mut command = wrapper.probe(&["state", "9"]);
            command.args(&list);
            run(command)
        };
        assert_same(
            wrapper,
            &state(wrapper),
            &state(&wrapper.without()),
            "arguments",
        );
    }
}

/// The environment is a list of bytes: order, doubles and entries without `=` included.
pub(crate) fn the_environment_arrives_byte_for_byte(wrapper: &Wrapper) {
    let state = |wrapper: &Wrapper| {
        let argv: Vec<CString> = wrapper
            .argv(example("probe"), &["state", "9"])
            .iter()
            .map(|argument| CString::new(argument.as_bytes()).unwrap())
            .collect();
        let env = [
            c"Z=1",
            c"PATH=/bin",
            c"A=",
            c"no-equals-sign",
            c"=hidden",
            c"Z=2",
            c"B=\xff\x1b",
        ];
        run_after(wrapper.probe(&[]), move || {
            let mut arguments: Vec<_> = argv.iter().map(|argument| argument.as_ptr()).collect();
            arguments.push(std::ptr::null());
            let mut entries: Vec<_> = env.iter().map(|entry| entry.as_ptr()).collect();
            entries.push(std::ptr::null());
            // SAFETY: both lists end with null and point to C strings. It replaces the process
            // before `Command` does, which cannot pass such an environment.
            unsafe { libc::execve(arguments[0], arguments.as_ptr(), entries.as_ptr()) };
        })
    };
    let (by_gate, bare) = (state(wrapper), state(&wrapper.without()));
    assert!(bare.report.contains("no-equals-sign"), "{bare:?}");
    assert_same(wrapper, &by_gate, &bare, "environment");
}

/// A shell can stand in a folder that is gone, and so can a tool.
pub(crate) fn a_deleted_working_directory_stays_deleted(wrapper: &Wrapper) {
    let state = |wrapper: &Wrapper| {
        let folder = tempfile::Builder::new()
            .prefix("gone")
            .rand_bytes(0)
            .tempdir_in(tempfile::tempdir().unwrap().keep());
        let folder = folder.unwrap().keep();
        let path = CString::new(folder.as_os_str().as_bytes()).unwrap();
        let mut command = wrapper.probe(&["state", "9"]);
        set_up(&mut command, move || {
            // SAFETY: a C string.
            unsafe { libc::chdir(path.as_ptr()) };
            // SAFETY: a C string.
            unsafe { libc::rmdir(path.as_ptr()) };
        });
        let mut ended = run(command);
        assert!(ended.report.contains("gone (deleted)"), "{ended:?}");
        let parent = folder.parent().unwrap();
        ended.report = ended.report.replace(parent.to_str().unwrap(), "");
        std::fs::remove_dir(parent).unwrap();
        ended
    };
    assert_same(
        wrapper,
        &state(wrapper),
        &state(&wrapper.without()),
        "deleted folder",
    );
}
