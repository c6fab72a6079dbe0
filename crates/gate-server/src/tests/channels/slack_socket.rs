//! Socket Mode, against a web socket of our own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gate_protocol::channel::{ChannelSettings, ChannelSource, ChannelSpec};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::peer::{self, Peer};
use super::stage::{
    BOB, CONVERSATION, Stage, TEAM, channel, place, press, slack_answer, slack_settings, value_of,
};
use crate::identity::Secret;
use crate::notify::Channel;

const SOON: Duration = Duration::from_secs(20);

async fn accepted(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let accepting = async {
        let (stream, _) = listener.accept().await.unwrap();
        tokio_tungstenite::accept_async(stream).await.unwrap()
    };
    tokio::time::timeout(SOON, accepting).await.unwrap()
}

async fn said(socket: &mut WebSocketStream<TcpStream>, envelope: &Value) -> Value {
    socket
        .send(Message::text(envelope.to_string()))
        .await
        .unwrap();
    let heard = tokio::time::timeout(SOON, socket.next()).await.unwrap();
    serde_json::from_str(heard.unwrap().unwrap().to_text().unwrap()).unwrap()
}

/// A server with channels of one app by Socket Mode, each in a conversation, and
/// where Slack would listen.
async fn stage_with(places: &[(&str, &str)]) -> (Stage, TcpListener, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/link/?ticket=1", listener.local_addr().unwrap());
    let slack = Peer::start(move |call| {
        if call.path.ends_with("/apps.connections.open") {
            assert_eq!(call.header("authorization"), "Bearer xapp-1");
            return peer::json(200, &json!({ "ok": true, "url": url }));
        }
        slack_answer(call)
    })
    .await;
    let secrets = [("bot_token", "xoxb-1"), ("app_token", "xapp-1")];
    let of = |dir: &Path, (name, conversation): &(&str, &str)| {
        let mut settings = slack_settings(&slack.url());
        (*conversation).clone_into(&mut settings.conversation);
        channel(dir, name, ChannelSettings::Slack(settings), &secrets)
    };
    let stage = Stage::with(
        |dir| places.iter().map(|place| of(dir, place)).collect(),
        |_| {},
    )
    .await;
    stage.link("slack", TEAM, BOB, "bob").await;
    (stage, listener, slack)
}

#[tokio::test]
async fn a_click_over_the_socket_counts_once_and_a_lost_connection_is_opened_anew() {
    let (stage, listener, _slack) = stage_with(&[("chat", CONVERSATION)]).await;
    let request = stage.asks("web").await;
    stage.deliver().await;
    let ts = place(&stage, "chat", &request).await;
    let channel = stage.server.channels.find("chat").unwrap();
    let listening = tokio::spawn(crate::notify::listen_to_slack(
        stage.server.clone(),
        Arc::clone(&channel),
    ));
    let mut socket = accepted(&listener).await;
    let hello = json!({ "type": "hello", "num_connections": 1 });
    socket.send(Message::text(hello.to_string())).await.unwrap();
    socket.send(Message::text("not json")).await.unwrap();
    let disconnect = json!({ "type": "disconnect", "reason": "refresh_requested" });
    socket
        .send(Message::text(disconnect.to_string()))
        .await
        .unwrap();
    let mut socket = accepted(&listener).await;
    let envelope = json!({
        "type": "interactive",
        "envelope_id": "e-1",
        "accepts_response_payload": true,
        "payload": press(BOB, "gate_approve", &value_of(&request), &ts),
    });
    let ack = said(&mut socket, &envelope).await;
    assert_eq!(ack, json!({ "envelope_id": "e-1" }));
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Approved);
    // Slack brings an envelope again where it missed the answer.
    let ack = said(&mut socket, &envelope).await;
    assert_eq!(ack, json!({ "envelope_id": "e-1" }));
    assert_eq!(stage.count("decision.recorded").await, 1);
    let wrong = json!({
        "type": "interactive",
        "envelope_id": "e-2",
        "payload": {
            "type": "view_submission",
            "api_app_id": "A1",
            "team": { "id": TEAM },
            "user": { "id": "UNEW", "team_id": TEAM },
            "view": { "callback_id": "gate_link", "private_metadata": "", "state": {} },
        },
    });
    let ack = said(&mut socket, &wrong).await;
    assert_eq!(ack["payload"]["response_action"], "errors");
    listening.abort();
}

