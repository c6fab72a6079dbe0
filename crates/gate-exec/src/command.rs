//! What is to be run, byte for byte, and why it could not be.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use crate::resolve::{Quoted, Tool};

/// How the kernel is told which file to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecBy {
    /// By the path under which the tool was found, after comparing its identity once more. The
    /// tool cannot tell it from a run without gate.
    Path,
    /// By the descriptor that has been open since the tool was found: what was hashed is what runs,
    /// whatever happens to the path meanwhile. The tool can tell: `AT_EXECFN` is `/dev/fd/N`, and
    /// `/proc/PID/comm` is the last name of the canonical path (before Linux 6.14 the number).
    /// A script must be opened by its interpreter again, so scripts always run by path.
    Descriptor,
}

/// One run of a tool. Everything not named here (working directory, umask, limits, process
/// group, terminal) is inherited untouched.
#[derive(Debug)]
pub struct Command {
    /// The tool, as [`crate::resolve()`] found it.
    pub tool: Tool,
    /// The arguments, `argv[0]` as it was typed.
    pub argv: Vec<CString>,
    /// The environment, in this order, each entry as it is: also ones without `=` and doubles.
    pub env: Vec<CString>,
    /// Descriptors handed to the tool at their own numbers, such as snapshots of its inputs.
    pub fds: Vec<OwnedFd>,
    /// What the tool gets as standard input instead of gate's own.
    pub stdin: Option<OwnedFd>,
    /// How the kernel is told which file to run.
    pub exec_by: ExecBy,
}

impl Command {
    /// Makes a command that runs by path and hands nothing on.
    pub fn new(tool: Tool, argv: Vec<CString>, env: Vec<CString>) -> Self {
        Self {
            tool,
            argv,
            env,
            fds: Vec::new(),
            stdin: None,
            exec_by: ExecBy::Path,
        }
    }
}

/// Why a tool that was found did not start. Nothing of it ever ran, except with
/// [`ExecError::Lost`].
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The file is gone, or a script's interpreter or a program's loader is missing.
    #[error("cannot find {} or what it needs to start", Quoted(.path.as_os_str()))]
    NotFound {
        /// The tool's path.
        path: PathBuf,
        /// What `execve(2)` said.
        source: io::Error,
    },
    /// The kernel refused to run it.
    #[error("cannot run {}", Quoted(.path.as_os_str()))]
    CannotRun {
        /// The tool's path.
        path: PathBuf,
        /// What `execve(2)` said.
        source: io::Error,
    },
    /// The file is not the one that was examined: replaced or written to since.
    #[error("{} changed after it was examined", Quoted(.path.as_os_str()))]
    Changed {
        /// The tool's path.
        path: PathBuf,
    },
    /// gate could not make a process for it.
    #[error("cannot start a process for {}", Quoted(.path.as_os_str()))]
    NoProcess {
        /// The tool's path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It started, and then the kernel would not say how it ended.
    #[error("{} was started; how it ended is not known", Quoted(.path.as_os_str()))]
    Lost {
        /// The tool's path.
        path: PathBuf,
        /// What `wait4(2)` said.
        source: io::Error,
    },
    /// [`crate::SuperviseEvents::may_start`] said no at the last moment.
    #[error("the start of {} was called off", Quoted(.path.as_os_str()))]
    CalledOff {
        /// The tool's path.
        path: PathBuf,
    },
}

impl ExecError {
    /// Reads the error number of `execve(2)`.
    pub(crate) fn from_exec(path: PathBuf, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => Self::NotFound { path, source },
            _ => Self::CannotRun { path, source },
        }
    }

    /// Returns the exit code of `env(1)` for this: 127 not found, 126 cannot run, 125 when gate
    /// itself failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::CannotRun { .. } => 126,
            Self::Changed { .. }
            | Self::NoProcess { .. }
            | Self::Lost { .. }
            | Self::CalledOff { .. } => 125,
        }
    }

    /// Returns what the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => {
                "see that the tool and the interpreter in its first line exist"
            }
            Self::CannotRun { .. } => "see that the tool is made for this machine and executable",
            Self::Changed { .. } => "let the update finish, then run the command again",
            Self::NoProcess { .. } => "free memory, or raise the limit of processes (ulimit -u)",
            Self::Lost { .. } => "it may have done its work: look at its effects first",
            Self::CalledOff { .. } => "run the command again",
        }
    }
}
