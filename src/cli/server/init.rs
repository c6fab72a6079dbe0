//! `gate server init`.

use std::path::PathBuf;

use gate_protocol::inert::inert;
use gate_server::InitialiseError;

use super::{data_folder, runtime};
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::show::answer;
use crate::world::World;

/// Make the keys, the database and the first admin.
///
/// The admin's token is printed, once. It makes the other tokens, does not
/// end, and can't review.
#[derive(Debug, clap::Args)]
pub(super) struct Init {
    /// The folder for keys and database; only you will be able to read it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Init {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let data = data_folder(world, self.data.as_ref())?;
        let token = runtime()?
            .block_on(gate_server::initialise(&data))
            .map_err(cannot_initialise)?;
        let shown = inert(&data.to_string_lossy()).into_owned();
        if self.json {
            return answer::json(
                &serde_json::json!({ "data": data.to_string_lossy(), "admin_token": token }),
            );
        }
        report::line(&format!("made a server in {shown}"));
        report::line("start it with `gate server`, then log in with `gate login --server URL`");
        report::line("this is the token of `admin`; it is not stored and not shown again:");
        answer::line(&token)
    }
}

/// Returns the failure of a server that was not made.
pub(super) fn cannot_initialise(error: InitialiseError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "InitialiseError is non-exhaustive"
    )]
    let hint = match &error {
        InitialiseError::Exists(_) => {
            Some("start it with `gate server`, or name another folder with --data")
        }
        InitialiseError::InUse(_) => {
            Some("stop that server first, or name another folder with --data")
        }
        _ => None,
    };
    let failure =
        Failure::new(FailureKind::Configuration, "cannot make the server").caused_by(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
