//! `gate audit verify`.

pub(super) mod archive;
mod copy;
pub(super) mod finding;
mod payloads;
mod proof;
mod receipts;
mod spool;
mod tiles;
pub(super) mod witnesses;

use std::path::{Path, PathBuf};

use gate_protocol::log::{Checkpoint, LogVerifier, SignedCheckpoint, VerifiedLog};
use gate_protocol::signed_note::VerifierKey;

use self::finding::{Finding, conclude, refuse_checkpoint};
use self::receipts::Receipts;
use self::witnesses::Witnesses;
use super::kept::{Continuity, Kept};
use super::records::{Records, each};
use crate::failure::Failure;
use crate::log_key::{self, LogKeys};
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
#[command(group(clap::ArgGroup::new("log").args(["file", "live", "spool", "receipts", "receipt"]).required(true)))]
pub(super) struct Verify {
    /// An export, its folder or its file of records; a folder of tiles; or a proof
    /// of one record.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The signed checkpoint of the export; by default the one beside the records.
    #[arg(long, value_name = "FILE", requires = "file")]
    checkpoint: Option<PathBuf>,
    /// The log's key as `name+hash+base64`; by default the one pinned here.
    #[arg(long, value_name = "VKEY", value_parser = parse_key, conflicts_with = "spool")]
    key: Option<VerifierKey>,
    #[command(flatten)]
    witnesses: Witnesses,
    /// Verify the server's log.
    #[arg(long)]
    live: bool,
    /// Verify that the log still has each record that the server handed out to this
    /// user; needs no right to read the log.
    #[arg(long)]
    receipts: bool,
    /// The same for a file of such receipts.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Verify what this machine has not delivered yet.
    #[arg(long, conflicts_with = "keys")]
    spool: bool,
}

pub(super) fn parse_key(text: &str) -> Result<VerifierKey, String> {
    text.parse().map_err(|error| format!("{error}"))
}

impl Verify {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.file {
            Some(file) => self.file(world, file),
            None if self.live => self.live(world),
            None if self.receipts => self.ask(world, &Receipts::kept(world)?),
            None if let Some(file) = &self.receipt => self.ask(world, &Receipts::in_file(file)?),
            // One of them is there.
            None => spool::verify(world),
        }
    }

    fn ask(&self, world: &World, receipts: &Receipts) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let key = self.server_key(world, &session)?;
        receipts.ask(&session, key.now())
    }

    fn file(&self, world: &World, file: &Path) -> Result<(), Failure> {
        let keys = self.key(world)?;
        match proof::read(file) {
            Some(proof) => proof::verify(&keys, &self.witnesses, &proof),
            None if archive::is_one(file) => {
                archive::verify(&keys, file, &self.witnesses).map(drop)
            }
            None if tiles::are_in(file) => tiles::verify(&keys, file, &self.witnesses),
            None => copy::verify(&keys, file, self.checkpoint.as_deref(), &self.witnesses),
        }
    }

    fn key(&self, world: &World) -> Result<LogKeys, Failure> {
        match &self.key {
            Some(key) => Ok(key.clone().into()),
            None => log_key::pinned(world),
        }
    }

    fn server_key(&self, world: &World, session: &Session) -> Result<LogKeys, Failure> {
        match &self.key {
            Some(key) => {
                let identity = session.call(session.client().server_identity())?;
                Ok(LogKeys::from(key.clone()).and_after(&identity.key_statements))
            }
            None => log_key::pin(world, session),
        }
    }

    /// Returns the newest checkpoint that the witnesses signed, where they are wanted.
    fn cosigned(
        &self,
        session: &Session,
        keys: &LogKeys,
    ) -> Result<Option<SignedCheckpoint>, Failure> {
        if !self.witnesses.are_wanted() {
            return Ok(None);
        }
        let note = session.call(session.client().cosigned_checkpoint())?;
        let key = keys.of_note(note.as_bytes());
        self.witnesses.verify(note.as_bytes(), key).map(Some)
    }

    fn live(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let keys = self.server_key(world, &session)?;
        let receipts = Receipts::kept(world)?;
        let cosigned = self.cosigned(&session, &keys)?;
        let note = session.call(session.client().checkpoint())?;
        let checkpoint = match SignedCheckpoint::verify(note.as_bytes(), keys.now(), &[]) {
            Ok(signed) => signed.checkpoint,
            Err(error) => return Err(refuse_checkpoint(&error)),
        };
        let kept = Kept::read(world, &keys)?;
        let continuity = match kept.hold(&session, &checkpoint)? {
            Continuity::Broken(broken) => return Err(finding::does_not_go_on(&broken)),
            Continuity::First => {
                "kept: this checkpoint; the next verification here is held against it".to_owned()
            }
            Continuity::GoesOn(before) => {
                format!("goes on: from the {before} records that were verified here before")
            }
        };
        let mut said = String::new();
        if let Some(cosigned) = &cosigned {
            witnesses::hold(&session, &cosigned.checkpoint, &checkpoint)?;
            said = self.witnesses.words(cosigned);
            self.witnesses.warn_of_lag(cosigned, checkpoint.size);
        }
        conclude(
            keys.now(),
            read_live((&session, &keys), checkpoint, &receipts)?,
        )?;
        answer::text(&(said + &receipts.words()))?;
        kept.keep(&note)?;
        answer::line(&continuity)
    }
}

/// Verifies the server's records; the outer error is that they can't be had.
fn read_live(
    (session, keys): (&Session, &LogKeys),
    signed: Checkpoint,
    receipts: &Receipts,
) -> Result<Result<VerifiedLog, Finding>, Failure> {
    let start = session.call(session.client().log_start())?;
    let archived = start.size;
    let mut verifier = match start.tree() {
        Ok(tree) => LogVerifier::after_pruning(tree, start.last, vec![signed]),
        Err(error) => return Ok(Err(Finding::Start(error))),
    };
    let mut records = Records::from(session, archived);
    loop {
        let (from, page) = records.page()?;
        if page.records.is_empty() {
            break;
        }
        for told in each(from, &page) {
            let fed = verifier.feed_with(told.text.as_bytes(), told.beside());
            let fed = fed.map_err(Finding::Log);
            if let Err(finding) = fed.and_then(|()| receipts.hold(told.index, told.text)) {
                return Ok(Err(finding));
            }
        }
    }
    receipts.ask_below(session, keys.now(), archived)?;
    let whole = verifier.finish().map_err(Finding::Log);
    Ok(whole.and_then(|log| receipts.hold_end(log.records).map(|()| log)))
}
