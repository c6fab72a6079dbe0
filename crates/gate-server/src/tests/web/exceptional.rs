//! What is out of the ordinary, on the pages: break-glass, standing grants, a
//! server that observes, answers that count no more, and who joins later.

use axum::http::StatusCode;
use gate_protocol::canonical::Digest;
use gate_protocol::id::Nonce;
use gate_protocol::invocation::{BoundInput, Delivery};
use gate_protocol::masked::MaskedText;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, Escalation, Requirement};
use gate_protocol::review::Answer;
use gate_protocol::standing_grant::StandingGrant;

use super::browser::{Browser, assert_hardened, location, path};
use crate::settings::ServerMode;
use crate::tests::bench::{Bench, submission};
use crate::tests::exceptional::with_break_glass;

const MARKUP: &str = "down <script>alert(1)</script>\u{202e}";

/// Returns a break-glass that carol and dave approved and the agent has claimed.
async fn used_break_glass(bench: &Bench) -> (ApprovalRequest, String) {
    let carol = bench.approver("carol", &["on-call"]).await;
    let dave = bench.approver("dave", &["on-call"]).await;
    let mut asked = submission("prod");
    asked.break_glass = true;
    asked.reason = Some(MARKUP.to_owned());
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    let bob = Browser::signed_in(bench, &bench.setup.bob_approver).await;
    let inbox = bob.page("/").await;
    assert!(
        inbox.contains("class=\"mark loud\">break-glass<"),
        "{inbox}"
    );
    let page = bob.page(&path(&request)).await;
    assert!(
        page.contains("class=\"remark loud\" role=\"note\"><b>BREAK-GLASS</b>"),
        "{page}"
    );
    assert!(page.contains("Once used, it is reviewed"), "{page}");
    let none = bob.page("/break-glass").await;
    assert!(none.contains("No break-glass waits"), "{none}");
    for token in [&carol, &dave] {
        bench.review(token, &request, Answer::Approve).await;
    }
    bench.claim(&request, Nonce::generate().unwrap()).await;
    (request, carol)
}

#[tokio::test]
async fn break_glass_is_loud_and_its_review_is_closed_on_a_page() {
    let bench = with_break_glass().await;
    let (request, carol) = used_break_glass(&bench).await;
    let review = format!("/break-glass/{}/review", request.id);
    let admin = Browser::administering(&bench).await;
    let page = admin.page("/break-glass").await;
    assert!(page.contains("<b>carol</b>, <b>dave</b>"), "{page}");
    assert!(!page.contains("name=\"comment\""), "an admin only looks");
    assert!(!page.contains("<script>alert") && page.contains(r"\u{202e}"));
    let carol = Browser::signed_in(&bench, &carol).await;
    let alice = Browser::signed_in(&bench, &bench.setup.alice_approver).await;
    for involved in [&admin, &carol, &alice] {
        let csrf = involved.csrf().await;
        let fields = [("csrf", csrf.as_str()), ("comment", "all well")];
        let refused = involved.post(&review, &fields).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
        assert_hardened(&refused);
    }
    let rejected = bench.records().await;
    let mut rejected = rejected.iter().filter(|record| {
        record.record_type().as_str() == "request.rejected_review"
            && record.body()["answer"] == "break_glass_review"
    });
    assert_eq!(rejected.next().unwrap().body()["channel"], "web");
    let auditor = Browser::signed_in(&bench, &bench.setup.auditor).await;
    let csrf = auditor.csrf().await;
    let silent = [("csrf", csrf.as_str()), ("comment", " \r\n ")];
    let refused = auditor.post(&review, &silent).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let stranger = [("csrf", "x"), ("comment", "fine")];
    let refused = auditor.post(&review, &stranger).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(bench.count("break_glass.reviewed").await, 0);
    let found = [
        ("csrf", csrf.as_str()),
        ("comment", "justified:\r\n<b>down</b>"),
    ];
    assert_eq!(
        location(&auditor.post(&review, &found).await),
        "/break-glass"
    );
    let page = auditor.page("/break-glass").await;
    assert!(page.contains("No break-glass waits") && page.contains("<h2 id=\"h-reviewed\">"));
    assert!(page.contains("justified: &#60;b&#62;down"), "{page}");
    let page = auditor.page(&path(&request)).await;
    assert!(
        page.contains("auditor has reviewed it since: justified"),
        "{page}"
    );
    let again = auditor.post(&review, &found).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    bench.verified().await;
}

