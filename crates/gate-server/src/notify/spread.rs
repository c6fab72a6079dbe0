//! From the outbox to deliveries, and a task for each channel that carries
//! them out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gate_protocol::channel::ChannelSettings;
use gate_protocol::request::ApprovalStatus;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::Channel;
use super::aside::Aside;
use super::filter::wants;
use crate::clock;
use crate::problem::Failure;
use crate::readiness::Task;
use crate::state::Server;
use crate::store::deliveries::{self, NewDelivery};
use crate::store::outbox::{self, Changed};
use crate::store::{Connection, accounts, channel_messages, requests};

/// How many changes become deliveries in one transaction.
const BATCH: u64 = 100;
/// It looks again at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// How long deliveries that are over can be looked at.
const DELIVERIES_LIVE: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The lanes of each channel; dropped, they end.
type Tasks = HashMap<String, (Arc<Channel>, JoinSet<()>)>;

impl Server {
    /// Tells the channels of what happens, until dropped.
    pub(crate) async fn notify_regularly(self) {
        let mut news = self.channels.news();
        let mut tasks = Tasks::new();
        let mut is_taken_up = false;
        loop {
            self.beats.beat(Task::Channels);
            self.tend(&mut tasks);
            if let Err(failure) = self.look_around(&mut is_taken_up).await {
                tracing::error!(?failure, "channels were not told");
            }
            tokio::select! {
                _changed = news.changed() => {}
                () = tokio::time::sleep(LONGEST_SLEEP) => {}
            }
        }
    }

    async fn look_around(&self, is_taken_up: &mut bool) -> Result<(), Failure> {
        if !*is_taken_up {
            self.take_up().await?;
            *is_taken_up = true;
        }
        if self.store.is_shared() {
            self.take_over().await?;
        }
        self.spread().await
    }

    /// Goes on where a server before this one stopped.
    pub(crate) async fn take_up(&self) -> Result<(), Failure> {
        let mut writer = self.store.write().await?;
        // What another server on the same database is sending now is left to it.
        let overdue_at = self.store.is_shared().then(clock::now);
        deliveries::put_back(writer.connection(), overdue_at).await?;
        if self.channels.is_any() {
            outbox::note_untold(writer.connection(), clock::now()).await?;
        }
        writer.commit().await?;
        Ok(())
    }

    /// Takes over what a server had that is gone.
    async fn take_over(&self) -> Result<(), Failure> {
        let mut reader = self.store.read().await?;
        let is_any = deliveries::is_any_overdue(reader.connection(), clock::now()).await?;
        drop(reader);
        if is_any {
            let mut writer = self.store.write().await?;
            deliveries::put_back(writer.connection(), Some(clock::now())).await?;
            writer.commit().await?;
        }
        Ok(())
    }

    /// Starts the tasks of new channels and ends those of channels that are gone.
    fn tend(&self, tasks: &mut Tasks) {
        let list = self.channels.list();
        tasks.retain(|_, (channel, _)| list.iter().any(|one| Arc::ptr_eq(one, channel)));
        for channel in list.iter() {
            if tasks.contains_key(channel.name()) {
                continue;
            }
            let mut lanes = JoinSet::new();
            for _ in 0..channel.lanes() {
                lanes.spawn(self.clone().deliver_regularly(Arc::clone(channel)));
            }
            if channel.has_secret("app_token") {
                lanes.spawn(super::slack::listen(self.clone(), Arc::clone(channel)));
            }
            tasks.insert(channel.name().to_owned(), (Arc::clone(channel), lanes));
        }
    }

    /// Turns what is in the outbox into deliveries.
    pub(crate) async fn spread(&self) -> Result<(), Failure> {
        loop {
            let mut reader = self.store.read().await?;
            let is_empty = outbox::oldest(reader.connection(), 1).await?.is_empty();
            drop(reader);
            if is_empty {
                return Ok(());
            }
            let channels = self.channels.list();
            let mut writer = self.store.write().await?;
            let now = clock::now();
            let changes = outbox::oldest(writer.connection(), BATCH).await?;
            for change in &changes {
                for channel in channels.iter() {
                    put(writer.connection(), channel, change, now).await?;
                }
            }
            if let Some(last) = changes.last() {
                outbox::forget_through(writer.connection(), last.seq).await?;
            }
            writer.commit().await?;
            self.channels.wake();
        }
    }

