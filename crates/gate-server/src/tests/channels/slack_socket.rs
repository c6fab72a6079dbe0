//! Socket Mode, against a web socket of our own.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gate_protocol::channel::ChannelSettings;
use gate_protocol::request::ApprovalStatus;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::peer::{self, Peer};
use super::stage::{
    BOB, Stage, TEAM, channel, place, press, slack_answer, slack_settings, value_of,
};

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

/// A server with a channel by Socket Mode, and where Slack would listen.
async fn stage() -> (Stage, TcpListener, Peer) {
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
    let settings = slack_settings(&slack.url());
    let secrets = [("bot_token", "xoxb-1"), ("app_token", "xapp-1")];
    let stage = Stage::with(
        |dir| {
            vec![channel(
                dir,
                "chat",
                ChannelSettings::Slack(settings),
                &secrets,
            )]
        },
        |_| {},
    )
    .await;
    stage.link("slack", TEAM, BOB, "bob").await;
    (stage, listener, slack)
}

#[tokio::test]
async fn a_click_over_the_socket_counts_once_and_a_lost_connection_is_opened_anew() {
    let (stage, listener, _slack) = stage().await;
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
