//! What people change on pages: groups, rules, and standing grants from a request's page.

use axum::http::StatusCode;
use gate_protocol::preview::Preview;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, SubmitRequest};
use serde_json::json;

use super::browser::{Browser, assert_hardened, location, path};
use crate::store::sql::query;
use crate::tests::bench::{Answered, Bench, submission};

/// Makes every sign-in an old one.
async fn age_sessions(bench: &Bench) {
    let mut writer = bench.server.store.write().await.unwrap();
    query("UPDATE sessions SET created_at = created_at - 901000")
        .execute(writer.connection())
        .await
        .unwrap();
    writer.commit().await.unwrap();
}

async fn groups_of(bench: &Bench, name: &str) -> Vec<String> {
    bench.server.principal_named(name).await.unwrap().groups
}

async fn post(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Answered {
    let csrf = browser.csrf().await;
    let fields = [&[("csrf", csrf.as_str())], fields].concat();
    let answer = browser.post(path, &fields).await;
    assert_hardened(&answer);
    answer
}

#[tokio::test]
async fn an_admin_makes_fills_empties_and_removes_groups() {
    let bench = Bench::new().await;
    let admin = Browser::administering(&bench).await;
    let add = |member: &'static str| [("group", "on-call"), ("member", member)];
    for member in ["alice", "bob"] {
        let added = post(&admin, "/groups", &add(member)).await;
        assert_eq!(location(&added), "/groups");
        assert!(
            groups_of(&bench, member)
                .await
                .contains(&"on-call".to_owned())
        );
    }
    let page = admin.page("/groups").await;
    assert!(page.contains("Take bob out of on-call"), "{page}");
    let out = post(&admin, "/groups/remove", &add("alice")).await;
    assert_eq!(location(&out), "/groups");
    assert!(
        !groups_of(&bench, "alice")
            .await
            .contains(&"on-call".to_owned())
    );
    let nobody = post(&admin, "/groups", &add("nobody")).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    let bad = [("group", "on call\u{1b}"), ("member", "bob")];
    assert_eq!(
        post(&admin, "/groups", &bad).await.status,
        StatusCode::BAD_REQUEST
    );
    let gone = post(&admin, "/groups/remove", &[("group", "on-call")]).await;
    assert_eq!(location(&gone), "/groups");
    assert!(
        !groups_of(&bench, "bob")
            .await
            .contains(&"on-call".to_owned())
    );
    assert!(!admin.page("/groups").await.contains("on-call"));
    bench.verified().await;
}

const RULES: &str = "[[rule]]\nid = \"team/never\"\ntool = \"kubectl\"\neffect = [\"destroy\"]\n\
                     decision = \"deny\"\nmessage = \"<b>no</b>\"\n";

#[tokio::test]
async fn rules_are_put_in_force_only_after_what_they_change_was_shown() {
    let bench = Bench::new().await;
    let admin = Browser::administering(&bench).await;
    let before = bench.count("rules.activated").await;
    let page = admin.page("/rules/edit").await;
    let (_, rest) = page.split_once("name=\"version\" value=\"").unwrap();
    let version = rest.split('"').next().unwrap().to_owned();
    let fields = |text: &'static str, step: &'static str, looked_at: &str| {
        [
            ("text", text.to_owned()),
            ("version", version.clone()),
            ("step", step.to_owned()),
            ("looked_at", looked_at.to_owned()),
        ]
    };
    let send = async |fields: [(&str, String); 4]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        post(&admin, "/rules/edit", &fields).await
    };
    let wrong = send(fields("[[rule]]\nid = 1\n", "look", "")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.text().contains("Nothing was changed"),
        "{}",
        wrong.text()
    );
    // Not looked at, and looked at as another text: nothing is changed.
    for looked_at in ["", &"ab".repeat(32)] {
        let early = send(fields(RULES, "activate", looked_at)).await;
        assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(bench.count("rules.activated").await, before);
    let looked = send(fields(RULES, "look", "")).await.text();
    assert!(
        looked.contains("What would change") && looked.contains("&#60;b&#62;no"),
        "{looked}"
    );
    let (_, rest) = looked.split_once("name=\"looked_at\" value=\"").unwrap();
    let hash = rest.split('"').next().unwrap().to_owned();
    let done = send(fields(RULES, "activate", &hash)).await;
    let next: u64 = version.parse::<u64>().unwrap() + 1;
    assert_eq!(location(&done), format!("/rules/{next}"));
    assert_eq!(bench.count("rules.activated").await, before + 1);
    assert!(admin.page("/rules").await.contains("team/never"));
    // Somebody else has changed them since: the version that was seen is not in force.
    let late = send(fields("", "activate", &sha256_of(""))).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let older = admin.page(&format!("/rules/edit?from={next}")).await;
    assert!(older.contains("team/never"), "{older}");
    bench.verified().await;
}

fn sha256_of(text: &str) -> String {
    gate_protocol::canonical::Digest::of_bytes(text.as_bytes()).to_string()
}

#[tokio::test]
async fn groups_and_rules_are_changed_by_an_admin_with_a_fresh_sign_in_alone() {
    let bench = Bench::new().await;
    let rules = [
        ("text", RULES),
        ("version", "0"),
        ("step", "activate"),
        ("looked_at", &sha256_of(RULES)),
    ];
    let group = [("group", "on-call"), ("member", "bob")];
    let activated = bench.count("rules.activated").await;
    let refuses = async |browser: &Browser<'_>| {
        for (path, fields) in [
            ("/groups", &group[..]),
            ("/groups/remove", &group),
            ("/rules/edit", &rules),
        ] {
            let refused = post(browser, path, fields).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        }
        let edit = browser.get("/rules/edit").await;
        assert_eq!(edit.status, StatusCode::FORBIDDEN);
    };
    for token in [&bench.setup.bob_approver, &bench.setup.auditor] {
        refuses(&Browser::signed_in(&bench, token).await).await;
    }
    let admin = Browser::administering(&bench).await;
    assert!(admin.page("/groups").await.contains("Make a group"));
    age_sessions(&bench).await;
    refuses(&admin).await;
    let page = admin.page("/groups").await;
    assert!(
        !page.contains("Make a group") && page.contains("sign in again"),
        "{page}"
    );
    assert_eq!(bench.count("principal.changed").await, 0);
    assert_eq!(bench.count("rules.activated").await, activated);
}

