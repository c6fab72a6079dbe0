//! What is sent again, how often, and what stays the same.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gate_client::{Client, ClientError, ClientSettings, Fetched, IdempotencyKey};
use gate_protocol::event::EventBatch;
use gate_protocol::id::{ClientId, EpochId, Nonce, RequestId};
use gate_protocol::page::Cursor;
use gate_protocol::principal::{CreateToken, Principal, PrincipalKind, Role};
use gate_protocol::problem::{Problem, ProblemCode};
use gate_protocol::request::ApprovalStatus;
use gate_protocol::review::{Answer, SubmitReview};
use gate_protocol::server::ServerIdentity;

use crate::sample::{claim, grant, json, ok, pending, submission};
use crate::stub::{JSON, PROBLEM, Seen, Stub, answer, read_request, settings};

/// Answers with 503 first, loses the second answer, and gives `last` from the
/// third request on.
fn flaky(last: Vec<u8>) -> (Stub, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let stub = Stub::start(move |mut stream, number| {
        log.lock().unwrap().push(read_request(&mut stream));
        match number {
            0 => stream.write_all(&answer(503, "", "")).unwrap(),
            1 => {}
            _ => stream.write_all(&last).unwrap(),
        }
    });
    (stub, seen)
}

#[tokio::test]
async fn a_submission_is_sent_again_with_the_same_key_and_bytes() {
    let id = RequestId::generate();
    let (stub, seen) = flaky(answer(201, JSON, json(&pending(id))));
    let key: IdempotencyKey = "one-wish".parse().unwrap();
    let answer = stub.client().submit(&submission(), &key).await.unwrap();
    assert_eq!(answer.request.id, id);
    assert!(!answer.reattached, "201: nobody had asked before");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    for seen in seen.iter() {
        assert_eq!(seen.target(), "POST /v1/requests");
        assert_eq!(seen.header("idempotency-key"), Some("one-wish"));
        assert_eq!(seen.header("authorization"), Some("Bearer gate_test_token"));
        assert_eq!(seen.header("content-type"), Some("application/json"));
        assert_eq!(seen.body, json(&submission()));
    }
}

#[tokio::test]
async fn a_request_that_stood_before_is_told_from_a_new_one() {
    let id = RequestId::generate();
    let (stub, _seen) = Stub::answering(vec![ok(&pending(id))]);
    let key = IdempotencyKey::generate().unwrap();
    let answer = stub.client().submit(&submission(), &key).await.unwrap();
    assert_eq!((answer.request.id, answer.reattached), (id, true));
}

#[tokio::test]
async fn a_claim_is_sent_again_with_the_same_nonce() {
    let id = RequestId::generate();
    let claim = claim(id);
    let (stub, seen) = flaky(ok(&grant(id, &claim)));
    let signed = stub.client().claim(id, &claim).await.unwrap();
    assert_eq!(signed.grant.claim_nonce, claim.nonce);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    for seen in seen.iter() {
        assert_eq!(seen.target(), format!("POST /v1/requests/{id}/claim"));
        assert_eq!(seen.body, json(&claim));
    }
}

#[tokio::test]
async fn a_grant_for_another_claim_is_garbled_and_a_lost_claim_is_refused() {
    let id = RequestId::generate();
    let mine = claim(id);
    let mut others = mine.clone();
    others.nonce = Nonce::generate().unwrap();
    let late = Problem::new(ProblemCode::Conflict, "already claimed");
    let answers = vec![
        ok(&grant(id, &others)),
        ok(&grant(RequestId::generate(), &mine)),
        answer(409, PROBLEM, json(&late)),
    ];
    let (stub, seen) = Stub::answering(answers);
    let client = stub.client();
    for _ in 0..2 {
        let error = client.claim(id, &mine).await.unwrap_err();
        assert!(matches!(error, ClientError::Garbled { .. }), "{error:?}");
    }
    let error = client.claim(id, &mine).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused(problem) if *problem == late));
    assert_eq!(seen.lock().unwrap().len(), 3, "none of them is tried again");
}

#[tokio::test]
async fn attempts_are_bounded_and_a_server_that_is_down_is_said_soon() {
    let (stub, seen) = Stub::answering(vec![answer(500, "", "")]);
    let key = IdempotencyKey::generate().unwrap();
    let begun = Instant::now();
    let error = stub.client().submit(&submission(), &key).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Unavailable { status: 500, .. }),
        "{error:?}"
    );
    assert_eq!(seen.lock().unwrap().len(), 5);

    let (client, address) = (stub.client(), stub.address);
    drop(stub);
    let error = client.submit(&submission(), &key).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Unreachable { .. }),
        "{error:?}"
    );
    let server = format!("cannot reach the approval server `http://{address}`");
    assert_eq!(error.to_string(), server);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.starts_with("Connection refused"), "{source}");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

