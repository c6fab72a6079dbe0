//! The log as it is served, after a kill too, and the rules.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use gate_protocol::canonical::Digest;
use gate_protocol::id::Nonce;
use gate_protocol::log::{
    AuditRecord, RecordType, SignedCheckpoint, TlogProof, entries, verify_consistency,
    verify_inclusion,
};
use gate_protocol::rules::SignedRules;
use serde_json::json;

use super::bench::{Answered, Bench, call};
use crate::store::server;

async fn head(bench: &Bench) -> SignedCheckpoint {
    let note = bench
        .get(&bench.setup.auditor, "/v1/audit/checkpoint")
        .await;
    let key = bench.server.keys.log.verifier();
    SignedCheckpoint::verify(&note.body, &key, &[]).unwrap()
}

/// With the roots of full tiles that the server remembers, and without.
#[tokio::test]
async fn the_proof_of_a_record_holds_in_a_log_of_many_tiles_as_it_grows() {
    let bench = Bench::new().await;
    let key = bench.server.keys.log.verifier();
    for _ in 0..2 {
        let mut change = bench.server.change().await.unwrap();
        let kind: RecordType = "test.made".parse().unwrap();
        for number in 0..350 {
            let body = json!({ "number": number });
            change.record(&kind, &body).await.unwrap();
        }
        change.commit().await.unwrap();
        let records = bench.records().await;
        let last = records.len() - 1;
        for index in [0, 255, 256, 511, 512, last] {
            if index > last {
                continue;
            }
            let path = format!("/v1/audit/inclusion?index={index}");
            // An agent may ask: it learns nothing but hashes.
            let proof = bench.get(&bench.setup.agent, &path).await;
            let proof = TlogProof::parse(&proof.body).unwrap();
            let record = &records[index];
            proof.verify(record.bytes(), &key, &[]).unwrap();
        }
    }
}

/// docs/audit.md, "Tiles": "What a tile holds never changes, and its header says so."
#[tokio::test]
async fn a_bundle_has_all_of_its_records_however_large_they_are() {
    let bench = Bench::new().await;
    let mut change = bench.server.change().await.unwrap();
    let kind: RecordType = "test.made".parse().unwrap();
    let body = json!({ "text": "x".repeat(20_000) });
    for _ in 0..256 {
        change.record(&kind, &body).await.unwrap();
    }
    change.commit().await.unwrap();
    let auditor = &bench.setup.auditor;
    let bundle = bench.get(auditor, "/v1/log/tile/entries/000").await;
    assert_eq!(bundle.status, StatusCode::OK, "{}", bundle.text());
    let records = bench.records().await;
    let whole = records[..256].iter().map(AuditRecord::bytes);
    let found = entries(&bundle.body).unwrap();
    assert_eq!(found.len(), 256);
    assert!(whole.eq(found.iter().copied()));
}

/// docs/operations.md, "New keys": "One with the old keys signs no head any more".
#[tokio::test]
async fn a_server_whose_keys_were_changed_elsewhere_signs_no_head_for_anybody() {
    let bench = Bench::with(|settings| settings.leases.checkpoint_records = 1).await;
    let mut writer = bench.server.store.write().await.unwrap();
    let others = Digest::of_bytes(b"others");
    server::put_keys(writer.connection(), others).await.unwrap();
    writer.commit().await.unwrap();
    for path in ["/v1/audit/checkpoint", "/v1/audit/inclusion?index=0"] {
        let answered = bench.get(&bench.setup.auditor, path).await;
        assert_eq!(answered.problem(), "unavailable", "{path}");
    }
    assert!(bench.server.checkpoint().await.is_err());
    let mut change = bench.server.change().await.unwrap();
    let kind: RecordType = "test.made".parse().unwrap();
    assert!(change.record(&kind, &json!({})).await.is_err());
}

