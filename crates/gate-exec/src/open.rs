//! Opens a file as the kernel does.

use std::ffi::{CString, c_int};
use std::fs::File;
use std::io;
use std::os::fd::FromRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Opens the file at `path`, for reading unless `flags` say otherwise, to be closed when the
/// process becomes another program. It is one system call: the `open(3)` of musl makes two.
///
/// # Errors
/// What `open(2)` says.
pub fn open(path: &Path, flags: c_int) -> io::Result<File> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let flags = flags | libc::O_CLOEXEC | libc::O_LARGEFILE;
    loop {
        // SAFETY: the path is a C string, and the flags create nothing, so there is no mode to read.
        let descriptor = unsafe { libc::openat(libc::AT_FDCWD, path.as_ptr(), flags) };
        if descriptor >= 0 {
            // SAFETY: it was opened here, and nobody else has it.
            return Ok(unsafe { File::from_raw_fd(descriptor) });
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
