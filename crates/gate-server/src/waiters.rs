//! Who waits for which request. A waiter subscribes before it reads the store,
//! so a change between the two wakes it: no wake-up is lost. What woke it is
//! not in the message; it reads the store again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gate_protocol::id::RequestId;
use tokio::sync::watch;

use crate::feed::Feed;

type Channels = HashMap<RequestId, watch::Sender<()>>;

/// The waiters of all requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiters {
    channels: Arc<Mutex<Channels>>,
    /// What open pages listen to.
    pub(crate) feed: Feed,
}

/// One waiter; gone from the table when dropped.
#[derive(Debug)]
pub(crate) struct Waiter {
    id: RequestId,
    changes: Option<watch::Receiver<()>>,
    waiters: Waiters,
}

impl Waiters {
    /// Starts to listen. Whatever changes from now on wakes the waiter.
    pub(crate) fn subscribe(&self, id: RequestId) -> Waiter {
        let mut channels = self.lock();
        let changes = channels
            .entry(id)
            .or_insert_with(|| watch::Sender::new(()))
            .subscribe();
        Waiter {
            id,
            changes: Some(changes),
            waiters: self.clone(),
        }
    }

    /// Wakes who waits for this request.
    pub(crate) fn wake(&self, id: RequestId) {
        if let Some(channel) = self.lock().get(&id) {
            channel.send_replace(());
        }
        self.feed.tell(id);
    }

    /// Wakes everybody who waits.
    pub(crate) fn wake_all(&self) {
        for (id, channel) in &*self.lock() {
            channel.send_replace(());
            self.feed.tell(*id);
        }
    }

    /// Returns how many wait at the moment.
    pub(crate) fn waiting(&self) -> u64 {
        let channels = self.lock();
        let receivers = channels.values().map(watch::Sender::receiver_count);
        receivers.map(|count| count as u64).sum()
    }

    #[cfg(test)]
    pub(crate) fn is_waited_for(&self, id: RequestId) -> bool {
        self.lock().contains_key(&id)
    }

    #[cfg(test)]
    pub(crate) fn count(&self, id: RequestId) -> usize {
        self.lock()
            .get(&id)
            .map_or(0, watch::Sender::receiver_count)
    }

    /// The map is whole between any two statements, so a poisoned lock is none.
    fn lock(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Returns when something changed since the last return, or since the start.
    pub(crate) async fn changed(&mut self) {
        if let Some(changes) = &mut self.changes
            && changes.changed().await.is_ok()
        {
            return;
        }
        // The sender lives as long as a receiver does; without one nothing comes.
        std::future::pending::<()>().await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut channels = self.waiters.lock();
        // Own receiver first: under the lock, nobody subscribes in between.
        self.changes = None;
        if channels
            .get(&self.id)
            .is_some_and(|channel| channel.receiver_count() == 0)
        {
            channels.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_change_between_subscribing_and_waiting_is_not_lost() {
        let waiters = Waiters::default();
        let id = RequestId::generate();
        let mut waiter = waiters.subscribe(id);
        waiters.wake(id);
        tokio::time::timeout(Duration::from_secs(5), waiter.changed())
            .await
            .unwrap();
        let again = tokio::time::timeout(Duration::from_millis(1), waiter.changed()).await;
        assert!(again.is_err(), "one change wakes once");
    }

    #[tokio::test]
    async fn each_waiter_of_a_request_is_woken_and_none_of_another() {
        let waiters = Waiters::default();
        let (id, other) = (RequestId::generate(), RequestId::generate());
        let mut parked: Vec<Waiter> = (0..3).map(|_| waiters.subscribe(id)).collect();
        let mut stranger = waiters.subscribe(other);
        waiters.wake(id);
        for waiter in &mut parked {
            tokio::time::timeout(Duration::from_secs(5), waiter.changed())
                .await
                .unwrap();
        }
        assert!(
            tokio::time::timeout(Duration::from_millis(1), stranger.changed())
                .await
                .is_err()
        );
    }

    #[test]
    fn the_table_forgets_who_left() {
        let waiters = Waiters::default();
        let id = RequestId::generate();
        let (first, second) = (waiters.subscribe(id), waiters.subscribe(id));
        drop(first);
        assert_eq!(waiters.lock().len(), 1);
        drop(second);
        assert_eq!(waiters.lock().len(), 0);
    }
}
