//! A request in Slack: its message, its buttons, and the way of an account.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use gate_protocol::request::ApprovalStatus;
use gate_protocol::review::Answer;
use serde_json::{Value, json};

use super::peer;
use super::stage::{
    APP, BOB, CONVERSATION, SlackStage, TEAM, button, link_code, place, press, signed_in,
    slack_answer, value_of,
};
use crate::tests::bench;

#[tokio::test]
async fn a_request_is_one_message_that_follows_it_and_a_thread_that_tells_the_end() {
    let stage = SlackStage::new().await;
    let (request, message) = stage.posted("web").await;
    assert_eq!(message["channel"], CONVERSATION);
    assert_eq!(message["unfurl_links"], false);
    let value = value_of(&request);
    assert_eq!(button(&message, "gate_approve").unwrap()["value"], value);
    assert_eq!(button(&message, "gate_deny").unwrap()["value"], value);
    let open = button(&message, "gate_open").unwrap();
    assert!(
        open["url"]
            .as_str()
            .unwrap()
            .ends_with(&request.id.to_string())
    );
    let ts = place(&stage, "chat", &request).await;
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Deny)
        .await;
    stage.deliver().await;
    let calls = stage.slack.take();
    let update = calls
        .iter()
        .find(|call| call.path.ends_with("chat.update"))
        .unwrap()
        .json();
    assert_eq!(update["ts"], ts);
    assert!(button(&update, "gate_approve").is_none() && button(&update, "gate_deny").is_none());
    assert!(update.to_string().contains("Denied; it does not run"));
    let thread = calls
        .iter()
        .find(|call| call.path.ends_with("chat.postMessage"))
        .unwrap()
        .json();
    assert_eq!(thread["thread_ts"], ts);
    assert!(thread.to_string().contains("bob denied by api"));
    stage.deliver().await;
    assert!(stage.slack.take().is_empty(), "nothing is told twice");
}

#[tokio::test]
async fn a_press_of_approve_is_a_review_by_its_person_and_marked_as_a_chats() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let ts = place(&stage, "chat", &request).await;
    let answered = stage
        .call_back(&press(BOB, "gate_approve", &value_of(&request), &ts))
        .await;
    assert_eq!((answered.status, answered.body.len()), (StatusCode::OK, 0));
    let shown = stage.show(&request).await;
    assert_eq!(shown.status, ApprovalStatus::Approved);
    assert_eq!(shown.reviews[0].reviewer, "bob");
    assert_eq!(shown.reviews[0].channel, "slack");
    let records = stage.records().await;
    let decision = records
        .iter()
        .find(|record| record.record_type().as_str() == "decision.recorded")
        .unwrap();
    assert_eq!(decision.body()["evidence"], "chat");
    stage.verified().await;
}

#[tokio::test]
async fn a_denial_asks_for_a_reason_which_reaches_the_caller() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let ts = place(&stage, "chat", &request).await;
    stage
        .call_back(&press(BOB, "gate_deny", &value_of(&request), &ts))
        .await;
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Pending);
    let opened = stage.slack.take_of("/views.open");
    let view = opened[0].json()["view"].clone();
    let answered = stage
        .call_back(&submission(BOB, &view, "not  on a\nFriday"))
        .await;
    assert_eq!(answered.body.len(), 0, "{}", answered.text());
    let shown = stage.show(&request).await;
    assert_eq!(shown.status, ApprovalStatus::Denied);
    assert_eq!(shown.reviews[0].comment.as_deref(), Some("not on a Friday"));
}

/// A submitted window, as Slack sends it.
pub(super) fn submission(user: &str, view: &Value, typed: &str) -> Value {
    json!({
        "type": "view_submission",
        "api_app_id": APP,
        "team": { "id": TEAM },
        "user": { "id": user, "team_id": TEAM },
        "trigger_id": "1.2.3",
        "view": {
            "callback_id": view["callback_id"],
            "private_metadata": view["private_metadata"].as_str().unwrap_or_default(),
            "state": { "values": { "gate_input": { "gate_input": {
                "type": "plain_text_input", "value": typed,
            } } } },
        },
    })
}

