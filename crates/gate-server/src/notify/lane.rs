//! Carrying deliveries out: one at a time in each lane of a channel.

use std::sync::Arc;
use std::time::Duration;

use gate_protocol::channel::{ChannelSettings, DeliveryState, TestedChannel};
use gate_protocol::inert::inert;
use gate_protocol::request::{ApprovalStatus, shortened};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

use super::aside::Aside;
use super::notice::Notice;
use super::pace::{Pace, Turn};
use super::{Attempt, Channel, mail, slack, teams, webhook};
use crate::clock;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::deliveries::{self, Taken, Tried};
use crate::store::requests;

/// It looks again at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// How long a delivery is left to the server that took it, far beyond any attempt.
const LEASE: Duration = Duration::from_mins(10);
/// The longest answer that is kept, in characters.
const ANSWER_LIMIT: usize = 300;
/// The longest that another side can ask to be left alone.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// One delivery and what it is about.
pub(crate) struct Telling<'a> {
    pub(crate) server: &'a Server,
    pub(crate) channel: &'a Channel,
    pub(crate) id: &'a str,
    pub(crate) event: &'a str,
    /// The version that is to be told.
    pub(crate) version: u64,
    pub(crate) notice: &'a Notice,
}

impl Telling<'_> {
    /// Returns the word for what happened: a status, or an occasion beside it.
    pub(crate) fn word(&self) -> &str {
        self.event.strip_prefix("request.").unwrap_or_default()
    }

    /// Returns what is said beside the message, if it is that.
    pub(crate) fn aside(&self) -> Option<Aside> {
        Aside::of(self.word())
    }

    /// Says how a request is told of that the channel has no message of. A use of what is past the
    /// rules is never one of many: a flood would hide it.
    pub(crate) fn turn(&self) -> Turn {
        if self.aside() == Some(Aside::BreakGlassUsed) {
            return Turn::Own;
        }
        self.pace().turn(self.notice.id, Instant::now())
    }

    /// Returns by what it is counted.
    pub(crate) fn pace(&self) -> &Pace {
        if self.notice.is_break_glass {
            return &self.channel.loud_pace;
        }
        &self.channel.pace
    }

    /// Returns where the inbox is.
    pub(crate) fn inbox(&self) -> String {
        format!("{}/", self.server.settings.public_url)
    }

    /// Tells whether the request has moved on: what asks for something that is
    /// decided would only mislead.
    pub(crate) fn is_overtaken(&self) -> bool {
        match self.word() {
            "break_glass_used" => false,
            "break_glass" | "escalated" | "reminded" | "reopened" => {
                self.notice.status != ApprovalStatus::Pending
            }
            word => word != self.notice.status.as_str(),
        }
    }
}

