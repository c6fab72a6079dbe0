//! Signals: what was inherited, how they are passed on, how a wait is cancelled by one.
//!
//! All signal code of gate lives here and in [`crate::supervise`].

pub mod cancel;
pub(crate) mod disposition;
pub(crate) mod relay;
mod set;
mod tool_state;
pub(crate) mod witness;

pub use set::SignalSet;

/// Blocks every signal in the calling thread, for good: what is sent to the process is for another
/// thread to take.
///
/// A thread that helps another must do so before [`crate::supervise`]: that takes the signals of
/// the process one by one, and can't take what a helper was given. Source: `signal(7)`, "Signal
/// mask and pending signals".
pub fn leave_to_others() {
    crate::syscall::set_blocked(SignalSet::ALL.bits());
}

/// The signals that stop a process and can be caught. Source: `signal(7)`.
pub(crate) const STOPPING: [std::ffi::c_int; 3] = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_leaves_signals_to_others_takes_none() {
        let read = || {
            leave_to_others();
            std::fs::read_to_string("/proc/thread-self/status")
        };
        let status = std::thread::spawn(read).join().unwrap().unwrap();
        let mut lines = status.lines();
        let blocked = lines.find_map(|line| line.strip_prefix("SigBlk:\t"));
        // KILL and STOP can't be blocked.
        assert_eq!(blocked, Some("fffffffffffbfeff"));
    }
}
