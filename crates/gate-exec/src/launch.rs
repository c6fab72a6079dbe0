//! The last steps before a tool's first instruction, the same for replacing and supervising.
//!
//! Everything that allocates happens in [`Plan::prepare`]. [`Plan::execute`] makes system calls only,
//! for it also runs in a child that shares gate's memory.

use std::ffi::{CStr, CString, c_char, c_int};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;

use crate::resolve::passed::{self, Bearer};
use crate::signal::disposition;
use crate::{Command, ExecBy, ExecError, InitialState, ToolKind, syscall};

/// What runs a file in no known format. Source: `execvp(3)`.
const SHELL: &CStr = c"/bin/sh";

/// A command with everything laid out as the kernel wants it.
pub(crate) struct Plan<'a> {
    path: CString,
    /// The descriptor to execute, when not by path.
    program: Option<c_int>,
    argv: Vec<*const c_char>,
    shell_argv: Vec<*const c_char>,
    env: Vec<*const c_char>,
    /// What `env` points to beside the command's own.
    _passed: Option<CString>,
    hand_on: Vec<c_int>,
    stdin: Option<c_int>,
    initial: &'a InitialState,
}

impl<'a> Plan<'a> {
    /// Lays `command` out and looks once more whether its file is the one that was examined.
    pub(crate) fn prepare(
        command: &'a Command,
        initial: &'a InitialState,
        bearer: Bearer,
    ) -> Result<Self, ExecError> {
        let tool = &command.tool;
        let cannot = |source| ExecError::from_exec(tool.path.clone(), source);
        let path = CString::new(tool.path.as_os_str().as_bytes())
            .map_err(|error| cannot(io::Error::from(error)))?;
        let is_by_descriptor = command.exec_by == ExecBy::Descriptor && tool.kind == ToolKind::Elf;
        let has_changed = if is_by_descriptor {
            tool.file.has_changed()
        } else {
            tool.file.was_replaced_at(&tool.path)
        };
        if has_changed.map_err(cannot)? {
            return Err(ExecError::Changed {
                path: tool.path.clone(),
            });
        }
        let shell_argv = [SHELL.as_ptr(), path.as_ptr()]
            .into_iter()
            .chain(
                command
                    .argv
                    .iter()
                    .skip(1)
                    .map(|argument| argument.as_ptr()),
            )
            .chain([std::ptr::null()])
            .collect();
        let passed = passed::entry(tool, bearer);
        Ok(Self {
            shell_argv,
            program: is_by_descriptor.then(|| tool.file.file().as_raw_fd()),
            argv: pointers(command.argv.iter()),
            env: pointers(command.env.iter().chain(&passed)),
            _passed: passed,
            hand_on: command.fds.iter().map(AsRawFd::as_raw_fd).collect(),
            stdin: command.stdin.as_ref().map(AsRawFd::as_raw_fd),
            initial,
            path,
        })
    }

    /// Restores what this process inherited and becomes the tool. Returns the error number of the
    /// step that failed: without its descriptors nothing is executed, for a tool whose approved
    /// input could not be put on standard input would read gate's own.
    ///
    /// `unblocking` is called last before the inherited mask is set and signals can arrive again.
    /// Async-signal-safe, as long as `unblocking` is.
    pub(crate) fn execute(&self, unblocking: impl FnOnce()) -> c_int {
        disposition::restore(self.initial.ignored());
        if let Err(error) = self.place_descriptors() {
            return error;
        }
        unblocking();
        syscall::set_blocked(self.initial.blocked().bits());
        self.exec()
    }

    fn place_descriptors(&self) -> Result<(), c_int> {
        for descriptor in &self.hand_on {
            // SAFETY: clears the close-on-exec flag of a descriptor that the command owns.
            succeeded(unsafe { libc::fcntl(*descriptor, libc::F_SETFD, 0) })?;
        }
        if let Some(stdin) = self.stdin {
            // SAFETY: both are numbers; the source is owned by the command.
            succeeded(unsafe { libc::dup2(stdin, 0) })?;
        }
        for descriptor in 0..3 {
            let is_taken = self.hand_on.contains(&descriptor)
                || self.program == Some(descriptor)
                || (descriptor == 0 && self.stdin.is_some());
            if self.initial.was_closed(descriptor) && !is_taken {
                // SAFETY: the descriptor is the `/dev/null` that Rust's runtime put there; this
                // process is about to become the tool and uses it no more.
                unsafe { libc::close(descriptor) };
            }
        }
        Ok(())
    }

