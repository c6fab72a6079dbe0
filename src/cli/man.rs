//! `gate man`.

use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man as Page;
use gate_protocol::inert::inert;

use super::definition;
use crate::failure::{Failure, FailureKind};
use crate::show::answer;
use crate::world::World;

/// Print gate's manual page, or write a page for each command into a folder
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// The folder to write `gate.1`, `gate-run.1` and so on into.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let mut root = definition().disable_help_subcommand(true);
        root.build();
        let Some(dir) = &self.dir else {
            return answer::text(&render(&root)?);
        };
        let dir = world.cwd.join(dir);
        std::fs::create_dir_all(&dir).map_err(|error| failed(&dir, error))?;
        write_all(&root, &dir)
    }
}

/// Writes the page of a command and of every command below it. clap has given
/// each its whole name when the tree was built.
fn write_all(command: &Command, dir: &Path) -> Result<(), Failure> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let path = dir.join(format!("{name}.1"));
    std::fs::write(&path, render(command)?).map_err(|error| failed(&path, error))?;
    let shown = command
        .get_subcommands()
        .filter(|below| !below.is_hide_set());
    shown
        .into_iter()
        .try_for_each(|below| write_all(below, dir))
}

fn render(command: &Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    let mut command = command.clone();
    // The generator knows of no `--` that has to stand before a command; clap's own usage does.
    if command.get_positionals().any(clap::Arg::is_last_set) {
        let usage = command.render_usage().to_string();
        command = command.override_usage(usage.trim_start_matches("Usage: ").to_owned());
    }
    // Neither date nor version is named, so that a page changes only when what it says does.
    let written = Page::new(command)
        .source("gate")
        .manual("gate")
        .render(&mut page);
    written.map_err(|error| {
        Failure::new(FailureKind::Internal, "cannot write the manual page").caused_by(error)
    })?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn failed(path: &Path, error: std::io::Error) -> Failure {
    let shown = inert(&path.to_string_lossy()).into_owned();
    Failure::new(FailureKind::Internal, format!("cannot write `{shown}`")).caused_by(error)
}
