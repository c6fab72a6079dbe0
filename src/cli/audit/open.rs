//! `gate audit open`.

use std::collections::BTreeMap;

use gate_protocol::inert::inert;
use gate_protocol::log::{AuditRecord, RecordType};
use serde::Serialize;

use super::records::{self, Records};
use crate::failure::Failure;
use crate::report;
use crate::session::{self, Session};
use crate::show::screen::{Screen, Tone};
use crate::show::table::Table;
use crate::show::{answer, clock, record};
use crate::world::World;

/// Show the claims whose run has no end on record
///
/// A run goes on, or its end was not delivered yet. Each ends as finished,
/// abandoned, or, when its time is over and nothing was heard, unknown.
#[derive(Debug, clap::Args)]
pub(super) struct Open {
    /// Print each as one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// A claim without an end.
#[derive(Serialize)]
struct Claim {
    request: String,
    /// The index of the record of the claim.
    seq: u64,
    claimed_at: jiff::Timestamp,
    /// When the server heard that the tool was started.
    started_at: Option<jiff::Timestamp>,
}

impl Open {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let open = claims(&session)?;
        if self.json {
            return open.iter().try_for_each(|claim| {
                let line = serde_json::json!(claim).to_string();
                answer::line(&answer::printable(&line))
            });
        }
        if open.is_empty() {
            report::line("each claim has its end on record");
            return Ok(());
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        let mut table = Table::new(&screen, &["RECORD", "CLAIMED", "STARTED", "REQUEST"]);
        for claim in &open {
            let started = claim.started_at.map(|at| clock::local(&screen, at));
            let cells = vec![
                claim.seq.to_string(),
                clock::local(&screen, claim.claimed_at),
                started.unwrap_or_else(|| "-".to_owned()),
                inert(&claim.request).into_owned(),
            ];
            table.row(Tone::Plain, cells);
        }
        answer::text(&table.finish())
    }
}

/// Returns the claims without an end, in the order of the log.
fn claims(session: &Session) -> Result<Vec<Claim>, Failure> {
    let mut records = Records::from(session, 0);
    let mut open = BTreeMap::new();
    loop {
        let (from, page) = records.page()?;
        if page.records.is_empty() {
            break;
        }
        for (index, text) in (from..).zip(&page.records) {
            follow(&mut open, &records::parse(index, text)?);
        }
    }
    let mut open: Vec<Claim> = open.into_values().collect();
    open.sort_by_key(|claim| claim.seq);
    Ok(open)
}

fn follow(open: &mut BTreeMap<String, Claim>, record: &AuditRecord) {
    let Some(request) = record::request_of(record) else {
        return;
    };
    let kind = record.record_type();
    if *kind == RecordType::GrantClaimed {
        let claim = Claim {
            request: request.to_owned(),
            seq: record.seq(),
            claimed_at: record.at(),
            started_at: None,
        };
        open.insert(request.to_owned(), claim);
    } else if *kind == RecordType::RunStarted
        && let Some(claim) = open.get_mut(request)
    {
        claim.started_at = Some(record.at());
    } else if [
        RecordType::RunFinished,
        RecordType::RunAbandoned,
        RecordType::RunUnknown,
    ]
    .contains(kind)
    {
        open.remove(request);
    }
}
