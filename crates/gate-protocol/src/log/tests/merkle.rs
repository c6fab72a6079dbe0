//! The tree against RFC 6962's definition, written naively, and its proofs
//! against every change.

use proptest::prelude::*;

use super::super::{
    Frontier, ProofError, consistency_proof, consistency_ranges, empty_root, inclusion_proof,
    leaf_hash, node_hash, peak_ranges, root, verify_consistency, verify_inclusion,
};
use crate::canonical::Digest;

/// The largest tree that is tried exhaustively: past 2^7, so that all shapes of
/// the right edge occur.
const LARGEST: u64 = 130;

fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

/// MTH of RFC 6962 section 2.1, word for word.
fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            let (left, right) = leaves.split_at(split);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

fn flipped(digest: &Digest, place: usize) -> Digest {
    let mut bytes = *digest.as_bytes();
    bytes[place] ^= 1;
    Digest::from_bytes(bytes)
}

/// The leaves and roots that the Certificate Transparency projects test with.
#[test]
fn the_ct_reference_trees_have_their_roots() {
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let leaves: Vec<Digest> = inputs.iter().map(|input| leaf_hash(input)).collect();
    for (count, expected) in (1..).zip(roots) {
        assert_eq!(
            root(leaves[..count].iter().copied()).to_string(),
            expected,
            "{count} leaves"
        );
    }
}

