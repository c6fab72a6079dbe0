//! Public implementations that are not ours, `signed_note`, `tlog_tiles` and `sigsum`, read what we write:
//! they accept our checkpoints, proofs, cosignatures and tiles, and refuse the tampered ones.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use gate_protocol::canonical::Digest;
    use gate_protocol::log::{
        Checkpoint, TileBuilder, consistency_proof, inclusion_proof, leaf_hash, root,
    };
    use gate_protocol::signed_note::{Cosigner, SignedNote, SigningKey, VerifierKey};
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
        let (signed, _) = Note::from_bytes(note.as_bytes())?.verify(&known)?;
        Ok(signed.len())
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

    /// All that `sigsum` verifies: its own kind of leaf, in a log of ours under the kind of name that
    /// it wants, with the signature of our witness.
    struct OfSigsum {
        log: SigningKey,
        author: SigningKey,
        witness: Cosigner,
        text: String,
    }

    fn hex(bytes: &[u8]) -> String {
        bytes
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    fn key_hash(key: &VerifierKey) -> Digest {
        Digest::of_bytes(key.public_bytes())
    }

    fn of_sigsum(message: &sigsum::Hash) -> OfSigsum {
        let unnamed = SigningKey::from_seed("x", &[7; 32]).unwrap().verifier();
        let origin = format!("sigsum.org/v1/tree/{}", key_hash(&unnamed));
        let log = SigningKey::from_seed(&origin, &[7; 32]).unwrap();
        let author = SigningKey::from_seed("author", &[8; 32]).unwrap();
        let witness = Cosigner::from_seed("witness.example/w", &[9; 32]).unwrap();
        let checksum = Digest::of_bytes(message.as_ref());
        let signed = author.sign_detached("sigsum.org/v1/tree-leaf", checksum.as_bytes());
        let signed = STANDARD.decode(signed.signature).unwrap();
        let author_hash = key_hash(&author.verifier());
        let leaf = [checksum.as_bytes(), &signed[..], author_hash.as_bytes()].concat();
        let mut leaves = leaves(9);
        leaves.insert(4, leaf_hash(&leaf));
        let checkpoint = Checkpoint {
            origin,
            size: 10,
            root: root(leaves.iter().copied()),
        };
        let line = witness.cosign(&checkpoint.to_string(), 42).unwrap();
        let note = checkpoint.sign(&[&log]).unwrap() + &line;
        let note = SignedNote::parse(note.as_bytes()).unwrap();
        let [by_log, by_witness] = note.signatures() else {
            panic!("{note:?}");
        };
        let mut text = format!(
            "version=2\nlog={}\nleaf={author_hash} {}\n\nsize=10\nroot_hash={}\nsignature={}\n\
             cosignature={} 42 {}\n\nleaf_index=4\n",
            key_hash(&unnamed),
            hex(&signed),
            checkpoint.root,
            hex(&by_log.signature),
            key_hash(witness.verifier()),
            hex(by_witness.signature.get(8..).unwrap()),
        );
        for hash in inclusion_proof(&leaves, 4).unwrap() {
            writeln!(text, "node_hash={hash}").unwrap();
        }
        OfSigsum {
            log,
            author,
            witness,
            text,
        }
    }

    #[test]
    fn a_public_verifier_accepts_our_proof_with_our_cosignature_and_refuses_tampered_ones() {
        let message = sigsum::Hash::new(b"what is logged");
        let of_sigsum = of_sigsum(&message);
        let public = |key: &VerifierKey| sigsum::PublicKey::from(*key.public_bytes());
        let verify = |text: &str, witness: &VerifierKey| {
            let mut policy = sigsum::PolicyBuilder::new();
            let log = public(&of_sigsum.log.verifier());
            policy.add_log(log, None).unwrap();
            let name = "witness".to_owned();
            policy
                .add_witness(name.clone(), public(witness), None)
                .unwrap();
            policy.set_quorum(name).unwrap();
            let signature = sigsum::SigsumSignature::from_ascii(text).unwrap();
            let signers = [public(&of_sigsum.author.verifier())];
            sigsum::verify(&message, &signature, &signers, &policy.build())
        };
        let (text, witness) = (&of_sigsum.text, of_sigsum.witness.verifier());
        verify(text, witness).unwrap();
        let other = Cosigner::from_seed("witness.example/v", &[10; 32]).unwrap();
        assert!(verify(text, other.verifier()).is_err());
        for (from, to) in [
            (" 42 ", " 43 "),
            ("size=10", "size=11"),
            ("leaf_index=4", "leaf_index=5"),
            ("node_hash=", "node_hash=00"),
        ] {
            let mut changed = text.replacen(from, to, 1);
            if from == "node_hash=" {
                let end = changed.find("node_hash=00").unwrap() + "node_hash=".len() + 64;
                changed.replace_range(end..end + 2, "");
            }
            assert_ne!(changed, *text);
            assert!(verify(&changed, witness).is_err(), "{to}");
        }
    }
}
