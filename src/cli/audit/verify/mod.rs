//! `gate audit verify`.

mod finding;
mod spool;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use gate_protocol::inert::inert;
use gate_protocol::log::{
    CHECKPOINT_FILE, Checkpoint, ExportError, ExportReader, LogVerifier, RECORDS_FILE,
    SignedCheckpoint, VerifiedLog,
};
use gate_protocol::signed_note::VerifierKey;

use self::finding::{Finding, conclude, refuse_checkpoint};
use super::kept::{Continuity, Kept};
use super::log_key;
use super::records::Records;
use crate::failure::{Failure, FailureKind};
use crate::session::{self, Session};
use crate::show::answer;
use crate::world::World;

/// Verify the chain, the tree and the signature of a log
///
/// With `--live`, all records are fetched from the server and held against its
/// newest signed checkpoint, and that against the newest one that was verified
/// on this machine before. Exits 0 only if everything holds; otherwise 1, with
/// the index of the first bad record.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("log").args(["file", "live", "spool"]).required(true)))]
pub(super) struct Verify {
    /// An export: its folder, or its file of records.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The signed checkpoint of the export; by default the one beside the records.
    #[arg(long, value_name = "FILE", requires = "file")]
    checkpoint: Option<PathBuf>,
    /// The log's key as `name+hash+base64`; by default the one pinned here.
    #[arg(long, value_name = "VKEY", value_parser = parse_key, conflicts_with = "spool")]
    key: Option<VerifierKey>,
    /// Verify the server's log.
    #[arg(long)]
    live: bool,
    /// Verify what this machine has not delivered yet.
    #[arg(long)]
    spool: bool,
}

fn parse_key(text: &str) -> Result<VerifierKey, String> {
    text.parse().map_err(|error| format!("{error}"))
}

impl Verify {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.file {
            Some(file) => self.export(world, file),
            None if self.live => self.live(world),
            // One of the three is there.
            None => spool::verify(world),
        }
    }

    fn export(&self, world: &World, file: &Path) -> Result<(), Failure> {
        let key = match &self.key {
            Some(key) => key.clone(),
            None => log_key::pinned(world)?,
        };
        let (records, beside) = if file.is_dir() {
            (file.join(RECORDS_FILE), file.join(CHECKPOINT_FILE))
        } else {
            (file.to_owned(), file.with_file_name(CHECKPOINT_FILE))
        };
        let note_path = self.checkpoint.as_ref().unwrap_or(&beside);
        let note = std::fs::read(note_path).map_err(|error| unreadable(note_path, error))?;
        let checkpoint = match SignedCheckpoint::verify(&note, &key, &[]) {
            Ok(signed) => signed.checkpoint,
            Err(error) => return refuse_checkpoint(&error),
        };
        let opened = File::open(&records).map_err(|error| unreadable(&records, error))?;
        conclude(&key, read_export(checkpoint, BufReader::new(opened))?)
    }

    fn live(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let key = match &self.key {
            Some(key) => key.clone(),
            None => log_key::pin(world, &session)?,
        };
        let note = session.call(session.client().checkpoint())?;
        let checkpoint = match SignedCheckpoint::verify(note.as_bytes(), &key, &[]) {
            Ok(signed) => signed.checkpoint,
            Err(error) => return refuse_checkpoint(&error),
        };
        let kept = Kept::read(world, &key)?;
        let continuity = match kept.hold(&session, &checkpoint)? {
            Continuity::Broken(broken) => return finding::does_not_go_on(&broken),
            Continuity::First => {
                "kept: this checkpoint; the next verification here is held against it".to_owned()
            }
            Continuity::GoesOn(before) => {
                format!("goes on: from the {before} records that were verified here before")
            }
        };
        conclude(&key, read_live(&session, checkpoint)?)?;
        kept.keep(&note)?;
        answer::line(&continuity)
    }
}

/// Verifies the server's records; the outer error is that they can't be had.
fn read_live(
    session: &Session,
    checkpoint: Checkpoint,
) -> Result<Result<VerifiedLog, Finding>, Failure> {
    let mut verifier = LogVerifier::new(vec![checkpoint]);
    let mut records = Records::from(session, 0);
    loop {
        let (_, page) = records.page()?;
        let is_bad = |record: &String| verifier.feed(record.as_bytes()).is_err();
        if page.records.is_empty() || page.records.iter().any(is_bad) {
            return Ok(verifier.finish().map_err(Finding::Log));
        }
    }
}

/// Verifies an export; the outer error is that it can't be read.
fn read_export(
    checkpoint: Checkpoint,
    lines: BufReader<File>,
) -> Result<Result<VerifiedLog, Finding>, Failure> {
    let signed = checkpoint.size;
    let mut verifier = LogVerifier::new(vec![checkpoint]);
    for record in ExportReader::new(lines) {
        match record {
            Ok(record) => {
                if let Err(fault) = verifier.feed(&record) {
                    return Ok(Err(Finding::Log(fault)));
                }
            }
            Err(ExportError::Read { line, source }) => {
                return Err(Failure::new(
                    FailureKind::Usage,
                    format!("cannot read line {line} of the records"),
                )
                .caused_by(source));
            }
            Err(error) => return Ok(Err(Finding::Line(error))),
        }
    }
    Ok(match verifier.finish() {
        Ok(log) if log.records > signed => Err(Finding::Unsigned {
            signed,
            records: log.records,
        }),
        finished => finished.map_err(Finding::Log),
    })
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    let shown = inert(&path.to_string_lossy()).into_owned();
    Failure::new(FailureKind::Usage, format!("cannot read `{shown}`")).caused_by(error)
}
