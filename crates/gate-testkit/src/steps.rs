//! Follows a program instruction by instruction, until it becomes another program.
//!
//! What is counted so is the same each time, however busy the machine is: where a time would be
//! noise, a regression shows.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use nix::libc::{c_long, user_regs_struct};
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// The bytes of `syscall`.
const SYSTEM_CALL: c_long = 0x050f;
/// More than a program that is followed here has, by far: one that goes on is stuck.
const MOST: u64 = 50_000_000;

/// What a program did before it became another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// Instructions of its own, not the kernel's.
    pub instructions: u64,
    /// System calls, the last one included.
    pub system_calls: u64,
    /// The file of the program that it became.
    pub became: PathBuf,
}

/// Starts `argv` with this environment alone, in the folder and with the standard input that
/// `command` has, and calls `look` with the registers before each instruction.
///
/// # Errors
/// It can't be started or followed, or it ends without becoming another program.
///
/// Source: `ptrace(2)`.
pub fn follow(
    mut command: Command,
    argv: &[&OsStr],
    look: &mut dyn FnMut(Pid, &user_regs_struct),
) -> io::Result<Steps> {
    let (_, pid) = start(command.stdout(Stdio::null()), argv)?;
    let followed = attach(pid).and_then(|()| step(pid, look));
    // It may have become a program that goes on; what was to be seen of it was seen.
    let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
    let _ = waitpid(pid, None);
    followed
}

/// Starts a shell that stops before it becomes the program, to be taken hold of there.
fn start(command: &mut Command, argv: &[&OsStr]) -> io::Result<(Child, Pid)> {
    command.args(["-c", r#"kill -STOP $$; exec "$0" "$@""#]);
    let child = command.args(argv).spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    Ok((child, pid))
}

/// A program that was made to go on elsewhere.
#[derive(Debug)]
pub struct Diverted {
    /// The number of the last system call that it made before.
    pub call: u64,
    /// How it ended, and what it wrote.
    pub output: Output,
}

/// Starts `argv` as [`follow`] does. Once `calls` system calls have returned it goes on at `address`, as
/// if it had called a function there that does not return. None where it had become another program
/// before.
///
/// # Errors
/// It can't be started or followed, or it ends before.
///
/// Source: `ptrace(2)`, `PTRACE_SYSCALL`; System V ABI for AMD64, 3.2.2, for the stack.
pub fn divert(
    mut command: Command,
    argv: &[&OsStr],
    calls: u64,
    address: u64,
) -> io::Result<Option<Diverted>> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (child, pid) = start(&mut command, argv)?;
    let call = attach(pid).and_then(|()| let_call(pid, calls));
    let Ok(Some(mut registers)) = call else {
        let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
        let _ = waitpid(pid, None);
        return call.map(|_| None);
    };
    let call = registers.orig_rax;
    registers.rip = address;
    // Beyond what a function may keep below its stack, and as a call leaves it.
    registers.rsp = ((registers.rsp - 128) & !15) - 8;
    // There is no call any more that could have to be made again.
    registers.orig_rax = u64::MAX;
    ptrace::setregs(pid, registers)?;
    ptrace::detach(pid, None)?;
    let output = child.wait_with_output()?;
    Ok(Some(Diverted { call, output }))
}

/// Lets a program that has just begun make so many system calls, and returns its registers behind the
/// last one; none where it becomes another program before.
fn let_call(pid: Pid, calls: u64) -> io::Result<Option<user_regs_struct>> {
    // The first stop is behind the call by which it became the program; each further call has two.
    for _ in 0..=2 * calls {
        ptrace::syscall(pid, None)?;
        if becomes_another(pid)? {
            return Ok(None);
        }
    }
    Ok(Some(ptrace::getregs(pid)?))
}

/// Takes hold of a process that stopped itself, and lets it go on until it is the program.
fn attach(pid: Pid) -> io::Result<()> {
    waitpid(pid, Some(WaitPidFlag::WUNTRACED))?;
    ptrace::seize(pid, Options::PTRACE_O_TRACEEXEC)?;
    nix::sys::signal::kill(pid, Signal::SIGCONT)?;
    while !becomes_another(pid)? {
        ptrace::cont(pid, None)?;
    }
    Ok(())
}

/// Waits until the process stops, and tells whether that is because it became another program.
fn becomes_another(pid: Pid) -> io::Result<bool> {
    let stopped = waitpid(pid, Some(WaitPidFlag::__WALL))?;
    if matches!(stopped, WaitStatus::Exited(..) | WaitStatus::Signaled(..)) {
        return Err(io::Error::other(
            "it ended before it became another program",
        ));
    }
    let execs = Event::PTRACE_EVENT_EXEC as i32;
    Ok(matches!(stopped, WaitStatus::PtraceEvent(_, _, event) if event == execs))
}

/// Runs a command to its end, and returns the page faults of it and of what it became for which
/// nothing was read from a disk. No other child of this process may end meanwhile.
///
/// # Errors
/// It can't be started, or does not succeed.
///
/// Source: `getrusage(2)`, `ru_minflt`.
pub fn page_faults(command: &mut Command) -> io::Result<i64> {
    let so_far = || Ok::<_, io::Error>(getrusage(UsageWho::RUSAGE_CHILDREN)?.minor_page_faults());
    let before = so_far()?;
    let status = command.status()?;
    if !status.success() {
        return Err(io::Error::other(status.to_string()));
    }
    Ok(so_far()? - before)
}

fn step(pid: Pid, look: &mut dyn FnMut(Pid, &user_regs_struct)) -> io::Result<Steps> {
    let mut steps = Steps {
        instructions: 0,
        system_calls: 0,
        became: PathBuf::new(),
    };
    while steps.instructions < MOST {
        let registers = ptrace::getregs(pid)?;
        look(pid, &registers);
        let word = ptrace::read(pid, registers.rip as ptrace::AddressType)?;
        steps.system_calls += u64::from(word & 0xffff == SYSTEM_CALL);
        ptrace::step(pid, None)?;
        if becomes_another(pid)? {
            steps.became = std::fs::read_link(format!("/proc/{pid}/exe"))?;
            return Ok(steps);
        }
        steps.instructions += 1;
    }
    Err(io::Error::other("it did not become another program"))
}
