//! The Merkle tree over the log's records.
//!
//! Source: RFC 6962 section 2.1 for the hashes and the proofs, RFC 9162
//! sections 2.1.3.2 and 2.1.4.2 for their verification.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::canonical::Digest;

/// Returns the hash of one record as a leaf: SHA-256(0x00 ‖ record).
pub fn leaf_hash(record: &[u8]) -> Digest {
    Digest::of_parts(&[&[0x00], record])
}

/// Returns the hash of two subtrees: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of_parts(&[&[0x01], left.as_bytes(), right.as_bytes()])
}

/// Returns the root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Digest {
    Digest::of_bytes(b"")
}

/// Returns the root over leaf hashes, in order.
pub fn root<I: IntoIterator<Item = Digest>>(leaves: I) -> Digest {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.append(leaf);
    }
    frontier.root()
}

/// Why a proof could not be made, or does not prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The leaf or the smaller tree is not inside the tree.
    #[error("{place} is outside the tree of {size} leaves")]
    OutOfRange {
        /// The leaf's index, or the smaller tree's size.
        place: u64,
        /// The number of leaves.
        size: u64,
    },
    /// The proof does not have the length that index and sizes ask for.
    #[error("the proof has the wrong length")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
    /// The stored hashes are not those of a tree of that size.
    #[error("a tree of {size} leaves has no {peaks} peaks")]
    Peaks {
        /// The number of leaves.
        size: u64,
        /// The number of hashes.
        peaks: usize,
    },
}

/// The right edge of a tree: all that appending needs. At most 64 hashes, the
/// roots of the perfect subtrees from the largest to the smallest.
///
/// It can be stored and restored, so that a server appends in O(log n) and
/// knows the root without reading old records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    size: u64,
    peaks: Vec<Digest>,
}

impl TryFrom<Stored> for Frontier {
    type Error = ProofError;

    fn try_from(stored: Stored) -> Result<Self, ProofError> {
        Self::from_parts(stored.size, stored.peaks)
    }
}

impl From<Frontier> for Stored {
    fn from(Frontier { size, peaks }: Frontier) -> Self {
        Self { size, peaks }
    }
}

impl Frontier {
    /// Restores what [`Self::size`] and [`Self::peaks`] returned.
    ///
    /// # Errors
    /// [`ProofError::Peaks`] where the size asks for another number of hashes.
    pub fn from_parts(size: u64, peaks: Vec<Digest>) -> Result<Self, ProofError> {
        if usize::try_from(size.count_ones()) != Ok(peaks.len()) {
            let peaks = peaks.len();
            return Err(ProofError::Peaks { size, peaks });
        }
        Ok(Self { size, peaks })
    }

    /// Returns the number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the roots of the perfect subtrees, the largest first.
    pub fn peaks(&self) -> &[Digest] {
        &self.peaks
    }

