//! Making, testing and taking away channels, and looking at what they delivered.

use gate_protocol::channel::{
    ChannelEntry, ChannelSource, CreateChannel, DeliveryEntry, DeliveryPage, DeliveryState,
    TestedChannel,
};
use gate_protocol::log::RecordType;
use gate_protocol::problem::ProblemCode;
use serde_json::json;

use super::paging::Paging;
use super::seen::Seen;
use crate::identity::Secret;
use crate::keys;
use crate::notify::{self, Channel, Secrets};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::channels::{self, StoredChannel};
use crate::store::deliveries::{self, Wanted};
use crate::store::outbox;

impl Server {
    /// Returns one channel.
    pub(crate) async fn channel_named(&self, name: &str) -> Result<ChannelEntry, Failure> {
        let channel = self.channels.find(name).ok_or_else(Failure::not_found)?;
        self.channel_entry(&channel).await
    }

    pub(super) async fn channel_entry(&self, channel: &Channel) -> Result<ChannelEntry, Failure> {
        let mut reader = self.store.read().await?;
        let (waiting, dead) = deliveries::counts(reader.connection(), channel.name()).await?;
        Ok(ChannelEntry {
            channel: channel.spec.clone(),
            source: channel.source,
            secrets: channel.secret_names(),
            waiting,
            dead,
        })
    }

    /// Makes a channel, with its secrets encrypted.
    pub(crate) async fn create_channel(
        &self,
        by: &str,
        wanted: CreateChannel,
    ) -> Result<ChannelEntry, Failure> {
        let CreateChannel { channel, secrets } = wanted;
        let name = channel.name.clone();
        notify::refuse_unsound(&channel, secrets.keys().map(String::as_str))
            .map_err(|why| Failure::bad_request(format!("the channel {why}")))?;
        for (secret, text) in &secrets {
            notify::refuse_unsound_secret(&channel.settings, secret, text)
                .map_err(Failure::bad_request)?;
        }
        let secrets: Secrets = secrets
            .into_iter()
            .map(|(name, text)| (name, Secret::new(text)))
            .collect();
        let taken = || {
            Failure::new(
                ProblemCode::Conflict,
                format!("there is a channel `{name}`"),
            )
        };
        if self.channels.find(&name).is_some() {
            return Err(taken());
        }
        let key = keys::channels_key(&self.settings.data_dir)
            .map_err(|error| Failure::internal(&error))?;
        let sealed =
            notify::seal(&key, &name, &secrets).map_err(|error| Failure::internal(&error))?;
        let stored = StoredChannel {
            spec: channel.clone(),
            sealed,
        };
        let mut change = self.change().await?;
        let now = change.now();
        if !channels::insert(change.connection(), &stored, by, now).await? {
            return Err(taken());
        }
        let body = json!({ "channel": channel, "by": by });
        change.record(&RecordType::ChannelCreated, &body).await?;
        // It hears of what is open already.
        outbox::note_untold(change.connection(), now).await?;
        change.commit().await?;
        self.channels
            .add(Channel::new(channel, ChannelSource::Api, secrets));
        self.channels.wake();
        self.channel_named(&name).await
    }

    /// Takes a channel away that was made by the API.
    pub(crate) async fn delete_channel(
        &self,
        by: &str,
        name: &str,
        seen: &Seen,
    ) -> Result<(), Failure> {
        let channel = self.channels.find(name);
        if let Some(channel) = &channel {
            if !seen.is_unsaid() {
                seen.hold(&self.channel_entry(channel).await?)?;
            }
            if channel.source == ChannelSource::File {
                return Err(Failure::new(
                    ProblemCode::Conflict,
                    "the channel is in the server's settings file; take it out there",
                ));
            }
            // Nothing is sent by it any more, from here on.
            self.channels.remove(name);
        } else if !seen.is_unsaid() {
            return Err(Failure::not_found());
        }
        let mut change = self.change().await?;
        // One whose secrets can't be opened is only stored.
        if channels::remove(change.connection(), name).await? {
            let body = json!({ "channel": name, "by": by });
            change.record(&RecordType::ChannelDeleted, &body).await?;
        } else if channel.is_none() {
            return Err(Failure::not_found());
        }
        change.commit().await
    }

    /// Sends a test by a channel.
    pub(crate) async fn test_channel_named(&self, name: &str) -> Result<TestedChannel, Failure> {
        let channel = self.channels.find(name).ok_or_else(Failure::not_found)?;
        self.test_channel(&channel).await
    }

    /// Returns one delivery.
    pub(crate) async fn delivery(&self, id: &str) -> Result<DeliveryEntry, Failure> {
        let mut reader = self.store.read().await?;
        let found = deliveries::find(reader.connection(), id).await?;
        found.ok_or_else(Failure::not_found)
    }

    /// Returns a page of what a channel delivered, newest first.
    pub(crate) async fn channel_deliveries(
        &self,
        name: &str,
        state: Option<DeliveryState>,
        paging: &Paging,
    ) -> Result<DeliveryPage, Failure> {
        let channel = self.channels.find(name).ok_or_else(Failure::not_found)?;
        let selection = Wanted {
            channel: channel.name(),
            state,
            before: paging.after(),
            limit: paging.probe(),
        };
        let mut reader = self.store.read().await?;
        let mut deliveries = deliveries::list(reader.connection(), &selection).await?;
        let next = paging.cut("deliveries", &mut deliveries, |one| one.id.clone());
        Ok(DeliveryPage { deliveries, next })
    }

    /// Lets a delivery that was given up be tried again.
    pub(crate) async fn retry_delivery(
        &self,
        by: &str,
        id: &str,
    ) -> Result<DeliveryEntry, Failure> {
        let mut change = self.change().await?;
        let now = change.now();
        let is_revived = deliveries::revive(change.connection(), id, now).await?;
        let delivery = deliveries::find(change.connection(), id).await?;
        let delivery = delivery.ok_or_else(Failure::not_found)?;
        if !is_revived {
            return Err(Failure::new(
                ProblemCode::Conflict,
                "only a delivery that was given up is tried again, and a test is not",
            ));
        }
        let body = json!({
            "delivery": delivery.id,
            "channel": delivery.channel,
            "request": delivery.request,
            "by": by,
        });
        change.record(&RecordType::DeliveryRetried, &body).await?;
        change.commit().await?;
        self.channels.wake();
        Ok(delivery)
    }
}