#[tokio::test]
async fn what_can_do_great_harm_or_is_not_shown_whole_is_not_approved_in_chat() {
    // It deletes a namespace, and its requester says that it writes: both count.
    for effect in ["write", "destroy"] {
        let stage = SlackStage::with(|slack| slack.link_only = vec![effect.to_owned()]).await;
        let (request, message) = stage.posted("web").await;
        assert!(button(&message, "gate_approve").is_none(), "{effect}");
        assert!(button(&message, "gate_deny").is_none());
        let ts = place(&stage, "chat", &request).await;
        // The button was never there, so Slack would not send this; it would not help.
        stage
            .call_back(&press(BOB, "gate_approve", &value_of(&request), &ts))
            .await;
        assert_eq!(stage.show(&request).await.status, ApprovalStatus::Pending);
        assert_eq!(stage.refusals().await, ["not_here"]);
    }

    let stage = SlackStage::new().await;
    let long = format!("{}; rm -rf /", "a".repeat(20_000));
    let (request, message) = stage.posted(&long).await;
    assert!(button(&message, "gate_approve").is_none());
    assert!(button(&message, "gate_deny").is_some(), "no harm in a no");
    assert!(
        message
            .to_string()
            .contains("more characters are not shown here")
    );
    let ts = place(&stage, "chat", &request).await;
    stage
        .call_back(&press(BOB, "gate_approve", &value_of(&request), &ts))
        .await;
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Pending);
    assert_eq!(stage.refusals().await, ["not_here"]);
}

#[tokio::test]
async fn what_is_titled_otherwise_than_its_words_say_is_not_answered_in_chat() {
    let stage = SlackStage::new().await;
    let mut wanted = bench::submission("titled");
    wanted.invocation.command = vec!["get".to_owned()];
    wanted.digest = wanted.invocation.digest().unwrap();
    let asked = stage.submit(&stage.setup.agent, &wanted).await.request();
    stage.deliver().await;
    let message = stage.slack.take_of("/chat.postMessage")[0].json();
    assert!(
        message
            .to_string()
            .contains("The title has another subcommand")
    );
    assert!(button(&message, "gate_approve").is_none(), "{message}");
    let ts = place(&stage, "chat", &asked).await;
    stage
        .call_back(&press(BOB, "gate_approve", &value_of(&asked), &ts))
        .await;
    assert_eq!(stage.show(&asked).await.status, ApprovalStatus::Pending);
    assert_eq!(stage.refusals().await, ["not_here"]);
}

#[tokio::test]
async fn after_a_stop_messages_are_brought_to_what_the_requests_are() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let (open, _) = stage.posted("open").await;
    let ts = place(&stage, "chat", &request).await;
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Approve)
        .await;
    // Taken from the outbox, on its way, and then the server is gone.
    stage.server.spread().await.unwrap();
    let mut writer = stage.server.store.write().await.unwrap();
    let now = crate::clock::now();
    crate::store::deliveries::take(writer.connection(), "chat", now, now)
        .await
        .unwrap()
        .unwrap();
    writer.commit().await.unwrap();
    let SlackStage { stage, slack } = stage;
    let stage = stage.reopened().await;
    stage.server.take_up().await.unwrap();
    stage.deliver().await;
    let calls = slack.take();
    let updated: Vec<Value> = calls
        .iter()
        .filter(|call| call.path.ends_with("chat.update"))
        .map(|call| call.json()["ts"].clone())
        .collect();
    assert_eq!(
        updated,
        [json!(ts)],
        "the other one, {}, shows what it is",
        open.id
    );
    stage.server.take_up().await.unwrap();
    stage.deliver().await;
    assert!(slack.take().is_empty());
}

#[tokio::test]
async fn slack_is_left_alone_as_long_as_it_asks_and_a_deleted_message_is_posted_anew() {
    let stage = SlackStage::new().await;
    let request = stage.asks("web").await;
    stage.slack.answer(|_| {
        axum::http::Response::builder()
            .status(429)
            .header(header::RETRY_AFTER, "1")
            .body(Body::empty())
            .unwrap()
    });
    stage.deliver().await;
    stage.deliver().await;
    assert_eq!(stage.slack.take().len(), 1);
    stage.slack.answer(slack_answer);
    stage.deliver_all("chat").await;
    assert_eq!(stage.slack.take_of("/chat.postMessage").len(), 1);
    stage.slack.answer(|call| match call.path.as_str() {
        "/api/chat.update" => {
            peer::json(200, &json!({ "ok": false, "error": "message_not_found" }))
        }
        _ => slack_answer(call),
    });
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Approve)
        .await;
    stage.deliver().await;
    let posted = stage.slack.take_of("/chat.postMessage");
    assert_eq!(posted.len(), 2, "the message and its thread");
}

