//! System calls made directly, where the C library would do something else than asked.
//!
//! `sigaction(3)` hides the two real-time signals that glibc keeps for itself, `sigprocmask(3)`
//! silently drops them from a mask, `clone(3)` wants a stack discipline of its own, and all of
//! them write `errno` into thread-local storage, which [`crate::supervise`]'s witness shares with
//! gate and must not touch. The layouts here are the kernel's, for 64-bit Linux.

use std::ffi::{c_int, c_void};
use std::time::Duration;

/// The highest signal number of Linux on the supported architectures.
pub(crate) const LAST_SIGNAL: c_int = 64;

/// `SI_QUEUE`: sent with a value by `sigqueue(3)`.
pub(crate) const SI_QUEUE: c_int = -1;

/// Bytes in the kernel's signal set.
const SET_BYTES: usize = 8;

/// `siginfo_t` as far as gate reads it: kill, sigqueue and the kernel's own signals.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignalInfo {
    pub(crate) number: c_int,
    errno: c_int,
    pub(crate) code: c_int,
    padding: c_int,
    /// The sender; 0 when the kernel sent it or the sender's PID namespace is not ours.
    pub(crate) pid: c_int,
    uid: u32,
    pub(crate) value: u64,
    rest: [u64; 12],
}

impl SignalInfo {
    pub(crate) const fn empty() -> Self {
        Self {
            number: 0,
            errno: 0,
            code: 0,
            padding: 0,
            pid: 0,
            uid: 0,
            value: 0,
            rest: [0; 12],
        }
    }

    /// A signal `number` queued with `value`, claiming to come from `pid`.
    pub(crate) const fn queued(number: c_int, pid: c_int, value: u64) -> Self {
        let mut info = Self::empty();
        info.number = number;
        info.code = SI_QUEUE;
        info.pid = pid;
        info.value = value;
        info
    }
}

/// The kernel's `struct sigaction` on x86-64 and arm64. The restorer is only used for handlers,
/// which this crate installs through `sigaction(3)`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct KernelAction {
    pub(crate) handler: usize,
    pub(crate) flags: u64,
    restorer: usize,
    mask: u64,
}

