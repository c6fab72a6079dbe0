//! Starting a program that must not meet the caller's terminal.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Has `command` start in a session of its own: it has no terminal, so that an interactive shell
/// neither takes the caller's nor is stopped for want of it, and its process id is that of a group
/// by which all that it starts can be ended.
pub fn in_own_session(command: &mut Command) -> &mut Command {
    let begin = || {
        // SAFETY: `setsid(2)` takes nothing.
        match unsafe { libc::setsid() } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    // SAFETY: between fork and exec it makes one system call, and touches no memory of the process.
    unsafe { command.pre_exec(begin) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_leads_a_session_of_its_own() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "cut -d' ' -f1,6 /proc/$$/stat; (: </dev/tty) 2>&1"]);
        let output = in_own_session(&mut command).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let mut words = text.split_whitespace();
        assert_eq!(words.next(), words.next(), "{text}");
        assert!(text.contains("/dev/tty"), "{text}");
    }
}
