//! `gate audit open`.

use std::collections::BTreeMap;

use gate_protocol::inert::inert;
use gate_protocol::log::{AuditRecord, RecordType};
use serde::Serialize;
use serde_json::Value;

use super::records::{Records, each};
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
/// abandoned, or, when its time is over and nothing was heard, unknown. Where the
/// events of its client after its start are missing, or the client began anew, its
/// end is `gap`, until they come.
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
    /// `gap` where what would tell of its end is missing.
    end: Option<&'static str>,
    /// The client that reported the start, its epoch and the number of the event.
    #[serde(skip)]
    reported: Option<(String, String, u64)>,
    /// Whether it has an end besides the gap.
    #[serde(skip)]
    is_unknown: bool,
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
        let mut table = Table::new(&screen, &["RECORD", "CLAIMED", "STARTED", "END", "REQUEST"]);
        for claim in &open {
            let started = claim.started_at.map(|at| clock::local(&screen, at));
            let cells = vec![
                claim.seq.to_string(),
                clock::local(&screen, claim.claimed_at),
                started.unwrap_or_else(|| "-".to_owned()),
                claim.end.unwrap_or("-").to_owned(),
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
        for told in each(from, &page) {
            follow(&mut open, &told.read()?);
        }
    }
    let mut open: Vec<Claim> = open
        .into_values()
        .filter(|claim| claim.end.is_some() || !claim.is_unknown)
        .collect();
    open.sort_by_key(|claim| claim.seq);
    Ok(open)
}

fn follow(open: &mut BTreeMap<String, Claim>, record: &AuditRecord) {
    let Some(request) = record::request_of(record) else {
        return follow_client(open, record);
    };
    let kind = record.record_type();
    if *kind == RecordType::GrantClaimed {
        let claim = Claim {
            request: request.to_owned(),
            seq: record.seq(),
            claimed_at: record.at(),
            started_at: None,
            end: None,
            reported: None,
            is_unknown: false,
        };
        open.insert(request.to_owned(), claim);
    } else if *kind == RecordType::RunStarted
        && let Some(claim) = open.get_mut(request)
    {
        claim.started_at = Some(record.at());
        claim.reported = reported(record);
    } else if *kind == RecordType::RunUnknown
        && let Some(claim) = open.get_mut(request)
    {
        claim.is_unknown = true;
    } else if [RecordType::RunFinished, RecordType::RunAbandoned].contains(kind) {
        open.remove(request);
    }
}

/// Follows what became of the events of a client.
fn follow_client(open: &mut BTreeMap<String, Claim>, record: &AuditRecord) {
    let kind = record.record_type();
    let is_gap = *kind == RecordType::ClientGap;
    let is_closed = *kind == RecordType::ClientGapClosed;
    let is_reset = *kind == RecordType::ClientEpochReset;
    if !(is_gap || is_closed || is_reset) {
        return;
    }
    let text = |name: &str| record.body().get(name).and_then(Value::as_str);
    let number = |name: &str| record.body().get(name).and_then(Value::as_u64);
    // Of an epoch that was given up nothing comes any more.
    let epoch = text(if is_reset { "from" } else { "epoch" });
    let last = if is_reset {
        Some(u64::MAX)
    } else {
        number("to")
    };
    for claim in open.values_mut() {
        let is_behind = claim.reported.as_ref().is_some_and(|(client, of, seq)| {
            text("client") == Some(client) && epoch == Some(of) && Some(*seq) < last
        });
        if is_behind {
            claim.end = (!is_closed).then_some("gap");
        }
    }
}

fn reported(record: &AuditRecord) -> Option<(String, String, u64)> {
    let body = record.body();
    let text = |name: &str| {
        body.get(name)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    Some((text("client")?, text("epoch")?, body.get("seq")?.as_u64()?))
}

#[cfg(test)]
mod tests {
    use gate_protocol::canonical::Digest;
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    const REQUEST: &str = "0199a3c0-1111-7000-8000-0000deadbeef";

    /// What is open after records of these types, with these bodies.
    fn end_after(told: &[(RecordType, Value)]) -> Option<&'static str> {
        let mut open = BTreeMap::new();
        let claimed = (RecordType::GrantClaimed, json!({ "request": REQUEST }));
        let started = json!({ "request": REQUEST, "client": "c", "epoch": "e", "seq": 5 });
        let before = [claimed, (RecordType::RunStarted, started)];
        for (seq, (kind, body)) in (0..).zip(before.iter().chain(told)) {
            let at = Timestamp::UNIX_EPOCH;
            let record = AuditRecord::new(seq, Digest::ZERO, at, kind, body).unwrap();
            follow(&mut open, &record);
        }
        open.values()
            .next()
            .map(|claim| claim.end.unwrap_or("none yet"))
    }

    fn missing(client: &str, to: u64) -> Value {
        json!({ "client": client, "epoch": "e", "from": 1, "to": to })
    }

    #[test]
    fn a_claim_ends_as_a_gap_while_what_would_tell_of_its_end_is_missing() {
        use RecordType::{ClientEpochReset, ClientGap, ClientGapClosed, RunFinished, RunUnknown};
        let finished = (RunFinished, json!({ "request": REQUEST }));
        let unknown = (RunUnknown, json!({ "request": REQUEST }));
        let gap = |to| (ClientGap, missing("c", to));
        let reset = (ClientEpochReset, json!({ "client": "c", "from": "e" }));
        assert_eq!(end_after(&[]), Some("none yet"));
        // What came before its start, or is another client's, can't have been its end.
        assert_eq!(end_after(&[gap(5)]), Some("none yet"));
        assert_eq!(end_after(&[(ClientGap, missing("d", 9))]), Some("none yet"));
        assert_eq!(end_after(&[gap(6)]), Some("gap"));
        assert_eq!(end_after(&[gap(6), unknown.clone()]), Some("gap"));
        assert_eq!(end_after(&[unknown, reset.clone()]), Some("gap"));
        let closed = (ClientGapClosed, missing("c", 6));
        assert_eq!(end_after(&[gap(6), closed]), Some("none yet"));
        assert_eq!(end_after(&[gap(6), finished.clone()]), None);
        assert_eq!(end_after(&[reset, finished]), None);
    }
}
