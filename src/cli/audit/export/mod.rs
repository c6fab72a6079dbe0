//! `gate audit export`.

pub(super) mod form;
pub(super) mod format;
pub(super) mod staging;

use std::path::{Path, PathBuf};

use gate_protocol::archive::LogStart;
use gate_protocol::inert::inert;
use gate_protocol::log::{
    CHECKPOINT_FILE, Checkpoint, Frontier, LogFault, LogVerifier, SignedCheckpoint,
};

use self::form::Form;
use self::format::Format;
use self::staging::Staging;
use super::records::{Records, each};
use crate::failure::{Failure, FailureKind};
use crate::log_key;
use crate::session::{self, Session};
use crate::show::answer;
use crate::world::World;

/// Write the log and its signed checkpoint into a folder, or print it for others
///
/// The folder appears whole or not at all. It holds `records.jsonl`, one record
/// a line and byte for byte as it was hashed, `checkpoint`, which is signed for
/// exactly these records, `leaves`, their hashes in the tree, by which a changed
/// record is named, and `payloads.jsonl`, what stands beside records and can be
/// erased.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("folder").args(["out", "tiles", "format"]).required(true)))]
pub(super) struct Export {
    /// The folder to make. There must be none of this name.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The folder to make, with the log as C2SP tlog-tiles: for any web server to
    /// hand out.
    #[arg(long, value_name = "DIR")]
    tiles: Option<PathBuf>,
    /// Print the records instead, in the form of another system.
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Begin at this record, the first being 0.
    #[arg(long, value_name = "N", requires = "format", default_value_t = 0)]
    from: u64,
    /// Go no further than the newest checkpoint that witnesses have signed, and
    /// take their signatures along.
    #[arg(long, conflicts_with = "format")]
    cosigned: bool,
}

impl Export {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        if let Some(format) = self.format {
            return format::print(&session::connect(world)?, format, self.from);
        }
        // One of the two is there.
        let named = self.out.as_ref().or(self.tiles.as_ref());
        let out = world
            .cwd
            .join(named.map_or(Path::new(""), PathBuf::as_path));
        if out.symlink_metadata().is_ok() {
            let shown = inert(&out.to_string_lossy()).into_owned();
            return Err(
                Failure::new(FailureKind::Usage, format!("`{shown}` is there already"))
                    .hint("name a folder that is not; an export never replaces another"),
            );
        }
        let session = session::connect(world)?;
        let keys = log_key::pin(world, &session)?;
        let note = if self.cosigned {
            session.call(session.client().cosigned_checkpoint())?
        } else {
            session.call(session.client().checkpoint())?
        };
        let key = keys.of_note(note.as_bytes());
        let signed = SignedCheckpoint::verify(note.as_bytes(), key, &[]).map_err(|error| {
            Failure::new(FailureKind::Internal, "the server's checkpoint is not good")
                .caused_by(error)
        })?;
        let size = signed.checkpoint.size;
        let staging = Staging::make(&out)?;
        let form = match &self.tiles {
            Some(_) => Form::tiles(),
            None => Form::lines(&staging)?,
        };
        write_records(&session, signed.checkpoint, &staging, form)?;
        staging.put(CHECKPOINT_FILE, note.as_bytes())?;
        staging.publish(&out)?;
        let shown = inert(&out.to_string_lossy()).into_owned();
        answer::line(&format!(
            "wrote {size} records and their checkpoint to {shown}"
        ))
    }
}

/// Writes exactly the records that the checkpoint is signed for.
///
/// # Errors
/// They are not those, or can't be had or written.
fn write_records(
    session: &Session,
    checkpoint: Checkpoint,
    staging: &Staging,
    mut form: Form,
) -> Result<(), Failure> {
    let size = checkpoint.size;
    let start = session.call(session.client().log_start())?;
    let mut records = Records::from(session, start.size);
    let tree = tree_of(&start)?;
    let mut verifier = LogVerifier::after_pruning(tree, start.last, vec![checkpoint]);
    form.start(staging, &start)?;
    while records.position() < size {
        let (from, page) = records.page()?;
        if page.records.is_empty() {
            return Err(Failure::new(
                FailureKind::Internal,
                format!("the server signed for {size} records and has only {from}"),
            )
            .hint("records are missing; `gate audit verify --live` says which"));
        }
        for told in each(from, &page).filter(|told| told.index < size) {
            verifier
                .feed_with(told.text.as_bytes(), told.beside())
                .map_err(not_as_signed)?;
            form.put(staging, told)?;
        }
    }
    verifier.finish().map_err(not_as_signed)?;
    form.finish(staging)
}

/// Returns the tree before the records that are there.
pub(super) fn tree_of(start: &LogStart) -> Result<Frontier, Failure> {
    start.tree().map_err(|error| {
        let text = "the server does not say where its records begin";
        Failure::new(FailureKind::Internal, text).caused_by(error)
    })
}

/// Returns the failure of records that are not what was signed for.
pub(super) fn not_as_signed(fault: LogFault) -> Failure {
    Failure::new(
        FailureKind::Internal,
        "the log does not verify, and nothing was exported",
    )
    .caused_by(fault)
    .hint("`gate audit verify --live` says the same of the server's log; tell who runs the server")
}