#[tokio::test]
async fn the_proofs_hold() {
    let bench = Bench::new().await;
    let auditor = &bench.setup.auditor;
    let before = head(&bench).await.checkpoint;
    bench.approved("prod").await;
    let after = head(&bench).await.checkpoint;
    assert!(after.size > before.size);
    let hashes = |answer: Answered| -> Vec<Digest> {
        serde_json::from_value(answer.json()["hashes"].clone()).unwrap()
    };
    let path = format!(
        "/v1/audit/proof/consistency?from={}&to={}",
        before.size, after.size
    );
    let proof = hashes(bench.get(auditor, &path).await);
    let (first, second) = ((before.size, &before.root), (after.size, &after.root));
    verify_consistency(first, second, &proof).unwrap();
    let records = bench.records().await;
    for (index, record) in records.iter().enumerate() {
        let path = format!(
            "/v1/audit/proof/inclusion?index={index}&size={}",
            after.size
        );
        let proof = hashes(bench.get(auditor, &path).await);
        verify_inclusion(
            &record.leaf_hash(),
            index as u64,
            after.size,
            &proof,
            &after.root,
        )
        .unwrap();
        let receipt = bench
            .get(auditor, &format!("/v1/audit/inclusion?index={index}"))
            .await;
        let receipt = TlogProof::parse(&receipt.body).unwrap();
        let key = bench.server.keys.log.verifier();
        receipt.verify(record.bytes(), &key, &[]).unwrap();
    }
    for path in [
        "/v1/audit/proof/inclusion?index=9999&size=1",
        "/v1/audit/proof/inclusion?index=0&size=9999",
        "/v1/audit/proof/consistency?from=2&to=1",
        "/v1/audit/proof/consistency?from=-1&to=1",
        "/v1/audit/inclusion?index=9999",
        "/v1/audit/records?from=x",
        "/v1/audit/records?form=1",
    ] {
        assert_eq!(
            bench.get(auditor, path).await.problem(),
            "bad_request",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_kill_loses_nothing_and_the_log_goes_on() {
    let bench = Bench::new().await;
    let request = bench.approved("prod").await;
    let nonce = Nonce::generate().unwrap();
    bench.claim(&request, nonce).await;
    let before = head(&bench).await.checkpoint;
    let records = bench.records().await;
    let bench = bench.reopened().await;
    assert_eq!(head(&bench).await.checkpoint, before);
    assert_eq!(bench.records().await, records);
    bench.asked("dev").await;
    assert_eq!(bench.verified().await.records, before.size + 1);
}

#[tokio::test]
async fn the_head_is_signed_every_so_many_records_and_on_demand() {
    let bench = Bench::with(|settings| settings.leases.checkpoint_records = 4).await;
    for word in 0..8 {
        bench.asked(&word.to_string()).await;
    }
    let size = head(&bench).await.checkpoint.size;
    let stored = async || {
        let mut reader = bench.server.store.read().await.unwrap();
        crate::store::log::checkpointed(reader.connection())
            .await
            .unwrap()
    };
    assert_eq!(stored().await, size - size % 4);
    bench.server.checkpoint().await.unwrap();
    assert_eq!(stored().await, size);
}

async fn put_rules(bench: &Bench, token: &str, body: serde_json::Value) -> Answered {
    let body = Body::from(body.to_string());
    bench
        .send(call(Method::PUT, "/v1/rules", token, body))
        .await
}

#[tokio::test]
async fn rules_are_versioned_signed_and_tagged() {
    let bench = Bench::new().await;
    let agent = &bench.setup.agent;
    let first = bench.get(agent, "/v1/rules").await;
    let tag = first.headers[header::ETAG].clone();
    let rules: SignedRules = serde_json::from_slice(&first.body).unwrap();
    let key = bench.server.keys.grant.verifier();
    let audience = &bench.server.names.audience;
    rules
        .verify(&key, audience, 1, crate::clock::now())
        .unwrap();
    let mut request = call(Method::GET, "/v1/rules", agent, Body::empty());
    request
        .headers_mut()
        .insert(header::IF_NONE_MATCH, tag.clone());
    let unchanged = bench.send(request).await;
    assert_eq!(
        (unchanged.status, unchanged.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );

    let admin = &bench.setup.admin;
    let text = "[[rule]]\nid = \"no-git\"\ntool = \"git\"\ndecision = \"deny\"\nmessage = \"no\"\n";
    let stale = put_rules(
        &bench,
        admin,
        json!({ "text": text, "expected_version": 0 }),
    )
    .await;
    assert_eq!(stale.problem(), "conflict");
    let put = put_rules(
        &bench,
        admin,
        json!({ "text": text, "expected_version": 1 }),
    )
    .await;
    assert_eq!(put.status, StatusCode::OK, "{}", put.text());
    let second = bench.get(agent, "/v1/rules").await;
    assert_eq!(second.body, put.body);
    assert_ne!(second.headers[header::ETAG], tag);
    for wrong in ["[[rule]", "[[rule]]\nid = \"x\"\ndecison = \"deny\""] {
        let refused = put_rules(&bench, admin, json!({ "text": wrong })).await;
        assert_eq!(refused.problem(), "bad_request", "{wrong}");
    }
    let long = "#".repeat(gate_protocol::rules::RULES_TEXT_LIMIT_BYTES + 1);
    let refused = put_rules(&bench, admin, json!({ "text": long })).await;
    assert_eq!(refused.problem(), "too_large");
    assert_eq!(bench.count("rules.activated").await, 2);
}
