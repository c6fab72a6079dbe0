//! What is known of a supervised run once it is over.

use std::time::Duration;

use crate::ExitReason;

/// How a supervised tool ended and what it used, as `wait4(2)` reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit code, or the signal that ended it.
    pub reason: ExitReason,
    /// From just before the tool started until its end was seen, by the monotonic clock. Time in
    /// which the job was stopped counts.
    pub duration: Duration,
    /// Processor time in user mode, of the tool and the children that it waited for.
    pub user_time: Duration,
    /// Processor time in the kernel, of the tool and the children that it waited for.
    pub system_time: Duration,
    /// The largest resident set of any one process among them. Linux counts from before
    /// `execve(2)`, so this is never less than gate's own size when it started the tool.
    pub max_rss_bytes: u64,
}

impl Outcome {
    pub(crate) fn new(reason: ExitReason, duration: Duration, usage: &libc::rusage) -> Self {
        Self {
            reason,
            duration,
            user_time: from_timeval(usage.ru_utime),
            system_time: from_timeval(usage.ru_stime),
            max_rss_bytes: u64::try_from(usage.ru_maxrss)
                .unwrap_or_default()
                .saturating_mul(1024),
        }
    }
}

fn from_timeval(time: libc::timeval) -> Duration {
    Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default())
        + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or_default())
}
