//! Letting go of the pipes and locks that are now the tool's.
//!
//! A reader sees the end of a pipe, a writer its closed reader, and a lock its release only when
//! nobody holds the descriptor any more. A gate that kept its copies would keep them from the tool.

use std::ffi::c_int;
use std::fs::OpenOptions;
use std::os::fd::AsRawFd;

/// Turns the inherited descriptors into `/dev/null`, standard error excepted, which gate's own
/// messages need. They are replaced and not closed, so that no later file gets their number.
pub(super) fn release() {
    let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") else {
        return;
    };
    for descriptor in open_descriptors() {
        if descriptor == libc::STDERR_FILENO || descriptor == null.as_raw_fd() {
            continue;
        }
        // SAFETY: F_GETFD only reads; a number that is no descriptor is only an error.
        let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFD) };
        // gate's own descriptors are all close-on-exec; what is not was inherited or handed on.
        if flags >= 0 && flags & libc::FD_CLOEXEC == 0 {
            // SAFETY: the number stays a valid open descriptor for whoever owns it.
            unsafe { libc::dup3(null.as_raw_fd(), descriptor, libc::O_CLOEXEC) };
        }
    }
}

fn open_descriptors() -> Vec<c_int> {
    let Ok(folder) = std::fs::read_dir("/proc/self/fd") else {
        return vec![libc::STDIN_FILENO, libc::STDOUT_FILENO];
    };
    folder
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}
