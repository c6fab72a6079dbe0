//! Callbacks that were refused, on the record: each one, but never so many that
//! a stranger could fill the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gate_protocol::log::RecordType;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::problem::Failure;
use crate::state::Server;

/// How many refusals of strangers are recorded in one [`WINDOW`].
const MOST: u32 = 60;
const WINDOW: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
struct Counted {
    since: Option<Instant>,
    recorded: u32,
    left_out: u64,
}

/// How many refusals there were lately.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Counted>);

impl Refusals {
    /// Returns how many were left out before this one, or none where this one
    /// is left out too.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted
            .since
            .is_none_or(|since| now.duration_since(since) > WINDOW)
        {
            counted.since = Some(now);
            counted.recorded = 0;
        }
        if counted.recorded >= MOST {
            counted.left_out += 1;
            return None;
        }
        counted.recorded += 1;
        Some(std::mem::take(&mut counted.left_out))
    }
}

impl Server {
    /// Records a refused callback. `body` says what is known of it.
    pub(crate) async fn record_refused_callback(&self, mut body: Value) -> Result<(), Failure> {
        let Some(left_out) = self.channels.refusals().admit(Instant::now()) else {
            return Ok(());
        };
        if let (Some(fields), true) = (body.as_object_mut(), left_out > 0) {
            fields.insert("left_out_before".to_owned(), json!(left_out));
        }
        let mut change = self.change().await?;
        change.record(&RecordType::CallbackRefused, &body).await?;
        change.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_written_out() {
        let refusals = Refusals::default();
        let now = Instant::now();
        for _ in 0..MOST {
            assert_eq!(refusals.admit(now), Some(0));
        }
        assert_eq!(refusals.admit(now), None);
        assert_eq!(refusals.admit(now), None);
        let later = now + WINDOW + Duration::from_secs(1);
        assert_eq!(refusals.admit(later), Some(2));
        assert_eq!(refusals.admit(later), Some(0));
    }
}