async fn post_on(browser: &Browser<'_>, grant: &StandingGrant, verb: &str) -> StatusCode {
    let csrf = browser.csrf().await;
    let path = format!("/grants/{}/{verb}", grant.id);
    let answer = browser.post(&path, &[("csrf", csrf.as_str())]).await;
    assert_hardened(&answer);
    answer.status
}

/// Whom it is for, who proposed it and who only looks do not confirm it.
async fn only_who_may_is_asked_to_confirm(bench: &Bench, grant: &StandingGrant) {
    let setup = &bench.setup;
    let confirm = format!("action=\"/grants/{}/confirm\"", grant.id);
    let revoke = format!("action=\"/grants/{}/revoke\"", grant.id);
    let bob = Browser::signed_in(bench, &setup.bob_approver).await;
    let alice = Browser::signed_in(bench, &setup.alice_approver).await;
    let admin = Browser::administering(bench).await;
    let auditor = Browser::signed_in(bench, &setup.auditor).await;
    for (browser, has_confirm, has_revoke, status) in [
        (&bob, false, true, StatusCode::SEE_OTHER),
        (&alice, true, true, StatusCode::FORBIDDEN),
        (&admin, false, true, StatusCode::FORBIDDEN),
        (&auditor, false, false, StatusCode::FORBIDDEN),
    ] {
        let page = browser.page("/grants").await;
        assert!(page.contains("Waits to be confirmed"), "{page}");
        assert_eq!(page.contains(&confirm), has_confirm, "{page}");
        assert_eq!(page.contains(&revoke), has_revoke, "{page}");
        assert_eq!(post_on(browser, grant, "confirm").await, status);
    }
    assert_eq!(
        post_on(&auditor, grant, "revoke").await,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_standing_grant_is_confirmed_used_and_revoked_on_its_page() {
    let bench = Bench::with(|settings| settings.floor.min_count = 2).await;
    let carol = bench.approver("carol", &["approvers"]).await;
    let setup = &bench.setup;
    let grant = bench.propose(&setup.bob_approver, "prod", 3).await.grant();
    only_who_may_is_asked_to_confirm(&bench, &grant).await;
    assert_eq!(bench.asked("prod").await.status, ApprovalStatus::Pending);
    let carol = Browser::signed_in(&bench, &carol).await;
    assert_eq!(
        post_on(&carol, &grant, "confirm").await,
        StatusCode::SEE_OTHER
    );
    let list = bench.get(&setup.auditor, "/v1/standing-grants").await;
    let confirmed = &list.json()["standing_grants"][0]["confirmations"][1];
    assert_eq!(
        (&confirmed["reviewer"], &confirmed["channel"]),
        (&"carol".into(), &"web".into())
    );
    // One that was asked before still waits; this one is new by its time.
    let mut anew = submission("prod");
    anew.terms.permit_ttl_seconds = 60;
    anew.invocation.cwd = MaskedText::plain(b"/elsewhere");
    anew.digest = anew.invocation.digest().unwrap();
    let used = bench.submit(&setup.agent, &anew).await.request();
    assert_eq!(used.status, ApprovalStatus::Approved);
    let page = carol.page(&path(&used)).await;
    assert!(
        page.contains("This is use 1 of 3. Nobody was asked; bob, carol confirmed the grant."),
        "{page}"
    );
    assert!(page.contains(&format!("href=\"/grants#grant-{}\"", grant.id)));
    let page = carol.page("/grants").await;
    assert!(
        page.contains("2 of 3 uses left") && page.contains("In force"),
        "{page}"
    );
    assert!(carol.page("/history").await.contains(">standing grant<"));
    assert_eq!(
        post_on(&carol, &grant, "revoke").await,
        StatusCode::SEE_OTHER
    );
    let page = carol.page("/grants").await;
    assert!(page.contains("revoked by <b>carol</b>"), "{page}");
    assert!(page.contains("No standing grant is in force"), "{page}");
    let page = carol.page(&path(&used)).await;
    assert!(page.contains("<li class=\"void\"><b>bob</b>"), "{page}");
    assert!(page.contains("It does not count any more: the standing grant was revoked"));
    assert!(page.contains("and does not any more."), "{page}");
    bench.verified().await;
}

#[tokio::test]
async fn what_the_server_only_observed_says_that_nobody_approved_it() {
    let bench = Bench::with(|settings| settings.approving.mode = ServerMode::Observe).await;
    let request = bench.asked("prod").await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let page = bob.page(&path(&request)).await;
    assert!(page.contains("<b>The server only observes.</b>"), "{page}");
    assert!(page.contains("nobody approved it"), "{page}");
    assert!(bob.page("/history").await.contains(">only observed<"));
}

#[tokio::test]
async fn who_joins_later_and_who_is_lacking_is_said() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let mut asked = submission("prod");
    asked.terms.requirements = vec![Requirement {
        escalation: Some(Escalation {
            after_seconds: 300,
            to: vec!["group:managers".to_owned()],
        }),
        ..Requirement::of(vec!["group:nobody-is-in-it".to_owned()], 1)
    }];
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    assert_eq!(request.particulars.warnings.len(), 1);
    let page = bob.page(&path(&request)).await;
    assert!(
        page.contains("class=\"joining\">group:managers joins them in "),
        "{page}"
    );
    assert!(page.contains("<b>Careful.</b> 1 of group:nobody-is-in-it must approve"));
    assert!(bob.page("/").await.contains(">has a warning<"));
    // Ordinary requests say nothing of it.
    let ordinary = bench.asked("dev").await;
    let page = bob.page(&path(&ordinary)).await;
    assert!(!page.contains("class=\"remark") && !page.contains("class=\"joining\""));
}

/// Runs the same script twice, in two folders, and returns the second page.
async fn second_page(bench: &Bench) -> String {
    let script = |folder: &[u8]| {
        let mut wanted = submission("prod");
        let text = "select 1;\n";
        wanted.terms.permit_ttl_seconds = 60;
        wanted.invocation.cwd = MaskedText::plain(folder);
        wanted.invocation.inputs = vec![BoundInput {
            role: "script".to_owned(),
            name: MaskedText::plain(b"q.sql"),
            sha256: Digest::of_bytes(text.as_bytes()),
            size_bytes: text.len() as u64,
            delivery: Delivery::Snapshot,
            content: Some(text.to_owned()),
        }];
        wanted.digest = wanted.invocation.digest().unwrap();
        wanted
    };
    let agent = &bench.setup.agent;
    let first = bench.submit(agent, &script(b"/one")).await.request();
    assert_eq!(first.status, ApprovalStatus::Approved);
    let second = bench.submit(agent, &script(b"/two")).await.request();
    let bob = Browser::signed_in(bench, &bench.setup.bob_approver).await;
    bob.page(&path(&second)).await
}

#[tokio::test]
async fn what_nobody_saw_is_not_called_approved_before() {
    let observing = Bench::with(|settings| settings.approving.mode = ServerMode::Observe).await;
    let granted = Bench::new().await;
    let grant = granted.propose(&granted.setup.bob_approver, "prod", 3);
    assert_eq!(grant.await.status, StatusCode::CREATED);
    for bench in [&observing, &granted] {
        let page = second_page(bench).await;
        assert!(page.contains("Nothing of this name was approved"), "{page}");
        assert!(!page.contains("The same text was approved"), "{page}");
    }
}
