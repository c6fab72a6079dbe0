//! The audit log, as far as it is fetched; verifying it is `gate_protocol::log`'s.

use gate_protocol::archive::{Archivable, LogStart, Prune, Pruned};
use gate_protocol::canonical::Digest;
use gate_protocol::erasure::{Erase, Erased};
use gate_protocol::log::TlogProof;
use gate_protocol::server::{LogProof, RecordPage};

use crate::call::PAGE_LIMIT;
use crate::client::{Client, Patience};
use crate::error::ClientError;

/// A stretch of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRange {
    /// The index of the first record, from 0.
    pub from: u64,
    /// The most records, at least 1; the server has a limit of its own.
    pub limit: u32,
}

impl Client {
    /// Fetches records, byte for byte: `GET /v1/audit/records?from=…&limit=…`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Garbled` too where the page is not the one that
    /// was asked for, by its own count.
    pub async fn audit_records(&self, range: RecordRange) -> Result<RecordPage, ClientError> {
        let what = "the audit records";
        let call = self
            .get(what, "/v1/audit/records")
            .up_to(PAGE_LIMIT)
            .query("from", &range.from.to_string())
            .query("limit", &range.limit.to_string());
        let page: RecordPage = self.ask(&call, Patience::SHORT).await?;
        let count = u64::try_from(page.records.len()).unwrap_or(u64::MAX);
        if count > u64::from(range.limit) || range.from.checked_add(count) != Some(page.next) {
            return Err(ClientError::garbled(
                what,
                "it is another stretch of the log",
            ));
        }
        Ok(page)
    }

    /// Fetches the newest checkpoint, a signed note: `GET /v1/audit/checkpoint`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn checkpoint(&self) -> Result<String, ClientError> {
        let call = self.get("the checkpoint", "/v1/audit/checkpoint").text();
        self.exchange(&call, Patience::SHORT).await?.into_text()
    }

    /// Fetches the newest checkpoint that witnesses signed, or where none did the
    /// newest that was stored: `GET /v1/log/checkpoint`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn cosigned_checkpoint(&self) -> Result<String, ClientError> {
        let what = "the cosigned checkpoint";
        let call = self.get(what, "/v1/log/checkpoint").text();
        self.exchange(&call, Patience::SHORT).await?.into_text()
    }

    /// Fetches the proof that the record at `index` is in the log:
    /// `GET /v1/audit/inclusion?index=…`, a C2SP tlog-proof with its checkpoint, which
    /// is of now.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn inclusion_proof(&self, index: u64) -> Result<TlogProof, ClientError> {
        self.inclusion(index, false).await
    }

    /// Fetches the same under the newest checkpoint that witnesses signed, with their
    /// signatures, where it has the record already.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn cosigned_proof(&self, index: u64) -> Result<TlogProof, ClientError> {
        self.inclusion(index, true).await
    }

    async fn inclusion(&self, index: u64, is_cosigned: bool) -> Result<TlogProof, ClientError> {
        let what = "the inclusion proof";
        let mut call = self
            .get(what, "/v1/audit/inclusion")
            .text()
            .query("index", &index.to_string());
        if is_cosigned {
            call = call.query("cosigned", "true");
        }
        let text = self.exchange(&call, Patience::SHORT).await?.into_text()?;
        let proof =
            TlogProof::parse(text.as_bytes()).map_err(|error| ClientError::garbled(what, error))?;
        if proof.index != index {
            return Err(ClientError::garbled(what, "it is about another record"));
        }
        Ok(proof)
    }

    /// Fetches the proof that the log of `from` records is the beginning of the
    /// log of `to` records: `GET /v1/audit/proof/consistency?from=…&to=…`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn consistency_proof(&self, from: u64, to: u64) -> Result<Vec<Digest>, ClientError> {
        let call = self
            .get("the consistency proof", "/v1/audit/proof/consistency")
            .query("from", &from.to_string())
            .query("to", &to.to_string());
        let proof: LogProof = self.ask(&call, Patience::SHORT).await?;
        Ok(proof.hashes)
    }

    /// Erases what stands beside records: `POST /v1/audit/erasures`. Needs the role
    /// admin. What was erased once is not erased again, so it can be sent again.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where there is no such request,
    /// and with `conflict` where it has not ended.
    pub async fn erase(&self, wanted: &Erase) -> Result<Erased, ClientError> {
        let call = self
            .post("the erasure", "/v1/audit/erasures")
            .json(wanted)?;
        self.ask(&call, Patience::SHORT).await
    }

    /// Asks where the records that are in the live log begin: `GET /v1/audit/start`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn log_start(&self) -> Result<LogStart, ClientError> {
        let call = self.get("the start of the log", "/v1/audit/start");
        self.ask(&call, Patience::SHORT).await
    }

    /// Asks which of the oldest records can be archived, of those before a time in RFC 3339:
    /// `GET /v1/audit/archivable`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn archivable(&self, before: &str) -> Result<Archivable, ClientError> {
        let call = self
            .get("what can be archived", "/v1/audit/archivable")
            .query("before", before);
        self.ask(&call, Patience::SHORT).await
    }

    /// Has the bodies of records dropped that were archived: `POST /v1/audit/prunings`.
    /// Needs the role admin. Sent once: it can take long.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `conflict` where they must stay.
    pub async fn prune(&self, wanted: &Prune) -> Result<Pruned, ClientError> {
        let call = self
            .post("the pruning", "/v1/audit/prunings")
            .json(wanted)?;
        self.ask(&call, Patience::ONCE).await
    }
}
