//! The pages beside the inbox and a request: what stands on them, and who may.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInput, Delivery};
use gate_protocol::masked::MaskedText;
use gate_protocol::request::{ApprovalStatus, SubmitRequest};
use serde_json::json;

use super::browser::{Browser, assert_hardened, location, path, review_path};
use crate::store::sql::query;
use crate::tests::bench::{Bench, submission};

/// Returns a write: nothing has to be typed to approve it.
fn write(word: &str) -> SubmitRequest {
    let mut wanted = submission(word);
    wanted.invocation.effect = "write".to_owned();
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted
}

#[tokio::test]
async fn what_is_dangerous_is_approved_by_typing_and_denied_by_a_button() {
    let bench = Bench::with(|settings| {
        *settings = settings
            .clone()
            .with_toml("production = ['namespace eu-*']")
            .unwrap();
    })
    .await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let csrf = bob.csrf().await;
    let destroys = bench.asked("shop").await;
    let in_production = bench
        .submit(&bench.setup.agent, &write("eu-west"))
        .await
        .request();
    for (request, name) in [(&destroys, "shop"), (&in_production, "eu-west")] {
        let digest = request.digest.to_string();
        for typed in ["", "approve", "digest", &digest] {
            let fields = [
                ("csrf", csrf.as_str()),
                ("digest", &digest),
                ("answer", "approve"),
                ("confirm", typed),
            ];
            let answer = bob.post(&review_path(request), &fields).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
            assert_hardened(&answer);
            assert!(answer.text().contains("Approve this?"));
            assert_eq!(bench.show(request).await.status, ApprovalStatus::Pending);
        }
        let fields = [
            ("csrf", csrf.as_str()),
            ("digest", &digest),
            ("answer", "approve"),
            ("confirm", name),
        ];
        location(&bob.post(&review_path(request), &fields).await);
        assert_eq!(bench.show(request).await.status, ApprovalStatus::Approved);
        let fields = [
            ("csrf", csrf.as_str()),
            ("digest", &digest),
            ("answer", "deny"),
        ];
        location(&bob.post(&review_path(request), &fields).await);
        assert_eq!(bench.show(request).await.status, ApprovalStatus::Denied);
    }
    let page = bob.page(&path(&in_production)).await;
    assert!(page.contains("setting `namespace eu-*` says"), "{page}");
}

#[tokio::test]
async fn a_changed_input_is_compared_with_what_was_approved_before() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let with = |content: &str| {
        let mut wanted = write("shop");
        wanted.invocation.inputs = vec![BoundInput {
            role: "manifest".to_owned(),
            name: MaskedText::plain(b"app.yaml"),
            sha256: Digest::of_bytes(content.as_bytes()),
            size_bytes: content.len() as u64,
            delivery: Delivery::Snapshot,
            content: Some(content.to_owned()),
        }];
        wanted.digest = wanted.invocation.digest().unwrap();
        wanted
    };
    let agent = &bench.setup.agent;
    let first = bench.submit(agent, &with("a: 1\nb: 2\n")).await.request();
    let page = bob.page(&path(&first)).await;
    assert!(page.contains("Nothing of this name was approved"));
    assert!(page.contains("<td>b: 2</td>"), "{page}");
    // What was asked and not approved is nothing to compare with.
    let denied = bench.submit(agent, &with("x: 1\n")).await.request();
    location(&bob.answer(&denied, "deny").await);
    location(&bob.answer(&first, "approve").await);
    let second = bench
        .submit(agent, &with("a: 1\nb: 3\u{202e}\n<b>\n"))
        .await
        .request();
    let page = bob.page(&path(&second)).await;
    assert!(page.contains("2 added, 1 removed"), "{page}");
    assert!(page.contains(r"<td>b: 3\u{202e}</td>") && !page.contains("<td><b>"));
    assert!(page.contains(&format!("href=\"/requests/{}\"", first.id)));
    // Of one requester nothing is shown for another.
    let alice = &bench.setup.alice_requester;
    let other = bench.submit(alice, &with("a: 9\n")).await.request();
    let page = bob.page(&path(&other)).await;
    assert!(page.contains("Nothing of this name was approved"));
}

