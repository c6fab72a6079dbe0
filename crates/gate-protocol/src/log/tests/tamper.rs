//! "After a checkpoint is signed, no one can change, remove or reorder an
//! earlier record without detection by anyone holding that checkpoint."

use proptest::prelude::*;
use serde_json::Value;

use super::super::{
    AuditRecord, BadRecord, Checkpoint, ExportError, ExportReader, LogFault, LogVerifier,
    MAX_RECORD_BYTES, RecordError, RecordFault,
};
use super::{checkpoint_over, log_of, verify};
use crate::canonical::{Digest, from_strict_slice, to_canonical_bytes};

fn sound_log() -> Vec<Vec<u8>> {
    log_of(&[
        ("server.epoch", "", ""),
        ("request.created", "a", ""),
        ("request.created", "b", ""),
        ("decision.recorded", "a", "approved"),
        ("decision.recorded", "b", "denied"),
        ("grant.claimed", "a", ""),
        ("run.started", "a", ""),
        ("allow.recorded", "", ""),
        ("run.finished", "a", ""),
        ("client.epoch_reset", "", ""),
    ])
}

/// Makes seq and prev right again from `from` on, as who holds the database can.
fn rechain(log: &mut [Vec<u8>], from: usize) {
    for index in from..log.len() {
        let mut members: Value = from_strict_slice(&log[index]).unwrap();
        let prev = match index {
            0 => Digest::ZERO,
            _ => Digest::of_bytes(&log[index - 1]),
        };
        members["prev"] = Value::from(prev.to_string());
        members["seq"] = Value::from(index);
        log[index] = to_canonical_bytes(&members).unwrap();
    }
}

