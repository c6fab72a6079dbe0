//! The audit log as it is fetched.

use gate_client::{ClientError, RecordRange};
use gate_protocol::canonical::Digest;

use crate::stub::{JSON, Stub, answer};

const TEXT: &str = "content-type: text/plain; charset=utf-8\r\n";

#[tokio::test]
async fn a_page_of_the_log_may_be_large_and_must_be_the_one_asked_for() {
    let record = "x".repeat(3 << 20);
    let page = |next: u64| {
        let body =
            format!("{{\"records\":[\"{record}\",\"{record}\"],\"next\":{next},\"size\":9}}");
        answer(200, JSON, body)
    };
    let (stub, seen) = Stub::answering(vec![page(7), page(8)]);
    let client = stub.client();
    let range = RecordRange { from: 5, limit: 10 };
    let fetched = client.audit_records(range).await.unwrap();
    assert_eq!(
        (fetched.records.len(), fetched.next, fetched.size),
        (2, 7, 9)
    );
    assert_eq!(fetched.records[0], record);
    assert_eq!(
        seen.lock().unwrap()[0].target(),
        "GET /v1/audit/records?from=5&limit=10"
    );
    let error = client.audit_records(range).await.unwrap_err();
    assert!(matches!(error, ClientError::Garbled { .. }), "{error:?}");
    let error = client
        .audit_records(RecordRange { from: 5, limit: 1 })
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Garbled { .. }), "{error:?}");
}

#[tokio::test]
async fn a_page_without_records_leads_nowhere_else() {
    let page = |next: u64| {
        answer(
            200,
            JSON,
            format!("{{\"records\":[],\"next\":{next},\"size\":9}}"),
        )
    };
    let (stub, _) = Stub::answering(vec![page(5), page(4), page(6)]);
    let client = stub.client();
    let range = RecordRange { from: 5, limit: 10 };
    assert_eq!(client.audit_records(range).await.unwrap().next, 5);
    for _ in 0..2 {
        let error = client.audit_records(range).await.unwrap_err();
        assert!(matches!(error, ClientError::Garbled { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_checkpoint_is_text_and_nothing_else() {
    let note = "gate.test/log\n1\nhash\n\n\u{2014} gate.test/log sig\n";
    let (stub, _) = Stub::answering(vec![
        answer(200, TEXT, note),
        answer(200, JSON, note),
        answer(200, TEXT, b"\xff"),
    ]);
    let client = stub.client();
    assert_eq!(client.checkpoint().await.unwrap(), note);
    for _ in 0..2 {
        let error = client.checkpoint().await.unwrap_err();
        assert!(matches!(error, ClientError::Garbled { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn proofs_are_read_strictly() {
    let hash = Digest::of_bytes(b"leaf");
    let (stub, seen) = Stub::answering(vec![
        answer(200, JSON, format!("{{\"hashes\":[\"{hash}\"]}}")),
        answer(200, JSON, "{\"hashes\":[\"zz\"]}"),
        answer(200, TEXT, "not a proof"),
    ]);
    let client = stub.client();
    assert_eq!(client.consistency_proof(1, 2).await.unwrap(), [hash]);
    assert_eq!(
        seen.lock().unwrap()[0].target(),
        "GET /v1/audit/proof/consistency?from=1&to=2"
    );
    let error = client.consistency_proof(1, 2).await.unwrap_err();
    assert!(matches!(error, ClientError::Garbled { .. }), "{error:?}");
    let error = client.inclusion_proof(0).await.unwrap_err();
    assert!(matches!(error, ClientError::Garbled { .. }), "{error:?}");
}
