//! The wait for people: what it survives, what ends it, and what it tells.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gate_client::{ClientError, WaitNotice};
use gate_protocol::id::RequestId;
use gate_protocol::problem::{Problem, ProblemCode};
use gate_protocol::request::ApprovalStatus;

use crate::sample::{approved, json, ok, pending, request};
use crate::stub::{JSON, PROBLEM, Stub, answer, read_request};

/// Far enough away that only a hang reaches it.
fn late() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(800)
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Changed(u64),
    Disconnected,
    Reconnected,
}

/// Waits for `id` at this server, and returns what was told on the way.
async fn wait(
    stub: &Stub,
    id: RequestId,
    deadline: Option<Instant>,
) -> (Result<ApprovalStatus, ClientError>, Vec<Told>) {
    let told = RefCell::new(Vec::new());
    let mut on = |notice: WaitNotice<'_>| {
        told.borrow_mut().push(match notice {
            WaitNotice::Changed(request) => Told::Changed(request.version),
            WaitNotice::Disconnected { .. } => Told::Disconnected,
            WaitNotice::Reconnected => Told::Reconnected,
        });
    };
    let client = stub.client();
    let verdict = client
        .wait_for_verdict(id, pending(id), deadline, &mut on)
        .await;
    (verdict.map(|request| request.status), told.into_inner())
}

#[tokio::test]
async fn every_verdict_ends_the_wait() {
    let id = RequestId::generate();
    for status in [
        ApprovalStatus::Approved,
        ApprovalStatus::Denied,
        ApprovalStatus::Expired,
        ApprovalStatus::Cancelled,
        ApprovalStatus::Claimed,
    ] {
        let (stub, seen) = Stub::answering(vec![ok(&request(id, status, 2))]);
        let (verdict, told) = wait(&stub, id, None).await;
        assert_eq!(verdict.unwrap(), status);
        assert_eq!(told, []);
        let expected = format!("GET /v1/requests/{id}?after=1&wait=25");
        assert_eq!(seen.lock().unwrap()[0].target(), expected);
    }
}

#[tokio::test]
async fn a_request_that_is_decided_already_is_not_asked_about() {
    let id = RequestId::generate();
    let (stub, _) = Stub::answering(vec![approved(id)]);
    let first = request(id, ApprovalStatus::Denied, 2);
    let client = stub.client();
    let answer = client
        .wait_for_verdict(id, first, None, &mut |_| ())
        .await
        .unwrap();
    assert_eq!(answer.status, ApprovalStatus::Denied);
    assert_eq!(stub.connections(), 0);
}

#[tokio::test]
async fn a_change_is_told_and_the_next_poll_continues_from_it() {
    let id = RequestId::generate();
    let changed = request(id, ApprovalStatus::Pending, 5);
    let done = request(id, ApprovalStatus::Approved, 6);
    let (stub, seen) = Stub::answering(vec![ok(&changed), ok(&done)]);
    let (verdict, told) = wait(&stub, id, Some(late())).await;
    assert_eq!(verdict.unwrap(), ApprovalStatus::Approved);
    assert_eq!(told, [Told::Changed(5)]);
    assert!(seen.lock().unwrap()[1].target().contains("?after=5&"));
}

#[tokio::test]
async fn a_restart_of_the_server_is_survived() {
    let id = RequestId::generate();
    let first = RefCell::new(Some(Stub::start(|mut stream, _| {
        drop(read_request(&mut stream));
    })));
    let second = RefCell::new(None);
    let told = RefCell::new(Vec::new());
    let (client, address): (_, SocketAddr) = {
        let stub = first.borrow();
        let stub = stub.as_ref().unwrap();
        (stub.client(), stub.address)
    };
    // The first failure stops the server, the third starts another in its place.
    let mut on = |notice: WaitNotice<'_>| {
        if let WaitNotice::Disconnected { retry_in, .. } = notice {
            assert!(retry_in <= Duration::from_secs(10));
            told.borrow_mut().push(Told::Disconnected);
        } else {
            told.borrow_mut().push(Told::Reconnected);
        }
        match told.borrow().len() {
            1 => drop(first.borrow_mut().take()),
            3 => {
                let answer = approved(id);
                *second.borrow_mut() = Some(Stub::start_at(address, move |mut stream, _| {
                    read_request(&mut stream);
                    std::io::Write::write_all(&mut stream, &answer).unwrap();
                }));
            }
            _ => {}
        }
    };
    let verdict = client
        .wait_for_verdict(id, pending(id), Some(late()), &mut on)
        .await;
    assert_eq!(verdict.unwrap().status, ApprovalStatus::Approved);
    assert_eq!(
        told.into_inner(),
        [
            Told::Disconnected,
            Told::Disconnected,
            Told::Disconnected,
            Told::Reconnected
        ]
    );
}

#[tokio::test]
async fn what_may_pass_is_waited_out() {
    let id = RequestId::generate();
    let portal = answer(
        200,
        "content-type: text/html\r\n",
        "<h1>Welcome to the hotel</h1>",
    );
    for passing in [
        answer(502, "", ""),
        answer(503, "", ""),
        answer(429, "", ""),
        answer(408, "", ""),
        Vec::new(),
        portal,
    ] {
        let (stub, _) = Stub::answering(vec![passing.clone(), passing, approved(id)]);
        let (verdict, told) = wait(&stub, id, Some(late())).await;
        assert_eq!(verdict.unwrap(), ApprovalStatus::Approved);
        assert_eq!(
            told,
            [Told::Disconnected, Told::Disconnected, Told::Reconnected]
        );
    }
}

