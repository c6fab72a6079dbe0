//! What a client says of its own command is its word: where the server can hold it against what it
//! knows by itself, a milder word opens nothing.

use axum::http::StatusCode;
use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInput, Delivery};
use gate_protocol::masked::MaskedText;
use gate_protocol::request::{ApprovalStatus, Escalation, Requirement, SubmitRequest};
use gate_protocol::review::Answer;

use super::bench::{Bench, submission};
use super::web::Browser;

/// Returns `kubectl delete ns WORD`, said to be something else.
fn said_to_be(effect: &str, word: &str) -> SubmitRequest {
    let mut wanted = submission(word);
    effect.clone_into(&mut wanted.invocation.effect);
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted
}

fn with_input(word: &str, content: Option<&str>, bytes: &[u8]) -> SubmitRequest {
    let mut wanted = submission(word);
    let plain = |text: &str| MaskedText::plain(text.as_bytes());
    wanted.invocation.argv = ["kubectl", "apply", "-f", word].map(plain).to_vec();
    wanted.invocation.command = vec!["apply".to_owned()];
    "write".clone_into(&mut wanted.invocation.effect);
    wanted.invocation.inputs = vec![BoundInput {
        role: "manifest".to_owned(),
        name: plain(word),
        sha256: Digest::of_bytes(bytes),
        size_bytes: bytes.len() as u64,
        delivery: Delivery::Snapshot,
        content: content.map(str::to_owned),
    }];
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted
}

/// Presses the button alone, and returns where the request stands then.
async fn pressed(bench: &Bench, wanted: &SubmitRequest) -> ApprovalStatus {
    let asked = bench.submit(&bench.setup.agent, wanted).await.request();
    let bob = Browser::signed_in(bench, &bench.setup.bob_approver).await;
    bob.press(&asked, "approve").await;
    let after = bench.show(&asked).await.status;
    bob.answer(&asked, "deny").await;
    after
}

#[tokio::test]
async fn a_milder_word_for_the_effect_opens_no_button() {
    let bench = Bench::new().await;
    for (at, effect) in ["read", "write", "Destroy", "safe"].into_iter().enumerate() {
        let wanted = said_to_be(effect, &format!("ns-{at}"));
        assert_eq!(
            pressed(&bench, &wanted).await,
            ApprovalStatus::Pending,
            "{effect}"
        );
    }
}

#[tokio::test]
async fn a_milder_word_for_the_effect_uses_no_standing_grant() {
    let bench = Bench::with(|settings| {
        let grants = settings.approving.standing_grants.as_mut().unwrap();
        grants.not_for_effects = vec!["destroy".to_owned()];
    })
    .await;
    bench
        .propose(&bench.setup.bob_approver, "prod", 9)
        .await
        .grant();
    for effect in ["destroy", "read", "Destroy"] {
        let wanted = said_to_be(effect, "prod");
        let asked = bench.submit(&bench.setup.agent, &wanted).await.request();
        assert_eq!(asked.status, ApprovalStatus::Pending, "{effect}");
    }
}

#[tokio::test]
async fn an_input_that_nobody_sees_is_not_approved_by_a_button() {
    let bench = Bench::new().await;
    let text = "a: 1\n";
    let shown = with_input("shown.yaml", Some(text), text.as_bytes());
    assert_eq!(pressed(&bench, &shown).await, ApprovalStatus::Approved);
    let absent = with_input("absent.yaml", None, text.as_bytes());
    assert_eq!(pressed(&bench, &absent).await, ApprovalStatus::Pending);
    let masked = with_input("masked.yaml", Some("# [secret 7 bytes]\n"), b"# hunter2\n");
    assert_eq!(pressed(&bench, &masked).await, ApprovalStatus::Pending);
}

#[tokio::test]
async fn a_text_that_is_not_that_of_the_hash_is_not_taken() {
    let bench = Bench::new().await;
    let lie = with_input("lie.yaml", Some("a: 1\n"), b"b: 2\n");
    let refused = bench.submit(&bench.setup.agent, &lie).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text().contains("invocation.inputs.content"));
}

#[tokio::test]
async fn a_rule_with_two_groups_is_two_people_though_the_client_names_none() {
    let bench = Bench::new().await;
    let rule = "[[rule]]\nid = 'team/two'\ntool = 'kubectl'\n\
                decision = 'require_approval'\napproval.all_of = [\
                { approvers = 'group:approvers', count = 1 }, \
                { approvers = ['group:approvers', 'group:dba'], count = 1 }]\n";
    bench.push_rules(&bench.setup.admin, rule).await;
    let mut wanted = submission("apart");
    wanted.terms.rules = vec!["team/two".to_owned()];
    let asked = bench.submit(&bench.setup.agent, &wanted).await.request();
    let bob = &bench.setup.bob_approver;
    let alone = bench.review(bob, &asked, Answer::Approve).await.request();
    assert_eq!(alone.status, ApprovalStatus::Pending, "{:?}", alone.terms);
    let carol = bench.approver("carol", &["dba"]).await;
    let both = bench
        .review(&carol, &asked, Answer::Approve)
        .await
        .request();
    assert_eq!(both.status, ApprovalStatus::Approved);
}