const STALE: &str = "sign out and in again";

/// Forms by which somebody gets something.
type Forms = [(&'static str, &'static [(&'static str, &'static str)]); 5];
const GIVES: Forms = [
    (
        "/principals",
        &[("name", "carol"), ("kind", "user"), ("groups", "sre")],
    ),
    ("/principals/alice/enable", &[]),
    ("/principals/alice/confirm", &[("seen", "x")]),
    (
        "/tokens",
        &[("principal", "bob"), ("role", "approver"), ("days", "1")],
    ),
    ("/rules/proposal/x/confirm", &[]),
];

#[tokio::test]
async fn what_gives_needs_a_fresh_sign_in_and_what_takes_away_needs_none() {
    let bench = Bench::new().await;
    let admin = Browser::administering(&bench).await;
    let wanted = json!({ "principal": "bob", "role": "approver", "ttl_seconds": 60 });
    let made = bench.post(&bench.setup.admin, "/v1/tokens", &wanted).await;
    let revoke = format!("/tokens/{}/revoke", made.json()["id"].as_str().unwrap());
    age_sessions(&bench).await;
    let before = bench.records().await.len();
    for (path, fields) in GIVES {
        let refused = post(&admin, path, fields).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert!(refused.text().contains(STALE), "{path}: {}", refused.text());
    }
    assert_eq!(bench.records().await.len(), before);
    for (path, to) in [
        ("/principals/alice/disable", "/principals"),
        (&revoke, "/tokens"),
    ] {
        assert_eq!(location(&post(&admin, path, &[]).await), to, "{path}");
    }
    let gone = post(&admin, "/rules/proposal/x/withdraw", &[]).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    // What would be refused is not offered.
    for path in ["/principals", "/tokens", "/rules"] {
        let page = admin.page(path).await;
        assert!(
            page.contains("You signed in more than 15 minutes ago"),
            "{path}"
        );
        for offer in [
            "Make somebody known",
            "Make a token",
            "/enable\"",
            "/confirm\"",
        ] {
            assert!(!page.contains(offer), "{path}: {offer}");
        }
    }
    let admin = Browser::administering_again(&bench).await;
    assert!(
        admin
            .page("/principals")
            .await
            .contains("/principals/alice/enable\"")
    );
    for (path, fields) in GIVES {
        let answer = post(&admin, path, fields).await;
        assert!(!answer.text().contains(STALE), "{path}: {}", answer.text());
    }
    assert!(groups_of(&bench, "carol").await.contains(&"sre".to_owned()));
}

