//! `/v1/log`: the log as the files of C2SP tlog-tiles.

use std::ops::Range;

use axum::extract::{Path, State};
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use gate_protocol::log::{Tile, TileContent, append_entry};
use gate_protocol::problem::ProblemCode;

use super::audit::text;
use crate::history::{Past, Reading};
use crate::identity::{AnyRole, Caller, Keeper};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::{Connection, StoreError, log, log_proofs};

/// The highest level that is made from the leaves at a call: 65,536 leaves are one of its hashes.
const MAX_LEVEL: u8 = 2;

/// What a tile of a certain width holds never changes; it is for who may read the log.
const TILE: [(HeaderName, &str); 2] = [
    (CONTENT_TYPE, "application/octet-stream"),
    (CACHE_CONTROL, "private, max-age=31536000, immutable"),
];

/// Returns the newest checkpoint that was stored, with the signatures of witnesses where there are
/// any: `GET /v1/log/checkpoint`.
pub(super) async fn checkpoint(
    State(server): State<Server>,
    _caller: Caller<AnyRole>,
) -> Result<Response, Failure> {
    let mut reader = server.store.read().await?;
    let cosigned = log_proofs::cosigned(reader.connection()).await?;
    let mut note = cosigned.map(|(_, note)| note);
    if note.is_none() {
        let newest = log_proofs::newest(reader.connection()).await?;
        note = newest.map(|(_, note)| note);
    }
    match note {
        Some(note) => Ok(text(note)),
        None => Err(no_such("nothing was signed yet")),
    }
}

/// Returns a tile: `GET /v1/log/tile/…`.
pub(super) async fn tile(
    State(server): State<Server>,
    _caller: Caller<Keeper>,
    Path(path): Path<String>,
) -> Result<Response, Failure> {
    let tile = Tile::parse(&format!("tile/{path}")).ok_or_else(missing)?;
    let leaves = tile.leaves().ok_or_else(missing)?;
    let (made, as_of) = server.past(&Cut { tile, leaves }).await?;
    Ok((as_of, TILE, made?).into_response())
}

/// A tile, which is made of these leaves.
struct Cut {
    tile: Tile,
    leaves: Range<u64>,
}

impl Reading for Cut {
    /// The error is that there is none.
    type Found = Result<Vec<u8>, Failure>;

    fn past(&self) -> Past {
        Past::Records(self.leaves.end)
    }

    async fn read(&self, connection: &mut Connection) -> Result<Self::Found, StoreError> {
        let size = log::head(connection).await?.tree.size();
        let level = match self.tile.content {
            TileContent::Entries => 0,
            TileContent::Hashes { level } => level,
        };
        if self.leaves.end > size || level > MAX_LEVEL {
            return Ok(Err(missing()));
        }
        let is_pruned = self.leaves.start < log::pruned(connection).await?;
        if is_pruned && matches!(self.tile.content, TileContent::Entries) {
            return Ok(Err(no_such("these records were archived")));
        }
        match self.tile.content {
            TileContent::Entries => bundle(connection, self.leaves.start, self.tile.width).await,
            TileContent::Hashes { .. } => {
                let mut bytes = Vec::new();
                let each = (self.leaves.end - self.leaves.start) / u64::from(self.tile.width);
                // One hash at a time: those of a high level stand on many leaves.
                for first in
                    (self.leaves.start..self.leaves.end).step_by(usize::try_from(each).unwrap_or(1))
                {
                    let leaves = log_proofs::leaves(connection, first..first + each).await?;
                    bytes.extend(self.tile.hashes(&leaves));
                }
                Ok(Ok(bytes))
            }
        }
    }
}

async fn bundle(
    connection: &mut Connection,
    from: u64,
    width: u16,
) -> Result<Result<Vec<u8>, Failure>, StoreError> {
    let mut bundle = Vec::new();
    let (mut next, to) = (from, from + u64::from(width));
    // A page ends once it has grown large; a bundle has all of its records, or is none.
    while next < to {
        let page = log::page(connection, next, to - next).await?;
        if page.is_empty() {
            return Err(StoreError::Unreadable { what: "record" });
        }
        for record in &page {
            // The format has no place for more; /v1/audit/records has all of it.
            if let Err(error) = append_entry(&mut bundle, record.as_bytes()) {
                return Ok(Err(no_such(&error.to_string())));
            }
        }
        next += page.len() as u64;
    }
    Ok(Ok(bundle))
}

fn missing() -> Failure {
    no_such("there is no such tile, or not yet")
}

fn no_such(detail: &str) -> Failure {
    Failure::new(ProblemCode::NotFound, detail)
}
