//! What clients deliver: counted once, in any order, never dropped.

use axum::http::StatusCode;
use gate_protocol::canonical::{Digest, to_canonical_bytes};
use gate_protocol::event::{
    AllowedFinishedFact, BATCH_LIMIT_BYTES, ClientEvent, DecidedFact, EVENT_LIMIT_BYTES,
    EventBatch, Fact, RunAbandonedFact, RunFinishedFact, RunOutcome, RunStartedFact,
    SHOWN_LIMIT_BYTES,
};
use gate_protocol::id::{ClientId, EpochId, Nonce};
use gate_protocol::mode::Mode;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use jiff::Timestamp;
use proptest::prelude::*;

use super::bench::{Answered, Bench};

/// A client's spool: events in one chain.
struct Spool {
    client: ClientId,
    epoch: EpochId,
    events: Vec<ClientEvent>,
}

impl Spool {
    fn new() -> Self {
        Self {
            client: ClientId::generate(),
            epoch: EpochId::generate(),
            events: Vec::new(),
        }
    }

    fn push(&mut self, fact: Fact) {
        let prev = self
            .events
            .last()
            .map_or(Digest::ZERO, |last| last.hash().unwrap());
        self.events.push(ClientEvent {
            seq: self.events.len() as u64 + 1,
            prev,
            at: Timestamp::UNIX_EPOCH,
            fact,
        });
    }

    fn batch(&self, range: std::ops::Range<usize>) -> EventBatch {
        EventBatch {
            client: self.client,
            epoch: self.epoch,
            events: self.events[range].to_vec(),
        }
    }
}

fn decided(decision: &str) -> Fact {
    decided_about(decision, "git status")
}

fn decided_about(decision: &str, shown: &str) -> Fact {
    Fact::Decided(DecidedFact {
        decision: decision.to_owned(),
        tool: "git".to_owned(),
        command: vec!["status".to_owned()],
        effect: "read".to_owned(),
        rule: "baseline/read".to_owned(),
        shown: shown.to_owned(),
        whole: None,
        cwd: "/srv".to_owned(),
        mode: Mode::Advisory,
    })
}

fn started(request: &ApprovalRequest, claim_nonce: Nonce) -> Fact {
    Fact::RunStarted(RunStartedFact {
        request: request.id,
        claim_nonce,
    })
}

fn finished(request: &ApprovalRequest, claim_nonce: Nonce) -> Fact {
    Fact::RunFinished(RunFinishedFact {
        request: request.id,
        claim_nonce,
        outcome: outcome(),
    })
}

fn outcome() -> RunOutcome {
    RunOutcome {
        exit_code: Some(3),
        signal: None,
        not_run: None,
        duration_ms: 5,
        user_ms: 1,
        system_ms: 1,
        max_rss_bytes: 4096,
    }
}

async fn deliver(bench: &Bench, batch: &EventBatch) -> Answered {
    bench.post(&bench.setup.agent, "/v1/events", batch).await
}

async fn through(bench: &Bench, batch: &EventBatch) -> u64 {
    let answer = deliver(bench, batch).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["through"].as_u64().unwrap()
}

async fn claimed(bench: &Bench, word: &str) -> (ApprovalRequest, Nonce) {
    let request = bench.approved(word).await;
    let nonce = Nonce::generate().unwrap();
    assert_eq!(bench.claim(&request, nonce).await.status, StatusCode::OK);
    (request, nonce)
}

#[tokio::test]
async fn a_run_is_followed_to_its_outcome() {
    let bench = Bench::new().await;
    let (request, nonce) = claimed(&bench, "prod").await;
    let mut spool = Spool::new();
    spool.push(started(&request, nonce));
    spool.push(finished(&request, nonce));
    assert_eq!(through(&bench, &spool.batch(0..1)).await, 1);
    assert_eq!(bench.show(&request).await.status, ApprovalStatus::Started);
    assert_eq!(through(&bench, &spool.batch(0..2)).await, 2);
    let shown = bench.show(&request).await;
    assert_eq!(shown.status, ApprovalStatus::Finished);
    assert_eq!(shown.outcome.unwrap().exit_code, Some(3));
    assert_eq!(
        bench.story(&request).await,
        [
            "request.created",
            "decision.recorded",
            "grant.claimed",
            "run.started",
            "run.finished"
        ]
    );
    assert_eq!(bench.verified().await.open_claims, 0);
}

