//! What the server counts of itself, for Prometheus: counters and histograms in memory since the
//! start, and at each scrape what the store and the system say.

mod histogram;
mod process;
mod scrape;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gate_protocol::log::RecordType;
use serde_json::Value;

pub(crate) use histogram::{Histogram, Operations, Timing};
pub(crate) use process::most_descriptors;
pub(crate) use scrape::FORMAT;

/// A counter for each set of the values of its labels.
#[derive(Debug)]
pub(crate) struct Counters<const LABELS: usize>(Mutex<BTreeMap<[String; LABELS], u64>>);

impl<const LABELS: usize> Default for Counters<LABELS> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<const LABELS: usize> Counters<LABELS> {
    pub(crate) fn add(&self, labels: [&str; LABELS]) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counters.entry(labels.map(str::to_owned)).or_default() += 1;
    }

    fn all(&self) -> Vec<([String; LABELS], u64)> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = counters.iter();
        pairs
            .map(|(labels, count)| (labels.clone(), *count))
            .collect()
    }
}

/// What kind of call it is, for how long it may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// It only looks.
    Look,
    /// It changes something.
    Change,
    /// It waits for something to happen.
    Wait,
}

/// What is counted. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// By method and status.
    calls: Counters<2>,
    call_seconds: [Histogram; 3],
    calls_running: AtomicI64,
    connections: AtomicI64,
    /// By type.
    records: Counters<1>,
    /// By answer.
    decisions: Counters<1>,
    /// By what was too much.
    refused: Counters<1>,
    /// By what became of them.
    spans: Counters<1>,
    /// By where from, and why not from the standby.
    past_reads: Counters<2>,
}

/// Something that is going on; over when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    metrics: Metrics,
    of: fn(&Counted) -> &AtomicI64,
}

impl Drop for Running {
    fn drop(&mut self) {
        (self.of)(&self.metrics.0).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    fn begin(&self, of: fn(&Counted) -> &AtomicI64) -> Running {
        of(&self.0).fetch_add(1, Ordering::Relaxed);
        Running {
            metrics: self.clone(),
            of,
        }
    }

    /// Counts a call as going on.
    pub(crate) fn begin_call(&self) -> Running {
        self.begin(|counted| &counted.calls_running)
    }

    /// Counts a connection as open.
    pub(crate) fn begin_connection(&self) -> Running {
        self.begin(|counted| &counted.connections)
    }

    /// Counts a call that was answered.
    pub(crate) fn call(&self, method: &str, status: u16, kind: CallKind, took: Duration) {
        // Whoever calls can name any method; a few are known.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
            _ => "other",
        };
        self.0.calls.add([method, &status.to_string()]);
        let [look, change, wait] = &self.0.call_seconds;
        let histogram = match kind {
            CallKind::Look => look,
            CallKind::Change => change,
            CallKind::Wait => wait,
        };
        histogram.observe(took);
    }

    /// Counts a call that was not let in, by why.
    pub(crate) fn refused(&self, why: &str) {
        self.0.refused.add([why]);
    }

    /// Counts a record that was committed.
    pub(crate) fn record(&self, record_type: &RecordType, body: &Value) {
        self.0.records.add([record_type.as_str()]);
        if *record_type == RecordType::DecisionRecorded
            && let Some(answer) = body.get("answer").and_then(Value::as_str)
        {
            self.0.decisions.add([answer]);
        }
    }

    /// Counts that something past was read: from the standby, or why not from there.
    pub(crate) fn past_read(&self, from: &str, why: &str) {
        self.0.past_reads.add([from, why]);
    }

    /// Counts a span that was sent, or lost.
    pub(crate) fn span(&self, outcome: &str) {
        self.0.spans.add([outcome]);
    }
}
