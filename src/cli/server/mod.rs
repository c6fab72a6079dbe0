//! `gate server`: the approval server inside the same program. With
//! `cli/demo/` the only place that knows `gate-server`.

mod backup;
mod doctor;
mod init;
mod migrate_store;
mod new_epoch;
mod openapi;
mod ready;
mod restore;
mod rotate;
mod serve;
mod settings;

use std::path::PathBuf;

pub(super) use serve::{bind, cannot_listen, log, stop_signal};

use crate::failure::{Failure, FailureKind};
use crate::world::World;

/// Run the approval server
///
/// Without a verb it serves until SIGTERM or Ctrl-C. `gate server init` makes
/// the data folder first; `gate server --dev` does both, with people to try
/// things as.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Server {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    serve: serve::Serve,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Init(init::Init),
    Backup(backup::Backup),
    Restore(restore::Restore),
    MigrateStore(migrate_store::MigrateStore),
    NewEpoch(new_epoch::NewEpoch),
    Doctor(doctor::Doctor),
    Keys(rotate::Keys),
    Openapi(openapi::Openapi),
}

impl Server {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Some(Verb::Init(init)) => init.run(world),
            Some(Verb::Backup(backup)) => backup.run(world),
            Some(Verb::Restore(restore)) => restore.run(world),
            Some(Verb::MigrateStore(moving)) => moving.run(world),
            Some(Verb::NewEpoch(epoch)) => epoch.run(world),
            Some(Verb::Doctor(doctor)) => doctor.run(world),
            Some(Verb::Keys(keys)) => keys.run(world),
            Some(Verb::Openapi(openapi)) => openapi.run(),
            None => self.serve.run(world),
        }
    }
}

/// Returns the data folder: the named one, or this user's.
fn data_folder(world: &World, named: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    match named {
        Some(named) => Ok(world.cwd.join(named)),
        None => world.layout.server_data(),
    }
}

/// Returns the runtime that a server needs: the only one with several threads.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(FailureKind::Internal, "cannot start the server's runtime")
                .caused_by(error)
        })
}
