//! The published vectors: records, tree, checkpoint and proofs that were made
//! and confirmed by two other programs.

use serde::Deserialize;

use super::super::checkpoint::parse_hash;
use super::super::{
    Checkpoint, CheckpointError, LogVerifier, SignedCheckpoint, TlogProof, TlogProofError,
    consistency_proof, empty_root, inclusion_proof, leaf_hash, root, verify_consistency,
    verify_inclusion,
};
use super::checkpoint_over;
use crate::canonical::{Digest, is_canonical};
use crate::signed_note::{Algorithm, NoteError, SignedNote, SigningKey, VerifierKey};

#[derive(Deserialize)]
struct Vectors {
    log_seed_hex: Digest,
    log_vkey: VerifierKey,
    witness_vkey: VerifierKey,
    records: Vec<String>,
    leaf_hashes: Vec<Digest>,
    root_size5: Digest,
    root_size7: Digest,
    checkpoint: String,
    consistency_5_7: Vec<String>,
    tlog_proof_index2: String,
    empty_root: Digest,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../tests/vectors/audit-vectors.json")).unwrap()
}

fn hashes(lines: &[String]) -> Vec<Digest> {
    lines.iter().map(|line| parse_hash(line).unwrap()).collect()
}

#[test]
fn leaves_and_roots_are_those_of_the_vectors() {
    let vectors = vectors();
    let leaves: Vec<Digest> = vectors
        .records
        .iter()
        .map(|record| leaf_hash(record.as_bytes()))
        .collect();
    assert_eq!(leaves, vectors.leaf_hashes);
    assert_eq!(root(leaves[..5].iter().copied()), vectors.root_size5);
    assert_eq!(root(leaves.iter().copied()), vectors.root_size7);
    assert_eq!(empty_root(), vectors.empty_root);
    assert!(
        vectors
            .records
            .iter()
            .all(|record| is_canonical(record.as_bytes()))
    );
}

#[test]
fn the_checkpoint_verifies_with_log_and_witness() {
    let vectors = vectors();
    assert_eq!(vectors.log_vkey.algorithm(), Algorithm::Ed25519);
    assert_eq!(vectors.witness_vkey.algorithm(), Algorithm::CosignatureV1);
    let note = vectors.checkpoint.as_bytes();
    let witnesses = std::slice::from_ref(&vectors.witness_vkey);
    let signed = SignedCheckpoint::verify(note, &vectors.log_vkey, witnesses).unwrap();
    assert_eq!(signed.checkpoint.origin, "gate.example/org/acme/audit");
    assert_eq!(signed.checkpoint.size, 7);
    assert_eq!(signed.checkpoint.root, vectors.root_size7);
    assert_eq!(signed.cosignatures.len(), 1);
    assert_eq!(signed.cosignatures[0].name, "witness.example/w1");
    assert_eq!(
        signed.cosignatures[0].cosigned_at_seconds,
        Some(1_767_225_660)
    );

    let alone = SignedCheckpoint::verify(note, &vectors.log_vkey, &[]).unwrap();
    assert!(alone.cosignatures.is_empty());
}

#[test]
fn our_key_makes_the_signature_of_the_vectors() {
    let vectors = vectors();
    let key =
        SigningKey::from_seed(vectors.log_vkey.name(), vectors.log_seed_hex.as_bytes()).unwrap();
    assert_eq!(key.verifier(), vectors.log_vkey);
    let checkpoint = Checkpoint {
        origin: key.name().to_owned(),
        size: 7,
        root: vectors.root_size7,
    };
    let signed = checkpoint.sign(&[&key]).unwrap();
    assert!(vectors.checkpoint.starts_with(&signed), "{signed}");
}

#[test]
fn a_wrong_cosignature_of_a_known_witness_spoils_the_checkpoint() {
    let vectors = vectors();
    let note = SignedNote::parse(vectors.checkpoint.as_bytes()).unwrap();
    assert_eq!(note.signatures()[1].signature.len(), 72);
    let forged = vectors.checkpoint.replace("IDJKvgAAAABp", "IDJKvgAAAABq");
    assert_ne!(forged, vectors.checkpoint);
    let witnesses = std::slice::from_ref(&vectors.witness_vkey);
    assert_eq!(
        SignedCheckpoint::verify(forged.as_bytes(), &vectors.log_vkey, witnesses),
        Err(NoteError::BadSignature(vectors.witness_vkey.label()).into())
    );
    assert!(SignedCheckpoint::verify(forged.as_bytes(), &vectors.log_vkey, &[]).is_ok());
}

#[test]
fn the_log_verifies_up_to_its_checkpoint() {
    let vectors = vectors();
    let signed =
        SignedCheckpoint::verify(vectors.checkpoint.as_bytes(), &vectors.log_vkey, &[]).unwrap();
    let mut verifier = LogVerifier::new(vec![signed.checkpoint]);
    for record in &vectors.records {
        verifier.feed(record.as_bytes()).unwrap();
    }
    let log = verifier.finish().unwrap();
    assert_eq!((log.records, log.vouched, log.open_claims), (7, 7, 0));
    assert_eq!(log.root, vectors.root_size7);
}

