//! `gate server doctor`.

use std::fmt::Write as _;
use std::path::PathBuf;

use gate_protocol::inert::inert;
use gate_server::Settings;
use gate_server::doctor::{Finding, State, examine};
use gate_server::settings::TlsFiles;

use super::{data_folder, runtime, settings};
use crate::failure::{Failure, FailureKind};
use crate::show::answer;
use crate::world::World;

/// Look at everything that a server stands on, and say what to mend
///
/// The server may run. Ends with 0 where nothing fails; what only should be
/// seen to is told, and ends with 0 too.
#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    /// The server's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The server's settings.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The certificate, where the server is started with one.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let data = data_folder(world, self.data.as_ref())?;
        let mut settings = Settings::new(&data, "http://127.0.0.1");
        if let Some(file) = &self.config {
            settings = settings::read(settings, &world.cwd.join(file))?;
        }
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            settings.tls = Some(TlsFiles {
                certificate: world.cwd.join(certificate),
                key: world.cwd.join(key),
            });
        }
        let findings = runtime()?.block_on(examine(&settings));
        let failed = findings
            .iter()
            .filter(|one| one.state == State::Fail)
            .count();
        if self.json {
            answer::json(&serde_json::json!({ "is_sound": failed == 0, "findings": findings }))?;
        } else {
            answer::text(&shown(&findings))?;
        }
        if failed == 0 {
            return Ok(());
        }
        let things = if failed == 1 {
            "thing is"
        } else {
            "things are"
        };
        Err(Failure::new(
            FailureKind::Found,
            format!("{failed} {things} not as the server needs it"),
        ))
    }
}

fn shown(findings: &[Finding]) -> String {
    let width = findings.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for one in findings {
        let state = match one.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        let (name, said) = (inert(&one.name), inert(&one.said));
        let _written = writeln!(text, "{state}  {name:width$}  {said}");
        if let Some(mend) = &one.mend {
            let _written = writeln!(text, "{:width$}        {}", "", inert(mend));
        }
    }
    text
}