    /// Appends one leaf by its [`leaf_hash`].
    pub fn append(&mut self, leaf: Digest) {
        let mut hash = leaf;
        // Each low one bit of the size is a perfect subtree as large as `hash`.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Returns the root over all leaves so far.
    pub fn root(&self) -> Digest {
        self.peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(empty_root)
    }
}

fn length(leaves: &[Digest]) -> u64 {
    leaves.len() as u64
}

/// Splits after the largest power of two below the length, which is over 1.
fn halves(leaves: &[Digest]) -> (&[Digest], &[Digest]) {
    leaves.split_at(1 << (leaves.len() - 1).ilog2())
}

/// Returns the proof that the leaf at `index` is in the tree, from the leaf's
/// sibling to the root's child.
///
/// # Errors
/// [`ProofError::OutOfRange`].
pub fn inclusion_proof(leaves: &[Digest], index: u64) -> Result<Vec<Digest>, ProofError> {
    let out_of_range = ProofError::OutOfRange {
        place: index,
        size: length(leaves),
    };
    if index >= length(leaves) {
        return Err(out_of_range);
    }
    let mut place = usize::try_from(index).map_err(|_| out_of_range)?;
    let mut subtree = leaves;
    let mut proof = Vec::new();
    while subtree.len() > 1 {
        let (left, right) = halves(subtree);
        if place < left.len() {
            proof.push(root(right.iter().copied()));
            subtree = left;
        } else {
            proof.push(root(left.iter().copied()));
            place -= left.len();
            subtree = right;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Verifies that `leaf` is at `index` of the tree with `size` leaves and `root`.
///
/// # Errors
/// [`ProofError::OutOfRange`], [`ProofError::Length`] and [`ProofError::Root`].
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { place: index, size });
    }
    let mut path = Path::new(index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        hash = match path.climb()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    path.finish()?;
    if hash == *root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// Returns the proof that the tree over the first `first` leaves is a prefix of
/// the tree over all. Empty where both are the same, and from the empty tree.
///
/// # Errors
/// [`ProofError::OutOfRange`].
pub fn consistency_proof(leaves: &[Digest], first: u64) -> Result<Vec<Digest>, ProofError> {
    let out_of_range = ProofError::OutOfRange {
        place: first,
        size: length(leaves),
    };
    if first > length(leaves) {
        return Err(out_of_range);
    }
    let mut first = usize::try_from(first).map_err(|_| out_of_range)?;
    if first == 0 || first == leaves.len() {
        return Ok(Vec::new());
    }
    let mut subtree = leaves;
    let mut proof = Vec::new();
    // The verifier has the root of the first tree: while the subtree starts
    // where the tree does, its hash need not be told.
    let mut is_known = true;
    while first < subtree.len() {
        let (left, right) = halves(subtree);
        if first <= left.len() {
            proof.push(root(right.iter().copied()));
            subtree = left;
        } else {
            proof.push(root(left.iter().copied()));
            first -= left.len();
            subtree = right;
            is_known = false;
        }
    }
    if !is_known {
        proof.push(root(subtree.iter().copied()));
    }
    proof.reverse();
    Ok(proof)
}

/// Returns the stretches of leaves whose roots are [`consistency_proof`], in its
/// order: for who knows the roots of subtrees, and need not read all leaves.
///
/// # Errors
/// [`ProofError::OutOfRange`].
pub fn consistency_ranges(first: u64, size: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if first > size {
        return Err(ProofError::OutOfRange { place: first, size });
    }
    if first == 0 || first == size {
        return Ok(Vec::new());
    }
    let (mut from, mut to) = (0, size);
    let mut ranges = Vec::new();
    let mut is_known = true;
    while first < to {
        let middle = from + (1 << (to - from - 1).ilog2());
        if first <= middle {
            ranges.push(middle..to);
            to = middle;
        } else {
            ranges.push(from..middle);
            from = middle;
            is_known = false;
        }
    }
    if !is_known {
        ranges.push(from..to);
    }
    ranges.reverse();
    Ok(ranges)
}

/// Returns the perfect subtrees of a tree as stretches of leaves, the largest first.
pub fn peak_ranges(size: u64) -> Vec<Range<u64>> {
    let mut from = 0;
    let heights = (0..u64::BITS)
        .rev()
        .filter(|height| size >> height & 1 == 1);
    heights
        .map(|height| {
            let range = from..from + (1 << height);
            from = range.end;
            range
        })
        .collect()
}

/// Verifies that the tree (size, root) `first` is a prefix of `second`.
///
/// # Errors
/// [`ProofError::OutOfRange`], [`ProofError::Length`] and [`ProofError::Root`].
pub fn verify_consistency(
    first: (u64, &Digest),
    second: (u64, &Digest),
    proof: &[Digest],
) -> Result<(), ProofError> {
    let ((first_size, first_root), (second_size, second_root)) = (first, second);
    if first_size > second_size {
        return Err(ProofError::OutOfRange {
            place: first_size,
            size: second_size,
        });
    }
    if first_size == 0 || first_size == second_size {
        return verify_trivial(first, second, proof);
    }
    let mut path = Path::new(first_size - 1, second_size - 1);
    path.skip_right_edge();
    // A perfect first tree is itself the first node, and is not told.
    let (start, rest) = if first_size.is_power_of_two() {
        (first_root, proof)
    } else {
        proof.split_first().ok_or(ProofError::Length)?
    };
    let (mut old, mut new) = (*start, *start);
    for sibling in rest {
        match path.climb()? {
            Side::Left => {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
            }
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    path.finish()?;
    if old == *first_root && new == *second_root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

fn verify_trivial(
    (first_size, first_root): (u64, &Digest),
    (second_size, second_root): (u64, &Digest),
    proof: &[Digest],
) -> Result<(), ProofError> {
    if !proof.is_empty() {
        return Err(ProofError::Length);
    }
    let is_empty_first = first_size != 0 || *first_root == empty_root();
    let is_same = first_size != second_size || first_root == second_root;
    if is_empty_first && is_same {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// On which side of the climbing hash its sibling stands.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root: `fn` and `sn` of RFC 9162.
struct Path {
    node: u64,
    last: u64,
}

impl Path {
    const fn new(node: u64, last: u64) -> Self {
        Self { node, last }
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    fn skip_right_edge(&mut self) {
        while self.node & 1 == 1 {
            self.up();
        }
    }

    /// Goes up by one sibling. A node at the right edge has none on the levels
    /// where the tree is not full, and those are passed over.
    fn climb(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::Length);
        }
        let is_right = self.node & 1 == 1 || self.node == self.last;
        if is_right {
            while self.node & 1 == 0 && self.node != 0 {
                self.up();
            }
        }
        self.up();
        Ok(if is_right { Side::Left } else { Side::Right })
    }

    const fn finish(&self) -> Result<(), ProofError> {
        if self.last == 0 {
            Ok(())
        } else {
            Err(ProofError::Length)
        }
    }
}
