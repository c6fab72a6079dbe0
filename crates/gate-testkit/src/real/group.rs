//! Runs one command with all that it starts, in a process group of its own.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::RealError;

/// How often it is asked whether a group is there.
const POLL: Duration = Duration::from_millis(2);
/// How long what was killed may take to end.
const DEATH: Duration = Duration::from_secs(20);

/// Runs a command until everything in its process group has ended and nobody holds its stdout any
/// more, so that what it left in the background has done its work too. What of the group is there
/// when `within` is over is killed; nothing of it is there when this returns. What left the group,
/// as `setsid` does, is only waited for where it holds the output.
///
/// # Errors
/// [`RealError::System`] when it cannot be started or waited for.
pub fn run_group(command: &mut Command, within: Duration) -> Result<(), RealError> {
    let line = command.get_program().to_string_lossy().into_owned();
    let attempt = || RealError::system(format!("run `{line}` with all that it starts"));
    // Whoever loses its parent is this process's then, and can be waited for: prctl(2).
    set_child_subreaper(true)
        .map_err(io::Error::from)
        .map_err(attempt())?;
    let (mut output, input) = io::pipe().map_err(attempt())?;
    let child = command.process_group(0).stdout(input).spawn();
    // Only those who were started hold the output.
    command.stdout(Stdio::null());
    let child = child.map_err(attempt())?;
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    let (tell, is_read) = channel();
    // Nobody listens any more where it took too long.
    thread::spawn(move || drop(tell.send(io::copy(&mut output, &mut io::sink()))));
    let deadline = Instant::now() + within;
    if !ends_by(group, deadline).map_err(attempt())? {
        // It fails only where the last of the group has just ended.
        let _ = killpg(group, Signal::SIGKILL);
        let killed = ends_by(group, Instant::now() + DEATH).map_err(attempt())?;
        if !killed {
            return Err(RealError::Timeout {
                command: line,
                waited: within + DEATH,
                stderr: String::new(),
            });
        }
    }
    let left = deadline.saturating_duration_since(Instant::now());
    match is_read.recv_timeout(left) {
        Ok(Err(error)) => Err(attempt()(error)),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

/// Tells whether nothing of a group is left by then. It is asked for again and again: who waits for a
/// group is not told that the last of it has left it by setsid(2).
fn ends_by(group: Pid, deadline: Instant) -> io::Result<bool> {
    loop {
        match waitpid(Pid::from_raw(-group.as_raw()), Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return Ok(true),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
            Ok(WaitStatus::StillAlive) if Instant::now() >= deadline => return Ok(false),
            Ok(WaitStatus::StillAlive) => thread::sleep(POLL),
            // There may be more of it.
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn script(text: &str, folder: &tempfile::TempDir) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", text]).current_dir(folder.path());
        command
    }

    #[test]
    fn what_goes_on_in_the_background_is_done_when_a_group_is_over() {
        let folder = tempfile::tempdir().unwrap();
        // Neither holds the output.
        let text =
            "{ sleep 0.3; echo 1 >one; } >/dev/null & (exec >/dev/null; sleep 0.5; echo 2 >two) &";
        run_group(&mut script(text, &folder), Duration::from_secs(20)).unwrap();
        assert!(folder.path().join("one").exists());
        assert!(folder.path().join("two").exists());
    }

    #[test]
    fn what_leaves_the_group_and_holds_the_output_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let text = "setsid -f sh -c 'sleep 0.3; echo 1 >one'";
        let begun = Instant::now();
        run_group(&mut script(text, &folder), Duration::from_secs(20)).unwrap();
        assert!(folder.path().join("one").exists());
        assert!(begun.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn nothing_of_a_group_is_there_after_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let text = "while :; do : >$$; rm $$; done >/dev/null & while :; do : >x; rm x; done";
        let begun = Instant::now();
        run_group(&mut script(text, &folder), Duration::from_millis(300)).unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(300));
        let is_here = |entry: &fs::DirEntry| {
            let cwd = fs::read_link(entry.path().join("cwd"));
            cwd.is_ok_and(|cwd| cwd == folder.path().canonicalize().unwrap())
        };
        let processes = fs::read_dir("/proc").unwrap().flatten();
        assert_eq!(processes.filter(is_here).count(), 0);
    }
}