#[tokio::test]
async fn more_text_than_fits_is_not_taken() {
    let bench = Bench::new().await;
    let mut wanted = write("shop");
    for at in 0..5 {
        wanted.invocation.inputs.push(BoundInput {
            role: "manifest".to_owned(),
            name: MaskedText::plain(format!("{at}.yaml").as_bytes()),
            sha256: Digest::of_bytes(b""),
            size_bytes: 60_000,
            delivery: Delivery::Snapshot,
            content: Some("x".repeat(60_000)),
        });
    }
    wanted.digest = wanted.invocation.digest().unwrap();
    let answer = bench.submit(&bench.setup.agent, &wanted).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("invocation.inputs.content"));
}

#[tokio::test]
async fn the_history_is_found_by_each_of_its_filters() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let found = bench.asked("shop").await;
    bench
        .submit(&bench.setup.alice_requester, &write("cellar"))
        .await
        .request();
    location(&bob.answer(&found, "deny").await);
    for query in [
        "text=delete+SHOP",
        "text=a+test+shop",
        "status=denied",
        "effect=destroy",
        "principal=demo-agent",
        "principal=alice&target=sho",
        "tool=kubectl&target=shop",
        &format!("text={}", found.id),
        "from=2020-01-01&to=2999-12-31&status=denied",
    ] {
        let page = bob.page(&format!("/history?{query}")).await;
        assert!(page.contains(&path(&found)), "{query}");
        let rows = page.matches("class=\"row\"").count();
        assert_eq!(rows, 1, "{query}");
    }
    for query in [
        "text=shop+cellar",
        "status=approved",
        "effect=secret",
        "principal=nobody",
        "tool=kubect",
        "to=2020-01-01",
        "text='+OR+1=1",
        "text=%25",
    ] {
        let page = bob.page(&format!("/history?{query}")).await;
        assert!(page.contains("Nothing fits."), "{query}");
    }
    for query in ["from=yesterday", "status=open", "before=x"] {
        let page = bob.page(&format!("/history?{query}")).await;
        assert!(page.contains("role=\"alert\""), "{query}");
    }
}

#[tokio::test]
async fn the_log_is_shown_with_its_state_and_handed_out_byte_for_byte() {
    let bench = Bench::new().await;
    let request = bench.asked("shop").await;
    let auditor = Browser::signed_in(&bench, &bench.setup.auditor).await;
    let page = auditor.page("/audit").await;
    assert!(
        page.contains("The chain and the tree hold through all"),
        "{page}"
    );
    let story = auditor
        .page(&format!("/audit?request={}", request.id))
        .await;
    assert_eq!(story.matches("<td class=\"mono\">").count(), 1, "{story}");
    let typed = auditor.page("/audit?type=session.created").await;
    assert_eq!(typed.matches("<td class=\"mono\">").count(), 1, "{typed}");
    let download = auditor.get("/audit/records").await;
    assert_eq!(download.headers[CONTENT_TYPE], "application/jsonl");
    let records = bench.records().await;
    let lines: Vec<String> = download.text().lines().map(ToOwned::to_owned).collect();
    assert_eq!(lines.len(), records.len());
    for (line, record) in lines.iter().zip(&records) {
        assert_eq!(line.as_bytes(), record.bytes());
    }
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    for path in [
        "/audit",
        "/audit/records",
        "/principals",
        "/tokens",
        "/groups",
        "/agents",
    ] {
        let refused = bob.get(path).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert_hardened(&refused);
    }
}

