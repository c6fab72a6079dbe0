//! `gate audit log`.

use std::collections::VecDeque;
use std::time::Duration;

use gate_protocol::canonical::{parse_strict, to_canonical_bytes};
use gate_protocol::log::AuditRecord;
use serde_json::Value;

use super::records::{Records, each};
use super::wanted::Wanted;
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::session::{self, Session};
use crate::show::screen::Screen;
use crate::show::{answer, record};
use crate::world::World;

/// How often the end of the log is looked at while it is followed.
const LOOK: Duration = Duration::from_secs(1);

/// Show the newest records of the server's log
///
/// A row holds what matters of a record, cut to the width of the terminal, or
/// to 200 columns where there is none. The whole record is in `--json`, and in
/// what `gate audit export` writes.
#[derive(Debug, clap::Args)]
pub(super) struct Log {
    /// Go on with new records until you press Ctrl-C.
    #[arg(long)]
    follow: bool,
    /// Begin at this record, the first being 0.
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// At most so many of those that are there already.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    limit: u64,
    #[command(flatten)]
    wanted: Wanted,
    /// Print each record as one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Log {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        let (present, next) = self.present(&session)?;
        if present.is_empty() && !self.follow {
            report::line("no such records");
        }
        self.print(&screen, &present, true)?;
        if self.follow {
            self.follow(&session, &screen, next)?;
        }
        Ok(())
    }

    /// Returns the records to show of those that are there, and where the log
    /// goes on. Without `--from` these are the newest.
    fn present(&self, session: &Session) -> Result<(Vec<AuditRecord>, u64), Failure> {
        let newest = self.from.is_none();
        let size = Records::size(session)?;
        let from = match self.from {
            Some(from) => from,
            None if self.wanted.is_narrow() => 0,
            None => size.saturating_sub(self.limit),
        };
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut records = Records::from(session, from);
        let mut kept = VecDeque::new();
        while records.position() < size {
            let (from, page) = records.page()?;
            if page.records.is_empty() {
                break;
            }
            for told in each(from, &page) {
                let (index, record) = (told.index, told.read()?);
                if !self.wanted.is_met_by(&record) {
                    continue;
                }
                kept.push_back(record);
                if newest && kept.len() > limit {
                    kept.pop_front();
                } else if kept.len() == limit && !newest && !self.follow {
                    return Ok((kept.into(), index + 1));
                }
            }
        }
        Ok((kept.into(), records.position()))
    }

    fn follow(&self, session: &Session, screen: &Screen, next: u64) -> Result<(), Failure> {
        let mut records = Records::from(session, next);
        loop {
            let (from, page) = records.page()?;
            if page.records.is_empty() {
                std::thread::sleep(LOOK);
                continue;
            }
            let mut new = Vec::new();
            for told in each(from, &page) {
                let record = told.read()?;
                if self.wanted.is_met_by(&record) {
                    new.push(record);
                }
            }
            self.print(screen, &new, false)?;
        }
    }

    fn print(&self, screen: &Screen, records: &[AuditRecord], first: bool) -> Result<(), Failure> {
        if self.json {
            return records.iter().try_for_each(|record| {
                let text = restored(record)?;
                answer::line(&answer::printable(&text))
            });
        }
        if records.is_empty() {
            return Ok(());
        }
        answer::text(&record::table(screen, records, first))
    }
}

/// Returns a record as JSON, with what stands beside it in its place.
fn restored(record: &AuditRecord) -> Result<String, Failure> {
    let whole = || {
        let mut members = parse_strict(record.bytes()).ok()?;
        *members.get_mut("body")? = Value::Object(record.body().clone());
        String::from_utf8(to_canonical_bytes(&members).ok()?).ok()
    };
    whole().ok_or_else(|| Failure::new(FailureKind::Internal, "a record has no canonical form"))
}
