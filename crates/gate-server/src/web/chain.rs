//! The server's own check of its log: every record parses, names the one before
//! it, and all of them together are what the signed head says. It is the server
//! that looks here; `gate audit verify` looks from outside.
//!
//! One check runs at a time. The next goes on where it ended, so a long log is
//! read whole once in a while and not for each page.

use std::sync::Arc;
use std::time::Duration;

use gate_protocol::log::{Checkpoint, LogVerifier};
use jiff::Timestamp;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::clock;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::log;

/// How many records are read at once, and then the reader is handed back.
const STEP: u64 = 500;
/// How long a finished check is shown before it is made again, in seconds.
const HOLDS_SECONDS: u64 = 30;
/// After this, records that were found good are read again: the file under them
/// may have been changed. In seconds.
const WHOLE_AGAIN_SECONDS: u64 = 3_600;
/// How long a page waits for a check before it is shown without.
const PATIENCE: Duration = Duration::from_secs(2);

/// The last check, and how far the log was followed.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) found: Arc<watch::Sender<Option<Verified>>>,
    /// Held by the check that runs.
    pub(crate) followed: Arc<Mutex<Followed>>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            found: Arc::new(watch::Sender::new(None)),
            followed: Arc::default(),
        }
    }
}

/// How far the log was followed from its first record, and since when: some
/// 40 MB for a million requests, for an hour or two after the last look.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    pub(crate) verifier: LogVerifier,
    pub(crate) since: Option<Timestamp>,
}

impl Followed {
    /// Tells whether the next look reads the log from its first record again.
    fn is_old(&self, now: Timestamp) -> bool {
        let since = self.since;
        since.is_some_and(|since| clock::after(since, WHOLE_AGAIN_SECONDS) <= now)
    }
}

impl Chain {
    /// Forgets how far the log was followed where the next look reads all of it again anyway.
    pub(crate) fn forget_old(&self, now: Timestamp) {
        if let Ok(mut followed) = self.followed.try_lock()
            && followed.is_old(now)
        {
            *followed = Followed::default();
        }
    }
}

/// What a check found.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    /// How many records the head says there are.
    pub(crate) size: u64,
    /// What is wrong, and where.
    pub(crate) fault: Option<String>,
    /// When it ended.
    pub(crate) at: Timestamp,
}

/// Returns the result of a check that is not old; none where one is still running.
pub(crate) async fn verified(server: &Server) -> Option<Verified> {
    let chain = &server.pages.chain;
    let mut found = chain.found.subscribe();
    let is_good = |one: &&Verified| clock::after(one.at, HOLDS_SECONDS) > clock::now();
    if let Some(last) = found.borrow().as_ref().filter(is_good) {
        return Some(last.clone());
    }
    if let Ok(followed) = Arc::clone(&chain.followed).try_lock_owned() {
        // It goes on where the page does not wait for it.
        tokio::spawn(check(server.clone(), followed));
    }
    tokio::time::timeout(PATIENCE, found.changed())
        .await
        .ok()?
        .ok()?;
    found.borrow().clone()
}

async fn check(server: Server, mut followed: OwnedMutexGuard<Followed>) {
    match follow(&server, &mut followed).await {
        Ok(found) => {
            server.pages.chain.found.send_replace(Some(found));
        }
        Err(failure) => {
            tracing::warn!(detail = failure.detail(), "the log was not read to its end");
        }
    }
}

/// Goes on to the head of now.
pub(crate) async fn follow(server: &Server, followed: &mut Followed) -> Result<Verified, Failure> {
    let head = log::head(server.store.read().await?.connection()).await?;
    let size = head.tree.size();
    let now = clock::now();
    followed.since.get_or_insert(now);
    let is_old = followed.is_old(now);
    let verifier = &mut followed.verifier;
    let first = log::pruned(server.store.read().await?.connection()).await?;
    if is_old
        || verifier.records() < first
        || verifier.records() > size
        || verifier.so_far().is_err()
    {
        let start = server.log_start().await?;
        let tree = start.tree().map_err(|error| Failure::internal(&error))?;
        *verifier = LogVerifier::after_pruning(tree, start.last, Vec::new());
        followed.since = Some(now);
    }
    let checkpoint = Checkpoint {
        origin: server.names.log_origin.clone(),
        size,
        root: head.tree.root(),
    };
    let mut is_good = verifier.expect(checkpoint).is_ok();
    while is_good && verifier.records() < size {
        let from = verifier.records();
        let mut reader = server.store.read().await?;
        let records = log::page(reader.connection(), from, STEP.min(size - from)).await?;
        drop(reader);
        is_good = !records.is_empty()
            && records
                .iter()
                .all(|record| verifier.feed(record.as_bytes()).is_ok());
        tokio::task::yield_now().await;
    }
    Ok(Verified {
        size,
        fault: verifier.so_far().err().map(|fault| fault.to_string()),
        at: clock::now(),
    })
}
