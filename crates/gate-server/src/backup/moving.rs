//! From a file of `SQLite` to a `PostgreSQL` database. The log, which is most of it and is only
//! appended to, is copied while the server runs; all the rest, and what the log has grown by
//! since, once it has stopped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gate_protocol::log::Checkpoint;

use super::{DATABASE, FileError, LogError, at, sync_folder, verify_log};
use crate::keys::{self, Keys, KeysError};
use crate::settings::{DatabaseError, Settings};
use crate::store::copying::{self, Table};
use crate::store::server::Names;
use crate::store::{Connection, Store, StoreError, Writer, log, log_proofs, server};

/// What the file is called once it is not in use any more.
const MOVED: &str = "gate.db.moved";
/// The table that is copied while the server runs.
const LOG: &str = "log_records";
/// How often it is looked whether the server has stopped.
const LOOK: Duration = Duration::from_millis(200);

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moving {
    /// So many records of the log are in the new database, and the server runs: it is waited for
    /// its end.
    WaitsForTheEnd(u64),
    /// The server has stopped, and the rest is copied.
    Copies,
    /// Everything is there, and is read again.
    Verifies,
}

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The settings name no database.
    #[error("the settings name no [database]")]
    NoDatabase,
    /// The data folder has no file of a server.
    #[error("`{}` has no `gate.db`", .0.display())]
    NoServer(PathBuf),
    /// Something is in the new database.
    #[error("the database is not empty: its table `{0}` has rows")]
    NotEmpty(String),
    /// The log in the new database is another one.
    #[error("the database holds the log of another server")]
    OtherLog,
    /// The server did not stop in time.
    #[error("the server on `{}` still runs", .0.display())]
    Runs(PathBuf),
    /// What is there afterwards is not what was copied.
    #[error("the table `{0}` is not in the new database as it is in the old one")]
    Differs(String),
    /// The log does not verify on the other side.
    #[error("the log in the new database is no good")]
    Log(#[from] LogError),
    /// The keys can't be used.
    #[error("the keys can't be used")]
    Keys(#[from] KeysError),
    /// What the settings say of the database can't be used.
    #[error("the settings of the database can't be used")]
    Database(#[from] DatabaseError),
    /// A database can't be used.
    #[error("a database can't be used")]
    Store(#[from] StoreError),
    /// The database did not say whether it has everything; the file stays where it was put aside.
    #[error("the database did not say whether it has everything; the file is `{}` now", .0.display())]
    Undecided(PathBuf),
    /// A file can't be renamed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A store that was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// How many records the log has.
    pub log_size: u64,
    /// How many rows were copied, and of how many tables.
    pub rows: u64,
    /// How many tables there are.
    pub tables: usize,
    /// Where the old file is now.
    pub old: PathBuf,
}

/// Moves the data of the folder into the database of the settings, and tells how far it is. A
/// server that runs on the folder is waited for at most `patience`, once its log is copied.
///
/// # Errors
/// Each [`MoveError`] as its name says. The server can go on with the file then, but for
/// [`MoveError::Undecided`], and what was copied of the log is gone on from the next time.
pub async fn move_store(
    settings: &Settings,
    patience: Duration,
    tell: impl Fn(Moving),
) -> Result<Moved, MoveError> {
    let database = settings.database.as_ref().ok_or(MoveError::NoDatabase)?;
    let file = settings.data_dir.join(DATABASE);
    if !file.exists() {
        return Err(MoveError::NoServer(settings.data_dir.clone()));
    }
    let to = Store::connect(database.options()?).await?;
    let moved = Box::pin(into(&to, settings, patience, &tell)).await;
    to.close().await;
    moved
}

async fn into(
    to: &Store,
    settings: &Settings,
    patience: Duration,
    tell: &impl Fn(Moving),
) -> Result<Moved, MoveError> {
    let dir = &settings.data_dir;
    let file = dir.join(DATABASE);
    let beside = Store::open_beside(&file).await?;
    let ahead = copy_ahead(&beside, to).await;
    beside.close().await;
    let ahead = ahead?;
    let _lock = stopped(dir, patience, || tell(Moving::WaitsForTheEnd(ahead))).await?;
    tell(Moving::Copies);
    let from = Store::open_file(&file).await?;
    let copied = copy_rest(&from, to, dir, tell).await;
    from.close().await;
    let (writer, moved) = copied?;
    // Before the commit: at no time are there two databases that a server could start on, each with
    // the same approvals to grant, and a log of its own from then on.
    let old = dir.join(MOVED);
    rename(&file, &old, dir)?;
    if let Err(error) = writer.commit().await {
        return undecided(to, (&file, &old, dir), error, moved).await;
    }
    Ok(moved)
}

fn rename(from: &Path, to: &Path, dir: &Path) -> Result<(), FileError> {
    std::fs::rename(from, to).map_err(at(to))?;
    sync_folder(dir)
}

/// Finds out whether a commit that failed was made all the same, as one whose answer was lost, and
/// puts the file back only where it was not.
async fn undecided(
    to: &Store,
    (file, old, dir): (&Path, &Path, &Path),
    error: StoreError,
    moved: Moved,
) -> Result<Moved, MoveError> {
    let found = async {
        // As the one writer: a commit that still goes on is waited for.
        let mut writer = to.write().await?;
        server::names(writer.connection()).await
    };
    match found.await {
        Ok(Some(_)) => Ok(moved),
        Ok(None) if rename(old, file, dir).is_ok() => Err(error.into()),
        Ok(None) | Err(_) => Err(MoveError::Undecided(old.to_owned())),
    }
}

/// Waits until no server has the folder.
async fn stopped(
    dir: &Path,
    patience: Duration,
    tell: impl FnOnce(),
) -> Result<keys::FolderLock, MoveError> {
    if let Some(lock) = keys::lock(dir)? {
        return Ok(lock);
    }
    tell();
    let until = tokio::time::Instant::now() + patience;
    while tokio::time::Instant::now() < until {
        tokio::time::sleep(LOOK).await;
        if let Some(lock) = keys::lock(dir)? {
            return Ok(lock);
        }
    }
    Err(MoveError::Runs(dir.to_owned()))
}

/// Refuses a database in which there is anything but the beginning of this very log.
async fn refuse_filled(
    tables: &[Table],
    from: &mut Connection,
    to: &mut Connection,
) -> Result<u64, MoveError> {
    for table in tables.iter().filter(|table| table.name != LOG) {
        if copying::rows_in(table, to).await? > 0 {
            return Err(MoveError::NotEmpty(table.name.clone()));
        }
    }
    let there = match tables.iter().find(|table| table.name == LOG) {
        Some(table) => copying::rows_in(table, to).await?,
        None => 0,
    };
    let (ours, theirs) = (
        log_proofs::leaves(from, 0..there).await?,
        log_proofs::leaves(to, 0..there).await?,
    );
    if ours != theirs {
        return Err(MoveError::OtherLog);
    }
    Ok(there)
}

/// Copies what the log has now, and returns how many records are there then.
async fn copy_ahead(from: &Store, to: &Store) -> Result<u64, MoveError> {
    let mut reader = from.read().await?;
    let tables = copying::tables(reader.connection()).await?;
    let mut writer = to.write().await?;
    copying::take_time(writer.connection()).await?;
    let there = refuse_filled(&tables, reader.connection(), writer.connection()).await?;
    let mut records = there;
    if let Some(table) = tables.iter().find(|table| table.name == LOG) {
        let (from, to) = (reader.connection(), writer.connection());
        records += copying::copy(table, Some(there), from, to).await?.rows;
    }
    writer.commit().await?;
    Ok(records)
}

async fn copy_rest(
    from: &Store,
    to: &Store,
    dir: &Path,
    tell: &impl Fn(Moving),
) -> Result<(Writer, Moved), MoveError> {
    let mut reader = from.read().await?;
    let mut writer = to.write().await?;
    let (old, new) = (reader.connection(), writer.connection());
    copying::take_time(new).await?;
    let tables = copying::tables(old).await?;
    let names = server::names(old).await?;
    let names = names.ok_or_else(|| MoveError::NoServer(dir.to_owned()))?;
    let keys = Keys::open(dir, &names.audience, &names.log_origin)?;
    // As of a server that was made on a database: every server on it needs the same.
    keys::channels_key(dir)?;
    let there = refuse_filled(&tables, old, new).await?;
    for table in &tables {
        let first = (table.name == LOG).then_some(there);
        copying::copy(table, first, old, new).await?;
    }
    tell(Moving::Verifies);
    let moved = verify(&tables, old, new, &names).await?;
    server::put_keys(new, keys.print()).await?;
    let old = dir.join(MOVED);
    Ok((writer, Moved { old, ..moved }))
}

/// Reads everything again, on both sides.
async fn verify(
    tables: &[Table],
    old: &mut Connection,
    new: &mut Connection,
    names: &Names,
) -> Result<Moved, MoveError> {
    let mut rows = 0;
    for table in tables {
        let (there, here) = (
            copying::tally(table, new).await?,
            copying::tally_for(table, old, new).await?,
        );
        if there != here {
            return Err(MoveError::Differs(table.name.clone()));
        }
        rows += there.rows;
    }
    let tree = log::head(old).await?.tree;
    let head = Checkpoint {
        origin: names.log_origin.clone(),
        size: tree.size(),
        root: tree.root(),
    };
    verify_log(new, &head).await?;
    Ok(Moved {
        log_size: head.size,
        rows,
        tables: tables.len(),
        old: PathBuf::new(),
    })
}
