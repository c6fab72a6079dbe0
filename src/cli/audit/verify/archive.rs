//! `gate audit verify DIR`, where the folder is an archive: by itself, without a server.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use gate_protocol::archive::{MANIFEST_FILE, Manifest};
use gate_protocol::canonical::Digest;
use gate_protocol::log::{
    CHECKPOINT_FILE, Checkpoint, ExportReader, LEAVES_FILE, LogVerifier, PAYLOADS_FILE,
    RECORDS_FILE, VerifiedLog, verify_consistency,
};
use sha2::{Digest as _, Sha256};

use super::copy::{Beside, Leaves, note, opened, read, small, unreadable};
use super::finding::{Finding, conclude};
use super::payloads::Payloads;
use super::witnesses::Witnesses;
use crate::failure::Failure;
use crate::log_key::LogKeys;
use crate::show::answer;

/// Tells whether a folder is an archive.
pub(super) fn is_one(folder: &Path) -> bool {
    folder.join(MANIFEST_FILE).is_file()
}

/// Verifies an archive, and returns its manifest.
///
/// # Errors
/// It does not hold, or can't be read.
pub(in crate::cli::audit) fn verify(
    keys: &LogKeys,
    folder: &Path,
    witnesses: &Witnesses,
) -> Result<Manifest, Failure> {
    let manifest: Manifest = small(&folder.join(MANIFEST_FILE))?;
    let note = note(&folder.join(CHECKPOINT_FILE))?;
    let key = keys.of_note(&note);
    let signed = witnesses.verify(&note, key)?;
    let found = archived(folder, &manifest, &signed.checkpoint)?;
    conclude(key, found)?;
    let (from, to, size) = (manifest.start.size, manifest.to, signed.checkpoint.size);
    answer::text(&format!(
        "{}archive: records {from} to {}, the beginning of the log of {size} records\n",
        witnesses.words(&signed),
        to.saturating_sub(1),
    ))?;
    Ok(manifest)
}

/// Verifies the records; the outer error is that they can't be read.
fn archived(
    folder: &Path,
    manifest: &Manifest,
    checkpoint: &Checkpoint,
) -> Result<Result<VerifiedLog, Finding>, Failure> {
    let to = manifest.to;
    let file = |why: &str| Finding::File {
        first: manifest.start.size,
        why: format!("`{MANIFEST_FILE}` {why}"),
    };
    if manifest.v != Manifest::VERSION || manifest.origin != checkpoint.origin {
        return Ok(Err(file("is of another version or of another log")));
    }
    let tree = match manifest.start.tree() {
        Ok(tree) => tree,
        Err(error) => return Ok(Err(Finding::Start(error))),
    };
    let leads = |size: u64, root: &Digest| {
        let (first, second) = ((size, root), (checkpoint.size, &checkpoint.root));
        verify_consistency(first, second, &manifest.consistency)
    };
    let records = folder.join(RECORDS_FILE);
    let beside = Beside {
        leaves: Leaves::beside(&records, tree.clone(), |tree| {
            tree.size() == to && leads(to, &tree.root()).is_ok()
        })?,
        payloads: Payloads::beside(&records)?,
    };
    if beside.payloads.are_untold() {
        return Ok(Err(untold(manifest)));
    }
    let lines = ExportReader::new(BufReader::new(opened(&records)?));
    let verifier = LogVerifier::after(tree, manifest.start.last, Vec::new());
    let found = read(verifier, lines, beside)?.and_then(|log| {
        let records = log.records;
        if records > to {
            return Err(Finding::Unsigned {
                signed: to,
                records,
            });
        }
        if records < to {
            return Err(Finding::Short { records, to });
        }
        match leads(to, &log.root) {
            // The checkpoint vouches for each of them, by the proof.
            Ok(()) => Ok(VerifiedLog {
                vouched: records,
                ..log
            }),
            Err(source) => Err(Finding::Archive { to, source }),
        }
    });
    let is_listed = log_is_listed(folder, manifest)?;
    Ok(found.and_then(|log| {
        if is_listed && log.root == manifest.root {
            Ok(log)
        } else {
            Err(file("does not list these files"))
        }
    }))
}

/// Says that what stands beside the records is missing: once the server has dropped its own, nobody
/// has it any more.
fn untold(manifest: &Manifest) -> Finding {
    Finding::File {
        first: manifest.start.size,
        why: format!("`{PAYLOADS_FILE}` is missing: what stands beside records goes with them"),
    }
}

fn log_is_listed(folder: &Path, manifest: &Manifest) -> Result<bool, Failure> {
    let listed = [
        (RECORDS_FILE, manifest.records),
        (LEAVES_FILE, manifest.leaves),
        (CHECKPOINT_FILE, manifest.checkpoint),
    ];
    for (name, digest) in listed {
        if hash_of(&folder.join(name))? != digest {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the SHA-256 of a file, which can be long.
///
/// # Errors
/// It can't be read.
pub(in crate::cli::audit) fn hash_of(path: &Path) -> Result<Digest, Failure> {
    let mut file: File = opened(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(Digest::from_bytes(hasher.finalize().into())),
            Ok(count) => hasher.update(piece.get(..count).unwrap_or_default()),
            Err(error) => return Err(unreadable(path, error)),
        }
    }
}
