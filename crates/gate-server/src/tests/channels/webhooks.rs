//! Webhooks: what is sent, how it is signed, and where it never goes.

use std::path::Path;

use axum::body::Body;
use axum::http::{Method, Response};
use gate_protocol::channel::{
    ChannelSettings, DeliveryState, TeamsWorkflowSettings, WebhookSettings,
};
use gate_protocol::review::Answer;
use serde_json::{Value, json};

use super::peer::{self, Call, Peer};
use super::stage::{Stage, channel, judged};
use crate::settings::ChannelFile;
use crate::tests::bench::call;

pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn answered(status: u16) -> impl Fn(&Call) -> Response<Body> {
    move |_| peer::json(status, &json!({}))
}

/// Returns a webhook and a workflow of Teams, which post to `/hook` and to `/flow` of one peer.
pub(super) fn hook_and_flow(dir: &Path, peer: &Peer) -> Vec<ChannelFile> {
    let to = |path: &str| format!("{}/{path}", peer.url());
    let hook = ChannelSettings::Webhook(WebhookSettings { url: to("hook") });
    let flow = ChannelSettings::TeamsWorkflow(TeamsWorkflowSettings {});
    vec![
        channel(dir, "hook", hook, &[("signing_secret", SECRET)]),
        channel(dir, "flow", flow, &[("url", &to("flow"))]),
    ]
}

async fn stage(url: String) -> Stage {
    let settings = ChannelSettings::Webhook(WebhookSettings { url });
    Stage::with(
        |dir| {
            vec![channel(
                dir,
                "hook",
                settings,
                &[("signing_secret", SECRET)],
            )]
        },
        |_| {},
    )
    .await
}

async fn deliveries(stage: &Stage) -> Vec<Value> {
    let admin = &stage.setup.admin;
    let page = stage
        .get(admin, "/v1/channels/hook/deliveries")
        .await
        .json();
    page["deliveries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_change_is_signed_as_standard_webhooks_own_library_verifies() {
    let peer = Peer::start(answered(204)).await;
    let stage = stage(format!("{}/in", peer.url())).await;
    let request = stage.approved("prod").await;
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Deny)
        .await;
    stage.deliver().await;
    let calls = peer.take();
    let types: Vec<Value> = calls
        .iter()
        .map(|call| call.json()["type"].clone())
        .collect();
    assert_eq!(
        types,
        ["request.pending", "request.approved", "request.denied"]
    );
    let script = r"
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
given = json.load(sys.stdin)
hook = Webhook(given['secret'])
for call in given['calls']:
    hook.verify(call['body'], call['headers'])
    for body, headers in [(call['body'] + ' ', call['headers']),
                          (call['body'], dict(call['headers'], **{'webhook-id': 'other'}))]:
        try:
            hook.verify(body, headers)
            sys.exit('a forged one was taken')
        except WebhookVerificationError:
            pass
print(len(given['calls']))
";
    let calls: Vec<Value> = calls
        .iter()
        .map(|call| {
            json!({
                "body": String::from_utf8(call.body.clone()).unwrap(),
                "headers": {
                    "webhook-id": call.header("webhook-id"),
                    "webhook-timestamp": call.header("webhook-timestamp"),
                    "webhook-signature": call.header("webhook-signature"),
                },
            })
        })
        .collect();
    let given = json!({ "secret": SECRET, "calls": calls });
    assert_eq!(judged(script, &given), "3\n");
    let admin = &stage.setup.admin;
    let entry = stage.get(admin, "/v1/channels/hook").await.json();
    assert_eq!((&entry["waiting"], &entry["dead"]), (&json!(0), &json!(0)));
    assert!(!entry.to_string().contains("whsec"));
}

