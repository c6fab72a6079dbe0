//! `gate audit receipts`: what this user keeps of a server's log, verified by what is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gate_protocol::canonical::Digest;
use gate_protocol::inert::inert;
use gate_protocol::log::{AuditRecord, TlogProof};
use gate_protocol::signed_note::VerifierKey;
use serde::Serialize;

use super::verify::finding::{chain, does_not_verify};
use super::verify::parse_key;
use super::verify::witnesses::Witnesses;
use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::log_key::{self, LogKeys};
use crate::receipts::{self, Proofs};
use crate::report;
use crate::show::screen::{Screen, Tone};
use crate::show::table::Table;
use crate::show::{answer, clock, record};
use crate::world::World;

/// Show and verify the receipts that are kept here, without asking the server
///
/// A receipt is a record that the server handed out to this user. Its proof says that
/// the record is in the log, under a head that the log signed, and witnesses where
/// there are any. Exits 1 where a proof does not hold. `gate audit flush` fetches
/// proofs that are not there yet.
#[derive(Debug, clap::Args)]
pub(super) struct ShowReceipts {
    /// Print each as one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Write each that is proved to this folder, as `SEQ.tlog-proof`, which holds the
    /// record, its proof and the signed head.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The log's key as `name+hash+base64`; by default the one pinned here.
    #[arg(long, value_name = "VKEY", value_parser = parse_key)]
    key: Option<VerifierKey>,
    #[command(flatten)]
    witnesses: Witnesses,
}

/// How a receipt stands.
#[derive(Debug, Serialize)]
#[serde(tag = "proof", rename_all = "snake_case")]
enum Standing {
    /// It is proved.
    Holds {
        /// The number of records of the log in which it is.
        size: u64,
        #[serde(skip)]
        root: Digest,
        #[serde(skip)]
        proof: Box<TlogProof>,
        /// Who signed the head besides the log, in words.
        #[serde(skip)]
        cosigned: String,
    },
    /// Its proof was not fetched yet.
    Missing,
    /// It can't be in the log for which something was signed.
    Bad { why: String },
}

#[derive(Debug, Serialize)]
struct Shown {
    seq: u64,
    at: jiff::Timestamp,
    #[serde(rename = "type")]
    record_type: String,
    request: Option<String>,
    #[serde(flatten)]
    standing: Standing,
}

impl ShowReceipts {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let keys = match &self.key {
            Some(key) => Ok(LogKeys::from(key.clone())),
            None => log_key::pinned(world),
        };
        let kept = Kept::read(world, keys.as_ref().ok())?;
        if kept.records.is_empty() {
            report::line("no receipt of this server is kept here");
            return Ok(());
        }
        let keys = keys?;
        let mut shown = self.shown(&kept, &keys);
        find_contradictions(&mut shown);
        if self.json {
            shown.iter().try_for_each(|one| {
                let line = serde_json::json!(one).to_string();
                answer::line(&answer::printable(&line))
            })?;
        } else {
            answer::text(&table(world, &shown))?;
        }
        if let Some(out) = &self.out {
            write(&world.cwd.join(out), &shown)?;
        }
        conclude(&shown)
    }

    fn shown(&self, kept: &Kept, keys: &LogKeys) -> Vec<Shown> {
        let records = kept.records.iter();
        let all = records.flat_map(|(_, records)| records.iter());
        let shown = all.filter_map(|text| {
            let parsed = AuditRecord::parse(text.as_bytes()).ok()?;
            let standing = match kept.proofs.of(text) {
                Some(proof) => self.standing(proof, text, (&parsed, keys)),
                None => Standing::Missing,
            };
            Some(Shown {
                seq: parsed.seq(),
                at: parsed.at(),
                record_type: parsed.record_type().as_str().to_owned(),
                request: record::request_of(&parsed).map(ToOwned::to_owned),
                standing,
            })
        });
        shown.collect()
    }

    fn standing(
        &self,
        proof: &TlogProof,
        text: &str,
        (record, keys): (&AuditRecord, &LogKeys),
    ) -> Standing {
        let note = proof.checkpoint.as_bytes();
        let key = keys.of_note(note);
        let held = self.witnesses.find(note, key);
        let held = held.map_err(|unsigned| unsigned.why).and_then(|signed| {
            let proved = proof.verify(text.as_bytes(), key, &[]);
            proved.map_err(|error| chain(&error))?;
            if record.seq() != proof.index {
                return Err(format!("it is proved as record {}", proof.index));
            }
            Ok(signed)
        });
        match held {
            Ok(signed) => Standing::Holds {
                size: signed.checkpoint.size,
                root: signed.checkpoint.root,
                proof: Box::new(proof.clone()),
                cosigned: self.witnesses.words(&signed).trim_end().to_owned(),
            },
            Err(why) => Standing::Bad { why },
        }
    }
}

