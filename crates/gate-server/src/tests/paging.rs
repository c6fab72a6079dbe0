//! Lists in pages: each thing once, in order, to an end; and no cursor but the list's own.

use axum::http::StatusCode;
use gate_protocol::page::Cursor;
use gate_protocol::principal::{Principal, PrincipalKind};
use serde_json::{Value, json};

use super::bench::Bench;

/// Every list, what its things stand under, and what tells one from another.
const LISTS: [(&str, &str, &str); 7] = [
    ("/v1/principals", "principals", "/name"),
    ("/v1/groups", "groups", "/name"),
    ("/v1/tokens", "tokens", "/id"),
    ("/v1/accounts", "accounts", "/account/subject"),
    ("/v1/channels", "channels", "/channel/name"),
    ("/v1/requests", "requests", "/id"),
    ("/v1/rules/versions", "versions", "/version"),
];

/// Makes at least five things of each list.
async fn filled() -> Bench {
    let bench = Bench::new().await;
    let admin = bench.setup.admin.clone();
    for number in 0..5 {
        let made = Principal {
            name: format!("p{number}"),
            kind: PrincipalKind::User,
            owner: None,
            person: None,
            groups: vec![format!("g{number}")],
            disabled: false,
        };
        let created = bench.post(&admin, "/v1/principals", &made).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
        let account = json!({ "provider": "oidc", "tenant": "https://i.example",
            "subject": format!("s{number}") });
        let link = json!({ "account": account, "principal": made.name });
        let linked = bench.post(&admin, "/v1/accounts", &link).await;
        assert_eq!(linked.status, StatusCode::CREATED, "{}", linked.text());
        let channel = json!({ "channel": { "name": format!("c{number}"),
            "settings": { "kind": "webhook", "url": "https://x.example/" } },
            "secrets": { "signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" } });
        let created = bench.post(&admin, "/v1/channels", &channel).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
        bench.asked(&format!("n{number}")).await;
        let rules = json!({ "text": format!("# {number}\n"), "expected_version": number + 1 });
        let put = super::bench::call(
            axum::http::Method::PUT,
            "/v1/rules",
            &admin,
            rules.to_string().into(),
        );
        let put = bench.send(put).await;
        assert_eq!(put.status, StatusCode::OK, "{}", put.text());
    }
    bench
}

async fn walked(bench: &Bench, path: &str, field: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut query) = (Vec::new(), format!("limit={limit}"));
    loop {
        let page = bench
            .get(&bench.setup.admin, &format!("{path}?{query}"))
            .await
            .json();
        let some = page[field]
            .as_array()
            .unwrap_or_else(|| panic!("{path}: {page}"));
        assert!(some.len() <= limit, "{path}");
        items.extend(some.iter().cloned());
        assert!(items.len() < 100, "{path} has no end");
        match page["next"].as_str() {
            Some(next) => query = format!("limit={limit}&cursor={next}"),
            None => return items,
        }
    }
}

#[tokio::test]
async fn page_by_page_a_list_is_what_it_is_at_once() {
    let bench = filled().await;
    for (path, field, key) in LISTS {
        let whole = walked(&bench, path, field, 100).await;
        assert!(whole.len() >= 5, "{path}: {}", whole.len());
        for limit in [1, 2] {
            let paged = walked(&bench, path, field, limit).await;
            let keys = |items: &[Value]| -> Vec<Value> {
                items
                    .iter()
                    .map(|one| one.pointer(key).unwrap().clone())
                    .collect()
            };
            assert_eq!(keys(&paged), keys(&whole), "{path} by {limit}");
        }
    }
}

#[tokio::test]
async fn what_is_made_between_two_pages_moves_none_of_what_was_there() {
    let bench = filled().await;
    let admin = &bench.setup.admin;
    let first = bench.get(admin, "/v1/requests?limit=2").await.json();
    bench.asked("newer").await;
    let next = first["next"].as_str().unwrap();
    let second = bench
        .get(admin, &format!("/v1/requests?limit=2&cursor={next}"))
        .await
        .json();
    let id =
        |page: &Value, place: usize| page["requests"][place]["id"].as_str().unwrap().to_owned();
    assert!(id(&second, 0) < id(&first, 1), "none twice");
    let whole = bench.get(admin, "/v1/requests?limit=100").await.json();
    assert_eq!(id(&whole, 3), id(&second, 0), "and none missed");
}

#[tokio::test]
async fn a_cursor_or_limit_that_is_none_is_refused_by_every_list() {
    let bench = filled().await;
    let admin = &bench.setup.admin;
    let foreign = Cursor::after("another", "x");
    let queries = [
        "limit=0".to_owned(),
        "limit=101".to_owned(),
        "limit=x".to_owned(),
        "cursor=%21".to_owned(),
        format!("cursor={foreign}"),
        "before=x".to_owned(),
    ];
    let more = [
        "/v1/standing-grants",
        "/v1/break-glass",
        "/v1/channels/c0/deliveries",
    ];
    for path in LISTS.iter().map(|(path, ..)| *path).chain(more) {
        assert_eq!(
            bench.get(admin, path).await.status,
            StatusCode::OK,
            "{path}"
        );
        for query in &queries {
            let refused = bench.get(admin, &format!("{path}?{query}")).await;
            assert_eq!(refused.problem(), "bad_request", "{path}?{query}");
        }
    }
}

#[tokio::test]
async fn a_version_of_the_rules_is_read_with_its_text_also_when_it_is_past() {
    let bench = filled().await;
    let shown = bench
        .get(&bench.setup.auditor, "/v1/rules/versions/2")
        .await
        .json();
    assert_eq!(
        (&shown["version"], &shown["text"]),
        (&json!(2), &json!("# 0\n"))
    );
    let unknown = bench
        .get(&bench.setup.auditor, "/v1/rules/versions/99")
        .await;
    assert_eq!(unknown.problem(), "not_found");
    let agent = bench.get(&bench.setup.agent, "/v1/rules/versions").await;
    assert_eq!(agent.problem(), "forbidden");
}
