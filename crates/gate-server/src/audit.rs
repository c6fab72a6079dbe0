//! The audit log of this server: every record is appended in the transaction
//! of the change that it tells of, and the log's head is signed.

use gate_protocol::canonical::Digest;
use gate_protocol::log::{AuditRecord, Checkpoint, CheckpointError, RecordType};
use jiff::Timestamp;
use serde_json::Value;

use crate::clock;
use crate::problem::Failure;
use crate::readiness::Task;
use crate::state::Server;
use crate::store::log::{self, Head};
use crate::store::{Connection, StoreError, server};

/// Appends one record.
pub(crate) async fn append(
    connection: &mut Connection,
    now: Timestamp,
    record_type: &RecordType,
    body: &Value,
) -> Result<(AuditRecord, Head), Failure> {
    let Head { prev, mut tree } = log::head(connection).await?;
    let prev = prev.unwrap_or(Digest::ZERO);
    let record = AuditRecord::new(tree.size(), prev, now, record_type, body)?;
    tree.append(record.leaf_hash());
    log::append(connection, &record, &tree).await?;
    let head = Head {
        prev: Some(record.hash()),
        tree,
    };
    Ok((record, head))
}

impl Server {
    /// Signs a head of the log.
    pub(crate) fn sign_head(&self, head: &Head) -> Result<String, CheckpointError> {
        let checkpoint = Checkpoint {
            origin: self.names.log_origin.clone(),
            size: head.tree.size(),
            root: head.tree.root(),
        };
        checkpoint.sign(&[&self.keys.log])
    }

    /// Signs and stores the head, if records came since the last time.
    pub(crate) async fn checkpoint(&self) -> Result<(), CheckpointFailure> {
        let mut writer = self.store.write().await?;
        let connection = writer.connection();
        let head = log::head(connection).await?;
        let size = head.tree.size();
        let names = server::names(connection).await?;
        let known = names.and_then(|names| names.keys);
        if known.is_some_and(|known| known != self.keys.print()) {
            return Err(CheckpointFailure::OtherKeys);
        }
        if size > log::checkpointed(connection).await? {
            let note = self.sign_head(&head)?;
            log::insert_checkpoint(connection, size, &note, clock::now()).await?;
            writer.commit().await?;
        }
        Ok(())
    }

    /// Signs the head again and again, until dropped.
    pub(crate) async fn checkpoint_regularly(self) {
        loop {
            self.beats.beat(Task::Checkpoints);
            if let Err(error) = self.checkpoint().await {
                tracing::error!(%error, "the log's head was not signed");
            }
            self.ask_witnesses().await;
            tokio::time::sleep(self.settings.leases.checkpoint).await;
        }
    }
}

/// Why the head was not signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointFailure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sign(#[from] CheckpointError),
    #[error(
        "the keys were changed at another server: copy the new ones here, and start this one again"
    )]
    OtherKeys,
}