#[tokio::test]
async fn a_log_that_was_changed_is_seen_on_its_page() {
    let bench = Bench::new().await;
    bench.asked("shop").await;
    let mut writer = bench.server.store.write().await.unwrap();
    for sql in [
        "DROP TRIGGER log_records_are_never_changed",
        "UPDATE log_records SET record = CAST(replace(CAST(record AS TEXT), 'alice', 'mallo')
           AS BLOB) WHERE seq = (SELECT min(seq) FROM log_records
             WHERE instr(CAST(record AS TEXT), 'alice') > 0)",
    ] {
        query(sql).execute(writer.connection()).await.unwrap();
    }
    writer.commit().await.unwrap();
    let auditor = Browser::signed_in(&bench, &bench.setup.auditor).await;
    let page = auditor.page("/audit").await;
    assert!(page.contains("<b>No.</b>"), "{page}");
    assert!(!page.contains("hold through all"));
}

#[tokio::test]
async fn an_admin_changes_who_may_act_and_nobody_else_does() {
    let bench = Bench::new().await;
    let admin = Browser::administering(&bench).await;
    let csrf = admin.csrf().await;
    let form = [("csrf", csrf.as_str())];
    let carol = [
        form[0],
        ("name", "carol"),
        ("kind", "user"),
        ("groups", "sre, ops"),
    ];
    assert_eq!(
        location(&admin.post("/principals", &carol).await),
        "/principals"
    );
    let page = admin.page("/principals").await;
    assert!(page.contains("<b>carol</b>") && page.contains("<span class=\"tag\">ops</span>"));
    let again = admin.post("/principals", &carol).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let wanted = [
        form[0],
        ("principal", "carol"),
        ("role", "approver"),
        ("days", "1"),
    ];
    let made = admin.post("/tokens", &wanted).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert!(made.text().contains("class=\"secret\">gate_user_"));
    for (path, fields) in [
        ("/principals/carol/disable", &form[..]),
        ("/principals/carol/enable", &form),
    ] {
        assert_eq!(location(&admin.post(path, fields).await), "/principals");
    }
    let too_long = [
        form[0],
        ("principal", "carol"),
        ("role", "approver"),
        ("days", "9999999999999999999"),
    ];
    assert!(
        admin
            .post("/tokens", &too_long)
            .await
            .status
            .is_client_error()
    );
    assert_eq!(bench.count("principal.disabled").await, 1);
    bench.verified().await;
}

