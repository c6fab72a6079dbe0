//! Asking a shell itself what it makes of PATH and of a tool's name.
//!
//! The shell reads its user's start-up files, which may print, wait or fail. So it
//! has no terminal and no input, it gets a few seconds, and what it answers stands
//! between marks that no file can know.

use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use gate_exec::in_own_session;
use gate_protocol::inert::inert;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How long a shell may take to start: slow ones load a version manager or two.
const PATIENCE: Duration = Duration::from_secs(10);
/// A start-up file that prints more than this is not read to its end.
const MOST_BYTES: usize = 4 << 20;

/// What a shell says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing has it.
    Nothing,
    /// The file at this path.
    Path(PathBuf),
    /// An alias, with its text.
    Alias(String),
    /// A function, or a part of the shell.
    Function,
}

/// What a shell answered.
#[derive(Debug)]
pub(super) struct Answered {
    /// Its PATH.
    pub(super) path: OsString,
    /// What it says of each tool, in their order.
    pub(super) said: Vec<Said>,
}

/// A shell to be asked.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    /// The shell.
    pub(super) shell: &'a Path,
    /// What is put before `-c`.
    pub(super) options: &'a [&'a str],
    /// Its whole environment.
    pub(super) environment: Vec<(OsString, OsString)>,
    /// Where it starts.
    pub(super) cwd: &'a Path,
}

/// Why a shell gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum TrialError {
    /// It is none that gate can ask.
    #[error("gate can't ask `{0}`")]
    Unknown(String),
    /// It can't be started.
    #[error("`{shell}` can't be started")]
    Start {
        shell: String,
        source: std::io::Error,
    },
    /// It did not answer in time.
    #[error("`{0}` did not answer within {seconds} s", seconds = PATIENCE.as_secs())]
    Late(String),
    /// It printed more than is read, and no answer.
    #[error("`{0}` printed more than {MOST_BYTES} bytes before it answered")]
    Noisy(String),
    /// It ended without an answer.
    #[error("`{0}` ended without an answer")]
    Mute(String),
}

impl Trial<'_> {
    /// Asks about `tools`.
    ///
    /// # Errors
    /// The shell is none that gate knows, or gives no answer in time.
    pub(super) fn ask(&self, tools: &[OsString]) -> Result<Answered, TrialError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| TrialError::Start {
            shell: self.shown(),
            source: std::io::Error::other(error),
        })?;
        let mark = format!("gate-{:016x}", u64::from_ne_bytes(random));
        let script = self
            .script(&mark, tools)
            .ok_or_else(|| TrialError::Unknown(self.shown()))?;
        let mut command = Command::new(self.shell);
        command
            .args(self.options)
            .arg("-c")
            .arg(OsString::from_vec(script))
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child =
            in_own_session(&mut command)
                .spawn()
                .map_err(|source| TrialError::Start {
                    shell: self.shown(),
                    source,
                })?;
        let marks = 2 + tools.len();
        let read = match child.stdout.take() {
            Some(stdout) => until(stdout, mark.as_bytes(), marks),
            None => Read::Ended(Vec::new()),
        };
        end(&mut child);
        match read {
            Read::Late => Err(TrialError::Late(self.shown())),
            Read::TooMuch => Err(TrialError::Noisy(self.shown())),
            Read::Ended(bytes) => answered(&bytes, mark.as_bytes(), tools)
                .ok_or_else(|| TrialError::Mute(self.shown())),
        }
    }

    /// Returns what the shell is to run: the mark, PATH, and what the name of each tool
    /// is, a mark behind each. An interactive shell is let look as `gate shell-init` has
    /// it look at each prompt, since none is shown.
    fn script(&self, mark: &str, tools: &[OsString]) -> Option<Vec<u8>> {
        let is_fish = is_fish(self.shell)?;
        let look = match (self.options.contains(&"-i"), is_fish) {
            (false, _) => "",
            (true, true) => "functions -q __gate_first; and __gate_first 2>/dev/null\n",
            (true, false) => {
                "command -v __gate_first >/dev/null 2>&1 && __gate_first 2>/dev/null\n"
            }
        };
        let path = if is_fish {
            "(string join : -- $PATH)"
        } else {
            "\"$PATH\""
        };
        let mut script = format!("{look}printf %s {mark} {path} {mark}\n").into_bytes();
        for tool in tools {
            let word = quoted(tool, is_fish);
            if is_fish {
                script.extend(b"if functions -q -- ");
                script.extend(&word);
                script.extend(b"; printf '%s\\n' ");
                script.extend(&word);
                script.extend(b"; else; command -s -- ");
                script.extend(&word);
                script.extend(b"; end\n");
            } else {
                script.extend(b"command -v -- ");
                script.extend(&word);
                script.push(b'\n');
            }
            script.extend(format!("printf %s {mark}\n").bytes());
        }
        Some(script)
    }

    /// Returns how the shell is called, for people.
    pub(super) fn shown(&self) -> String {
        let name = self.shell.file_name().unwrap_or(self.shell.as_os_str());
        let mut text = inert(&name.to_string_lossy()).into_owned();
        for option in self.options {
            text.push(' ');
            text.push_str(option);
        }
        text.push_str(" -c");
        text
    }
}

/// Tells which language a shell speaks, by its name.
fn is_fish(shell: &Path) -> Option<bool> {
    let name = shell.file_name()?.to_str()?;
    match name {
        "fish" => Some(true),
        "sh" | "ash" | "bash" | "rbash" | "dash" | "zsh" | "ksh" | "ksh93" | "mksh" => Some(false),
        _ => None,
    }
}

