//! `gate server init`.

use std::path::{Path, PathBuf};

use gate_protocol::inert::inert;
use gate_protocol::masked::MaskedText;
use gate_server::{InitialiseError, Settings};

use super::{data_folder, runtime, settings};
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::show::answer;
use crate::world::World;

/// Make the keys, the database and the first admin
///
/// The admin's token is printed, once. It makes the other tokens, does not
/// end, and can't review.
#[derive(Debug, clap::Args)]
pub(super) struct Init {
    /// The folder for keys and database; only you will be able to read it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The server's settings, in TOML: where they name a database, its tables are
    /// made there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Init {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let data = data_folder(world, self.data.as_ref())?;
        let mut settings = Settings::new(&data, "http://127.0.0.1");
        if let Some(file) = &self.config {
            settings = settings::read(settings, &world.cwd.join(file))?;
        }
        let token = runtime()?
            .block_on(gate_server::initialise(&settings))
            .map_err(|error| cannot_initialise(error, self.data.as_deref()))?;
        let shown = inert(&data.to_string_lossy()).into_owned();
        if self.json {
            return answer::json(
                &serde_json::json!({ "data": data.to_string_lossy(), "admin_token": token }),
            );
        }
        report::line(&format!("made a server in {shown}"));
        let mut start = start_command(self.data.as_deref());
        if let Some(file) = &self.config {
            start = format!("{start} --config {}", word(file));
        }
        report::line(&format!(
            "start it with `{start}`, then log in with `gate login --server URL`"
        ));
        report::line("this is the token of `admin`; it is not stored and not shown again:");
        answer::line(&token)
    }
}

/// Returns the command that starts the server of a data folder: without a name
/// it is this user's own.
fn start_command(data: Option<&Path>) -> String {
    data.map_or_else(
        || "gate server".to_owned(),
        |data| format!("gate server --data {}", word(data)),
    )
}

/// Returns a path as a word of a shell.
fn word(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    MaskedText::plain(path.as_os_str().as_bytes()).shown_word()
}

/// Returns the failure of a server that was not made in `data`.
pub(super) fn cannot_initialise(error: InitialiseError, data: Option<&Path>) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "InitialiseError is non-exhaustive"
    )]
    let hint = match &error {
        InitialiseError::Exists(_) => Some(format!(
            "start it with `{}`, or name another folder with --data",
            start_command(data)
        )),
        InitialiseError::InUse(_) => {
            Some("stop that server first, or name another folder with --data".to_owned())
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
