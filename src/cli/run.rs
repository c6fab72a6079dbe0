//! `gate run`: one command, decided and run.

use std::ffi::OsString;
use std::time::Duration;

use crate::advice;
use crate::approval::Patience;
use crate::defect;
use crate::exit_code::Ending;
use crate::failure::Failure;
use crate::pipeline::{self, Run, Search};
use crate::progress::Voice;
use crate::world::World;

/// Run a command: at once if it is safe, after a person's approval if not
///
/// What is safe by the rules runs at once, in gate's place. For what is not,
/// gate asks, waits, and on approval runs the very bytes that were approved,
/// once. The exit code is the command's own, or one of gate's when nothing ran.
#[derive(Debug, clap::Args)]
#[command(name = "run")]
pub(crate) struct RunCommand {
    /// Why it is to be run, for the people who are asked; `GATE_REASON` says it as well
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Ask the server's break-glass people in place of those that the rules name: everybody hears of it, and it is reviewed afterwards. Needs a reason
    #[arg(long)]
    break_glass: bool,
    /// How long to wait for an answer, as 90s, 30m or 1h; the request itself goes on
    #[arg(long, value_name = "DURATION", value_parser = gate_policy::parse_duration)]
    timeout: Option<Duration>,
    /// Ask and return at once; run the same command again for the answer. `GATE_NO_WAIT=1` says it as well, also to shims
    #[arg(long, conflicts_with = "timeout")]
    no_wait: bool,
    /// Tell of the wait as JSON lines on stderr
    #[arg(long)]
    json: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl RunCommand {
    pub(crate) fn run(&self, world: &World) -> Ending {
        defect::told_to(self.voice());
        self.try_run(world).unwrap_or_else(|failure| {
            let failure = advice::to_caller(world, failure);
            let ending = Ending::from(failure.kind());
            self.voice().last(&failure, ending, &|name| world.env(name));
            ending
        })
    }

    fn try_run(&self, world: &World) -> Result<Ending, Failure> {
        let limit = world.configuration()?.timeout();
        let patience = match (self.no_wait, self.timeout) {
            (true, _) => Patience::AskOnly,
            // The shorter of the two: a timeout only makes gate stricter.
            (false, Some(asked)) => {
                Patience::Wait(Some(limit.map_or(asked, |limit| limit.min(asked))))
            }
            (false, None) => Patience::usual(&|name| world.env(name), limit),
        };
        pipeline::run(
            world,
            Run {
                name: self.command.first().cloned().unwrap_or_default(),
                search: Search::AtTheStart,
                argv: self.command.clone(),
                reason: self.reason.clone(),
                break_glass: self.break_glass,
                patience,
                voice: self.voice(),
            },
        )
    }

    fn voice(&self) -> Voice {
        if self.json { Voice::Json } else { Voice::Human }
    }
}
