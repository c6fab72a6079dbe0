//! `gate audit forward`.

mod cursor;
mod receiver;

use std::path::PathBuf;
use std::time::Duration;

use gate_client::{Destination, ForwardError};
use gate_protocol::log::AuditRecord;

use self::cursor::Cursor;
use self::receiver::{Files, Pauses, Receiver};
use super::records::{Records, each};
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::session::{self, Session};
use crate::show::answer;
use crate::world::World;

/// How often the end of the log is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// About how many bytes of records go together: collectors refuse long requests.
const BATCH_BYTES: usize = 2 << 20;

/// Send the log to another system as it grows
///
/// To syslog go messages of RFC 5424 with events of CEF; to a collector requests of
/// OTLP logs. How far the receiver has taken them is kept on the disk after each batch,
/// so that nothing is left out; after a crash, or an answer that was lost, the last batch
/// is sent once more. Each record is held against the one that was sent before it.
#[derive(Debug, clap::Args)]
pub(super) struct Forward {
    /// Where to: `syslog+tls://HOST[:PORT]`, `https://HOST[/v1/logs]`, or on this
    /// machine `syslog+tcp://127.0.0.1:PORT` and `http://127.0.0.1:PORT`.
    #[arg(long, value_name = "URL")]
    to: Destination,
    #[command(flatten)]
    files: Files,
    /// Begin at this record where nothing was sent to this receiver yet, the first
    /// being 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// Where it is kept how far the receiver is; by default in gate's state folder.
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
    /// End when the receiver has what is there now.
    #[arg(long)]
    once: bool,
}

impl Forward {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let receiver = self.to.to_string();
        let of = (&*session.client().server().to_string(), &*receiver);
        let cursor = Cursor::open(world, of, (self.cursor.clone(), self.from))?;
        let files = [&self.files.ca, &self.files.token_file];
        let [ca, token] = files.map(|file| file.as_ref().map(|file| world.cwd.join(file)));
        let to = Receiver::new(self.to.clone(), ca.as_deref(), token.as_deref())?;
        let begun = cursor.next();
        let mut forwarding = Forwarding {
            session: &session,
            to,
            cursor,
            pauses: Pauses::new(!self.once),
            archived: 0,
        };
        if !self.once {
            report::line(&format!("forwarding to {receiver} from record {begun} on"));
        }
        loop {
            let is_at_end = forwarding.step()?;
            if is_at_end && self.once {
                let next = forwarding.cursor.next();
                let count = next.saturating_sub(begun);
                return answer::line(&format!("forwarded {count} records, up to {next}"));
            }
            if is_at_end {
                std::thread::sleep(LOOK);
            }
        }
    }
}

/// What goes on until it is ended.
struct Forwarding<'a> {
    session: &'a Session,
    to: Receiver,
    cursor: Cursor,
    pauses: Pauses,
    /// Up to where it was said what was archived unseen.
    archived: u64,
}

impl Forwarding<'_> {
    /// Sends what comes next, and tells whether that was nothing.
    fn step(&mut self) -> Result<bool, Failure> {
        let next = self.cursor.next();
        let (from, page) = match Records::from(self.session, next).page() {
            Ok(read) => read,
            Err(failure) if failure.kind() == FailureKind::Unreachable => {
                self.pauses.wait(failure, None)?;
                return Ok(false);
            }
            Err(failure) => return Err(failure),
        };
        let told = each(from, &page).map(|told| told.read());
        let batch: Vec<AuditRecord> = told.collect::<Result<_, _>>()?;
        self.cursor.hold(page.size, from, &batch)?;
        if from > std::mem::replace(&mut self.archived, from).max(next) {
            report::line(&format!(
                "warning: records {next} to {} were archived before they were forwarded",
                from - 1
            ));
        }
        for part in parts(&batch) {
            self.send(part)?;
        }
        Ok(batch.is_empty())
    }

    fn send(&mut self, records: &[AuditRecord]) -> Result<(), Failure> {
        let Some(last) = records.last() else {
            return Ok(());
        };
        loop {
            let (failure, retry_after) = match self.to.send(self.session, records) {
                Ok(()) => break,
                Err(ForwardError::Later {
                    destination,
                    why,
                    retry_after,
                }) => {
                    let text = format!("`{destination}` takes no records now: {why}");
                    (Failure::new(FailureKind::Unreachable, text), retry_after)
                }
                Err(refused) => {
                    let text = refused.to_string();
                    let hint = "what it took before is kept; run it again when that is mended";
                    return Err(Failure::new(FailureKind::Configuration, text).hint(hint));
                }
            };
            self.pauses.wait(failure, retry_after)?;
        }
        self.pauses.over();
        self.cursor.keep(last)
    }
}

/// Divides records into what goes together.
fn parts(records: &[AuditRecord]) -> Vec<&[AuditRecord]> {
    let mut parts = Vec::new();
    let mut rest = records;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|record| {
            bytes += record.bytes().len();
            bytes <= BATCH_BYTES
        });
        let (part, after) = rest.split_at(fits.count().max(1));
        parts.push(part);
        rest = after;
    }
    parts
}
