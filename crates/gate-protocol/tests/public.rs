//! Public implementations that are not ours, `signed_note` and `tlog_tiles`, read what we write:
//! they accept our checkpoints, proofs and tiles, and refuse the tampered ones.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gate_protocol::canonical::Digest;
    use gate_protocol::log::{
        Checkpoint, TileBuilder, consistency_proof, inclusion_proof, leaf_hash, root,
    };
    use gate_protocol::signed_note::{Cosigner, SigningKey};
    use signed_note::{Note, NoteError, StandardVerifier, VerifierList};
    use tlog_tiles::tile::{Tile, TileHashReader, TileReader};
    use tlog_tiles::tlog::{
        Error, Hash, TreeProof, check_record, check_tree, prove_record, prove_tree, record_hash,
    };

    const ORIGIN: &str = "gate.example/org/test/audit";

    fn key() -> SigningKey {
        SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap()
    }

    fn leaves(size: u64) -> Vec<Digest> {
        (0..size).map(|index| leaf_hash(&record(index))).collect()
    }

    fn record(index: u64) -> Vec<u8> {
        format!("record {index}").into_bytes()
    }

    fn note_over(leaves: &[Digest]) -> String {
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size: leaves.len() as u64,
            root: root(leaves.iter().copied()),
        };
        checkpoint.sign(&[&key()]).unwrap()
    }

    fn theirs(hash: &Digest) -> Hash {
        Hash(*hash.as_bytes())
    }

    fn proof_of(hashes: &[Digest]) -> TreeProof {
        hashes.iter().map(theirs).collect()
    }

    fn verified(note: &str, key: &SigningKey) -> Result<usize, NoteError> {
        let verifier = StandardVerifier::new(&key.verifier().to_string()).unwrap();
        let known = VerifierList::new(vec![Box::new(verifier)]);
        let (verified, _) = Note::from_bytes(note.as_bytes())?.verify(&known)?;
        Ok(verified.len())
    }

    #[test]
    fn a_public_reader_accepts_our_checkpoints_and_refuses_tampered_ones() {
        let leaves = leaves(7);
        let note = note_over(&leaves);
        assert_eq!(verified(&note, &key()).unwrap(), 1);
        let witness = Cosigner::from_seed("witness.example/w", &[9; 32]).unwrap();
        let (text, _) = note.split_once("\n\n").unwrap();
        let cosigned = note.clone() + &witness.cosign(&format!("{text}\n"), 42).unwrap();
        assert_eq!(verified(&cosigned, &key()).unwrap(), 1);
        let read = Note::from_bytes(cosigned.as_bytes()).unwrap();
        let checkpoint = tlog_tiles::checkpoint::Checkpoint::from_bytes(read.text()).unwrap();
        assert_eq!((checkpoint.origin(), checkpoint.size()), (ORIGIN, 7));
        assert_eq!(checkpoint.hash().0, *root(leaves).as_bytes());

        let longer = note.replacen("\n7\n", "\n8\n", 1);
        assert!(matches!(
            verified(&longer, &key()),
            Err(NoteError::InvalidSignature { .. })
        ));
        let thief = SigningKey::from_seed(ORIGIN, &[8; 32]).unwrap();
        assert!(matches!(
            verified(&note, &thief),
            Err(NoteError::UnverifiedNote)
        ));
    }

    #[test]
    fn a_public_reader_accepts_our_proofs_and_refuses_tampered_ones() {
        for size in [1, 2, 7, 64, 100] {
            let leaves = leaves(size);
            let whole = theirs(&root(leaves.iter().copied()));
            for (index, leaf) in (0..size).zip(&leaves) {
                let proof = proof_of(&inclusion_proof(&leaves, index).unwrap());
                check_record(&proof, size, whole, index, theirs(leaf)).unwrap();
                assert!(check_record(&proof, size, whole, index, record_hash(b"other")).is_err());
                let mut flipped = proof.clone();
                if let Some(hash) = flipped.last_mut() {
                    hash.0[0] ^= 1;
                    assert!(check_record(&flipped, size, whole, index, theirs(leaf)).is_err());
                }
            }
            for old in 1..=size {
                let part = leaves.iter().copied().take(usize::try_from(old).unwrap());
                let before = theirs(&root(part));
                let proof = proof_of(&consistency_proof(&leaves, old).unwrap());
                check_tree(&proof, size, whole, old, before).unwrap();
                assert!(check_tree(&proof, size, whole, old, Hash([9; 32])).is_err());
            }
        }
    }

    /// Our tiles, by their paths.
    struct Files(BTreeMap<String, Vec<u8>>);

    impl Files {
        fn of(size: u64) -> Self {
            let mut builder = TileBuilder::default();
            let mut files = BTreeMap::new();
            for index in 0..size {
                let record = record(index);
                let made = builder.append(&record, leaf_hash(&record)).unwrap();
                files.extend(
                    made.into_iter()
                        .map(|(tile, bytes)| (tile.to_string(), bytes)),
                );
            }
            let rest = builder.finish().into_iter();
            files.extend(rest.map(|(tile, bytes)| (tile.to_string(), bytes)));
            Self(files)
        }
    }

    impl TileReader for Files {
        fn height(&self) -> u8 {
            8
        }

        fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
            let files = tiles.iter().map(|tile| {
                // Theirs have the height in the path, which C2SP leaves out.
                let path = tile.path().replacen("tile/8/", "tile/", 1);
                let file = self.0.get(&path).unwrap_or_else(|| panic!("no {path}"));
                file.clone()
            });
            Ok(files.collect())
        }

        fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
    }

    #[test]
    fn a_public_reader_makes_its_proofs_from_our_tiles_and_refuses_tampered_ones() {
        for size in [1, 255, 256, 257, 66_000] {
            let leaves = leaves(size);
            let whole = root(leaves.iter().copied());
            let mut files = Files::of(size);
            {
                let reader = TileHashReader::new(size, theirs(&whole), &files);
                let index = size / 2;
                let proof = prove_record(size, index, &reader).unwrap();
                assert_eq!(proof, proof_of(&inclusion_proof(&leaves, index).unwrap()));
                let old = size.div_ceil(3);
                let proof = prove_tree(size, old, &reader).unwrap();
                assert_eq!(proof, proof_of(&consistency_proof(&leaves, old).unwrap()));
            }
            // The proof of an only record is empty, and no tile is read for it.
            if size == 1 {
                continue;
            }
            for bytes in files.0.values_mut() {
                bytes[0] ^= 1;
            }
            let reader = TileHashReader::new(size, theirs(&whole), &files);
            assert!(prove_record(size, 0, &reader).is_err(), "{size}");
        }
    }
}
