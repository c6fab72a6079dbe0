//! Secrets of channels: read from files, or kept encrypted in the store.

use std::collections::BTreeMap;
use std::path::Path;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// A secret. Has neither `Debug` nor `Display`, so that no log can show one.
#[derive(Clone)]
pub(crate) struct Secret(String);

/// The secrets of one channel by name.
pub(crate) type Secrets = BTreeMap<String, Secret>;

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// Hands the secret out: to whom it is for.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// The largest file of a secret, in bytes.
const FILE_LIMIT: u64 = 16 * 1024;

/// Reads a secret from its file, without the line's end.
pub(crate) fn read(path: &Path) -> Result<Secret, String> {
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |error: std::io::Error| format!("`{}`: {error}", path.display());
    let file = std::fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(format!(
            "`{}` can be read by everybody (mode {mode:03o}); make it 0600",
            path.display()
        ));
    }
    let mut text = String::new();
    file.take(FILE_LIMIT)
        .read_to_string(&mut text)
        .map_err(failed)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(format!("`{}` is empty", path.display()));
    }
    Ok(Secret(text.to_owned()))
}

/// What the store keeps can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the secrets of a channel can't be opened with `channels.key`")]
pub(crate) struct SealError;

/// Encrypts secrets for the store, bound to the channel's name: a row that is
/// given another name does not open.
pub(crate) fn seal(key: &[u8; 32], channel: &str, secrets: &Secrets) -> Result<Vec<u8>, SealError> {
    let plain: BTreeMap<&str, &str> = secrets
        .iter()
        .map(|(name, secret)| (name.as_str(), secret.expose()))
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
        .map(|(name, text)| (name, Secret(text)))
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
        let secrets: Secrets = [("url".to_owned(), Secret("hunter2".to_owned()))].into();
        let sealed = seal(&[1; 32], "ops", &secrets).unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        let opened = unseal(&[1; 32], "ops", &sealed).unwrap();
        assert_eq!(opened["url"].expose(), "hunter2");
        assert!(unseal(&[2; 32], "ops", &sealed).is_err());
        assert!(unseal(&[1; 32], "dev", &sealed).is_err());
        assert!(unseal(&[1; 32], "ops", &sealed[..20]).is_err());
    }

    #[test]
    fn a_file_that_everybody_reads_or_that_is_empty_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "xoxb-1\n").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        mode(0o644);
        assert!(read(&path).err().unwrap().contains("0600"));
        mode(0o600);
        assert_eq!(read(&path).ok().unwrap().expose(), "xoxb-1");
        std::fs::write(&path, "\n").unwrap();
        assert!(read(&path).err().unwrap().contains("empty"));
        assert!(read(&dir.path().join("none")).is_err());
    }
}