/// A server that said why is not told as one that did not answer.
#[tokio::test]
async fn what_the_server_said_is_told_where_the_last_try_gets_no_answer() {
    let id = RequestId::generate();
    let problem = Problem::new(ProblemCode::Unavailable, "the database lacks records");
    let said = answer(503, PROBLEM, json(&problem));
    let stub = Stub::start(move |mut stream, number| {
        read_request(&mut stream);
        if number == 0 {
            stream.write_all(&said).unwrap();
        } else {
            // It says nothing until the client has left.
            drop(stream.read(&mut [0]));
        }
    });
    let error = stub.client().show(id).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the database lacks records"), "{text}");
}

#[tokio::test]
async fn retry_after_is_kept_and_a_long_one_ends_it_at_once() {
    let id = RequestId::generate();
    let busy = |seconds| answer(429, &format!("retry-after: {seconds}\r\n"), "");
    let (stub, seen) = Stub::answering(vec![busy(1), ok(&pending(id))]);
    let begun = Instant::now();
    stub.client().show(id).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(seen.lock().unwrap().len(), 2);

    let (stub, seen) = Stub::answering(vec![busy(3600)]);
    let begun = Instant::now();
    let error = stub.client().show(id).await.unwrap_err();
    let ClientError::Unavailable {
        status: 429,
        retry_after,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(retry_after, Some(Duration::from_hours(1)));
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn who_calls_too_fast_comes_again_when_told_and_is_refused_in_the_end() {
    let id = RequestId::generate();
    let too_fast = |seconds: u32| {
        let body = r#"{"type":"about:blank#too_many","title":"Too many","status":429,"detail":"too fast","code":"too_many"}"#;
        answer(429, &format!("{PROBLEM}retry-after: {seconds}\r\n"), body)
    };
    let (stub, seen) = Stub::answering(vec![too_fast(0), ok(&pending(id))]);
    stub.client().show(id).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
    // A server that never lets one in is there all the same.
    let (stub, seen) = Stub::answering(vec![too_fast(0)]);
    let error = stub.client().show(id).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused(_)), "{error:?}");
    assert_eq!(seen.lock().unwrap().len(), 5);
    // Nobody waits long for it.
    let (stub, seen) = Stub::answering(vec![too_fast(60)]);
    let error = stub.client().show(id).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused(_)), "{error:?}");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_must_not_happen_twice_is_sent_once() {
    let (stub, seen) = Stub::answering(vec![answer(500, "", "")]);
    let client = stub.client();
    let review = SubmitReview {
        answer: Answer::Approve,
        digest: submission().digest,
        comment: None,
    };
    client
        .review(RequestId::generate(), &review)
        .await
        .unwrap_err();
    let token = CreateToken {
        principal: "ci".into(),
        role: Role::Requester,
        ttl_seconds: 3600,
        tools: Vec::new(),
    };
    client.create_token(&token).await.unwrap_err();
    client.put_rules("", 3).await.unwrap_err();
    let principal = Principal {
        name: "ci".into(),
        kind: PrincipalKind::Workload,
        owner: Some("alice".into()),
        person: None,
        groups: Vec::new(),
        disabled: false,
    };
    client.create_principal(&principal).await.unwrap_err();
    let seen = seen.lock().unwrap();
    let targets: Vec<_> = seen.iter().map(Seen::target).collect();
    assert_eq!(targets.len(), 4, "{targets:?}");
    assert_eq!(seen[2].body, "{\"text\":\"\",\"expected_version\":3}");
}

#[tokio::test]
async fn without_a_token_only_the_identity_can_be_asked_for() {
    let identity = ServerIdentity {
        audience: "gate.test".into(),
        grant_key: "k".into(),
        log_key: "l".into(),
        log_origin: "o".into(),
        version: "0.1.0".into(),
        device_sign_in: false,
        workload_sign_in: false,
        key_statements: Vec::new(),
    };
    let (stub, seen) = Stub::answering(vec![ok(&identity)]);
    let url = format!("http://{}", stub.address).parse().unwrap();
    let client = Client::new(ClientSettings::new(url)).unwrap();
    let error = client.whoami().await.unwrap_err();
    assert!(matches!(error, ClientError::NoToken(_)), "{error:?}");
    assert_eq!(stub.connections(), 0);

    assert_eq!(client.server_identity().await.unwrap(), identity);
    assert_eq!(stub.client().server_identity().await.unwrap(), identity);
    for seen in seen.lock().unwrap().iter() {
        assert_eq!(seen.target(), "GET /v1/server");
        assert_eq!(
            seen.header("authorization"),
            None,
            "a token goes only where it is needed"
        );
    }
}

