//! A witness signs one history of each log: C2SP tlog-witness and tlog-cosignature.

#[cfg(test)]
mod tests {
    use gate_protocol::canonical::Digest;
    use gate_protocol::log::{
        AddCheckpoint, Checkpoint, SignedCheckpoint, WitnessRefusal, consistency_proof, leaf_hash,
        root,
    };
    use gate_protocol::signed_note::{Cosigner, SigningKey, VerifierKey};
    use serde::Deserialize;

    const ORIGIN: &str = "gate.example/org/test/audit";

    #[derive(Deserialize)]
    struct Vectors {
        witness_seed_hex: Digest,
        witness_vkey: VerifierKey,
        log_vkey: VerifierKey,
        checkpoint: String,
        root_size5: Digest,
        leaf_hashes: Vec<Digest>,
    }

    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("vectors/audit-vectors.json")).unwrap()
    }

    fn leaves(history: &str, size: u64) -> Vec<Digest> {
        (0..size)
            .map(|index| leaf_hash(format!("{history} {index}").as_bytes()))
            .collect()
    }

    fn log_key() -> SigningKey {
        SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap()
    }

    fn checkpoint(leaves: &[Digest]) -> Checkpoint {
        Checkpoint {
            origin: ORIGIN.to_owned(),
            size: leaves.len() as u64,
            root: root(leaves.iter().copied()),
        }
    }

    fn asked(leaves: &[Digest], old_size: u64) -> AddCheckpoint {
        AddCheckpoint {
            old_size,
            proof: consistency_proof(leaves, old_size).unwrap(),
            checkpoint: checkpoint(leaves).sign(&[&log_key()]).unwrap(),
        }
    }

    fn admit(
        asked: &AddCheckpoint,
        newest: Option<&Checkpoint>,
    ) -> Result<Checkpoint, WitnessRefusal> {
        asked.admit(&log_key().verifier(), newest)
    }

    #[test]
    fn our_witness_makes_the_cosignature_of_the_vectors() {
        let vectors = vectors();
        let name = vectors.witness_vkey.name();
        let witness = Cosigner::from_seed(name, vectors.witness_seed_hex.as_bytes()).unwrap();
        assert_eq!(*witness.verifier(), vectors.witness_vkey);
        let (text, signatures) = vectors.checkpoint.split_once("\n\n").unwrap();
        let line = witness.cosign(&format!("{text}\n"), 1_767_225_660).unwrap();
        assert_eq!(signatures.lines().nth(1).unwrap(), line.trim_end());
        assert!(witness.cosign("no newline", 1).is_err());
    }

    #[test]
    fn the_consistency_of_the_vectors_is_admitted() {
        let vectors = vectors();
        let newest = Checkpoint {
            origin: vectors.log_vkey.name().to_owned(),
            size: 5,
            root: vectors.root_size5,
        };
        let asked = AddCheckpoint {
            old_size: 5,
            proof: consistency_proof(&vectors.leaf_hashes, 5).unwrap(),
            checkpoint: vectors.checkpoint,
        };
        let admitted = asked.admit(&vectors.log_vkey, Some(&newest)).unwrap();
        assert_eq!(admitted.size, 7);
        assert_eq!(asked.origin(), Some(vectors.log_vkey.name()));
    }

    #[test]
    fn a_body_is_read_as_it_was_written_and_in_no_other_form() {
        let asked = asked(&leaves("a", 7), 5);
        let body = asked.to_string();
        assert_eq!(AddCheckpoint::parse(body.as_bytes()), Ok(asked));
        let hash = body.lines().nth(1).unwrap();
        for wrong in [
            body.replacen("old 5", "old 05", 1),
            body.replacen("old 5", "new 5", 1),
            body.replacen("old 5\n", "", 1),
            body.replacen(hash, "AAAA", 1),
            body.replacen(hash, &format!("{hash}\n").repeat(64), 1),
            body.replacen("\n\n", "\n", 2),
            String::new(),
        ] {
            let refused = AddCheckpoint::parse(wrong.as_bytes());
            assert!(
                matches!(refused, Err(WitnessRefusal::Malformed(_))),
                "{wrong}"
            );
        }
        assert!(AddCheckpoint::parse(b"\xff").is_err());
        assert!(AddCheckpoint::parse(&vec![b'x'; 1 << 20]).is_err());
    }

    #[test]
    fn a_log_is_signed_as_it_grows_and_its_cosignature_holds() {
        let witness = Cosigner::from_seed("witness.example/w", &[9; 32]).unwrap();
        let mut newest = None;
        for (old, size) in [(0, 0), (0, 1), (1, 1), (1, 300), (300, 301)] {
            let asked = asked(&leaves("a", size), old);
            let admitted = admit(&asked, newest.as_ref()).unwrap();
            let line = witness.cosign(&admitted.to_string(), 42).unwrap();
            let note = asked.checkpoint + &line;
            let keys = [witness.verifier().clone()];
            let signed =
                SignedCheckpoint::verify(note.as_bytes(), &log_key().verifier(), &keys).unwrap();
            assert_eq!(signed.cosignatures.len(), 1);
            assert_eq!(signed.cosignatures[0].cosigned_at_seconds, Some(42));
            newest = Some(admitted);
        }
    }

    /// The split view and the rollback, in each of the ways to try them.
    #[test]
    fn a_second_history_and_an_older_copy_are_refused() {
        let seen = checkpoint(&leaves("a", 7));
        let refuse = |asked: &AddCheckpoint| admit(asked, Some(&seen)).unwrap_err();
        let conflict = WitnessRefusal::Conflict { size: 7 };
        // The same size under another root.
        assert_eq!(refuse(&asked(&leaves("b", 7), 7)), conflict);
        // A longer log that does not go on from what was signed.
        let split = refuse(&asked(&leaves("b", 9), 7));
        assert!(matches!(split, WitnessRefusal::Unproven(_)), "{split:?}");
        // From another old size, a true one or not.
        assert_eq!(refuse(&asked(&leaves("a", 9), 5)), conflict);
        assert_eq!(refuse(&asked(&leaves("b", 9), 0)), conflict);
        // Back to what the log was before.
        assert_eq!(refuse(&asked(&leaves("a", 6), 6)), conflict);
        let mut back = asked(&leaves("a", 6), 6);
        back.old_size = 7;
        assert_eq!(refuse(&back), WitnessRefusal::Malformed("old size"));
        let first = admit(&asked(&leaves("a", 9), 5), None).unwrap_err();
        assert_eq!(first, WitnessRefusal::Conflict { size: 0 });
    }

    #[test]
    fn what_the_log_did_not_sign_is_not_signed() {
        let asked = asked(&leaves("a", 3), 0);
        let other = SigningKey::from_seed(ORIGIN, &[8; 32]).unwrap();
        assert!(matches!(
            asked.admit(&other.verifier(), None),
            Err(WitnessRefusal::NotByLog(_))
        ));
        let mut changed = asked;
        changed.checkpoint = changed.checkpoint.replacen("\n3\n", "\n4\n", 1);
        assert!(matches!(
            admit(&changed, None),
            Err(WitnessRefusal::NotByLog(_))
        ));
    }
}
