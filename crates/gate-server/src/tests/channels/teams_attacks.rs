//! Every activity that must not count.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use gate_protocol::channel::{ChannelFilter, ChannelSettings, ChannelSource, ChannelSpec};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use serde_json::{Value, json};

use super::stage::{refusals, value_of};
use super::teams::{BOT, TENANT, TeamsStage};
use crate::identity::Secret;
use crate::notify::Channel;

fn with(mut claims: Value, field: &str, value: impl Into<Value>) -> Value {
    claims[field] = value.into();
    claims
}

fn without(mut claims: Value, field: &str) -> Value {
    claims.as_object_mut().unwrap().remove(field);
    claims
}

#[tokio::test]
async fn a_token_that_is_not_the_bot_frameworks_for_this_bot_now_is_refused() {
    let now = crate::clock::now().as_second();
    let stage = TeamsStage::new(|claims| {
        let token = |claims: Value| json!({ "claims": claims });
        let how = |how: &str| json!({ "claims": claims.clone(), "how": how });
        let kid = |kid: &str| json!({ "claims": claims.clone(), "kid": kid });
        vec![
            token(claims.clone()),
            how("none"),
            how("hs256"),
            how("rs512"),
            how("other"),
            kid("k9"),
            kid("k2"),
            kid("k3"),
            token(with(claims.clone(), "iss", "https://evil.example")),
            token(with(claims.clone(), "aud", "another-bot")),
            token(with(claims.clone(), "aud", json!([BOT, "another-bot"]))),
            token(with(claims.clone(), "exp", now - 301)),
            token(with(claims.clone(), "nbf", now + 400)),
            token(with(claims.clone(), "serviceurl", "https://evil.example/")),
            token(without(claims.clone(), "serviceurl")),
            token(without(claims.clone(), "exp")),
        ]
    })
    .await;
    let (request, _) = stage.posted("web").await;
    let press = || stage.press("gate_approve", &value_of(&request));
    for token in &stage.tokens[1..] {
        let answered = stage.act(token, &press()).await;
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
        assert_eq!(stage.show(&request).await.status, ApprovalStatus::Pending);
    }
    let unsigned = Request::post("/teams/messages")
        .body(Body::from(press().to_string()))
        .unwrap();
    assert_eq!(stage.send(unsigned).await.status, StatusCode::UNAUTHORIZED);
    let cut = stage.tokens[0].rsplit_once('.').unwrap().0.to_owned();
    for token in [
        cut.clone(),
        format!("{cut}."),
        format!("{}.x", stage.tokens[0]),
    ] {
        let answered = stage.act(&token, &press()).await;
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
    }
    let mut elsewhere = press();
    elsewhere["serviceUrl"] = "https://evil.example/".into();
    let answered = stage.act(&stage.tokens[0], &elsewhere).await;
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refusals(&stage.stage).await.len(), 20, "one record each");
    // The first good one works, and its replay does not.
    let good = press();
    assert_eq!(
        stage.act(&stage.tokens[0], &good).await.json()["statusCode"],
        200
    );
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Approved);
    let replayed = stage.act(&stage.tokens[0], &good).await;
    assert_eq!(replayed.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refusals(&stage.stage).await.last().unwrap(), "replayed");
    stage.verified().await;
}

/// Presses by those who are no members, and of what is edited, and why each is refused.
fn strangers(
    stage: &TeamsStage,
    request: &ApprovalRequest,
    other: &ApprovalRequest,
) -> Vec<(Value, &'static str)> {
    let press = |value: &str, change: &dyn Fn(&mut Value)| {
        let mut activity = stage.press("gate_approve", value);
        change(&mut activity);
        activity
    };
    let value = value_of(request);
    let by = |account: &str| press(&value, &|a| a["from"]["id"] = account.into());
    vec![
        (
            press(&value, &|a| {
                a["channelData"]["tenant"]["id"] = "other".into();
            }),
            "other_team",
        ),
        (
            press(&value, &|a| a["conversation"]["tenantId"] = "other".into()),
            "other_team",
        ),
        (
            press(&value, &|a| {
                a["channelData"] = json!({});
                a["conversation"]
                    .as_object_mut()
                    .unwrap()
                    .remove("tenantId");
            }),
            "missing_team",
        ),
        (
            press(&value, &|a| a["channelId"] = "webchat".into()),
            "other_channel",
        ),
        (
            press(&value, &|a| a["from"] = json!({ "id": "29:bob" })),
            "missing_user",
        ),
        (by("29:guest"), "guest"),
        (by("29:liar"), "external_user"),
        (by("29:gone"), "former_member"),
        (by("29:quiet"), "not_known"),
        (press(&value_of(other), &|_| {}), "edited_value"),
        (
            press(&format!("{}:{}", request.id, other.digest), &|_| {}),
            "edited_value",
        ),
        (
            press(&value, &|a| a["replyToId"] = "2".into()),
            "edited_value",
        ),
        (press("", &|_| {}), "edited_value"),
    ]
}

