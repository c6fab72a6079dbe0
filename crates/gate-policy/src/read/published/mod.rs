//! What is published: the folder of a package, and what above it has a say in what is sent.
//!
//! A package manager sends a folder that no word of argv names. What stands in it is what others
//! install, so an approval that left it open would be one of anything.

mod cargo;
mod npm;
mod tracked;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

pub(super) use cargo::read as read_cargo;
pub(super) use npm::read as read_npm;

use crate::command_line::{CommandLine, FileKind};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation};
use crate::profile::Table;
use crate::profile::Text;

/// What a package manager takes a folder or a file for.
const ROLE: &str = "package";

/// The inputs of a command that publishes.
struct Package<'a, 'i> {
    line: &'a CommandLine<'a>,
    invocation: &'i mut Invocation,
}

impl Package<'_, '_> {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        self.line.files.kind(path)
    }

    /// Adds a file, also one that is not there: it would be read if it appeared.
    fn add_file(&mut self, path: PathBuf) {
        self.invocation
            .add_input(Input::unnamed(InputKind::File, path, ROLE));
    }

    /// Adds a folder without the names in it that are not part of the package.
    fn add_folder(&mut self, path: PathBuf, skipped: Table<Text>) {
        self.invocation.add_input(Input {
            skipped,
            ..Input::unnamed(InputKind::Directory, path, ROLE)
        });
    }

    /// Adds what can't be bound, so that nobody is asked about the command.
    fn refuse(&mut self, path: PathBuf, why: &'static str) {
        let reason = "what it publishes can't be bound to an approval";
        self.invocation.add(Effect::Unknown, reason);
        self.invocation.add_input(Input::refused(path, ROLE, why));
    }
}

/// Tells whether a flag has taken the effect of publishing away, as `--help` does.
fn asks_for_help(invocation: &Invocation) -> bool {
    invocation.effects.strictest() <= Effect::Local
}

/// Returns names that are left out at the top of a folder.
fn skipped(names: &'static [Text]) -> Table<Text> {
    Cow::Borrowed(names)
}
