//! A link of a chat's account is worth what signed in whoever made it, and no more.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use gate_protocol::channel::{ChannelFilter, ChannelSettings, ChannelSource, ChannelSpec};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::Answer;
use serde_json::{Value, json};

use super::stage::{
    APP, SlackStage, TEAM, form, link_code, place, press, signature, signed_in, slack_settings,
    value_of,
};
use crate::identity::Secret;
use crate::notify::Channel;
use crate::tests::bench::call;
use crate::tests::web::{Browser, location};

/// The account that is linked here.
const NEW: &str = "UNEW";

/// A submitted window with a code in it.
fn typed(code: &str) -> Value {
    json!({
        "type": "view_submission",
        "api_app_id": APP,
        "team": { "id": TEAM },
        "user": { "id": NEW, "team_id": TEAM },
        "trigger_id": gate_protocol::id::RequestId::generate(),
        "view": {
            "callback_id": "gate_link",
            "private_metadata": "",
            "state": { "values": { "gate_input": { "gate_input": {
                "type": "plain_text_input", "value": code,
            } } } },
        },
    })
}

/// Links the account by a browser that is signed in with this token.
async fn linked_by(stage: &SlackStage, token: &str) {
    let browser = signed_in(stage, token).await;
    let code = link_code(stage, &browser, "slack").await;
    let answered = stage.call_back(&typed(&code)).await;
    assert_eq!(answered.body.len(), 0, "{}", answered.text());
}

async fn asked(stage: &SlackStage, word: &str) -> ApprovalRequest {
    let request = stage.asks(word).await;
    stage.deliver().await;
    request
}

async fn presses(stage: &SlackStage, request: &ApprovalRequest) -> ApprovalStatus {
    let ts = place(stage, "chat", request).await;
    stage
        .call_back(&press(NEW, "gate_approve", &value_of(request), &ts))
        .await;
    stage.show(request).await.status
}

#[tokio::test]
async fn an_account_that_was_linked_by_a_token_answers_as_long_as_the_token_is_good() {
    let stage = SlackStage::new().await;
    let wanted = json!({ "principal": "bob", "role": "approver", "ttl_seconds": 600 });
    let made = stage.post(&stage.setup.admin, "/v1/tokens", &wanted).await;
    let made = made.json();
    let short = made["token"].as_str().unwrap();
    linked_by(&stage, short).await;
    let first = asked(&stage, "first").await;
    assert_eq!(presses(&stage, &first).await, ApprovalStatus::Approved);
    let second = asked(&stage, "second").await;
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    let revoke = call(Method::DELETE, &path, &stage.setup.admin, Body::empty());
    let revoked = stage.send(revoke).await;
    assert!(revoked.status.is_success(), "{}", revoked.text());
    assert_eq!(presses(&stage, &second).await, ApprovalStatus::Pending);
    assert_eq!(stage.refusals().await, ["link_ended"]);
    let told = stage.slack.take_of("/chat.postEphemeral");
    let told = told.last().unwrap().json().to_string();
    assert!(told.contains("Link it again"), "{told}");
    // The same person links it anew, by what is good.
    linked_by(&stage, &stage.setup.bob_approver).await;
    assert_eq!(presses(&stage, &second).await, ApprovalStatus::Approved);
    assert_eq!(stage.count("identity.linked").await, 2);
    // And a token that is over by its time is no better than one taken back.
    let third = asked(&stage, "third").await;
    stage
        .sql("UPDATE tokens SET expires_at = 1 WHERE principal = 'bob'")
        .await;
    let ts = place(&stage, "chat", &third).await;
    stage
        .call_back(&press(NEW, "gate_approve", &value_of(&third), &ts))
        .await;
    assert_eq!(stage.count("decision.recorded").await, 2);
}

#[tokio::test]
async fn who_made_the_token_behind_a_link_has_no_say_by_it() {
    let stage = SlackStage::new().await;
    // Alice owns the agent that asks, and makes a token for bob.
    let admin = stage.token_of("alice", "admin").await;
    let wanted = json!({ "principal": "bob", "role": "approver", "ttl_seconds": 600 });
    let made = stage.post(&admin, "/v1/tokens", &wanted).await;
    linked_by(&stage, made.json()["token"].as_str().unwrap()).await;
    // However long ago that was.
    stage.sql("UPDATE principal_edits SET at = 1").await;
    let (request, _) = stage.posted("web").await;
    assert_eq!(presses(&stage, &request).await, ApprovalStatus::Pending);
    assert_eq!(stage.count("request.rejected_review").await, 1);
}

