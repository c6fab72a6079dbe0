//! `gate completions`.

use clap_complete::Shell;

use super::definition;
use crate::failure::Failure;
use crate::show::answer;
use crate::world::World;

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell that will read it.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, _world: &World) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut definition(), "gate", &mut script);
        answer::text(&String::from_utf8_lossy(&script))
    }
}
