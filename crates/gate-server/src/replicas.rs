//! What other servers on the same database did. Every change appends to the audit log, so the log
//! from where it was last looked at says which requests changed: a notification only tells that
//! it is time to look, and where none comes it is looked at now and then.

use std::time::Duration;

use gate_protocol::id::RequestId;
use gate_protocol::log::RecordType;
use serde::Deserialize;

use crate::problem::Failure;
use crate::readiness::Task;
use crate::state::Server;
use crate::store::{Listener, log};

/// How often the log is looked at where nobody tells: the notification's connection may be
/// broken without a sign.
const LONGEST_SILENCE: Duration = Duration::from_secs(2);

/// How many records are read at once.
const PAGE: u64 = 500;

/// As much of a record as says whom to wake.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(rename = "type")]
    record_type: String,
    body: About,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct About {
    request: Option<String>,
}

impl Server {
    /// Returns how many records the log has.
    pub(crate) async fn log_size(&self) -> Result<u64, Failure> {
        let mut reader = self.store.read().await?;
        Ok(log::head(reader.connection()).await?.tree.size())
    }

    /// Wakes whom the changes of other servers concern, from record `seen` on, until dropped.
    /// Ends at once where no other server can be on the database.
    pub(crate) async fn follow_replicas(self, mut seen: u64) {
        while self.store.is_shared() {
            self.beats.beat(Task::Replicas);
            match self.store.listen().await {
                Ok(Some(listener)) => self.follow_by(listener, &mut seen).await,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "changes of other servers are looked for only");
                    self.catch_up(&mut seen).await;
                    tokio::time::sleep(LONGEST_SILENCE).await;
                }
            }
        }
    }

    /// Follows until nothing can be heard any more.
    async fn follow_by(&self, mut listener: Listener, seen: &mut u64) {
        self.catch_up(seen).await;
        loop {
            self.beats.beat(Task::Replicas);
            let is_told = tokio::select! {
                heard = listener.heard() => match heard {
                    Ok(()) => true,
                    Err(_) => return,
                },
                () = tokio::time::sleep(LONGEST_SILENCE) => false,
            };
            let known = *seen;
            self.catch_up(seen).await;
            if !is_told && *seen > known {
                // Something happened and nobody told: the connection may be dead.
                return;
            }
        }
    }

    async fn catch_up(&self, seen: &mut u64) {
        if let Err(failure) = self.look_at_the_log(seen).await {
            tracing::warn!(?failure, "changes of other servers were not read");
        }
    }

    /// Wakes who waits for a request of which the log tells from record `seen` on.
    async fn look_at_the_log(&self, seen: &mut u64) -> Result<(), Failure> {
        if self.known_head.is_to_be_followed_anew() {
            self.go_on_anew(seen).await?;
        }
        loop {
            let mut reader = self.store.read().await?;
            let records = log::page(reader.connection(), *seen, PAGE).await?;
            let size = log::head(reader.connection()).await?.tree.size();
            drop(reader);
            if size < *seen {
                return self.go_on_anew(seen).await;
            }
            if records.is_empty() {
                return Ok(());
            }
            *seen += records.len() as u64;
            for record in &records {
                self.act_on(record).await?;
            }
            self.deadlines.notify_one();
            if self.channels.is_any() {
                self.channels.wake();
            }
        }
    }

    /// Goes on from the end of a log that does not go on from what was read, once a new epoch has
    /// begun in it: everybody looks anew.
    async fn go_on_anew(&self, seen: &mut u64) -> Result<(), Failure> {
        // Only who has the writer can tell what the log has.
        let (writer, held) = self.writer().await?;
        self.known_head.followed_anew();
        drop(writer);
        *seen = held.map_or(0, |held| held.head.tree.size());
        self.look_anew();
        Ok(())
    }

    /// Has everybody look anew at what they knew of the log.
    pub(crate) fn look_anew(&self) {
        self.subtrees.forget();
        self.waiters.wake_all();
        self.deadlines.notify_one();
    }

    async fn act_on(&self, record: &str) -> Result<(), Failure> {
        let Ok(told) = serde_json::from_str::<Told>(record) else {
            return Ok(());
        };
        let is_of_channels = [RecordType::ChannelCreated, RecordType::ChannelDeleted]
            .iter()
            .any(|one| one.as_str() == told.record_type);
        if is_of_channels {
            self.read_made_channels().await?;
        }
        if let Some(id) = told
            .body
            .request
            .and_then(|id| id.parse::<RequestId>().ok())
        {
            self.waiters.wake(id);
        }
        Ok(())
    }
}
