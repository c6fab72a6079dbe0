//! Entity tags: what is known is not sent again, and nobody undoes what they have not seen.

use axum::http::{HeaderName, Method, StatusCode, header};
use serde_json::json;

use super::bench::{Answered, Bench, call};

async fn with(
    bench: &Bench,
    (method, path): (Method, &str),
    (name, value): (HeaderName, &str),
    body: &serde_json::Value,
) -> Answered {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut request = call(method, path, &bench.setup.admin, body.into());
    request.headers_mut().insert(name, value.parse().unwrap());
    bench.send(request).await
}

fn tag(answered: &Answered) -> String {
    answered.headers[header::ETAG].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_thing_that_is_known_is_not_sent_again_until_it_changes() {
    let bench = Bench::new().await;
    let request = bench.asked("prod").await;
    let one = format!("/v1/requests/{}", request.id);
    let paths = [
        "/v1/principals/bob",
        "/v1/groups/approvers",
        "/v1/rules",
        &one,
    ];
    for path in paths.into_iter().chain(["/v1/rules/versions/1"]) {
        let first = bench.get(&bench.setup.admin, path).await;
        let known = tag(&first);
        let none = serde_json::Value::Null;
        let conditional = |known: String| {
            let (bench, none) = (&bench, &none);
            async move {
                let call = (Method::GET, path);
                with(bench, call, (header::IF_NONE_MATCH, &known), none).await
            }
        };
        for same in [known.clone(), format!("\"x\", {known}"), "*".to_owned()] {
            let again = conditional(same).await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
            assert!(again.body.is_empty(), "{path}");
            assert_eq!(tag(&again), known, "{path}");
        }
        let other = conditional("\"x\"".to_owned()).await;
        assert_eq!(other.status, StatusCode::OK, "{path}");
    }
    let before = tag(&bench.get(&bench.setup.admin, &one).await);
    bench
        .review(
            &bench.setup.bob_approver,
            &request,
            gate_protocol::review::Answer::Deny,
        )
        .await;
    assert_ne!(tag(&bench.get(&bench.setup.admin, &one).await), before);
}

#[tokio::test]
async fn a_change_of_what_was_changed_meanwhile_is_refused_and_changes_nothing() {
    let bench = Bench::new().await;
    let path = "/v1/principals/bob";
    let seen = tag(&bench.get(&bench.setup.admin, path).await);
    let add = |group: &str| json!({ "add_groups": [group] });
    let change = || (Method::PATCH, path);
    let first = with(&bench, change(), (header::IF_MATCH, &seen), &add("sre")).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let stale = with(&bench, change(), (header::IF_MATCH, &seen), &add("dba")).await;
    assert_eq!(
        (stale.status.as_u16(), stale.problem().as_str()),
        (412, "stale")
    );
    let now = bench.get(&bench.setup.admin, path).await;
    assert_eq!(tag(&stale), tag(&now), "it says what the tag is now");
    assert!(!now.text().contains("dba"));
    let disable = (Method::POST, "/v1/principals/bob/disable");
    let refused = with(&bench, disable, (header::IF_MATCH, &seen), &json!(null)).await;
    assert_eq!(refused.problem(), "stale");
    for any in ["*".to_owned(), tag(&now)] {
        let done = with(&bench, change(), (header::IF_MATCH, &any), &json!({})).await;
        assert_eq!(done.status, StatusCode::OK, "{any}");
    }
    // A weak tag proves nothing, and what is no tag is a mistake.
    let weak = format!("W/{}", tag(&now));
    let refused = with(&bench, change(), (header::IF_MATCH, &weak), &json!({})).await;
    assert_eq!(refused.problem(), "stale");
    let refused = with(&bench, change(), (header::IF_MATCH, "bob"), &json!({})).await;
    assert_eq!(refused.problem(), "bad_request");
}

#[tokio::test]
async fn new_rules_must_say_what_they_take_the_place_of() {
    let bench = Bench::new().await;
    let body = json!({ "text": "# new\n" });
    let put = || (Method::PUT, "/v1/rules");
    let accept = (header::ACCEPT, "*/*");
    let blind = with(&bench, put(), accept, &body).await;
    assert_eq!(
        (blind.status.as_u16(), blind.problem().as_str()),
        (428, "precondition_required")
    );
    let seen = tag(&bench.get(&bench.setup.admin, "/v1/rules").await);
    let first = with(&bench, put(), (header::IF_MATCH, &seen), &body).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let second = with(&bench, put(), (header::IF_MATCH, &seen), &body).await;
    assert_eq!(second.problem(), "stale");
}
