//! The server's records, page by page.

use gate_client::RecordRange;
use gate_protocol::log::{self, AuditRecord, Beside, Payload};
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
        loop {
            let from = self.next;
            let range = RecordRange { from, limit: PAGE };
            let page = self
                .session
                .call(self.session.client().audit_records(range))?;
            self.next = page.next;
            // What was archived is passed over.
            if page.first <= from {
                return Ok((from, page));
            }
            self.next = page.first;
        }
    }
}

/// One record of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'p> {
    /// Its index.
    pub(crate) index: u64,
    /// Its bytes, which are text.
    pub(crate) text: &'p str,
    /// What stands beside it.
    pub(crate) payload: Option<&'p Payload>,
}

/// Returns the records of a page that begins at `from`.
pub(crate) fn each(from: u64, page: &RecordPage) -> impl Iterator<Item = Told<'_>> {
    let mut beside = page.payloads.iter().peekable();
    (from..).zip(&page.records).map(move |(index, text)| {
        while beside.next_if(|one| one.seq < index).is_some() {}
        let payload = beside.next_if(|one| one.seq == index);
        Told {
            index,
            text,
            payload: payload.map(|one| &one.payload),
        }
    })
}

impl Told<'_> {
    /// Returns what a verifier is told of it besides its bytes.
    pub(crate) fn beside(&self) -> Beside<'_> {
        Beside {
            leaf: None,
            payload: log::Told::Told(self.payload),
        }
    }

    /// Reads it, with what stands beside it in its place.
    ///
    /// # Errors
    /// It is no record.
    pub(crate) fn read(&self) -> Result<AuditRecord, Failure> {
        let index = self.index;
        let mut record = AuditRecord::parse(self.text.as_bytes()).map_err(|error| {
            Failure::new(
                FailureKind::Internal,
                format!("record {index} of the log can't be read"),
            )
            .caused_by(error)
            .hint("`gate audit verify --live` says whether the log was changed")
        })?;
        if let Some(payload) = self.payload {
            record.restore(payload);
        }
        Ok(record)
    }
}
