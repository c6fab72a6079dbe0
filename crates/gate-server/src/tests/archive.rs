//! The oldest records leave, and the log is still one log.

use std::time::Duration;

use axum::http::StatusCode;
use gate_protocol::archive::{Archivable, LogStart, Pruned};
use gate_protocol::canonical::Digest;
use gate_protocol::id::Nonce;
use gate_protocol::log::{
    AuditRecord, LogVerifier, RecordType, SignedCheckpoint, TlogProof, verify_consistency,
};
use gate_protocol::review::Answer;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::bench::{Answered, Bench, is_in_files};
use crate::clock;
use crate::store::archiving;
use crate::store::sql::query;
use crate::web::chain::follow;

async fn bench() -> Bench {
    Bench::with(|settings| settings.leases.records = Duration::ZERO).await
}

/// Asks and is told no.
async fn denied(bench: &Bench, word: &str) {
    let request = bench.asked(word).await;
    let bob = &bench.setup.bob_approver;
    bench.review(bob, &request, Answer::Deny).await;
}

async fn archivable(bench: &Bench) -> Archivable {
    let path = "/v1/audit/archivable?before=2999-01-01T00:00:00Z";
    let answered = bench.get(&bench.setup.auditor, path).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
    serde_json::from_slice(&answered.body).unwrap()
}

async fn prune(bench: &Bench, to: u64, root: Digest) -> Answered {
    let wanted = json!({ "to": to, "root": root, "archive": Digest::ZERO });
    let path = "/v1/audit/prunings";
    bench.post(&bench.setup.admin, path, &wanted).await
}

async fn page(bench: &Bench, from: u64) -> Value {
    let path = format!("/v1/audit/records?from={from}&limit=1000");
    bench.get(&bench.setup.auditor, &path).await.json()
}

async fn head(bench: &Bench) -> SignedCheckpoint {
    let path = "/v1/audit/checkpoint";
    let note = bench.get(&bench.setup.auditor, path).await;
    let key = bench.server.keys.log.verifier();
    SignedCheckpoint::verify(&note.body, &key, &[]).unwrap()
}

/// Verifies the log from where it begins against its signed head.
async fn verify_from_start(bench: &Bench) -> u64 {
    let head = head(bench).await.checkpoint;
    let start = bench.get(&bench.setup.auditor, "/v1/audit/start").await;
    let start: LogStart = serde_json::from_slice(&start.body).unwrap();
    let tree = start.tree().unwrap();
    let mut verifier = LogVerifier::after_pruning(tree, start.last, vec![head]);
    let page = page(bench, start.size).await;
    for record in page["records"].as_array().unwrap() {
        verifier.feed(record.as_str().unwrap().as_bytes()).unwrap();
    }
    verifier.finish().unwrap();
    start.size
}

#[tokio::test]
async fn pruned_records_leave_their_hashes_and_the_log_goes_on() {
    let bench = bench().await;
    denied(&bench, "gone-with-the-archive").await;
    let run = bench.approved("run").await;
    let nonce = Nonce::generate().unwrap();
    bench.claim(&run, nonce).await;
    let records = bench.records().await;
    let of_run = |one: &AuditRecord| one.body().get("request") == Some(&json!(run.id));
    let open_from = records.iter().position(of_run).unwrap() as u64;
    let wanted = archivable(&bench).await;
    // The run has not ended, so its first record is where the archive must end.
    assert_eq!((wanted.start.size, wanted.to), (0, open_from));
    let before = head(&bench).await.checkpoint;
    let subtrees = &bench.server.subtrees;
    let mut reader = bench.server.store.read().await.unwrap();
    let tree = subtrees.tree(reader.connection(), wanted.to).await.unwrap();
    drop(reader);

    let other = prune(&bench, wanted.to, Digest::ZERO).await;
    assert_eq!(other.problem(), "conflict");
    let beyond = prune(&bench, wanted.to + 1, tree.root()).await;
    assert_eq!(beyond.problem(), "conflict");
    assert_eq!(bench.records().await.len(), records.len());

    let pruned = prune(&bench, wanted.to, tree.root()).await;
    assert_eq!(pruned.status, StatusCode::OK, "{}", pruned.text());
    let pruned: Pruned = serde_json::from_slice(&pruned.body).unwrap();
    assert_eq!((pruned.from, pruned.to), (0, wanted.to));
    assert_eq!(pruned.record, records.len() as u64);
    let gone = page(&bench, 0).await;
    assert_eq!(
        (&gone["first"], &gone["next"]),
        (&json!(wanted.to), &json!(0))
    );
    assert_eq!(gone["records"], json!([]));
    let here = page(&bench, wanted.to).await;
    assert_eq!(
        here["records"].as_array().unwrap().len() as u64,
        pruned.record + 1 - wanted.to
    );
    // SQLite alone has a file to look into.
    assert!(!is_in_files(
        &bench.data(),
        b"said of gone-with-the-archive"
    ));

    assert_eq!(verify_from_start(&bench).await, wanted.to);
    let now = head(&bench).await.checkpoint;
    let path = format!(
        "/v1/audit/proof/consistency?from={}&to={}",
        before.size, now.size
    );
    let proof = bench.get(&bench.setup.auditor, &path).await.json();
    let proof: Vec<Digest> = serde_json::from_value(proof["hashes"].clone()).unwrap();
    verify_consistency((before.size, &before.root), (now.size, &now.root), &proof).unwrap();
    let key = bench.server.keys.log.verifier();
    for record in &records {
        let path = format!("/v1/audit/inclusion?index={}", record.seq());
        let receipt = bench.get(&bench.setup.agent, &path).await;
        let receipt = TlogProof::parse(&receipt.body).unwrap();
        receipt.verify(record.bytes(), &key, &[]).unwrap();
    }
    let mut followed = bench.server.pages.chain.followed.lock().await;
    let found = follow(&bench.server, &mut followed).await.unwrap();
    assert_eq!((found.size, found.fault), (now.size, None));
}