#[tokio::test]
async fn each_event_counts_once_however_often_it_comes() {
    let bench = Bench::new().await;
    let mut spool = Spool::new();
    for decision in ["allow", "deny", "allow", "allow"] {
        spool.push(decided(decision));
    }
    for range in [0..2, 0..2, 1..3, 0..4, 3..4] {
        through(&bench, &spool.batch(range)).await;
    }
    assert_eq!(bench.count("allow.recorded").await, 3);
    assert_eq!(bench.count("deny.recorded").await, 1);
    assert_eq!(bench.count("client.gap").await, 0);
    let bench = bench.reopened().await;
    assert_eq!(through(&bench, &spool.batch(0..4)).await, 4);
    assert_eq!(bench.count("allow.recorded").await, 3);
}

#[tokio::test]
async fn the_outcome_of_an_allowed_command_stands_beside_its_decision() {
    let bench = Bench::new().await;
    let mut spool = Spool::new();
    spool.push(decided("allow"));
    let decided = spool.events[0].hash().unwrap();
    spool.push(Fact::AllowedFinished(AllowedFinishedFact {
        decided,
        outcome: outcome(),
    }));
    assert_eq!(through(&bench, &spool.batch(0..2)).await, 2);
    let records = bench.records().await;
    let body = |name: &str| {
        let mut of_type = records.iter().filter(|r| r.record_type().as_str() == name);
        of_type.next().unwrap().body()
    };
    assert_eq!(body("allow.recorded")["hash"], decided.to_string());
    assert_eq!(body("allow.finished")["decided"], decided.to_string());
    assert_eq!(body("allow.finished")["outcome"]["exit_code"], 3);
    bench.verified().await;
}

