//! Whose cosignatures a checkpoint must have.

use gate_protocol::log::{Checkpoint, SignedCheckpoint};
use gate_protocol::signed_note::{Algorithm, VerifiedSignature, VerifierKey};
use jiff::Timestamp;

use super::finding::{chain, does_not_verify};
use crate::cli::audit::kept::leads;
use crate::failure::Failure;
use crate::report;
use crate::session::Session;

/// How many records a head that witnesses signed may be behind before that is told.
const MOST_BEHIND: u64 = 1_000;
/// The same in seconds, where there are newer records at all.
const LONGEST_BEHIND: i64 = 3_600;
/// How old a head of theirs is in any case, in seconds, as they are asked again and again.
const LATE: i64 = 600;

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

/// A checkpoint that does not have the signatures that it must have.
pub(in crate::cli::audit) struct Unsigned {
    /// The first bad record, in words.
    first_bad: &'static str,
    pub(in crate::cli::audit) why: String,
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
            .map_err(|unsigned| does_not_verify(unsigned.first_bad, &unsigned.why))
    }

    /// The same, and where it does not hold why, in words.
    pub(in crate::cli::audit) fn find(
        &self,
        note: &[u8],
        log: &VerifierKey,
    ) -> Result<SignedCheckpoint, Unsigned> {
        let unsound = |error| Unsigned {
            first_bad: "0, nothing sound is signed",
            why: chain(&error),
        };
        let signed = SignedCheckpoint::verify(note, log, &self.keys).map_err(unsound)?;
        let wanted = self.quorum.map_or(self.keys.len(), usize::from);
        let found = self.cosigned(&signed);
        if found < wanted {
            // The log may be good: one witness can have been away.
            let first_bad = "not known, too few witnesses have signed";
            let why = format!(
                "the checkpoint over {} records has the signatures of {found} of the {} \
                 witnesses, and {wanted} must have signed",
                signed.checkpoint.size,
                self.keys.len()
            );
            return Err(Unsigned { first_bad, why });
        }
        Ok(signed)
    }

    /// Returns how many of the witnesses have signed; two signatures of one are one.
    fn cosigned(&self, signed: &SignedCheckpoint) -> usize {
        let has_signed = |key: &&VerifierKey| {
            let mut cosignatures = signed.cosignatures.iter();
            cosignatures.any(|by| is_by(by, key))
        };
        self.keys.iter().filter(has_signed).count()
    }

    /// Returns when the last of the witnesses signed that have, by its own clock.
    fn signed_at(&self, signed: &SignedCheckpoint) -> Option<Timestamp> {
        let of_wanted = signed
            .cosignatures
            .iter()
            .filter(|by| self.keys.iter().any(|key| is_by(by, key)));
        let seconds = of_wanted.filter_map(|by| by.cosigned_at_seconds).max()?;
        Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
    }

    /// Returns who has signed besides the log, and what and when, in words.
    pub(in crate::cli::audit) fn words(&self, signed: &SignedCheckpoint) -> String {
        if !self.are_wanted() {
            return String::new();
        }
        let at = self.signed_at(signed);
        let at = at.map(|at| format!(", at {at}")).unwrap_or_default();
        format!(
            "cosigned: by {} of {} witnesses, the first {} records{at}\n",
            self.cosigned(signed),
            self.keys.len(),
            signed.checkpoint.size
        )
    }

    /// Warns where the log has grown far beyond what witnesses have signed: what is behind that is
    /// the log's own word.
    pub(super) fn warn_of_lag(&self, signed: &SignedCheckpoint, size: u64) {
        let behind = size.saturating_sub(signed.checkpoint.size);
        if behind == 0 {
            return;
        }
        let age = self
            .signed_at(signed)
            .map(|at| Timestamp::now().as_second() - at.as_second());
        let is_late = |seconds| age.is_none_or(|age| age > seconds);
        if (behind > MOST_BEHIND && is_late(LATE)) || is_late(LONGEST_BEHIND) {
            report::line(&format!(
                "warning: witnesses have not signed the last {behind} of {size} records; \
                 `gate server doctor` says of each witness how far it is"
            ));
        }
    }
}

fn is_by(signature: &VerifiedSignature, key: &VerifierKey) -> bool {
    signature.key_id == key.id() && signature.name == key.name()
}

/// Holds the log's head of now against the one that witnesses signed, whether its records are here
/// or in an archive.
///
/// # Errors
/// The log does not go on from there, or the server does not answer with a proof.
pub(super) fn hold(
    session: &Session,
    cosigned: &Checkpoint,
    now: &Checkpoint,
) -> Result<(), Failure> {
    let (before, size) = (cosigned.size, now.size);
    if size < before {
        let words = format!(
            "witnesses signed {before} records, and the log has {size}: an older copy of it came \
             back, or its end was removed"
        );
        return Err(does_not_verify(&size.to_string(), &words));
    }
    leads(session, cosigned, now)?.map_err(|error| {
        let words = format!(
            "the first {before} records are not those that witnesses signed: {}",
            chain(&error)
        );
        does_not_verify(&format!("below {before}"), &words)
    })
}
