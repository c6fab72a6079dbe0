//! The time since the machine was started, its sleep included. A grant lives by it: nobody can set it,
//! and a laptop that was closed over a grant wakes up without one. `Instant` stands still meanwhile.
//!
//! Source: `clock_gettime(2)`, `CLOCK_BOOTTIME`.

use std::io;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// One moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SinceBoot(Duration);

impl SinceBoot {
    /// Returns this moment.
    ///
    /// # Errors
    /// The system has no such clock.
    pub(crate) fn now() -> io::Result<Self> {
        Ok(Self(clock_gettime(ClockId::CLOCK_BOOTTIME)?.into()))
    }

    /// Returns the moment that is so much later; this one where there is none.
    pub(crate) fn after(self, span: Duration) -> Self {
        self.0.checked_add(span).map_or(self, Self)
    }

    /// Returns how long ago this was.
    ///
    /// # Errors
    /// The system has no such clock.
    pub(crate) fn elapsed(self) -> io::Result<Duration> {
        Ok(Self::now()?.0.saturating_sub(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_is_later_and_beyond_the_end_of_time_is_now() {
        let now = SinceBoot::now().unwrap();
        assert!(now.after(Duration::from_nanos(1)) > now);
        assert_eq!(now.after(Duration::MAX), now);
        assert!(now.elapsed().unwrap() < Duration::from_mins(1));
    }
}
