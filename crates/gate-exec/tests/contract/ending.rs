//! How a run ends: its code, its signal, and when it never began.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::wrapper::{Ended, Wrapper, run, set_up};

/// DESIGN.md section 4: "the tool's own, always, when it ran".
pub(crate) fn the_exit_code_is_the_tools(wrapper: &Wrapper) {
    for code in wrapper.codes() {
        let ended = run(wrapper.probe(&["exit", &code.to_string()]));
        assert_eq!(ended.status, code << 8, "exit code {code}");
        let heard = wrapper.heard(&ended.stderr);
        assert_eq!((ended.stdout.as_str(), heard.as_str()), ("", ""));
    }
}

/// sudo(8), "Exit value": "sudo will send itself the same signal".
pub(crate) fn death_by_a_signal_is_the_tools(wrapper: &Wrapper) {
    for signal in wrapper.deadly_signals() {
        let die = |wrapper: &Wrapper| {
            let mut command = wrapper.probe(&["die", &signal.to_string()]);
            set_up(&mut command, limit_core(0));
            let mut ended = run(command);
            ended.stderr = wrapper.heard(&ended.stderr);
            ended
        };
        assert_eq!(die(wrapper), die(&wrapper.without()), "signal {signal}");
    }
}

/// The tool may leave a core file; gate, which dies by the same signal, must not.
pub(crate) fn no_second_core_file_is_written(wrapper: &Wrapper) {
    let cores = |wrapper: &Wrapper| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = wrapper.probe(&["die", "3"]);
        command.current_dir(folder.path());
        set_up(&mut command, limit_core(libc::RLIM_INFINITY));
        let ended = run(command);
        assert_eq!(ended.status & 0x7f, libc::SIGQUIT);
        fs::read_dir(folder.path()).unwrap().count()
    };
    assert_eq!(cores(wrapper), cores(&wrapper.without()));
}

fn limit_core(bytes: libc::rlim_t) -> impl Fn() + Send + Sync + 'static {
    move || {
        let limit = libc::rlimit {
            rlim_cur: bytes,
            rlim_max: libc::RLIM_INFINITY,
        };
        // SAFETY: a valid limit that is only read.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) };
    }
}

/// env(1): "127 if COMMAND cannot be found". Bare, it is the caller's `execve` that fails.
pub(crate) fn a_missing_tool_is_127(wrapper: &Wrapper) {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    if wrapper.name == "bare" {
        let error = wrapper.command(missing, &[]).spawn().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
        return;
    }
    assert_refused(&run(wrapper.command(missing, &[])), 127);
    let script = folder.path().join("script");
    write_tool(&script, b"#!/nonexistent/interpreter\n", 0o755);
    assert_refused(&run(wrapper.command(script, &[])), 127);
}

/// env(1): "126 if COMMAND is found but cannot be invoked".
pub(crate) fn a_tool_that_cannot_run_is_126(wrapper: &Wrapper) {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    write_tool(&plain, b"#!/bin/sh\n", 0o644);
    let broken = folder.path().join("broken");
    write_tool(
        &broken,
        b"\x7fELF\x02\x01\x01\0nothing that could run, and long enough to be read \
        as a header by whoever looks at it for program headers",
        0o755,
    );
    if wrapper.name == "bare" {
        let error = wrapper.command(plain, &[]).spawn().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EACCES));
        return;
    }
    assert_refused(&run(wrapper.command(plain, &[])), 126);
    assert_refused(&run(wrapper.command(folder.path(), &[])), 126);
    // A header that no loader knows is ENOEXEC, which execvp(3) gives to the shell, as env(1) does.
    let by_env = run(Wrapper::new("env", vec!["/usr/bin/env".into()]).command(&broken, &[]));
    let by_gate = run(wrapper.command(&broken, &[]));
    if wrapper.runs_by_descriptor {
        // What runs by its descriptor was approved, and the shell was not.
        assert_refused(&by_gate, 126);
    } else {
        assert_eq!(by_gate.status, by_env.status);
    }
}

fn assert_refused(ended: &Ended, code: i32) {
    assert_eq!(ended.status, code << 8, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.starts_with("gate: "), "{}", ended.stderr);
}

/// execvp(3): a file in no known format is run by the shell.
pub(crate) fn a_script_without_interpreter_line_runs_in_the_shell(wrapper: &Wrapper) {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    write_tool(&script, b"echo \"$0 $1\"; exit 5\n", 0o755);
    let ended = run(wrapper.command(&script, &["a b"]));
    assert_eq!(ended.stdout, format!("{} a b\\n", script.display()));
    assert_eq!(ended.status, 5 << 8);
}

/// A script that looks for files beside itself must still find them.
pub(crate) fn a_script_runs_under_its_own_path(wrapper: &Wrapper) {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    write_tool(&script, b"#!/bin/sh\necho \"$0 $*\"\n", 0o755);
    let ended = run(wrapper.command(&script, &["a", ""]));
    assert_eq!(ended.stdout, format!("{} a \\n", script.display()));
}

fn write_tool(path: &std::path::Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
