//! `gate mcp`: the Model Context Protocol on standard input and output, for agents that speak it.
//!
//! An agent asks what would happen, asks for an approval, sees its requests and waits for one. It
//! can do nothing here that `gate check`, `gate run --no-wait` and `gate requests` don't do:
//! nothing is run, and nothing is approved.

mod bounded;
mod call;
mod server;
mod told;
mod tools;

use rmcp::ServiceExt as _;
use tokio::runtime::Builder;

use crate::failure::{Failure, FailureKind};

/// How many calls are worked on at once: those that wait for people, and one that asks.
const CALLS: usize = 16;

/// Serve the Model Context Protocol on stdin and stdout
///
/// Tools for an agent: what would be decided about a command, ask for an approval without waiting,
/// list its own requests, wait for one for a while. It runs nothing and never approves anything.
#[derive(Debug, clap::Args)]
pub(crate) struct Mcp {}

impl Mcp {
    #[expect(clippy::unused_self, reason = "as the other subcommands")]
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(CALLS)
            .build()
            .map_err(|error| {
                Failure::new(FailureKind::Internal, "cannot start the runtime").caused_by(error)
            })?;
        let agent = server::Server::here()?;
        let served = runtime.block_on(async {
            let transport = bounded::Bounded::new(rmcp::transport::io::stdio_pipes());
            let running = agent.serve(transport).await?;
            running
                .waiting()
                .await
                .map_err(Box::<dyn std::error::Error>::from)
        });
        // A call that still waits for people is given up: who asked is gone.
        runtime.shutdown_background();
        match served {
            Ok(_) => Ok(()),
            Err(error) => {
                let why = gate_protocol::inert::inert(&error.to_string()).into_owned();
                Err(Failure::new(
                    FailureKind::Usage,
                    format!("the Model Context Protocol was not spoken: {why}"),
                )
                .hint("it is for agents: name `gate mcp` as a server in their settings"))
            }
        }
    }
}
