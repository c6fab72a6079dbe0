//! Commands that prepare the scenario's ground, around gate: bounded in time,
//! and what they say is kept for the one line that tells why they failed.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::place::cannot;
use crate::failure::{Failure, FailureKind};

/// How long one such command may take. What hangs is no tool for a demo, and
/// there is another one to try.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that is told of what a command said, in characters.
const TOLD: usize = 160;

/// Runs a command to its end.
///
/// # Errors
/// It can't be started, does not end in time, or says that it failed.
pub(super) fn must_succeed(command: &mut Command) -> Result<(), Failure> {
    let shown = command.get_program().to_string_lossy().into_owned();
    // Not a pipe: a child of the command that stays would hold it open.
    let said = memfd_create(c"said", MFdFlags::MFD_CLOEXEC)
        .map(File::from)
        .map_err(|error| cannot("keep what a command says", error))?;
    let stderr = said
        .try_clone()
        .map_err(|error| cannot("keep what a command says", error))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .map_err(|error| cannot(&format!("start {shown}"), error))?;
    let ended = wait_within(&mut child, PATIENCE)
        .map_err(|error| cannot(&format!("wait for {shown}"), error))?;
    let why = match ended {
        Some(status) if status.success() => return Ok(()),
        Some(status) => said_first(said).unwrap_or_else(|| status.to_string()),
        None => format!("no end within {} s", PATIENCE.as_secs()),
    };
    Err(Failure::new(
        FailureKind::Internal,
        format!("{shown}: {why}"),
    ))
}

/// Waits for the end of a command; `None` where it had to be killed.
pub(super) fn wait_within(
    child: &mut Child,
    patience: Duration,
) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the first line with words in it; terraform draws a frame around its.
fn said_first(mut said: File) -> Option<String> {
    let mut text = String::new();
    said.rewind().ok()?;
    said.read_to_string(&mut text).ok()?;
    let has_words = |line: &&str| line.chars().any(char::is_alphanumeric);
    let line = text.lines().find(has_words)?;
    let line = line.trim_matches(|c: char| !c.is_ascii_graphic());
    Some(line.chars().take(TOLD).collect())
}
