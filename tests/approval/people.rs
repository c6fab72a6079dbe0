//! Who may answer, and how many it takes.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use gate_client::{Client, ClientSettings};
use gate_protocol::principal::{CreateToken, Principal, PrincipalKind, Role};

use crate::agent::{Running, approve, shown};
use crate::server::{Live, run};
use crate::stage::{agent_with_deploy, asks_always, trace};

/// Makes carol, who may approve, and returns her token.
fn carol(live: &Live) -> String {
    let server = live.said("/url").parse().unwrap();
    let admin = live.said("/tokens/admin").parse().unwrap();
    let client = Client::new(ClientSettings::new(server).with_token(admin)).unwrap();
    let carol = Principal {
        name: "carol".to_owned(),
        kind: PrincipalKind::User,
        owner: None,
        person: None,
        groups: vec!["approvers".to_owned()],
        disabled: false,
    };
    let token = CreateToken {
        principal: carol.name.clone(),
        role: Role::Approver,
        ttl_seconds: 3600,
        tools: Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        client.create_principal(&carol).await.unwrap();
        client.create_token(&token).await.unwrap().token
    })
}

#[test]
fn two_people_means_two_people_and_never_the_owner() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.rules("two", &asks_always("[rule.approval]\ncount = 2"));
    let mut waiting = Running::start(&mut agent.gate_run(&[], &["deploy"]));
    let id = waiting.asked();
    let digest = shown(&live, &id).digest.to_string();
    let answer = ["approve", &id, "--yes", "--digest", &digest];

    let first = approve(&live, "bob_approver", &id);
    assert_eq!(first.code, Some(0), "{first:?}");
    waiting.wait_for("bob approved");
    assert_eq!(shown(&live, &id).status.as_str(), "pending", "one of two");
    let twice = approve(&live, "bob_approver", &id);
    assert_eq!(
        shown(&live, &id).status.as_str(),
        "pending",
        "bob is one person: {twice:?}"
    );
    for who in [
        "alice_approver",
        "alice_requester",
        "agent",
        "admin",
        "auditor",
    ] {
        let refused = run(&mut live.gate(who, &answer));
        assert_ne!(refused.code, Some(0), "{who}: {refused:?}");
    }
    assert_eq!(shown(&live, &id).status.as_str(), "pending");
    assert_eq!(trace(&agent), "", "one approval is not enough");

    let carol = carol(&live);
    let second = run(live.gate("agent", &answer).env("GATE_TOKEN", carol));
    assert_eq!(second.code, Some(0), "{second:?}");
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert_eq!(trace(&agent), "ran \n");
    let reviews = shown(&live, &id).reviews;
    let reviewers: Vec<_> = reviews
        .iter()
        .map(|review| review.reviewer.as_str())
        .collect();
    assert_eq!(reviewers, ["bob", "carol"]);
    agent.assert_log_verifies();
}

#[test]
fn one_denial_is_enough_where_two_must_agree() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.rules("two", &asks_always("[rule.approval]\ncount = 2"));
    let mut waiting = Running::start(&mut agent.gate_run(&[], &["deploy"]));
    let id = waiting.asked();
    let denied = run(&mut live.gate("bob_approver", &["deny", &id, "--comment", "no"]));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(77), "{ended:?}");
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

#[test]
fn whom_a_rule_names_must_answer_and_nobody_else() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.rules(
        "carol",
        &asks_always("[rule.approval]\napprovers = [\"user:carol\"]"),
    );
    let mut waiting = Running::start(&mut agent.gate_run(&[], &["deploy"]));
    let id = waiting.asked();
    // The server wants one of its approvers beside whom the rule names; bob is one, and not enough.
    approve(&live, "bob_approver", &id);
    assert_eq!(shown(&live, &id).status.as_str(), "pending");
    let (token, digest) = (carol(&live), shown(&live, &id).digest.to_string());
    let answer = ["approve", &id, "--yes", "--digest", &digest];
    let approved = run(live.gate("agent", &answer).env("GATE_TOKEN", token));
    assert_eq!(approved.code, Some(0), "{approved:?}");
    assert_eq!(waiting.finish().code, Some(5));
    agent.assert_log_verifies();
}
