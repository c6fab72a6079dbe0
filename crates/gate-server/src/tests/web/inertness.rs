//! Text from outside on the pages: inert, whole, or not approvable.

use axum::http::StatusCode;
use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInput, BoundVariable, Delivery, Treatment};
use gate_protocol::masked::{MaskedSecret, MaskedText};
use gate_protocol::request::{
    ApprovalRequest, ApprovalStatus, CiJob, GitState, PullRequest, SubmitRequest,
};

use super::browser::{Browser, path};
use crate::tests::bench::{Bench, submission};

/// What may never reach a page as it is.
const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onfocus='alert(1)",
    "</textarea></title><svg onload=alert(1)>",
    "{{ 7*7 }}&lt;b&gt;",
    "\u{1b}[2J\u{1b}]0;x\u{7}",
    "a\u{202e}b\u{2066}c\u{200b}d",
    "line\nGATE APPROVED\r\n\u{2028}",
    "‹secret 8 bytes, hmac 0000›",
];

/// Puts `text` wherever a requester can put text.
fn everywhere(text: &str) -> SubmitRequest {
    let masked = MaskedText::plain(text.as_bytes());
    let mut wanted = submission(text);
    let invocation = &mut wanted.invocation;
    invocation.tool.name = text.to_owned();
    invocation.tool.path = masked.clone();
    invocation.cwd = masked.clone();
    invocation.command = vec![text.to_owned()];
    invocation.effect = text.to_owned();
    invocation.target = [(text.to_owned(), text.to_owned())].into();
    invocation.environment = vec![BoundVariable {
        name: text.to_owned(),
        treatment: Treatment::Bound,
        value: Some(masked.clone()),
        why: text.to_owned(),
    }];
    invocation.inputs = vec![BoundInput {
        role: text.to_owned(),
        name: masked,
        sha256: BoundInput::hash_of(&Digest::of_bytes(text.as_bytes()), Delivery::Rechecked),
        size_bytes: text.len() as u64,
        delivery: Delivery::Rechecked,
        content: Some(text.to_owned()),
    }];
    wanted.digest = invocation.digest().unwrap();
    let circumstances = &mut wanted.circumstances;
    let some = || Some(text.to_owned());
    for field in [
        &mut circumstances.host,
        &mut circumstances.os_user,
        &mut circumstances.client_version,
    ] {
        text.clone_into(field);
    }
    circumstances.agent = some();
    circumstances.ci = Some(CiJob {
        provider: text.to_owned(),
        url: some(),
        repository: some(),
        workflow: some(),
        job: some(),
        commit: some(),
        branch: some(),
        actor: some(),
        pull_request: Some(PullRequest {
            number: text.to_owned(),
            url: some(),
        }),
    });
    circumstances.git = Some(GitState {
        commit: some(),
        branch: some(),
        dirty: Some(true),
    });
    wanted.terms.rules = vec![text.to_owned()];
    wanted.terms.reasons = vec![text.to_owned()];
    wanted.reason = some();
    wanted
}

async fn asked(bench: &Bench, wanted: &SubmitRequest) -> ApprovalRequest {
    let answer = bench.submit(&bench.setup.agent, wanted).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.request()
}

#[tokio::test]
async fn hostile_text_is_shown_as_text_on_every_page() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    for hostile in HOSTILE {
        let request = asked(&bench, &everywhere(hostile)).await;
        let inbox = bob.page("/").await;
        let page = bob.page(&path(&request)).await;
        location_of_denial(&bob, &request, hostile).await;
        let decided = bob.page(&path(&request)).await;
        for html in [inbox, page, decided, bob.page("/history").await] {
            assert!(!html.contains(hostile), "{hostile:?} is on a page");
            for tag in [
                "<script>",
                "<img src=x",
                "<svg",
                "<b>now",
                "onfocus='",
                "class=\"mask\"",
            ] {
                assert!(!html.contains(tag), "{hostile:?} made {tag}");
            }
            let is_inert = |c: char| c == '\n' || !c.is_control();
            assert!(
                html.chars().all(is_inert),
                "{hostile:?} left a control character"
            );
            let moves = ['\u{202e}', '\u{2066}', '\u{200b}', '\u{2028}'];
            assert!(
                !html.contains(moves),
                "{hostile:?} left an invisible character"
            );
        }
    }
}

/// Denies with the hostile text as the comment, which is then shown too.
async fn location_of_denial(bob: &Browser<'_>, request: &ApprovalRequest, comment: &str) {
    let (csrf, digest) = (bob.csrf().await, request.digest.to_string());
    let fields = [
        ("csrf", csrf.as_str()),
        ("digest", &digest),
        ("answer", "deny"),
        ("comment", comment),
    ];
    let answer = bob
        .post(&super::browser::review_path(request), &fields)
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
}

#[tokio::test]
async fn only_an_address_of_the_web_is_a_link() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    for (at, (url, is_link)) in [
        ("https://ci.example/jobs/1?a=b&c", true),
        ("javascript:alert(1)", false),
        ("data:text/html,x", false),
        ("//evil.example", false),
        ("https://ci.example/\u{202e}x", false),
        ("https://ci.example/a b", false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut wanted = submission(&format!("n{at}"));
        wanted.circumstances.ci = Some(CiJob {
            provider: "github".to_owned(),
            url: Some(url.to_owned()),
            pull_request: Some(PullRequest {
                number: "7".to_owned(),
                url: Some(url.to_owned()),
            }),
            ..CiJob::default()
        });
        let page = bob.page(&path(&asked(&bench, &wanted).await)).await;
        let links = page.matches("rel=\"noopener noreferrer").count();
        assert_eq!(links, if is_link { 2 } else { 0 }, "{url}");
        assert!(page.contains("<dt>Pull request</dt>"), "{page}");
    }
}

