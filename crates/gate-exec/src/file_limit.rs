//! The limit on the length of files (`ulimit -f`), beyond which a write kills by SIGXFSZ.

use crate::syscall;

/// Returns how long this process may make a file, in bytes; none where nothing limits it.
///
/// Source: `getrlimit(2)`, `RLIMIT_FSIZE`.
pub fn file_limit_bytes() -> Option<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the structure lives through the call, which writes nothing else.
    let failed = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } != 0;
    (!failed && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// Has a write beyond the limit fail, as on a full disk, in the place of killing. A tool gets the
/// signal as it was inherited.
pub fn outlive_file_limit() {
    syscall::set_action(libc::SIGXFSZ, libc::SIG_IGN);
}
