//! Running the probe bare or behind a wrapper, with a channel on which it reports.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::pty::{BASH, Dialect, Pty, Terminal};

/// Long enough for the slowest machine; every wait ends with its event, not with this.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Where the probe finds its report channel.
pub(crate) const REPORT: i32 = 9;

/// The signal that ends a waiting probe.
pub(crate) const END: i32 = 50;

/// What stands before the tool's own command line.
#[derive(Debug, Clone)]
pub(crate) struct Wrapper {
    pub(crate) name: &'static str,
    prefix: Vec<OsString>,
    pub(crate) runs_by_descriptor: bool,
    /// It may write lines of its own to stderr, which all start with `gate: `.
    pub(crate) speaks: bool,
    /// Of what differs only in number and amount, some will do.
    pub(crate) is_brief: bool,
    by_name: Option<ByName>,
}

/// A shell that finds the tool by its name.
#[derive(Debug, Clone)]
pub(crate) struct ByName {
    /// The shell at a terminal, and how it gets one.
    pub(crate) dialect: &'static Dialect,
    pub(crate) open: fn(&mut Command) -> Box<dyn Terminal>,
    /// What stands before the tool's argv where there is no terminal, behind the shell's PATH.
    pub(crate) script: Vec<OsString>,
    /// The folder that PATH begins with: one with shims, or an empty one.
    pub(crate) front: PathBuf,
    pub(crate) empty: PathBuf,
    /// The rest of PATH, and the folder of it that has the probe.
    pub(crate) rest: String,
    pub(crate) tools: PathBuf,
}

impl ByName {
    fn path(&self) -> String {
        format!("{}:{}", self.front.display(), self.rest)
    }
}

impl Wrapper {
    pub(crate) fn new(name: &'static str, prefix: Vec<OsString>) -> Self {
        Self {
            name,
            prefix,
            runs_by_descriptor: false,
            speaks: false,
            is_brief: false,
            by_name: None,
        }
    }

    /// A shell in which whatever stands first on its PATH is called by its name.
    pub(crate) fn by_name(name: &'static str, by_name: ByName) -> Self {
        let path = format!("PATH={}", by_name.path());
        let mut prefix: Vec<OsString> = vec!["/usr/bin/env".into(), path.into()];
        prefix.extend(by_name.script.iter().cloned());
        Self {
            is_brief: true,
            by_name: Some(by_name),
            ..Self::new(name, prefix)
        }
    }

    /// What it is compared with: the tool bare, or in the same shell.
    pub(crate) fn without(&self) -> Self {
        let bare = match self.by_name.clone() {
            None => Self::bare(),
            Some(shell) => Self::by_name(
                "bare",
                ByName {
                    front: shell.empty.clone(),
                    ..shell
                },
            ),
        };
        Self {
            is_brief: self.is_brief,
            ..bare
        }
    }

    /// What the probe reported, as it would without the wrapper: a shell says to the tool by which
    /// path it was found, and PATH begins with another folder.
    pub(crate) fn as_without(&self, report: &str) -> String {
        let Some(shell) = &self.by_name else {
            return report.to_owned();
        };
        let [front, empty, tools] =
            [&shell.front, &shell.empty, &shell.tools].map(|path| path.display().to_string());
        let found = report.replace(&format!("\"_={front}/"), &format!("\"_={tools}/"));
        found.replace(&format!("\"PATH={front}:"), &format!("\"PATH={empty}:"))
    }

    /// The PATH of a shell at a terminal, where the tool is called by its name.
    pub(crate) fn path(&self) -> Option<String> {
        self.by_name.as_ref().map(ByName::path)
    }

