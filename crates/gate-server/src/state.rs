//! The server as its parts: what every handler and background task holds.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gate_protocol::canonical::Digest;
use tokio::sync::{Notify, watch};

use crate::flood::Flood;
use crate::history::Standby;
use crate::identity::{Authorities, Backoff, TokenHash};
use crate::keys::Keys;
use crate::known_head::KnownHead;
use crate::metrics::Metrics;
use crate::notify::Channels;
use crate::outbound::Outbound;
use crate::readiness::Beats;
use crate::refusals::Refusals;
use crate::service::NamedRules;
use crate::settings::Settings;
use crate::store::Store;
use crate::store::server::Names;
use crate::subtrees::Subtrees;
use crate::telemetry::Telemetry;
use crate::waiters::Waiters;
use crate::web::OpenPages;

/// The running server. Cheap to clone, and no larger than a pointer: a poll that waits holds several.
#[derive(Clone)]
pub(crate) struct Server(Arc<Parts>);

impl Deref for Server {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// For who opens the server. What is changed later, in one of several, is changed in none of the others.
impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }
}

/// What all of its copies share.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    /// Where what is past is read, where the settings name a standby.
    pub(crate) standby: Option<Standby>,
    pub(crate) waiters: Waiters,
    pub(crate) settings: Arc<Settings>,
    pub(crate) names: Arc<Names>,
    pub(crate) keys: Arc<Keys>,
    /// Which key came after which, for who pinned one before.
    pub(crate) key_statements: Arc<[String]>,
    /// The hash of the certificate that this server shows, where it ends TLS itself.
    pub(crate) certificate: Option<Digest>,
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
    /// How far the log was seen.
    pub(crate) known_head: KnownHead,
    /// What proofs of the log are made of.
    pub(crate) subtrees: Subtrees,
    /// Asks witnesses; none where there are none.
    pub(crate) witness_calls: Option<Outbound>,
    /// Counts what is refused to who comes from outside.
    pub(crate) refusals: Refusals,
    /// What is counted of the server itself.
    pub(crate) metrics: Metrics,
    /// When each of the server's own tasks was last seen at work.
    pub(crate) beats: Beats,
    /// What `/metrics` asks for, where it asks.
    pub(crate) metrics_token: Option<TokenHash>,
    /// Where spans go.
    pub(crate) telemetry: Telemetry,
    is_draining: Arc<AtomicBool>,
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
        Self(Arc::new(Parts {
            store,
            standby: None,
            waiters: Waiters::default(),
            settings: Arc::new(settings),
            names: Arc::new(names),
            keys: Arc::new(keys),
            key_statements: Arc::default(),
            certificate: None,
            named_rules: NamedRules::default(),
            flood: Flood::default(),
            channels: Channels::default(),
            deadlines: Arc::default(),
            pages: OpenPages::default(),
            authorities,
            backoff: Backoff::default(),
            known_head: KnownHead::default(),
            subtrees: Subtrees::default(),
            witness_calls: None,
            refusals: Refusals::default(),
            metrics: Metrics::default(),
            beats: Beats::default(),
            metrics_token: None,
            telemetry: Telemetry::default(),
            is_draining: Arc::default(),
            stopping: watch::Sender::new(false),
        }))
    }

    /// Makes every parked wait return at once.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Says from now on that the server is not ready, and serves on.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Tells whether the server is about to stop, or stops.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed) || self.is_stopping()
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
