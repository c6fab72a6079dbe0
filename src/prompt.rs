//! Questions to the person at the terminal.
//!
//! They are asked on stderr, and only where stdin and stderr both are the
//! terminal. Whatever stops gate in the middle of one, the terminal is left as
//! it was found: a library that turns the echo off and dies of Ctrl-C leaves a
//! shell in which nobody sees what they type.

use std::io::{ErrorKind, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::thread;

use dialoguer::console::Term;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::{Failure, FailureKind};
use crate::report;

/// Tells whether there is somebody to ask.
pub(crate) fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for one line of text, which can be empty.
///
/// # Errors
/// The terminal fails, or a signal ends the question.
pub(crate) fn text(question: &str) -> Result<String, Failure> {
    let question = format!("gate: {question}");
    ask(Echo::On, move || {
        dialoguer::Input::<String>::new()
            .with_prompt(question)
            .allow_empty(true)
            .report(false)
            .interact_text()
    })
}

/// Asks for one line that is not shown.
///
/// # Errors
/// The terminal fails, or a signal ends the question.
pub(crate) fn secret(question: &str) -> Result<Zeroizing<String>, Failure> {
    let question = format!("gate: {question}");
    ask(Echo::Off, move || {
        // Not the library's own question: it throws away what was typed before it listens.
        let terminal = Term::stderr();
        terminal.write_str(&format!("{question}: "))?;
        let mut answer = Zeroizing::new(String::new());
        std::io::stdin().read_line(&mut answer)?;
        let length = answer.trim_end_matches(['\r', '\n']).len();
        answer.truncate(length);
        // The line break that ended it was not shown either.
        terminal.write_line("")?;
        Ok(answer)
    })
}

/// Asks for a yes or a no; without an answer it is a no.
///
/// # Errors
/// The terminal fails, or a signal ends the question.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    let answer = text(&format!("{question} [y/N]"))?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}

/// Whether what is typed is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Echo {
    On,
    /// From before the question is seen: who answers at once, or pastes, is not shown either.
    Off,
}

/// Runs a question on a thread of its own while this one waits for the answer
/// or a signal. The signals are blocked in both, and read as a file.
fn ask<T: Send + 'static>(
    echo: Echo,
    question: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let failed = |source: std::io::Error| {
        Failure::new(FailureKind::Internal, "cannot ask at the terminal").caused_by(source)
    };
    let found = tcgetattr(std::io::stdin()).map_err(|error| failed(error.into()))?;
    if echo == Echo::Off {
        let mut hidden = found.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        let set = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &hidden);
        set.map_err(|error| failed(error.into()))?;
    }
    let answer = ask_from(&found, question, failed);
    // The library leaves the terminal as it met it.
    let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &found);
    answer
}

fn ask_from<T: Send + 'static>(
    found: &Termios,
    question: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
    failed: impl Fn(std::io::Error) -> Failure,
) -> Result<T, Failure> {
    let caught = SigSet::from_iter([
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGTSTP,
    ]);
    let signals = SignalFd::with_flags(&caught, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(|error| failed(error.into()))?;
    let (answered, answering) = std::io::pipe().map_err(&failed)?;
    let mask = caught
        .thread_swap_mask(SigmaskHow::SIG_BLOCK)
        .map_err(|error| failed(error.into()))?;
    let asking = thread::Builder::new().spawn(move || {
        let answer = question();
        drop(answering);
        answer
    });
    let asking = asking.map(|asking| (asking, wait(&signals, &answered, found)));
    // The mask was ours to change and is valid, so setting it back can't fail.
    let _ = mask.thread_set_mask();
    let (asking, ended) = asking.map_err(&failed)?;
    match ended.map_err(|error| failed(error.into()))? {
        Some(signal) => Err(stopped(signal)),
        None => match asking.join() {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(dialoguer::Error::IO(error))) if error.kind() == ErrorKind::Interrupted => {
                Err(stopped(Signal::SIGINT))
            }
            Ok(Err(dialoguer::Error::IO(error))) => Err(failed(error)),
            Err(_) => Err(failed(std::io::Error::other("the question ended early"))),
        },
    }
}

fn stopped(signal: Signal) -> Failure {
    Failure::new(
        FailureKind::Interrupted(signal as i32),
        "stopped at the question",
    )
}

/// Returns the signal that ended the question, or `None` when it was answered.
fn wait(
    signals: &SignalFd,
    answered: &std::io::PipeReader,
    found: &Termios,
) -> Result<Option<Signal>, Errno> {
    loop {
        let mut sources = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(answered.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut sources, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
        let Some(signal) = next_signal(signals)? else {
            let [_, answer] = &sources;
            if answer.any().unwrap_or(true) {
                return Ok(None);
            }
            continue;
        };
        let asking = tcgetattr(std::io::stdin())?;
        tcsetattr(std::io::stdin(), SetArg::TCSANOW, found)?;
        if signal != Signal::SIGTSTP {
            report::lines("\n");
            return Ok(Some(signal));
        }
        // Stops here until the shell says go on; then the echo goes off again.
        raise(Signal::SIGSTOP)?;
        tcsetattr(std::io::stdin(), SetArg::TCSANOW, &asking)?;
    }
}

fn next_signal(signals: &SignalFd) -> Result<Option<Signal>, Errno> {
    let Some(info) = signals.read_signal()? else {
        return Ok(None);
    };
    let number = i32::try_from(info.ssi_signo).map_err(|_| Errno::EINVAL)?;
    Signal::try_from(number).map(Some)
}
