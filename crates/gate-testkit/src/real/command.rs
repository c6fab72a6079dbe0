//! Runs one command to its end, with a deadline.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::RealError;

/// How often an ended child is looked for. Its end cannot be waited for with a deadline in safe std.
const POLL: Duration = Duration::from_millis(5);

/// What a command left: how it ended and what it wrote.
#[derive(Debug, Clone)]
pub struct Completed {
    /// The command line, for messages.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to stdout; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// What it wrote to stderr; bytes that are not UTF-8 are replaced.
    pub stderr: String,
}

impl Completed {
    /// Returns stdout when the command ended with 0.
    ///
    /// # Errors
    /// [`RealError::Failed`] with all that it wrote otherwise.
    pub fn success(self) -> Result<String, RealError> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        Err(RealError::Failed {
            command: self.command,
            status: self.status,
            output: format!("{}{}", self.stdout, self.stderr),
        })
    }
}

/// Runs a command with an empty stdin until it ends or `within` is over; then it is killed.
///
/// # Errors
/// [`RealError::System`] when it cannot be started, [`RealError::Timeout`] when it does not end. An exit
/// code other than 0 is no error: see [`Completed::success`].
pub fn run(command: &mut Command, within: Duration) -> Result<Completed, RealError> {
    command.stdin(Stdio::null());
    finish(command, within)
}

/// Runs a command as [`run`] does, with `input` as its stdin.
///
/// # Errors
/// As [`run`].
pub fn run_with_input(
    command: &mut Command,
    input: &[u8],
    within: Duration,
) -> Result<Completed, RealError> {
    let mut stdin = scratch_file()?;
    stdin
        .write_all(input)
        .and_then(|()| stdin.rewind())
        .map_err(RealError::system("write a command's input"))?;
    command.stdin(stdin);
    finish(command, within)
}

fn finish(command: &mut Command, within: Duration) -> Result<Completed, RealError> {
    // Files and not pipes: nothing has to be read while waiting, and a grandchild that keeps the
    // descriptors cannot hold us up.
    let (stdout, stderr) = (scratch_file()?, scratch_file()?);
    command
        .stdout(duplicate(&stdout)?)
        .stderr(duplicate(&stderr)?);
    let line = describe(command);
    let mut child = command
        .spawn()
        .map_err(RealError::system(format!("run `{line}`")))?;
    let deadline = Instant::now() + within;
    loop {
        let ended = child
            .try_wait()
            .map_err(RealError::system(format!("wait for `{line}`")))?;
        if let Some(status) = ended {
            return Ok(Completed {
                command: line,
                status,
                stdout: contents(stdout)?,
                stderr: contents(stderr)?,
            });
        }
        if Instant::now() >= deadline {
            // Both fail only when it has just ended, which changes nothing.
            drop(child.kill());
            drop(child.wait());
            return Err(RealError::Timeout {
                command: line,
                waited: within,
                stderr: contents(stderr)?,
            });
        }
        thread::sleep(POLL);
    }
}

/// The command line as a person would read it; no quoting, for messages only.
fn describe(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

fn scratch_file() -> Result<File, RealError> {
    tempfile::tempfile().map_err(RealError::system("make a temporary file"))
}

fn duplicate(file: &File) -> Result<File, RealError> {
    file.try_clone()
        .map_err(RealError::system("duplicate a file descriptor"))
}

fn contents(mut file: File) -> Result<String, RealError> {
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .map_err(RealError::system("read a command's output"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
