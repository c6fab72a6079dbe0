//! A tool that tells what it was given and what happens to it, for tests.
//!
//! It has no Rust runtime (`no_main`), which would change the very things it reports, and does not
//! link the crate, whose mark would make it one of gate's own programs.
//!
//! - `state FD` writes signals, descriptors, argv, environment, limits and terminal to FD.
//! - `exit N`, `die N` end by code or by signal.
//! - `copy` copies standard input to output; `flood` writes until it cannot.
//! - `leave FD N` closes descriptor N, says so on FD, and ends at signal 50.
//! - `count FD` reports every signal on FD as `signal NUMBER CODE`; 50 ends it.
//! - `hold FD` reports only SIGCONT, so that all else has its default effect; 50 ends it.
//! - `group FD N` sends N to its own group, then counts.
//! - `parent FD N` sends N to its parent, then counts.
//! - `read FD` reads one line from standard input and reports it.
//! - `raw FD` puts the terminal into raw mode and ends.
#![no_main]
#![expect(
    unsafe_code,
    clippy::multiple_unsafe_ops_per_block,
    reason = "it must run without Rust's runtime and ask the C library directly"
)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI32, Ordering};

static REPORT_TO: AtomicI32 = AtomicI32::new(-1);
const LAST: c_int = 50;

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// The C library's entry.
#[unsafe(no_mangle)]
pub extern "C" fn main(count: c_int, argv: *const *const c_char) -> c_int {
    let arguments = strings(argv);
    let text = |index: usize| {
        arguments
            .get(index)
            .map(|bytes| String::from_utf8_lossy(bytes))
    };
    let number = |index: usize| text(index).and_then(|text| text.parse::<c_int>().ok());
    let first = number(2).unwrap_or(-1);
    REPORT_TO.store(first, Ordering::SeqCst);
    match text(1).as_deref() {
        Some("state") => state(count, &arguments),
        Some("exit") => return first,
        Some("die") => die(first),
        Some("copy") => return copy(),
        Some("flood") => flood(),
        Some("leave") => {
            // SAFETY: this program owns all its descriptors.
            unsafe { libc::close(number(3).unwrap_or(-1)) };
            catch(LAST);
            wait("left");
        }
        Some("count") => count_all(),
        Some("hold") => {
            catch(libc::SIGCONT);
            catch(LAST);
            wait("ready");
        }
        Some("group") => {
            catch_all();
            // SAFETY: two numbers.
            unsafe { libc::kill(0, number(3).unwrap_or(0)) };
            wait("ready");
        }
        Some("parent") => {
            catch_all();
            // SAFETY: two numbers.
            unsafe { libc::kill(libc::getppid(), number(3).unwrap_or(0)) };
            wait("ready");
        }
        Some("read") => read_line(),
        Some("raw") => raw(),
        _ => return 64,
    }
    0
}

fn strings(mut at: *const *const c_char) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        // SAFETY: `argv` and `environ` are arrays that end with a null, and this stops there.
        let entry = unsafe { *at };
        if entry.is_null() {
            return all;
        }
        // SAFETY: every entry before the null is a C string.
        all.push(unsafe { CStr::from_ptr(entry) }.to_bytes().to_vec());
        // SAFETY: the end was not reached.
        at = unsafe { at.add(1) };
    }
}

fn report(text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let to = REPORT_TO.load(Ordering::SeqCst);
        // SAFETY: `rest` is valid for its length.
        let written = unsafe { libc::write(to, rest.as_ptr().cast::<c_void>(), rest.len()) };
        let Ok(written) = usize::try_from(written) else {
            return;
        };
        rest = rest.get(written..).unwrap_or_default();
    }
}

