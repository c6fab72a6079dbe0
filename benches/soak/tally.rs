//! What was done, and what went wrong.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many wrong things are kept to be shown.
const SHOWN: usize = 20;

/// The counts of all lanes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    done: BTreeMap<&'static str, u64>,
    wrong: Vec<String>,
}

impl Tally {
    /// Counts something that was done, or keeps what went wrong.
    pub(crate) fn count<T, E: Debug>(&self, what: &'static str, done: Result<T, E>) -> Option<T> {
        let mut inner = self.lock();
        match done {
            Ok(value) => {
                *inner.done.entry(what).or_default() += 1;
                Some(value)
            }
            Err(error) => {
                inner.wrong.push(format!("{what}: {error:?}"));
                None
            }
        }
    }

    /// Returns how often each was done.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().done.clone()
    }

    /// Fails unless each of these was done and nothing went wrong.
    pub(crate) fn assert_good(&self, all: &[&str]) {
        let inner = self.lock();
        let shown: Vec<&String> = inner.wrong.iter().take(SHOWN).collect();
        assert!(
            inner.wrong.is_empty(),
            "{} went wrong: {shown:#?}",
            inner.wrong.len()
        );
        for what in all {
            let done = inner.done.get(what);
            assert!(done.is_some(), "`{what}` was never done: {:?}", inner.done);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
