//! `gate witness serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use gate_protocol::inert::inert;
use gate_protocol::signed_note::VerifierKey;
use gate_server::settings::LogFormat;
use gate_server::witness::{Witness, WitnessError};

use crate::cli::server::{bind, cannot_listen, log, runtime, stop_signal};
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::show::answer;
use crate::world::World;

/// Answer servers that ask for a signature, by C2SP tlog-witness
///
/// Run it where who keeps the log has no say. It signs a head only if the log
/// goes on from the one that it signed before, and keeps each on disk before it
/// signs it. Nothing of the records comes here. TLS is for a proxy in front of
/// it.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// The folder with the key and with what was signed; made where there is none.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// What the witness is called, as `witness.example.com`. It is a part of the
    /// key: never change it.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The key of a log to sign for, as `gate audit verify` shows it; give one for
    /// each, and of a log that got a new key both.
    #[arg(long = "log", value_name = "VKEY", value_parser = parse_key, required = true)]
    logs: Vec<VerifierKey>,
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4281")]
    listen: SocketAddr,
    /// Print one JSON object when it is ready.
    #[arg(long)]
    json: bool,
}

fn parse_key(text: &str) -> Result<VerifierKey, String> {
    text.parse().map_err(|error| format!("{error}"))
}

impl Serve {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let dir = world.cwd.join(&self.data);
        let witness = Witness::open(&dir, &self.name, self.logs.clone()).map_err(cannot_witness)?;
        let failed = |error| cannot_listen(self.listen, error);
        let listener = bind(self.listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        log(world, LogFormat::default())?;
        let keys: Vec<String> = witness.keys().map(ToString::to_string).collect();
        if self.json {
            let url = format!("http://{address}");
            let (key, before) = (keys.first(), keys.get(1..));
            let ready = serde_json::json!({ "key": key, "before": before, "url": url });
            answer::json(&ready)?;
        } else {
            report::line(&format!("listening on {address}, and signing as"));
            keys.iter().try_for_each(|key| answer::line(&inert(key)))?;
        }
        runtime()?.block_on(async {
            witness
                .serve_on(listener, stop_signal()?)
                .await
                .map_err(cannot_witness)
        })
    }
}

pub(super) fn cannot_witness(error: WitnessError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "WitnessError is non-exhaustive"
    )]
    let (kind, hint) = match &error {
        WitnessError::Unreadable(_) => (
            FailureKind::Configuration,
            Some(
                "where the log has a new key, name the one before it beside it, by a second --log; \
                 else put the file back as it was: a witness that forgets can be shown a second \
                 history",
            ),
        ),
        WitnessError::Listen(_) => (FailureKind::Internal, None),
        _ => (FailureKind::Configuration, None),
    };
    let failure = Failure::new(kind, "cannot be a witness").caused_by(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