#[tokio::test]
async fn records_that_are_gone_without_a_record_of_it_are_missed() {
    let bench = bench().await;
    denied(&bench, "one").await;
    let mut writer = bench.server.store.write().await.unwrap();
    for statement in [
        "UPDATE log_head SET pruned = 2",
        "UPDATE log_records SET record = CAST('{}' AS BLOB) WHERE seq < 2",
    ] {
        let statement = statement.replace(
            "BLOB",
            if bench.server.store.is_shared() {
                "BYTEA"
            } else {
                "BLOB"
            },
        );
        let statement: &'static str = Box::leak(statement.into_boxed_str());
        query(statement).execute(writer.connection()).await.unwrap();
    }
    writer.commit().await.unwrap();
    let mut followed = bench.server.pages.chain.followed.lock().await;
    let found = follow(&bench.server, &mut followed).await.unwrap();
    let fault = found.fault.unwrap();
    assert!(fault.contains("2 records"), "{fault}");
}

#[tokio::test]
async fn the_next_archive_begins_where_the_last_one_ended() {
    let bench = bench().await;
    let mut from = 0;
    for word in ["one", "two", "three"] {
        denied(&bench, word).await;
        let wanted = archivable(&bench).await;
        assert_eq!(wanted.start.size, from);
        assert!(wanted.to > from);
        let mut reader = bench.server.store.read().await.unwrap();
        let subtrees = &bench.server.subtrees;
        let tree = subtrees.tree(reader.connection(), wanted.to).await.unwrap();
        drop(reader);
        let pruned = prune(&bench, wanted.to, tree.root()).await;
        assert_eq!(pruned.status, StatusCode::OK, "{}", pruned.text());
        from = wanted.to;
        assert_eq!(verify_from_start(&bench).await, from);
    }
    let again = prune(&bench, from, Digest::ZERO).await;
    assert_eq!(again.problem(), "conflict");
}

async fn root_of(bench: &Bench, size: u64) -> Digest {
    let mut reader = bench.server.store.read().await.unwrap();
    let subtrees = &bench.server.subtrees;
    let tree = subtrees.tree(reader.connection(), size).await.unwrap();
    tree.root()
}

async fn is_left_below(bench: &Bench, below: u64) -> bool {
    let mut reader = bench.server.store.read().await.unwrap();
    let left = archiving::is_left_below(reader.connection(), below).await;
    left.unwrap()
}

/// Begins a prune as the server does, and comes no further.
async fn cut_off(bench: &Bench, to: u64, root: Digest) -> u64 {
    let mut change = bench.server.change().await.unwrap();
    let body = json!({ "by": "admin", "from": 0, "to": to, "root": root, "archive": Digest::ZERO });
    let told = change.record(&RecordType::LogPruned, &body).await.unwrap();
    archiving::begin(change.connection(), to).await.unwrap();
    change.commit().await.unwrap();
    told.seq()
}

