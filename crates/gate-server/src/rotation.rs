//! New keys in the place of those that sign now. The log says so, under the signature of both, and
//! the public part of each key stays in the database; whoever pinned one learns of the next by it.

use std::path::{Path, PathBuf};

use gate_protocol::log::RecordType;
use gate_protocol::signed_note::{
    KeyPurpose, SigningKey, Succession, SuccessionError, VerifierKey,
};
use serde_json::json;

use crate::folder::{Folder, FolderError};
use crate::identity::Authorities;
use crate::keys::{self, ChannelsChange, FolderLock, Keys, KeysError, NextKey, finish_rotation};
use crate::notify;
use crate::problem::Failure;
use crate::settings::{DatabaseError, Settings};
use crate::state::Server;
use crate::store::channels::{self, StoredChannel};
use crate::store::server::{self, Names};
use crate::store::{Store, StoreError, server_keys};

/// Why no key was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// The folder holds no server.
    #[error("`{}` holds no server", .0.display())]
    NoServer(PathBuf),
    /// A server runs on it.
    #[error("a server runs on `{}`", .0.display())]
    InUse(PathBuf),
    /// The keys can't be used or made.
    #[error("the keys can't be used")]
    Keys(#[from] KeysError),
    /// The database can't be used.
    #[error("the store can't be used")]
    Store(#[from] StoreError),
    /// What the settings say of the database can't be used.
    #[error("the settings of the database can't be used")]
    Database(#[from] DatabaseError),
    /// The statement can't be made.
    #[error("the old key can't name the new one")]
    Statement(#[from] SuccessionError),
    /// The secrets of a channel are under another key.
    #[error("the secrets of the channel `{0}` can't be encrypted anew")]
    Sealed(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// The record of it could not be made.
    #[error("the change was not recorded: {0}")]
    Record(String),
}

impl From<FolderError> for RotateError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Keys(error) => Self::Keys(error),
            FolderError::Store(error) => Self::Store(error),
            FolderError::Database(error) => Self::Database(error),
        }
    }
}

impl From<Failure> for RotateError {
    fn from(failure: Failure) -> Self {
        Self::Record(failure.detail().to_owned())
    }
}

/// A key that was changed.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// What it is for.
    pub purpose: KeyPurpose,
    /// The key before.
    pub before: VerifierKey,
    /// The key that signs from now on.
    pub after: VerifierKey,
    /// Where the secret part of the key before is now.
    pub kept: PathBuf,
}

/// The secrets of channels under another key.
#[derive(Clone, Debug)]
pub struct Resealed {
    /// The channels whose secrets were encrypted anew.
    pub channels: Vec<String>,
    /// Where the key before is now.
    pub kept: PathBuf,
}

/// Makes new keys for these purposes. No server may run on the folder.
///
/// # Errors
/// Each [`RotateError`] as its name says; the old keys are in force then.
pub async fn rotate_keys(
    settings: &Settings,
    purposes: &[KeyPurpose],
) -> Result<Vec<Rotated>, RotateError> {
    let (store, names, _lock) = open(settings).await?;
    let rotated = rotate(settings, &store, names, purposes).await;
    store.close().await;
    rotated
}

/// Encrypts the secrets of all channels anew, by a key that comes in the place of `channels.key`. No
/// server may run on the folder.
///
/// # Errors
/// Each [`RotateError`] as its name says; the old key is in force then, or the change is finished at
/// the next start.
pub async fn rotate_channels_key(settings: &Settings) -> Result<Resealed, RotateError> {
    let (store, names, _lock) = open(settings).await?;
    let resealed = reseal(settings, &store, names).await;
    store.close().await;
    resealed
}

/// Opens the server in a folder on which none runs.
async fn open(settings: &Settings) -> Result<(Store, Names, FolderLock), RotateError> {
    let dir = &settings.data_dir;
    if !crate::folder::has_database(settings) {
        return Err(RotateError::NoServer(dir.clone()));
    }
    let folder = Folder::open(settings).await?;
    let folder = folder.ok_or_else(|| RotateError::InUse(dir.clone()))?;
    let names = folder.names.clone();
    let (_, store, lock) = folder.into_parts();
    if let Some(names) = names {
        return Ok((store, names, lock));
    }
    store.close().await;
    Err(RotateError::NoServer(dir.clone()))
}

/// Reads the keys that the database knows, and finishes a change of them that was cut off.
fn keys_of(dir: &Path, names: &Names) -> Result<Keys, KeysError> {
    let whose = (names.audience.as_str(), names.log_origin.as_str());
    let keys = Keys::open(dir, whose.0, whose.1)?;
    match names.keys.filter(|known| *known != keys.print()) {
        None => Ok(keys),
        Some(known) if finish_rotation(dir, whose, known)? => Keys::open(dir, whose.0, whose.1),
        Some(_) => Err(KeysError::Foreign {
            dir: dir.to_owned(),
        }),
    }
}

/// Returns the server with these keys, which serves nobody.
fn server(settings: &Settings, store: &Store, names: Names, keys: Keys) -> Server {
    let bare = Settings::new(&settings.data_dir, settings.public_url.clone());
    Server::new(store.clone(), bare, Authorities::default(), names, keys)
}

