//! `gate shim install`.

use std::ffi::{OsStr, OsString};

use gate_policy::profile::find_builtin;
use gate_protocol::inert::inert;

use super::Which;
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::shims::{self, LOADER, Lookup, Made, OnPath, Program, ShimFolder, position};
use crate::show::answer;
use crate::world::World;

/// Put a shim in front of each tool
///
/// Shims that are there already stay; those that lead to another gate, or to one
/// that is gone, are mended. Nothing that is not gate's is ever written over. A
/// tool that is upgraded keeps its shim.
#[derive(Debug, clap::Args)]
#[command(mut_arg("all", |all| all.help(
    "Every tool on PATH that gate has a profile of, but for shells and ordinary commands as `ls`"
)))]
pub(super) struct Install {
    #[command(flatten)]
    which: Which,
}

impl Install {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let folder = self.which.place.folder(world)?;
        let lookup = Lookup::from(&world.cwd)?;
        let tools = self.chosen(world, &lookup)?;
        let program = Program::beside_gate()?;
        for tool in &tools {
            shims::refuse(tool)?;
            folder.refuse_strange(tool)?;
        }
        folder.prepare()?;
        let mut has_new = false;
        for tool in &tools {
            let made = folder.install(tool, &program)?;
            has_new |= made == Made::New;
            let line = told(world, &lookup, tool, made)?;
            answer::line(&line)?;
        }
        if !program.is_small() {
            report::line(
                "there is no `gate-shim` beside this gate, so shims lead to gate itself: the same answers, only slower",
            );
        }
        if program.asks_loader() {
            report::line(LOADER);
        }
        self.tell_next_step(world, &folder);
        if has_new {
            report::line(
                "a shell that runs already and has called the tool before goes on past the shim: `hash -r` there, in zsh `rehash` (`gate shell-init` does so at each prompt)",
            );
        }
        Ok(())
    }

    fn chosen(&self, world: &World, lookup: &Lookup<'_>) -> Result<Vec<OsString>, Failure> {
        if !self.which.all {
            return Ok(self.which.tools.clone());
        }
        let path = world.variable(OsStr::new("PATH"));
        let known = shims::wrapped_by_all(world.profiles()?);
        let names = known.into_iter().map(OsString::from);
        let installed: Vec<OsString> = names
            .filter(|name| lookup.real(name, path).is_ok())
            .collect();
        if installed.is_empty() {
            return Err(Failure::new(
                FailureKind::Usage,
                "no tool that gate has a profile of is on PATH",
            )
            .hint("name the tools; they may be installed later"));
        }
        Ok(installed)
    }

    /// Says what is missing until the shims are met.
    fn tell_next_step(&self, world: &World, folder: &ShimFolder) {
        let shown = inert(&folder.path().to_string_lossy()).into_owned();
        let options = self.which.place.options(world);
        let place = position(folder.path(), world.variable(OsStr::new("PATH")));
        report::line(&match &place {
            OnPath::First => format!("the shims in {shown} come first on PATH here"),
            OnPath::After(other) => format!(
                "the shims in {shown} are not first on PATH: {} comes before them",
                inert(&other.to_string_lossy())
            ),
            OnPath::Absent => format!("the shims in {shown} are not on PATH here"),
        });
        if place != OnPath::First {
            report::line(&next_step(world.env_os("SHELL"), &options));
        }
        report::line("`gate doctor` says where they are met, and where not");
    }
}

/// Returns the line to add to a shell's start, and where.
fn next_step(shell: Option<&OsStr>, options: &str) -> String {
    let name = shell
        .map(std::path::Path::new)
        .and_then(|path| path.file_name());
    match name.and_then(OsStr::to_str) {
        Some("fish") => format!(
            "add this line to ~/.config/fish/config.fish: gate shell-init fish{options} | source"
        ),
        Some("zsh") => {
            format!(
                "add this line to the end of ~/.zshrc: eval \"$(gate shell-init zsh{options})\""
            )
        }
        Some("bash") => format!(
            "add this line to the end of ~/.bashrc: eval \"$(gate shell-init bash{options})\""
        ),
        _ => format!(
            "add to your shell's start what `gate shell-init` prints for it: gate shell-init bash{options}"
        ),
    }
}

/// Says what became of one shim, and what is to be known of its tool.
fn told(world: &World, lookup: &Lookup<'_>, tool: &OsStr, made: Made) -> Result<String, Failure> {
    let made = match made {
        Made::New => "installed",
        Made::Same => "already installed",
        Made::Mended => "mended, it led to another gate",
    };
    let real = match lookup.real(tool, world.variable(OsStr::new("PATH"))) {
        Ok(path) => format!("before {}", inert(&path.to_string_lossy())),
        Err(error) if error.exit_code() == 127 => "there is no such tool on PATH yet".to_owned(),
        Err(error) => format!("{error}"),
    };
    let mut line = format!("{}: {made}; {real}", inert(&tool.to_string_lossy()));
    if !has_profile(world, tool)? {
        line.push_str("; gate has no profile of it, so every command of it asks");
    }
    Ok(line)
}

fn has_profile(world: &World, tool: &OsStr) -> Result<bool, Failure> {
    let is_own = |name: &str| tool == name;
    Ok(find_builtin(tool.as_encoded_bytes()).is_some()
        || world
            .profiles()?
            .own()
            .any(|profile| profile.tools.into_iter().any(is_own)))
}