#[tokio::test]
async fn who_may_only_look_links_no_account_however_they_sign_in_and_is_told_that() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let auditor = Browser::signed_in(&bench, &bench.setup.auditor).await;
    let admin = Browser::administering(&bench).await;
    age_sessions(&bench).await;
    for browser in [&auditor, &admin] {
        let refused = post(browser, "/link/slack", &[]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let text = refused.text();
        assert!(text.contains("You are signed in to look only"), "{text}");
        assert!(!text.contains(STALE), "{text}");
    }
    // Whom it would help is asked to sign in anew.
    let stale = post(&bob, "/link/slack", &[]).await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN);
    assert!(stale.text().contains(STALE), "{}", stale.text());
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let linked = post(&bob, "/link/slack", &[]).await;
    assert_eq!(linked.status, StatusCode::OK, "{}", linked.text());
    assert!(linked.text().contains("<p class=\"secret\">"));
}

/// Returns a write, which the server's settings let a standing grant be for.
fn write(word: &str) -> SubmitRequest {
    let mut wanted = submission(word);
    let plain = |text: &str| gate_protocol::masked::MaskedText::plain(text.as_bytes());
    wanted.invocation.argv = ["kubectl", "annotate", "ns", word, "a=b"]
        .map(plain)
        .to_vec();
    wanted.invocation.command = vec!["annotate".to_owned()];
    wanted.invocation.effect = "write".to_owned();
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted
}

