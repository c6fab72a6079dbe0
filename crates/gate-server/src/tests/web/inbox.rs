//! What the inbox says waits for whom, where much waits for others.

use gate_protocol::request::{ApprovalRequest, Requirement};
use serde_json::json;

use super::browser::{Browser, path};
use crate::tests::bench::{Bench, submission};

/// A server that asks carol about everything.
async fn carols() -> Bench {
    let bench = Bench::with(|settings| {
        settings.floor.approvers = vec!["user:carol".to_owned()];
        settings.limits.open_requests = 1_000;
        settings.approving.flood.open_requests = 1_000;
    })
    .await;
    bench.push_rules(&bench.setup.admin, "").await;
    bench
}

async fn asked(bench: &Bench, word: &str, also: &[&str]) -> ApprovalRequest {
    let mut wanted = submission(word);
    let requirement = |who: &&str| Requirement::of(vec![(*who).to_owned()], 1);
    wanted.terms.requirements = also.iter().map(requirement).collect();
    bench.submit(&bench.setup.agent, &wanted).await.request()
}

/// Returns where the button for older requests leads.
fn older(page: &str) -> String {
    let (_, rest) = page.split_once("?before=").unwrap();
    format!("/?before={}", rest.split('"').next().unwrap())
}

#[tokio::test]
async fn what_waits_for_the_visitor_is_on_the_first_page_however_much_waits_for_others() {
    let bench = carols().await;
    let own = asked(&bench, "own", &["user:bob"]).await;
    for word in 0..60 {
        asked(&bench, &format!("other-{word}"), &[]).await;
    }
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let page = bob.page("/").await;
    assert!(page.contains(&path(&own)), "{page}");
    assert!(page.contains("(1) Waiting") && !page.contains("Nothing waits"));
    let denied = bob.answer(&own, "deny").await;
    assert!(denied.status.is_redirection(), "{}", denied.text());
    // All was looked at, and so it is said; what waits for others goes on.
    let page = bob.page("/").await;
    assert!(page.contains("Nothing waits for you."), "{page}");
    // A later page knows nothing of what is on the first.
    let later = bob.page(&older(&page)).await;
    assert!(later.contains("None of these waits for you."), "{later}");
    assert!(!later.contains("Nothing waits"), "{later}");
    let auditor = Browser::signed_in(&bench, &bench.setup.auditor).await;
    assert!(!auditor.page("/").await.contains("Nothing waits"));
}

#[tokio::test]
async fn a_page_that_did_not_look_at_all_does_not_say_that_nothing_waits() {
    let bench = carols().await;
    let own = asked(&bench, "own", &["user:bob"]).await;
    // Bob is named by all of these, and asked for them himself.
    let bob_asks = bench.token_of("bob", "requester").await;
    let requirement = Requirement::of(vec!["user:bob".to_owned()], 1);
    for word in 0..510 {
        let mut wanted = submission(&format!("own-{word}"));
        wanted.terms.requirements = vec![requirement.clone()];
        let answer = bench.submit(&bob_asks, &wanted).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    }
    // As if somebody else asked for the first ten of the page's places.
    for word in 0..10 {
        asked(&bench, &format!("other-{word}"), &[]).await;
    }
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let page = bob.page("/").await;
    assert!(!page.contains("Nothing waits"), "{page}");
    assert!(page.contains("None of these waits for you."), "{page}");
    assert!(page.contains("stand under <b>Older</b>"), "{page}");
    // So does the API: nothing yet, and where it goes on.
    let list = "/v1/requests?waits_for_me=true";
    let listed = bench.get(&bench.setup.bob_approver, list).await.json();
    assert_eq!(listed["requests"], json!([]));
    let list = format!("{list}&cursor={}", listed["next"].as_str().unwrap());
    let listed = bench.get(&bench.setup.bob_approver, &list).await.json();
    assert_eq!(listed["requests"][0]["id"], own.id.to_string());
    assert_eq!(listed.get("next"), None);
    let (mut next, mut pages) = (older(&page), 0);
    loop {
        let page = bob.page(&next).await;
        pages += 1;
        if page.contains(&path(&own)) {
            break;
        }
        assert!(pages < 20, "it is on none of them");
        next = older(&page);
    }
}