    /// The shell at a terminal.
    pub(crate) fn dialect(&self) -> &'static Dialect {
        self.by_name.as_ref().map_or(&BASH, |shell| shell.dialect)
    }

    pub(crate) fn open_terminal(&self, shell: &mut Command) -> Box<dyn Terminal> {
        match &self.by_name {
            Some(by_name) => (by_name.open)(shell),
            None => Pty::open(shell),
        }
    }

    /// Exit codes to try.
    pub(crate) fn codes(&self) -> Vec<i32> {
        if self.is_brief {
            return vec![0, 1, 2, 64, 75, 77, 125, 126, 127, 128, 130, 143, 255];
        }
        (0..=255).collect()
    }

    /// Signals that a tool can die of.
    pub(crate) fn deadly_signals(&self) -> Vec<i32> {
        let stopping = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
        let all = (1..=64).filter(|signal| !stopping.contains(signal));
        let some = [1, 2, 3, 6, 9, 11, 13, 15, 18, 28, 33, 64];
        all.filter(|signal| !self.is_brief || some.contains(signal))
            .collect()
    }

    /// How much passes where it is to be much.
    pub(crate) fn many_bytes(&self) -> usize {
        if self.is_brief { 1 << 26 } else { 1 << 30 }
    }

    /// No wrapper: what the others are compared with.
    pub(crate) fn bare() -> Self {
        Self::new("bare", Vec::new())
    }

    /// Says that the tool is executed through a descriptor, which `AT_EXECFN` shows.
    pub(crate) fn by_descriptor(mut self) -> Self {
        self.runs_by_descriptor = true;
        self
    }

    /// What the tool alone wrote of a run's `stderr`.
    pub(crate) fn heard(&self, stderr: &str) -> String {
        // It is escaped: a line ends with a backslash and an n, and a backslash in it is doubled.
        let stderr = stderr.replace("\\\\", "\0");
        let lines = stderr.split_inclusive("\\n");
        let of_tool = lines.filter(|line| !(self.speaks && line.starts_with("gate: ")));
        of_tool.collect::<String>().replace('\0', "\\\\")
    }

    /// The whole argv that runs `tool` with `arguments`.
    pub(crate) fn argv(&self, tool: impl Into<OsString>, arguments: &[&str]) -> Vec<OsString> {
        let mut argv = self.prefix.clone();
        argv.push(tool.into());
        argv.extend(arguments.iter().map(Into::into));
        argv
    }

    pub(crate) fn command(&self, tool: impl Into<OsString>, arguments: &[&str]) -> Command {
        reserve_report_number();
        let argv = self.argv(tool, arguments);
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]);
        // The shell says on which descriptor these stand; the probe should not see them differ.
        command.env_remove("_").env_remove("SHLVL");
        command
    }

    /// The probe behind this wrapper.
    pub(crate) fn probe(&self, arguments: &[&str]) -> Command {
        self.command(example("probe"), arguments)
    }

    /// The probe behind this wrapper as one line for a shell.
    pub(crate) fn probe_line(&self, arguments: &str) -> String {
        self.line(example("probe").to_str().unwrap(), arguments)
    }

    /// A tool behind this wrapper as one line for a shell.
    pub(crate) fn line(&self, tool: &str, arguments: &str) -> String {
        if self.by_name.is_some() {
            let (_, name) = tool.rsplit_once('/').unwrap();
            return format!("{name} {arguments}");
        }
        let words = self.argv(tool, &[]);
        let mut line: Vec<String> = words
            .iter()
            .map(|word| format!("'{}'", word.to_str().unwrap()))
            .collect();
        line.push(arguments.to_owned());
        line.join(" ")
    }
}

/// Occupies the number of the report channel in this process, so that neither the channel's own end
/// nor the pipe on which `Command` learns of failures comes to stand there.
fn reserve_report_number() {
    static RESERVED: std::sync::Once = std::sync::Once::new();
    RESERVED.call_once(|| {
        let null = File::open("/dev/null").unwrap();
        // Another test may have a file at the number for a moment; what stays there was inherited,
        // and occupies the number as well.
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            // SAFETY: duplicating an open descriptor; nothing uses or owns the duplicate.
            let number = unsafe { libc::fcntl(null.as_raw_fd(), libc::F_DUPFD_CLOEXEC, REPORT) };
            if number == REPORT || Instant::now() > deadline {
                break;
            }
            // SAFETY: the duplicate was made above and nothing else knows it.
            unsafe { libc::close(number) };
            std::thread::yield_now();
        }
    });
}

/// The path of one of this package's examples, built if it is not there yet.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    if !path.exists() {
        let status = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--package",
                "gate-exec",
                "--example",
                name,
            ])
            .status()
            .unwrap();
        assert!(status.success(), "cannot build the example {name}");
    }
    path
}

/// How a run ended, with all it wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) report: String,
}

/// A pipe on which the probe reports, at the same number for every wrapper.
pub(crate) struct Channel {
    reader: File,
    writer: Option<OwnedFd>,
    text: String,
}

impl Channel {
    pub(crate) fn open() -> Self {
        reserve_report_number();
        let mut ends = [0; 2];
        // SAFETY: two valid places for the descriptors.
        let result = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
        assert_eq!(result, 0);
        // SAFETY: the kernel just made it, and nobody else owns it.
        let reader = unsafe { File::from_raw_fd(ends[0]) };
        // SAFETY: the kernel just made it, and nobody else owns it.
        let writer = unsafe { OwnedFd::from_raw_fd(ends[1]) };
        Self {
            reader,
            writer: Some(writer),
            text: String::new(),
        }
    }

    /// A named pipe, for probes that are started by a shell.
    pub(crate) fn open_fifo(path: &std::path::Path) -> Self {
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reader = File::options().read(true).write(true).open(path).unwrap();
        Self {
            reader,
            writer: None,
            text: String::new(),
        }
    }

    /// Hands the writing end to `command` at the number that probes expect.
    pub(crate) fn attach(&self, command: &mut Command) {
        let writer = self.writer.as_ref().unwrap().as_raw_fd();
        let place = move || {
            // SAFETY: both are numbers; the source is open in the parent during the spawn.
            match unsafe { libc::dup2(writer, REPORT) } {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            }
        };
        // SAFETY: `dup2` is async-signal-safe.
        unsafe { command.pre_exec(place) };
    }

