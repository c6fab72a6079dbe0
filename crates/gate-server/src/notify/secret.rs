//! Secrets of channels, kept encrypted in the store.

use std::collections::BTreeMap;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::identity::Secret;

/// The secrets of one channel by name.
pub(crate) type Secrets = BTreeMap<String, Secret>;

/// What the store keeps can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the secrets of a channel can't be opened with `channels.key`")]
pub(crate) struct SealError;

/// Encrypts secrets for the store, bound to the channel's name: a row that is
/// given another name does not open.
pub(crate) fn seal(key: &[u8; 32], channel: &str, secrets: &Secrets) -> Result<Vec<u8>, SealError> {
    let plain: BTreeMap<&str, &str> = secrets
        .iter()
        .map(|(name, secret)| (name.as_str(), secret.reveal()))
        .collect();
    let mut bytes = serde_json::to_vec(&plain).map_err(|_| SealError)?;
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|_| SealError)?;
    opened(key)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(channel.as_bytes()),
            &mut bytes,
        )
        .map_err(|_| SealError)?;
    Ok([nonce.as_slice(), &bytes].concat())
}

/// Decrypts what [`seal`] made.
pub(crate) fn unseal(key: &[u8; 32], channel: &str, sealed: &[u8]) -> Result<Secrets, SealError> {
    let (nonce, bytes) = sealed.split_first_chunk().ok_or(SealError)?;
    let mut bytes = bytes.to_vec();
    let plain = opened(key)?
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(channel.as_bytes()),
            &mut bytes,
        )
        .map_err(|_| SealError)?;
    let plain: BTreeMap<String, String> = serde_json::from_slice(plain).map_err(|_| SealError)?;
    Ok(plain
        .into_iter()
        .map(|(name, text)| (name, Secret::new(text)))
        .collect())
}

fn opened(key: &[u8; 32]) -> Result<LessSafeKey, SealError> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| SealError)?;
    Ok(LessSafeKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_channel_and_key_only() {
        let secrets: Secrets = [("url".to_owned(), Secret::new("hunter2".to_owned()))].into();
        let sealed = seal(&[1; 32], "ops", &secrets).unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        let opened = unseal(&[1; 32], "ops", &sealed).unwrap();
        assert_eq!(opened["url"].reveal(), "hunter2");
        assert!(unseal(&[2; 32], "ops", &sealed).is_err());
        assert!(unseal(&[1; 32], "dev", &sealed).is_err());
        assert!(unseal(&[1; 32], "ops", &sealed[..20]).is_err());
    }
}
