//! The kernel's keyring: the session's, linked to the user's persistent one, so
//! that other sessions of the same user find the token too. It ends at reboot,
//! or three days after its last use.
//!
//! Source: keyrings(7), session-keyring(7), persistent-keyring(7).

use keyring_core::Entry;
use keyring_core::api::CredentialStoreApi as _;
use linux_keyutils_keyring_store::Store;

/// Returns the entry of `account`.
///
/// # Errors
/// The session's keyring can't be used, as in containers whose seccomp filter
/// forbids it.
pub(super) fn entry(service: &str, account: &str) -> keyring_core::Result<Entry> {
    Store::new()?.build(service, account, None)
}
