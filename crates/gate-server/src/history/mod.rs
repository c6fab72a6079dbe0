//! What is past, read from a standby of the database where there is one: requests that ended, and the
//! log as far as it goes there. Nothing that decides anything reads here.
//!
//! Each time, the standby's log is held against the database's own. What a standby answers is a
//! beginning of what the database would say, it says how much of it, and where it can't be used the
//! database itself is read.

mod watched;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponseParts, ResponseParts};
use jiff::Timestamp;

use crate::state::Server;
use crate::store::{Connection, StoreError};

pub(crate) use watched::{Standby, Unfit};

/// Says that an answer is of a standby, and how far that goes.
const STANDBY: HeaderName = HeaderName::from_static("gate-standby");

/// How long what is read waits for a standby that is a little behind. Who looks because something
/// happened then sees it.
const CATCHING_UP: Duration = Duration::from_millis(250);
/// How soon it is looked at again meanwhile; each time twice as long after the time before.
const FIRST_STEP: Duration = Duration::from_millis(5);

/// Something past, and how it is read, from whichever database.
pub(crate) trait Reading: Sync {
    /// What is found.
    type Found: Send;

    /// Returns what of the past it is.
    fn past(&self) -> Past;

    /// Reads it.
    fn read(
        &self,
        connection: &mut Connection,
    ) -> impl Future<Output = Result<Self::Found, StoreError>> + Send;
}

/// What is wanted of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// What is over, and may be known a little later.
    Ended,
    /// The records below this index, as far as there are any: they never change.
    Records(u64),
}

/// How far what a standby answered goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AsOf {
    /// It is what the first so many records of the log tell.
    pub(crate) records: u64,
    /// When the last of them was written; none where it was archived.
    pub(crate) at: Option<Timestamp>,
    /// How many records the log had then.
    pub(crate) of: u64,
    /// How old the oldest record is that is missing; nothing, where none is.
    pub(crate) lag: Duration,
}

impl AsOf {
    /// Returns how many records are missing.
    pub(crate) const fn behind(&self) -> u64 {
        self.of.saturating_sub(self.records)
    }
}

/// Each answer says it in a header, a dictionary of RFC 9651.
impl IntoResponseParts for AsOf {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let (records, behind) = (self.records, self.behind());
        let at = self.at.map(|at| format!(", at=@{}", at.as_second()));
        let at = at.unwrap_or_default();
        let text = format!("records={records}, behind={behind}{at}");
        if let Ok(value) = HeaderValue::from_str(&text) {
            parts.headers_mut().insert(STANDBY, value);
        }
        Ok(parts)
    }
}

impl Server {
    /// Reads what is past, from the standby where that can be used; with how far that goes.
    ///
    /// # Errors
    /// The database itself can't be read either.
    pub(crate) async fn past<R: Reading>(
        &self,
        wanted: &R,
    ) -> Result<(R::Found, Option<AsOf>), StoreError> {
        if let Some((mut connection, as_of)) = self.of_the_standby(wanted.past()).await {
            match wanted.read(&mut connection).await {
                Ok(found) => {
                    self.metrics.past_read("standby", "");
                    return Ok((found, Some(as_of)));
                }
                Err(error) => {
                    // As where what is read stands in the way of what it has to take in.
                    tracing::info!(%error, "the standby broke off; the database itself is read");
                    self.metrics.past_read("primary", "broke_off");
                }
            }
        }
        let mut reader = self.store.read().await?;
        Ok((wanted.read(reader.connection()).await?, None))
    }

    /// Returns a snapshot of the standby that has what is wanted; none where there is no such.
    async fn of_the_standby(&self, wanted: Past) -> Option<(Connection, AsOf)> {
        let standby = self.standby.as_ref()?;
        match self.fit(standby, wanted).await {
            Ok(found) => Some(found),
            Err(unfit) => {
                self.metrics.past_read("primary", unfit.label());
                None
            }
        }
    }

    async fn fit(&self, standby: &Standby, wanted: Past) -> Result<(Connection, AsOf), Unfit> {
        standby.is_fit()?;
        let begun = Instant::now();
        let (mut goal, mut step) = (None, FIRST_STEP);
        loop {
            let (connection, as_of) = standby.look(&self.store).await?;
            let goal = *goal.get_or_insert(match wanted {
                Past::Ended => as_of.of,
                Past::Records(end) => end.min(as_of.of),
            });
            if as_of.records >= goal {
                return Ok((connection, as_of));
            }
            match wanted {
                // The end of the log is the database's own to tell.
                Past::Records(_) => return Err(Unfit::Short),
                Past::Ended if begun.elapsed() >= CATCHING_UP => return Ok((connection, as_of)),
                Past::Ended => drop(connection),
            }
            tokio::time::sleep(step).await;
            step *= 2;
        }
    }

    /// Looks at the standby again and again, until dropped: whether it can be used is known before
    /// anybody reads.
    pub(crate) async fn watch_standby(self) {
        while let Some(standby) = &self.standby {
            drop(standby.examine(&self.store).await);
            tokio::time::sleep(watched::PAUSE).await;
        }
    }
}