fn state(count: c_int, arguments: &[Vec<u8>]) {
    let mut text = String::new();
    signals(&mut text);
    descriptors(&mut text);
    let _ = writeln!(text, "argc {count} argv {}", shown(arguments));
    // SAFETY: the C library's own variable.
    let environment = strings(unsafe { environ });
    let _ = writeln!(text, "env {}", shown(&environment));
    for link in ["cwd", "exe", "root"] {
        let _ = writeln!(
            text,
            "{link} {:?}",
            std::fs::read_link(format!("/proc/self/{link}"))
        );
    }
    for file in ["comm", "limits", "oom_score_adj", "cgroup", "timerslack_ns"] {
        let _ = writeln!(
            text,
            "{file} {:?}",
            std::fs::read_to_string(format!("/proc/self/{file}"))
        );
    }
    // SAFETY: these take numbers and cannot fail here; the umask is put back.
    let numbers = unsafe {
        let mask = libc::umask(0);
        libc::umask(mask);
        [
            i64::from(mask),
            i64::from(libc::getpgrp()),
            i64::from(libc::getsid(0)),
            i64::from(libc::getpriority(libc::PRIO_PROCESS, 0)),
            i64::from(libc::sched_getscheduler(0)),
            i64::from(libc::prctl(libc::PR_GET_DUMPABLE)),
        ]
    };
    let _ = writeln!(
        text,
        "umask, pgrp, sid, nice, scheduler, dumpable {numbers:?}"
    );
    timers_and_terminal(&mut text);
    report(&text);
}

fn shown(strings: &[Vec<u8>]) -> String {
    let shown: Vec<String> = strings
        .iter()
        .map(|bytes| bytes.escape_ascii().to_string())
        .collect();
    format!("{shown:?}")
}

fn signals(text: &mut String) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kept = [
        "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "Threads", "Umask", "NoNew", "Cap",
    ];
    for line in status
        .lines()
        .filter(|line| kept.iter().any(|key| line.starts_with(key)))
    {
        let _ = writeln!(text, "{line}");
    }
}

fn descriptors(text: &mut String) {
    for number in 0..1024 {
        // SAFETY: reading flags and offset of any number; failures are reported as such.
        let (flags, modes, offset) = unsafe {
            (
                libc::fcntl(number, libc::F_GETFD),
                libc::fcntl(number, libc::F_GETFL),
                libc::lseek(number, 0, libc::SEEK_CUR),
            )
        };
        if flags >= 0 {
            let target = std::fs::read_link(format!("/proc/self/fd/{number}"));
            let target = target
                .map(|path| path.to_string_lossy().into_owned())
                .unwrap_or_default();
            // Temporary files and pipes have another name in each run.
            let kind = match target.split('[').next() {
                Some(name) if name.ends_with("(deleted)") => "deleted",
                name => name.unwrap_or_default(),
            };
            let _ = writeln!(text, "fd {number} {flags} {modes:o} {offset} {kind}");
        }
    }
}

fn timers_and_terminal(text: &mut String) {
    // SAFETY: all zeroes is a valid timer, which the call fills; the last calls only read.
    let (is_running, foreground, group) = unsafe {
        let mut timer: libc::itimerval = std::mem::zeroed();
        libc::getitimer(libc::ITIMER_REAL, &raw mut timer);
        (
            timer.it_value.tv_sec > 0,
            libc::tcgetpgrp(0),
            libc::getpgrp(),
        )
    };
    let is_foreground = foreground == group;
    let terminal = std::fs::File::open("/dev/tty").is_ok();
    let _ = writeln!(
        text,
        "timer {is_running} foreground {is_foreground} terminal {terminal}"
    );
    // SAFETY: the value is null or a C string that lives as long as the process.
    let name = unsafe {
        let name = libc::getauxval(libc::AT_EXECFN) as *const c_char;
        (!name.is_null()).then(|| CStr::from_ptr(name).to_owned())
    };
    let _ = writeln!(text, "execfn {name:?}");
}

fn die(signal: c_int) {
    // SAFETY: numbers and a full signal set that is initialised by the C library.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::signal(signal, libc::SIG_DFL);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const all, std::ptr::null_mut());
        libc::kill(libc::getpid(), signal);
    }
}

