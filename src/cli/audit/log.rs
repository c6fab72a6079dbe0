//! `gate audit log`.

use std::collections::VecDeque;
use std::time::Duration;

use gate_protocol::id::RequestId;
use gate_protocol::log::AuditRecord;

use super::records::Records;
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
    /// Only records of this type, as `run.finished`, or of all that begin so, as `run`.
    #[arg(long = "type", value_name = "TYPE")]
    record_type: Option<String>,
    /// Only records about this request; its first or last 6 digits or more will do.
    #[arg(long, value_name = "ID", value_parser = parse_request)]
    request: Option<String>,
    /// Print each record as one JSON object a line.
    #[arg(long)]
    json: bool,
}

fn parse_request(text: &str) -> Result<String, String> {
    let part = text.to_ascii_lowercase();
    let is_part = part.len() >= 6 && part.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if is_part || part.parse::<RequestId>().is_ok() {
        return Ok(part);
    }
    Err("give a request's id, or its first or last 6 digits or more".to_owned())
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
        let is_filtered = self.record_type.is_some() || self.request.is_some();
        let size = Records::size(session)?;
        let from = match self.from {
            Some(from) => from,
            None if is_filtered => 0,
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
            for (index, text) in (from..).zip(&page.records) {
                let record = parse(index, text)?;
                if !self.is_wanted(&record) {
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
            for (index, text) in (from..).zip(&page.records) {
                let record = parse(index, text)?;
                if self.is_wanted(&record) {
                    new.push(record);
                }
            }
            self.print(screen, &new, false)?;
        }
    }

    fn is_wanted(&self, record: &AuditRecord) -> bool {
        let name = record.record_type().as_str();
        let is_of_type = |wanted: &String| {
            name.strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let is_about = |part: &String| {
            record::request_of(record)
                .is_some_and(|id| id.starts_with(part.as_str()) || id.ends_with(part.as_str()))
        };
        self.record_type.as_ref().is_none_or(is_of_type)
            && self.request.as_ref().is_none_or(is_about)
    }

    fn print(&self, screen: &Screen, records: &[AuditRecord], first: bool) -> Result<(), Failure> {
        if self.json {
            return records.iter().try_for_each(|record| {
                let text = String::from_utf8_lossy(record.bytes());
                answer::line(&answer::printable(&text))
            });
        }
        if records.is_empty() {
            return Ok(());
        }
        answer::text(&record::table(screen, records, first))
    }
}

fn parse(index: u64, text: &str) -> Result<AuditRecord, Failure> {
    AuditRecord::parse(text.as_bytes()).map_err(|error| {
        Failure::new(
            FailureKind::Internal,
            format!("record {index} of the log can't be read"),
        )
        .caused_by(error)
        .hint("`gate audit verify --live` says whether the log was changed")
    })
}