#[tokio::test]
async fn who_is_not_a_member_of_the_organisation_and_what_is_edited_does_not_count() {
    let stage = TeamsStage::good().await;
    let (request, _) = stage.posted("web").await;
    let other = stage.asks("other").await;
    let mut expected = Vec::new();
    for (activity, why) in strangers(&stage, &request, &other) {
        let answered = stage.act(&stage.tokens[0], &activity).await;
        let told = answered.json();
        assert_eq!(
            told["type"], "application/vnd.microsoft.activity.message",
            "{why}"
        );
        assert_eq!(stage.show(&request).await.version, 1, "{why}");
        assert_eq!(stage.show(&other).await.version, 1, "{why}");
        expected.push(why.to_owned());
        assert_eq!(refusals(&stage.stage).await, expected, "one record each");
    }
    let account = crate::store::accounts::Account {
        provider: "teams",
        tenant: TENANT,
        subject: super::teams::BOB,
    };
    let mut change = stage.server.change().await.unwrap();
    crate::store::accounts::unlink(change.connection(), account)
        .await
        .unwrap();
    change.commit().await.unwrap();
    let told = stage
        .act(
            &stage.tokens[0],
            &stage.press("gate_approve", &value_of(&request)),
        )
        .await
        .json();
    assert!(
        told["value"].as_str().unwrap().contains("/link/teams"),
        "{told}"
    );
    expected.push("unlinked".to_owned());
    assert_eq!(refusals(&stage.stage).await, expected, "one record of it");
    assert_eq!(stage.show(&request).await.version, 1);
    let records = stage.records().await;
    let tried = records
        .iter()
        .rfind(|record| record.record_type().as_str() == "callback.refused")
        .unwrap();
    assert_eq!(
        (&tried.body()["why"], &tried.body()["request"]),
        (&json!("unlinked"), &json!(request.id)),
    );
    stage.link("teams", TENANT, super::teams::BOB, "bob").await;
    stage
        .act(
            &stage.tokens[0],
            &stage.press("gate_approve", &value_of(&request)),
        )
        .await;
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Approved);
    stage.verified().await;
}

#[tokio::test]
async fn what_was_taken_back_or_is_over_is_not_approved_by_a_press() {
    for status in [ApprovalStatus::Cancelled, ApprovalStatus::Expired] {
        let stage = TeamsStage::good().await;
        let (request, _) = stage.posted("web").await;
        if status == ApprovalStatus::Cancelled {
            let cancel = format!("/v1/requests/{}/cancel", request.id);
            stage.post(&stage.setup.agent, &cancel, &()).await;
        } else {
            let end = crate::clock::after(crate::clock::now(), 3600);
            stage.server.settle_due(end).await.unwrap();
        }
        let before = stage.show(&request).await;
        assert_eq!(before.status, status);
        let press = stage.press("gate_approve", &value_of(&request));
        let told = stage.act(&stage.tokens[0], &press).await.json();
        assert_eq!(
            told["type"], "application/vnd.microsoft.activity.message",
            "{told}"
        );
        let text = told["value"].as_str().unwrap();
        assert!(text.starts_with("Your answer was not counted"), "{text}");
        let after = stage.show(&request).await;
        assert_eq!((after.status, after.version), (status, before.version));
        assert!(after.reviews.is_empty());
        assert_eq!(refusals(&stage.stage).await, ["refused"], "one record");
        stage.verified().await;
    }
}

#[tokio::test]
async fn a_channel_that_was_made_by_the_api_is_no_way_to_be_the_bot_framework() {
    let stage = TeamsStage::good().await;
    let (request, _) = stage.posted("web").await;
    let press = stage.press("gate_approve", &value_of(&request));
    // The same bot, with keys of whoever makes the channel: here those of the test.
    let real = stage.server.channels.find("chat").unwrap();
    let ChannelSettings::Teams(mut settings) = real.spec.settings.clone() else {
        panic!("it is in Teams");
    };
    settings.conversation = "19:mine@thread.tacv2".to_owned();
    let mine = ChannelSpec {
        name: "aaa".to_owned(),
        filter: ChannelFilter::default(),
        settings: ChannelSettings::Teams(settings),
    };
    let secrets = [("app_password".to_owned(), Secret::new("x".to_owned()))];
    let mine = Channel::new(mine, ChannelSource::Api, secrets.into());
    stage.server.channels.add(mine);
    stage.server.channels.remove("chat");
    let refused = stage.act(&stage.tokens[0], &press).await;
    assert_eq!(
        refused.status,
        StatusCode::UNAUTHORIZED,
        "by its keys alone"
    );
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Pending);
}

#[tokio::test]
async fn forged_tokens_make_us_ask_for_keys_that_do_not_come_once() {
    let stage = TeamsStage::good().await;
    let (request, _) = stage.posted("web").await;
    stage.teams.answer(|_| super::peer::json(500, &json!({})));
    stage.teams.take();
    let press = stage.press("gate_approve", &value_of(&request));
    let posts = (0..12).map(|_| stage.act(&stage.tokens[0], &press));
    for answered in futures_util::future::join_all(posts).await {
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(stage.teams.take_of("/meta").len(), 1);
    assert_eq!(refusals(&stage.stage).await, ["no_keys"; 12]);
}
