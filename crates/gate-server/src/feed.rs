//! What changed, one after the other, for pages that are open. A page that was
//! away for longer than the feed remembers is told to look at everything again.

use std::sync::{Arc, Mutex, PoisonError};

use gate_protocol::id::RequestId;
use tokio::sync::broadcast;
use uuid::Uuid;

/// How many changes are remembered for a page that reads slowly.
const REMEMBERED: usize = 256;

/// One change of a request, after it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Counts the changes since the server started, from 1.
    pub(crate) number: u64,
    pub(crate) request: RequestId,
}

/// All changes. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    /// Tells the numbers of this start of the server from those of another.
    start: Uuid,
    sender: broadcast::Sender<Changed>,
    last: Arc<Mutex<u64>>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            start: Uuid::now_v7(),
            sender: broadcast::Sender::new(REMEMBERED),
            last: Arc::default(),
        }
    }
}

impl Feed {
    /// Tells everybody who listens. Without listeners it is only counted.
    pub(crate) fn tell(&self, request: RequestId) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        let changed = Changed {
            number: *last,
            request,
        };
        // Nobody may be listening; sent under the lock, so that numbers come in order.
        drop(self.sender.send(changed));
    }

    /// Starts to listen, and returns the number of the last change before.
    pub(crate) fn listen(&self) -> (broadcast::Receiver<Changed>, u64) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        (self.sender.subscribe(), *last)
    }

    /// Returns a change's number as a page names it.
    pub(crate) fn mark(&self, number: u64) -> String {
        format!("{}-{number}", self.start.simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_are_numbered_and_a_slow_listener_is_told_that_it_missed_some() {
        let feed = Feed::default();
        let id = RequestId::generate();
        feed.tell(id);
        let (mut listener, before) = feed.listen();
        assert_eq!(before, 1);
        feed.tell(id);
        let changed = listener.recv().await.unwrap();
        assert_eq!((changed.number, changed.request), (2, id));
        for _ in 0..=REMEMBERED {
            feed.tell(id);
        }
        let missed = listener.recv().await;
        assert!(
            matches!(missed, Err(broadcast::error::RecvError::Lagged(_))),
            "{missed:?}"
        );
        assert_ne!(feed.mark(1), Feed::default().mark(1));
    }
}