#[tokio::test]
async fn masks_production_and_imitated_names_are_marked() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let mut wanted = submission("prod");
    let mut word = MaskedText::plain(b"--token=");
    word.push_secret(MaskedSecret {
        kind: "password".to_owned(),
        length_bytes: 8,
        commitment: "9f3a00112233445566778899aabbccdd".to_owned(),
    });
    wanted.invocation.argv.push(word);
    wanted.digest = wanted.invocation.digest().unwrap();
    let page = bob.page(&path(&asked(&bench, &wanted).await)).await;
    assert!(page.contains("<span class=\"mask\">‹secret 8 bytes, hmac 9f3a›</span>"));
    assert!(page.contains("1 secret is masked"));
    assert!(page.contains("class=\"production\"") && !page.contains("Look twice"));
    let request = asked(&bench, &submission("pr\u{43e}d")).await;
    let page = bob.page(&path(&request)).await;
    assert!(page.contains("Look twice") && page.contains(r"pr\u{43e}d"));
    assert!(!page.contains("class=\"production\""));
}

#[tokio::test]
async fn what_is_not_shown_whole_is_denied_here_and_not_approved() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    // `kubectl delete ns ` stands before the word.
    for (length, is_whole) in [(65_518, true), (65_519, false), (200_000, false)] {
        let request = asked(&bench, &submission(&"n".repeat(length))).await;
        let page = bob.page(&path(&request)).await;
        assert_eq!(page.contains("value=\"approve\""), is_whole, "{length}");
        assert_eq!(page.contains("Not shown whole"), !is_whole, "{length}");
        assert!(page.contains("value=\"deny\""));
        let answer = bob.answer(&request, "approve").await;
        if is_whole {
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
            continue;
        }
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(bench.show(&request).await.status, ApprovalStatus::Pending);
        let denial = bob.answer(&request, "deny").await;
        assert_eq!(denial.status, StatusCode::SEE_OTHER);
        // A list announces what it leaves out.
        assert!(
            bob.page("/history")
                .await
                .contains("more bytes on its page")
        );
    }
}

/// A text of so many lines, as an input.
fn script(name: &str, lines: usize) -> BoundInput {
    let text = "x\n".repeat(lines);
    BoundInput {
        role: "script".to_owned(),
        name: MaskedText::plain(name.as_bytes()),
        sha256: BoundInput::hash_of(&Digest::of_bytes(text.as_bytes()), Delivery::Rechecked),
        size_bytes: text.len() as u64,
        delivery: Delivery::Rechecked,
        content: Some(text),
    }
}

#[tokio::test]
async fn a_request_with_a_text_that_its_page_drops_is_denied_here_and_not_approved() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    for (at, (lines, is_whole)) in [
        (vec![10_000], true),
        (vec![10_001], false),
        (vec![6_000, 6_000, 10], false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut wanted = submission(&format!("n{at}"));
        let scripts = lines.iter().enumerate();
        let scripts = scripts.map(|(at, lines)| script(&format!("{at}.sh"), *lines));
        wanted.invocation.inputs = scripts.collect();
        wanted.digest = wanted.invocation.digest().unwrap();
        let request = asked(&bench, &wanted).await;
        let page = bob.page(&path(&request)).await;
        assert_eq!(page.contains("value=\"approve\""), is_whole, "{lines:?}");
        assert_eq!(page.contains("Not shown whole"), !is_whole, "{lines:?}");
        let answer = bob.answer(&request, "approve").await;
        if is_whole {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
            continue;
        }
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{lines:?}");
        assert_eq!(bench.show(&request).await.status, ApprovalStatus::Pending);
        let denial = bob.answer(&request, "deny").await;
        assert_eq!(denial.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a_list_of_large_requests_is_short_and_leads_to_the_rest() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let mut wanted = Vec::new();
    for word in 0..8 {
        let mut large = submission(&word.to_string());
        let target = &mut large.invocation.target;
        target.insert("cluster".to_owned(), "c".repeat(400_000));
        large.digest = large.invocation.digest().unwrap();
        wanted.push(path(&asked(&bench, &large).await));
    }
    let mut next = Some("/".to_owned());
    let mut listed = Vec::new();
    while let Some(page) = next {
        let html = bob.page(&page).await;
        assert!(html.len() < 2 << 20, "{page}: {}", html.len());
        listed.extend(wanted.iter().filter(|path| html.contains(*path)).cloned());
        next = html
            .split_once("?before=")
            .and_then(|(_, rest)| rest.split('"').next())
            .map(|before| format!("/?before={before}"));
    }
    listed.sort();
    wanted.sort();
    assert_eq!(listed, wanted);
}

#[tokio::test]
async fn a_flood_of_one_owner_leaves_what_others_ask_on_the_first_page() {
    let bench = Bench::with(|settings| {
        settings.limits.open_requests = 100;
        settings.approving.flood.open_requests = 1_000;
    })
    .await;
    bench.approver("carol", &[]).await;
    let carol = bench.token_of("carol", "requester").await;
    let wanted = submission("shop-of-carol");
    let hidden = path(&bench.submit(&carol, &wanted).await.request());
    for word in 0..60 {
        asked(&bench, &submission(&format!("noise-{word}"))).await;
    }
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let first = bob.page("/").await;
    assert!(first.contains(&hidden), "{first}");
    // The rest is there all the same.
    let (_, rest) = first.split_once("?before=").unwrap();
    let next = format!("/?before={}", rest.split('"').next().unwrap());
    let newest = bob.page(&next).await;
    assert!(newest.contains("noise-59") && newest.contains("noise-10"));
}
