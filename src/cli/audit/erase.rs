//! `gate audit erase`.

use gate_protocol::erasure::Erase as Wanted;
use gate_protocol::erasure::Erased;

use crate::cli::named::parse_name;
use crate::cli::requests::find;
use crate::failure::Failure;
use crate::report;
use crate::session;
use crate::show::answer;
use crate::world::World;

/// Erase what people wrote and where they were, and keep the log as it was signed
///
/// Reasons, comments, the text of inputs, machines, accounts and addresses stand
/// beside the records, which commit to them by a key of their own. The texts and
/// the keys are deleted, of records and of pages. The records stay, and one more
/// says what was erased, by whom and why. Needs the role admin. Copies that were
/// exported before, messages in chats and backups are others' to erase.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("whose").args(["id", "person"]).required(true)))]
pub(super) struct Erase {
    /// Erase what was said of this request, which has ended; its first or last 6
    /// digits or more will do.
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Erase what this person or account said, and where they were.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    person: Option<String>,
    /// Why; stays on record.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Erase {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let request = match &self.id {
            Some(id) => Some(find(&session, id)?.id),
            None => None,
        };
        let wanted = Wanted {
            request,
            person: self.person.clone(),
            why: self.reason.clone(),
        };
        loop {
            let erased = session.call(session.client().erase(&wanted))?;
            said(&erased)?;
            if !erased.more {
                return Ok(());
            }
        }
    }
}

fn said(erased: &Erased) -> Result<(), Failure> {
    match erased.record {
        Some(record) => answer::line(&format!(
            "erased what stood beside {} records; record {record} says so",
            erased.records
        ))?,
        None => answer::line("nothing was there to erase")?,
    }
    if erased.open > 0 {
        report::line(&format!(
            "{} records are about requests that have not ended; erase again when they have",
            erased.open
        ));
    }
    Ok(())
}
