//! What becomes of the variables that a command reads, on every surface of channels.

use gate_protocol::channel::{ChannelSettings, TeamsWorkflowSettings, WebhookSettings};
use gate_protocol::invocation::{BoundVariable, Treatment};
use gate_protocol::masked::MaskedText;
use serde_json::json;

use super::mail::{self, MailServer};
use super::peer::{self, Peer};
use super::stage::{SlackStage, Stage, channel};
use super::teams::TeamsStage;
use super::webhooks::SECRET;
use crate::tests::bench::submission;

/// What is said of those of [`asks`].
const SAID: [&str; 3] = [
    "with KUBECONFIG=/srv/kube",
    "with what gate sets: KUBECTL_KUBERC=false",
    "without what gate takes away: KUBE_EDITOR",
];

/// Asks for a command with a variable of each treatment, and has it told.
async fn asks(stage: &Stage) {
    let variable = |name: &str, treatment, value: Option<&str>| BoundVariable {
        name: name.to_owned(),
        treatment,
        value: value.map(|value| MaskedText::plain(value.as_bytes())),
        why: "the tool reads it".to_owned(),
    };
    let mut wanted = submission("web");
    wanted.invocation.environment = vec![
        variable("KUBECONFIG", Treatment::Bound, Some("/srv/kube")),
        variable("KUBECTL_KUBERC", Treatment::Set, Some("false")),
        variable("KUBE_EDITOR", Treatment::Stripped, None),
    ];
    wanted.digest = wanted.invocation.digest().unwrap();
    let agent = &stage.setup.agent;
    stage.submit(agent, &wanted).await.request();
    stage.deliver().await;
}

fn assert_said(text: &str) {
    for said in SAID {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("with KUBE_EDITOR"), "{text}");
}

#[tokio::test]
async fn in_chats_a_variable_that_is_taken_away_is_said_to_be() {
    let stage = SlackStage::new().await;
    asks(&stage).await;
    assert_said(
        &stage.slack.take_of("/chat.postMessage")[0]
            .json()
            .to_string(),
    );
    let stage = TeamsStage::good().await;
    asks(&stage).await;
    let begun = stage.teams.take_of("/svc/v3/conversations");
    assert_said(&begun[0].json().to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_mails_webhooks_and_workflows_too() {
    let mut server = MailServer::start(&[]);
    let peer = Peer::start(|_| peer::json(200, &json!({}))).await;
    let url = peer.url();
    let stage = Stage::with(
        |dir| {
            let mail = ChannelSettings::Mail(mail::settings(server.port, None));
            let hook = ChannelSettings::Webhook(WebhookSettings { url: url.clone() });
            let flow = ChannelSettings::TeamsWorkflow(TeamsWorkflowSettings {});
            vec![
                channel(dir, "mail", mail, &[]),
                channel(dir, "hook", hook, &[("signing_secret", SECRET)]),
                channel(dir, "flow", flow, &[("url", &url)]),
            ]
        },
        |_| {},
    )
    .await;
    asks(&stage).await;
    assert_said(server.next()["text"].as_str().unwrap());
    let calls = peer.take();
    assert_eq!(calls.len(), 2);
    for call in calls {
        assert_said(&call.json().to_string());
    }
}