    /// Forgets what nobody looks at any more.
    pub(crate) async fn forget_deliveries(&self) -> Result<(), Failure> {
        let now = clock::now();
        let mut writer = self.store.write().await?;
        if let Ok(before) = now.checked_sub(DELIVERIES_LIVE) {
            deliveries::forget(writer.connection(), before).await?;
        }
        accounts::forget_codes(writer.connection(), now).await?;
        channel_messages::forget_callbacks(writer.connection(), now).await?;
        writer.commit().await?;
        Ok(())
    }
}

async fn put(
    connection: &mut Connection,
    channel: &Channel,
    change: &Changed,
    now: Timestamp,
) -> Result<(), Failure> {
    let Some(slot) = slot(channel, change) else {
        return Ok(());
    };
    if has_nothing_to_remind_of(connection, channel, change).await? {
        // It was one of too many, or was given up: now it gets its message after all.
        let message = message_slot(change);
        return Ok(deliveries::take_up_again(connection, channel.name(), &message, now).await?);
    }
    let Some(request) = requests::find(connection, change.request).await? else {
        return Ok(());
    };
    if !wants(&channel.spec.filter, &request, now) {
        return Ok(());
    }
    if is_asking_again(connection, channel, change).await? {
        return Ok(());
    }
    let delivery = NewDelivery {
        id: &Uuid::now_v7().to_string(),
        channel: channel.name(),
        slot: &slot,
        request: change.request,
        version: change.version,
        event: &format!("request.{}", told(change)),
    };
    deliveries::put(connection, &delivery, now).await?;
    Ok(())
}

/// Tells whether this reminds a chat of a request that has no message there.
async fn has_nothing_to_remind_of(
    connection: &mut Connection,
    channel: &Channel,
    change: &Changed,
) -> Result<bool, Failure> {
    let word = change.occasion.as_deref();
    if !channel.is_chat() || word.and_then(Aside::of) != Some(Aside::Reminded) {
        return Ok(false);
    }
    let known = channel_messages::find(connection, channel.name(), change.request).await?;
    Ok(known.is_none())
}

/// Returns the slot of a request's message in a chat.
fn message_slot(change: &Changed) -> String {
    change.request.to_string()
}

/// Tells whether this would ask by mail or card once more what was asked, though nothing is told of
/// by itself: others may answer too, or somebody has, and more are needed.
async fn is_asking_again(
    connection: &mut Connection,
    channel: &Channel,
    change: &Changed,
) -> Result<bool, Failure> {
    let is_question = change.status == ApprovalStatus::Pending && change.occasion.is_none();
    let is_written = matches!(
        channel.spec.settings,
        ChannelSettings::Mail(_) | ChannelSettings::TeamsWorkflow(_)
    );
    if !is_question || !is_written {
        return Ok(false);
    }
    let first = deliveries::first_of(connection, channel.name(), change.request).await?;
    Ok(first.is_some())
}

/// Returns the word for what happened.
fn told(change: &Changed) -> &str {
    let occasion = change.occasion.as_deref();
    occasion.unwrap_or_else(|| change.status.as_str())
}

/// Returns what a later delivery takes the place of; none where the channel
/// does not tell of this. A chat has one message for each request, which shows
/// how it stands, and a thread for what is said by itself.
fn slot(channel: &Channel, change: &Changed) -> Option<String> {
    let Changed {
        seq,
        request,
        version,
        ..
    } = change;
    let own = || {
        change
            .occasion
            .as_ref()
            .map(|word| format!("{request}/{word}/{seq}"))
    };
    match channel.spec.settings {
        ChannelSettings::Slack(_) | ChannelSettings::Teams(_) => {
            let is_aside = change.occasion.as_deref().and_then(Aside::of).is_some();
            let aside = if is_aside { own() } else { None };
            aside.or_else(|| Some(message_slot(change)))
        }
        ChannelSettings::Webhook(_) => own().or_else(|| Some(format!("{request}/{version}"))),
        ChannelSettings::Mail(_) | ChannelSettings::TeamsWorkflow(_) => own().or_else(|| {
            let status = change.status;
            is_told(status).then(|| format!("{request}/{}", status.as_str()))
        }),
    }
}

/// Tells whether mail goes out for it: to ask, for what was answered, and for how it ended.
fn is_told(status: ApprovalStatus) -> bool {
    match status {
        ApprovalStatus::Pending
        | ApprovalStatus::Approved
        | ApprovalStatus::Denied
        | ApprovalStatus::Expired
        | ApprovalStatus::Cancelled
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => true,
        ApprovalStatus::Claimed | ApprovalStatus::Started => false,
    }
}
