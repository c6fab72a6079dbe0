//! A terminal that a test sits in front of: a command runs in it as the leader of its session, the test
//! types, looks at the screen, changes the window's size and learns how the command ended.

use std::fmt;
use std::io::{self, Read, Write};
use std::num::NonZero;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, tcgetpgrp};
use pty_process::blocking::{Pty, open};

/// How long output may still come after a command has ended, when something else holds the terminal.
const DRAIN: Duration = Duration::from_millis(500);

/// The size of a terminal in character cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

impl Default for Size {
    /// Wide enough that the messages under test stand on one line.
    fn default() -> Self {
        Self {
            rows: 40,
            columns: 160,
        }
    }
}

/// Why a test could not go on at its terminal. `Debug` prints the same as `Display`.
#[derive(thiserror::Error)]
pub enum PtyError {
    /// The operating system refused.
    #[error("cannot {attempt}: {source}")]
    System {
        /// What was tried.
        attempt: &'static str,
        /// Its answer.
        source: io::Error,
    },
    /// What was waited for did not come in time.
    #[error("waited {waited:?} for {wanted}; the screen shows:\n{screen}")]
    Deadline {
        /// What was waited for.
        wanted: String,
        /// How long.
        waited: Duration,
        /// The screen at the end.
        screen: String,
    },
    /// The command ended and closed the terminal before what was waited for came.
    #[error("the terminal was closed before {wanted} came; the screen shows:\n{screen}")]
    Closed {
        /// What was waited for.
        wanted: String,
        /// The screen at the end.
        screen: String,
    },
}

impl fmt::Debug for PtyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A terminal with a command in it. Dropping it ends the command and whatever is in its foreground.
pub struct Terminal {
    pty: Arc<Pty>,
    leader: Pid,
    shared: Arc<Shared>,
}

/// What the threads that read and wait tell the test.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    parser: vt100::Parser,
    transcript: Vec<u8>,
    is_closed: bool,
    status: Option<ExitStatus>,
}