#[tokio::test]
async fn a_prune_that_was_cut_off_is_gone_on_with_by_a_second_try() {
    let bench = bench().await;
    denied(&bench, "cut-off").await;
    let to = archivable(&bench).await.to;
    let root = root_of(&bench, to).await;
    let record = cut_off(&bench, to, root).await;
    let bench = bench.reopened().await;
    assert!(is_left_below(&bench, to).await);
    let other = prune(&bench, to, Digest::ZERO).await;
    assert_eq!(other.problem(), "conflict");
    // And a third one, whose answer may have been lost, hears the same.
    for _ in 0..2 {
        let again = prune(&bench, to, root).await;
        assert_eq!(again.status, StatusCode::OK, "{}", again.text());
        let again: Pruned = serde_json::from_slice(&again.body).unwrap();
        assert_eq!((again.from, again.to, again.record), (0, to, record));
        assert!(!is_left_below(&bench, to).await);
    }
    assert!(!is_in_files(&bench.data(), b"said of cut-off"));
    assert_eq!(page(&bench, to).await["size"], record + 1);
}

#[tokio::test]
async fn a_prune_that_was_cut_off_is_gone_on_with_at_the_start() {
    let bench = bench().await;
    denied(&bench, "cut-off").await;
    let to = archivable(&bench).await.to;
    let root = root_of(&bench, to).await;
    cut_off(&bench, to, root).await;
    let bench = bench.reopened().await;
    assert!(is_left_below(&bench, to).await);
    let forgetting = tokio::spawn(bench.server.clone().forget_regularly());
    let gone = async {
        while is_left_below(&bench, to).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), gone)
        .await
        .unwrap();
    forgetting.abort();
}

/// docs/audit.md: "It drops none that is younger than `keep_records_days`".
#[tokio::test]
async fn an_old_record_behind_a_young_one_does_not_let_the_young_one_go() {
    let bench = bench().await;
    let young = bench.records().await.len() as u64;
    let kind: RecordType = "test.made".parse().unwrap();
    let now = clock::now();
    // The clock was two months ahead for one record, as one that was set back says.
    let ahead = now + SignedDuration::from_hours(24 * 60);
    let mut change = bench.server.change_not_before(ahead).await.unwrap();
    change.record(&kind, &json!({})).await.unwrap();
    change.commit().await.unwrap();
    let mut change = bench.server.change().await.unwrap();
    for _ in 0..50 {
        change.record(&kind, &json!({})).await.unwrap();
    }
    change.commit().await.unwrap();
    let before = now + SignedDuration::from_hours(24 * 30);
    let path = format!("/v1/audit/archivable?before={before}");
    let answered = bench.get(&bench.setup.auditor, &path).await.json();
    assert_eq!(answered["to"], young);
    // A time between two records of one second is exact.
    let records = bench.records().await;
    let first = records[0].at();
    let later = records.iter().position(|one| one.at() > first).unwrap();
    let path = format!("/v1/audit/archivable?before={}", records[later].at());
    let answered = bench.get(&bench.setup.auditor, &path).await.json();
    assert_eq!(answered["to"], later);
}

#[tokio::test]
async fn a_young_record_is_not_dropped_whoever_wants_it() {
    let bench = Bench::new().await;
    denied(&bench, "one").await;
    let wanted = archivable(&bench).await;
    assert!(wanted.to > 1, "it can be archived");
    let mut reader = bench.server.store.read().await.unwrap();
    let subtrees = &bench.server.subtrees;
    let tree = subtrees.tree(reader.connection(), wanted.to).await.unwrap();
    drop(reader);
    let refused = prune(&bench, wanted.to, tree.root()).await;
    assert_eq!(refused.problem(), "conflict");
    assert_eq!(bench.count("log.pruned").await, 0);
}

#[tokio::test]
async fn the_database_lets_nothing_else_of_the_log_be_changed() {
    let bench = bench().await;
    denied(&bench, "one").await;
    let size = bench.records().await.len() as u64;
    let mut reader = bench.server.store.read().await.unwrap();
    let subtrees = &bench.server.subtrees;
    let tree = subtrees.tree(reader.connection(), 2).await.unwrap();
    drop(reader);
    let pruned = prune(&bench, 2, tree.root()).await;
    assert_eq!(pruned.status, StatusCode::OK, "{}", pruned.text());
    for statement in [
        "UPDATE log_records SET leaf = record WHERE seq = 0",
        "UPDATE log_records SET seq = 9999 WHERE seq = 0",
        "UPDATE log_records SET record = leaf WHERE seq = 0",
        "UPDATE log_records SET record = (SELECT record FROM log_records WHERE seq = 0)
         WHERE seq = 2",
        "DELETE FROM log_records WHERE seq = 0",
    ] {
        let mut writer = bench.server.store.write().await.unwrap();
        let done = query(statement).execute(writer.connection()).await;
        assert!(done.is_err(), "{statement}");
    }
    assert_eq!(page(&bench, 2).await["size"], size + 1);
}
