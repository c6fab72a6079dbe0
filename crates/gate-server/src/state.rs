//! The server as its parts: what every handler and background task holds.

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore, watch};

use crate::flood::Flood;
use crate::identity::{Authorities, Backoff};
use crate::keys::Keys;
use crate::notify::Channels;
use crate::outbound::Outbound;
use crate::refusals::Refusals;
use crate::service::NamedRules;
use crate::settings::Settings;
use crate::store::Store;
use crate::store::server::Names;
use crate::subtrees::Subtrees;
use crate::waiters::Waiters;
use crate::web::OpenPages;

/// How many proofs are made at the same time: each holds every leaf of the log.
const PROOFS: usize = 2;

/// The running server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) waiters: Waiters,
    pub(crate) settings: Arc<Settings>,
    pub(crate) names: Arc<Names>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) named_rules: NamedRules,
    pub(crate) flood: Flood,
    /// Where people hear of requests besides the page.
    pub(crate) channels: Channels,
    /// Tells the expiry task that a deadline may have come nearer.
    pub(crate) deadlines: Arc<Notify>,
    /// What the pages remember between calls.
    pub(crate) pages: OpenPages,
    /// Whose word counts here.
    pub(crate) authorities: Authorities,
    /// Counts who guesses passwords and codes.
    pub(crate) backoff: Backoff,
    /// What proofs of the log are made of.
    pub(crate) subtrees: Subtrees,
    /// Asks witnesses; none where there are none.
    pub(crate) witness_calls: Option<Outbound>,
    /// Whose turn it is to have a proof made.
    pub(crate) proofs: Arc<Semaphore>,
    /// Counts what is refused to who comes from outside.
    pub(crate) refusals: Refusals,
    stopping: watch::Sender<bool>,
}

impl Server {
    pub(crate) fn new(
        store: Store,
        settings: Settings,
        authorities: Authorities,
        names: Names,
        keys: Keys,
    ) -> Self {
        Self {
            store,
            waiters: Waiters::default(),
            settings: Arc::new(settings),
            names: Arc::new(names),
            keys: Arc::new(keys),
            named_rules: NamedRules::default(),
            flood: Flood::default(),
            channels: Channels::default(),
            deadlines: Arc::default(),
            pages: OpenPages::default(),
            authorities,
            backoff: Backoff::default(),
            subtrees: Subtrees::default(),
            witness_calls: None,
            proofs: Arc::new(Semaphore::new(PROOFS)),
            refusals: Refusals::default(),
            stopping: watch::Sender::new(false),
        }
    }

    /// Makes every parked wait return at once.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Returns when the server begins to stop.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // The sender is `self`'s own, so the wait ends only as it should.
        let _ended = stopping.wait_for(|stopping| *stopping).await;
    }
}