impl Terminal {
    /// Starts a command in a new terminal, with the terminal as stdin, stdout and stderr.
    ///
    /// # Errors
    /// [`PtyError::System`] when there is no terminal to be had or the command cannot be started.
    pub fn spawn(command: Command, size: Size) -> Result<Self, PtyError> {
        let (pty, terminal) = open().map_err(failed("open a terminal"))?;
        pty.resize(pty_process::Size::new(size.rows, size.columns))
            .map_err(failed("set the terminal's size"))?;
        let child = pty_process::blocking::Command::from(command)
            .spawn(terminal)
            .map_err(failed("start the command"))?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                parser: vt100::Parser::new(cells(size.rows), cells(size.columns), 0),
                transcript: Vec::new(),
                is_closed: false,
                status: None,
            }),
            changed: Condvar::new(),
        });
        let pty = Arc::new(pty);
        let leader = Pid::from_raw(i32::try_from(child.id()).map_err(|_| PtyError::System {
            attempt: "read the process id",
            source: io::ErrorKind::InvalidData.into(),
        })?);
        let (reader, waiter) = (Arc::clone(&shared), Arc::clone(&shared));
        let from = Arc::clone(&pty);
        thread::spawn(move || reader.read_all(&from));
        thread::spawn(move || waiter.wait(child, leader));
        Ok(Self {
            pty,
            leader,
            shared,
        })
    }

    /// Types text. Enter is `\r`, ^C is `\x03`, ^Z is `\x1a`.
    ///
    /// # Errors
    /// [`PtyError::System`] when the terminal is gone.
    pub fn send(&self, text: impl AsRef<[u8]>) -> Result<(), PtyError> {
        let mut writer: &Pty = &self.pty;
        writer
            .write_all(text.as_ref())
            .and_then(|()| writer.flush())
            .map_err(failed_io("type into the terminal"))
    }

    /// Waits until the screen shows `text`. What was typed is on the screen as well, where the terminal
    /// echoes: wait for something that only the program writes.
    ///
    /// # Errors
    /// [`PtyError::Deadline`] or [`PtyError::Closed`], both with the screen.
    pub fn wait_for(&self, text: &str, within: Duration) -> Result<(), PtyError> {
        self.wait_until(&format!("`{text}`"), within, |screen| screen.contains(text))
    }

    /// Waits until the screen's text is as `is_wanted` says; `wanted` names that in the error.
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub fn wait_until(
        &self,
        wanted: &str,
        within: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<(), PtyError> {
        let state = self.shared.wait_while(within, |state| {
            !state.is_closed && !is_wanted(&state.parser.screen().contents())
        });
        let screen = state.parser.screen().contents();
        let wanted = wanted.to_owned();
        if is_wanted(&screen) {
            Ok(())
        } else if state.is_closed {
            Err(PtyError::Closed { wanted, screen })
        } else {
            Err(PtyError::Deadline {
                wanted,
                waited: within,
                screen,
            })
        }
    }

    /// Gives the terminal another size; the foreground is told by SIGWINCH.
    ///
    /// # Errors
    /// [`PtyError::System`] when the terminal is gone.
    pub fn resize(&self, size: Size) -> Result<(), PtyError> {
        self.pty
            .resize(pty_process::Size::new(size.rows, size.columns))
            .map_err(failed("set the terminal's size"))?;
        let (rows, columns) = (cells(size.rows), cells(size.columns));
        self.shared.lock().parser.set_size(rows, columns);
        Ok(())
    }

    /// Returns the text that the screen shows now, without colours.
    pub fn screen(&self) -> String {
        self.shared.lock().parser.screen().contents()
    }

    /// Returns every byte that was written to the terminal so far, escapes included.
    pub fn transcript(&self) -> Vec<u8> {
        self.shared.lock().transcript.clone()
    }

    /// Returns the id of the command's process, which is that of its session too.
    pub fn process_id(&self) -> i32 {
        self.leader.as_raw()
    }

    /// Waits for the command's end and for the last of its output.
    ///
    /// # Errors
    /// [`PtyError::Deadline`] when it does not end in time.
    pub fn exit_status(&self, within: Duration) -> Result<ExitStatus, PtyError> {
        let state = self
            .shared
            .wait_while(within, |state| state.status.is_none());
        let Some(status) = state.status else {
            return Err(PtyError::Deadline {
                wanted: "the command's end".to_owned(),
                waited: within,
                screen: state.parser.screen().contents(),
            });
        };
        drop(state);
        drop(self.shared.wait_while(DRAIN, |state| !state.is_closed));
        Ok(status)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The foreground may be another group than the leader's: a shell with a job.
        if let Ok(group) = tcgetpgrp(&*self.pty)
            && group.as_raw() > 1
        {
            let _ = killpg(group, Signal::SIGKILL);
        }
        let state = self.shared.lock();
        if state.status.is_none() {
            // Under the lock the leader is not reaped, so its id is still its own.
            let _ = kill(self.leader, Signal::SIGKILL);
        }
        drop(state);
        drop(
            self.shared
                .wait_while(Duration::from_secs(5), |state| state.status.is_none()),
        );
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Terminal")
            .field("leader", &self.leader)
            .field("screen", &self.screen())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Another thread's panic leaves nothing here half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(
        &self,
        within: Duration,
        mut is_pending: impl FnMut(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let deadline = Instant::now() + within;
        let mut state = self.lock();
        while is_pending(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
        state
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Reads until nobody has the terminal open any more, which Linux reports as EIO.
    fn read_all(&self, pty: &Pty) {
        let mut reader: &Pty = pty;
        let mut buffer = [0; 4096];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => self.change(|state| {
                    let bytes = buffer.get(..count).unwrap_or_default();
                    state.transcript.extend_from_slice(bytes);
                    state.parser.process(bytes);
                }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.change(|state| state.is_closed = true);
    }

    /// Waits for the command's end without reaping it, then reaps it under the lock, so that nobody
    /// signals an id that has been given to another process.
    fn wait(&self, mut child: Child, leader: Pid) {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(leader), flags) == Err(Errno::EINTR) {}
        self.change(|state| state.status = child.wait().ok());
    }
}

/// A screen has at least one cell, also where a terminal claims to have none.
fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap_or(NonZero::<u16>::MIN)
}

fn failed(attempt: &'static str) -> impl FnOnce(pty_process::Error) -> PtyError {
    move |error| PtyError::System {
        attempt,
        source: match error {
            pty_process::Error::Io(source) => source,
            pty_process::Error::Rustix(source) => source.into(),
        },
    }
}

fn failed_io(attempt: &'static str) -> impl FnOnce(io::Error) -> PtyError {
    move |source| PtyError::System { attempt, source }
}
