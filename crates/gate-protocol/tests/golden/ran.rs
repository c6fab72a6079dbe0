//! What a client reports of its runs.

use gate_protocol::canonical::Digest;
use gate_protocol::event::{
    AllowedFinishedFact, BatchReceipt, ClientEvent, DecidedFact, EventBatch, Fact,
    RunAbandonedFact, RunFinishedFact, RunOutcome, RunStartedFact, WholeText,
};
use gate_protocol::id::Nonce;
use gate_protocol::mode::Mode;

use crate::{asked, at};

pub(crate) fn nonce() -> Nonce {
    "000102030405060708090a0b0c0d0e0f".parse().unwrap()
}

pub(crate) fn outcome() -> RunOutcome {
    RunOutcome {
        exit_code: Some(3),
        signal: None,
        not_run: None,
        duration_ms: 1250,
        user_ms: 40,
        system_ms: 12,
        max_rss_bytes: 18_874_368,
    }
}

pub(crate) fn decided() -> DecidedFact {
    DecidedFact {
        decision: "allow".to_owned(),
        tool: "kubectl".to_owned(),
        command: vec!["get".to_owned()],
        effect: "read".to_owned(),
        rule: "baseline/kubectl-read".to_owned(),
        shown: "kubectl get pods".to_owned(),
        whole: None,
        cwd: "/srv/app".to_owned(),
        mode: Mode::Advisory,
    }
}

pub(crate) fn whole() -> WholeText {
    WholeText {
        bytes: 1_200_016,
        sha256: Digest::of_bytes(b"kubectl get pods"),
    }
}

pub(crate) fn allowed_finished() -> AllowedFinishedFact {
    AllowedFinishedFact {
        decided: event().hash().unwrap(),
        outcome: outcome(),
    }
}

pub(crate) fn started() -> RunStartedFact {
    RunStartedFact {
        request: asked::id(),
        claim_nonce: nonce(),
    }
}

pub(crate) fn finished() -> RunFinishedFact {
    RunFinishedFact {
        request: asked::id(),
        claim_nonce: nonce(),
        outcome: outcome(),
    }
}

pub(crate) fn abandoned() -> RunAbandonedFact {
    RunAbandonedFact {
        request: asked::id(),
        claim_nonce: nonce(),
        why: "the working directory is gone".to_owned(),
    }
}

fn event_of(seq: u64, prev: Digest, fact: Fact) -> ClientEvent {
    ClientEvent {
        seq,
        prev,
        at: at("2026-01-02T03:04:06Z"),
        fact,
    }
}

pub(crate) fn event() -> ClientEvent {
    event_of(1, Digest::ZERO, Fact::Decided(decided()))
}

/// One event of each kind, chained.
pub(crate) fn batch() -> EventBatch {
    let facts = [
        Fact::Decided(decided()),
        Fact::RunStarted(started()),
        Fact::RunFinished(finished()),
        Fact::RunAbandoned(abandoned()),
        Fact::AllowedFinished(allowed_finished()),
    ];
    let mut events: Vec<ClientEvent> = Vec::new();
    for (seq, fact) in (1..).zip(facts) {
        let prev = events
            .last()
            .map_or(Digest::ZERO, |last| last.hash().unwrap());
        events.push(event_of(seq, prev, fact));
    }
    EventBatch {
        client: "019b2000-0000-7000-8000-000000000002".parse().unwrap(),
        epoch: "019b2000-0000-7000-8000-000000000003".parse().unwrap(),
        events,
    }
}

pub(crate) fn batch_receipt() -> BatchReceipt {
    BatchReceipt {
        through: 5,
        records: vec!["{}".to_owned()],
    }
}
