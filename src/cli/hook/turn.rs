//! One answer, and in time: most agents take a hook that is too late for a yes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::exit_code::Ending;

/// How long gate takes at most, whatever holds it up: a question without an end, a file system that
/// does not answer, a script that is long to read. The hooks that gate sets are given ten seconds.
const LONGEST: Duration = Duration::from_secs(6);

/// The right to answer. The first who takes it does; with the answer the process ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn(Arc<AtomicBool>);

impl Turn {
    /// Has `late` answer where nobody has in time.
    pub(super) fn or_late(&self, late: impl FnOnce() -> Ending + Send + 'static) {
        let turn = self.clone();
        let watch = move || {
            thread::sleep(LONGEST);
            if turn.is_taken_first() {
                late().leave();
            }
        };
        // Without a thread gate answers when it can.
        drop(thread::Builder::new().spawn(watch));
    }

    /// Takes the right to answer. Where it was too late, the process ends in here.
    pub(super) fn take(&self) {
        while !self.is_taken_first() {
            thread::park();
        }
    }

    fn is_taken_first(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}
