//! A request in Microsoft Teams: its card, its buttons, and the way of an account.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use gate_protocol::channel::{ChannelSettings, TeamsSettings, TeamsWorkflowSettings};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::Answer;
use serde_json::{Value, json};

use super::peer::{self, Call, Peer};
use super::stage::{Stage, channel, judged, link_code, place, signed_in, value_of};
use crate::settings::Settings;
use crate::tests::bench::Answered;

pub(super) const BOT: &str = "11111111-0000-4000-8000-000000000001";
pub(super) const TENANT: &str = "22222222-0000-4000-8000-000000000002";
pub(super) const BOB: &str = "33333333-0000-4000-8000-000000000003";
const PLACE: &str = "19:ops@thread.tacv2";

/// Tokens made by `PyJWT`, and the keys that verify them.
const TOKENS: &str = r"
import base64, hashlib, hmac, json, sys
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives import serialization
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
public = key.public_key()
pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
def jwk(kid, endorsements):
    found = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(public))
    found.update(kid=kid, use='sig', endorsements=endorsements)
    return found
def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()
def made(wanted):
    claims, how = wanted['claims'], wanted.get('how', 'good')
    headers = {'kid': wanted.get('kid', 'k1')}
    if how == 'none':
        return jwt.encode(claims, None, algorithm='none', headers=headers)
    if how == 'hs256':
        head = b64(json.dumps({'alg': 'HS256', 'typ': 'JWT', **headers}).encode())
        body = b64(json.dumps(claims).encode())
        tag = hmac.new(pem, f'{head}.{body}'.encode(), hashlib.sha256).digest()
        return f'{head}.{body}.{b64(tag)}'
    return jwt.encode(claims, other if how == 'other' else key,
                      algorithm='RS512' if how == 'rs512' else 'RS256', headers=headers)
print(json.dumps({
    'keys': {'keys': [jwk('k1', ['msteams']), jwk('k2', ['webchat']), {'kty': 'EC', 'kid': 'k3'}]},
    'tokens': [made(wanted) for wanted in json.load(sys.stdin)],
}))
";

/// The login, the keys and the connector of Microsoft, as far as gate speaks with them.
fn microsoft(keys: Value) -> impl Fn(&Call) -> Response<Body> {
    let begun = AtomicU64::new(0);
    move |call| {
        let host = call.header("host").to_owned();
        let path = call.path.as_str();
        if path == "/meta" {
            let jwks = format!("http://{host}/keys");
            let issuer = "https://api.botframework.com";
            return peer::json(200, &json!({ "issuer": issuer, "jwks_uri": jwks }));
        }
        if path == "/keys" {
            return peer::json(200, &keys);
        }
        if path.ends_with("/oauth2/v2.0/token") {
            let token = json!({ "access_token": "bot-token", "expires_in": 3600 });
            return peer::json(200, &token);
        }
        assert_eq!(call.header("authorization"), "Bearer bot-token");
        match path.split_once("/members/") {
            Some((_, "29:gone")) => {
                let error = json!({ "code": "MemberNotFoundInConversation" });
                return peer::json(404, &json!({ "error": error }));
            }
            Some((_, "29:quiet")) => return peer::json(503, &json!({})),
            Some((_, user)) => return peer::json(200, &member(user)),
            None => {}
        }
        match (&call.method, path) {
            (&Method::POST, "/svc/v3/conversations") => {
                let id = begun.fetch_add(1, Ordering::Relaxed) + 1;
                let place = format!("{PLACE};messageid={id}");
                peer::json(201, &json!({ "id": place, "activityId": id.to_string() }))
            }
            _ => peer::json(200, &json!({ "id": "1" })),
        }
    }
}

fn member(user: &str) -> Value {
    let (role, object) = match user {
        "29:guest" => ("guest", BOB),
        "29:liar" => ("user", "somebody-else"),
        _ => ("user", BOB),
    };
    json!({ "id": user, "aadObjectId": object, "tenantId": TENANT, "userRole": role })
}

pub(super) struct TeamsStage {
    pub(super) stage: Stage,
    pub(super) teams: Peer,
    pub(super) tokens: Vec<String>,
}

impl std::ops::Deref for TeamsStage {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl TeamsStage {
    /// Makes a server with a channel `chat` in Teams, and the tokens that are wanted.
    pub(super) async fn new(wanted: impl FnOnce(Value) -> Vec<Value>) -> Self {
        Self::with(wanted, |_| {}).await
    }

