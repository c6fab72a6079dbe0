//! One live line on a terminal, gone when the wait is over: who approved is then
//! said in a line that stays.

use std::io;

use dialoguer::console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use nix::unistd::{getpgrp, tcgetpgrp};

use super::{Moment, words};
use crate::circumstances::Env;

/// How often the line is drawn at most, a second.
const FRAMES: u8 = 10;
/// Columns that stay free: the terminal itself writes `^C` where the cursor is,
/// and in the last column that would begin another line, of which the one who
/// erases ours knows nothing.
const FREE_COLUMNS: u16 = 4;

/// The live line. It has no colour, so `NO_COLOR` has nothing to take away.
pub(super) struct Live {
    bar: ProgressBar,
    is_shown: bool,
    trouble: Option<String>,
    text: String,
}

impl Live {
    /// Returns a live line where stderr can show one.
    pub(super) fn start(is_terminal: bool, env: Env<'_>) -> Option<Self> {
        // A dumb terminal can't move its cursor. Source: terminfo(5).
        let is_dumb = env("TERM").is_none_or(|name| name == "dumb");
        if !is_terminal || is_dumb {
            return None;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(ProgressStyle::with_template("{msg}").ok()?);
        Some(Self {
            bar,
            is_shown: false,
            trouble: None,
            text: String::new(),
        })
    }

    /// Draws the line; `trouble` stands in it until [`Live::reconnected`].
    pub(super) fn draw(&mut self, moment: Moment<'_>, trouble: Option<String>) {
        if trouble.is_some() {
            self.trouble = trouble;
        }
        self.tick(moment);
    }

    /// Forgets the trouble.
    pub(super) fn reconnected(&mut self, moment: Moment<'_>) {
        self.trouble = None;
        self.tick(moment);
    }

    /// Draws the line again where it changed, and only in the foreground:
    /// whoever stopped gate and went on has the terminal for himself.
    pub(super) fn tick(&mut self, moment: Moment<'_>) {
        if !is_foreground() {
            self.hide();
            return;
        }
        let columns = Stderr::new().width();
        let text = words::live(moment, self.trouble.as_deref(), usize::from(columns));
        if self.is_shown && text == self.text {
            return;
        }
        if !self.is_shown {
            let stderr = Box::new(Stderr::new());
            self.bar
                .set_draw_target(ProgressDrawTarget::term_like_with_hz(stderr, FRAMES));
            self.is_shown = true;
        }
        self.bar.set_message(text.clone());
        self.text = text;
    }

    /// Takes the line off the terminal.
    pub(super) fn erase(&mut self) {
        if self.is_shown && is_foreground() {
            self.bar.finish_and_clear();
        }
        self.hide();
    }

    fn hide(&mut self) {
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
        self.is_shown = false;
    }
}

/// The terminal behind stderr, a little narrower than it is.
#[derive(Debug)]
struct Stderr(Term);

impl Stderr {
    fn new() -> Self {
        Self(Term::buffered_stderr())
    }
}

impl TermLike for Stderr {
    fn width(&self) -> u16 {
        let (_, columns) = self.0.size();
        columns.saturating_sub(FREE_COLUMNS).max(1)
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Tells whether gate is in the terminal's foreground group. One that has no
/// such group, as after a hang-up, is nobody's to draw on.
fn is_foreground() -> bool {
    tcgetpgrp(io::stderr()).is_ok_and(|group| group == getpgrp())
}