#[tokio::test]
async fn a_link_from_before_this_was_kept_has_to_be_made_anew() {
    let stage = SlackStage::new().await;
    stage.link("slack", TEAM, NEW, "bob").await;
    stage.sql("UPDATE accounts SET means = NULL").await;
    let (request, _) = stage.posted("web").await;
    assert_eq!(presses(&stage, &request).await, ApprovalStatus::Pending);
    assert_eq!(stage.refusals().await, ["link_ended"]);
}

#[tokio::test]
async fn a_channel_that_was_made_by_the_api_links_nobodys_account() {
    let stage = SlackStage::new().await;
    let spec = ChannelSpec {
        name: "mine".to_owned(),
        filter: ChannelFilter::default(),
        settings: ChannelSettings::Slack(slack_settings(&stage.slack.url())),
    };
    let secrets = [
        ("bot_token".to_owned(), Secret::new("xoxb-2".to_owned())),
        ("signing_secret".to_owned(), Secret::new("mine".to_owned())),
    ];
    let mine = Channel::new(spec, ChannelSource::Api, secrets.into());
    stage.server.channels.add(mine);
    let browser = signed_in(&stage, &stage.setup.bob_approver).await;
    let code = link_code(&stage, &browser, "slack").await;
    let body = form(&typed(&code));
    let now = crate::clock::now().as_second();
    let signed = signature("mine", now, &body);
    let answered = stage.call_back_with(&body, now, &signed).await;
    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(answered.json()["response_action"], "errors");
    assert_eq!(stage.count("identity.linked").await, 0);
    assert_eq!(stage.refusals().await, ["not_here"]);
    // The code is good still, where it counts.
    let answered = stage.call_back(&typed(&code)).await;
    assert_eq!(answered.body.len(), 0, "{}", answered.text());
    assert_eq!(stage.count("identity.linked").await, 1);
}

#[tokio::test]
async fn an_account_that_is_unlinked_takes_back_what_it_answered() {
    let stage = SlackStage::new().await;
    let bob = &stage.setup.bob_approver;
    let account = json!({ "provider": "slack", "tenant": TEAM, "subject": NEW });
    // By an admin, though a token stood behind the browser that linked it; then by whose it is.
    for by_admin in [true, false] {
        linked_by(&stage, bob).await;
        let in_chat = asked(&stage, &format!("chat-{by_admin}")).await;
        assert_eq!(presses(&stage, &in_chat).await, ApprovalStatus::Approved);
        let by_token = stage.asks(&format!("token-{by_admin}")).await;
        stage.review(bob, &by_token, Answer::Approve).await;
        if by_admin {
            let admin = &stage.setup.admin;
            let unlinked = stage.post(admin, "/v1/accounts/unlink", &account).await;
            assert_eq!(unlinked.status, StatusCode::NO_CONTENT);
        } else {
            let browser = Browser::signed_in(&stage.bench, bob).await;
            let csrf = browser.csrf().await;
            let fields = [("csrf", csrf.as_str()), ("tenant", TEAM), ("subject", NEW)];
            let unlinked = browser.post("/link/slack/unlink", &fields).await;
            assert_eq!(location(&unlinked), "/link/slack");
        }
        let after = stage.show(&in_chat).await;
        assert_eq!(after.status, ApprovalStatus::Pending, "{by_admin}");
        let why = after.reviews[0].void.as_ref().unwrap();
        assert!(why.contains("unlinked"), "{why}");
        let kept = stage.show(&by_token).await.status;
        assert_eq!(kept, ApprovalStatus::Approved, "{by_admin}");
    }
    stage.verified().await;
}

#[tokio::test]
async fn an_account_that_was_linked_by_a_provider_answers_while_its_word_is_believed() {
    let settings = "name = 'test'\nissuer = 'http://127.0.0.1:9'\nclient_id = 'gate'\n";
    let settings = toml::from_str(settings).unwrap();
    let stage = SlackStage::of(|_| {}, |server| server.identity.providers = vec![settings]);
    let stage = Box::pin(stage).await;
    let account = json!({
        "account": { "provider": "oidc", "tenant": "http://127.0.0.1:9", "subject": "bob" },
        "principal": "bob",
    });
    let linked = stage.post(&stage.setup.admin, "/v1/accounts", &account);
    assert_eq!(linked.await.status, StatusCode::CREATED);
    // As a browser that was signed in there has linked it.
    stage.link("slack", TEAM, NEW, "bob").await;
    stage
        .sql("UPDATE accounts SET means = 'test', token = NULL WHERE provider = 'slack'")
        .await;
    let request = asked(&stage, "web").await;
    assert_eq!(presses(&stage, &request).await, ApprovalStatus::Pending);
    assert_eq!(
        stage.refusals().await,
        ["link_ended"],
        "bob was never there"
    );
    stage
        .sql("UPDATE principals SET provider_groups_until = 99999999999999 WHERE name = 'bob'")
        .await;
    assert_eq!(presses(&stage, &request).await, ApprovalStatus::Approved);
}