fn copy() -> c_int {
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        // SAFETY: the buffer is valid for its length.
        let read = unsafe { libc::read(0, buffer.as_mut_ptr().cast::<c_void>(), buffer.len()) };
        let Ok(read @ 1..) = usize::try_from(read) else {
            return 0;
        };
        let mut rest = buffer.get(..read).unwrap_or_default();
        while !rest.is_empty() {
            // SAFETY: the rest is valid for its length.
            let written = unsafe { libc::write(1, rest.as_ptr().cast::<c_void>(), rest.len()) };
            let Ok(written) = usize::try_from(written) else {
                return 1;
            };
            rest = rest.get(written..).unwrap_or_default();
        }
    }
}

fn flood() {
    let page = [b'x'; 4096];
    // SAFETY: the page is valid for its length.
    while unsafe { libc::write(1, page.as_ptr().cast::<c_void>(), page.len()) } > 0 {}
}

fn count_all() {
    catch_all();
    wait("ready");
}

fn catch_all() {
    for signal in 1..=64 {
        if signal != libc::SIGCHLD && !(libc::SIGSTOP == signal || libc::SIGKILL == signal) {
            catch(signal);
        }
    }
}

fn catch(signal: c_int) {
    // SAFETY: all zeroes is a valid action; the handler makes async-signal-safe calls only, and
    // blocks the other signals meanwhile so that its lines do not mix.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = note as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigfillset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

extern "C" fn note(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    let mut line = [0_u8; 32];
    let mut length = 0;
    // SAFETY: the kernel passes a valid `siginfo_t`.
    let code = unsafe { (*info).si_code };
    for byte in *b"signal " {
        push(&mut line, &mut length, byte);
    }
    push_number(&mut line, &mut length, signal);
    push(&mut line, &mut length, b' ');
    push_number(&mut line, &mut length, code);
    push(&mut line, &mut length, b'\n');
    let to = REPORT_TO.load(Ordering::SeqCst);
    // SAFETY: the line is valid for its length; writing and leaving are async-signal-safe.
    unsafe {
        libc::write(to, line.as_ptr().cast::<c_void>(), length);
        if signal == LAST {
            libc::_exit(0);
        }
    }
}

fn push(line: &mut [u8], length: &mut usize, byte: u8) {
    if let Some(place) = line.get_mut(*length) {
        *place = byte;
        *length += 1;
    }
}

fn push_number(line: &mut [u8], length: &mut usize, number: c_int) {
    if number < 0 {
        push(line, length, b'-');
    }
    for unit in [100, 10, 1] {
        let rest = number.unsigned_abs() / unit;
        if rest > 0 || unit == 1 {
            push(
                line,
                length,
                b'0' + u8::try_from(rest % 10).unwrap_or_default(),
            );
        }
    }
}

/// Says that it is ready, then sleeps until signal 50 ends it.
fn wait(word: &str) {
    // SAFETY: the calls take numbers or nothing.
    let (pid, parent, group) = unsafe { (libc::getpid(), libc::getppid(), libc::getpgrp()) };
    report(&format!("{word} {pid} {parent} {group}\n"));
    loop {
        // SAFETY: it takes nothing.
        unsafe { libc::pause() };
    }
}

fn read_line() {
    let mut line = [0_u8; 256];
    // SAFETY: the buffer is valid for its length.
    let read = unsafe { libc::read(0, line.as_mut_ptr().cast::<c_void>(), line.len()) };
    let line = line
        .get(..usize::try_from(read).unwrap_or_default())
        .unwrap_or_default();
    report(&format!("read {}", String::from_utf8_lossy(line)));
}

fn raw() {
    // SAFETY: the terminal's modes are read, changed and written in valid places.
    unsafe {
        let mut modes: libc::termios = std::mem::zeroed();
        libc::tcgetattr(0, &raw mut modes);
        libc::cfmakeraw(&raw mut modes);
        libc::tcsetattr(0, libc::TCSANOW, &raw const modes);
    }
    report("raw\n");
}
