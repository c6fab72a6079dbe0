//! The two keyrings behind one face.

use std::time::Duration;

use gate_client::Token;
use zeroize::Zeroizing;

use super::bounded::within;
use super::{Place, Wait, keyutils, secret_service};

/// The name under which gate's entries stand, whatever the server.
const SERVICE: &str = "gate";

/// A keyring of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyring {
    /// The desktop's, over D-Bus.
    SecretService,
    /// The kernel's.
    Keyutils,
}

/// Why a keyring did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyringError {
    /// It was asked and said no, or could not be asked.
    #[error("cannot use {name}")]
    Refused {
        /// Which keyring.
        name: &'static str,
        /// What it said.
        #[source]
        source: Cause,
    },
    /// It did not answer.
    #[error("{name} did not answer within {} s", .limit.as_secs())]
    Silent {
        /// Which keyring.
        name: &'static str,
        /// How long it was given.
        limit: Duration,
    },
    /// It took the token and does not give it back.
    #[error("{name} took the token and does not give it back")]
    Forgetful {
        /// Which keyring.
        name: &'static str,
    },
}

/// What is at the bottom of a keyring's error: the layers above it repeat it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Cause(String);

impl From<keyring_core::Error> for Cause {
    fn from(error: keyring_core::Error) -> Self {
        let mut innermost: &dyn std::error::Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let said = innermost.to_string();
        // In the store's words: locked, dismissed, or without any keyring in it.
        let is_closed = matches!(error, keyring_core::Error::NoStorageAccess(_));
        Self(if is_closed {
            format!("it is locked, or lets nobody in ({said})")
        } else {
            said
        })
    }
}

impl Keyring {
    /// Returns the keyring as a place.
    pub(super) fn place(self) -> Place {
        match self {
            Self::SecretService => Place::SecretService,
            Self::Keyutils => Place::Keyutils,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::SecretService => "the Secret Service",
            Self::Keyutils => "the kernel keyring",
        }
    }

    /// Stores `token` for `account` in place of an older one, and sees to it
    /// that it can be read again: a keyring that takes and does not give would
    /// only be noticed by the next command.
    ///
    /// # Errors
    /// The keyring can't be used or does not answer within its limit.
    pub(super) fn set(self, account: &str, token: &Token, wait: Wait) -> Result<(), KeyringError> {
        let secret = Zeroizing::new(token.expose().as_bytes().to_vec());
        let expected = secret.clone();
        let found = self.ask(account, wait, move |entry| {
            entry.set_secret(&secret)?;
            entry.get_secret().map(Zeroizing::new)
        })?;
        if found == expected {
            return Ok(());
        }
        Err(KeyringError::Forgetful { name: self.name() })
    }

    /// Returns what is stored for `account`.
    ///
    /// # Errors
    /// The keyring can't be used or does not answer within its limit.
    pub(super) fn get(
        self,
        account: &str,
        wait: Wait,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        self.ask(account, wait, |entry| match entry.get_secret() {
            Ok(secret) => Ok(Some(Zeroizing::new(secret))),
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })
    }

    /// Tells whether what is stored for `account` can be had without asking anybody.
    pub(super) fn is_open(self, account: &str, wait: Wait) -> bool {
        let account = account.to_owned();
        match self {
            Self::Keyutils => true,
            Self::SecretService => within(wait, self.name(), move || {
                secret_service::is_open(SERVICE, &account)
            })
            .unwrap_or(false),
        }
    }

    /// Removes what is stored for `account`; nothing there is no failure.
    ///
    /// # Errors
    /// The keyring can't be used or does not answer within its limit.
    pub(super) fn remove(self, account: &str, wait: Wait) -> Result<(), KeyringError> {
        self.ask(account, wait, |entry| match entry.delete_credential() {
            Ok(()) | Err(keyring_core::Error::NoEntry) => Ok(()),
            Err(error) => Err(error),
        })
    }

    fn ask<T: Send + 'static>(
        self,
        account: &str,
        wait: Wait,
        question: impl FnOnce(&keyring_core::Entry) -> keyring_core::Result<T> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let name = self.name();
        let refused = |error: keyring_core::Error| KeyringError::Refused {
            name,
            source: error.into(),
        };
        let account = account.to_owned();
        match self {
            Self::Keyutils => {
                // System calls that never wait.
                let entry = keyutils::entry(SERVICE, &account).map_err(refused)?;
                question(&entry).map_err(refused)
            }
            Self::SecretService => {
                let answer = within(wait, name, move || {
                    question(&secret_service::entry(SERVICE, &account)?)
                });
                answer
                    .ok_or(KeyringError::Silent {
                        name,
                        limit: wait.limit,
                    })?
                    .map_err(refused)
            }
        }
    }
}
