//! Every callback that must not count. THREATS 6A.11: no state change, one
//! explanation where somebody can be told, one record each, and the first good
//! click still works afterwards.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use serde_json::{Value, json};

use super::stage::{BOB, SIGNING_SECRET, SlackStage, form, place, press, signature, value_of};

/// Presses approve as bob with something changed.
fn changed(request: &ApprovalRequest, ts: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut payload = press(BOB, "gate_approve", &value_of(request), ts);
    change(&mut payload);
    payload
}

async fn assert_untouched(stage: &SlackStage, request: &ApprovalRequest) {
    let shown = stage.show(request).await;
    assert_eq!((shown.status, shown.version), (ApprovalStatus::Pending, 1));
}

#[tokio::test]
async fn what_is_not_signed_now_by_slack_is_refused() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let ts = place(&stage, "chat", &request).await;
    let payload = press(BOB, "gate_approve", &value_of(&request), &ts);
    let body = form(&payload);
    let now = crate::clock::now().as_second();
    let good = signature(SIGNING_SECRET, now, &body);
    let unsigned = Request::post("/slack/interactivity")
        .body(Body::from(body.clone()))
        .unwrap();
    assert_eq!(stage.send(unsigned).await.status, StatusCode::UNAUTHORIZED);
    let twice = Request::post("/slack/interactivity")
        .header("x-slack-request-timestamp", now)
        .header("x-slack-signature", &good)
        .header("x-slack-signature", &good)
        .body(Body::from(body.clone()))
        .unwrap();
    assert_eq!(stage.send(twice).await.status, StatusCode::UNAUTHORIZED);
    let old = now - 301;
    // Far enough that a slow machine does not make it a good time.
    let ahead = now + 360;
    let tampered = body.replace("UBOB", "UEVE");
    for (body, timestamp, signature) in [
        (&body, now, signature("another secret", now, &body)),
        (&body, now, signature(SIGNING_SECRET, now - 1, &body)),
        (&tampered, now, good.clone()),
        (&body, now, good.replace("v0=", "v1=")),
        (&body, now, String::new()),
        (&body, now, format!("{good}00")),
        (&body, old, signature(SIGNING_SECRET, old, &body)),
        (&body, ahead, signature(SIGNING_SECRET, ahead, &body)),
    ] {
        let answered = stage.call_back_with(body, timestamp, &signature).await;
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
        assert_untouched(&stage, &request).await;
    }
    let refusals = stage.refusals().await;
    assert_eq!(refusals.len(), 10);
    assert_eq!(&refusals[..2], ["unsigned", "unsigned"]);
    assert_eq!(&refusals[8..], ["stale", "stale"]);
    assert!(stage.slack.take().is_empty(), "a stranger is told nothing");
    // The first good click works, and its replay does not.
    let counted = stage.call_back_with(&body, now, &good).await;
    assert_eq!(counted.status, StatusCode::OK);
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Approved);
    let replayed = stage.call_back_with(&body, now, &good).await;
    assert_eq!(replayed.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stage.refusals().await.last().unwrap(), "replayed");
    stage.verified().await;
}

/// Presses by those who are no members of the workspace, and why each is refused.
fn strangers(request: &ApprovalRequest, ts: &str) -> Vec<(Value, &'static str)> {
    let as_user = |user: &str| changed(request, ts, |payload| payload["user"]["id"] = user.into());
    vec![
        (
            changed(request, ts, |p| p["team"]["id"] = "T2".into()),
            "other_team",
        ),
        (
            changed(request, ts, |p| p["team"] = Value::Null),
            "missing_team",
        ),
        (
            changed(request, ts, |p| p["user"]["team_id"] = "T2".into()),
            "external_user",
        ),
        (
            changed(request, ts, |p| p["user"] = json!({ "id": BOB })),
            "missing_team",
        ),
        (
            changed(request, ts, |p| p["api_app_id"] = "A2".into()),
            "other_app",
        ),
        (
            changed(request, ts, |p| p["api_app_id"] = Value::Null),
            "other_app",
        ),
        (as_user("UEXT"), "external_user"),
        (as_user("UGONE"), "deactivated"),
        (as_user("UGUEST"), "guest"),
        (as_user("USINGLE"), "guest"),
        (as_user("USTRANGER"), "external_user"),
        (as_user("UBOT"), "bot"),
        (as_user("UNOBODY"), "unlinked"),
    ]
}