/// Who owns the agent, who only looks, and who administers propose nothing; nor does anybody
/// propose what is past the server's limits.
async fn nobody_else_proposes(bench: &Bench, asked: &ApprovalRequest) {
    let form = [("uses", "2"), ("minutes", "10"), ("reason", "x")];
    let grant_of = |request| format!("{}/grant", path(request));
    let alice = Browser::signed_in(bench, &bench.setup.alice_approver).await;
    assert!(
        !alice
            .page(&path(asked))
            .await
            .contains("Let the next ones pass")
    );
    let auditor = Browser::signed_in(bench, &bench.setup.auditor).await;
    let admin = Browser::administering(bench).await;
    for other in [&alice, &auditor, &admin] {
        let refused = post(other, &grant_of(asked), &form).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let bob = Browser::signed_in(bench, &bench.setup.bob_approver).await;
    for (uses, minutes, reason) in [("0", "10", "x"), ("2", "99999999", "x"), ("2", "10", " ")] {
        let bad = [("uses", uses), ("minutes", minutes), ("reason", reason)];
        let refused = post(&bob, &grant_of(asked), &bad).await;
        assert_eq!(
            refused.status,
            StatusCode::BAD_REQUEST,
            "{uses} {minutes} {reason}"
        );
    }
}

#[tokio::test]
async fn a_standing_grant_is_proposed_from_a_request_and_is_for_what_stands_in_it() {
    let bench = Bench::with(|settings| {
        let grants = settings.approving.standing_grants.as_mut().unwrap();
        grants.not_for_effects = vec!["destroy".to_owned()];
    })
    .await;
    let asked = bench
        .submit(&bench.setup.agent, &write("shop"))
        .await
        .request();
    let destroys = bench.asked("shop").await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let page = bob.page(&path(&asked)).await;
    assert!(page.contains("Let the next ones pass"), "{page}");
    assert!(
        !bob.page(&path(&destroys))
            .await
            .contains("Let the next ones pass")
    );
    let form = [
        ("uses", "2"),
        ("minutes", "10"),
        ("reason", "rolling\r\nout"),
    ];
    let grant_of = |request| format!("{}/grant", path(request));
    let refused = post(&bob, &grant_of(&destroys), &form).await;
    assert_eq!(
        refused.status,
        StatusCode::FORBIDDEN,
        "its effect is always asked about"
    );
    nobody_else_proposes(&bench, &asked).await;
    let proposed = post(&bob, &grant_of(&asked), &form).await;
    assert!(location(&proposed).starts_with("/grants#grant-"));
    let page = bob.page(&path(&asked)).await;
    assert!(page.contains("2 of 2 uses left"), "{page}");
    let mut next = write("shop");
    next.invocation.cwd = gate_protocol::masked::MaskedText::plain(b"/elsewhere");
    next.digest = next.invocation.digest().unwrap();
    let next = bench.submit(&bench.setup.agent, &next).await.request();
    assert_eq!(next.status, ApprovalStatus::Approved);
    let page = bob.page(&path(&next)).await;
    assert!(
        page.contains("confirmed the standing grant that approved it"),
        "{page}"
    );
    assert_eq!(bench.show(&asked).await.status, ApprovalStatus::Pending);
    bench.verified().await;
}

#[tokio::test]
async fn a_preview_is_shown_whole_inert_and_as_the_clients_word_and_is_bound() {
    let bench = Bench::new().await;
    let mut wanted = write("shop");
    let without = wanted.digest;
    wanted.invocation.preview = Some(Preview {
        source: "the plan file release.plan".to_owned(),
        summary: "1 to add, 0 to change, 1 to destroy".to_owned(),
        text: "DESTROY aws_db_instance.shop\ncreate <script>alert(1)</script>\u{202e}".to_owned(),
        left_out: 7,
    });
    wanted.digest = wanted.invocation.digest().unwrap();
    assert_ne!(wanted.digest, without, "the digest binds it");
    let asked = bench.submit(&bench.setup.agent, &wanted).await.request();
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let page = bob.page(&path(&asked)).await;
    for shown in [
        "as the requester&#39;s gate read it, not verified",
        "1 to add, 0 to change, 1 to destroy",
        "<tr class=\"removed\"><td>1</td><td>DESTROY aws_db_instance.shop</td></tr>",
        r"create &#60;script&#62;alert(1)&#60;/script&#62;\u{202e}",
        "7 more lines are left out",
    ] {
        let shown = shown.replace("&#39;", "'");
        assert!(page.contains(&shown), "{shown}: {page}");
    }
    // A line that is longer than anybody reads is refused.
    let preview = wanted.invocation.preview.as_mut().unwrap();
    preview.text = "x".repeat(501);
    wanted.digest = wanted.invocation.digest().unwrap();
    let refused = bench.submit(&bench.setup.agent, &wanted).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_pages_say_what_waits_for_a_second_admin() {
    let bench = Bench::with(|settings| {
        settings.approving.trusted_admins.clear();
        settings.approving.approver_rest = std::time::Duration::from_hours(24);
    })
    .await;
    let admin = Browser::administering(&bench).await;
    let before = bench.count("rules.activated").await;
    let page = admin.page("/rules/edit").await;
    let (_, rest) = page.split_once("name=\"version\" value=\"").unwrap();
    let version = rest.split('"').next().unwrap().to_owned();
    let allow = RULES.replace("\"deny\"", "\"allow\"");
    let hash = sha256_of(&allow);
    let fields = |step| {
        [
            ("text", allow.as_str()),
            ("version", version.as_str()),
            ("step", step),
            ("looked_at", hash.as_str()),
        ]
    };
    let looked = post(&admin, "/rules/edit", &fields("look")).await.text();
    for said in [
        "rule `team/never` allows what the baseline asks about",
        "It does not come into force by you alone.",
        "Propose it to a second admin",
    ] {
        assert!(looked.contains(said), "{said}: {looked}");
    }
    assert!(!looked.contains("Put it in force"), "{looked}");
    let sent = post(&admin, "/rules/edit", &fields("activate")).await;
    assert_eq!(location(&sent), "/rules");
    assert_eq!(bench.count("rules.activated").await, before);
    assert_eq!(bench.count("rules.proposed").await, 1);
    let page = admin.page("/rules").await;
    assert!(page.contains("Waits for a second admin"), "{page}");

    let bob = [("group", "on-call"), ("member", "bob")];
    let added = post(&admin, "/groups", &bob).await;
    assert_eq!(location(&added), "/groups");
    let page = admin.page("/groups").await;
    assert_eq!(page.matches("counts from 20").count(), 1, "{page}");
    let confirmable = admin.page("/principals").await;
    assert!(confirmable.contains("into on-call"), "{confirmable}");
    bench.verified().await;
}
