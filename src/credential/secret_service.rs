//! The desktop's keyring: the Secret Service of GNOME Keyring, `KWallet`,
//! `KeePassXC` and others, over the session's D-Bus.
//!
//! Source: freedesktop.org, "Secret Service API Draft".

use std::collections::HashMap;

use keyring_core::Entry;
use keyring_core::api::CredentialStoreApi as _;
use zbus::blocking::Connection;
use zbus::zvariant::OwnedObjectPath;
use zbus_secret_service_keyring_store::Store;

/// Tells whether the entry of `account` is there and not locked. Nothing is unlocked and nobody is
/// asked. Can block, as [`entry`].
pub(super) fn is_open(service: &str, account: &str) -> bool {
    // The store names its entries so.
    let attributes = HashMap::from([("service", service), ("username", account)]);
    let found = Connection::session().and_then(|bus| {
        let answer = bus.call_method(
            Some("org.freedesktop.secrets"),
            "/org/freedesktop/secrets",
            Some("org.freedesktop.Secret.Service"),
            "SearchItems",
            &attributes,
        )?;
        let body = answer.body();
        body.deserialize::<(Vec<OwnedObjectPath>, Vec<OwnedObjectPath>)>()
    });
    // The store would unlock whatever else has these attributes.
    found.is_ok_and(|(open, locked)| !open.is_empty() && locked.is_empty())
}

/// Connects, and returns the entry of `account`. Can block for as long as the
/// bus does: to be called from [`within`](super::bounded::within) only.
///
/// # Errors
/// There is no bus, or nobody on it who keeps secrets.
pub(super) fn entry(service: &str, account: &str) -> keyring_core::Result<Entry> {
    Store::new()?.build(service, account, None)
}
