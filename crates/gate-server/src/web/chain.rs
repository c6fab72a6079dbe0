//! The server's own check of its log: every record parses, names the one before
//! it, and all of them together are what the signed head says. It is the server
//! that looks here; `gate audit verify` looks from outside.

use std::sync::Arc;
use std::time::Duration;

use gate_protocol::log::{Checkpoint, LogVerifier};
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::clock;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::log;

/// How many records are read at once.
const STEP: u64 = 1_000;
/// How long a finished check is shown before it is made again, in seconds.
const HOLDS_SECONDS: u64 = 30;
/// How long a page waits for a check before it is shown without.
const PATIENCE: Duration = Duration::from_secs(2);

/// The last check.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain(Arc<Mutex<Option<Verified>>>);

/// What a check found.
#[derive(Clone, Debug)]
pub(super) struct Verified {
    /// How many records the head says there are.
    pub(super) size: u64,
    /// What is wrong, and where.
    pub(super) fault: Option<String>,
    pub(super) at: Timestamp,
}

/// Returns the result of a check that is not old; none where one is still running.
pub(super) async fn verified(server: &Server) -> Option<Verified> {
    let server = server.clone();
    // It goes on where the page does not wait for it.
    let task = tokio::spawn(async move {
        let chain = server.pages.chain.clone();
        let mut last = chain.0.lock().await;
        let is_good = |one: &&Verified| clock::after(one.at, HOLDS_SECONDS) > clock::now();
        if let Some(last) = last.as_ref().filter(is_good) {
            return Some(last.clone());
        }
        match verify(&server).await {
            Ok(found) => *last = Some(found),
            Err(failure) => {
                tracing::warn!(detail = failure.detail(), "the log was not read to its end");
                return None;
            }
        }
        last.clone()
    });
    tokio::time::timeout(PATIENCE, task).await.ok()?.ok()?
}

async fn verify(server: &Server) -> Result<Verified, Failure> {
    let mut reader = server.store.read().await?;
    let head = log::head(reader.connection()).await?;
    let (size, root) = (head.tree.size(), head.tree.root());
    let checkpoint = Checkpoint {
        origin: server.names.log_origin.clone(),
        size,
        root,
    };
    let mut verifier = LogVerifier::new(vec![checkpoint]);
    let at = clock::now();
    let mut from = 0;
    loop {
        let records = log::page(reader.connection(), from, STEP).await?;
        from += records.len() as u64;
        if records.is_empty() {
            break;
        }
        for record in &records {
            if let Err(fault) = verifier.feed(record.as_bytes()) {
                return Ok(Verified {
                    size,
                    fault: Some(fault.to_string()),
                    at,
                });
            }
        }
        tokio::task::yield_now().await;
    }
    let fault = match verifier.finish() {
        Ok(_) => None,
        Err(fault) => Some(fault.to_string()),
    };
    Ok(Verified { size, fault, at })
}