/// What is kept here of the configured server.
struct Kept {
    /// The records by their place, for each of which there should be one.
    records: BTreeMap<u64, BTreeSet<String>>,
    proofs: Proofs,
}

impl Kept {
    fn read(world: &World, keys: Option<&LogKeys>) -> Result<Self, Failure> {
        let server = world.configuration()?.server()?.to_string();
        let unreadable = |error: std::io::Error| {
            Failure::new(FailureKind::Configuration, "cannot read the kept receipts")
                .caused_by(error)
        };
        let receipts = receipts::kept(&world.layout.receipts()?, &server).map_err(unreadable)?;
        let proofs = Proofs::kept(&world.layout.proofs()?, &server, keys).map_err(unreadable)?;
        let mut records: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        let of_receipts = receipts.iter().map(receipts::Receipt::record);
        for record in of_receipts.chain(proofs.records()) {
            if let Ok(parsed) = AuditRecord::parse(record.as_bytes()) {
                let of_place = records.entry(parsed.seq()).or_default();
                of_place.insert(record.to_owned());
            }
        }
        Ok(Self { records, proofs })
    }
}

/// Two records for one place, or two roots of one size, can't both be of one log, whatever is signed.
fn find_contradictions(shown: &mut [Shown]) {
    let mut roots: BTreeMap<u64, (Digest, u64)> = BTreeMap::new();
    let mut last = None;
    for one in shown {
        let why = match &one.standing {
            _ if last == Some(one.seq) => {
                Some("the server handed out another record for this place too".to_owned())
            }
            Standing::Holds { size, root, .. } => {
                let (first, by) = roots.entry(*size).or_insert((*root, one.seq));
                (*first != *root).then(|| {
                    format!(
                        "the log signed another head over {size} records, by which {by} is proved"
                    )
                })
            }
            Standing::Missing | Standing::Bad { .. } => None,
        };
        last = Some(one.seq);
        if let Some(why) = why {
            one.standing = Standing::Bad { why };
        }
    }
}

fn table(world: &World, shown: &[Shown]) -> String {
    let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
    let mut table = Table::new(&screen, &["RECORD", "TIME", "TYPE", "REQUEST", "PROOF"]);
    for one in shown {
        let (tone, proof) = match &one.standing {
            Standing::Holds { size, cosigned, .. } if cosigned.is_empty() => {
                (Tone::Plain, format!("in the log of {size} records"))
            }
            Standing::Holds { size, cosigned, .. } => (
                Tone::Plain,
                format!("in the log of {size} records, {cosigned}"),
            ),
            Standing::Missing => (Tone::Faint, "not fetched yet".to_owned()),
            Standing::Bad { why } => (Tone::Plain, format!("does not hold: {}", inert(why))),
        };
        let request = one.request.as_deref().unwrap_or("-");
        let cells = vec![
            one.seq.to_string(),
            clock::local(&screen, one.at),
            inert(&one.record_type).into_owned(),
            inert(request).into_owned(),
            proof,
        ];
        table.row(tone, cells);
    }
    table.finish()
}

fn write(folder: &Path, shown: &[Shown]) -> Result<(), Failure> {
    let inert_folder = inert(&folder.to_string_lossy()).into_owned();
    let mut count = 0;
    for one in shown {
        let Standing::Holds { proof, .. } = &one.standing else {
            continue;
        };
        let file = folder.join(format!("{}.tlog-proof", one.seq));
        durable::replace(&file, proof.to_string().as_bytes()).map_err(|error| {
            let text = format!("cannot write to `{inert_folder}`");
            Failure::new(FailureKind::Internal, text).caused_by(error)
        })?;
        count += 1;
    }
    report::line(&format!("wrote {count} proofs to {inert_folder}"));
    Ok(())
}

fn conclude(shown: &[Shown]) -> Result<(), Failure> {
    for one in shown {
        if let Standing::Bad { why } = &one.standing {
            return Err(does_not_verify(&one.seq.to_string(), why));
        }
    }
    let missing = shown
        .iter()
        .filter(|one| matches!(one.standing, Standing::Missing));
    let missing = missing.count();
    if missing > 0 {
        report::line(&format!(
            "{missing} of {} receipts have no proof yet: `gate audit flush` fetches them",
            shown.len()
        ));
    }
    Ok(())
}