#[tokio::test]
async fn rules_that_did_not_change_are_not_sent_again() {
    let (stub, seen) = Stub::answering(vec![answer(304, "etag: \"7\"\r\n", "")]);
    assert_eq!(
        stub.client().rules(Some("\"7\"")).await.unwrap(),
        Fetched::NotModified
    );
    assert_eq!(
        seen.lock().unwrap()[0].header("if-none-match"),
        Some("\"7\"")
    );
    // Unasked for, it is no answer: there is nothing that did not change.
    let error = stub.client().rules(None).await.unwrap_err();
    assert!(matches!(error, ClientError::Garbled { .. }), "{error:?}");
}

#[tokio::test]
async fn a_receipt_covers_no_more_than_was_delivered() {
    let (stub, seen) = Stub::answering(vec![answer(200, JSON, "{\"through\":99}")]);
    let mut batch = EventBatch {
        client: ClientId::generate(),
        epoch: EpochId::generate(),
        events: Vec::new(),
    };
    batch.events.push(gate_protocol::event::ClientEvent {
        seq: 3,
        prev: gate_protocol::canonical::Digest::ZERO,
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
        fact: gate_protocol::event::Fact::RunAbandoned(gate_protocol::event::RunAbandonedFact {
            request: RequestId::generate(),
            claim_nonce: Nonce::generate().unwrap(),
            why: "the binary changed".into(),
        }),
    });
    assert_eq!(stub.client().deliver(&batch).await.unwrap().through, 3);
    assert_eq!(seen.lock().unwrap()[0].body, json(&batch));
}

#[tokio::test]
async fn a_list_asks_for_what_the_query_names() {
    let cursor = Cursor::after("requests", "1");
    let (stub, seen) = Stub::answering(vec![answer(200, JSON, "{\"requests\":[]}")]);
    let query = gate_client::ListQuery {
        status: Some(ApprovalStatus::Pending),
        digest: Some(submission().digest),
        waits_for_me: true,
        text: Some("drop & run".to_owned()),
        effect: Some("destroy".to_owned()),
        principal: Some("alice".to_owned()),
        tool: Some("psql".to_owned()),
        target: Some("shop".to_owned()),
        from: Some("2026-05-04T00:00:00Z".to_owned()),
        to: Some("2026-05-05T00:00:00Z".to_owned()),
        cursor: Some(cursor.clone()),
        limit: Some(20),
    };
    let page = stub.client().list(&query).await.unwrap();
    assert!(page.requests.is_empty());
    let digest = submission().digest;
    let expected = format!(
        "GET /v1/requests?status=pending&digest={digest}&waits_for_me=true&text=drop+%26+run\
         &effect=destroy&principal=alice&tool=psql&target=shop&from=2026-05-04T00%3A00%3A00Z\
         &to=2026-05-05T00%3A00%3A00Z&cursor={cursor}&limit=20"
    );
    assert_eq!(seen.lock().unwrap()[0].target(), expected);
}

#[tokio::test]
async fn a_list_whose_next_page_leads_nowhere_is_no_answer() {
    let (first, second) = (Cursor::after("l", "1"), Cursor::after("l", "2"));
    let page = |next: &Cursor, requests: &[String]| {
        let requests = requests.join(",");
        let body = format!("{{\"requests\":[{requests}],\"next\":\"{next}\"}}");
        answer(200, JSON, body)
    };
    let one = [json(&pending(RequestId::generate()))];
    let pages = vec![
        page(&first, &[]),
        page(&first, &one),
        page(&second, &[]),
        page(&first, &one),
    ];
    let (stub, _) = Stub::answering(pages);
    let client = stub.client();
    // What waits for somebody is told apart by the server, which does not look at all at once.
    let mut query = gate_client::ListQuery {
        waits_for_me: true,
        ..Default::default()
    };
    let page = client.list(&query).await.unwrap();
    assert!(page.requests.is_empty() && page.next.is_some());
    query.waits_for_me = false;
    let page = client.list(&query).await.unwrap();
    query.cursor = page.next;
    for what in ["no requests", "the same place"] {
        let error = client.list(&query).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Garbled { .. }),
            "{what}: {error:?}"
        );
    }
}

#[tokio::test]
async fn localhost_is_this_machine_without_a_lookup() {
    let id = RequestId::generate();
    let (stub, seen) = Stub::answering(vec![ok(&pending(id))]);
    let url = format!("http://localhost:{}", stub.address.port());
    Client::new(settings(&url)).unwrap().show(id).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
}
