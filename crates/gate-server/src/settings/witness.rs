//! Who else signs the log's head.

use gate_protocol::signed_note::{Algorithm, VerifierKey};
use serde::Deserialize;

use super::SettingsError;
use crate::identity::fetch::admitted;

/// A witness that is asked for its signature.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Where it is: the address before `/add-checkpoint`.
    pub url: String,
    /// Its key, as `name+hash+base64`, of type 0x04.
    pub key: VerifierKey,
}

/// Refuses what is no witness.
pub(super) fn validate(witnesses: &[Witness]) -> Result<(), SettingsError> {
    let value = |why| {
        Err(SettingsError::Value {
            field: "witness",
            why,
        })
    };
    let mut names: Vec<String> = Vec::new();
    for witness in witnesses {
        if witness.key.algorithm() != Algorithm::CosignatureV1 {
            return value("must have the key of a witness, which is of type 0x04");
        }
        if admitted(&witness.url).is_err() {
            return value("must have an https URL; http is for loopback only");
        }
        if names.contains(&witness.key.label()) {
            return value("must have a key of its own each");
        }
        names.push(witness.key.label());
    }
    Ok(())
}
