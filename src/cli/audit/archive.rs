//! `gate audit archive`.

use std::path::{Path, PathBuf};

use gate_protocol::archive::{Archivable, MANIFEST_FILE, Manifest, Prune};
use gate_protocol::canonical::to_canonical_bytes;
use gate_protocol::inert::inert;
use gate_protocol::log::{
    CHECKPOINT_FILE, LEAVES_FILE, LogVerifier, RECORDS_FILE, SignedCheckpoint, verify_consistency,
};
use jiff::Timestamp;

use super::export::form::Lines;
use super::export::staging::Staging;
use super::export::{not_as_signed, tree_of};
use super::records::{Records, each};
use super::verify::archive::{hash_of, verify};
use super::verify::witnesses::Witnesses;
use super::wanted::parse_time;
use crate::failure::{Failure, FailureKind};
use crate::log_key::{self, LogKeys};
use crate::session::{self, Session};
use crate::show::answer;
use crate::world::World;

/// Write the oldest records into a sealed folder, and have the server drop them
///
/// The folder verifies by itself, without a server, by `gate audit verify DIR`: it
/// holds the records, their hashes, what stands beside them, the newest checkpoint
/// with the signatures of witnesses, and the proof that the log of the checkpoint
/// begins with them. Records from the first one on that tells of a request which
/// has not ended stay where they are.
#[derive(Debug, clap::Args)]
pub(super) struct Archive {
    /// Only records from before this time, by the server's clock: RFC 3339, or a
    /// date in UTC. Without it, those of an archive that is there already.
    #[arg(long, value_name = "TIME", value_parser = parse_time, required_unless_present = "prune")]
    before: Option<Timestamp>,
    /// Have the server drop the bodies of these records, once the folder is
    /// verified; their hashes stay. Needs the role admin.
    #[arg(long)]
    prune: bool,
    /// The folder to make. There must be none of this name, but with `--prune`
    /// alone.
    #[arg(value_name = "DIR")]
    out: PathBuf,
}

impl Archive {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let out = world.cwd.join(&self.out);
        let session = session::connect(world)?;
        let keys = log_key::pin(world, &session)?;
        if let Some(before) = self.before {
            refuse_existing(&out)?;
            if !write(&session, &keys, before, &out)? {
                return answer::line("no records can be archived");
            }
        }
        let manifest = verify(&keys, &out, &Witnesses::default())?;
        if self.prune {
            prune(&session, &manifest, &out)?;
        }
        Ok(())
    }
}

fn refuse_existing(out: &Path) -> Result<(), Failure> {
    if out.symlink_metadata().is_err() {
        return Ok(());
    }
    let shown = inert(&out.to_string_lossy()).into_owned();
    Err(
        Failure::new(FailureKind::Usage, format!("`{shown}` is there already"))
            .hint("name a folder that is not; to drop what is in an archive, give --prune alone"),
    )
}

/// Writes the archive; false where there is nothing to write.
fn write(
    session: &Session,
    keys: &LogKeys,
    before: Timestamp,
    out: &Path,
) -> Result<bool, Failure> {
    let archivable = session.call(session.client().archivable(&before.to_string()))?;
    let (to, from) = (archivable.to, archivable.start.size);
    if to <= from {
        return Ok(false);
    }
    let note = checkpoint(session, keys, to)?;
    let staging = Staging::make(out)?;
    let root = write_records(session, &archivable, &staging)?;
    let key = keys.of_note(note.as_bytes());
    let signed = SignedCheckpoint::verify(note.as_bytes(), key, &[]);
    let checkpoint = signed.map_err(not_good)?.checkpoint;
    let consistency = if to == checkpoint.size {
        Vec::new()
    } else {
        session.call(session.client().consistency_proof(to, checkpoint.size))?
    };
    let (first, second) = ((to, &root), (checkpoint.size, &checkpoint.root));
    verify_consistency(first, second, &consistency).map_err(|error| {
        Failure::new(
            FailureKind::Internal,
            "the log does not begin with these records, and nothing was archived",
        )
        .caused_by(error)
        .hint("`gate audit verify --live` says whether the log was changed")
    })?;
    staging.put(CHECKPOINT_FILE, note.as_bytes())?;
    let manifest = Manifest {
        v: Manifest::VERSION,
        origin: checkpoint.origin,
        start: archivable.start,
        to,
        root,
        before,
        consistency,
        records: hash_of(&staging.path(RECORDS_FILE))?,
        leaves: hash_of(&staging.path(LEAVES_FILE))?,
        checkpoint: hash_of(&staging.path(CHECKPOINT_FILE))?,
    };
    let text = to_canonical_bytes(&manifest).map_err(|error| {
        Failure::new(FailureKind::Internal, "the manifest has no form").caused_by(error)
    })?;
    staging.put(MANIFEST_FILE, &text)?;
    staging.publish(out)?;
    let shown = inert(&out.to_string_lossy()).into_owned();
    answer::line(&format!("wrote {} records to {shown}", to - from))?;
    Ok(true)
}

fn not_good(error: gate_protocol::log::CheckpointError) -> Failure {
    Failure::new(FailureKind::Internal, "the server's checkpoint is not good").caused_by(error)
}

/// Returns the newest checkpoint, of those that witnesses signed if one of them is over these
/// records.
fn checkpoint(session: &Session, keys: &LogKeys, to: u64) -> Result<String, Failure> {
    let cosigned = session.block_on(session.client().cosigned_checkpoint());
    if let Ok(note) = cosigned
        && let key = keys.of_note(note.as_bytes())
        && let Ok(signed) = SignedCheckpoint::verify(note.as_bytes(), key, &[])
        && signed.checkpoint.size >= to
    {
        return Ok(note);
    }
    session.call(session.client().checkpoint())
}

/// Writes the records, and returns the root of the tree up to the last of them.
fn write_records(
    session: &Session,
    archivable: &Archivable,
    staging: &Staging,
) -> Result<gate_protocol::canonical::Digest, Failure> {
    let to = archivable.to;
    let start = &archivable.start;
    let mut verifier = LogVerifier::after(tree_of(start)?, start.last, Vec::new());
    let mut lines = Lines::open(staging).map_err(|error| staging.failed(error))?;
    let mut records = Records::from(session, archivable.start.size);
    while records.position() < to {
        let (from, page) = records.page()?;
        if page.records.is_empty() {
            let text = format!("the server has no record {from} any more");
            return Err(Failure::new(FailureKind::Internal, text)
                .hint("somebody else may have archived it; begin again"));
        }
        for told in each(from, &page).filter(|told| told.index < to) {
            verifier
                .feed_with(told.text.as_bytes(), told.beside())
                .map_err(not_as_signed)?;
            lines
                .put(told.index, told.text, told.payload)
                .map_err(|error| staging.failed(error))?;
        }
    }
    let log = verifier.finish().map_err(not_as_signed)?;
    lines.finish().map_err(|error| staging.failed(error))?;
    Ok(log.root)
}

/// Has the server drop what the archive holds.
fn prune(session: &Session, manifest: &Manifest, out: &Path) -> Result<(), Failure> {
    let wanted = Prune {
        to: manifest.to,
        root: manifest.root,
        archive: hash_of(&out.join(MANIFEST_FILE))?,
    };
    let pruned = session.call(session.client().prune(&wanted))?;
    answer::line(&format!(
        "the server dropped the bodies of records {} to {}; record {} says so",
        pruned.from,
        pruned.to.saturating_sub(1),
        pruned.record
    ))
}