impl KernelAction {
    pub(crate) const fn with_handler(handler: usize) -> Self {
        Self {
            handler,
            flags: 0,
            restorer: 0,
            mask: 0,
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod arch {
    use core::arch::asm;

    /// Makes a system call without touching `errno`.
    ///
    /// # Safety
    /// The arguments must be what the call `number` requires.
    pub(crate) unsafe fn call(number: i64, args: [usize; 4]) -> i64 {
        let result: i64;
        let [a, b, c, d] = args;
        // SAFETY: the instruction clobbers rcx and r11 only; the caller vouches for the arguments.
        unsafe {
            asm!("syscall", inlateout("rax") number => result,
                 in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
                 lateout("rcx") _, lateout("r11") _, options(nostack));
        }
        result
    }

    /// `clone(2)` where the new task calls `entry(argument)` on its own stack.
    ///
    /// # Safety
    /// `stack_top` must be 16-byte aligned, and the stack below it must outlive the new task.
    pub(crate) unsafe fn clone(
        flags: usize,
        stack_top: *mut u8,
        entry: extern "C" fn(*mut core::ffi::c_void) -> !,
        argument: *mut core::ffi::c_void,
    ) -> i64 {
        let result: i64;
        // SAFETY: in the parent this is a plain system call. The new task has a fresh stack and
        // never leaves the block: `entry` does not return.
        unsafe {
            asm!(
                "syscall",
                "test rax, rax",
                "jnz 2f",
                "xor ebp, ebp",
                "mov rdi, r12",
                "call r13",
                "ud2",
                "2:",
                inlateout("rax") libc::SYS_clone => result,
                in("rdi") flags, in("rsi") stack_top, in("rdx") 0usize, in("r10") 0usize,
                in("r8") 0usize, in("r12") argument, in("r13") entry,
                lateout("rcx") _, lateout("r11") _,
            );
        }
        result
    }
}

#[cfg(target_arch = "aarch64")]
mod arch {
    use core::arch::asm;

    /// Makes a system call without touching `errno`.
    ///
    /// # Safety
    /// The arguments must be what the call `number` requires.
    pub(crate) unsafe fn call(number: i64, args: [usize; 4]) -> i64 {
        let [a, b, c, d] = args;
        let result: i64;
        // SAFETY: the instruction preserves all registers but x0; the caller vouches for the rest.
        unsafe {
            asm!("svc 0", in("x8") number, inlateout("x0") a => result,
                 in("x1") b, in("x2") c, in("x3") d, options(nostack));
        }
        result
    }

    /// `clone(2)` where the new task calls `entry(argument)` on its own stack.
    ///
    /// # Safety
    /// `stack_top` must be 16-byte aligned, and the stack below it must outlive the new task.
    pub(crate) unsafe fn clone(
        flags: usize,
        stack_top: *mut u8,
        entry: extern "C" fn(*mut core::ffi::c_void) -> !,
        argument: *mut core::ffi::c_void,
    ) -> i64 {
        let result: i64;
        // SAFETY: in the parent this is a plain system call. The new task has a fresh stack and
        // never leaves the block: `entry` does not return.
        unsafe {
            asm!(
                "svc 0",
                "cbnz x0, 2f",
                "mov x29, xzr",
                "mov x0, x20",
                "blr x21",
                "brk #1",
                "2:",
                in("x8") libc::SYS_clone, inlateout("x0") flags => result,
                in("x1") stack_top, in("x2") 0usize, in("x3") 0usize, in("x4") 0usize,
                in("x20") argument, in("x21") entry,
            );
        }
        result
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("gate-exec starts tools by a raw clone(2), written for x86-64 and arm64 only");

pub(crate) use arch::{call, clone};

/// Reads what `signal` does now.
pub(crate) fn action(signal: c_int) -> Option<KernelAction> {
    let mut old = KernelAction::with_handler(0);
    // SAFETY: a null new action only reads; `old` is a valid place of the kernel's layout.
    let result = unsafe {
        call(
            libc::SYS_rt_sigaction,
            [
                signal.cast_unsigned() as usize,
                0,
                (&raw mut old) as usize,
                SET_BYTES,
            ],
        )
    };
    (result == 0).then_some(old)
}

/// Makes `signal` ignored (`SIG_IGN`) or default (`SIG_DFL`). KILL and STOP stay what they are.
pub(crate) fn set_action(signal: c_int, handler: usize) {
    let new = KernelAction::with_handler(handler);
    // SAFETY: `new` is a valid action without a handler function; the old one is not asked for.
    unsafe {
        call(
            libc::SYS_rt_sigaction,
            [
                signal.cast_unsigned() as usize,
                (&raw const new) as usize,
                0,
                SET_BYTES,
            ],
        );
    }
}

/// Replaces the blocked set of the calling thread, all 64 signals included, and returns the old.
pub(crate) fn set_blocked(mask: u64) -> u64 {
    let mut old = 0_u64;
    // SAFETY: both sets are eight valid bytes.
    unsafe {
        call(
            libc::SYS_rt_sigprocmask,
            [
                libc::SIG_SETMASK.cast_unsigned() as usize,
                (&raw const mask) as usize,
                (&raw mut old) as usize,
                SET_BYTES,
            ],
        );
    }
    old
}

/// Reads the blocked set of the calling thread.
pub(crate) fn blocked() -> u64 {
    let mut old = 0_u64;
    // SAFETY: a null new set only reads; `old` is eight valid bytes.
    unsafe {
        call(
            libc::SYS_rt_sigprocmask,
            [0, 0, (&raw mut old) as usize, SET_BYTES],
        );
    }
    old
}

/// Returns the signals that wait for the calling process because it blocks them.
pub(crate) fn pending() -> u64 {
    let mut set = 0_u64;
    // SAFETY: `set` is eight valid bytes.
    unsafe {
        call(
            libc::SYS_rt_sigpending,
            [(&raw mut set) as usize, SET_BYTES, 0, 0],
        );
    }
    set
}

/// Takes one pending signal of `mask`, waiting for it up to `timeout` (for ever without one).
/// Returns nothing when the time is over or something else woke the wait.
pub(crate) fn take_signal(mask: u64, timeout: Option<Duration>) -> Option<SignalInfo> {
    let mut info = SignalInfo::empty();
    let limit = timeout.map(timespec);
    let limit_at = limit.as_ref().map_or(0, |limit| &raw const *limit as usize);
    // SAFETY: set, info and timeout are valid for the call and have the kernel's layout.
    let result = unsafe {
        call(
            libc::SYS_rt_sigtimedwait,
            [
                (&raw const mask) as usize,
                (&raw mut info) as usize,
                limit_at,
                SET_BYTES,
            ],
        )
    };
    (result > 0).then_some(info)
}

/// Queues `info` for the process `pid`.
pub(crate) fn queue_signal(pid: c_int, info: &SignalInfo) -> bool {
    // SAFETY: `info` has the kernel's layout and is only read.
    let result = unsafe {
        call(
            libc::SYS_rt_sigqueueinfo,
            [
                pid.cast_unsigned() as usize,
                info.number.cast_unsigned() as usize,
                &raw const *info as usize,
                0,
            ],
        )
    };
    result == 0
}

/// Sends `signal` to the one process `pid`.
pub(crate) fn kill(pid: c_int, signal: c_int) {
    // SAFETY: `kill(2)` takes two numbers.
    unsafe {
        call(
            libc::SYS_kill,
            [
                pid.cast_unsigned() as usize,
                signal.cast_unsigned() as usize,
                0,
                0,
            ],
        );
    }
}

/// Ends the calling task at once, without any clean-up of this process.
pub(crate) fn exit_now(code: c_int) -> ! {
    loop {
        // SAFETY: `exit_group(2)` takes a number and does not return.
        unsafe {
            call(
                libc::SYS_exit_group,
                [code.cast_unsigned() as usize, 0, 0, 0],
            );
        }
    }
}

/// Returns the process id as the kernel says now, never one that was remembered.
pub(crate) fn process_id() -> c_int {
    // SAFETY: `getpid(2)` takes nothing and cannot fail.
    truncate(unsafe { call(libc::SYS_getpid, [0; 4]) })
}

/// Returns the parent's process id.
pub(crate) fn parent_id() -> c_int {
    // SAFETY: `getppid(2)` takes nothing and cannot fail.
    truncate(unsafe { call(libc::SYS_getppid, [0; 4]) })
}

/// Narrows a system call's result that is known to be a C `int`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "process ids and error numbers are C ints"
)]
pub(crate) const fn truncate(result: i64) -> c_int {
    result as c_int
}

/// Sleeps until `word` is no longer `seen`, or `timeout` has passed. May return early.
pub(crate) fn futex_wait(word: *const u32, seen: u32, timeout: Duration) {
    let limit = timespec(timeout);
    // SAFETY: `word` points to a live atomic (the caller holds it), the timeout is valid.
    unsafe {
        call(
            libc::SYS_futex,
            [
                word as usize,
                libc::FUTEX_WAIT.cast_unsigned() as usize,
                seen as usize,
                (&raw const limit) as usize,
            ],
        );
    }
}

/// Wakes whoever sleeps on `word`.
pub(crate) fn futex_wake(word: *const u32) {
    // SAFETY: waking takes the address as a key only.
    unsafe {
        call(
            libc::SYS_futex,
            [
                word as usize,
                libc::FUTEX_WAKE.cast_unsigned() as usize,
                1,
                0,
            ],
        );
    }
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

/// Asks the kernel to end the calling task with `signal` when its parent thread ends.
pub(crate) fn die_with_parent(signal: c_int) {
    // SAFETY: `prctl(PR_SET_PDEATHSIG)` takes a number.
    unsafe {
        call(
            libc::SYS_prctl,
            [
                libc::PR_SET_PDEATHSIG.cast_unsigned() as usize,
                signal.cast_unsigned() as usize,
                0,
                0,
            ],
        );
    }
}

/// An `extern "C"` entry point of a task made by [`clone`].
pub(crate) type Entry = extern "C" fn(*mut c_void) -> !;
