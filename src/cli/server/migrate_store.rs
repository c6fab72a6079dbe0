//! `gate server migrate-store`.

use std::path::PathBuf;
use std::time::Duration;

use gate_protocol::inert::inert;
use gate_server::Settings;
use gate_server::backup::{MoveError, Moving, move_store};

use super::{data_folder, runtime, settings};
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::show::answer;
use crate::world::World;

/// Move a server's data from its file into a database that servers can share
///
/// The log is copied while the server runs. Then gate waits until you stop it,
/// copies the rest, and reads everything again on the other side. Start the
/// server with the same settings afterwards; its keys and its folder stay.
#[derive(Debug, clap::Args)]
pub(super) struct MigrateStore {
    /// The server's new settings, which name the database. It must be empty.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The server's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How long to wait for the server's end, as 90s or 10m.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = gate_policy::parse_duration)]
    wait: Duration,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl MigrateStore {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let data = data_folder(world, self.data.as_ref())?;
        let settings = Settings::new(&data, "http://127.0.0.1");
        let settings = settings::read(settings, &world.cwd.join(&self.config))?;
        let tell = |moving| match moving {
            Moving::WaitsForTheEnd(records) => report::line(&format!(
                "{records} records of the log are copied; stop the server, and the rest follows"
            )),
            Moving::Copies => report::line("copying the rest"),
            Moving::Verifies => report::line("reading everything again"),
        };
        let moved = runtime()?
            .block_on(move_store(&settings, self.wait, tell))
            .map_err(cannot_move)?;
        if self.json {
            return answer::json(&serde_json::json!({
                "log_size": moved.log_size,
                "rows": moved.rows,
                "tables": moved.tables,
                "old": moved.old.to_string_lossy(),
            }));
        }
        answer::line(&format!(
            "moved: {} rows of {} tables, {} records in the log",
            moved.rows, moved.tables, moved.log_size
        ))?;
        report::line(&format!(
            "start the server with these settings; the old file is {}",
            inert(&moved.old.to_string_lossy())
        ));
        Ok(())
    }
}

fn cannot_move(error: MoveError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "MoveError is non-exhaustive"
    )]
    let (kind, hint) = match &error {
        MoveError::NoDatabase => (
            FailureKind::Configuration,
            Some(
                "write the table [database] with the `url` of an empty database into the settings",
            ),
        ),
        MoveError::NoServer(_) => (
            FailureKind::Configuration,
            Some(
                "name the server's folder with --data; where a move was cut off and the database is \
                 empty, rename `gate.db.moved` back to `gate.db`",
            ),
        ),
        MoveError::NotEmpty(_) | MoveError::OtherLog => (
            FailureKind::Configuration,
            Some(
                "make another database: CREATE DATABASE gate OWNER gate ENCODING 'UTF8' TEMPLATE template0",
            ),
        ),
        MoveError::Runs(_) => (
            FailureKind::Configuration,
            Some("stop the server, and run the same command again: it goes on where it was"),
        ),
        MoveError::Keys(_) | MoveError::Database(_) => (FailureKind::Configuration, None),
        MoveError::Log(_) | MoveError::Differs(_) => (
            FailureKind::Found,
            Some("the server can go on with its file"),
        ),
        MoveError::Undecided(_) => (
            FailureKind::Internal,
            Some(
                "start no server before you have looked: where the database has the table `server` \
                 with a row everything is there, else rename the file back to `gate.db`",
            ),
        ),
        _ => (FailureKind::Internal, None),
    };
    let failure = Failure::new(kind, "cannot move the data").caused_by(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
