//! The roots of the log's full tiles, which never change: with them a proof costs a few hundred
//! leaves, however long the log is. Whoever is signed in may ask for one, so it must not cost more.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use gate_protocol::canonical::Digest;
use gate_protocol::log::{
    Frontier, ProofError, TILE_WIDTH, consistency_ranges, inclusion_proof_of_tile, peak_ranges,
    root,
};

use crate::store::{Connection, StoreError, log_proofs};

/// How many tiles are read at once.
const AT_ONCE: u64 = 64;

/// The roots of the first full tiles of level 0, as far as somebody wanted them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subtrees(Arc<Mutex<Vec<Digest>>>);

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubtreesFailure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl Subtrees {
    /// Forgets all of them: the log did not go on from where it was.
    pub(crate) fn forget(&self) {
        let mut roots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        roots.clear();
    }

    /// Proves that a record is in the log of a size that it has reached.
    pub(crate) async fn inclusion(
        &self,
        connection: &mut Connection,
        index: u64,
        size: u64,
    ) -> Result<Vec<Digest>, SubtreesFailure> {
        if index >= size {
            return Err(ProofError::OutOfRange { place: index, size }.into());
        }
        let width = u64::from(TILE_WIDTH);
        let mut roots = self.first(connection, size / width).await?;
        let rest = size / width * width..size;
        if !rest.is_empty() {
            let rest = log_proofs::leaves(connection, rest).await?;
            roots.push(root(rest));
        }
        let first = index / width * width;
        let tile = first..size.min(first + width);
        let tile = log_proofs::leaves(connection, tile).await?;
        Ok(inclusion_proof_of_tile(&tile, &roots, index)?)
    }

    /// Proves that the log of one size is the beginning of the log of another that it has reached.
    pub(crate) async fn consistency(
        &self,
        connection: &mut Connection,
        first: u64,
        size: u64,
    ) -> Result<Vec<Digest>, SubtreesFailure> {
        let mut proof = Vec::new();
        for range in consistency_ranges(first, size)? {
            proof.push(self.root_of(connection, range).await?);
        }
        Ok(proof)
    }

    /// Returns the tree over the first records.
    pub(crate) async fn tree(
        &self,
        connection: &mut Connection,
        size: u64,
    ) -> Result<Frontier, SubtreesFailure> {
        let mut peaks = Vec::new();
        for range in peak_ranges(size) {
            peaks.push(self.root_of(connection, range).await?);
        }
        Ok(Frontier::from_parts(size, peaks)?)
    }

    /// Returns the root over a stretch that is a subtree: it begins at a multiple of a power of two
    /// that is no less than its length.
    async fn root_of(
        &self,
        connection: &mut Connection,
        range: Range<u64>,
    ) -> Result<Digest, StoreError> {
        let width = u64::from(TILE_WIDTH);
        let tiles = range.start.div_ceil(width)..range.end / width;
        if range.end - range.start < width || tiles.is_empty() {
            return Ok(root(log_proofs::leaves(connection, range).await?));
        }
        let known = self.first(connection, tiles.end).await?;
        let skipped = usize::try_from(tiles.start).unwrap_or(usize::MAX);
        let mut roots: Vec<Digest> = known.into_iter().skip(skipped).collect();
        let rest = tiles.end * width..range.end;
        if !rest.is_empty() {
            roots.push(root(log_proofs::leaves(connection, rest).await?));
        }
        Ok(root(roots))
    }

    /// Returns the roots of so many tiles, and remembers them.
    async fn first(
        &self,
        connection: &mut Connection,
        count: u64,
    ) -> Result<Vec<Digest>, StoreError> {
        let width = u64::from(TILE_WIDTH);
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        loop {
            let known = match self.known(wanted) {
                Ok(roots) => return Ok(roots),
                Err(known) => known,
            };
            let from = known as u64;
            let to = count.min(from + AT_ONCE);
            let leaves = log_proofs::leaves(connection, from * width..to * width).await?;
            let more = leaves.chunks(usize::from(TILE_WIDTH));
            let more: Vec<Digest> = more.map(|tile| root(tile.iter().copied())).collect();
            if more.is_empty() {
                return Err(StoreError::Unreadable { what: "leaf" });
            }
            let mut roots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Somebody else may have gone on meanwhile.
            if roots.len() == known {
                roots.extend(more);
            }
        }
    }

    /// Returns the first roots, or how many are known where those are fewer.
    fn known(&self, wanted: usize) -> Result<Vec<Digest>, usize> {
        let roots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = roots.get(..wanted).ok_or(roots.len())?;
        Ok(first.to_vec())
    }
}