/// Told in seconds of the server's own, between two polls as it sees them: the
/// client's first pause by itself is far shorter.
#[tokio::test]
async fn a_wait_leaves_the_server_alone_for_as_long_as_it_asks() {
    const ASKED: Duration = Duration::from_secs(2);
    let id = RequestId::generate();
    let polls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&polls);
    let stub = Stub::start(move |mut stream, number| {
        read_request(&mut stream);
        seen.lock().unwrap().push(Instant::now());
        let busy = format!("retry-after: {}\r\n", ASKED.as_secs());
        let answer = match number {
            0 => answer(503, &busy, ""),
            _ => approved(id),
        };
        std::io::Write::write_all(&mut stream, &answer).unwrap();
    });
    let (verdict, told) = wait(&stub, id, Some(late())).await;
    assert_eq!(verdict.unwrap(), ApprovalStatus::Approved);
    assert_eq!(told, [Told::Disconnected, Told::Reconnected]);
    let polls = polls.lock().unwrap();
    let [first, second] = polls[..] else {
        panic!("{} polls", polls.len());
    };
    let paused = second.duration_since(first);
    assert!(paused >= ASKED, "{paused:?}");
}

#[tokio::test]
async fn three_garbled_answers_in_a_row_end_the_wait() {
    let id = RequestId::generate();
    let html = answer(200, "content-type: text/html\r\n", "approved");
    let (stub, _) = Stub::answering(vec![html.clone(), html.clone(), html, approved(id)]);
    let (verdict, told) = wait(&stub, id, Some(late())).await;
    assert!(
        matches!(verdict, Err(ClientError::Garbled { .. })),
        "{verdict:?}"
    );
    assert_eq!(told, [Told::Disconnected, Told::Disconnected]);
}

#[tokio::test]
async fn a_verdict_about_something_else_is_none() {
    let id = RequestId::generate();
    let mut other_command = request(id, ApprovalStatus::Approved, 2);
    other_command.invocation = crate::sample::invocation("get");
    let mut other_digest = request(id, ApprovalStatus::Approved, 2);
    other_digest.digest = other_command.invocation.digest().unwrap();
    for wrong in [
        ok(&other_command),
        ok(&other_digest),
        approved(RequestId::generate()),
    ] {
        let (stub, _) = Stub::answering(vec![wrong]);
        let (verdict, _) = wait(&stub, id, Some(late())).await;
        assert!(
            matches!(verdict, Err(ClientError::Garbled { .. })),
            "{verdict:?}"
        );
    }
    let (stub, _) = Stub::answering(vec![approved(id)]);
    let of_another = pending(RequestId::generate());
    let verdict = stub
        .client()
        .wait_for_verdict(id, of_another, None, &mut |_| ())
        .await;
    assert!(
        matches!(verdict, Err(ClientError::Garbled { .. })),
        "{verdict:?}"
    );
    assert_eq!(stub.connections(), 0);
}

#[tokio::test]
async fn a_refusal_ends_the_wait_at_once() {
    let id = RequestId::generate();
    let gone = json(&Problem::new(ProblemCode::Unauthorized, "the token ended"));
    let (stub, _) = Stub::answering(vec![answer(401, PROBLEM, gone)]);
    let (verdict, told) = wait(&stub, id, Some(late())).await;
    assert!(
        matches!(verdict, Err(ClientError::Refused(_))),
        "{verdict:?}"
    );
    assert_eq!((told, stub.connections()), (Vec::new(), 1));
}

#[tokio::test]
async fn the_deadline_ends_a_wait_that_nobody_answered() {
    let id = RequestId::generate();
    let stub = Stub::start(|mut stream, _| {
        read_request(&mut stream);
        drop(std::io::Read::read(&mut stream, &mut [0]));
    });
    let begun = Instant::now();
    let (verdict, _) = wait(&stub, id, Some(soon())).await;
    assert!(
        matches!(verdict, Err(ClientError::Unanswered)),
        "{verdict:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn a_deadline_that_passed_while_disconnected_says_so() {
    let id = RequestId::generate();
    let (stub, _) = Stub::answering(vec![Vec::new()]);
    let begun = Instant::now();
    let (verdict, told) = wait(&stub, id, Some(soon())).await;
    assert!(
        matches!(verdict, Err(ClientError::Unreachable { .. })),
        "{verdict:?}"
    );
    assert!(
        begun.elapsed() > Duration::from_millis(600),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        told.iter().all(|told| *told == Told::Disconnected),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_server_that_never_holds_a_poll_is_not_hammered() {
    let id = RequestId::generate();
    let (stub, seen) = Stub::answering(vec![answer(200, JSON, json(&pending(id)))]);
    let deadline = Instant::now() + Duration::from_secs(2);
    let (verdict, told) = wait(&stub, id, Some(deadline)).await;
    assert!(
        matches!(verdict, Err(ClientError::Unanswered)),
        "{verdict:?}"
    );
    assert_eq!(told, [], "an answer without news is none");
    let polls = seen.lock().unwrap().len();
    assert!((2..=8).contains(&polls), "{polls} polls in 2 s");
    assert_eq!(stub.most_at_once(), 1, "one request in flight");
}

#[tokio::test]
async fn without_a_deadline_the_end_of_the_request_ends_a_lost_wait() {
    let id = RequestId::generate();
    let asked_to_stay_away = answer(503, "retry-after: 9999\r\n", "");
    let (stub, _) = Stub::answering(vec![asked_to_stay_away]);
    let mut first = pending(id);
    first.expires_in_seconds = 0;
    let client = stub.client();
    let verdict = client.wait_for_verdict(id, first, None, &mut |_| ()).await;
    assert!(
        matches!(verdict, Err(ClientError::Unavailable { .. })),
        "{verdict:?}"
    );
}
