//! One admin's rule for their own agent: what lets more pass is in force only once a second admin
//! has confirmed it.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::bench::{Answered, Bench, call};
use super::web::Browser;

const ALLOW: &str = "[[rule]]\nid = 'own/agent'\ntool = 'kubectl'\neffect = 'write'\n\
                     decision = 'allow'\n";

async fn admin(bench: &Bench, name: &str) -> String {
    bench.approver(name, &[]).await;
    bench.token_of(name, "admin").await
}

async fn token_by(bench: &Bench, by: &str, name: &str) -> String {
    let wanted = json!({ "principal": name, "role": "admin", "ttl_seconds": 600 });
    let made = bench.post(by, "/v1/tokens", &wanted).await.json();
    made["token"].as_str().unwrap().to_owned()
}

async fn put(bench: &Bench, token: &str, text: &str) -> Answered {
    let body = serde_json::to_vec(&json!({ "text": text })).unwrap();
    let mut put = call(Method::PUT, "/v1/rules", token, body.into());
    let any = "*".parse().unwrap();
    put.headers_mut().insert(header::IF_MATCH, any);
    bench.send(put).await
}

async fn in_force(bench: &Bench) -> (u64, String) {
    let rules = bench.get(&bench.setup.agent, "/v1/rules").await.json();
    let bundle = &rules["bundle"];
    let text = bundle["text"].as_str().unwrap().to_owned();
    (bundle["version"].as_u64().unwrap(), text)
}

async fn confirm(bench: &Bench, token: &str, id: &str) -> Answered {
    let path = format!("/v1/rules/proposal/{id}/confirm");
    bench
        .send(call(Method::POST, &path, token, Body::empty()))
        .await
}

async fn withdraw(bench: &Bench, token: &str, id: &str) -> Answered {
    let path = format!("/v1/rules/proposal/{id}");
    bench
        .send(call(Method::DELETE, &path, token, Body::empty()))
        .await
}

fn id(proposed: &Answered) -> String {
    assert_eq!(proposed.status, StatusCode::CREATED, "{}", proposed.text());
    proposed.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_allow_of_one_admin_lets_nothing_pass_until_a_second_one_confirms_it() {
    let bench = Bench::new().await;
    let mallory = admin(&bench, "mallory").await;
    let carol = admin(&bench, "carol").await;
    let before = in_force(&bench).await;
    let text = format!("{}{ALLOW}", before.1);
    let proposed = put(&bench, &mallory, &text).await;
    let proposal = id(&proposed);
    let loosens = proposed.json()["loosens"].clone();
    assert_eq!(
        loosens,
        json!(["rule `own/agent` allows what the baseline asks about: write"])
    );
    assert_eq!(in_force(&bench).await, before, "nothing is looser yet");
    let shown = bench.get(&bench.setup.auditor, "/v1/rules/proposal").await;
    assert_eq!(shown.json()["id"], proposal);
    assert_eq!(shown.json()["text"], text);
    // Herself, and by an account that she made.
    let user = json!({ "name": "m2", "kind": "user", "groups": [] });
    bench.post(&mallory, "/v1/principals", &user).await;
    let puppet = token_by(&bench, &mallory, "m2").await;
    for token in [&mallory, &puppet] {
        let refused = confirm(&bench, token, &proposal).await;
        assert_eq!(refused.problem(), "excluded", "{}", refused.text());
    }
    let confirmed = confirm(&bench, &carol, &proposal).await;
    assert_eq!(confirmed.status, StatusCode::OK, "{}", confirmed.text());
    let now = (before.0 + 1, text);
    assert_eq!(in_force(&bench).await, now);
    let gone = confirm(&bench, &carol, &proposal).await;
    assert_eq!(gone.problem(), "not_found");
    // Nor is she trusted by a token that she made for the one whom the settings trust.
    let as_trusted = token_by(&bench, &mallory, "admin").await;
    let proposal = id(&put(&bench, &as_trusted, "").await);
    assert_eq!(in_force(&bench).await, now);
    let herself = confirm(&bench, &mallory, &proposal).await;
    assert_eq!(herself.problem(), "excluded", "{}", herself.text());
    let records = bench.records().await;
    let of = |kind: &str| -> Vec<Value> {
        let all = records
            .iter()
            .filter(|one| one.record_type().as_str() == kind);
        all.map(|one| Value::Object(one.body().clone())).collect()
    };
    assert_eq!(of("rules.proposed").len(), 2);
    let activated = of("rules.activated");
    assert_eq!(activated.last().unwrap()["confirmed_by"], "carol");
    bench.verified().await;
}

#[tokio::test]
async fn what_tightens_and_what_a_trusted_admin_pushes_is_in_force_at_once() {
    let bench = Bench::new().await;
    let mallory = admin(&bench, "mallory").await;
    let before = in_force(&bench).await;
    let deny = ALLOW.replace("'allow'", "'deny'");
    let stricter = format!("{}{deny}", before.1);
    let tightened = put(&bench, &mallory, &stricter).await;
    assert_eq!(tightened.status, StatusCode::OK, "{}", tightened.text());
    for looser in [before.1.as_str(), "", ALLOW] {
        id(&put(&bench, &mallory, looser).await);
    }
    assert_eq!(
        bench.count("rules.withdrawn").await,
        2,
        "one waits at a time"
    );
    let loosened = put(&bench, &bench.setup.admin, ALLOW).await;
    assert_eq!(loosened.status, StatusCode::OK, "{}", loosened.text());
    // What waited was for the rules before.
    let gone = bench.get(&bench.setup.auditor, "/v1/rules/proposal").await;
    assert_eq!(gone.problem(), "not_found");
    bench.verified().await;
}

#[tokio::test]
async fn any_admin_takes_a_proposal_back_and_the_page_does_both() {
    let bench = Bench::new().await;
    let mallory = admin(&bench, "mallory").await;
    let carol = admin(&bench, "carol").await;
    let before = in_force(&bench).await;
    let proposal = id(&put(&bench, &mallory, ALLOW).await);
    let gone = withdraw(&bench, &carol, &proposal).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text());
    assert_eq!(
        withdraw(&bench, &carol, &proposal).await.problem(),
        "not_found"
    );
    let page = Browser::administering(&bench).await;
    let csrf = page.csrf().await;
    for (verb, version) in [("withdraw", before.0), ("confirm", before.0 + 1)] {
        let proposal = id(&put(&bench, &mallory, ALLOW).await);
        let shown = page.page("/rules").await;
        assert!(shown.contains("Waits for a second admin"), "{shown}");
        assert!(shown.contains("is taken away"), "{shown}");
        let path = format!("/rules/proposal/{proposal}/{verb}");
        let done = page.post(&path, &[("csrf", &csrf)]).await;
        assert!(done.status.is_redirection(), "{}", done.text());
        assert_eq!(in_force(&bench).await.0, version);
        assert!(!page.page("/rules").await.contains("Waits for"));
    }
    bench.verified().await;
}
