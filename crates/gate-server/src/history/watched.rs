//! The standby of the settings, and whether it can be used.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::AsOf;
use crate::clock;
use crate::store::standby::{self, Held, Reach};
use crate::store::{Connection, Store, StoreError, archiving};

/// How often it is looked at.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
/// After this, one that was a commit ahead of what its primary shows is so no longer.
const A_MOMENT: Duration = Duration::from_millis(200);

/// Why a standby is not read from.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// Nobody has looked yet.
    #[error("it was not looked at yet")]
    Unknown,
    /// It does not answer, or not as one should.
    #[error("it can't be read: {0}")]
    Down(String),
    /// It takes changes itself: it was never a standby, or it took over.
    #[error("it is no standby, or not any more")]
    NoStandby,
    /// It is a copy of something else.
    #[error("it follows another database")]
    Foreign,
    /// Its log goes on from another record, or further than the database's own.
    #[error("its log has records that the database has not")]
    Ahead,
    /// It lacks what is too old to be missing.
    #[error("it lacks {records} records, the oldest for {} s", lag.as_secs())]
    Lagging {
        /// How many.
        records: u64,
        /// For how long.
        lag: Duration,
    },
    /// Something was erased, archived or begun anew, of which it does not know yet.
    #[error("it does not know yet what was erased")]
    Unaware,
    /// It has not yet what is asked for.
    #[error("what is asked for is newer")]
    Short,
    /// The database itself does not say what its log has.
    #[error("the database itself does not say: {0}")]
    Unheld(String),
}

impl Unfit {
    /// Returns the name by which it is counted.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Down(_) => "down",
            Self::NoStandby => "no_standby",
            Self::Foreign => "foreign",
            Self::Ahead => "ahead",
            Self::Lagging { .. } => "lagging",
            Self::Unaware => "unaware",
            Self::Short => "short",
            Self::Unheld(_) => "unheld",
        }
    }

    /// Tells whether it says more of the moment than of the standby.
    const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Ahead | Self::Unaware | Self::Short | Self::Unheld(_)
        )
    }
}

/// The standby that the settings name. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Standby(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    standby: standby::Standby,
    max_lag: Duration,
    /// What was found last.
    found: Mutex<Result<AsOf, Unfit>>,
}

impl Standby {
    pub(crate) fn new((options, max_lag): (PgConnectOptions, Duration)) -> Self {
        Self(Arc::new(Watched {
            standby: standby::Standby::new(options),
            max_lag,
            found: Mutex::new(Err(Unfit::Unknown)),
        }))
    }

    /// Returns what was found last.
    pub(crate) fn found(&self) -> Result<AsOf, Unfit> {
        self.lock().clone()
    }

    /// Fails where it was found to be of no use: then nobody waits for it.
    pub(super) fn is_fit(&self) -> Result<(), Unfit> {
        self.found().map(|_| ())
    }

    /// Looks whether it is a standby of the very database, and how far it is.
    pub(crate) async fn examine(&self, store: &Store) -> Result<AsOf, Unfit> {
        let mut found = self.looked_over(store).await;
        // What is committed can be there before the primary shows it, where it is waited for, and
        // what was just erased a little later.
        if found.as_ref().is_err_and(Unfit::is_passing) {
            tokio::time::sleep(A_MOMENT).await;
            found = self.looked_over(store).await;
        }
        self.note(found.clone());
        found
    }

    async fn looked_over(&self, store: &Store) -> Result<AsOf, Unfit> {
        self.is_of(store).await?;
        self.reach(store).await.map(|(_, as_of)| as_of)
    }

    /// Returns a snapshot with how far it goes, which is a beginning of what the database has.
    pub(super) async fn look(&self, store: &Store) -> Result<(Connection, AsOf), Unfit> {
        let found = self.reach(store).await;
        if let Err(unfit) = &found
            && !unfit.is_passing()
        {
            self.note(Err(unfit.clone()));
        }
        found
    }

    async fn is_of(&self, store: &Store) -> Result<(), Unfit> {
        let (theirs, is_standby) = self
            .0
            .standby
            .identity()
            .await
            .map_err(|error| down(&error))?;
        let mut reader = store.look_up().await.map_err(|error| unheld(&error))?;
        let ours = standby::identity(reader.connection()).await;
        if theirs != ours.map_err(|error| unheld(&error))? {
            return Err(Unfit::Foreign);
        }
        if is_standby {
            Ok(())
        } else {
            Err(Unfit::NoStandby)
        }
    }

    async fn reach(&self, store: &Store) -> Result<(Connection, AsOf), Unfit> {
        let (connection, reach) = self.0.standby.read().await.map_err(|error| down(&error))?;
        let Some(reach) = reach else {
            return Err(Unfit::Down("there is no log in it".to_owned()));
        };
        if !reach.is_standby {
            return Err(Unfit::NoStandby);
        }
        // After the snapshot: what was erased until now is known here.
        let held = self
            .held(store, reach)
            .await
            .map_err(|error| unheld(&error))?;
        held.map(|as_of| (connection, as_of))
    }

    /// Holds what a standby has against what the database has.
    async fn held(&self, store: &Store, reach: Reach) -> Result<Result<AsOf, Unfit>, StoreError> {
        let mut reader = store.look_up().await?;
        let connection = reader.connection();
        let Held {
            records,
            last,
            least,
        } = standby::hold(connection, reach).await?;
        if last != Some(reach.last) {
            return Ok(Err(Unfit::Ahead));
        }
        if reach.records < least {
            return Ok(Err(Unfit::Unaware));
        }
        let behind = records.saturating_sub(reach.records);
        let mut lag = Duration::ZERO;
        if behind > 0
            && let Some(missing) = archiving::record(connection, reach.records).await?
        {
            let since = clock::now().duration_since(missing.at());
            lag = Duration::try_from(since).unwrap_or_default();
        }
        if lag > self.0.max_lag {
            return Ok(Err(Unfit::Lagging {
                records: behind,
                lag,
            }));
        }
        let newest = archiving::record(connection, reach.records.saturating_sub(1)).await?;
        Ok(Ok(AsOf {
            records: reach.records,
            at: newest.map(|record| record.at()),
            of: records,
            lag,
        }))
    }

    /// Keeps what was found, and says so where it is another thing than before.
    fn note(&self, found: Result<AsOf, Unfit>) {
        let mut known = self.lock();
        let before = known.as_ref().err().map(Unfit::label);
        let now = found.as_ref().err().map(Unfit::label);
        if before != now {
            say(&found);
        }
        *known = found;
    }

    /// Closes its connections.
    pub(crate) async fn close(&self) {
        self.0.standby.close().await;
    }

    fn lock(&self) -> MutexGuard<'_, Result<AsOf, Unfit>> {
        self.0.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says in the server's log whether history is read from the standby.
fn say(found: &Result<AsOf, Unfit>) {
    match found {
        Ok(as_of) => say_read(as_of.records),
        Err(unfit) => say_unread(unfit),
    }
}

fn say_read(records: u64) {
    tracing::info!(records, "history is read from the standby");
}

fn say_unread(unfit: &Unfit) {
    tracing::warn!(why = %unfit, "history is not read from the standby");
}

fn down(error: &StoreError) -> Unfit {
    Unfit::Down(crate::doctor::chain(error))
}

fn unheld(error: &StoreError) -> Unfit {
    Unfit::Unheld(crate::doctor::chain(error))
}