/// Presses approve in the conversation of a channel.
async fn press_in(stage: &Stage, name: &str, request: &ApprovalRequest, id: &str) -> Value {
    let ts = place(stage, name, request).await;
    let mut payload = press(BOB, "gate_approve", &value_of(request), &ts);
    let channel = stage.server.channels.find(name).unwrap();
    let ChannelSettings::Slack(settings) = &channel.spec.settings else {
        panic!("{name} is in Slack");
    };
    payload["container"]["channel_id"] = settings.conversation.clone().into();
    json!({ "type": "interactive", "envelope_id": id, "payload": payload })
}

/// Opens the connection of one channel.
async fn listens(stage: &Stage, listener: &TcpListener, name: &str) -> WebSocketStream<TcpStream> {
    let channel = stage.server.channels.find(name).unwrap();
    let server = stage.server.clone();
    tokio::spawn(crate::notify::listen_to_slack(server, channel));
    accepted(listener).await
}

#[tokio::test]
async fn a_click_counts_for_the_conversation_it_came_from_whichever_connection_brings_it() {
    let (stage, listener, _slack) = stage_with(&[("dev", "C2"), ("ops", "C3")]).await;
    let mut socket = listens(&stage, &listener, "dev").await;
    for (name, id) in [("ops", "e-1"), ("dev", "e-2")] {
        let request = stage.asks(name).await;
        stage.deliver().await;
        let envelope = press_in(&stage, name, &request, id).await;
        said(&mut socket, &envelope).await;
        let shown = stage.show(&request).await;
        assert_eq!(shown.status, ApprovalStatus::Approved, "{name}");
    }
    assert_eq!(stage.count("callback.refused").await, 0);
}

#[tokio::test]
async fn a_connection_speaks_for_no_channel_whose_token_it_was_not_opened_with() {
    let (stage, listener, slack) = stage_with(&[("ops", CONVERSATION)]).await;
    let request = stage.asks("web").await;
    stage.deliver().await;
    // Somebody makes a channel of the same name of app, with a Slack of their own.
    let mut settings = slack_settings(&slack.url());
    "C9".clone_into(&mut settings.conversation);
    let spec = ChannelSpec {
        name: "mine".to_owned(),
        filter: gate_protocol::channel::ChannelFilter::default(),
        settings: ChannelSettings::Slack(settings),
    };
    let secret = |text: &str| Secret::new(text.to_owned());
    let secrets = [
        ("bot_token".to_owned(), secret("xoxb-2")),
        ("app_token".to_owned(), secret("xapp-2")),
    ];
    slack.answer({
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        move |call| {
            if call.path.ends_with("/apps.connections.open") {
                return peer::json(200, &json!({ "ok": true, "url": url }));
            }
            slack_answer(call)
        }
    });
    let mine = Channel::new(spec, ChannelSource::Api, secrets.into());
    stage.server.channels.add(mine);
    let mut socket = listens(&stage, &listener, "mine").await;
    let envelope = press_in(&stage, "ops", &request, "e-1").await;
    said(&mut socket, &envelope).await;
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Pending);
    assert_eq!(stage.count("callback.refused").await, 1);
}

#[tokio::test]
async fn an_envelope_that_failed_inside_counts_when_slack_brings_it_again() {
    let (stage, listener, _slack) = stage_with(&[("chat", CONVERSATION)]).await;
    let request = stage.asks("web").await;
    stage.deliver().await;
    let mut socket = listens(&stage, &listener, "chat").await;
    let envelope = press_in(&stage, "chat", &request, "e-1").await;
    stage.sql("ALTER TABLE reviews RENAME TO kept").await;
    let text = Message::text(envelope.to_string());
    socket.send(text).await.unwrap();
    // It is not acknowledged: what comes first is the answer to the next one.
    let next = json!({ "type": "slash_commands", "envelope_id": "e-2", "payload": {} });
    assert_eq!(said(&mut socket, &next).await["envelope_id"], "e-2");
    stage.sql("ALTER TABLE kept RENAME TO reviews").await;
    assert_eq!(said(&mut socket, &envelope).await["envelope_id"], "e-1");
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Approved);
}
