//! How far this server has seen the log. A database that took over from another one without its last
//! commits lacks records that were confirmed: what they used up could be used once more. A server
//! that has seen them changes nothing any more until a new epoch begins.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gate_protocol::canonical::Digest;
use gate_protocol::claim::SignedGrant;
use gate_protocol::problem::ProblemCode;
use jiff::Timestamp;

use crate::problem::Failure;
use crate::service::Change;
use crate::state::Server;
use crate::store::log::{self, Head};
use crate::store::{Connection, StoreError, Writer, log_proofs, server};

/// The furthest head that was seen. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownHead(Arc<Mutex<Known>>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The epoch in which it was seen; 0 before the first look.
    epoch: u64,
    /// How many records it has.
    size: u64,
    /// The hash of the last of them.
    prev: Option<Digest>,
    /// The log was found to lack some of them.
    is_lacking: bool,
    /// An epoch began since who follows the log last went on from its end.
    is_anew: bool,
}

/// What the log is found to be.
pub(crate) struct Held {
    pub(crate) head: Head,
    /// The keys that the database names.
    pub(crate) keys: Option<Digest>,
    /// An epoch has begun: what this server has in memory of the log may be of records that are gone.
    is_anew: bool,
}

impl KnownHead {
    /// Tells whether the log was found to lack what was seen of it.
    pub(crate) fn is_lacking(&self) -> bool {
        self.lock().is_lacking
    }

    /// Tells whether who follows the log has to go on from its end: what stands where it was read
    /// before may be something else.
    pub(crate) fn is_to_be_followed_anew(&self) -> bool {
        let known = self.lock();
        known.is_lacking || known.is_anew
    }

    /// Takes in that who follows the log goes on from its end. Only for who has the writer.
    pub(crate) fn followed_anew(&self) {
        self.lock().is_anew = false;
    }

    /// Takes in that a change was committed, after which the head is this.
    pub(crate) fn committed(&self, head: &Head) {
        let mut known = self.lock();
        if head.tree.size() > known.size {
            known.size = head.tree.size();
            known.prev = head.prev;
        }
    }

    /// Holds the log against what was seen of it. Only for who has the writer: whoever reads can
    /// have a snapshot from before what was seen last.
    async fn hold(&self, connection: &mut Connection) -> Result<Held, Failure> {
        let head = log::head_to_append(connection).await?;
        let made = server::epoch_and_keys(connection).await?;
        let (epoch, keys) = made.unwrap_or_default();
        let known = *self.lock();
        let is_lacking = epoch <= known.epoch && lacks(connection, &head, known).await?;
        // Also where nothing is missing that was seen by a change: more was read by who follows.
        let is_anew = known.epoch > 0 && epoch > known.epoch;
        *self.lock() = Known {
            epoch: epoch.max(known.epoch),
            size: if is_lacking {
                known.size
            } else {
                head.tree.size()
            },
            prev: if is_lacking { known.prev } else { head.prev },
            is_lacking,
            is_anew: known.is_anew || is_anew,
        };
        if is_lacking {
            tracing::error!(
                seen = known.size,
                found = head.tree.size(),
                "the database lacks records that this server has seen; nothing is changed"
            );
            return Err(lacking());
        }
        Ok(Held {
            head,
            keys,
            is_anew,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells whether the log does not go on from what was seen of it.
async fn lacks(connection: &mut Connection, head: &Head, known: Known) -> Result<bool, StoreError> {
    let Some(last) = known.size.checked_sub(1) else {
        return Ok(false);
    };
    if head.tree.size() <= known.size {
        return Ok(head.tree.size() < known.size || head.prev != known.prev);
    }
    // It is longer: others went on, from the same record or from another in its place. One whose body
    // went into an archive is older than any failover.
    if last < log::pruned(connection).await? {
        return Ok(false);
    }
    let there = log::page(connection, last, 1).await?;
    let there = there
        .first()
        .map(|record| Digest::of_bytes(record.as_bytes()));
    Ok(there.is_some() && there != known.prev)
}

pub(crate) fn lacking() -> Failure {
    let detail = "the database lacks records that this server has seen, as after a failover to a \
        standby that lagged; nothing is changed until who runs the server begins a new epoch \
        (`gate server new-epoch`)";
    Failure::new(ProblemCode::Unavailable, detail).retry_after(5)
}

impl Change<'_> {
    /// Holds the log against a grant of this server that a client brings, of a time from `since` on.
    /// A server that was started after a failover has seen nothing before: only who was granted
    /// something by the other database can tell that its record is gone. What is older than what is
    /// claimed now has no bearing on it: a lost claim of the same request was recorded after that
    /// was asked. So a new epoch, in which everything is asked anew, lets claims through again.
    pub(crate) async fn hold_against(
        &mut self,
        seen: &SignedGrant,
        since: Timestamp,
    ) -> Result<(), Failure> {
        let key = self.server().keys.grant.verifier();
        let record = seen.record_of(&key).filter(|record| record.at() >= since);
        let Some(record) = record else {
            return Ok(());
        };
        let place = record.seq()..record.seq().saturating_add(1);
        let leaves = log_proofs::leaves(self.connection(), place).await?;
        if leaves == [record.leaf_hash()] {
            return Ok(());
        }
        tracing::error!(
            request = %seen.grant.request,
            record = record.seq(),
            "the database lacks the record of a grant that a client has; it is granted nothing"
        );
        let detail = "the database lacks the record of what this server granted this client before, \
            as after a failover to a standby that lagged; nothing is granted until who runs the \
            server begins a new epoch (`gate server new-epoch`)";
        Err(Failure::new(ProblemCode::Unavailable, detail).retry_after(5))
    }
}

impl Server {
    /// Waits for the writer, and holds the log against what was seen of it where another database
    /// can have taken the place of the one that was written to; in a new epoch everybody looks anew.
    /// Returns the head where it was read.
    pub(crate) async fn writer(&self) -> Result<(Writer, Option<Held>), Failure> {
        let mut writer = self.store.write().await?;
        if !self.store.is_shared() {
            return Ok((writer, None));
        }
        let held = self.known_head.hold(writer.connection()).await?;
        if held.is_anew {
            self.look_anew();
        }
        Ok((writer, Some(held)))
    }
}
