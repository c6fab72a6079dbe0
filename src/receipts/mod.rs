//! What the server handed out as proof that it has a record: kept here, so that a record which
//! disappears from its log afterwards is missed by somebody. `gate audit verify` holds the log
//! against it.

mod proofs;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::time::Duration;

use gate_client::ServerUrl;
use gate_protocol::canonical::from_strict_slice;
use gate_protocol::claim::SignedGrant;
use gate_protocol::request::ApprovalRequest;
use serde::{Deserialize, Serialize};

use crate::answers::{PATIENCE, append_lines};
use crate::layout::KeptFiles;

pub(crate) use proofs::{FetchError, Proofs, catch_up, fetch, unproved};

/// One receipt, with where it came from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receipt {
    server: String,
    what: What,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// The record of a claim, and the grant that the server signed for it.
    Claim(Box<SignedGrant>),
    /// The record of a start or an end that was delivered.
    Record(String),
}

impl Receipt {
    /// Returns the record, byte for byte.
    pub(crate) fn record(&self) -> &str {
        match &self.what {
            What::Claim(signed) => &signed.record,
            What::Record(record) => record,
        }
    }

    /// Tells whether this server handed it out.
    pub(crate) fn is_of(&self, server: &str) -> bool {
        self.server == server
    }

    /// Reads one line.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        from_strict_slice(line).ok()
    }
}

/// Keeps the receipt of a claim, and waits no longer than `patience` for another gate that writes.
///
/// # Errors
/// It can't be written; the server has the record all the same.
pub(crate) fn keep_claim(
    files: &KeptFiles,
    server: &ServerUrl,
    signed: &SignedGrant,
    patience: Duration,
) -> io::Result<()> {
    let what = What::Claim(Box::new(signed.clone()));
    append_lines(files, &line(server, what)?, patience)
}

/// Keeps the receipts of what was delivered.
///
/// # Errors
/// They can't be written; the server has the records all the same.
pub(crate) fn keep_records(
    files: &KeptFiles,
    server: &ServerUrl,
    records: Vec<String>,
) -> io::Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let records = records.into_iter().map(What::Record);
    let lines: io::Result<Vec<_>> = records.map(|what| line(server, what)).collect();
    append_lines(files, &lines?.concat(), PATIENCE)
}

fn line(server: &ServerUrl, what: What) -> io::Result<Vec<u8>> {
    let receipt = Receipt {
        server: server.to_string(),
        what,
    };
    let mut line = serde_json::to_vec(&receipt)?;
    line.push(b'\n');
    Ok(line)
}

/// Returns a grant of this server that is brought to the claim of a request: of that very request
/// where there is one, or else the newest since it was asked. What can't be read is not there.
pub(crate) fn seen(
    files: &KeptFiles,
    server: &ServerUrl,
    request: &ApprovalRequest,
) -> Option<SignedGrant> {
    let server = server.to_string();
    let mut newest = None;
    for path in [&files.file, &files.older] {
        let bytes = std::fs::read(path).unwrap_or_default();
        let receipts = bytes.split(|byte| *byte == b'\n').rev();
        for receipt in receipts.filter_map(Receipt::parse) {
            let What::Claim(signed) = receipt.what else {
                continue;
            };
            if receipt.server != server {
                continue;
            }
            if signed.grant.request == request.id {
                return Some(*signed);
            }
            if signed.grant.not_after < request.created_at {
                // They stand in the order in which they came.
                return newest;
            }
            newest.get_or_insert(*signed);
        }
    }
    newest
}

/// Returns what is kept of one server, the oldest first. What a crash cut off is none.
///
/// # Errors
/// A file can't be read.
pub(crate) fn kept(files: &KeptFiles, server: &str) -> io::Result<Vec<Receipt>> {
    let mut receipts = Vec::new();
    for path in [&files.older, &files.file] {
        let opened = match File::open(path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for line in BufReader::new(opened).split(b'\n') {
            receipts.extend(Receipt::parse(&line?).filter(|receipt| receipt.is_of(server)));
        }
    }
    Ok(receipts)
}