#[test]
fn the_frontier_has_the_root_of_the_definition_and_can_be_stored() {
    let all = leaves(LARGEST);
    let mut frontier = Frontier::default();
    assert_eq!(frontier.root(), empty_root());
    for (size, leaf) in (1..).zip(&all) {
        frontier.append(*leaf);
        assert_eq!(frontier.root(), naive_root(&all[..size]), "{size} leaves");
        assert_eq!(frontier.size(), size as u64);
        let stored = serde_json::to_vec(&frontier).unwrap();
        frontier = serde_json::from_slice(&stored).unwrap();
    }
    assert!(matches!(
        Frontier::from_parts(5, vec![Digest::ZERO]),
        Err(ProofError::Peaks { size: 5, peaks: 1 })
    ));
    assert!(serde_json::from_str::<Frontier>(r#"{"size":1,"peaks":[]}"#).is_err());
}

#[test]
fn every_inclusion_proof_verifies_and_no_other_place_does() {
    let all = leaves(LARGEST);
    for size in 1..=LARGEST {
        let tree = &all[..usize::try_from(size).unwrap()];
        let tree_root = naive_root(tree);
        for (index, leaf) in (0..).zip(tree) {
            let proof = inclusion_proof(tree, index).unwrap();
            let check = |leaf: &Digest, index, size, proof: &[Digest]| {
                verify_inclusion(leaf, index, size, proof, &tree_root)
            };
            assert_eq!(
                check(leaf, index, size, &proof),
                Ok(()),
                "{index} of {size}"
            );
            let place = usize::try_from((index + size) % 32).unwrap();
            for hash in 0..proof.len() {
                let mut forged = proof.clone();
                forged[hash] = flipped(&proof[hash], place);
                assert_eq!(
                    check(leaf, index, size, &forged),
                    Err(ProofError::Root),
                    "hash {hash} of the proof of {index} of {size}"
                );
            }
            assert!(check(&flipped(leaf, place), index, size, &proof).is_err());
            assert!(check(leaf, index + 1, size, &proof).is_err());
            let longer = [&proof[..], &[tree_root]].concat();
            assert_eq!(check(leaf, index, size, &longer), Err(ProofError::Length));
            if let Some((_, shorter)) = proof.split_last() {
                assert_eq!(check(leaf, index, size, shorter), Err(ProofError::Length));
            }
        }
        assert!(inclusion_proof(tree, size).is_err());
    }
    assert!(inclusion_proof(&[], 0).is_err());
}

#[test]
fn every_consistency_proof_verifies_and_none_that_was_changed() {
    let all = leaves(LARGEST);
    let roots: Vec<Digest> = (0..=all.len())
        .map(|size| naive_root(&all[..size]))
        .collect();
    for (second, new) in (0..).zip(&roots) {
        let tree = &all[..usize::try_from(second).unwrap()];
        for (first, old) in (0..=second).zip(&roots) {
            let proof = consistency_proof(tree, first).unwrap();
            let check = |old: &Digest, new: &Digest, proof: &[Digest]| {
                verify_consistency((first, old), (second, new), proof)
            };
            assert_eq!(check(old, new, &proof), Ok(()), "{first} to {second}");
            let place = usize::try_from((first + second) % 32).unwrap();
            for hash in 0..proof.len() {
                let mut forged = proof.clone();
                forged[hash] = flipped(&proof[hash], place);
                assert_eq!(
                    check(old, new, &forged),
                    Err(ProofError::Root),
                    "hash {hash} of the proof from {first} to {second}"
                );
            }
            assert!(check(&flipped(old, place), new, &proof).is_err());
            if first > 0 {
                assert!(check(old, &flipped(new, place), &proof).is_err());
            }
            let longer = [&proof[..], &[*new]].concat();
            assert_eq!(check(old, new, &longer), Err(ProofError::Length));
            if let Some((_, shorter)) = proof.split_last() {
                assert!(check(old, new, shorter).is_err());
            }
        }
        assert!(consistency_proof(tree, second + 1).is_err());
        assert!(verify_consistency((second + 1, new), (second, new), &[]).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_flipped_byte_of_a_proof_goes_unseen(size in 1..=LARGEST, seed in any::<u64>()) {
        let tree = leaves(size);
        let index = seed % size;
        let tree_root = root(tree.iter().copied());
        let leaf = tree[usize::try_from(index).unwrap()];
        let inclusion = inclusion_proof(&tree, index).unwrap();
        let old_root = root(tree[..usize::try_from(index).unwrap()].iter().copied());
        let consistency = consistency_proof(&tree, index).unwrap();
        for place in 0..32 {
            for hash in 0..inclusion.len() {
                let mut forged = inclusion.clone();
                forged[hash] = flipped(&inclusion[hash], place);
                prop_assert!(verify_inclusion(&leaf, index, size, &forged, &tree_root).is_err());
            }
            for hash in 0..consistency.len() {
                let mut forged = consistency.clone();
                forged[hash] = flipped(&consistency[hash], place);
                prop_assert!(
                    verify_consistency((index, &old_root), (size, &tree_root), &forged).is_err()
                );
            }
        }
    }

    #[test]
    fn verification_survives_any_proof(
        index in any::<u64>(),
        size in any::<u64>(),
        hashes in prop::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let proof: Vec<Digest> = hashes.into_iter().map(Digest::from_bytes).collect();
        let root = Digest::of_bytes(b"some root");
        let leaf = Digest::of_bytes(b"some leaf");
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_err());
        prop_assert!(verify_consistency((index, &leaf), (size, &root), &proof).is_err());
    }
}

#[test]
fn stretches_of_leaves_have_the_roots_of_the_proof_and_of_the_frontier() {
    let leaves: Vec<Digest> = (0..40_u8).map(|byte| leaf_hash(&[byte])).collect();
    let root_of = |range: std::ops::Range<u64>| {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        root(leaves[range].iter().copied())
    };
    for size in 0..=leaves.len() {
        let tree = &leaves[..size];
        for first in 0..=size {
            let ranges = consistency_ranges(first as u64, size as u64).unwrap();
            let roots: Vec<Digest> = ranges.into_iter().map(root_of).collect();
            assert_eq!(roots, consistency_proof(tree, first as u64).unwrap());
        }
        let peaks: Vec<Digest> = peak_ranges(size as u64).into_iter().map(root_of).collect();
        let mut frontier = Frontier::default();
        for leaf in tree {
            frontier.append(*leaf);
        }
        assert_eq!(frontier.peaks(), peaks);
    }
    assert!(consistency_ranges(2, 1).is_err());
}
