//! `gate completions`, and what the scripts that it prints ask.
//!
//! A script hands over the words of the line and does with the answer what its shell can do: what
//! fits where is known here alone, once for all shells. See
//! `docs/decisions/0035-completions.md`.

mod complete;
mod line;
mod names;
mod subject;

use clap::ValueEnum;

use crate::failure::Failure;
use crate::show::answer;
use crate::world::World;

pub(super) use complete::Complete;

const BASH: &str = include_str!("../../../completions/gate.bash");
const ELVISH: &str = include_str!("../../../completions/gate.elv");
const FISH: &str = include_str!("../../../completions/gate.fish");
const POWERSHELL: &str = include_str!("../../../completions/_gate.ps1");
const ZSH: &str = include_str!("../../../completions/_gate");

/// Print the completion script of a shell
///
/// bash, in ~/.bashrc: eval "$(gate completions bash)". zsh, in ~/.zshrc behind compinit:
/// eval "$(gate completions zsh)". fish, in config.fish: gate completions fish | source. elvish, in
/// rc.elv: eval (gate completions elvish | slurp). PowerShell, in $PROFILE: gate completions
/// powershell | Out-String | Invoke-Expression. They complete ids of requests, for which the server
/// is asked, names of rules, and behind `--` what the shell knows of the command there.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell that will read it.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// A shell that has completions of gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

impl Completions {
    pub(crate) fn run(&self, _world: &World) -> Result<(), Failure> {
        answer::text(match self.shell {
            Shell::Bash => BASH,
            Shell::Elvish => ELVISH,
            Shell::Fish => FISH,
            Shell::Powershell => POWERSHELL,
            Shell::Zsh => ZSH,
        })
    }
}
