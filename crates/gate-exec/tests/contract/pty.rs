//! An interactive shell at a terminal, driven as a person would: bash on a pseudo-terminal, where the
//! wrapper has no other.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::process::{Child, Command};
use std::time::Instant;

use super::wrapper::{Channel, DEADLINE, Wrapper, set_up, wait_readable};

/// What a shell prints when it waits for a command.
pub(crate) const PROMPT: &str = "shell-is-ready> ";

/// What a person sits at.
pub(crate) trait Terminal {
    fn press(&mut self, keys: &str);
    /// Changes the width of the window.
    fn resize(&mut self, columns: u16);
    /// Waits for what is shown next, and returns it without what only moves and colours; none where
    /// nothing came until the deadline.
    fn shown(&mut self, deadline: Instant) -> Option<String>;
    /// The process of the shell.
    fn shell(&self) -> u32;
}

/// How a shell is started at a terminal, and the words that it has.
#[derive(Debug)]
pub(crate) struct Dialect {
    pub(crate) argv: &'static [&'static str],
    /// The last exit code.
    pub(crate) code: &'static str,
    /// What it calls a job that was stopped by a key, by reading and by writing.
    pub(crate) stopped: [&'static str; 3],
    /// Lists all jobs with why they stopped.
    pub(crate) jobs: &'static str,
    /// What `jobs` prints where there is none.
    pub(crate) no_jobs: &'static str,
    /// It runs what stands in parentheses in a process of its own, and has POSIX's `trap`.
    pub(crate) is_posix: bool,
}

/// bash as it is at a terminal that only passes bytes on.
pub(crate) const BASH: Dialect = Dialect {
    argv: &["/bin/bash", "--norc", "--noprofile", "--noediting", "-i"],
    code: "$?",
    stopped: ["Stopped", "Stopped (tty input)", "Stopped (tty output)"],
    jobs: "jobs -l",
    no_jobs: "",
    is_posix: true,
};

/// An interactive shell on a terminal of its own.
pub(crate) struct Shell {
    terminal: Box<dyn Terminal>,
    pub(crate) dialect: &'static Dialect,
    screen: String,
    pub(crate) channel: Channel,
    folder: tempfile::TempDir,
}

impl Shell {
    /// Starts the shell in which `wrapper` is met.
    pub(crate) fn start(wrapper: &Wrapper) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let channel = Channel::open_fifo(&folder.path().join("report"));
        let dialect = wrapper.dialect();
        let mut command = Command::new(dialect.argv[0]);
        command
            .args(&dialect.argv[1..])
            .env("PS1", PROMPT)
            .env_remove("PROMPT_COMMAND");
        let terminal = wrapper.open_terminal(&mut command);
        let mut shell = Self {
            terminal,
            dialect,
            screen: String::new(),
            channel,
            folder,
        };
        shell.wait_for_prompt();
        shell.meet(wrapper);
        shell
    }

    /// From here on the shell finds by its name what `wrapper` stands for.
    pub(crate) fn meet(&mut self, wrapper: &Wrapper) {
        if let Some(path) = wrapper.path() {
            self.type_line(&format!("export PATH='{path}'"));
            self.wait_for_prompt();
        }
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
        self.terminal.press(keys);
    }

    /// Waits until the screen shows `text`, and forgets everything up to it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.read_until(text);
    }

    /// Waits until the screen shows `text`, forgets it, and returns what stood before it.
    #[track_caller]
    fn read_until(&mut self, text: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(at) = self.screen.find(text) {
                let rest = self.screen.split_off(at + text.len());
                let mut before = std::mem::replace(&mut self.screen, rest);
                before.truncate(at);
                return before;
            }
            let shown = self.terminal.shown(deadline);
            assert!(
                shown.is_some(),
                "no `{text}` on the screen, only `{}`",
                self.screen
            );
            self.screen.push_str(&shown.unwrap());
        }
    }

    #[track_caller]
    pub(crate) fn wait_for_prompt(&mut self) {
        self.wait_for(PROMPT);
    }

    /// Waits until another process than the shell has the terminal.
    ///
    /// Source: `proc_pid_stat(5)`, `pgrp` and `tpgid`.
    #[track_caller]
    pub(crate) fn wait_until_behind(&self) {
        let deadline = Instant::now() + DEADLINE;
        let file = format!("/proc/{}/stat", self.terminal.shell());
        loop {
            let stat = std::fs::read_to_string(&file).unwrap();
            let behind_name = stat.rsplit_once(')').unwrap().1;
            let fields: Vec<&str> = behind_name.split_whitespace().collect();
            if fields[2] != fields[5] {
                return;
            }
            assert!(Instant::now() < deadline, "the shell keeps its terminal");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Runs `line` and returns what it printed.
    #[track_caller]
    pub(crate) fn output_of(&mut self, line: &str) -> String {
        self.code_and_output_of(line).1
    }

    /// Returns the exit code of what ran before, and runs `line` and returns what it printed.
    #[track_caller]
    pub(crate) fn code_and_output_of(&mut self, line: &str) -> (String, String) {
        // The line itself is shown too, with the quotes in it.
        let code = self.dialect.code;
        self.type_line(&format!(
            "echo be\"\"gin-{code}; {line}; echo end-of-\"\"output"
        ));
        self.wait_for("begin-");
        let code = self.read_until("\r\n");
        let output = self.read_until("end-of-output");
        self.wait_for_prompt();
        (code, output)
    }

    /// Fails unless what ran before ended with 0 and no job is left.
    #[track_caller]
    pub(crate) fn assert_done(&mut self) {
        let (code, jobs) = self.code_and_output_of("jobs");
        assert_eq!((&*code, &*jobs), ("0", self.dialect.no_jobs));
    }

    /// Changes the width of the window.
    pub(crate) fn resize(&mut self, columns: u16) {
        self.terminal.resize(columns);
    }
}

/// A pseudo-terminal with a program.
pub(crate) struct Pty {
    keyboard: File,
    program: Child,
}

impl Pty {
    pub(crate) fn open(command: &mut Command) -> Box<dyn Terminal> {
        let (keyboard, slave) = open();
        command
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave.try_clone().unwrap());
        take_terminal(command);
        let program = command.spawn().unwrap();
        Box::new(Self { keyboard, program })
    }
}

impl Terminal for Pty {
    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn resize(&mut self, columns: u16) {
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

    fn shown(&mut self, deadline: Instant) -> Option<String> {
        wait_readable(&self.keyboard, deadline).then(|| {
            let mut chunk = [0; 4096];
            let read = self.keyboard.read(&mut chunk).unwrap();
            String::from_utf8_lossy(&chunk[..read]).into_owned()
        })
    }

    fn shell(&self) -> u32 {
        self.program.id()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        drop(self.program.kill());
        drop(self.program.wait());
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
