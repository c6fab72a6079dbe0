//! What time does to requests, written down when it is due: at boot and then
//! at each deadline, by the clock that counts.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock;
use crate::problem::Failure;
use crate::readiness::Task;
use crate::state::Server;
use crate::store::{idempotency, requests, timers};

/// The clock may be set while the task sleeps: it looks again at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// How long idempotency keys are remembered, far beyond any client's retries.
const KEYS_LIVE: SignedDuration = SignedDuration::from_hours(24 * 7);

impl Server {
    /// Writes down what has fallen due by `now`; returns the next deadline.
    pub(crate) async fn settle_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
        loop {
            let mut reader = self.store.read().await?;
            let due = requests::due(reader.connection(), now).await?;
            let next = requests::next_deadline(reader.connection()).await?;
            let ringing = timers::due(reader.connection(), now).await?;
            let next_timer = timers::next(reader.connection()).await?;
            drop(reader);
            if due.is_empty() && ringing.is_empty() {
                return Ok([next, next_timer].into_iter().flatten().min());
            }
            let mut change = self.change_not_before(now).await?;
            for id in due {
                // Reading it lets time pass for it.
                change.request(id).await?;
            }
            for timer in ringing {
                change.ring(timer).await?;
            }
            change.commit().await?;
        }
    }

    /// Forgets what nobody asks for any more.
    pub(crate) async fn forget(&self) -> Result<(), Failure> {
        self.pages.chain.forget_old(clock::now());
        let Ok(before) = clock::now().checked_sub(KEYS_LIVE) else {
            return Ok(());
        };
        let mut writer = self.store.write().await?;
        idempotency::forget_keys(writer.connection(), before).await?;
        writer.commit().await?;
        self.forget_deliveries().await
    }

    /// Settles at each deadline, until dropped.
    pub(crate) async fn settle_regularly(self) {
        loop {
            let sleep = match self.settle_due(clock::now()).await {
                Ok(next) => {
                    self.beats.beat(Task::Deadlines);
                    next.map_or(LONGEST_SLEEP, until)
                }
                // It is on record why; what is due stays due.
                Err(_) => Duration::from_secs(1),
            };
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                () = self.deadlines.notified() => {}
            }
        }
    }

    /// Forgets once an hour, and drops what a prune that was cut off has left, until dropped.
    pub(crate) async fn forget_regularly(self) {
        loop {
            self.forget_once().await;
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
    }

    async fn forget_once(&self) {
        for (what, done) in [
            ("old idempotency keys", self.forget().await),
            ("records that were archived", self.go_on_pruning().await),
        ] {
            if let Err(failure) = done {
                tracing::warn!(?failure, "{what} stay for now");
            }
        }
    }
}

fn until(deadline: Timestamp) -> Duration {
    let left_ms = deadline.as_millisecond() - clock::now().as_millisecond();
    // One more, as the clock is cut to whole milliseconds.
    Duration::from_millis(u64::try_from(left_ms).unwrap_or(0) + 1).min(LONGEST_SLEEP)
}