#[tokio::test]
async fn who_is_not_a_member_of_the_workspace_now_does_not_answer() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let ts = place(&stage, "chat", &request).await;
    // Each of them is linked to bob: it is not the link that keeps them out.
    for user in ["UEXT", "UGONE", "UGUEST", "USINGLE", "USTRANGER", "UBOT"] {
        stage.link("slack", "T1", user, "bob").await;
    }
    let mut expected = Vec::new();
    for (payload, why) in strangers(&request, &ts) {
        stage.slack.take();
        let answered = stage.call_back(&payload).await;
        assert_eq!(
            (answered.status, answered.body.len()),
            (StatusCode::OK, 0),
            "{why}"
        );
        assert_untouched(&stage, &request).await;
        let told = stage.slack.take_of("/chat.postEphemeral");
        assert_eq!(told.len(), 1, "{why}: one explanation");
        expected.push(why.to_owned());
        assert_eq!(stage.refusals().await, expected, "one record each");
    }
    stage
        .call_back(&press(BOB, "gate_approve", &value_of(&request), &ts))
        .await;
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Approved);
    stage.verified().await;
}

#[tokio::test]
async fn where_slack_does_not_say_who_it_is_nobody_answers() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let ts = place(&stage, "chat", &request).await;
    stage.slack.answer(|_| super::peer::json(500, &json!({})));
    stage
        .call_back(&press(BOB, "gate_approve", &value_of(&request), &ts))
        .await;
    assert_untouched(&stage, &request).await;
    assert_eq!(stage.refusals().await, ["not_known"]);
}

#[tokio::test]
async fn an_edited_button_answers_nothing() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let (other, _) = stage.posted("other").await;
    let ts = place(&stage, "chat", &request).await;
    let press_with = |value: String, ts: &str| press(BOB, "gate_approve", &value, ts);
    let mut elsewhere = press_with(value_of(&request), &ts);
    elsewhere["container"]["channel_id"] = "C2".into();
    for payload in [
        // Another request's id, with the digest of this one and with its own.
        press_with(format!("{}:{}", other.id, request.digest), &ts),
        press_with(value_of(&other), &ts),
        press_with(format!("{}:{}", request.id, other.digest), &ts),
        press_with(format!("{}:{}", request.id, "0".repeat(64)), &ts),
        press_with(request.id.to_string(), &ts),
        press_with(String::new(), &ts),
        press_with(value_of(&request), "1700000000.999999"),
        elsewhere,
    ] {
        stage.slack.take();
        stage.call_back(&payload).await;
        assert_untouched(&stage, &request).await;
        assert_untouched(&stage, &other).await;
        assert_eq!(stage.slack.take_of("/chat.postEphemeral").len(), 1);
    }
    assert_eq!(stage.refusals().await, ["edited_value"; 8]);
    stage.call_back(&press_with(value_of(&request), &ts)).await;
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Approved);
}

#[tokio::test]
async fn what_is_over_is_not_answered_and_nobody_answers_for_themselves() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let ts = place(&stage, "chat", &request).await;
    // alice owns the agent that asks.
    stage.link("slack", "T1", "UALICE", "alice").await;
    let own = press("UALICE", "gate_approve", &value_of(&request), &ts);
    stage.call_back(&own).await;
    assert_untouched(&stage, &request).await;
    assert_eq!(stage.count("request.rejected_review").await, 1);
    assert_eq!(
        stage.refusals().await,
        [""; 0],
        "one record, and that is it"
    );
    // A disabled user's account is theirs no more, and does not come back with them.
    let admin = &stage.setup.admin;
    stage.post(admin, "/v1/principals/bob/disable", &()).await;
    let by_bob = || press(BOB, "gate_approve", &value_of(&request), &ts);
    stage.call_back(&by_bob()).await;
    assert_untouched(&stage, &request).await;
    stage.post(admin, "/v1/principals/bob/enable", &()).await;
    stage.call_back(&by_bob()).await;
    assert_untouched(&stage, &request).await;
    assert_eq!(stage.refusals().await, ["unlinked", "unlinked"]);
    assert_eq!(stage.count("identity.unlinked").await, 1);
    // His tokens are gone for good, and what he linked by one of them with it.
    stage.token_of("bob", "approver").await;
    stage.link("slack", "T1", BOB, "bob").await;
    let cancel = format!("/v1/requests/{}/cancel", request.id);
    stage.post(&stage.setup.agent, &cancel, &()).await;
    stage.slack.take();
    stage.call_back(&by_bob()).await;
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Cancelled);
    assert_eq!(stage.slack.take_of("/chat.postEphemeral").len(), 1);
    assert_eq!(stage.refusals().await, ["unlinked", "unlinked", "refused"]);
    stage.verified().await;
}

#[tokio::test]
async fn an_expired_request_stays_expired() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let ts = place(&stage, "chat", &request).await;
    let end = crate::clock::after(crate::clock::now(), 3600);
    stage.server.settle_due(end).await.unwrap();
    stage
        .call_back(&press(BOB, "gate_approve", &value_of(&request), &ts))
        .await;
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Expired);
    assert_eq!(stage.refusals().await, ["refused"]);
    stage.verified().await;
}