fn quoted(word: &OsStr, is_fish: bool) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for byte in word.as_bytes() {
        match (byte, is_fish) {
            (b'\'', false) => quoted.extend(b"'\\''"),
            (b'\'' | b'\\', true) => quoted.extend([b'\\', *byte]),
            _ => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// What came out of a shell.
enum Read {
    /// All of it.
    Ended(Vec<u8>),
    /// Not enough of it in time.
    Late,
    /// More than anybody wants to read.
    TooMuch,
}

/// Reads until there are that many marks or the shell has ended. Something that
/// it started may hold the pipe open for ever.
fn until(mut stdout: ChildStdout, mark: &[u8], marks: usize) -> Read {
    let begun = Instant::now();
    let (mut bytes, mut seen) = (Vec::new(), 0);
    let mut buffer = [0; 4096];
    loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Read::Late;
        }
        if bytes.len() > MOST_BYTES {
            return Read::TooMuch;
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut watched = [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, timeout) {
            Ok(0) => return Read::Late,
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(_) => return Read::Ended(bytes),
        }
        // A mark may have come in part before.
        let from = bytes.len().saturating_sub(mark.len().saturating_sub(1));
        match stdout.read(&mut buffer) {
            Ok(0) | Err(_) => return Read::Ended(bytes),
            Ok(count) => bytes.extend(buffer.iter().take(count)),
        }
        let new = bytes.get(from..).unwrap_or_default().windows(mark.len());
        seen += new.filter(|window| *window == mark).count();
        if seen >= marks {
            return Read::Ended(bytes);
        }
    }
}

/// Ends the shell with all that is in its group.
fn end(child: &mut Child) {
    if let Ok(id) = i32::try_from(child.id()) {
        // It may have ended; then nobody is left in the group, or only what it left behind.
        let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
    }
    drop(child.wait());
}

/// Splits at each mark.
fn parts<'b>(bytes: &'b [u8], mark: &[u8]) -> Vec<&'b [u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        let (before, from) = rest.split_at(at);
        parts.push(before);
        rest = from.get(mark.len()..).unwrap_or_default();
    }
    parts.push(rest);
    parts
}

fn answered(bytes: &[u8], mark: &[u8], tools: &[OsString]) -> Option<Answered> {
    let parts = parts(bytes, mark);
    // What stands before the first mark the start-up files have printed.
    let path = parts.get(1)?;
    let said: Vec<Said> = tools
        .iter()
        .zip(parts.iter().skip(2))
        .map(|(tool, text)| said(tool, text))
        .collect();
    (said.len() == tools.len() && parts.len() > tools.len() + 2).then(|| Answered {
        path: OsString::from_vec(path.to_vec()),
        said,
    })
}

/// Reads what `command -v` printed.
fn said(tool: &OsStr, text: &[u8]) -> Said {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.is_empty() {
        return Said::Nothing;
    }
    if text == tool.as_bytes() {
        return Said::Function;
    }
    let text = text.strip_prefix(b"alias ").unwrap_or(text);
    let alias = text
        .strip_prefix(tool.as_bytes())
        .and_then(|rest| rest.strip_prefix(b"="));
    match alias {
        Some(value) => Said::Alias(String::from_utf8_lossy(value).into_owned()),
        None => Said::Path(PathBuf::from(OsString::from_vec(text.to_vec()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_prints_is_read_between_the_marks() {
        let tools = ["kubectl", "git", "aws", "psql"].map(OsString::from);
        let output = b"welcome\nM/a:/bMalias kubectl='kubectl --x'\nM/usr/bin/git\nMaws\nMMbye";
        let answered = answered(output, b"M", &tools).unwrap();
        assert_eq!(answered.path, "/a:/b");
        assert_eq!(
            answered.said,
            [
                Said::Alias("'kubectl --x'".into()),
                Said::Path("/usr/bin/git".into()),
                Said::Function,
                Said::Nothing,
            ]
        );
        assert!(super::answered(b"M/a:/bM", b"M", &tools).is_none());
    }

    #[test]
    fn what_prints_without_end_is_told_as_that_and_a_mark_in_two_pieces_is_one() {
        let read = |program: &str, words: &[&str]| {
            let mut command = Command::new(program);
            let child = command.args(words).stdout(Stdio::piped()).spawn();
            let mut child = child.unwrap();
            let read = until(child.stdout.take().unwrap(), b"MARK", 2);
            drop(child.kill());
            drop(child.wait());
            read
        };
        assert!(matches!(read("yes", &[]), Read::TooMuch));
        let pieces = "printf xMA; sleep 0.1; printf RKyMAR; sleep 0.1; printf K; exec sleep 60";
        let Read::Ended(bytes) = read("sh", &["-c", pieces]) else {
            panic!("it was not read to its second mark");
        };
        assert_eq!(bytes, b"xMARKyMARK");
    }

    #[test]
    fn a_name_is_one_word_of_the_script() {
        assert_eq!(quoted(OsStr::new("a'b\\c"), false), b"'a'\\''b\\c'");
        assert_eq!(quoted(OsStr::new("a'b\\c"), true), b"'a\\'b\\\\c'");
        assert_eq!(is_fish(Path::new("/bin/tcsh")), None);
    }
}