#[tokio::test]
async fn a_token_for_some_tools_is_made_and_shown_as_one() {
    let bench = Bench::new().await;
    let admin = Browser::administering(&bench).await;
    let csrf = admin.csrf().await;
    let fields = |role, tools| {
        [
            ("csrf", csrf.as_str()),
            ("principal", "demo-agent"),
            ("role", role),
            ("days", "1"),
            ("tools", tools),
        ]
    };
    let made = admin
        .post("/tokens", &fields("requester", "psql, helm"))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let page = made.text();
    assert!(page.contains("to ask for psql, helm only"), "{page}");
    let (_, rest) = page.split_once("class=\"secret\">").unwrap();
    let token = rest.split('<').next().unwrap();
    let refused = bench.submit(token, &submission("shop")).await;
    assert_eq!(refused.problem(), "forbidden", "it asks for kubectl");
    let auditor = Browser::signed_in(&bench, &bench.setup.auditor).await;
    let page = auditor.page("/tokens").await;
    assert!(
        page.contains("<td data-label=\"Tools\">psql, helm</td>"),
        "{page}"
    );
    assert!(page.contains("<td data-label=\"Tools\">any</td>"), "{page}");
    for (role, tools) in [("approver", "psql"), ("requester", "/usr/bin/psql")] {
        let refused = admin.post("/tokens", &fields(role, tools)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{role} {tools}");
    }
}

#[tokio::test]
async fn roles_keep_to_their_pages_whatever_they_post() {
    let bench = Bench::new().await;
    let admin = Browser::administering(&bench).await;
    // An admin looks at requests and answers none.
    let request = bench.asked("shop").await;
    assert!(
        !admin
            .page(&path(&request))
            .await
            .contains("name=\"answer\"")
    );
    assert_eq!(
        admin.answer(&request, "approve").await.status,
        StatusCode::FORBIDDEN
    );
    // Nobody else gets past the door, with a good form of their own.
    for token in [&bench.setup.bob_approver, &bench.setup.auditor] {
        let other = Browser::signed_in(&bench, token).await;
        let csrf = other.csrf().await;
        for (path, fields) in [
            ("/principals", vec![("name", "eve"), ("kind", "user")]),
            ("/principals/alice/disable", vec![]),
            ("/principals/alice/enable", vec![]),
            (
                "/tokens",
                vec![("principal", "bob"), ("role", "admin"), ("days", "1")],
            ),
            ("/tokens/x/revoke", vec![]),
        ] {
            let mut fields = fields;
            fields.push(("csrf", &csrf));
            let refused = other.post(path, &fields).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    assert_eq!(bench.count("principal.disabled").await, 0);
    bench.verified().await;
}

#[tokio::test]
async fn rules_are_shown_by_version_and_a_request_says_when_its_rule_changed() {
    let bench = Bench::new().await;
    let rule = "[[rule]]\nid = \"shop/destroy\"\ntool = \"kubectl\"\n\
                decision = \"require_approval\"\n";
    let put = json!({ "text": rule, "expected_version": 1 });
    let request = crate::tests::bench::call(
        axum::http::Method::PUT,
        "/v1/rules",
        &bench.setup.admin,
        serde_json::to_vec(&put).unwrap().into(),
    );
    assert_eq!(bench.send(request).await.status, StatusCode::OK);
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let page = bob.page("/rules").await;
    assert!(page.contains("version 2 is in force") && page.contains("shop/destroy"));
    let page = bob.page("/rules/2").await;
    assert!(page.contains("Against version 1") && page.contains("class=\"removed\""));
    for missing in ["/rules/3", "/rules/0", "/rules/x"] {
        assert_eq!(
            bob.get(missing).await.status,
            StatusCode::NOT_FOUND,
            "{missing}"
        );
    }
    let mut wanted = write("shop");
    wanted.terms.rules = vec!["shop/destroy".to_owned()];
    let request = bench.submit(&bench.setup.agent, &wanted).await.request();
    let page = bob.page(&path(&request)).await;
    assert!(
        page.contains("by <b>admin</b>") && page.contains("changed lately"),
        "{page}"
    );
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_a_page_for_a_browser_alone() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    for (path, accept, is_page) in [
        ("/nothing", "text/html,*/*", true),
        ("/nothing", "application/json", false),
        ("/v1/nothing", "text/html", false),
    ] {
        let mut call = bob.call(axum::http::Method::GET, path, axum::body::Body::empty());
        call.headers_mut().insert("accept", accept.parse().unwrap());
        let answer = bench.send(call).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        if is_page {
            assert_hardened(&answer);
            assert!(answer.text().contains("<b>bob</b>"));
        } else {
            assert_eq!(answer.problem(), "not_found");
        }
    }
}

#[tokio::test]
async fn what_would_happen_is_said_and_nothing_happens() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let csrf = bob.csrf().await;
    let before = bench.records().await.len();
    for (line, word) in [
        ("kubectl delete ns shop", "1 of group:approvers"),
        ("kubectl get pods", "It would run at once"),
        (
            "FOO=1 kubectl delete ns shop | tee x",
            "as a shell would run it",
        ),
        ("kubectl delete 'ns", "A quote is not closed."),
        ("<script>alert(1)</script>", "&#60;script&#62;"),
    ] {
        let answer = bob
            .post("/what-if", &[("csrf", &csrf), ("line", line)])
            .await;
        assert!(answer.text().contains(word), "{line}: {}", answer.text());
        assert_hardened(&answer);
        assert!(!answer.text().contains("<script>"));
    }
    assert_eq!(bench.records().await.len(), before);
}
