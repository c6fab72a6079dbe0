//! The signatures of witnesses under the log's head, asked for by C2SP tlog-witness.
//!
//! A witness that does not answer holds nothing up: the log goes on under its own signature, and
//! the next round asks again.

use gate_protocol::log::{AddCheckpoint, ProofError, SignedCheckpoint};

use crate::clock;
use crate::identity::fetch::{FetchError, Fetcher};
use crate::outbound::Outbound;
use crate::refused_heads::{self, RefusedHead};
use crate::settings::Witness;
use crate::state::Server;
use crate::store::{StoreError, log_proofs};
use crate::subtrees::SubtreesFailure;

/// Why a witness's signature was not had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CosigningFailure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("it can't be asked")]
    Fetch(#[from] FetchError),
    #[error("it answers with what is not its signature under the checkpoint")]
    Answer,
    #[error(
        "it signed {theirs} records of this log before, and here are {ours}: an older copy came back"
    )]
    Ahead { theirs: u64, ours: u64 },
    #[error(
        "it signed other records of this log before: an older copy came back and went on from there"
    )]
    OtherRecords,
    #[error(
        "it does not know the key that this log signs by; its owner has to tell it the new one"
    )]
    OtherKey,
    #[error("it does not watch this log")]
    OtherLog,
    #[error("the proof for it can't be made")]
    Proof(#[from] ProofError),
}

impl CosigningFailure {
    /// Returns why the witness said no, where it did: it says so again until somebody does something.
    fn refusal(&self) -> Option<String> {
        match self {
            Self::Answer
            | Self::Ahead { .. }
            | Self::OtherRecords
            | Self::OtherKey
            | Self::OtherLog => Some(self.to_string()),
            Self::Store(_) | Self::Fetch(_) | Self::Proof(_) => None,
        }
    }
}

impl Server {
    /// Asks each witness for its signature under the newest checkpoint that was stored.
    pub(crate) async fn ask_witnesses(&self) {
        let Some(outbound) = &self.witness_calls else {
            return;
        };
        for witness in &self.settings.witnesses {
            let asked = self.ask_witness(outbound, witness).await;
            self.keep_refusal(witness, asked.as_ref());
            if let Err(error) = asked {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let (witness, cause) = (witness.key.name(), cause.unwrap_or_default());
                tracing::warn!(%witness, %error, %cause, "the log's head has no cosignature");
            }
        }
    }

    /// Keeps what a witness said that did not sign, for the doctor. One that can't be asked has said
    /// nothing, and one that needed not be asked neither.
    fn keep_refusal(&self, witness: &Witness, asked: Result<&Asked, &CosigningFailure>) {
        let refused = match asked {
            Ok(Asked::Signed) => None,
            Ok(Asked::NothingNew) => return,
            Err(failure) => match failure.refusal() {
                Some(why) => Some(RefusedHead {
                    at: clock::now(),
                    why,
                }),
                None => return,
            },
        };
        let dir = &self.settings.data_dir;
        if let Err(error) = refused_heads::keep(dir, &witness.key.label(), refused) {
            tracing::warn!(%error, "what a witness refused can't be kept for the doctor");
        }
    }

    async fn ask_witness(
        &self,
        outbound: &Outbound,
        witness: &Witness,
    ) -> Result<Asked, CosigningFailure> {
        let fetcher = &Fetcher::new(outbound, &witness.url);
        let name = witness.key.label();
        let mut reader = self.store.read().await?;
        let newest = log_proofs::newest(reader.connection()).await?;
        let old_size = log_proofs::cosigned_by(reader.connection(), &name).await?;
        drop(reader);
        let Some((size, note)) = newest.filter(|(size, _)| *size > old_size) else {
            return Ok(Asked::NothingNew);
        };
        let asked = self.prove(old_size, size, &note).await?;
        let line = match add_checkpoint(fetcher, witness, &asked).await? {
            Added::Signed(line) => line,
            // It knows more of us than we do of it: once is enough to find out.
            Added::KnowsOther(theirs) if theirs > size => {
                return Err(CosigningFailure::Ahead { theirs, ours: size });
            }
            Added::KnowsOther(theirs) => {
                let asked = self.prove(theirs, size, &note).await?;
                match add_checkpoint(fetcher, witness, &asked).await? {
                    Added::Signed(line) => line,
                    Added::KnowsOther(_) => return Err(CosigningFailure::Answer),
                }
            }
        };
        let line = self.cosignature(witness, &note, &line)?;
        let mut writer = self.store.write().await?;
        log_proofs::put_cosignature(writer.connection(), &name, (size, &line), clock::now())
            .await?;
        writer.commit().await?;
        Ok(Asked::Signed)
    }

    async fn prove(
        &self,
        old_size: u64,
        size: u64,
        note: &str,
    ) -> Result<AddCheckpoint, CosigningFailure> {
        let proof = if old_size == 0 {
            Vec::new()
        } else {
            let mut reader = self.store.read().await?;
            let connection = reader.connection();
            let proved = self.subtrees.consistency(connection, old_size, size).await;
            proved.map_err(|failure| match failure {
                SubtreesFailure::Proof(error) => CosigningFailure::Proof(error),
                SubtreesFailure::Store(error) => CosigningFailure::Store(error),
            })?
        };
        Ok(AddCheckpoint {
            old_size,
            proof,
            checkpoint: note.to_owned(),
        })
    }

    /// Returns the one line that is the witness's signature under the note.
    fn cosignature(
        &self,
        witness: &Witness,
        note: &str,
        lines: &str,
    ) -> Result<String, CosigningFailure> {
        let log = self.keys.log.verifier();
        let holds = |line: &&str| {
            let signed = format!("{note}{line}\n");
            let keys = std::slice::from_ref(&witness.key);
            SignedCheckpoint::verify(signed.as_bytes(), &log, keys)
                .is_ok_and(|signed| signed.cosignatures.len() == 1)
        };
        let mut lines = lines.lines();
        let line = lines.find(holds).ok_or(CosigningFailure::Answer)?;
        Ok(format!("{line}\n"))
    }
}

/// What came of asking a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// It signed.
    Signed,
    /// It has signed the newest head before.
    NothingNew,
}

/// What a witness answers.
enum Added {
    /// With signature lines.
    Signed(String),
    /// It signed another size last.
    KnowsOther(u64),
}

async fn add_checkpoint(
    fetcher: &Fetcher,
    witness: &Witness,
    asked: &AddCheckpoint,
) -> Result<Added, CosigningFailure> {
    let address = format!("{}/add-checkpoint", witness.url.trim_end_matches('/'));
    let (status, body) = fetcher.post_text(&address, asked.to_string()).await?;
    let text = String::from_utf8(body).map_err(|_| CosigningFailure::Answer)?;
    match status {
        200 => Ok(Added::Signed(text)),
        409 => text
            .trim_end()
            .parse()
            .map(Added::KnowsOther)
            .map_err(|_| CosigningFailure::Answer),
        403 => Err(CosigningFailure::OtherKey),
        404 => Err(CosigningFailure::OtherLog),
        422 => Err(CosigningFailure::OtherRecords),
        status => Err(FetchError::of_status(&address, status).into()),
    }
}
