//! A pseudo-terminal with an interactive bash, driven as a person would.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::process::{Child, Command};
use std::time::Instant;

use super::wrapper::{Channel, DEADLINE, Wrapper, set_up, wait_readable};

/// What bash prints when it waits for a command.
const PROMPT: &str = "bash-is-ready> ";

/// An interactive shell on a terminal of its own.
pub(crate) struct Shell {
    keyboard: File,
    screen: String,
    bash: Child,
    pub(crate) channel: Channel,
    folder: tempfile::TempDir,
}

impl Shell {
    pub(crate) fn start() -> Self {
        let (keyboard, slave) = open();
        let folder = tempfile::tempdir().unwrap();
        let channel = Channel::open_fifo(&folder.path().join("report"));
        let mut command = Command::new("/bin/bash");
        command
            .args(["--norc", "--noprofile", "--noediting", "-i"])
            .env("PS1", PROMPT)
            .env_remove("PROMPT_COMMAND")
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave.try_clone().unwrap());
        take_terminal(&mut command);
        let bash = command.spawn().unwrap();
        let mut shell = Self {
            keyboard,
            screen: String::new(),
            bash,
            channel,
            folder,
        };
        shell.wait_for_prompt();
        shell
    }

    /// Types `line` and the return key. The probe in it reports to this shell's channel.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.screen.clear();
        self.press(&format!("{line}\n"));
    }

    /// A command line that runs the probe behind `wrapper` with the report channel attached.
    pub(crate) fn probe(&self, wrapper: &Wrapper, arguments: &str) -> String {
        let fifo = self.folder.path().join("report");
        format!("{} 9>{}", wrapper.probe_line(arguments), fifo.display())
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen shows `text`, and forgets everything up to it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(at) = self.screen.find(text) {
                self.screen.drain(..at + text.len());
                return;
            }
            assert!(
                wait_readable(&self.keyboard, deadline),
                "no `{text}` on the screen, only `{}`",
                self.screen
            );
            let mut chunk = [0; 4096];
            let read = self.keyboard.read(&mut chunk).unwrap();
            self.screen
                .push_str(&String::from_utf8_lossy(&chunk[..read]));
        }
    }

    #[track_caller]
    pub(crate) fn wait_for_prompt(&mut self) {
        self.wait_for(PROMPT);
    }

    /// Runs `line` and returns what it printed.
    #[track_caller]
    pub(crate) fn output_of(&mut self, line: &str) -> String {
        self.type_line(&format!("{line}; echo end-of-\"\"output"));
        // The echo of the line itself, which has the quotes in it.
        self.wait_for("\"output\r\n");
        let deadline = Instant::now() + DEADLINE;
        while !self.screen.contains("end-of-output") {
            assert!(wait_readable(&self.keyboard, deadline), "`{}`", self.screen);
            let mut chunk = [0; 4096];
            let read = self.keyboard.read(&mut chunk).unwrap();
            self.screen
                .push_str(&String::from_utf8_lossy(&chunk[..read]));
        }
        let output = self
            .screen
            .split("end-of-output")
            .next()
            .unwrap()
            .to_owned();
        self.wait_for_prompt();
        output
    }

    /// Changes the size of the window.
    pub(crate) fn resize(&self, columns: u16) {
        let size = libc::winsize {
            ws_row: 30,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // SAFETY: TIOCSWINSZ reads one valid `winsize`.
        let result =
            unsafe { libc::ioctl(self.keyboard.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(result, 0);
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.bash.kill());
        drop(self.bash.wait());
    }
}

/// Makes the new process the leader of a session with standard input as its terminal.
pub(crate) fn take_terminal(command: &mut Command) {
    set_up(command, || {
        // SAFETY: it takes nothing.
        unsafe { libc::setsid() };
        // SAFETY: numbers only; standard input is the terminal.
        unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
    });
}

/// A new pseudo-terminal: the person's side and the program's. Both close on exec from the start, for
/// other tests start programs at the same time.
pub(crate) fn open() -> (File, File) {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: flags; the result is checked.
    let master = unsafe { libc::posix_openpt(flags) };
    assert!(master >= 0);
    // SAFETY: an open master; the result is checked.
    assert_eq!(unsafe { libc::grantpt(master) }, 0);
    // SAFETY: an open master; the result is checked.
    assert_eq!(unsafe { libc::unlockpt(master) }, 0);
    // SAFETY: an open, unlocked master; the result is checked.
    let slave = unsafe { libc::ioctl(master, libc::TIOCGPTPEER, flags) };
    assert!(slave >= 0);
    // SAFETY: the kernel just made it, and nobody else owns it.
    let master = unsafe { File::from_raw_fd(master) };
    // SAFETY: the kernel just made it, and nobody else owns it.
    let slave = unsafe { File::from_raw_fd(slave) };
    (master, slave)
}
