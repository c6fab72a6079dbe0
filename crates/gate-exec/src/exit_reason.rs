//! How a process ended, and how gate ends in the same way.

use std::ffi::c_int;

use crate::signal::SignalSet;
use crate::syscall;

/// How a tool ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// It exited with this code.
    Code(u8),
    /// A signal ended it.
    Signal {
        /// The number of the signal, 1 to 64.
        number: i32,
        /// Whether the kernel says that it wrote a core file.
        core_dumped: bool,
    },
}

impl ExitReason {
    /// Reads a status from `wait(2)`; nothing when the process has only stopped or continued.
    pub(crate) fn from_wait_status(status: c_int) -> Option<Self> {
        if libc::WIFEXITED(status) {
            let code = u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX);
            return Some(Self::Code(code));
        }
        libc::WIFSIGNALED(status).then(|| Self::Signal {
            number: libc::WTERMSIG(status),
            core_dumped: libc::WCOREDUMP(status),
        })
    }

    /// Ends this process in the same way: with the same code, or by the same signal.
    ///
    /// The caller sees what it would have seen from the tool, except for the core flag: gate
    /// never writes a core file of its own.
    pub fn exit_process(self) -> ! {
        match self {
            Self::Code(code) => std::process::exit(i32::from(code)),
            Self::Signal { number, .. } => die_by_signal(number),
        }
    }
}

/// Ends this process by `signal`, as if it had never been caught, ignored or blocked.
///
/// Should the kernel not let the signal end the process (it is no fatal signal, or this is PID 1
/// of a container), the process exits with 128 + `signal`, as a shell would report it.
///
/// Source: `sudo(8)`, "Exit value": the command's signal is sent to sudo itself.
pub fn die_by_signal(signal: i32) -> ! {
    let no_core = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the limit is a valid structure that is only read.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core) };
    // The limit does not hold for a core handler behind a pipe (`core(5)`); this does.
    // SAFETY: the option takes one number.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    syscall::set_action(signal, libc::SIG_DFL);
    syscall::kill(syscall::process_id(), signal);
    syscall::set_blocked(SignalSet::ALL.without(signal).bits());
    syscall::exit_now(signal.wrapping_add(128))
}
