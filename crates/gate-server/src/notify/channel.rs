//! The channels that there are.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use gate_protocol::channel::{ChannelSettings, ChannelSource, ChannelSpec};
use tokio::sync::watch;

use super::pace::Pace;
use super::secret::{self, Secrets};
use super::sound::refuse_unsound_secret;
use super::teams::TeamsMemory;
use crate::identity::Secret;
use crate::keys::{self, KeysError};
use crate::outbound::Outbound;
use crate::problem::Failure;
use crate::settings::{ChannelFile, Settings};
use crate::state::Server;
use crate::store::StoreError;
use crate::store::channels::{self, StoredChannel};

/// A channel with its secrets. Has no `Debug`, so that no log can show them.
pub(crate) struct Channel {
    pub(crate) spec: ChannelSpec,
    pub(crate) source: ChannelSource,
    secrets: Secrets,
    /// What a bot of Teams keeps between calls.
    pub(crate) teams: TeamsMemory,
    /// How many messages it got lately.
    pub(super) pace: Pace,
    /// The same of what is past the rules, which nothing else may crowd out.
    pub(super) loud_pace: Pace,
}

impl Channel {
    pub(crate) fn new(spec: ChannelSpec, source: ChannelSource, secrets: Secrets) -> Self {
        Self {
            spec,
            source,
            secrets,
            teams: TeamsMemory::default(),
            pace: Pace::default(),
            loud_pace: Pace::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.spec.name
    }

    /// Returns a secret; empty where the channel has none of this name, which
    /// was ruled out when it was made for those that its kind needs.
    pub(crate) fn secret(&self, name: &str) -> &str {
        self.secrets.get(name).map_or("", Secret::reveal)
    }

    pub(crate) fn has_secret(&self, name: &str) -> bool {
        self.secrets.contains_key(name)
    }

    /// Returns the names of its secrets.
    pub(crate) fn secret_names(&self) -> Vec<String> {
        self.secrets.keys().cloned().collect()
    }

    /// Tells whether it has one message for each request, which follows it.
    pub(crate) fn is_chat(&self) -> bool {
        match self.spec.settings {
            ChannelSettings::Slack(_) | ChannelSettings::Teams(_) => true,
            ChannelSettings::TeamsWorkflow(_)
            | ChannelSettings::Mail(_)
            | ChannelSettings::Webhook(_) => false,
        }
    }

    /// Returns how many deliveries may be on their way at the same time. In a
    /// chat one: two updates of one message must not overtake each other.
    pub(crate) fn lanes(&self) -> usize {
        match self.spec.settings {
            ChannelSettings::Webhook(_) => 4,
            ChannelSettings::Slack(_)
            | ChannelSettings::Teams(_)
            | ChannelSettings::TeamsWorkflow(_)
            | ChannelSettings::Mail(_) => 1,
        }
    }
}

type List = Arc<[Arc<Channel>]>;

/// All channels. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Channels(Arc<Shared>);

struct Shared {
    list: RwLock<(List, Option<Outbound>)>,
    /// Counts what there could be to do: a change, or another list.
    news: watch::Sender<u64>,
}

impl Default for Channels {
    fn default() -> Self {
        Self(Arc::new(Shared {
            list: RwLock::new((Arc::new([]), None)),
            news: watch::Sender::new(0),
        }))
    }
}

impl Channels {
    /// Returns the channels that there are now.
    pub(crate) fn list(&self) -> List {
        let list = self.0.list.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&list.0)
    }