fn bad_record(log: &[Vec<u8>], checkpoint: &Checkpoint) -> BadRecord {
    match verify(log, vec![checkpoint.clone()]) {
        Err(LogFault::Record(bad)) => bad,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sound_log_verifies() {
    let log = sound_log();
    let checkpoint = checkpoint_over(&log);
    let verified = verify(&log, vec![checkpoint.clone()]).unwrap();
    assert_eq!(verified.root, checkpoint.root);
    assert_eq!((verified.records, verified.vouched), (10, 10));
    assert_eq!(verify(&log, Vec::new()).unwrap().vouched, 0);
}

#[test]
fn an_empty_log_verifies_only_against_the_empty_root() {
    let empty = checkpoint_over(&[]);
    assert_eq!(verify(&[], vec![empty.clone()]).unwrap().records, 0);
    let mut wrong = empty;
    wrong.root = Digest::ZERO;
    assert!(matches!(
        verify(&[], vec![wrong.clone()]),
        Err(LogFault::Root { size: 0, .. })
    ));
    assert!(verify(&sound_log(), vec![wrong]).is_err());
}

#[test]
fn every_flipped_bit_is_caught_at_its_record_or_by_the_checkpoint() {
    let log = sound_log();
    let checkpoint = checkpoint_over(&log);
    for index in 0..log.len() {
        for place in 0..log[index].len() {
            for bit in 0..8 {
                let mut changed = log.clone();
                changed[index][place] ^= 1 << bit;
                match verify(&changed, vec![checkpoint.clone()]) {
                    Err(LogFault::Record(bad)) => {
                        assert!(
                            bad.index == index as u64 || bad.linked_by == Some(index as u64),
                            "record {index}, byte {place}, bit {bit}: {bad:?}"
                        );
                    }
                    Err(LogFault::Root { .. }) => assert_eq!(index, log.len() - 1),
                    other => panic!("record {index}, byte {place}, bit {bit}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn a_removed_record_is_named() {
    let log = sound_log();
    let checkpoint = checkpoint_over(&log);
    for index in 0..log.len() - 1 {
        let mut changed = log.clone();
        changed.remove(index);
        let bad = bad_record(&changed, &checkpoint);
        assert_eq!(bad.index, index as u64);
        assert_eq!(bad.fault, RecordFault::OutOfOrder(index as u64 + 1));
    }
}

#[test]
fn a_log_that_was_cut_short_is_caught() {
    let log = sound_log();
    let checkpoint = checkpoint_over(&log);
    for length in 0..log.len() {
        assert_eq!(
            verify(&log[..length], vec![checkpoint.clone()]),
            Err(LogFault::Truncated {
                records: length as u64,
                size: 10
            })
        );
    }
}

#[test]
fn swapped_and_inserted_records_are_named() {
    let log = sound_log();
    let checkpoint = checkpoint_over(&log);
    for index in 0..log.len() - 1 {
        let mut swapped = log.clone();
        swapped.swap(index, index + 1);
        let bad = bad_record(&swapped, &checkpoint);
        assert_eq!(bad.index, index as u64);
        assert_eq!(bad.fault, RecordFault::OutOfOrder(index as u64 + 1));

        let mut inserted = log.clone();
        inserted.insert(index + 1, log[index].clone());
        let bad = bad_record(&inserted, &checkpoint);
        assert_eq!(bad.index, index as u64 + 1);
        assert_eq!(bad.fault, RecordFault::OutOfOrder(index as u64));
    }
}

#[test]
fn a_record_with_another_prev_is_named() {
    let log = sound_log();
    let checkpoint = checkpoint_over(&log);
    for index in 0..log.len() {
        let record = AuditRecord::parse(&log[index]).unwrap();
        let other = AuditRecord::new(
            record.seq(),
            Digest::of_bytes(b"other"),
            record.at(),
            record.record_type(),
            record.body(),
        )
        .unwrap();
        let mut changed = log.clone();
        changed[index] = other.bytes().to_vec();
        let bad = bad_record(&changed, &checkpoint);
        let place = match index.checked_sub(1) {
            Some(before) => format!("{before}, or the link to it in {index}"),
            None => "0".to_owned(),
        };
        assert_eq!(bad.place(), place);
        assert!(matches!(bad.fault, RecordFault::Unchained { .. }));
    }
}

#[test]
fn a_changed_record_is_named_and_the_link_that_tells() {
    let log = sound_log();
    let checkpoint = checkpoint_over(&log);
    for index in 0..log.len() - 1 {
        let mut changed = log.clone();
        let text = String::from_utf8(changed[index].clone()).unwrap();
        let later = text.replacen("\"ts\":\"2", "\"ts\":\"3", 1);
        assert_ne!(later, text);
        changed[index] = later.into_bytes();
        let bad = bad_record(&changed, &checkpoint);
        assert_eq!(
            (bad.index, bad.linked_by),
            (index as u64, Some(index as u64 + 1))
        );
        let place = format!("record {index}, or the link to it in {}, is bad", index + 1);
        assert_eq!(bad.to_string(), place);
    }
}

/// Where a checkpoint vouches for all that is before it, only the link can be bad.
#[test]
fn a_link_to_a_record_that_was_signed_for_is_bad_itself() {
    let log = sound_log();
    let mut changed = log.clone();
    let record = AuditRecord::parse(&log[4]).unwrap();
    let (at, kind, body) = (record.at(), record.record_type(), record.body());
    let other = AuditRecord::new(4, Digest::ZERO, at, kind, body).unwrap();
    changed[4] = other.bytes().to_vec();
    let signed = vec![checkpoint_over(&log[..4]), checkpoint_over(&log)];
    let Err(LogFault::Record(bad)) = verify(&changed, signed) else {
        panic!("a link that does not hold is a bad record");
    };
    assert_eq!(bad.place(), "4");
}

/// The chain alone can be made anew; only the signed root tells.
#[test]
fn a_change_with_the_whole_chain_made_anew_is_caught_by_the_checkpoint() {
    let log = sound_log();
    let checkpoint = checkpoint_over(&log);
    for index in 0..log.len() {
        let mut changed = log.clone();
        let mut members: Value = from_strict_slice(&changed[index]).unwrap();
        members["ts"] = Value::from("2020-01-01T00:00:00.000Z");
        changed[index] = to_canonical_bytes(&members).unwrap();
        rechain(&mut changed, index);
        assert!(verify(&changed, Vec::new()).is_ok());
        let expected = LogFault::Root {
            size: 10,
            signed: checkpoint.root,
            found: checkpoint_over(&changed).root,
        };
        assert_eq!(verify(&changed, vec![checkpoint.clone()]), Err(expected));
    }
}

#[test]
fn the_first_checkpoint_over_a_change_is_the_one_that_tells() {
    let log = sound_log();
    let checkpoints: Vec<Checkpoint> = [10, 3, 0, 7]
        .iter()
        .map(|size| checkpoint_over(&log[..*size]))
        .collect();
    let verified = verify(&log, checkpoints.clone()).unwrap();
    assert_eq!(verified.vouched, 10);

    let mut changed = log.clone();
    let mut members: Value = from_strict_slice(&changed[4]).unwrap();
    members["body"]["note"] = Value::from("changed");
    changed[4] = to_canonical_bytes(&members).unwrap();
    rechain(&mut changed, 4);
    assert!(matches!(
        verify(&changed, checkpoints),
        Err(LogFault::Root { size: 7, .. })
    ));

    let older = verify(&log, vec![checkpoint_over(&log[..7])]).unwrap();
    assert_eq!((older.records, older.vouched), (10, 7));
}

#[test]
fn removal_with_the_chain_made_anew_is_caught_as_truncation_or_by_the_root() {
    let log = sound_log();
    let checkpoint = checkpoint_over(&log);
    let mut removed = log.clone();
    removed.remove(7);
    rechain(&mut removed, 7);
    assert_eq!(
        verify(&removed, vec![checkpoint.clone()]),
        Err(LogFault::Truncated {
            records: 9,
            size: 10
        })
    );
    removed.push(log[7].clone());
    rechain(&mut removed, 7);
    assert!(matches!(
        verify(&removed, vec![checkpoint]),
        Err(LogFault::Root { size: 10, .. })
    ));
}

#[test]
fn a_verifier_stops_at_the_first_fault() {
    let log = sound_log();
    let mut verifier = LogVerifier::new(Vec::new());
    verifier.feed(&log[0]).unwrap();
    let fault = verifier.feed(b"{}").unwrap_err();
    assert_eq!(verifier.feed(&log[1]), Err(fault.clone()));
    assert_eq!(verifier.records(), 1);
    assert_eq!(verifier.finish(), Err(fault));
}

#[test]
fn faults_say_what_is_wrong_in_words() {
    let log = sound_log();
    let mut spaced = log.clone();
    spaced[3].push(b' ');
    let bad = bad_record(&spaced, &checkpoint_over(&log));
    assert_eq!(bad.to_string(), "record 3 is bad");
    assert_eq!(bad.fault, RecordFault::Malformed(RecordError::NotCanonical));
    assert_eq!(bad.fault.to_string(), "the record is not in canonical form");
    assert!(
        LogFault::Truncated {
            records: 1,
            size: 2
        }
        .to_string()
        .contains("1 records")
    );
}

fn read_all(text: &[u8]) -> Result<Vec<Vec<u8>>, ExportError> {
    ExportReader::new(text).collect()
}

#[test]
fn an_export_is_the_records_bytes_line_by_line() {
    let log = sound_log();
    let text: Vec<u8> = log
        .iter()
        .flat_map(|record| [&record[..], b"\n"].concat())
        .collect();
    assert_eq!(read_all(&text).unwrap(), log);
    assert!(read_all(b"").unwrap().is_empty());
    assert!(matches!(
        read_all(&text[..text.len() - 1]),
        Err(ExportError::Line { line: 10, .. })
    ));
    let empty_line = read_all(b"\n").unwrap();
    assert_eq!(bad_record(&empty_line, &checkpoint_over(&log)).index, 0);
}

#[test]
fn a_line_longer_than_a_record_ends_the_export() {
    let exact = [&vec![b'x'; MAX_RECORD_BYTES][..], b"\n"].concat();
    assert_eq!(read_all(&exact).unwrap().len(), 1);
    let mut reader = ExportReader::new(std::io::BufReader::new(std::io::repeat(b'x')));
    assert!(matches!(
        reader.next(),
        Some(Err(ExportError::Line { line: 1, .. }))
    ));
    assert!(reader.next().is_none());
}

proptest! {
    #[test]
    fn no_bytes_make_the_verifier_panic(record in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(LogVerifier::new(Vec::new()).feed(&record).is_err());
    }
}
