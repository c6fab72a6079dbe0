//! The terminal as gate sees it: is there one. Nothing here changes its modes.

use std::os::fd::{AsFd, AsRawFd};

/// Returns whether `descriptor` is a terminal.
pub fn is_terminal(descriptor: impl AsFd) -> bool {
    // SAFETY: the descriptor is borrowed and so open; the call only reads.
    unsafe { libc::isatty(descriptor.as_fd().as_raw_fd()) == 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::openpty;

    #[test]
    fn a_pty_is_a_terminal_and_a_file_is_none() {
        let pty = openpty(None, None).unwrap();
        assert!(is_terminal(&pty.slave));
        assert!(!is_terminal(tempfile::tempfile().unwrap()));
    }
}