    pub(crate) fn is_any(&self) -> bool {
        !self.list().is_empty()
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<Channel>> {
        let list = self.list();
        list.iter().find(|channel| channel.name() == name).cloned()
    }

    /// Returns the way out; none before the channels were loaded.
    pub(crate) fn outbound(&self) -> Option<Outbound> {
        let list = self.0.list.read().unwrap_or_else(PoisonError::into_inner);
        list.1.clone()
    }

    /// Says that there could be something to do.
    pub(crate) fn wake(&self) {
        self.0
            .news
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.0.news.subscribe()
    }

    fn put(&self, list: Vec<Arc<Channel>>, outbound: Option<Outbound>) {
        let mut held = self.0.list.write().unwrap_or_else(PoisonError::into_inner);
        held.0 = list.into();
        if outbound.is_some() {
            held.1 = outbound;
        }
        drop(held);
        self.wake();
    }

    /// Adds a channel; the name is free, as the store says.
    pub(crate) fn add(&self, channel: Channel) {
        let mut list = self.list().to_vec();
        list.push(Arc::new(channel));
        list.sort_by(|a, b| a.name().cmp(b.name()));
        self.put(list, None);
    }

    /// Takes a channel away.
    pub(crate) fn remove(&self, name: &str) {
        let mut list = self.list().to_vec();
        list.retain(|channel| channel.name() != name);
        self.put(list, None);
    }
}

/// Why the channels can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A channel of the settings, or one of its secrets.
    #[error("the channel `{channel}`: {why}")]
    Channel {
        /// Its name.
        channel: String,
        /// What is wrong.
        why: String,
    },
    /// The certificates of `[outbound]`.
    #[error("`ca_file` in `[outbound]` can't be used")]
    Certificates(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The key can't be used.
    #[error("the key of the channels can't be used")]
    Key(#[from] KeysError),
    /// No channel of the store opens with the key.
    #[error("the channel `{channel}` can't be opened")]
    Sealed {
        /// Its name.
        channel: String,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Server {
    /// Reads all channels, those of the settings and those of the store. One that can't be opened is
    /// passed over where another one can.
    pub(crate) async fn load_channels(&self) -> Result<(), LoadError> {
        let outbound = way_out(&self.settings)?;
        let mut list = Vec::new();
        for file in &self.settings.channels {
            list.push(of_file(file)?);
        }
        let mut reader = self.store.read().await?;
        let stored = channels::all(reader.connection()).await?;
        drop(reader);
        let (of_settings, mut unopened) = (list.len(), Vec::new());
        for StoredChannel { spec, sealed } in stored {
            if list.iter().any(|one: &Channel| one.name() == spec.name) {
                return Err(LoadError::Channel {
                    channel: spec.name,
                    why: "is in the settings and was made by the API too; delete one".to_owned(),
                });
            }
            let key = keys::channels_key(&self.settings.data_dir)?;
            match secret::unseal(&key, &spec.name, &sealed) {
                Ok(secrets) => list.push(Channel::new(spec, ChannelSource::Api, secrets)),
                Err(error) => unopened.push((spec.name, error)),
            }
        }
        // A key that opens none is the wrong one; one that opens another is not at fault.
        let opens_none = list.len() == of_settings;
        for (channel, error) in unopened {
            if opens_none {
                let source = Box::new(error);
                return Err(LoadError::Sealed { channel, source });
            }
            tell_unopened(&channel, &error.to_string());
        }
        list.sort_by(|a, b| a.name().cmp(b.name()));
        let list = list.into_iter().map(Arc::new).collect();
        self.channels.put(list, Some(outbound));
        Ok(())
    }

    /// Takes up the channels that were made by the API of another server on the same database,
    /// and lets go of those that were taken away there. A channel that stays goes on undisturbed. One
    /// that can't be opened is passed over, so that it stops none of those behind it.
    pub(crate) async fn read_made_channels(&self) -> Result<(), Failure> {
        let mut reader = self.store.read().await?;
        let stored = channels::all(reader.connection()).await?;
        drop(reader);
        for held in self.channels.list().iter() {
            let is_there = stored.iter().any(|one| one.spec == held.spec);
            if held.source == ChannelSource::Api && !is_there {
                self.channels.remove(held.name());
            }
        }
        for StoredChannel { spec, sealed } in stored {
            if self.channels.find(&spec.name).is_some() {
                continue;
            }
            let secrets = keys::channels_key(&self.settings.data_dir)
                .map_err(|error| Failure::internal(&error))
                .and_then(|key| {
                    secret::unseal(&key, &spec.name, &sealed)
                        .map_err(|error| Failure::internal(&error))
                });
            match secrets {
                Ok(secrets) => {
                    let channel = Channel::new(spec, ChannelSource::Api, secrets);
                    self.channels.add(channel);
                }
                Err(failure) => tell_unopened(&spec.name, failure.detail()),
            }
        }
        Ok(())
    }
}

fn tell_unopened(channel: &str, why: &str) {
    tracing::error!(
        channel,
        why,
        "the secrets of a channel can't be opened: it is told nothing by this server"
    );
}

fn way_out(settings: &Settings) -> Result<Outbound, LoadError> {
    let outbound = &settings.outbound;
    Outbound::new(&outbound.allow_private, outbound.ca_file.as_deref())
        .map_err(|error| LoadError::Certificates(Box::new(error)))
}

fn of_file(file: &ChannelFile) -> Result<Channel, LoadError> {
    let wrong = |why| LoadError::Channel {
        channel: file.spec.name.clone(),
        why,
    };
    let mut secrets = BTreeMap::new();
    for (name, path) in &file.secret_files {
        let secret = Secret::read(path).map_err(wrong)?;
        refuse_unsound_secret(&file.spec.settings, name, secret.reveal()).map_err(wrong)?;
        secrets.insert(name.clone(), secret);
    }
    Ok(Channel::new(
        file.spec.clone(),
        ChannelSource::File,
        secrets,
    ))
}
