//! `[[channel]]` and `[outbound]`: where people hear of requests, and where
//! the server may connect to for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gate_protocol::channel::{ChannelFilter, ChannelSettings, ChannelSpec};
use serde::Deserialize;

use super::SettingsError;
use crate::notify::refuse_unsound;
use crate::outbound::Network;

/// A channel of the settings file. Its secrets are read from files when the
/// server starts.
#[derive(Clone, Debug)]
pub struct ChannelFile {
    /// The channel.
    pub spec: ChannelSpec,
    /// The file of each secret, by the secret's name.
    pub secret_files: BTreeMap<String, PathBuf>,
}

/// Where the server may connect to.
#[derive(Clone, Debug)]
pub struct OutboundSettings {
    /// Addresses that are not of the public internet and may be connected to
    /// all the same, without TLS too.
    pub allow_private: Vec<Network>,
    /// Certificates to trust besides Mozilla's roots, one PEM file.
    pub ca_file: Option<PathBuf>,
    /// How long the first repetition waits; each further one waits longer.
    pub first_retry: Duration,
}

impl Default for OutboundSettings {
    fn default() -> Self {
        Self {
            allow_private: Vec::new(),
            ca_file: None,
            first_retry: Duration::from_secs(1),
        }
    }
}

/// The TOML form of `[outbound]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OutboundFile {
    allow_private: Vec<String>,
    ca_file: Option<PathBuf>,
}

impl OutboundFile {
    pub(super) fn read(self) -> Result<OutboundSettings, SettingsError> {
        let networks: Result<Vec<Network>, _> =
            self.allow_private.iter().map(|text| text.parse()).collect();
        Ok(OutboundSettings {
            allow_private: networks.map_err(|_| SettingsError::Value {
                field: "outbound.allow_private",
                why: "must be a list of networks, as `10.0.0.0/8` or `fd00::/8`",
            })?,
            ca_file: self.ca_file,
            ..OutboundSettings::default()
        })
    }
}

/// How the file of a secret is named: `bot_token_file` has `bot_token`.
const FILE: &str = "_file";

/// Reads one `[[channel]]`. What belongs to every channel is taken out of the
/// table first; the rest is what its kind needs, and nothing more.
pub(super) fn channel(mut table: toml::Table) -> Result<ChannelFile, SettingsError> {
    let Some(toml::Value::String(name)) = table.remove("name") else {
        return Err(wrong("", "needs a `name`, which is text"));
    };
    let mut take = |key: &str| table.remove(key);
    let filter = ChannelFilter {
        approvers: list(&name, "for", take("for"))?,
        effects: list(&name, "effects", take("effects"))?,
        target: read(&name, "target", take("target"))?,
    };
    let mut secret_files = BTreeMap::new();
    let files: Vec<String> = table
        .keys()
        .filter(|key| key.ends_with(FILE))
        .cloned()
        .collect();
    for key in files {
        let path: PathBuf = read(&name, &key, table.remove(&key))?;
        let secret = key.strip_suffix(FILE).unwrap_or(&key);
        secret_files.insert(secret.to_owned(), path);
    }
    let settings = ChannelSettings::deserialize(toml::Value::Table(table))
        .map_err(|error| wrong(&name, error.message()))?;
    let spec = ChannelSpec {
        name: name.clone(),
        filter,
        settings,
    };
    refuse_unsound(&spec, secret_files.keys().map(String::as_str))
        .map_err(|why| wrong(&name, &why))?;
    Ok(ChannelFile { spec, secret_files })
}

fn list(
    channel: &str,
    key: &str,
    value: Option<toml::Value>,
) -> Result<Vec<String>, SettingsError> {
    match value {
        None => Ok(Vec::new()),
        Some(value) => read(channel, key, Some(value)),
    }
}

fn read<T: serde::de::DeserializeOwned + Default>(
    channel: &str,
    key: &str,
    value: Option<toml::Value>,
) -> Result<T, SettingsError> {
    let Some(value) = value else {
        return Ok(T::default());
    };
    T::deserialize(value).map_err(|error| wrong(channel, &format!("`{key}`: {}", error.message())))
}

fn wrong(channel: &str, why: &str) -> SettingsError {
    SettingsError::Channel {
        channel: channel.to_owned(),
        why: why.to_owned(),
    }
}
