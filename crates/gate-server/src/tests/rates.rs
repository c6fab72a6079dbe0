//! How fast and how much at once one may call: each caller, and each network before
//! anybody is known to call.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, header};

use super::bench::{Answered, Bench, call};
use crate::settings::{Rate, Rates};

const SLOW: Rate = Rate {
    burst: 30,
    per_minute: 60,
};

async fn bench(adjust: impl FnOnce(&mut Rates)) -> Bench {
    Bench::with(|settings| adjust(&mut settings.limits.rates)).await
}

async fn from(
    bench: &Bench,
    address: &str,
    (method, path): (Method, &str),
    token: &str,
) -> Answered {
    let mut request = call(method, path, token, Body::empty());
    let address: SocketAddr = format!("{address}:1").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
    bench.send(request).await
}

fn told(answered: &Answered, name: &str) -> String {
    answered.headers[name].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_network_without_a_name_is_slowed_on_every_path_and_others_are_not() {
    let bench = bench(|rates| rates.address = SLOW).await;
    let paths = [
        "/v1/health",
        "/v1/whoami",
        "/nothing",
        "/v1/nothing",
        "/login",
        "/v1/device",
    ];
    let mut last = None;
    for number in 0..31 {
        // Each from another address of one /64.
        let address = format!("[2001:db8:0:1::{number:x}]");
        let path = paths[number % paths.len()];
        last = Some(from(&bench, &address, (Method::GET, path), "").await);
    }
    let refused = last.unwrap();
    assert_eq!(
        (refused.status.as_u16(), refused.problem().as_str()),
        (429, "too_many")
    );
    assert!(told(&refused, "retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(told(&refused, "ratelimit-policy"), "\"address\";q=60;w=60");
    assert!(told(&refused, "ratelimit").starts_with("\"address\";r=0;t="));
    let other = from(&bench, "[2001:db8:0:2::1]", (Method::GET, "/v1/health"), "").await;
    assert_eq!(other.status.as_u16(), 200);
    // A token that is none makes nobody of the network known.
    let guess = "gate_user_0000000000000000000000000000000000000000000";
    let slowed = from(
        &bench,
        "[2001:db8:0:1::1]",
        (Method::GET, "/v1/whoami"),
        guess,
    )
    .await;
    assert_eq!(slowed.status.as_u16(), 429);
}

#[tokio::test]
async fn strangers_keep_nobody_from_the_proof_of_the_key() {
    let bench = bench(|rates| rates.address = SLOW).await;
    let nonce = "0".repeat(32);
    let path = format!("/v1/server/proof?nonce={nonce}");
    let proof = (Method::GET, path.as_str());
    for _ in 0..31 {
        from(&bench, "192.0.2.1", (Method::GET, "/v1/health"), "").await;
    }
    let mut last = from(&bench, "192.0.2.1", proof.clone(), "").await;
    assert_eq!(last.status.as_u16(), 200, "{}", last.text());
    assert_eq!(told(&last, "ratelimit-policy"), "\"proof\";q=60;w=60");
    for _ in 0..31 {
        last = from(&bench, "192.0.2.1", proof.clone(), "").await;
    }
    assert_eq!(last.problem(), "too_many");
    let other = from(&bench, "192.0.2.2", (Method::GET, "/v1/health"), "").await;
    assert_eq!(other.status.as_u16(), 200);
}

#[tokio::test]
async fn strangers_keep_nobody_out_who_was_let_in_from_their_network() {
    let bench = bench(|rates| rates.address = SLOW).await;
    let bob = bench.setup.bob_approver.clone();
    let whoami = (Method::GET, "/v1/whoami");
    let first = from(&bench, "192.0.2.1", whoami.clone(), &bob).await;
    assert_eq!(first.status.as_u16(), 200);
    for _ in 0..31 {
        from(&bench, "192.0.2.1", (Method::GET, "/v1/health"), "").await;
    }
    let known = from(&bench, "192.0.2.1", whoami.clone(), &bob).await;
    assert_eq!(known.status.as_u16(), 200);
    assert!(told(&known, "ratelimit").starts_with("\"caller\";"));
    let unknown = from(&bench, "192.0.2.1", whoami.clone(), &bench.setup.agent).await;
    assert_eq!(unknown.problem(), "too_many");
    // Nor is a token that was taken back a way past the limit: it is looked up once.
    bench
        .sql("UPDATE tokens SET revoked_at = 1 WHERE principal = 'bob'")
        .await;
    for expected in ["unauthorized", "too_many"] {
        let over = from(&bench, "192.0.2.1", whoami.clone(), &bob).await;
        assert_eq!(over.problem(), expected);
    }
}

#[tokio::test]
async fn a_caller_is_counted_for_itself_and_not_for_its_network() {
    let bench = bench(|rates| {
        rates.address = SLOW;
        rates.caller = Rate {
            burst: 50,
            per_minute: 60,
        };
    })
    .await;
    let (agent, bob) = (bench.setup.agent.clone(), bench.setup.bob_approver.clone());
    let whoami = |token: String| {
        let bench = &bench;
        async move { from(bench, "192.0.2.1", (Method::GET, "/v1/whoami"), &token).await }
    };
    for left in (0..50).rev() {
        let answered = whoami(agent.clone()).await;
        assert_eq!(answered.status.as_u16(), 200);
        let told = told(&answered, "ratelimit");
        assert!(
            told.starts_with(&format!("\"caller\";r={left};t=")),
            "{told}"
        );
    }
    let refused = whoami(agent.clone()).await;
    assert_eq!(refused.problem(), "too_many");
    assert_eq!(told(&refused, "ratelimit-policy"), "\"caller\";q=60;w=60");
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(
        whoami(bob.clone()).await.status.as_u16(),
        200,
        "each has a bucket"
    );
    // A change costs ten.
    let cancel = "/v1/requests/019b2000-0000-7000-8000-000000000001/reviews";
    for _ in 0..4 {
        from(&bench, "192.0.2.1", (Method::POST, cancel), &bob).await;
    }
    let left = told(&whoami(bob).await, "ratelimit");
    let left: u64 = left.split(['=', ';']).nth(2).unwrap().parse().unwrap();
    assert!((7..=9).contains(&left), "{left}");
}

#[tokio::test]
async fn so_many_polls_of_one_caller_wait_and_one_that_ends_makes_room() {
    let bench = bench(|rates| rates.waits = 2).await;
    let request = bench.asked("prod").await;
    let path = format!("/v1/requests/{}?wait=60&after=1", request.id);
    let agent = &bench.setup.agent;
    let mut parked =
        Box::pin(async { tokio::join!(bench.get(agent, &path), bench.get(agent, &path)) });
    let third = async {
        while bench.server.flood.waits.taken("demo-agent") < 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bench.get(agent, &path).await
    };
    let refused = tokio::select! {
        _ = &mut parked => panic!("nothing happened"),
        refused = third => refused,
    };
    assert_eq!(refused.problem(), "too_many");
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    let bob = bench.get(&bench.setup.bob_approver, "/v1/requests").await;
    assert_eq!(bob.status.as_u16(), 200);
    drop(parked);
    let short = format!("/v1/requests/{}?wait=1&after=1", request.id);
    assert_eq!(bench.get(agent, &short).await.status.as_u16(), 200);
}
