//! Becoming the tool: when nothing has to happen afterwards, nothing of gate stays.

use std::convert::Infallible;
use std::ffi::c_int;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;

use crate::launch::Plan;
use crate::resolve::passed::Bearer;
use crate::{Command, ExecError, InitialState, outlive_file_limit, syscall};

/// Replaces this process by the tool, with the signals and descriptors that gate inherited.
///
/// # Errors
/// [`ExecError::NotFound`] (127), [`ExecError::CannotRun`] (126) or [`ExecError::Changed`]. gate
/// then goes on with signals as inherited, except that SIGPIPE is ignored as Rust expects, and
/// SIGXFSZ as [`crate::outlive_file_limit`] has it.
///
/// Source: `execve(2)`; for files in no known format `execvp(3)`.
pub fn replace(command: &Command, initial: &InitialState) -> Result<Infallible, ExecError> {
    let plan = Plan::prepare(command, initial, Bearer::Itself)?;
    let error = plan.execute(|| {});
    // A descriptor that is closed now would become the next file that gate opens, and gate's
    // messages would then be written into that file.
    fill_standard_descriptors(initial);
    syscall::set_action(libc::SIGPIPE, libc::SIG_IGN);
    outlive_file_limit();
    let source = io::Error::from_raw_os_error(error);
    Err(ExecError::from_exec(command.tool.path.clone(), source))
}

fn fill_standard_descriptors(initial: &InitialState) {
    let closed: Vec<c_int> = (0..3)
        .filter(|number| initial.was_closed(*number))
        .collect();
    if closed.is_empty() {
        return;
    }
    let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") else {
        return;
    };
    for number in closed {
        // SAFETY: `null` is open, and nothing owns a descriptor that was closed from the start.
        unsafe { libc::dup2(null.as_raw_fd(), number) };
    }
    // When `null` itself came to stand on one of these numbers it must stay open.
    if null.as_raw_fd() < 3 {
        let _ = std::os::fd::IntoRawFd::into_raw_fd(null);
    }
}