    pub(super) async fn with(
        wanted: impl FnOnce(Value) -> Vec<Value>,
        adjust_server: impl FnOnce(&mut Settings),
    ) -> Self {
        let teams = Peer::start(|_| peer::json(500, &json!({}))).await;
        let service = format!("{}/svc/", teams.url());
        let now = crate::clock::now().as_second();
        let claims = json!({
            "iss": "https://api.botframework.com",
            "aud": BOT,
            "nbf": now - 10,
            "exp": now + 3600,
            "serviceurl": service,
        });
        let made: Value = serde_json::from_str(&judged(TOKENS, &json!(wanted(claims)))).unwrap();
        teams.answer(microsoft(made["keys"].clone()));
        let settings = TeamsSettings {
            app_id: BOT.to_owned(),
            tenant_id: TENANT.to_owned(),
            service_url: service,
            conversation: PLACE.to_owned(),
            link_only: Vec::new(),
            login_url: Some(teams.url()),
            metadata_url: Some(format!("{}/meta", teams.url())),
        };
        let stage = Stage::with(
            |dir| {
                let settings = ChannelSettings::Teams(settings);
                vec![channel(
                    dir,
                    "chat",
                    settings,
                    &[("app_password", "hunter2")],
                )]
            },
            adjust_server,
        )
        .await;
        stage.link("teams", TENANT, BOB, "bob").await;
        let tokens = made["tokens"].as_array().unwrap();
        let tokens = tokens
            .iter()
            .map(|token| token.as_str().unwrap().to_owned());
        Self {
            stage,
            teams,
            tokens: tokens.collect(),
        }
    }

    pub(super) async fn good() -> Self {
        Self::new(|claims| vec![json!({ "claims": claims })]).await
    }

    pub(super) async fn posted(&self, word: &str) -> (ApprovalRequest, Value) {
        let request = self.asks(word).await;
        self.deliver().await;
        let calls = self.teams.take_of("/svc/v3/conversations");
        assert_eq!(calls.len(), 1);
        (request, calls[0].json())
    }

    pub(super) async fn act(&self, token: &str, activity: &Value) -> Answered {
        let request = Request::post("/teams/messages")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::from(activity.to_string()))
            .unwrap();
        self.send(request).await
    }

    /// A press of a button, as Teams sends it.
    pub(super) fn press(&self, verb: &str, value: &str) -> Value {
        json!({
            "type": "invoke",
            "name": "adaptiveCard/action",
            "id": gate_protocol::id::RequestId::generate(),
            "channelId": "msteams",
            "serviceUrl": format!("{}/svc/", self.teams.url()),
            "from": { "id": "29:bob", "name": "Bob", "aadObjectId": BOB },
            "conversation": {
                "id": format!("{PLACE};messageid=1"), "tenantId": TENANT, "isGroup": true,
            },
            "replyToId": "1",
            "channelData": { "tenant": { "id": TENANT } },
            "value": {
                "action": { "type": "Action.Execute", "verb": verb, "data": { "gate": value } },
                "trigger": "manual",
            },
        })
    }
}

pub(super) fn card(activity: &Value) -> &Value {
    &activity["attachments"][0]["content"]
}

#[tokio::test]
async fn a_request_is_one_card_that_follows_it_and_a_press_is_a_review() {
    let stage = TeamsStage::good().await;
    let (request, begun) = stage.posted("web").await;
    assert_eq!(begun["channelData"]["channel"]["id"], PLACE);
    assert_eq!(begun["tenantId"], TENANT);
    let verbs = card(&begun["activity"])["actions"].to_string();
    assert!(
        verbs.contains("gate_approve") && verbs.contains("gate_deny"),
        "{verbs}"
    );
    assert_eq!(place(&stage, "chat", &request).await, "1");
    let press = stage.press("gate_approve", &value_of(&request));
    let answered = stage.act(&stage.tokens[0], &press).await;
    let shown = answered.json();
    assert_eq!(shown["statusCode"], 200, "{}", answered.text());
    assert_eq!(shown["type"], "application/vnd.microsoft.card.adaptive");
    assert!(!shown["value"].to_string().contains("gate_approve"));
    let review = &stage.show(&request).await.reviews[0];
    assert_eq!(
        (review.reviewer.as_str(), review.channel.as_str()),
        ("bob", "teams")
    );
    stage.teams.take();
    stage.deliver().await;
    let calls = stage.teams.take();
    let update = calls
        .iter()
        .find(|call| call.method == Method::PUT)
        .unwrap();
    assert!(
        update.path.contains("messageid=1/activities/1"),
        "{}",
        update.path
    );
    assert!(update.json().to_string().contains("bob approved by teams"));
    stage.verified().await;
}

#[tokio::test]
async fn a_denial_in_the_card_has_its_reason() {
    let stage = TeamsStage::good().await;
    let (request, _) = stage.posted("web").await;
    let mut press = stage.press("gate_deny", &value_of(&request));
    press["value"]["action"]["data"]["gate_reason"] = "not on a Friday".into();
    stage.act(&stage.tokens[0], &press).await;
    let shown = stage.show(&request).await;
    assert_eq!(shown.status, ApprovalStatus::Denied);
    assert_eq!(shown.reviews[0].comment.as_deref(), Some("not on a Friday"));
}

