//! Whose cosignatures a checkpoint must have.

use gate_protocol::log::SignedCheckpoint;
use gate_protocol::signed_note::{Algorithm, VerifierKey};

use super::finding::{chain, does_not_verify};
use crate::failure::Failure;

/// The witnesses that count, and how many of them must have signed.
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli::audit) struct Witnesses {
    /// The key of a witness that must have signed the checkpoint too; give one
    /// for each.
    #[arg(long = "witness", value_name = "VKEY", value_parser = parse_witness)]
    keys: Vec<VerifierKey>,
    /// How many of these witnesses are enough; all of them without this.
    #[arg(long = "witnesses", value_name = "N", requires = "keys", value_parser = clap::value_parser!(u16).range(1..))]
    quorum: Option<u16>,
}

fn parse_witness(text: &str) -> Result<VerifierKey, String> {
    let key: VerifierKey = text.parse().map_err(|error| format!("{error}"))?;
    if key.algorithm() == Algorithm::CosignatureV1 {
        Ok(key)
    } else {
        Err("this is not the key of a witness, which is of type 0x04".to_owned())
    }
}

impl Witnesses {
    pub(super) fn are_wanted(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Verifies a checkpoint with all signatures that it must have; none where it does not hold,
    /// which was said then.
    ///
    /// # Errors
    /// It does not hold.
    pub(super) fn verify(
        &self,
        note: &[u8],
        log: &VerifierKey,
    ) -> Result<SignedCheckpoint, Failure> {
        self.find(note, log)
            .map_err(|why| does_not_verify("0, nothing sound is signed", &why))
    }

    /// The same, and where it does not hold why, in words.
    pub(in crate::cli::audit) fn find(
        &self,
        note: &[u8],
        log: &VerifierKey,
    ) -> Result<SignedCheckpoint, String> {
        let signed =
            SignedCheckpoint::verify(note, log, &self.keys).map_err(|error| chain(&error))?;
        let wanted = self.quorum.map_or(self.keys.len(), usize::from);
        let found = self.cosigned(&signed);
        if found < wanted {
            return Err(format!(
                "the checkpoint over {} records has the signatures of {found} of the {} \
                 witnesses, and {wanted} must have signed",
                signed.checkpoint.size,
                self.keys.len()
            ));
        }
        Ok(signed)
    }

    /// Returns how many of the witnesses have signed; two signatures of one are one.
    fn cosigned(&self, signed: &SignedCheckpoint) -> usize {
        let has_signed = |key: &&VerifierKey| {
            signed
                .cosignatures
                .iter()
                .any(|by| by.key_id == key.id() && by.name == key.name())
        };
        self.keys.iter().filter(has_signed).count()
    }

    /// Returns who has signed besides the log, in words.
    pub(in crate::cli::audit) fn words(&self, signed: &SignedCheckpoint) -> String {
        if !self.are_wanted() {
            return String::new();
        }
        format!(
            "cosigned: by {} of {} witnesses\n",
            self.cosigned(signed),
            self.keys.len()
        )
    }
}
