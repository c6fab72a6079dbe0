//! gate under the name of a tool: the whole of argv is the tool's.

use std::ffi::OsString;
use std::path::Path;

use crate::advice;
use crate::approval::Patience;
use crate::config::compiled;
use crate::exit_code::Ending;
use crate::failure::{Failure, FailureKind};
use crate::pipeline::{self, Run, Search};
use crate::progress::Voice;
use crate::report;
use crate::world::World;

/// Runs the tool that this program was called as.
pub(crate) fn main(argv: Vec<OsString>) -> Ending {
    let world = World::capture();
    run(&world, argv).unwrap_or_else(|failure| {
        let failure = advice::to_caller(&world, failure);
        let ending = Ending::from(failure.kind());
        Voice::Human.last(&failure, ending, &|name| world.env(name));
        if failure.kind() == FailureKind::NotFound {
            report::line("this is gate, which under the name of a tool stands before that tool");
        }
        ending
    })
}

fn run(world: &World, argv: Vec<OsString>) -> Result<Ending, Failure> {
    let typed = argv.first().map(Path::new);
    let name = typed
        .and_then(Path::file_name)
        .unwrap_or_default()
        .to_owned();
    let timeout = world.configuration()?.timeout();
    // The next one need not come here. Why it can't be made is for `gate rules compile` to say.
    drop(compiled::refresh(world));
    pipeline::run(
        world,
        Run {
            name,
            search: Search::BehindTheShim,
            argv,
            reason: None,
            break_glass: false,
            patience: Patience::usual(&|name| world.env(name), timeout),
            voice: Voice::Human,
        },
    )
}
