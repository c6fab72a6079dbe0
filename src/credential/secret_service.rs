//! The desktop's keyring: the Secret Service of GNOME Keyring, `KWallet`,
//! `KeePassXC` and others, over the session's D-Bus.
//!
//! Source: freedesktop.org, "Secret Service API Draft".

use keyring_core::Entry;
use keyring_core::api::CredentialStoreApi as _;
use zbus_secret_service_keyring_store::Store;

/// Connects, and returns the entry of `account`. Can block for as long as the
/// bus does: to be called from [`within`](super::bounded::within) only.
///
/// # Errors
/// There is no bus, or nobody on it who keeps secrets.
pub(super) fn entry(service: &str, account: &str) -> keyring_core::Result<Entry> {
    Store::new()?.build(service, account, None)
}
