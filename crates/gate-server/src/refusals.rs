//! What was refused to who comes from outside, on the record: each refusal, but
//! never so many that anybody could fill the log. How many were left out is said
//! by the next one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gate_protocol::log::RecordType;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::problem::Failure;
use crate::service::Change;
use crate::state::Server;

const WINDOW: Duration = Duration::from_mins(1);

/// Who was refused. Each has a measure of its own: the noise of strangers must not
/// hide what members try.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// A callback that is not proven to be a chat's.
    Stranger,
    /// A callback that a chat signed.
    Member,
    /// A sign-in.
    SignIn,
}

impl Refused {
    /// Returns how many are recorded in one [`WINDOW`].
    const fn most(self) -> u32 {
        match self {
            Self::Stranger | Self::SignIn => 60,
            Self::Member => 600,
        }
    }
}

#[derive(Debug, Default)]
struct Counted {
    since: Option<Instant>,
    recorded: u32,
    left_out: u64,
}

impl Counted {
    /// Returns how many were left out before this one, or none where this one
    /// is left out too.
    fn admit(&mut self, most: u32, now: Instant) -> Option<u64> {
        let is_over = |since| now.duration_since(since) > WINDOW;
        if self.since.is_none_or(is_over) {
            self.since = Some(now);
            self.recorded = 0;
        }
        if self.recorded >= most {
            self.left_out += 1;
            return None;
        }
        self.recorded += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// How many refusals there were lately. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusals(Arc<Mutex<[Counted; 3]>>);

impl Refusals {
    /// Returns the body as it is to be recorded; none where it is left out.
    fn admit(&self, who: Refused, mut body: Value, now: Instant) -> Option<Value> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [strangers, members, sign_ins] = &mut *counted;
        let counted = match who {
            Refused::Stranger => strangers,
            Refused::Member => members,
            Refused::SignIn => sign_ins,
        };
        let left_out = counted.admit(who.most(), now)?;
        if let (Some(fields), true) = (body.as_object_mut(), left_out > 0) {
            fields.insert("left_out_before".to_owned(), json!(left_out));
        }
        Some(body)
    }
}

impl Server {
    /// Records a refused callback. `body` says what is known of it.
    pub(crate) async fn record_refused_callback(
        &self,
        who: Refused,
        body: Value,
    ) -> Result<(), Failure> {
        let Some(body) = self.refusals.admit(who, body, Instant::now()) else {
            return Ok(());
        };
        let mut change = self.change().await?;
        change.record(&RecordType::CallbackRefused, &body).await?;
        change.commit().await
    }

    /// Records a refused sign-in. `body` says what is known of it.
    pub(crate) async fn record_refused_sign_in(&self, body: Value) -> Result<(), Failure> {
        let mut change = self.change().await?;
        change.record_refused_sign_in(body).await?;
        change.commit().await
    }
}

impl Change<'_> {
    /// Records a refused sign-in with what else this change does.
    pub(crate) async fn record_refused_sign_in(&mut self, body: Value) -> Result<(), Failure> {
        let refusals = &self.server().refusals;
        if let Some(body) = refusals.admit(Refused::SignIn, body, Instant::now()) {
            self.record(&RecordType::SignInRefused, &body).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_written_out_and_hides_nobody_elses() {
        let refusals = Refusals::default();
        let now = Instant::now();
        let admit = |who, now| refusals.admit(who, json!({}), now);
        for who in [Refused::Stranger, Refused::Member, Refused::SignIn] {
            for _ in 0..who.most() {
                assert_eq!(admit(who, now), Some(json!({})), "{who:?}");
            }
            assert_eq!(admit(who, now), None, "{who:?}");
            assert_eq!(admit(who, now), None, "{who:?}");
            let later = now + WINDOW + Duration::from_secs(1);
            let said = json!({ "left_out_before": 2 });
            assert_eq!(admit(who, later), Some(said), "{who:?}");
            assert_eq!(admit(who, later), Some(json!({})), "{who:?}");
        }
    }
}
