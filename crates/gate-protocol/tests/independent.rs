//! The verifier in Python, which shares no code with this crate, against logs
//! that were made and spoilt here: both must come to the same answer.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use gate_protocol::canonical::Digest;
    use gate_protocol::log::{
        AuditRecord, Checkpoint, LogFault, LogVerifier, RecordType, TlogProof, inclusion_proof,
        leaf_hash, root,
    };
    use gate_protocol::signed_note::{Cosigner, SigningKey};
    use jiff::Timestamp;
    use serde_json::{Value, json};

    const ORIGIN: &str = "gate.example/org/test/audit";

    /// A folder of its own for each test, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
                .join(format!("{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn key() -> SigningKey {
        SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap()
    }

    fn record(seq: usize, prev: Digest, record_type: &str, body: &Value) -> Vec<u8> {
        let record_type: RecordType = record_type.parse().unwrap();
        let seq = u64::try_from(seq).unwrap();
        let at = Timestamp::from_millisecond(1_767_225_600_123).unwrap();
        let record = AuditRecord::new(seq, prev, at, &record_type, body).unwrap();
        record.bytes().to_vec()
    }

    fn log_of(facts: &[(&str, Value)]) -> Vec<Vec<u8>> {
        let mut log: Vec<Vec<u8>> = Vec::new();
        for (record_type, body) in facts {
            let prev = log
                .last()
                .map_or(Digest::ZERO, |last| Digest::of_bytes(last));
            log.push(record(log.len(), prev, record_type, body));
        }
        log
    }

    /// Names that sort differently as UTF-8 and as UTF-16, and every escape.
    fn sound_log() -> Vec<Vec<u8>> {
        log_of(&[
            (
                "server.epoch",
                json!({"\u{fb33}": 1, "😀": -9_007_199_254_740_991_i64}),
            ),
            (
                "request.created",
                json!({"request": "r", "reason": "\u{1}\t\"\\/é\u{7f}\u{2028}"}),
            ),
            (
                "decision.recorded",
                json!({"request": "r", "reviewer": "bob", "status": "approved"}),
            ),
            (
                "grant.claimed",
                json!({"request": "r", "approved_by": ["bob"]}),
            ),
            ("run.started", json!({"request": "r"})),
            ("run.unknown", json!({"request": "r"})),
            (
                "run.finished",
                json!({"request": "r", "nested": [[], {}, null, true]}),
            ),
        ])
    }

    fn checkpoint_over(log: &[Vec<u8>]) -> Checkpoint {
        Checkpoint {
            origin: ORIGIN.to_owned(),
            size: log.len() as u64,
            root: root(log.iter().map(|record| leaf_hash(record))),
        }
    }

    /// Returns how Python's verifier ended and what it printed.
    fn python(folder: &Folder, log: &[Vec<u8>], note: &str) -> (Option<i32>, String) {
        let (records, checkpoint) = (folder.0.join("records.jsonl"), folder.0.join("checkpoint"));
        let lines: Vec<u8> = log
            .iter()
            .flat_map(|record| [record, &b"\n"[..]].concat())
            .collect();
        std::fs::write(&records, lines).unwrap();
        std::fs::write(&checkpoint, note).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/verify_log.py");
        let output = Command::new("python3")
            .arg(script)
            .args([records, checkpoint])
            .arg(key().verifier().to_string())
            .output()
            .unwrap();
        assert!(output.stderr.is_empty(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said.trim_end().to_owned())
    }

    fn first_bad(log: &[Vec<u8>], checkpoint: Checkpoint) -> Option<String> {
        let mut verifier = LogVerifier::new(vec![checkpoint]);
        match log.iter().try_for_each(|record| verifier.feed(record)) {
            Err(LogFault::Record(bad)) => Some(bad.place()),
            _ => None,
        }
    }

    fn spoilt(log: &[Vec<u8>], spoil: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<Vec<u8>> {
        let mut log = log.to_vec();
        spoil(&mut log);
        log
    }

    fn with_text(log: &[Vec<u8>], index: usize, from: &str, to: &str) -> Vec<Vec<u8>> {
        spoilt(log, |log| {
            let text = String::from_utf8(log[index].clone()).unwrap();
            assert!(text.contains(from), "{text}");
            log[index] = text.replace(from, to).into_bytes();
        })
    }

    #[test]
    fn python_accepts_a_sound_log() {
        let folder = Folder::new("sound");
        let log = sound_log();
        let checkpoint = checkpoint_over(&log);
        let expected = format!("ok 7 records root {}", checkpoint.root);
        let note = checkpoint.sign(&[&key()]).unwrap();
        assert_eq!(python(&folder, &log, &note), (Some(0), expected));
        let empty = checkpoint_over(&[]);
        let expected = format!("ok 0 records root {}", empty.root);
        let note = empty.sign(&[&key()]).unwrap();
        assert_eq!(python(&folder, &[], &note), (Some(0), expected));
    }

    /// Each way to spoil the log, with the record that is to be named.
    fn spoilt_logs(log: &[Vec<u8>]) -> Vec<(&'static str, Vec<Vec<u8>>)> {
        let second_claim = log_of(&[
            ("request.created", json!({"request": "r"})),
            (
                "decision.recorded",
                json!({"request": "r", "reviewer": "bob", "status": "approved"}),
            ),
            (
                "grant.claimed",
                json!({"request": "r", "approved_by": ["bob"]}),
            ),
            ("run.unknown", json!({"request": "r"})),
            (
                "grant.claimed",
                json!({"request": "r", "approved_by": ["bob"]}),
            ),
        ]);
        let unsaid = log_of(&[
            ("request.created", json!({"request": "r"})),
            ("decision.recorded", json!({"request": "r"})),
        ]);
        vec![
            ("1", unsaid),
            ("3", spoilt(log, |log| drop(log.remove(3)))),
            ("2", spoilt(log, |log| log.swap(2, 3))),
            ("5", spoilt(log, |log| log.insert(5, log[4].clone()))),
            (
                "1, or the link to it in 2",
                with_text(log, 1, "\"r\"", "\"s\""),
            ),
            ("4", with_text(log, 4, "\"v\":1", "\"v\":1.0")),
            ("4", with_text(log, 4, "\"v\":1", "\"v\":true")),
            ("4", with_text(log, 4, "\"v\":1", "\"v\":1,\"v\":1")),
            ("4", with_text(log, 4, "\"v\":1", "\"v\": 1")),
            (
                "0",
                with_text(log, 0, "-9007199254740991", "-9007199254740992"),
            ),
            ("0", with_text(log, 0, "-9007199254740991", "NaN")),
            ("0", with_text(log, 0, "-9007199254740991", "-0")),
            ("1", with_text(log, 1, "\u{7f}", "\\u007f")),
            ("1", with_text(log, 1, "\u{7f}", "\\ud800")),
            ("1", with_text(log, 1, "\u{7f}", "\\u0000")),
            ("6", with_text(log, 6, ".123Z", ".123+00:00")),
            ("6", with_text(log, 6, "2026-01-01T", "2026-02-29T")),
            ("6", with_text(log, 6, "T00:", "T24:")),
            ("6", with_text(log, 6, "run.finished", "Run.finished")),
            (
                "6",
                with_text(
                    log,
                    6,
                    "[[],",
                    &format!("[{}{},", "[".repeat(64), "]".repeat(64)),
                ),
            ),
            ("4", second_claim),
        ]
    }

    #[test]
    fn python_names_the_same_first_bad_record() {
        let folder = Folder::new("spoilt");
        let log = sound_log();
        let checkpoint = checkpoint_over(&log);
        let note = checkpoint.sign(&[&key()]).unwrap();
        for (bad, spoilt) in spoilt_logs(&log) {
            assert_eq!(first_bad(&spoilt, checkpoint.clone()).as_deref(), Some(bad));
            let (code, said) = python(&folder, &spoilt, &note);
            assert_eq!(code, Some(1), "{said}");
            assert!(
                said.starts_with(&format!("bad record {bad}: ")),
                "{bad}: {said}"
            );
        }
    }

    #[test]
    fn python_holds_the_records_against_the_checkpoint() {
        let folder = Folder::new("checkpoint");
        let log = sound_log();
        let note = checkpoint_over(&log).sign(&[&key()]).unwrap();
        let other = SigningKey::from_seed(ORIGIN, &[8; 32]).unwrap();
        let by_other = checkpoint_over(&log).sign(&[&other]).unwrap();
        let longer = note.replace("\n7\n", "\n8\n");
        let changed = with_text(&log, 6, "true", "false");
        let cut = spoilt(&log, |log| log.truncate(6));
        for (log, note, said) in [
            (&changed, &note, "was signed"),
            (
                &cut,
                &note,
                "6 records, but the checkpoint was signed for 7",
            ),
            (&log, &by_other, "not signed by the key"),
            (&log, &longer, "signature does not match"),
            (&log, &String::new(), "malformed"),
        ] {
            let (code, printed) = python(&folder, log, note);
            assert_eq!(code, Some(1), "{printed}");
            assert!(printed.contains(said), "{printed}");
        }
    }

    /// Returns how Python's verifier of proofs ended and what it printed.
    fn python_of_proofs(args: &[&str]) -> (Option<i32>, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/verify_proof.py");
        let output = Command::new("python3")
            .arg(script)
            .args(args)
            .output()
            .unwrap();
        assert!(output.stderr.is_empty(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said.trim_end().to_owned())
    }

    const VECTORS: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/audit-vectors.json"
    );

    #[test]
    fn python_agrees_with_each_published_vector_and_with_none_that_was_changed() {
        let accepted = python_of_proofs(&["vectors", VECTORS]);
        assert_eq!(accepted, (Some(0), "ok vectors".to_owned()));
        let folder = Folder::new("vectors");
        let file = folder.0.join("vectors.json");
        let good = std::fs::read_to_string(VECTORS).unwrap();
        for (from, to) in [
            ("\\\"n\\\":3", "\\\"n\\\":4"),
            ("bead66109", "bead66108"),
            ("6a54392e19", "6a54392e18"),
            ("9dc0e93ed9", "9dc0e93ed8"),
            ("XKToFz8w", "XKToFz8x"),
            ("index 2", "index 3"),
            ("UPWVgw+X2", "UPWVgw+X3"),
            ("IDJKvgAAAABp", "IDJKvgAAAABq"),
            ("heHU7Uv4", "heHU7Uv5"),
            ("e3b0c44298", "e3b0c44299"),
        ] {
            let changed = good.replacen(from, to, 1);
            assert_ne!(changed, good, "{from}");
            std::fs::write(&file, changed).unwrap();
            let (code, said) = python_of_proofs(&["vectors", file.to_str().unwrap()]);
            assert_eq!(code, Some(1), "{from}: {said}");
        }
    }

    #[test]
    fn python_accepts_our_proofs_with_their_cosignatures_and_no_changed_one() {
        let folder = Folder::new("proof");
        let log = sound_log();
        let leaves: Vec<Digest> = log.iter().map(|record| leaf_hash(record)).collect();
        let checkpoint = checkpoint_over(&log);
        let witness = Cosigner::from_seed("witness.example/w", &[9; 32]).unwrap();
        let line = witness.cosign(&checkpoint.to_string(), 42).unwrap();
        let proof = TlogProof {
            extra: Some(log[3].clone()),
            index: 3,
            hashes: inclusion_proof(&leaves, 3).unwrap(),
            checkpoint: checkpoint.sign(&[&key()]).unwrap() + &line,
        };
        let file = folder.0.join("one.tlog-proof");
        let python = |text: String| {
            std::fs::write(&file, text).unwrap();
            let keys = [key().verifier().to_string(), witness.verifier().to_string()];
            python_of_proofs(&["proof", file.to_str().unwrap(), &keys[0], &keys[1]])
        };
        let accepted = (Some(0), "ok record 3 of 7".to_owned());
        assert_eq!(python(proof.to_string()), accepted);
        let moved = TlogProof {
            index: 2,
            ..proof.clone()
        };
        let other = TlogProof {
            extra: Some(log[2].clone()),
            ..proof.clone()
        };
        let later = proof.to_string().replacen("AAAAAAAq", "AAAAAAAr", 1);
        for changed in [moved.to_string(), other.to_string(), later] {
            assert_ne!(changed, proof.to_string());
            let (code, said) = python(changed);
            assert_eq!(code, Some(1), "{said}");
        }
    }
}