#[tokio::test]
async fn a_reason_that_nobody_sees_is_none_for_break_glass() {
    let bench = Bench::with(|settings| {
        let people = vec!["group:approvers".to_owned()];
        let requirement = Requirement::of(people, 1);
        settings.approving.break_glass = Some(requirement);
    })
    .await;
    for (at, reason) in [
        "\u{200b}",
        "\u{2800}",
        " . ",
        "\u{3164}",
        "\u{115f}\u{1160}",
    ]
    .into_iter()
    .enumerate()
    {
        let mut wanted = submission(&format!("glass-{at}"));
        wanted.break_glass = true;
        wanted.reason = Some(reason.to_owned());
        let refused = bench.submit(&bench.setup.agent, &wanted).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{reason:?}");
        wanted.reason = Some("die Seite steht".to_owned());
        let taken = bench.submit(&bench.setup.agent, &wanted).await;
        assert_eq!(taken.status, StatusCode::CREATED, "{}", taken.text());
    }
}

#[tokio::test]
async fn a_reason_that_the_servers_rule_wants_is_not_left_to_the_client() {
    let bench = Bench::new().await;
    let rule = "[[rule]]\nid = 'team/why'\ntool = 'kubectl'\n\
                decision = 'require_approval'\nreason = 'required'\n";
    bench.push_rules(&bench.setup.admin, rule).await;
    for (at, reason) in [None, Some(""), Some("\u{200b}"), Some(" . ")]
        .into_iter()
        .enumerate()
    {
        let mut wanted = submission(&format!("why-{at}"));
        wanted.terms.rules = vec!["team/why".to_owned()];
        wanted.reason = reason.map(str::to_owned);
        let refused = bench.submit(&bench.setup.agent, &wanted).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{reason:?}");
        assert!(refused.text().contains("team/why"), "{}", refused.text());
        wanted.reason = Some("rolling back 14".to_owned());
        let taken = bench.submit(&bench.setup.agent, &wanted).await;
        assert_eq!(taken.status, StatusCode::CREATED, "{}", taken.text());
    }
}

/// Makes it a tool without a profile, which is called as it was typed.
fn called(wanted: &mut SubmitRequest, path: &str) {
    wanted.invocation.tool.name = path.to_owned();
    wanted.invocation.tool.path = MaskedText::plain(path.as_bytes());
    wanted.invocation.argv[0] = MaskedText::plain(path.as_bytes());
}

#[tokio::test]
async fn a_title_or_a_tool_that_the_words_do_not_bear_out_is_said_everywhere() {
    type Lie = fn(&mut SubmitRequest);
    let bench = Bench::new().await;
    let titled = |word: &str, change: Lie| {
        let mut wanted = submission(word);
        change(&mut wanted);
        wanted.digest = wanted.invocation.digest().unwrap();
        wanted
    };
    let lies: [(Lie, &str); 5] = [
        (
            |one| {
                called(one, "/opt/deployer");
                one.invocation.tool.name = "/usr/bin/deployer".to_owned();
            },
            "another tool than the first word",
        ),
        (
            |one| one.invocation.command = vec!["get".to_owned()],
            "there it is `delete`",
        ),
        (
            |one| one.invocation.tool.name = "helm".to_owned(),
            "another tool than the first word",
        ),
        (
            |one| one.invocation.tool.path = MaskedText::plain(b"/usr/bin/terraform"),
            "The file that runs has another name",
        ),
        (
            |one| {
                one.invocation.argv[1] = MaskedText::plain(b"frobnicate");
                one.invocation.command = vec!["get".to_owned()];
            },
            "words that the command has not",
        ),
    ];
    for (at, (lie, word)) in lies.into_iter().enumerate() {
        let wanted = titled(&format!("lie-{at}"), lie);
        let asked = bench.submit(&bench.setup.agent, &wanted).await.request();
        let warnings = asked.particulars.warnings.join(" ");
        assert!(warnings.contains(word), "{word}: {warnings}");
        let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
        let page = bob.page(&format!("/requests/{}", asked.id)).await;
        assert!(page.contains("Careful."), "{word}");
    }
    let fine: [Lie; 4] = [
        |_| {},
        |one| called(one, "/opt/deployer"),
        |one| one.invocation.argv[0] = MaskedText::plain(b"/usr/local/bin/kubectl"),
        |one| one.invocation.tool.path = MaskedText::plain(b"/opt/kubectl-1.33/kubectl1.33"),
    ];
    for (at, honest) in fine.into_iter().enumerate() {
        let wanted = titled(&format!("fine-{at}"), honest);
        let asked = bench.submit(&bench.setup.agent, &wanted).await.request();
        assert_eq!(asked.particulars.warnings, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_escalation_of_the_clients_own_comes_no_sooner_than_the_servers() {
    let leads = || vec!["group:leads".to_owned()];
    let bench = Bench::with(|settings| {
        settings.approving.escalation = Some(Escalation {
            after_seconds: 600,
            to: leads(),
        });
    })
    .await;
    let rule = "[[rule]]\nid = 'team/soon'\ntool = 'kubectl'\ndecision = 'require_approval'\n\
                [rule.approval]\napprovers = 'group:approvers'\n\
                escalate_after = '60s'\nescalate_to = 'group:leads'\n";
    bench.push_rules(&bench.setup.admin, rule).await;
    let mut wanted = submission("sooner");
    wanted.terms.rules = vec!["team/soon".to_owned()];
    let mut own = Requirement::of(vec!["group:sre".to_owned()], 1);
    own.escalation = Some(Escalation {
        after_seconds: 1,
        to: vec!["user:mallory".to_owned()],
    });
    wanted.terms.requirements = vec![own];
    let asked = bench.submit(&bench.setup.agent, &wanted).await.request();
    let after = |approvers: &str| {
        let mut all = asked.terms.requirements.iter();
        let one = all.find(|one| one.approvers == [approvers]).unwrap();
        one.escalation.as_ref().unwrap().after_seconds
    };
    assert_eq!(after("group:sre"), 600, "{:?}", asked.terms);
    assert_eq!(
        after("group:approvers"),
        60,
        "that of the server's rule stands"
    );
}