#[tokio::test]
async fn an_account_is_linked_by_writing_the_code_to_the_bot() {
    let stage = TeamsStage::good().await;
    stage.sql("DELETE FROM accounts").await;
    let browser = signed_in(&stage, &stage.setup.bob_approver).await;
    let code = link_code(&stage, &browser, "teams").await;
    let mut message = stage.press("", "");
    message["type"] = "message".into();
    for (text, told) in [
        ("hello", "link CODE"),
        ("<at>gate</at> link 0000", "not good"),
        (&format!("<at>gate</at> link {code}"), "linked to bob"),
    ] {
        message["text"] = text.into();
        let answered = stage.act(&stage.tokens[0], &message).await;
        assert_eq!((answered.status, answered.body.len()), (StatusCode::OK, 0));
        let calls = stage.teams.take();
        let said = calls.last().unwrap().json().to_string();
        assert!(said.contains(told), "{text}: {said}");
    }
    assert_eq!(stage.count("identity.linked").await, 1);
}

/// Cards by the official JSON schema.
pub(super) const SCHEMA: &str = r"
import json, os, sys
import adaptive_cards, jsonschema
folder = os.path.join(os.path.dirname(adaptive_cards.__file__), 'schemas')
schema = json.load(open(os.path.join(folder, 'schema-1.5.json')))
validator = jsonschema.validators.validator_for(schema)(schema)
cards = json.load(sys.stdin)
for card in cards:
    faults = list(validator.iter_errors(card))
    assert not faults, faults[0]
broken = dict(cards[0], body=[{'type': 'RichTextBlock'}])
assert list(validator.iter_errors(broken)), 'the judge is asleep'
print(len(cards))
";

/// Cards by Microsoft's own renderer.
const RENDERER: &str = r"
const ac = require(process.env.GATE_NODE + '/adaptivecards/dist/adaptivecards.js');
let text = '';
process.stdin.on('data', part => text += part).on('end', () => {
  const cards = JSON.parse(text);
  for (const json of cards) {
    const card = new ac.AdaptiveCard();
    const context = new ac.SerializationContext(ac.Versions.v1_5);
    card.parse(json, context);
    const events = [];
    for (let i = 0; i < context.eventCount; i++) events.push(context.getEventAt(i).message);
    const faults = card.validateProperties().validationEvents.map(e => e.message);
    if (events.length || faults.length) { console.error(events, faults); process.exit(1); }
  }
  console.log(cards.length);
});
";

pub(super) fn rendered(cards: &Value) -> String {
    let modules = gate_testkit::real::testbed().join("node/node_modules");
    let mut command = std::process::Command::new("node");
    command.args(["-e", RENDERER]).env("GATE_NODE", modules);
    let within = std::time::Duration::from_mins(1);
    gate_testkit::real::run_with_input(&mut command, cards.to_string().as_bytes(), within)
        .unwrap()
        .success()
        .unwrap()
}

#[tokio::test]
async fn every_card_is_one_that_teams_takes() {
    let stage = TeamsStage::good().await;
    let (request, begun) = stage.posted("web").await;
    let (_, long) = stage.posted(&"[x](javascript:1) ".repeat(2_000)).await;
    let mut cards = vec![
        card(&begun["activity"]).clone(),
        card(&long["activity"]).clone(),
    ];
    assert!(
        !cards[1].to_string().contains("gate_approve"),
        "cut, so not approved here"
    );
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Deny)
        .await;
    stage.deliver().await;
    let calls = stage.teams.take();
    let update = calls
        .iter()
        .find(|call| call.method == Method::PUT)
        .unwrap();
    cards.push(card(&update.json()).clone());
    let cards = json!(cards);
    assert_eq!(judged(SCHEMA, &cards), "3\n");
    assert_eq!(rendered(&cards), "3\n");
}

#[tokio::test]
async fn a_workflow_tells_and_takes_no_answer() {
    let workflow = Peer::start(|_| peer::json(202, &json!({}))).await;
    let url = format!("{}/workflows/1?sig=hunter2", workflow.url());
    let settings = ChannelSettings::TeamsWorkflow(TeamsWorkflowSettings {});
    let stage = Stage::with(
        |dir| vec![channel(dir, "flow", settings, &[("url", &url)])],
        |_| {},
    )
    .await;
    let request = stage.asks(&"é".repeat(30_000)).await;
    stage.deliver().await;
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Deny)
        .await;
    stage.deliver().await;
    let calls = workflow.take();
    assert_eq!(calls.len(), 2, "it is asked, and what came of it");
    let mut cards = Vec::new();
    for call in &calls {
        assert!(call.body.len() <= 28 * 1024, "{} bytes", call.body.len());
        let message = call.json();
        let card = card(&message).clone();
        let actions = card["actions"].as_array().unwrap();
        assert!(
            actions
                .iter()
                .all(|action| action["type"] == "Action.OpenUrl")
        );
        cards.push(card);
    }
    assert_eq!(judged(SCHEMA, &json!(cards)), "2\n");
    let admin = &stage.setup.admin;
    workflow.answer(|_| peer::json(400, &json!({ "error": "sig=hunter2" })));
    let tested = stage.post(admin, "/v1/channels/flow/test", &()).await;
    assert_eq!(tested.json()["delivered"], false);
    assert!(!tested.text().contains("hunter2"), "{}", tested.text());
}
