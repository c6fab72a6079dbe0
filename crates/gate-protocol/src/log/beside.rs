//! What is known of a record besides its own bytes, and whether each payload that is gone was erased
//! on the record.

use std::collections::BTreeMap;

use serde_json::Value;

use super::payload::{Payload, PayloadFault, has_payload};
use super::record::AuditRecord;
use super::record_type::RecordType;
use crate::canonical::Digest;

/// What is known of a record besides its own bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// The leaf hash at its place in a tree that a checkpoint was signed for.
    pub leaf: Option<Digest>,
    /// What stands beside it.
    pub payload: Told<'a>,
}

/// Whether it is told what stands beside a record.
#[derive(Clone, Copy, Debug, Default)]
pub enum Told<'a> {
    /// It is not: a copy of the records alone.
    #[default]
    Untold,
    /// It is; none where nothing does.
    Told(Option<&'a Payload>),
}

/// How many records have a payload beside them, by what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payloads {
    /// It is there, and is what the record commits to.
    pub kept: u64,
    /// It was erased, and a record says so.
    pub erased: u64,
    /// It is not told.
    pub untold: u64,
}

/// The payloads that were erased by a record that is still to come.
#[derive(Clone, Debug, Default)]
pub(super) struct Erasures {
    /// By the record that must say so: the records whose payload it erased, in order.
    by_record: BTreeMap<u64, Vec<u64>>,
    payloads: Payloads,
}

impl Erasures {
    pub(super) fn payloads(&self) -> Payloads {
        self.payloads
    }

    /// Takes what stands beside the next record.
    pub(super) fn follow(
        &mut self,
        record: &AuditRecord,
        told: Told<'_>,
    ) -> Result<(), PayloadFault> {
        let is_committed = has_payload(record)?;
        match told {
            Told::Untold => self.payloads.untold += u64::from(is_committed),
            Told::Told(None) if is_committed => return Err(PayloadFault::Missing),
            Told::Told(None) => {}
            Told::Told(Some(Payload::Kept(kept))) => {
                kept.verify(record)?;
                self.payloads.kept += 1;
            }
            Told::Told(Some(Payload::Erased(_))) if !is_committed => {
                return Err(PayloadFault::Uncommitted);
            }
            // Nothing is erased before it is there.
            Told::Told(Some(Payload::Erased(erasure))) if erasure.record <= record.seq() => {
                return Err(PayloadFault::Missing);
            }
            Told::Told(Some(Payload::Erased(erasure))) => {
                let by = self.by_record.entry(erasure.record).or_default();
                by.push(record.seq());
                self.payloads.erased += 1;
            }
        }
        Ok(())
    }

    /// Holds a record against what it must have erased; the error is the first record whose payload
    /// it does not name.
    pub(super) fn hold(&mut self, record: &AuditRecord) -> Result<(), u64> {
        let Some(gone) = self.by_record.remove(&record.seq()) else {
            return Ok(());
        };
        let is_erasure = *record.record_type() == RecordType::PayloadErased;
        let named = record.body().get("records").and_then(Value::as_array);
        let mut named: Vec<u64> = named
            .filter(|_| is_erasure)
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect();
        named.sort_unstable();
        match gone.iter().find(|seq| named.binary_search(seq).is_err()) {
            Some(seq) => Err(*seq),
            None => Ok(()),
        }
    }
}