#[test]
fn the_consistency_proof_from_five_to_seven_is_that_of_the_vectors() {
    let vectors = vectors();
    let proof = hashes(&vectors.consistency_5_7);
    assert_eq!(
        verify_consistency((5, &vectors.root_size5), (7, &vectors.root_size7), &proof),
        Ok(())
    );
    assert_eq!(consistency_proof(&vectors.leaf_hashes, 5), Ok(proof));
}

#[test]
fn the_receipt_of_record_two_is_that_of_the_vectors() {
    let vectors = vectors();
    let text = &vectors.tlog_proof_index2;
    let proof = TlogProof::parse(text.as_bytes()).unwrap();
    assert_eq!(proof.to_string(), *text);
    assert_eq!(proof.index, 2);
    assert_eq!(
        inclusion_proof(&vectors.leaf_hashes, 2).as_ref(),
        Ok(&proof.hashes)
    );
    let record = vectors.records[2].as_bytes();
    let witnesses = std::slice::from_ref(&vectors.witness_vkey);
    let signed = proof.verify(record, &vectors.log_vkey, witnesses).unwrap();
    assert_eq!(signed.checkpoint.size, 7);
    assert_eq!(
        verify_inclusion(
            &vectors.leaf_hashes[2],
            2,
            7,
            &proof.hashes,
            &vectors.root_size7
        ),
        Ok(())
    );
    for other in [1, 3] {
        assert!(matches!(
            proof.verify(vectors.records[other].as_bytes(), &vectors.log_vkey, &[]),
            Err(TlogProofError::Inclusion(_))
        ));
    }
    let mut moved = proof.clone();
    moved.index = 3;
    assert!(moved.verify(record, &vectors.log_vkey, &[]).is_err());
}

#[test]
fn a_receipt_keeps_extra_data_and_refuses_other_forms() {
    let vectors = vectors();
    let text = &vectors.tlog_proof_index2;
    let with_extra = text.replace("\nindex 2", "\nextra eA==\nindex 2");
    let proof = TlogProof::parse(with_extra.as_bytes()).unwrap();
    assert_eq!(proof.extra.as_deref(), Some(&b"x"[..]));
    assert_eq!(proof.to_string(), with_extra);
    for wrong in [
        text.replace("@v1", "@v2"),
        text.replace("index 2", "index 02"),
        text.replace("index 2", "index +2"),
        text.replace("index 2\n", ""),
        text.replace("\nindex 2", "\nindex 2\nextra eA=="),
        text.replace("\nindex 2", "\nextra eB==\nindex 2"),
        text.replace("UPWVgw", "UPWVg"),
        text.replace("\n\n", "\n"),
        text.replace(
            "\nindex 2",
            &format!(
                "\nindex 2{}",
                "\nUPWVgw+X2yDUPHOHfzrxDS7/1Yz2NVHk+1WZrgmWcCE=".repeat(64)
            ),
        ),
        String::new(),
    ] {
        assert!(
            matches!(
                TlogProof::parse(wrong.as_bytes()),
                Err(TlogProofError::Malformed(_))
            ),
            "{wrong}"
        );
    }
}

#[test]
fn a_checkpoint_is_three_lines_of_the_right_log() {
    let vectors = vectors();
    let good = "gate.example/log\n7\nncDpPtmj8weuabeR7gLfFJdnLjJD6ebn/YM9fZE2ysM=\n";
    assert_eq!(Checkpoint::parse(good).unwrap().to_string(), good);
    for wrong in [
        good.replace("gate.example/log", ""),
        good.replace("\n7\n", "\n07\n"),
        good.replace("\n7\n", "\n+7\n"),
        good.replace("\n7\n", "\n-7\n"),
        good.replace("\n7\n", "\n18446744073709551616\n"),
        good.replace("\n7\n", "\n0\n"),
        good.replace("M=\n", "N=\n"),
        good.replace("M=\n", "=\n"),
        good.trim_end().to_owned(),
        format!("{good}extension\n"),
        format!("{good}\n"),
        String::new(),
    ] {
        assert!(
            matches!(
                Checkpoint::parse(&wrong),
                Err(CheckpointError::Malformed(_))
            ),
            "{wrong:?}"
        );
    }
    let other = SigningKey::from_seed("other.example", &[9; 32]).unwrap();
    let mut checkpoint = checkpoint_over(&[]);
    assert!(matches!(
        checkpoint.sign(&[&other]),
        Err(CheckpointError::Origin { .. })
    ));
    checkpoint.origin = "two\nlines".to_owned();
    assert!(checkpoint.sign(&[&other]).is_err());

    let by_witness_alone = vectors
        .checkpoint
        .lines()
        .filter(|line| !line.contains("\u{2014} gate.example"))
        .fold(String::new(), |note, line| note + line + "\n");
    let witnesses = std::slice::from_ref(&vectors.witness_vkey);
    assert_eq!(
        SignedCheckpoint::verify(by_witness_alone.as_bytes(), &vectors.log_vkey, witnesses),
        Err(CheckpointError::NotByLog(vectors.log_vkey.label()))
    );
    let renamed =
        crate::signed_note::sign_note(&checkpoint_over(&[]).to_string(), &[&other]).unwrap();
    assert!(matches!(
        SignedCheckpoint::verify(renamed.as_bytes(), &other.verifier(), &[]),
        Err(CheckpointError::Origin { .. })
    ));
}
