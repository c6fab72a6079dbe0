//! The terminal as gate sees it: is there one, which, how wide. Nothing here changes its modes.

use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

/// Returns whether `descriptor` is a terminal.
pub fn is_terminal(descriptor: impl AsFd) -> bool {
    // SAFETY: the descriptor is borrowed and so open; the call only reads.
    unsafe { libc::isatty(descriptor.as_fd().as_raw_fd()) == 1 }
}

/// Returns the name of the terminal behind `descriptor`, such as `/dev/pts/3`.
///
/// Nothing when it is no terminal, or one whose name lies outside this mount namespace.
pub fn name(descriptor: impl AsFd) -> Option<PathBuf> {
    let descriptor = descriptor.as_fd();
    if !is_terminal(descriptor) {
        return None;
    }
    let link = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    let name = std::fs::read_link(link).ok()?;
    (name.is_absolute() && name.exists()).then_some(name)
}

/// Returns the width of the terminal behind `descriptor` in columns.
///
/// Nothing when it is no terminal, or one that does not know its size.
pub fn width(descriptor: impl AsFd) -> Option<u16> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let descriptor = descriptor.as_fd().as_raw_fd();
    // SAFETY: TIOCGWINSZ writes one `winsize`, and `size` is one.
    let result = unsafe { libc::ioctl(descriptor, libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then_some(size.ws_col)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::{Winsize, openpty};

    #[test]
    fn a_pty_is_a_terminal_with_a_name_and_a_width() {
        let size = Winsize {
            ws_row: 24,
            ws_col: 91,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).unwrap();
        assert!(is_terminal(&pty.slave));
        assert!(name(&pty.slave).unwrap().starts_with("/dev/pts"));
        assert_eq!(width(&pty.slave), Some(91));
    }

    #[test]
    fn a_file_is_no_terminal_and_has_no_width() {
        let file = tempfile::tempfile().unwrap();
        assert!(!is_terminal(&file));
        assert_eq!(name(&file), None);
        assert_eq!(width(&file), None);
    }
}