impl Server {
    /// Delivers what is due for a channel, until dropped.
    pub(crate) async fn deliver_regularly(self, channel: Arc<Channel>) {
        let mut news = self.channels.news();
        loop {
            let sleep = match self.deliver_next(&channel).await {
                Ok(true) => continue,
                Ok(false) => self.until_due(&channel).await.unwrap_or(LONGEST_SLEEP),
                // It is on record why; what is due stays due.
                Err(_) => Duration::from_secs(1),
            };
            tokio::select! {
                _changed = news.changed() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    async fn until_due(&self, channel: &Channel) -> Result<Duration, Failure> {
        let mut reader = self.store.read().await?;
        let due = deliveries::next_due(reader.connection(), channel.name()).await?;
        Ok(due.map_or(LONGEST_SLEEP, |due| {
            let left_ms = due.as_millisecond() - clock::now().as_millisecond();
            let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0) + 1);
            left.min(LONGEST_SLEEP)
        }))
    }

    /// Carries out the next delivery that is due; false where there is none.
    pub(crate) async fn deliver_next(&self, channel: &Channel) -> Result<bool, Failure> {
        // Looked at without the writer first: an idle channel must not take its turn.
        let mut reader = self.store.read().await?;
        let due = deliveries::next_due(reader.connection(), channel.name()).await?;
        drop(reader);
        if due.is_none_or(|due| due > clock::now()) {
            return Ok(false);
        }
        let mut writer = self.store.write().await?;
        let (now, name) = (clock::now(), channel.name());
        let taken = deliveries::take(writer.connection(), name, now, later(now, LEASE)).await?;
        writer.commit().await?;
        let Some(taken) = taken else {
            return Ok(false);
        };
        let attempt = match self.attempt(channel, &taken).await {
            Ok(attempt) => attempt,
            Err(failure) => Attempt::Later(None, failure.detail().to_owned()),
        };
        self.settle(channel, &taken, attempt).await?;
        Ok(true)
    }

    async fn attempt(&self, channel: &Channel, taken: &Taken) -> Result<Attempt, Failure> {
        let Some(id) = taken.request else {
            return Ok(Attempt::Failed("it is about nothing".to_owned()));
        };
        let mut reader = self.store.read().await?;
        let request = requests::find(reader.connection(), id).await?;
        drop(reader);
        let Some(request) = request else {
            return Ok(Attempt::Failed("the request is gone".to_owned()));
        };
        let notice = Notice::of(&request, &self.settings, clock::now());
        let telling = Telling {
            server: self,
            channel,
            id: &taken.id,
            event: &taken.event,
            version: taken.version,
            notice: &notice,
        };
        Ok(match &channel.spec.settings {
            ChannelSettings::Slack(settings) => slack::tell(&telling, settings).await?,
            ChannelSettings::Teams(settings) => teams::tell(&telling, settings).await?,
            ChannelSettings::TeamsWorkflow(_) => teams::tell_workflow(&telling).await,
            ChannelSettings::Mail(settings) => mail::tell(&telling, settings).await?,
            ChannelSettings::Webhook(settings) => webhook::tell(&telling, settings).await,
        })
    }

    async fn settle(
        &self,
        channel: &Channel,
        taken: &Taken,
        attempt: Attempt,
    ) -> Result<(), Failure> {
        let now = clock::now();
        let (state, next_at, answer) = match attempt {
            Attempt::Delivered(answer) => (DeliveryState::Delivered, now, answer),
            Attempt::Failed(answer) => (DeliveryState::Dead, now, answer),
            Attempt::Later(after, answer) => match self.pause(channel, taken.attempts) {
                Some(pause) => {
                    let pause = after.unwrap_or_default().min(LONGEST_PAUSE).max(pause);
                    (DeliveryState::Waiting, later(now, pause), answer)
                }
                None => (DeliveryState::Dead, now, answer),
            },
        };
        if state == DeliveryState::Dead {
            tracing::warn!(
                channel = channel.name(),
                delivery = taken.id,
                attempts = taken.attempts,
                "a delivery was given up"
            );
        }
        let answer = kept(&answer);
        let tried = Tried {
            state,
            next_at,
            answer: &answer,
        };
        let mut writer = self.store.write().await?;
        deliveries::settle(writer.connection(), taken, &tried, now).await?;
        writer.commit().await?;
        Ok(())
    }

    /// Returns how long to wait after so many attempts; none where that was the
    /// last. A chat is about what happens now, so it is tried often and not for
    /// long; who takes webhooks and mail may be down for a night.
    fn pause(&self, channel: &Channel, attempts: u32) -> Option<Duration> {
        let (factor, most, cap) = if channel.is_chat() {
            (2_u32, 20, 300)
        } else {
            (4, 10, 18_000)
        };
        if attempts >= most {
            return None;
        }
        let first = self.settings.outbound.first_retry;
        let times = factor.saturating_pow(attempts.saturating_sub(1)).min(cap);
        Some(jittered(first.saturating_mul(times)))
    }

    /// Sends a message that says it is a test, and writes down what came of it.
    pub(crate) async fn test_channel(&self, channel: &Channel) -> Result<TestedChannel, Failure> {
        let id = Uuid::now_v7().to_string();
        let attempt = match &channel.spec.settings {
            ChannelSettings::Slack(settings) => slack::test(self, channel, settings).await,
            ChannelSettings::Teams(settings) => teams::test(self, channel, settings).await,
            ChannelSettings::TeamsWorkflow(_) => teams::test_workflow(self, channel).await,
            ChannelSettings::Mail(settings) => mail::test(self, channel, settings).await,
            ChannelSettings::Webhook(settings) => webhook::test(self, channel, settings, &id).await,
        };
        let (state, answer) = match attempt {
            Attempt::Delivered(answer) => (DeliveryState::Delivered, answer),
            Attempt::Later(_, answer) | Attempt::Failed(answer) => (DeliveryState::Dead, answer),
        };
        let answer = kept(&answer);
        let now = clock::now();
        let tried = Tried {
            state,
            next_at: now,
            answer: &answer,
        };
        let mut writer = self.store.write().await?;
        deliveries::insert_test(writer.connection(), &id, channel.name(), &tried, now).await?;
        writer.commit().await?;
        Ok(TestedChannel {
            delivered: state == DeliveryState::Delivered,
            answer,
        })
    }
}

fn kept(answer: &str) -> String {
    shortened(&inert(answer), ANSWER_LIMIT).into_owned()
}

fn later(now: Timestamp, pause: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::from_hours(1));
    now.checked_add(pause).unwrap_or(now)
}

/// Returns from half of it to all of it: many that failed at once don't come
/// back at once.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0; 1];
    // Without randomness it is the whole pause, which is no harm.
    let part = match getrandom::fill(&mut byte) {
        Ok(()) => u32::from(byte[0]),
        Err(_) => 255,
    };
    pause / 2 + pause / 2 * part / 255
}