#[tokio::test]
async fn an_account_is_linked_by_a_code_of_a_signed_in_browser() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let ts = place(&stage, "chat", &request).await;
    let approve = || press("UNEW", "gate_approve", &value_of(&request), &ts);
    stage.call_back(&approve()).await;
    let told = stage.slack.take_of("/chat.postEphemeral")[0].json();
    assert_eq!(told["user"], "UNEW");
    assert!(told.to_string().contains("/link/slack"), "{told}");
    let browser = signed_in(&stage, &stage.setup.bob_approver).await;
    let code = link_code(&stage, &browser, "slack").await;
    stage.call_back(&press("UNEW", "gate_link", "", &ts)).await;
    let view = stage.slack.take_of("/views.open")[0].json()["view"].clone();
    let wrong = stage
        .call_back(&submission("UNEW", &view, "0000-0000-0000"))
        .await;
    assert_eq!(wrong.json()["response_action"], "errors");
    let linked = stage.call_back(&submission("UNEW", &view, &code)).await;
    assert_eq!(linked.body.len(), 0, "{}", linked.text());
    let again = stage.call_back(&submission("UOTHER", &view, &code)).await;
    assert_eq!(
        again.json()["response_action"],
        "errors",
        "a code is good once"
    );
    assert_eq!(stage.count("identity.linked").await, 1);
    assert_eq!(
        stage.refusals().await,
        ["unlinked", "link_code", "link_code"]
    );
    stage.call_back(&approve()).await;
    assert_eq!(stage.show(&request).await.reviews[0].reviewer, "bob");
    // Linked to somebody, it is not taken by another.
    let code = link_code(&stage, &browser, "slack").await;
    stage.link("slack", TEAM, "UADMIN", "admin").await;
    let taken = stage.call_back(&submission("UADMIN", &view, &code)).await;
    assert_eq!(taken.json()["response_action"], "errors");
}

#[tokio::test]
async fn the_page_shows_a_code_to_an_approver_who_is_signed_in() {
    let stage = SlackStage::new().await;
    let asked = Request::get("/link/slack").body(Body::empty()).unwrap();
    let answered = stage.send(asked).await;
    assert_eq!(
        answered.status,
        StatusCode::SEE_OTHER,
        "nobody is signed in"
    );
    let cookie = signed_in(&stage, &stage.setup.bob_approver).await;
    let get = |path: &str| {
        Request::get(path)
            .header(header::COOKIE, &cookie)
            .body(Body::empty())
            .unwrap()
    };
    let page = stage.send(get("/link/slack")).await.text();
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap();
    let csrf = csrf.split('"').next().unwrap().to_owned();
    assert!(page.contains(BOB), "what is linked is shown");
    let post = |path: &str, body: String| {
        Request::post(path)
            .header(header::COOKIE, &cookie)
            .header(header::ORIGIN, "http://127.0.0.1:1")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap()
    };
    let page = stage
        .send(post("/link/slack", format!("csrf={csrf}")))
        .await
        .text();
    assert!(page.contains("<p class=\"secret\">"), "{page}");
    let forged = stage.send(post("/link/slack", "csrf=x".to_owned())).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let unlink = format!("csrf={csrf}&tenant={TEAM}&subject={BOB}");
    let unlinked = stage.send(post("/link/slack/unlink", unlink.clone())).await;
    assert_eq!(unlinked.status, StatusCode::SEE_OTHER);
    let again = stage.send(post("/link/slack/unlink", unlink)).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert_eq!(stage.count("identity.unlinked").await, 1);
    assert_eq!(
        stage.send(get("/link/pager")).await.status,
        StatusCode::NOT_FOUND
    );
}