#[tokio::test]
async fn the_longest_batch_is_taken_and_a_longer_event_is_not() {
    let bench = Bench::new().await;
    let mut spool = Spool::new();
    let empty = spool.batch(0..0);
    let frame = serde_json::to_vec(&empty).unwrap().len();
    let length = |fact: Fact| {
        let mut spool = Spool::new();
        spool.push(fact);
        to_canonical_bytes(&spool.events[0]).unwrap().len()
    };
    let in_folder = |cwd: String| {
        let Fact::Decided(decided) = decided_about("allow", "git status") else {
            panic!("it is a decision");
        };
        Fact::Decided(DecidedFact { cwd, ..decided })
    };
    let around = length(in_folder(String::new()));
    let sized = |bytes: usize| in_folder("x".repeat(bytes - around));
    spool.push(sized(EVENT_LIMIT_BYTES));
    spool.push(sized(BATCH_LIMIT_BYTES - EVENT_LIMIT_BYTES - frame - 1));
    let batch = spool.batch(0..2);
    assert_eq!(serde_json::to_vec(&batch).unwrap().len(), BATCH_LIMIT_BYTES);
    assert_eq!(through(&bench, &batch).await, 2);
    let mut other = Spool::new();
    other.push(sized(EVENT_LIMIT_BYTES + 1));
    let refused = deliver(&bench, &other.batch(0..1)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let mut other = Spool::new();
    other.push(decided_about("allow", &"x".repeat(SHOWN_LIMIT_BYTES + 1)));
    let refused = deliver(&bench, &other.batch(0..1)).await;
    assert!(
        refused.text().contains("`shown` of event 1"),
        "{}",
        refused.text()
    );
    assert_eq!(bench.count("allow.recorded").await, 2);
    bench.verified().await;
}

#[tokio::test]
async fn a_hole_is_recorded_and_so_is_its_filling() {
    let bench = Bench::new().await;
    let mut spool = Spool::new();
    for _ in 0..6 {
        spool.push(decided("allow"));
    }
    assert_eq!(through(&bench, &spool.batch(0..1)).await, 1);
    assert_eq!(through(&bench, &spool.batch(4..6)).await, 6);
    let gap = |records: &[gate_protocol::log::AuditRecord], name: &str| {
        let found = records.iter().find(|r| r.record_type().as_str() == name);
        found.map(|record| (record.body()["from"].clone(), record.body()["to"].clone()))
    };
    let records = bench.records().await;
    assert_eq!(gap(&records, "client.gap"), Some((2.into(), 4.into())));
    assert_eq!(gap(&records, "client.gap_closed"), None);
    assert_eq!(through(&bench, &spool.batch(2..4)).await, 6);
    assert_eq!(gap(&bench.records().await, "client.gap_closed"), None);
    assert_eq!(through(&bench, &spool.batch(1..2)).await, 6);
    let records = bench.records().await;
    assert_eq!(
        gap(&records, "client.gap_closed"),
        Some((2.into(), 4.into()))
    );
    assert_eq!(bench.count("allow.recorded").await, 6);
    bench.verified().await;
}

#[tokio::test]
async fn a_chain_that_does_not_continue_is_refused_and_recorded_once() {
    let bench = Bench::new().await;
    let mut spool = Spool::new();
    spool.push(decided("allow"));
    spool.push(decided("allow"));
    through(&bench, &spool.batch(0..1)).await;
    // The spool was rolled back and written anew: same place, other content.
    let mut rolled_back = spool.batch(0..2);
    rolled_back.events[0].at = Timestamp::MAX;
    let mut unchained = spool.batch(1..2);
    unchained.events[0].prev = Digest::of_bytes(b"other");
    let mut rootless = EventBatch {
        client: ClientId::generate(),
        ..spool.batch(0..1)
    };
    rootless.events[0].prev = Digest::of_bytes(b"other");
    for batch in [&rolled_back, &unchained, &rootless, &unchained] {
        assert_eq!(deliver(&bench, batch).await.problem(), "conflict");
    }
    assert_eq!(bench.count("client.fork").await, 3);
    assert_eq!(bench.count("allow.recorded").await, 1);
    assert_eq!(through(&bench, &spool.batch(1..2)).await, 2);
}

#[tokio::test]
async fn a_client_belongs_to_one_principal_and_a_new_epoch_is_recorded() {
    let bench = Bench::new().await;
    let mut spool = Spool::new();
    spool.push(decided("allow"));
    through(&bench, &spool.batch(0..1)).await;
    let stolen = bench
        .post(
            &bench.setup.alice_requester,
            "/v1/events",
            &spool.batch(0..1),
        )
        .await;
    assert_eq!(stolen.problem(), "forbidden");
    assert_eq!(bench.count("client.epoch_reset").await, 0);
    spool.epoch = EpochId::generate();
    assert_eq!(through(&bench, &spool.batch(0..1)).await, 1);
    assert_eq!(bench.count("client.epoch_reset").await, 1);
    assert_eq!(bench.count("allow.recorded").await, 2);
}

#[tokio::test]
async fn what_cannot_be_is_recorded_and_changes_nothing() {
    let bench = Bench::new().await;
    let (request, nonce) = claimed(&bench, "prod").await;
    let pending = bench.asked("pending").await;
    let foreign = bench
        .submit(
            &bench.setup.alice_requester,
            &super::bench::submission("own"),
        )
        .await
        .request();
    let other = Nonce::generate().unwrap();
    let mut spool = Spool::new();
    spool.push(started(&request, other));
    spool.push(started(&pending, nonce));
    spool.push(finished(&foreign, nonce));
    spool.push(started(&request, nonce));
    spool.push(started(&request, nonce));
    assert_eq!(through(&bench, &spool.batch(0..5)).await, 5);
    assert_eq!(bench.count("run.misreported").await, 4);
    assert_eq!(bench.show(&request).await.status, ApprovalStatus::Started);
    assert_eq!(bench.show(&pending).await.status, ApprovalStatus::Pending);
    bench.verified().await;
}

/// Source: THREATS, "compare client receipts". The claim of the run is not in this data: an older copy
/// came back.
#[tokio::test]
async fn an_approval_whose_run_is_reported_before_its_claim_is_used_up() {
    let bench = Bench::new().await;
    let request = bench.approved("prod").await;
    let nonce = Nonce::generate().unwrap();
    let mut spool = Spool::new();
    spool.push(started(&request, nonce));
    spool.push(finished(&request, nonce));
    through(&bench, &spool.batch(0..2)).await;
    assert_eq!(bench.count("run.misreported").await, 2);
    assert_eq!(bench.count("request.expired").await, 1);
    assert_eq!(bench.show(&request).await.status, ApprovalStatus::Expired);
    let refused = bench.claim(&request, nonce).await;
    assert!(!refused.status.is_success(), "{}", refused.text());
    // That it was not run uses up nothing.
    let other = bench.approved("other").await;
    spool.push(Fact::RunAbandoned(RunAbandonedFact {
        request: other.id,
        claim_nonce: nonce,
        why: "an input changed".to_owned(),
    }));
    through(&bench, &spool.batch(2..3)).await;
    assert_eq!(bench.show(&other).await.status, ApprovalStatus::Approved);
    bench.verified().await;
}

#[tokio::test]
async fn an_end_without_a_start_and_an_unused_grant_are_ends() {
    let bench = Bench::new().await;
    let (ended, ended_nonce) = claimed(&bench, "ended").await;
    let (unused, unused_nonce) = claimed(&bench, "unused").await;
    let mut spool = Spool::new();
    spool.push(finished(&ended, ended_nonce));
    spool.push(Fact::RunAbandoned(RunAbandonedFact {
        request: unused.id,
        claim_nonce: unused_nonce,
        why: "an input changed".to_owned(),
    }));
    through(&bench, &spool.batch(0..2)).await;
    assert_eq!(bench.show(&ended).await.status, ApprovalStatus::Finished);
    assert_eq!(
        bench.story(&ended).await[3..],
        ["run.started", "run.finished"]
    );
    let unused = bench.show(&unused).await;
    assert_eq!(unused.status, ApprovalStatus::Finished);
    assert_eq!(
        unused.outcome.as_ref().unwrap().not_run.as_deref(),
        Some("an input changed")
    );
    assert_eq!(bench.story(&unused).await[3..], ["run.abandoned"]);
    assert_eq!(bench.verified().await.open_claims, 0);
}

#[tokio::test]
async fn a_late_outcome_is_shown_and_unknown_stays() {
    let bench = Bench::new().await;
    let (request, nonce) = claimed(&bench, "prod").await;
    let mut spool = Spool::new();
    spool.push(started(&request, nonce));
    spool.push(finished(&request, nonce));
    spool.push(finished(&request, nonce));
    through(&bench, &spool.batch(0..1)).await;
    let lease = bench.server.settings.leases.run;
    let end = crate::clock::after(crate::clock::now(), lease.as_secs());
    assert_eq!(bench.server.settle_due(end).await.unwrap(), None);
    let unknown = bench.show(&request).await;
    assert_eq!(
        (unknown.status, unknown.outcome.is_none()),
        (ApprovalStatus::Unknown, true)
    );
    through(&bench, &spool.batch(1..3)).await;
    let late = bench.show(&request).await;
    assert_eq!(late.status, ApprovalStatus::Unknown);
    assert_eq!(late.outcome.unwrap().exit_code, Some(3));
    assert!(late.version > unknown.version);
    let story = bench.story(&request).await;
    assert_eq!(
        story[3..],
        [
            "run.started",
            "run.unknown",
            "run.finished",
            "run.misreported"
        ]
    );
    bench.verified().await;
}

#[tokio::test]
async fn a_batch_must_be_one_stretch_in_order() {
    let bench = Bench::new().await;
    let mut spool = Spool::new();
    spool.push(decided("allow"));
    spool.push(decided("allow"));
    let mut reversed = spool.batch(0..2);
    reversed.events.reverse();
    let mut zero = spool.batch(0..1);
    zero.events[0].seq = 0;
    let mut strange = spool.batch(0..1);
    strange.events[0].fact = decided("maybe");
    let mut many = spool.batch(0..1);
    many.events = vec![many.events[0].clone(); 501];
    for batch in [reversed, zero, strange, many, spool.batch(0..0)] {
        assert_eq!(deliver(&bench, &batch).await.problem(), "bad_request");
    }
    assert_eq!(bench.count("allow.recorded").await, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Batches in any order, each any number of times: every event once.
    #[test]
    fn delivery_in_any_order_with_replays_counts_each_event_once(
        stretches in proptest::collection::vec((0..12_usize, 1..5_usize), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let bench = Bench::new().await;
            let mut spool = Spool::new();
            for _ in 0..12 {
                spool.push(decided("allow"));
            }
            let mut came = std::collections::BTreeSet::new();
            for (from, length) in stretches {
                let to = (from + length).min(12);
                through(&bench, &spool.batch(from..to)).await;
                came.extend(from..to);
            }
            assert_eq!(bench.count("allow.recorded").await, came.len());
            assert_eq!(through(&bench, &spool.batch(0..12)).await, 12);
            assert_eq!(bench.count("allow.recorded").await, 12);
            assert_eq!(
                bench.count("client.gap").await,
                bench.count("client.gap_closed").await
            );
            bench.verified().await;
        });
    }
}
