//! `GET /v1/requests` finds what the page's history and its inbox find.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use axum::http::StatusCode;
use futures_util::future::{join, select};
use gate_protocol::id::RequestId;
use gate_protocol::request::ApprovalRequest;

use super::bench::{Bench, submission};
use crate::clock;
use crate::identity::{Actor, TokenHash};
use crate::service::{Channel, Room, Waiting};
use crate::store::principals;
use crate::store::search::Wanted;

/// Returns the ids of a list, and what it says of the next page.
async fn listed(bench: &Bench, token: &str, query: &str) -> (Vec<String>, Option<String>) {
    let answer = bench.get(token, &format!("/v1/requests?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
    let page = answer.json();
    let id = |request: &serde_json::Value| request["id"].as_str().unwrap().to_owned();
    let ids = page["requests"].as_array().unwrap().iter().map(id);
    (ids.collect(), page["next"].as_str().map(str::to_owned))
}

fn ids(requests: &[&ApprovalRequest]) -> Vec<String> {
    requests.iter().map(|one| one.id.to_string()).collect()
}

/// Asks for a write by another tool, on another target.
async fn ledger(bench: &Bench, token: &str) -> ApprovalRequest {
    let mut wanted = submission("ledger");
    "psql".clone_into(&mut wanted.invocation.tool.name);
    "write".clone_into(&mut wanted.invocation.effect);
    wanted.digest = wanted.invocation.digest().unwrap();
    bench.submit(token, &wanted).await.request()
}

#[tokio::test]
async fn a_list_is_narrowed_by_what_was_asked_by_whom_and_when() {
    let bench = Bench::new().await;
    bench.approver("carol", &[]).await;
    let carol = bench.token_of("carol", "requester").await;
    let shop = bench.asked("shop").await;
    let ledger = ledger(&bench, &bench.setup.agent).await;
    let of_carol = bench.submit(&carol, &submission("web")).await.request();
    let long_ago = "from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z";
    let bob = &bench.setup.bob_approver;
    for (query, expected) in [
        ("", vec![&of_carol, &ledger, &shop]),
        ("text=delete%20SHOP", vec![&shop]),
        ("tool=psql", vec![&ledger]),
        ("effect=write", vec![&ledger]),
        ("target=edge", vec![&ledger]),
        ("principal=alice", vec![&ledger, &shop]),
        ("principal=carol", vec![&of_carol]),
        (
            "from=2020-01-01T00:00:00Z&status=pending",
            vec![&of_carol, &ledger, &shop],
        ),
        (long_ago, vec![]),
        ("text=shop&tool=psql", vec![]),
        (&format!("tool=kubectl&digest={}", shop.digest), vec![&shop]),
    ] {
        assert_eq!(
            listed(&bench, bob, query).await.0,
            ids(&expected),
            "{query}"
        );
    }
    // Whoever asks finds their own, whatever they look for.
    let own = listed(&bench, &carol, "text=delete").await;
    assert_eq!(own.0, ids(&[&of_carol]));
    let other = listed(&bench, &carol, "principal=alice").await;
    assert_eq!(other.0, ids(&[]));
    let (many, long) = ("a%20".repeat(9), "a".repeat(401));
    for query in [
        "from=yesterday",
        "waits_for_me=maybe",
        "text=%00",
        &format!("text={many}"),
        &format!("tool={long}"),
        "tool=a&tool=b",
    ] {
        let refused = bench.get(bob, &format!("/v1/requests?{query}")).await;
        assert_eq!(refused.problem(), "bad_request", "{query}");
    }
}

#[tokio::test]
async fn a_list_of_what_waits_for_somebody_has_what_their_yes_would_count_in() {
    let bench = Bench::new().await;
    let setup = &bench.setup;
    let of_agent = bench.asked("of-agent").await;
    let wanted = submission("of-alice");
    let of_alice = bench.submit(&setup.alice_requester, &wanted).await;
    let of_alice = of_alice.request();
    let bob_asks = bench.token_of("bob", "requester").await;
    let of_bob = ledger(&bench, &bob_asks).await;
    let denied = bench.asked("denied").await;
    bench
        .review(
            &setup.bob_approver,
            &denied,
            gate_protocol::review::Answer::Deny,
        )
        .await;
    let mine = "waits_for_me=true";
    for (token, expected) in [
        (&setup.bob_approver, vec![&of_alice, &of_agent]),
        (&setup.alice_approver, vec![&of_bob]),
        (&setup.admin, vec![]),
        (&setup.auditor, vec![]),
        (&setup.agent, vec![]),
        (&bob_asks, vec![]),
    ] {
        let (found, next) = listed(&bench, token, mine).await;
        assert_eq!((found, next), (ids(&expected), None));
    }
    let bob = &setup.bob_approver;
    let searched = listed(&bench, bob, "waits_for_me=true&text=of-agent").await;
    assert_eq!(searched, (ids(&[&of_agent]), None));
    // In pages, to the end.
    let (first, next) = listed(&bench, bob, "waits_for_me=true&limit=1").await;
    assert_eq!(first, ids(&[&of_alice]));
    let query = format!("waits_for_me=true&limit=1&cursor={}", next.unwrap());
    let (second, _) = listed(&bench, bob, &query).await;
    assert_eq!(second, ids(&[&of_agent]));
    let refused = bench.get(bob, "/v1/requests?waits_for_me=true&status=denied");
    assert_eq!(refused.await.problem(), "bad_request");
}

/// Returns who bears a token.
async fn bearer(bench: &Bench, token: &str) -> Actor {
    let mut reader = bench.server.store.read().await.unwrap();
    let (connection, hash) = (reader.connection(), TokenHash::of(token));
    let found = principals::bearer(connection, hash, clock::now()).await;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn a_second_search_of_a_caller_is_refused_while_their_first_waits_in_line() {
    let bench = Bench::new().await;
    let shop = bench.asked("shop").await;
    let (bob, alice) = (&bench.setup.bob_approver, &bench.setup.alice_approver);
    let auditor = bearer(&bench, &bench.setup.auditor).await;
    let running = bench.server.turn_of(&auditor, true).await.unwrap();
    let path = "/v1/requests?text=shop";
    let search = || Box::pin(bench.get(bob, path));
    let (refused, waiting) = select(search(), search()).await.factor_first();
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.problem(), "too_many");
    assert_eq!(refused.headers["retry-after"], "5");
    // What is no search waits for nobody, and others get in line.
    assert_eq!(listed(&bench, bob, "").await.0, ids(&[&shop]));
    let others = bench.get(alice, path);
    drop(running);
    let (own, others) = join(waiting, others).await;
    assert_eq!(
        (own.status, others.status),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(listed(&bench, bob, "text=shop").await.0, ids(&[&shop]));
}

/// Goes on with something once, and tells whether it is over.
async fn goes_on<T>(mut what: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    poll_fn(|context| Poll::Ready(what.as_mut().poll(context))).await
}

#[tokio::test]
async fn what_was_found_before_a_search_lost_its_turn_is_an_answer_and_says_where_to_go_on() {
    let bench = Bench::new().await;
    // More than are read at a time.
    let mut asked = Vec::new();
    for number in 0..60 {
        asked.push(bench.asked(&format!("shop-{number}")).await.id);
    }
    asked.reverse();
    let bob = bearer(&bench, &bench.setup.bob_approver).await;
    let find = |before: Option<RequestId>| {
        let wanted = Wanted {
            text: "shop".to_owned(),
            before,
            limit: 100,
            limit_bytes: u64::MAX,
            ..Wanted::default()
        };
        let who = (&bob, Channel::Api);
        let (server, room) = (&bench.server, Room::for_all());
        server.waiting_for(who, wanted, room, clock::now())
    };
    let found = |waiting: &Waiting| -> Vec<RequestId> {
        let requests = waiting.requests.iter();
        requests.map(|request| request.id).collect()
    };
    let mut finding = pin!(find(None));
    // While the first part is read, another search of the same caller gets in line.
    let other = loop {
        assert!(goes_on(finding.as_mut()).await.is_pending());
        let mut other = Box::pin(bench.server.turn_of(&bob, true));
        if goes_on(other.as_mut()).await.is_pending() {
            break other;
        }
        // The first one waits in line itself, for a search of another test.
        tokio::task::yield_now().await;
    };
    let first = finding.await.unwrap();
    drop(other);
    assert_eq!(found(&first), asked[..50]);
    assert_eq!(first.rest, Some(asked[49]));
    let rest = find(first.rest).await.unwrap();
    assert_eq!((found(&rest), rest.rest), (asked[50..].to_vec(), None));
}
