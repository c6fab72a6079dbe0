//! `gate audit proof`.

use std::path::PathBuf;

use gate_client::RecordRange;
use gate_protocol::inert::inert;

use super::records::{Records, each};
use super::wanted::{is_about, parse_request};
use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::log_key;
use crate::session::{self, Session};
use crate::show::answer;
use crate::world::World;

/// Write a proof that a record is in the server's log
///
/// The proof holds the record, its place and the signed checkpoint, in the form
/// C2SP tlog-proof; where witnesses have signed for the record already, it is the
/// checkpoint that they signed, with their signatures. `gate audit verify FILE` verifies it without a server.
#[derive(Debug, clap::Args)]
pub(super) struct Proof {
    /// A record's index, or a request, for its newest record; the first or last 6
    /// digits of a request or more will do, one of them a letter or a dash.
    #[arg(value_name = "SEQ|REQUEST", value_parser = parse)]
    of: Of,
    /// The file to write, as `NAME.tlog-proof`; without it, standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What a proof is asked of.
#[derive(Clone, Debug)]
enum Of {
    /// The record at this index.
    Index(u64),
    /// The newest record of a request, by a part of its id.
    Request(String),
}

fn parse(text: &str) -> Result<Of, String> {
    match text.parse() {
        Ok(index) => Ok(Of::Index(index)),
        Err(_) => parse_request(text).map(Of::Request),
    }
}

impl Proof {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let keys = log_key::pin(world, &session)?;
        let index = match &self.of {
            Of::Index(index) => *index,
            Of::Request(part) => newest_of(&session, part)?,
        };
        let range = RecordRange {
            from: index,
            limit: 1,
        };
        let page = session.call(session.client().audit_records(range))?;
        let record = page.records.into_iter().next().ok_or_else(|| {
            let text = format!("the log has no record {index}, only {}", page.size);
            Failure::new(FailureKind::Usage, text)
        })?;
        let mut proof = session.call(session.client().cosigned_proof(index))?;
        proof
            .verify(record.as_bytes(), keys.now(), &[])
            .map_err(|error| {
                Failure::new(
                    FailureKind::Found,
                    format!("the server's proof of record {index} does not hold"),
                )
                .caused_by(error)
                .hint("`gate audit verify --live` says whether the log was changed")
            })?;
        proof.extra = Some(record.into_bytes());
        let text = proof.to_string();
        let Some(out) = &self.out else {
            return answer::text(&text);
        };
        let out = world.cwd.join(out);
        let shown = inert(&out.to_string_lossy()).into_owned();
        durable::replace(&out, text.as_bytes()).map_err(|error| {
            Failure::new(FailureKind::Internal, format!("cannot write `{shown}`")).caused_by(error)
        })?;
        answer::line(&format!("wrote the proof of record {index} to {shown}"))
    }
}

/// Returns the index of the newest record that is about a request.
fn newest_of(session: &Session, part: &str) -> Result<u64, Failure> {
    let mut records = Records::from(session, 0);
    let mut newest = None;
    loop {
        let (from, page) = records.page()?;
        if page.records.is_empty() {
            break;
        }
        for told in each(from, &page) {
            if is_about(&told.read()?, part) {
                newest = Some(told.index);
            }
        }
    }
    newest.ok_or_else(|| {
        let text = format!("the log has no record about the request `{}`", inert(part));
        Failure::new(FailureKind::Usage, text)
    })
}
