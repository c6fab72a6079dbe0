//! `gate audit export`.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use gate_protocol::inert::inert;
use gate_protocol::log::{
    CHECKPOINT_FILE, Checkpoint, LogFault, LogVerifier, RECORDS_FILE, SignedCheckpoint,
};

use super::log_key;
use super::records::Records;
use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::session::{self, Session};
use crate::show::answer;
use crate::world::World;

/// Write the log and its signed checkpoint into a folder
///
/// The folder appears whole or not at all. It holds `records.jsonl`, one record
/// a line and byte for byte as it was hashed, and `checkpoint`, which is signed
/// for exactly these records.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// The folder to make. There must be none of this name.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Export {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let out = world.cwd.join(&self.out);
        if out.symlink_metadata().is_ok() {
            let shown = inert(&out.to_string_lossy()).into_owned();
            return Err(
                Failure::new(FailureKind::Usage, format!("`{shown}` is there already"))
                    .hint("name a folder that is not; an export never replaces another"),
            );
        }
        let session = session::connect(world)?;
        let key = log_key::pin(world, &session)?;
        let note = session.call(session.client().checkpoint())?;
        let signed = SignedCheckpoint::verify(note.as_bytes(), &key, &[]).map_err(|error| {
            Failure::new(FailureKind::Internal, "the server's checkpoint is not good")
                .caused_by(error)
        })?;
        let size = signed.checkpoint.size;
        let staging = Staging::make(&out)?;
        write_records(&session, signed.checkpoint, &staging)?;
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
) -> Result<(), Failure> {
    let size = checkpoint.size;
    let mut verifier = LogVerifier::new(vec![checkpoint]);
    let file = staging
        .create(RECORDS_FILE)
        .map_err(|error| staging.failed(error))?;
    let mut writer = BufWriter::new(file);
    let mut records = Records::from(session, 0);
    while records.position() < size {
        let (from, page) = records.page()?;
        if page.records.is_empty() {
            return Err(Failure::new(
                FailureKind::Internal,
                format!("the server signed for {size} records and has only {from}"),
            )
            .hint("records are missing; `gate audit verify --live` says which"));
        }
        for (_, record) in (from..size).zip(&page.records) {
            verifier.feed(record.as_bytes()).map_err(not_as_signed)?;
            writeln!(writer, "{record}").map_err(|error| staging.failed(error))?;
        }
    }
    verifier.finish().map_err(not_as_signed)?;
    let file = writer
        .into_inner()
        .map_err(|error| staging.failed(error.into_error()))?;
    file.sync_all().map_err(|error| staging.failed(error))
}

/// Returns the failure of records that are not what was signed for.
fn not_as_signed(fault: LogFault) -> Failure {
    Failure::new(
        FailureKind::Internal,
        "the log does not verify, and nothing was exported",
    )
    .caused_by(fault)
    .hint("`gate audit verify --live` says the same of the server's log; tell who runs the server")
}

/// A folder that nobody knows yet; removed unless it is published.
struct Staging {
    path: PathBuf,
}

impl Staging {
    fn make(out: &Path) -> Result<Self, Failure> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| {
            Failure::new(FailureKind::Internal, "cannot get random bytes").caused_by(error)
        })?;
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:016x}", u64::from_ne_bytes(random)));
        let staging = Self {
            path: out.with_file_name(name),
        };
        let made = DirBuilder::new().mode(0o700).create(&staging.path);
        made.map_err(|error| staging.failed(error))?;
        Ok(staging)
    }

    fn create(&self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path.join(name))
    }

    fn put(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let put = self.create(name).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        });
        put.map_err(|error| self.failed(error))
    }

    fn publish(self, out: &Path) -> Result<(), Failure> {
        let parent = out
            .parent()
            .filter(|path| !path.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        durable::sync_folder(&self.path)
            .and_then(|()| std::fs::rename(&self.path, out))
            .and_then(|()| durable::sync_folder(parent))
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> Failure {
        let shown = inert(&self.path.to_string_lossy()).into_owned();
        Failure::new(
            FailureKind::Internal,
            format!("cannot write the export to `{shown}`"),
        )
        .caused_by(error)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After a publication there is nothing of this name; before it, what is
        // left is of no use, and its removal may fail as its writing did.
        drop(std::fs::remove_dir_all(&self.path));
    }
}
