//! The server's records, page by page.

use gate_client::RecordRange;
use gate_protocol::log::AuditRecord;
use gate_protocol::server::RecordPage;

use crate::failure::{Failure, FailureKind};
use crate::session::Session;

/// How many records are asked for at once.
const PAGE: u32 = 500;

/// Reads the log forward from an index.
pub(crate) struct Records<'a> {
    session: &'a Session,
    next: u64,
}

impl<'a> Records<'a> {
    /// Begins at record `from`, the first being 0.
    pub(crate) fn from(session: &'a Session, from: u64) -> Self {
        Self {
            session,
            next: from,
        }
    }

    /// Returns how many records the log holds now.
    ///
    /// # Errors
    /// The server does not answer.
    pub(crate) fn size(session: &Session) -> Result<u64, Failure> {
        let first = RecordRange { from: 0, limit: 1 };
        Ok(session.call(session.client().audit_records(first))?.size)
    }

    /// Returns the index of the record that comes next.
    pub(crate) fn position(&self) -> u64 {
        self.next
    }

    /// Returns the next page with the index of its first record; an empty page
    /// is the end of the log for now.
    ///
    /// # Errors
    /// The server does not answer.
    pub(crate) fn page(&mut self) -> Result<(u64, RecordPage), Failure> {
        let from = self.next;
        let range = RecordRange { from, limit: PAGE };
        let page = self
            .session
            .call(self.session.client().audit_records(range))?;
        self.next = page.next;
        Ok((from, page))
    }
}

/// Reads one record of a page.
///
/// # Errors
/// It is none.
pub(crate) fn parse(index: u64, text: &str) -> Result<AuditRecord, Failure> {
    AuditRecord::parse(text.as_bytes()).map_err(|error| {
        Failure::new(
            FailureKind::Internal,
            format!("record {index} of the log can't be read"),
        )
        .caused_by(error)
        .hint("`gate audit verify --live` says whether the log was changed")
    })
}
