//! Whether a process is stopped, asked by system calls alone, without memory of its own.
//!
//! The witness asks, who shares gate's thread-local storage and heap and so may use neither.

use std::ffi::c_int;

use crate::syscall;

/// `/proc/`, ten digits, `/stat` and the closing zero.
const PATH_BYTES: usize = 24;
/// The state stands behind the name, which takes 64 bytes at most (`proc_pid_stat(5)`).
const HEAD_BYTES: usize = 128;

/// Returns whether `process` is stopped by a signal or a debugger. A process that is gone is not.
pub(super) fn is_stopped(process: c_int) -> bool {
    let path = path_of(process);
    let mut head = [0_u8; HEAD_BYTES];
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    let folder = libc::AT_FDCWD.cast_unsigned() as usize;
    // SAFETY: the path ends with a zero; the result is checked.
    let descriptor = unsafe {
        syscall::call(
            libc::SYS_openat,
            [
                folder,
                path.as_ptr() as usize,
                flags.cast_unsigned() as usize,
                0,
            ],
        )
    };
    let Ok(descriptor) = usize::try_from(descriptor) else {
        return false;
    };
    // SAFETY: the buffer is valid for its length, and the descriptor was just opened here.
    unsafe {
        syscall::call(
            libc::SYS_read,
            [descriptor, head.as_mut_ptr() as usize, HEAD_BYTES, 0],
        );
    }
    // SAFETY: the descriptor was opened here, and nobody else knows it.
    unsafe { syscall::call(libc::SYS_close, [descriptor, 0, 0, 0]) };
    let name_end = head.iter().rposition(|byte| *byte == b')').unwrap_or(0);
    matches!(head.get(name_end.wrapping_add(2)), Some(b'T' | b't'))
}

fn path_of(process: c_int) -> [u8; PATH_BYTES] {
    let mut path = [0_u8; PATH_BYTES];
    let mut digits = [0_u8; 10];
    let mut rest = process.unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit = last_digit(rest);
        rest /= 10;
    }
    let number = digits.iter().skip_while(|digit| **digit == b'0');
    let bytes = b"/proc/".iter().chain(number).chain(b"/stat");
    for (place, byte) in path.iter_mut().zip(bytes) {
        *place = *byte;
    }
    path
}

/// The last decimal digit of `number`, as text.
const fn last_digit(number: u32) -> u8 {
    b'0'.wrapping_add((number % 10) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_process_is_written_out() {
        assert!(path_of(1).starts_with(b"/proc/1/stat\0"));
        assert!(path_of(4_194_304).starts_with(b"/proc/4194304/stat\0"));
        assert_eq!(&path_of(i32::MAX)[..22], b"/proc/2147483647/stat\0");
    }

    #[test]
    fn a_stopped_child_is_seen_as_stopped_and_a_running_one_is_not() {
        let mut child = std::process::Command::new("/bin/sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(!is_stopped(pid));
        syscall::kill(pid, libc::SIGSTOP);
        let mut status = 0;
        // SAFETY: a valid place for the status of a child.
        unsafe { libc::waitpid(pid, &raw mut status, libc::WUNTRACED) };
        assert!(is_stopped(pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_stopped(pid));
    }
}
