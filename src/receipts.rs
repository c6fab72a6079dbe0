//! What the server handed out as proof that it has a record: kept here, so that a record which
//! disappears from its log afterwards is missed by somebody. `gate audit verify` holds the log
//! against it.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};

use gate_client::ServerUrl;
use gate_protocol::canonical::from_strict_slice;
use gate_protocol::claim::SignedGrant;
use serde::{Deserialize, Serialize};

use crate::answers::append_line;
use crate::layout::KeptFiles;
use crate::world::World;

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

/// Keeps the receipt of a claim.
///
/// # Errors
/// It can't be written; the server has the record all the same.
pub(crate) fn keep_claim(
    world: &World,
    server: &ServerUrl,
    signed: SignedGrant,
) -> Result<(), String> {
    let files = world
        .layout
        .receipts()
        .map_err(|failure| failure.to_string())?;
    let what = What::Claim(Box::new(signed));
    keep(&files, server, what).map_err(|error| error.to_string())
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
    records
        .into_iter()
        .try_for_each(|record| keep(files, server, What::Record(record)))
}

fn keep(files: &KeptFiles, server: &ServerUrl, what: What) -> io::Result<()> {
    let receipt = Receipt {
        server: server.to_string(),
        what,
    };
    let mut line = serde_json::to_vec(&receipt)?;
    line.push(b'\n');
    append_line(files, &line)
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