#[tokio::test]
async fn what_fails_is_tried_again_under_the_same_id_and_given_up_in_the_end() {
    let peer = Peer::start(answered(503)).await;
    let stage = stage(peer.url()).await;
    stage.asked("prod").await;
    stage.deliver().await;
    stage.deliver_all("hook").await;
    let calls = peer.take();
    assert_eq!(calls.len(), 10);
    let ids: std::collections::BTreeSet<&str> =
        calls.iter().map(|call| call.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1);
    let dead = &deliveries(&stage).await[0];
    assert_eq!(
        (&dead["state"], &dead["attempts"]),
        (&json!("dead"), &json!(10))
    );
    assert_eq!(dead["answer"], "answered 503");
    peer.answer(answered(200));
    let retry = format!("/v1/deliveries/{}/retry", dead["id"].as_str().unwrap());
    let admin = &stage.setup.admin;
    let revived = stage.post(admin, &retry, &()).await;
    assert_eq!(revived.json()["state"], "waiting");
    assert_eq!(stage.count("delivery.retried").await, 1);
    stage.deliver().await;
    assert_eq!(deliveries(&stage).await[0]["state"], "delivered");
    assert_eq!(stage.post(admin, &retry, &()).await.problem(), "conflict");
    assert_eq!(
        stage
            .post(admin, "/v1/deliveries/none/retry", &())
            .await
            .problem(),
        "not_found"
    );
    // What changed nothing is not on record.
    assert_eq!(stage.count("delivery.retried").await, 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_who_is_gone_is_not_asked_again() {
    let elsewhere = Peer::start(answered(200)).await;
    let to = elsewhere.url();
    let peer = Peer::start(move |_| {
        Response::builder()
            .status(307)
            .header("location", &to)
            .body(Body::empty())
            .unwrap()
    })
    .await;
    let stage = stage(peer.url()).await;
    stage.asked("a").await;
    stage.deliver_all("hook").await;
    assert!(elsewhere.take().is_empty());
    peer.answer(answered(410));
    stage.asked("b").await;
    stage.deliver_all("hook").await;
    assert_eq!(peer.take().len(), 2, "once each");
    for delivery in deliveries(&stage).await {
        assert_eq!(delivery["state"], DeliveryState::Dead.as_str());
    }
}

#[tokio::test]
async fn nothing_is_sent_to_an_address_that_is_not_of_the_internet() {
    let peer = Peer::start(answered(200)).await;
    let port = peer.address.port();
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/".to_owned(),
        "http://[64:ff9b::7f00:1]/".to_owned(),
        "http://100.64.0.1/".to_owned(),
    ] {
        let settings = ChannelSettings::Webhook(WebhookSettings { url: url.clone() });
        let stage = Stage::with(
            |dir| {
                vec![channel(
                    dir,
                    "hook",
                    settings,
                    &[("signing_secret", SECRET)],
                )]
            },
            |settings| settings.outbound.allow_private.clear(),
        )
        .await;
        let admin = &stage.setup.admin;
        let tested = stage
            .post(admin, "/v1/channels/hook/test", &())
            .await
            .json();
        assert_eq!(tested["delivered"], false, "{url}");
        let answer = tested["answer"].as_str().unwrap();
        assert!(
            answer.contains("not of the public internet"),
            "{url}: {answer}"
        );
    }
    assert!(peer.take().is_empty());
}

#[tokio::test]
async fn without_tls_only_what_the_settings_name_is_spoken_to() {
    // A public address, never connected to: it is refused for its scheme.
    let stage = stage("http://192.0.0.8:9/".to_owned()).await;
    let admin = &stage.setup.admin;
    let tested = stage
        .post(admin, "/v1/channels/hook/test", &())
        .await
        .json();
    assert_eq!(tested["delivered"], false);
    let outbound = stage.server.channels.outbound().unwrap();
    let public = "8.8.8.8:80".parse().unwrap();
    assert!(outbound.admit(true, public).is_ok());
    assert!(outbound.admit(false, public).is_err());
    assert!(
        outbound
            .admit(false, "127.0.0.1:80".parse().unwrap())
            .is_ok()
    );
}

fn siem(url: &str, secret: &str) -> Value {
    json!({
        "channel": {
            "name": "siem",
            "filter": { "effects": ["destroy"] },
            "settings": { "kind": "webhook", "url": url },
        },
        "secrets": { "signing_secret": secret },
    })
}

#[tokio::test]
async fn a_channel_that_cannot_work_is_refused_without_its_secret_in_the_answer() {
    let stage = Stage::with(|_| Vec::new(), |_| {}).await;
    let admin = &stage.setup.admin;
    let wanted = |secret: &str| siem("https://siem.example/", secret);
    for (body, code) in [
        (wanted("hunter2"), "bad_request"),
        (
            json!({ "channel": wanted(SECRET)["channel"], "secrets": {} }),
            "bad_request",
        ),
        (
            json!({ "channel": { "name": "x", "settings": { "kind": "pager" } }, "secrets": {} }),
            "bad_request",
        ),
    ] {
        let refused = stage.post(admin, "/v1/channels", &body).await;
        assert_eq!(refused.problem(), code, "{}", refused.text());
        assert!(!refused.text().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_channel_of_the_api_is_made_tested_kept_and_deleted() {
    let peer = Peer::start(answered(200)).await;
    let stage = Stage::with(|_| Vec::new(), |_| {}).await;
    let admin = stage.setup.admin.clone();
    let url = peer.url();
    let wanted = |secret: &str| siem(&url, secret);
    let made = stage.post(&admin, "/v1/channels", &wanted(SECRET)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["source"], "api");
    assert_eq!(made.json()["secrets"], json!(["signing_secret"]));
    assert_eq!(
        stage
            .post(&admin, "/v1/channels", &wanted(SECRET))
            .await
            .problem(),
        "conflict"
    );
    let key = SECRET.trim_start_matches("whsec_");
    assert!(!crate::tests::bench::is_in_files(
        &stage.data(),
        key.as_bytes()
    ));
    let stage = stage.reopened().await;
    let tested = stage
        .post(&admin, "/v1/channels/siem/test", &())
        .await
        .json();
    assert_eq!(
        tested,
        json!({ "delivered": true, "answer": "answered 200" })
    );
    assert_eq!(peer.take()[0].json()["type"], "test");
    stage.asks_to_label("not destroyed", "write").await;
    stage.asked("destroyed").await;
    stage.deliver().await;
    assert_eq!(peer.take().len(), 1, "the filter holds");
    let delete = || {
        stage.send(call(
            Method::DELETE,
            "/v1/channels/siem",
            &admin,
            Body::empty(),
        ))
    };
    assert_eq!(delete().await.status, 204);
    assert_eq!(delete().await.problem(), "not_found");
    stage.asked("after").await;
    stage.deliver().await;
    assert!(peer.take().is_empty());
    assert_eq!(stage.count("channel.created").await, 1);
    assert_eq!(stage.count("channel.deleted").await, 1);
    stage.verified().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_tells_by_itself_and_so_does_a_channel_that_is_new() {
    let peer = Peer::start(answered(200)).await;
    let stage = stage(peer.url()).await;
    let telling = tokio::spawn(stage.server.clone().notify_regularly());
    stage.asked("first").await;
    let told = async |wanted: usize| {
        let mut calls = Vec::new();
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while calls.len() < wanted {
            calls.extend(peer.take());
            assert!(
                tokio::time::Instant::now() < deadline,
                "{} told",
                calls.len()
            );
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        calls
    };
    told(1).await;
    let wanted = json!({
        "channel": { "name": "second", "settings": { "kind": "webhook", "url": peer.url() } },
        "secrets": { "signing_secret": SECRET },
    });
    let admin = &stage.setup.admin;
    assert_eq!(stage.post(admin, "/v1/channels", &wanted).await.status, 201);
    stage.asked("both").await;
    told(2).await;
    telling.abort();
}