    fn exec(&self) -> c_int {
        let Some(descriptor) = self.program else {
            return match exec_path(&self.path, &self.argv, &self.env) {
                libc::ENOEXEC => exec_path(SHELL, &self.shell_argv, &self.env),
                error => error,
            };
        };
        // The shell would read whatever stands at the path, which is not this descriptor.
        self.exec_descriptor(descriptor)
    }

    fn exec_descriptor(&self, descriptor: c_int) -> c_int {
        // SAFETY: the vectors end in null and point to C strings that `command` holds.
        let result = unsafe {
            libc::syscall(
                libc::SYS_execveat,
                descriptor,
                c"".as_ptr(),
                self.argv.as_ptr(),
                self.env.as_ptr(),
                libc::AT_EMPTY_PATH,
            )
        };
        debug_assert!(result < 0, "execveat returns on failure only");
        last_error_number()
    }
}

fn exec_path(path: &CStr, argv: &[*const c_char], env: &[*const c_char]) -> c_int {
    // SAFETY: the vectors end in null and point to C strings that outlive the call.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    last_error_number()
}

fn succeeded(result: c_int) -> Result<(), c_int> {
    if result < 0 {
        return Err(last_error_number());
    }
    Ok(())
}

fn last_error_number() -> c_int {
    io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::EIO)
}

fn pointers<'s>(strings: impl Iterator<Item = &'s CString>) -> Vec<*const c_char> {
    strings
        .map(|string| string.as_ptr())
        .chain([std::ptr::null()])
        .collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::fd::{FromRawFd as _, IntoRawFd as _, OwnedFd};

    use super::*;
    use crate::{Exclusions, SuperviseEvents, resolve, supervise};

    /// A number that no process has open.
    const NOT_OPEN: c_int = 1 << 20;

    struct Silent;

    impl SuperviseEvents for Silent {
        fn started(&mut self, _pid: u32) {}
    }

    /// What becomes of a tool that leaves a file, when one of its descriptors can't be given to it.
    #[track_caller]
    fn assert_not_started(spoil: impl FnOnce(&mut Command, OwnedFd)) {
        let folder = tempfile::tempdir().unwrap();
        let trace = folder.path().join("ran");
        let exclusions = Exclusions::of_this_program().unwrap();
        let tool = resolve(OsStr::new("/bin/sh"), None, &exclusions).unwrap();
        let argv = ["sh", "-c", &format!("echo > '{}'", trace.display())];
        let argv = argv.map(|word| CString::new(word).unwrap()).to_vec();
        let mut command = Command::new(tool, argv, Vec::new());
        // SAFETY: it is open nowhere, so it is nobody else's; it is taken back before it is dropped.
        spoil(&mut command, unsafe { OwnedFd::from_raw_fd(NOT_OPEN) });
        let ran = supervise(&command, &InitialState::captured(), &mut Silent);
        let bad = command.stdin.take().or_else(|| command.fds.pop()).unwrap();
        assert_eq!(bad.into_raw_fd(), NOT_OPEN);
        let Err(ExecError::CannotRun { source, .. }) = ran else {
            panic!("{ran:?}");
        };
        assert_eq!(source.raw_os_error(), Some(libc::EBADF));
        assert!(!trace.exists(), "the tool ran");
    }

    #[test]
    fn a_tool_that_can_not_get_its_approved_input_is_not_started() {
        assert_not_started(|command, bad| command.stdin = Some(bad));
    }

    #[test]
    fn a_tool_that_can_not_get_a_snapshot_is_not_started() {
        assert_not_started(|command, bad| command.fds.push(bad));
    }
}
