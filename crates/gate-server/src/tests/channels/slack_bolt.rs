//! Slack's own receiver and Slack's own client, each on the other side of what gate
//! speaks: Bolt judges the callbacks that gate judges, and the client of `slack_sdk`
//! speaks with the Slack of these tests.

use std::time::Duration;

use axum::http::StatusCode;
use gate_testkit::real::{run_with_input, testbed};
use serde_json::{Value, json};

use super::peer::Peer;
use super::stage::{
    BOB, SIGNING_SECRET, SlackStage, form, judged, place, press, signature, slack_answer, value_of,
};

/// Runs each callback through Bolt's HTTP receiver; a line of 1 and 0 says which it takes.
const BOLT: &str = r"
const { HTTPModuleFunctions } = require('@slack/bolt');
const given = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const options = { signingSecret: given.secret };
const verdict = async (row) => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  if (row.timestamp !== null) headers['x-slack-request-timestamp'] = row.timestamp;
  if (row.signature !== null) headers['x-slack-signature'] = row.signature;
  const request = { headers, rawBody: Buffer.from(row.body) };
  try {
    await HTTPModuleFunctions.parseAndVerifyHTTPRequest(options, request);
    return '1';
  } catch {
    return '0';
  }
};
Promise.all(given.rows.map(verdict)).then((all) => process.stdout.write(all.join('')));
";

fn judged_by_bolt(input: &Value) -> String {
    let mut command = std::process::Command::new("node");
    command
        .args(["-e", BOLT])
        .env("NODE_PATH", testbed().join("node/node_modules"));
    let bytes = input.to_string();
    run_with_input(&mut command, bytes.as_bytes(), Duration::from_mins(1))
        .unwrap()
        .success()
        .unwrap()
}

/// One callback, and whether it is to be taken.
struct Row {
    body: String,
    timestamp: String,
    signature: String,
    is_good: bool,
}

/// Callbacks of each kind; every body is another, so that none is a replay.
fn rows(now: i64, body: impl Fn() -> String) -> Vec<Row> {
    let signed = |body: &str, at: i64| signature(SIGNING_SECRET, at, body);
    let row = |body: &str, at: i64, signature: String, is_good: bool| Row {
        body: body.to_owned(),
        timestamp: at.to_string(),
        signature,
        is_good,
    };
    let mut rows = Vec::new();
    for (at, is_good) in [(now, true), (now - 200, true), (now - 400, false)] {
        let body = body();
        rows.push(row(&body, at, signed(&body, at), is_good));
    }
    let body = body();
    let good = signed(&body, now);
    rows.push(row(
        &body,
        now,
        signature("another secret", now, &body),
        false,
    ));
    rows.push(row(&body, now - 1, good.clone(), false));
    rows.push(row(&body.replace(BOB, "UEVE"), now, good.clone(), false));
    rows.push(row(
        &format!("{body}&payload=%7B%7D"),
        now,
        good.clone(),
        false,
    ));
    rows.push(row(&body, now, good.replace("v0=", "v1="), false));
    rows.push(row(&body, now, good.replace("v0=", ""), false));
    rows.push(row(&body, now, String::new(), false));
    rows.push(row(&body, now, "v0=".to_owned(), false));
    rows.push(row(&body, now, format!("{good}00"), false));
    let mut odd = row(&body, now, good, false);
    odd.timestamp = "soon".to_owned();
    rows.push(odd);
    rows
}

#[tokio::test]
async fn bolts_receiver_and_gate_take_and_refuse_the_same_callbacks() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let ts = place(&stage, "chat", &request).await;
    let now = crate::clock::now().as_second();
    let rows = rows(now, || {
        form(&press(BOB, "gate_open", &value_of(&request), &ts))
    });
    let given: Vec<Value> = rows
        .iter()
        .map(|row| json!({ "body": row.body, "timestamp": row.timestamp, "signature": row.signature }))
        .collect();
    let input = json!({ "secret": SIGNING_SECRET, "rows": given });
    let bolt = tokio::task::spawn_blocking(move || judged_by_bolt(&input));
    let bolt = bolt.await.unwrap();
    assert_eq!(bolt.len(), rows.len(), "{bolt}");
    for (row, verdict) in rows.iter().zip(bolt.chars()) {
        let answered = stage
            .call_back_text(&row.body, &row.timestamp, &row.signature)
            .await;
        let taken = answered.status == StatusCode::OK;
        let case = format!("{} {}", row.timestamp, row.signature);
        assert_eq!(taken, row.is_good, "{case}: {}", answered.status);
        assert_eq!(verdict == '1', row.is_good, "Bolt on {case}");
    }
    // Gate is stricter in one thing: Bolt takes what is signed for the future.
    let ahead = crate::clock::now().as_second() + 400;
    let body = form(&press(BOB, "gate_open", &value_of(&request), &ts));
    let signed = signature(SIGNING_SECRET, ahead, &body);
    let answered = stage.call_back_with(&body, ahead, &signed).await;
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_slack_of_these_tests_speaks_with_slacks_own_client() {
    let slack = Peer::start(slack_answer).await;
    let script = r"
import json, sys
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
given = json.load(sys.stdin)
client = WebClient(token='xoxb-1', base_url=given['url'])
posted = client.chat_postMessage(channel='C1', text='hello')
assert posted['ok'] and posted['channel'] == 'C1', posted
updated = client.chat_update(channel='C1', ts=posted['ts'], text='again')
assert updated['ts'] == posted['ts'], updated
assert client.chat_postEphemeral(channel='C1', user='UBOB', text='you')['ok']
assert client.views_open(trigger_id='1', view={'type': 'modal', 'title': {'type': 'plain_text', 'text': 'x'}, 'blocks': []})['ok']
assert client.auth_test()['team_id'] == given['team']
found = client.api_call('users.info', data={'user': 'UGUEST'})
assert found['user']['id'] == 'UGUEST' and found['user']['is_restricted'], found
try:
    client.api_call('no.such')
    raise AssertionError('an unknown method was taken')
except SlackApiError as error:
    print(error.response['error'])
";
    let given = json!({ "url": format!("{}/api/", slack.url()), "team": super::stage::TEAM });
    let said = tokio::task::spawn_blocking(move || judged(script, &given));
    assert_eq!(said.await.unwrap().trim(), "unknown_method");
}
