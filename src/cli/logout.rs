//! `gate logout`.

use gate_client::ServerUrl;

use crate::config::{self, Source};
use crate::credential;
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::world::World;

/// Forget the token for an approval server, and the server itself
///
/// The token stays good at the server: have it revoked there if others may
/// know it.
#[derive(Debug, clap::Args)]
pub(crate) struct Logout {
    /// The server; the configured one by default.
    #[arg(long, value_name = "URL")]
    server: Option<ServerUrl>,
}

impl Logout {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let named = world.configuration()?.named_server();
        let server = match (&self.server, named) {
            (Some(given), _) => given,
            (None, Some(named)) => &named.value,
            (None, None) => {
                return Err(Failure::new(FailureKind::Usage, "not logged in anywhere")
                    .hint("name a server to forget: gate logout --server URL"));
            }
        };
        let removed = credential::remove(world, server)?;
        // After the token: while that is still there, the server must stay known.
        let is_remembered =
            named.is_some_and(|it| it.value == *server && matches!(it.source, Source::Login(_)));
        if is_remembered {
            config::forget_server(&world.layout)?;
        }
        match removed {
            Some(place) => report::line(&format!(
                "logged out of {server}: the token is gone from {place}"
            )),
            None => report::line(&format!("there was no token for {server}")),
        }
        if world.env_os("GATE_TOKEN").is_some() {
            report::line("warning: GATE_TOKEN is still set, and is used");
        }
        Ok(())
    }
}