    /// Closes this side's writing end, so that the report ends with its last writer.
    pub(crate) fn detach(&mut self) {
        self.writer = None;
    }

    /// Reads on until the report contains `text`, and returns the whole report so far.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> &str {
        while !self.text.contains(text) {
            assert!(
                self.read_more(),
                "no `{text}` in the report, only `{}`",
                self.text
            );
        }
        &self.text
    }

    /// The report so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Waits for something new in the report.
    #[track_caller]
    pub(crate) fn wait_for_more(&mut self) {
        assert!(
            self.read_more(),
            "nothing new in the report `{}`",
            self.text
        );
    }

    /// Returns false at the end of the report, or when nothing comes until the deadline.
    fn read_more(&mut self) -> bool {
        if !wait_readable(&self.reader, Instant::now() + DEADLINE) {
            return false;
        }
        let mut chunk = [0; 4096];
        let read = self.reader.read(&mut chunk).unwrap();
        self.text
            .push_str(std::str::from_utf8(&chunk[..read]).unwrap());
        read > 0
    }

    /// Waits for the probe to be ready and returns its process id, its parent's and its group.
    #[track_caller]
    pub(crate) fn wait_for_probe(&mut self, word: &str) -> [i32; 3] {
        self.wait_for(word);
        self.wait_for("\n");
        let line = self
            .text
            .lines()
            .find(|line| line.starts_with(word))
            .unwrap();
        let numbers: Vec<i32> = line
            .split(' ')
            .skip(1)
            .map(|number| number.parse().unwrap())
            .collect();
        numbers.try_into().unwrap()
    }

    /// How often the probe reported `signal`.
    pub(crate) fn count(&self, signal: i32) -> usize {
        let start = format!("signal {signal} ");
        self.text()
            .lines()
            .filter(|line| line.starts_with(&start))
            .count()
    }

    /// Reads to the end of the report.
    #[track_caller]
    pub(crate) fn finish(mut self) -> String {
        self.detach();
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(
                wait_readable(&self.reader, deadline),
                "the report does not end"
            );
            let mut chunk = [0; 4096];
            let read = self.reader.read(&mut chunk).unwrap();
            if read == 0 {
                return self.text;
            }
            self.text
                .push_str(std::str::from_utf8(&chunk[..read]).unwrap());
        }
    }
}

pub(crate) fn wait_readable(file: &impl AsRawFd, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    let mut poll = libc::pollfd {
        fd: file.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let milliseconds = i32::try_from(left.as_millis()).unwrap();
    // SAFETY: one valid `pollfd`.
    unsafe { libc::poll(&raw mut poll, 1, milliseconds) == 1 }
}

/// Waits for `child` and returns its raw wait status; kills it at the deadline.
#[track_caller]
pub(crate) fn wait_for_end(child: &mut Child) -> i32 {
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    let descriptor = nix_pidfd(pid.as_raw());
    let ended = wait_readable(&descriptor, Instant::now() + DEADLINE);
    if !ended {
        drop(child.kill());
    }
    let status = child.wait().unwrap();
    assert!(ended, "the run did not end");
    status.into_raw()
}

fn nix_pidfd(pid: i32) -> OwnedFd {
    // SAFETY: two numbers; the result is checked.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    assert!(descriptor >= 0);
    // SAFETY: the kernel just made it, and nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(i32::try_from(descriptor).unwrap()) }
}

/// Runs `command` to its end with a report channel and no input.
#[track_caller]
pub(crate) fn run(command: Command) -> Ended {
    run_after(command, || {})
}

/// As [`run`], with a last `change` in the new process once all descriptors are in place.
#[track_caller]
pub(crate) fn run_after(mut command: Command, change: impl Fn() + Send + Sync + 'static) -> Ended {
    let mut channel = Channel::open();
    let stdout = tempfile::tempfile().unwrap();
    let stderr = tempfile::tempfile().unwrap();
    channel.attach(&mut command);
    set_up(&mut command, change);
    command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().unwrap())
        .stderr(stderr.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    drop(command);
    channel.detach();
    let report = channel.finish();
    let status = wait_for_end(&mut child);
    Ended {
        status,
        stdout: read_back(stdout),
        stderr: read_back(stderr),
        report,
    }
}

fn read_back(mut file: File) -> String {
    let mut bytes = Vec::new();
    io::Seek::rewind(&mut file).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes.escape_ascii().to_string()
}

/// Runs `change` in the new process, as the caller of a tool would set it up.
pub(crate) fn set_up(command: &mut Command, change: impl Fn() + Send + Sync + 'static) {
    let change = move || {
        change();
        Ok(())
    };
    // SAFETY: the cases pass closures that make system calls only.
    unsafe { command.pre_exec(change) };
}
