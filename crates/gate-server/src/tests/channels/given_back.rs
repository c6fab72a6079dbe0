//! A callback that failed inside is no replay when the chat brings it again.

use axum::http::StatusCode;
use gate_protocol::request::ApprovalStatus;

use super::stage::{
    BOB, SIGNING_SECRET, SlackStage, Stage, form, place, press, refusals, signature, value_of,
};
use super::teams::TeamsStage;

/// Has every answer fail, or not any more.
async fn break_answers(stage: &Stage) {
    stage.sql("ALTER TABLE reviews RENAME TO kept").await;
}

async fn mend_answers(stage: &Stage) {
    stage.sql("ALTER TABLE kept RENAME TO reviews").await;
}

#[tokio::test]
async fn slack_brings_a_click_again_that_failed_and_it_counts_once() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let ts = place(&stage, "chat", &request).await;
    let body = form(&press(BOB, "gate_approve", &value_of(&request), &ts));
    let now = crate::clock::now().as_second();
    let signed = signature(SIGNING_SECRET, now, &body);
    break_answers(&stage).await;
    let failed = stage.call_back_with(&body, now, &signed).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    mend_answers(&stage).await;
    let counted = stage.call_back_with(&body, now, &signed).await;
    assert_eq!(counted.status, StatusCode::OK);
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Approved);
    assert_eq!(stage.refusals().await, [""; 0], "nobody was refused");
    let replayed = stage.call_back_with(&body, now, &signed).await;
    assert_eq!(replayed.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stage.count("decision.recorded").await, 1);
}

#[tokio::test]
async fn teams_brings_a_press_again_that_failed_and_it_counts_once() {
    let stage = TeamsStage::good().await;
    let (request, _) = stage.posted("web").await;
    let press = stage.press("gate_approve", &value_of(&request));
    break_answers(&stage).await;
    let failed = stage.act(&stage.tokens[0], &press).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    mend_answers(&stage).await;
    let counted = stage.act(&stage.tokens[0], &press).await;
    assert_eq!(counted.status, StatusCode::OK);
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Approved);
    assert_eq!(refusals(&stage.stage).await, [""; 0], "nobody was refused");
    let replayed = stage.act(&stage.tokens[0], &press).await;
    assert_eq!(replayed.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stage.count("decision.recorded").await, 1);
}
