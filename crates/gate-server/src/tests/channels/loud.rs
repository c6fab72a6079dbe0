//! What is past the rules is said in every channel, before anything else.

use axum::http::StatusCode;
use gate_protocol::invocation::{BoundVariable, Treatment};
use gate_protocol::masked::{MaskedSecret, MaskedText, Segment};
use gate_protocol::request::{ApprovalStatus, Requirement};

use super::stage::{BOB, SlackStage, button, place, press, value_of};
use crate::tests::bench::submission;

#[tokio::test]
async fn break_glass_is_loud_in_a_chat_and_is_not_answered_there() {
    let stage = SlackStage::of(
        |_| {},
        |settings| {
            let people = vec!["group:approvers".to_owned()];
            settings.approving.break_glass = Some(Requirement::of(people, 1));
        },
    )
    .await;
    let mut wanted = submission("web");
    wanted.invocation.effect = "write".to_owned();
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted.break_glass = true;
    wanted.reason = Some("the site is down".to_owned());
    let asked = stage.submit(&stage.setup.agent, &wanted).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text());
    let request = asked.request();
    stage.deliver().await;
    let message = stage.slack.take_of("/chat.postMessage")[0].json();
    assert!(
        message["text"]
            .as_str()
            .unwrap()
            .starts_with("BREAK-GLASS.")
    );
    let blocks = message["blocks"].to_string();
    assert!(
        blocks.contains("past the people whom the rules name"),
        "{blocks}"
    );
    assert!(button(&message, "gate_approve").is_none(), "{blocks}");
    let ts = place(&stage, "chat", &request).await;
    stage
        .call_back(&press(BOB, "gate_approve", &value_of(&request), &ts))
        .await;
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Pending);
    assert_eq!(stage.refusals().await, ["not_here"]);
}

#[tokio::test]
async fn what_runs_and_which_variables_it_reads_is_in_the_message() {
    let stage = SlackStage::new().await;
    let mut wanted = submission("web");
    wanted.invocation.effect = "write".to_owned();
    wanted.invocation.tool.path = MaskedText::plain(b"/home/agent/.evil/kubectl");
    wanted.invocation.environment = vec![BoundVariable {
        name: "TF_VAR_evil".to_owned(),
        treatment: Treatment::Bound,
        value: Some(MaskedText(vec![Segment::Secret(MaskedSecret {
            kind: "variable".to_owned(),
            length_bytes: 3,
            commitment: "0".repeat(32),
        })])),
        why: "the tool could read it".to_owned(),
    }];
    wanted.digest = wanted.invocation.digest().unwrap();
    let asked = stage.submit(&stage.setup.agent, &wanted).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text());
    stage.deliver().await;
    let message = stage.slack.take_of("/chat.postMessage")[0].json();
    let blocks = message["blocks"].to_string();
    assert!(blocks.contains("/home/agent/.evil/kubectl"), "{blocks}");
    assert!(blocks.contains("TF_VAR_evil"), "{blocks}");
    // So many that they do not fit are not approved here.
    let name = |number: usize| format!("A_VARIABLE_WITH_A_LONG_NAME_{number}");
    let one = wanted.invocation.environment[0].clone();
    wanted.invocation.environment = (0..40)
        .map(|number| BoundVariable {
            name: name(number),
            ..one.clone()
        })
        .collect();
    wanted.digest = wanted.invocation.digest().unwrap();
    stage.submit(&stage.setup.agent, &wanted).await;
    stage.deliver().await;
    let message = stage.slack.take_of("/chat.postMessage")[0].json();
    assert!(button(&message, "gate_approve").is_none(), "{message}");
}

#[tokio::test]
async fn a_flood_is_one_message_that_counts_and_leads_to_the_inbox() {
    let stage = SlackStage::new().await;
    for number in 0..32 {
        stage.asks(&format!("flood-{number}")).await;
    }
    stage.deliver().await;
    let calls = stage.slack.take();
    let posted = |call: &&super::peer::Call| call.path.ends_with("chat.postMessage");
    assert_eq!(
        calls.iter().filter(posted).count(),
        21,
        "20, and one for the rest"
    );
    let mut updates = calls
        .iter()
        .filter(|call| call.path.ends_with("chat.update"));
    let last = updates.next_back().unwrap().json();
    assert!(
        last["text"]
            .as_str()
            .unwrap()
            .starts_with("10 more requests")
    );
    let open = button(&last, "gate_open").unwrap();
    assert_eq!(open["url"], "http://127.0.0.1:1/");
    assert_eq!(stage.server.channel_named("chat").await.unwrap().waiting, 0);
}