async fn reseal(settings: &Settings, store: &Store, names: Names) -> Result<Resealed, RotateError> {
    let dir = &settings.data_dir;
    let keys = keys_of(dir, &names)?;
    let server = server(settings, store, names, keys);
    let before = keys::channels_key_of(dir, settings.database.is_some())?;
    let next = NextKey::for_channels(dir)?;
    let mut change = server.change().await?;
    let mut names = Vec::new();
    for StoredChannel { spec, sealed } in channels::all(change.connection()).await? {
        let secrets = notify::unseal(&before, &spec.name, &sealed);
        let sealed = secrets
            .and_then(|secrets| notify::seal(next.key.expose_seed(), &spec.name, &secrets))
            .map_err(|source| RotateError::Sealed(spec.name.clone(), Box::new(source)))?;
        channels::reseal(change.connection(), &spec.name, &sealed).await?;
        names.push(spec.name);
    }
    let body = json!({ "channels": names });
    change.record(&RecordType::ChannelResealed, &body).await?;
    change.commit().await?;
    let kept = next.take_place(&keys::print_of_channels(&before)?)?;
    let signed = server.checkpoint().await;
    signed.map_err(|error| RotateError::Record(error.to_string()))?;
    Ok(Resealed {
        channels: names,
        kept,
    })
}

/// Finishes a change of the key of channels that was cut off: where the next key opens anything, the
/// transaction was committed. What another server has encrypted by the key of now since then is
/// encrypted anew. It is decided as the one writer: the transaction of who was cut off may not be over
/// yet.
pub(crate) async fn finish_resealing(dir: &Path, store: &Store) -> Result<(), FolderError> {
    let Some(change) = ChannelsChange::cut_off(dir)? else {
        return Ok(());
    };
    let mut writer = store.write().await?;
    let stored = channels::all(writer.connection()).await?;
    let next = change.next();
    let by_next = |one: &StoredChannel| notify::unseal(next, &one.spec.name, &one.sealed).is_ok();
    let (after, before): (Vec<_>, Vec<_>) = stored.iter().partition(|one| by_next(one));
    if after.is_empty() {
        drop(writer);
        return Ok(change.set_aside()?);
    }
    for StoredChannel { spec, sealed } in before {
        let secrets = notify::unseal(change.now(), &spec.name, sealed);
        match secrets.and_then(|secrets| notify::seal(next, &spec.name, &secrets)) {
            Ok(sealed) => channels::reseal(writer.connection(), &spec.name, &sealed).await?,
            Err(error) => {
                tracing::error!(channel = spec.name, %error, "neither key opens its secrets");
            }
        }
    }
    writer.commit().await?;
    Ok(change.finish()?)
}

async fn rotate(
    settings: &Settings,
    store: &Store,
    names: Names,
    purposes: &[KeyPurpose],
) -> Result<Vec<Rotated>, RotateError> {
    let dir = &settings.data_dir;
    let whose = (names.audience.as_str(), names.log_origin.as_str());
    let mut keys = keys_of(dir, &names)?;
    let old = Keys::open(dir, whose.0, whose.1)?;
    let mut next = Vec::new();
    for purpose in purposes {
        let (name, slot) = match purpose {
            KeyPurpose::Grant => (whose.0, &mut keys.grant),
            KeyPurpose::Log => (whose.1, &mut keys.log),
        };
        let staged = NextKey::stage(dir, *purpose, name)?;
        *slot = SigningKey::from_seed(name, staged.key.expose_seed()).map_err(KeysError::from)?;
        next.push((*purpose, staged));
    }
    let server = server(settings, store, names, keys);
    record(&server, &old, &next).await?;
    let mut rotated = Vec::new();
    for (purpose, staged) in next {
        let before = of(&old, purpose).verifier();
        rotated.push(Rotated {
            purpose,
            after: staged.key.verifier(),
            kept: staged.take_place(&before)?,
            before,
        });
    }
    Ok(rotated)
}

const fn of(keys: &Keys, purpose: KeyPurpose) -> &SigningKey {
    match purpose {
        KeyPurpose::Grant => &keys.grant,
        KeyPurpose::Log => &keys.log,
    }
}

/// Writes down each new key with the statement of the one before, and signs the head by the new one.
async fn record(
    server: &Server,
    old: &Keys,
    next: &[(KeyPurpose, NextKey)],
) -> Result<(), RotateError> {
    let mut change = server.change().await?;
    let now = change.now();
    server::put_keys(change.connection(), server.keys.print()).await?;
    for (purpose, staged) in next {
        let before = of(old, *purpose);
        let statement = Succession::sign(*purpose, before, &staged.key, now)?;
        let after = staged.key.verifier();
        server_keys::add(change.connection(), *purpose, (&after, &statement), now).await?;
        let body = json!({
            "purpose": purpose.as_str(),
            "before": before.verifier(),
            "after": after,
            "statement": statement,
        });
        change.record(&RecordType::LogKeyAdded, &body).await?;
    }
    change.commit().await?;
    let signed = server.checkpoint().await;
    signed.map_err(|error| RotateError::Record(error.to_string()))
}
