//! A server with channels, whose deliveries a test carries out itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use gate_protocol::canonical::Digest;
use gate_protocol::channel::{
    ChannelFilter, ChannelSettings, ChannelSource, ChannelSpec, SlackSettings,
};
use gate_protocol::masked::MaskedText;
use gate_protocol::request::{ApprovalRequest, Escalation, Requirement};
use gate_testkit::real::{run_with_input, testbed};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::peer::{self, Call, Peer};
use crate::identity::Secret;
use crate::notify::Channel;
use crate::settings::{ChannelFile, Settings};
use crate::tests::bench::{Answered, Bench, submission};

pub(super) const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
pub(super) const APP: &str = "A1";
pub(super) const TEAM: &str = "T1";
pub(super) const CONVERSATION: &str = "C1";
/// Bob's account in Slack.
pub(super) const BOB: &str = "UBOB";

/// Writes a secret to a file that only its owner reads.
pub(in crate::tests) fn secret_file(dir: &Path, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Returns a channel as a settings file has it.
pub(super) fn channel(
    dir: &Path,
    name: &str,
    settings: ChannelSettings,
    secrets: &[(&str, &str)],
) -> ChannelFile {
    let secret_files: BTreeMap<String, PathBuf> = secrets
        .iter()
        .map(|(secret, text)| {
            let file = secret_file(dir, &format!("{name}-{secret}"), text);
            ((*secret).to_owned(), file)
        })
        .collect();
    ChannelFile {
        spec: ChannelSpec {
            name: name.to_owned(),
            filter: ChannelFilter::default(),
            settings,
        },
        secret_files,
    }
}

pub(super) fn allow_loopback(settings: &mut Settings) {
    settings.outbound.allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    settings.outbound.first_retry = Duration::from_micros(20);
}

/// A bench whose secrets are in a folder of their own.
pub(super) struct Stage {
    pub(super) bench: Bench,
    /// Held, for the files are gone with it.
    secrets: tempfile::TempDir,
}

impl std::ops::Deref for Stage {
    type Target = Bench;

    fn deref(&self) -> &Bench {
        &self.bench
    }
}

impl Stage {
    pub(super) async fn with(
        channels: impl FnOnce(&Path) -> Vec<ChannelFile>,
        adjust: impl FnOnce(&mut Settings),
    ) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let channels = channels(secrets.path());
        let bench = Bench::with(|settings| {
            allow_loopback(settings);
            settings.channels = channels;
            adjust(settings);
        })
        .await;
        Self { bench, secrets }
    }

    pub(super) async fn reopened(self) -> Self {
        Self {
            bench: self.bench.reopened().await,
            secrets: self.secrets,
        }
    }

    /// Carries out what is due, until nothing is.
    pub(super) async fn deliver(&self) {
        self.server.spread().await.unwrap();
        for channel in self.server.channels.list().iter() {
            while self.server.deliver_next(channel).await.unwrap() {}
        }
    }

    /// Carries out what is due again and again, until nothing waits any more.
    pub(super) async fn deliver_all(&self, channel: &str) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            self.deliver().await;
            let entry = self.server.channel_named(channel).await.unwrap();
            if entry.waiting == 0 {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{entry:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Adds a channel of the same kind in another place, which hears only what these may answer.
    pub(super) fn add_for(&self, like: &str, name: &str, people: &str) {
        let known = self.server.channels.find(like).unwrap();
        let mut spec = known.spec.clone();
        name.clone_into(&mut spec.name);
        spec.filter.approvers = vec![people.to_owned()];
        match &mut spec.settings {
            ChannelSettings::Slack(slack) => "C2".clone_into(&mut slack.conversation),
            ChannelSettings::Teams(teams) => {
                "19:second@thread.tacv2".clone_into(&mut teams.conversation);
            }
            ChannelSettings::Mail(mail) => mail.to = vec!["second@example.com".to_owned()],
            ChannelSettings::Webhook(hook) => hook.url.push_str("/second"),
            ChannelSettings::TeamsWorkflow(_) => {}
        }
        self.add_like(&known, spec);
    }

    /// Puts other settings in the place of those of a channel.
    pub(super) fn change(&self, channel: &Channel, spec: ChannelSpec) {
        self.server.channels.remove(channel.name());
        self.add_like(channel, spec);
    }

    /// Adds a channel that has the secrets of another.
    fn add_like(&self, known: &Channel, spec: ChannelSpec) {
        let secrets = known.secret_names().into_iter().map(|name| {
            let secret = Secret::new(known.secret(&name).to_owned());
            (name, secret)
        });
        let channel = Channel::new(spec, ChannelSource::File, secrets.collect());
        self.server.channels.add(channel);
    }

    /// Has a minute pass for all that is asked.
    pub(super) async fn pass_a_minute(&self) {
        self.sql("UPDATE requests SET created_at = created_at - 60000")
            .await;
        self.sql("UPDATE request_timers SET at = at - 60000").await;
        self.server.settle_due(crate::clock::now()).await.unwrap();
    }

    /// Asks bob, and after a minute the leads too.
    pub(super) async fn asks_bob_and_then_the_leads(&self, word: &str) -> ApprovalRequest {
        let mut wanted = submission(word);
        let escalation = Escalation {
            after_seconds: 60,
            to: vec!["group:leads".to_owned()],
        };
        wanted.terms.requirements = vec![Requirement {
            escalation: Some(escalation),
            ..Requirement::of(vec!["user:bob".to_owned()], 1)
        }];
        self.submit(&self.setup.agent, &wanted).await.request()
    }

    /// Asks for something that may be answered in a chat.
    pub(super) async fn asks(&self, word: &str) -> ApprovalRequest {
        let mut wanted = submission(word);
        wanted.invocation.effect = "write".to_owned();
        wanted.digest = wanted.invocation.digest().unwrap();
        let answer = self.submit(&self.setup.agent, &wanted).await;
        answer.request()
    }

    /// Asks for something that writes by its words, whatever it is said to do.
    pub(super) async fn asks_to_label(&self, word: &str, effect: &str) -> ApprovalRequest {
        let mut wanted = submission(word);
        let words = ["kubectl", "label", "ns", word, "team=a"];
        wanted.invocation.argv = words
            .map(|word| MaskedText::plain(word.as_bytes()))
            .to_vec();
        wanted.invocation.command = vec!["label".to_owned()];
        effect.clone_into(&mut wanted.invocation.effect);
        wanted.digest = wanted.invocation.digest().unwrap();
        let answer = self.submit(&self.setup.agent, &wanted).await;
        answer.request()
    }

    /// Links an account by the code of a signed-in browser, as a person would.
    pub(super) async fn link(&self, provider: &str, tenant: &str, subject: &str, name: &str) {
        let mut change = self.server.change().await.unwrap();
        let account = crate::store::accounts::Account {
            provider,
            tenant,
            subject,
        };
        let now = change.now();
        crate::store::accounts::link(change.connection(), account, name, name, now)
            .await
            .unwrap();
        let token = crate::store::sql::query(
            "SELECT id FROM tokens WHERE principal = ? AND role = 'approver'
                 AND revoked_at IS NULL",
        )
        .bind(name)
        .fetch_optional(change.connection())
        .await
        .unwrap();
        let proof = crate::store::accounts::Proof {
            means: Some("token".to_owned()),
            token: token.map(|row| crate::store::columns::get(&row, "id").unwrap()),
        };
        crate::store::accounts::prove(change.connection(), account, &proof)
            .await
            .unwrap();
        change.commit().await.unwrap();
    }
}

/// Counts messages: each has a `ts` of its own.
static POSTED: AtomicU64 = AtomicU64::new(1);

/// Slack, as far as gate speaks with it.
pub(super) fn slack_answer(call: &Call) -> Response<Body> {
    let body = call.json();
    // Slack reads no JSON for this one, and neither is it read here.
    let user = form_urlencoded::parse(&call.body).find(|(name, _)| name == "user");
    let user = user.map(|(_, user)| user.into_owned()).unwrap_or_default();
    let answer = match call.path.as_str() {
        "/api/chat.postMessage" => {
            let ts = format!("1700000000.{:06}", POSTED.fetch_add(1, Ordering::Relaxed));
            json!({ "ok": true, "channel": body["channel"], "ts": ts, "message": {} })
        }
        "/api/chat.update" => {
            json!({ "ok": true, "channel": body["channel"], "ts": body["ts"] })
        }
        "/api/users.info" => json!({
            "ok": true,
            "user": {
                "id": user,
                "team_id": if user == "UEXT" { "T2" } else { TEAM },
                "deleted": user == "UGONE",
                "is_restricted": user == "UGUEST",
                "is_ultra_restricted": user == "USINGLE",
                "is_stranger": user == "USTRANGER",
                "is_bot": user == "UBOT",
            },
        }),
        "/api/views.open" | "/api/chat.postEphemeral" => json!({ "ok": true }),
        "/api/auth.test" => json!({ "ok": true, "team_id": TEAM, "user_id": "UGATE" }),
        _ => json!({ "ok": false, "error": "unknown_method" }),
    };
    peer::json(200, &answer)
}

pub(super) fn slack_settings(url: &str) -> SlackSettings {
    SlackSettings {
        app_id: APP.to_owned(),
        team_id: TEAM.to_owned(),
        conversation: CONVERSATION.to_owned(),
        link_only: Vec::new(),
        api_url: Some(format!("{url}/api")),
    }
}

/// A server with a channel `chat` in Slack, where bob's account is linked.
pub(super) struct SlackStage {
    pub(super) stage: Stage,
    pub(super) slack: Peer,
}

impl std::ops::Deref for SlackStage {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl SlackStage {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(adjust: impl FnOnce(&mut SlackSettings)) -> Self {
        Self::of(adjust, |_| {}).await
    }

    pub(super) async fn of(
        adjust: impl FnOnce(&mut SlackSettings),
        adjust_server: impl FnOnce(&mut Settings),
    ) -> Self {
        let slack = Peer::start(slack_answer).await;
        let mut settings = slack_settings(&slack.url());
        adjust(&mut settings);
        let secrets = [("bot_token", "xoxb-1"), ("signing_secret", SIGNING_SECRET)];
        let stage = Stage::with(
            |dir| {
                vec![channel(
                    dir,
                    "chat",
                    ChannelSettings::Slack(settings),
                    &secrets,
                )]
            },
            adjust_server,
        )
        .await;
        stage.link("slack", TEAM, BOB, "bob").await;
        Self { stage, slack }
    }

    /// Asks, and returns the request with the body of its message.
    pub(super) async fn posted(&self, word: &str) -> (ApprovalRequest, Value) {
        let request = self.asks(word).await;
        self.deliver().await;
        let calls = self.slack.take_of("/chat.postMessage");
        assert_eq!(calls.len(), 1, "one message for a request");
        (request, calls[0].json())
    }

    /// Posts a callback as Slack does.
    pub(super) async fn call_back(&self, payload: &Value) -> Answered {
        let body = form(payload);
        let now = crate::clock::now().as_second();
        self.call_back_with(&body, now, &signature(SIGNING_SECRET, now, &body))
            .await
    }

    pub(super) async fn call_back_with(
        &self,
        body: &str,
        timestamp: i64,
        signature: &str,
    ) -> Answered {
        self.call_back_text(body, &timestamp.to_string(), signature)
            .await
    }

    pub(super) async fn call_back_text(
        &self,
        body: &str,
        timestamp: &str,
        signature: &str,
    ) -> Answered {
        let request = Request::post("/slack/interactivity")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", timestamp)
            .header("x-slack-signature", signature)
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }

    /// Returns why callbacks were refused, as the log says.
    pub(super) async fn refusals(&self) -> Vec<String> {
        refusals(&self.bench).await
    }
}

pub(super) async fn refusals(bench: &Bench) -> Vec<String> {
    bench
        .records()
        .await
        .iter()
        .filter(|record| record.record_type().as_str() == "callback.refused")
        .map(|record| record.body()["why"].as_str().unwrap().to_owned())
        .collect()
}

pub(super) fn form(payload: &Value) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish()
}

/// Signs as Slack does; `slack_judges` holds it against Slack's own library.
pub(super) fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    let bytes: [u8; 32] = mac.finalize().into_bytes().into();
    format!("v0={}", Digest::from_bytes(bytes))
}

/// A press of a button, as Slack sends it.
pub(super) fn press(user: &str, action: &str, value: &str, message: &str) -> Value {
    json!({
        "type": "block_actions",
        "api_app_id": APP,
        "team": { "id": TEAM, "domain": "example" },
        "user": { "id": user, "username": "somebody", "team_id": TEAM },
        "trigger_id": format!("{user}.{action}.{message}.{}", gate_protocol::id::RequestId::generate()),
        "container": { "type": "message", "message_ts": message, "channel_id": CONVERSATION },
        "channel": { "id": CONVERSATION, "name": "ops" },
        "response_url": "https://hooks.slack.com/actions/T1/1/x",
        "actions": [{ "type": "button", "action_id": action, "block_id": "gate", "value": value }],
    })
}

pub(super) fn value_of(request: &ApprovalRequest) -> String {
    format!("{}:{}", request.id, request.digest)
}

/// Returns a button of a message by its action.
pub(super) fn button<'a>(message: &'a Value, action: &str) -> Option<&'a Value> {
    message["blocks"]
        .as_array()?
        .iter()
        .filter(|block| block["type"] == "actions")
        .flat_map(|block| block["elements"].as_array().unwrap())
        .find(|element| element["action_id"] == action)
}

/// Returns the `ts` under which the message of a request stands.
pub(super) async fn place(stage: &Stage, channel: &str, request: &ApprovalRequest) -> String {
    let mut reader = stage.server.store.read().await.unwrap();
    crate::store::channel_messages::find(reader.connection(), channel, request.id)
        .await
        .unwrap()
        .unwrap()
        .message
}

/// Runs a judge: a script of Python on the vendors' libraries, with JSON as its
/// input. It writes what it has to say, or fails.
pub(in crate::tests) fn judged(script: &str, input: &Value) -> String {
    let python = testbed().join("judges/bin/python");
    let mut command = std::process::Command::new(python);
    command.args(["-c", script]);
    run_with_input(
        &mut command,
        input.to_string().as_bytes(),
        Duration::from_mins(1),
    )
    .unwrap()
    .success()
    .unwrap()
}

/// Has a signed-in browser make a code that links an account of a chat.
pub(super) async fn link_code(bench: &Bench, cookie: &str, chat: &str) -> String {
    let path = format!("/link/{chat}");
    let get = Request::get(&path)
        .header("cookie", cookie)
        .body(Body::empty())
        .unwrap();
    let page = bench.send(get).await.text();
    let within = |page: &str, before: &str, after: char| {
        let (_, rest) = page.split_once(before).unwrap();
        rest.split(after).next().unwrap().trim().to_owned()
    };
    let csrf = within(&page, "name=\"csrf\" value=\"", '"');
    let post = Request::post(&path)
        .header("cookie", cookie)
        .header("origin", "http://127.0.0.1:1")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(format!("csrf={csrf}")))
        .unwrap();
    within(&bench.send(post).await.text(), "<p class=\"secret\">", '<')
}

/// Signs a browser in with a token and returns its cookie.
pub(super) async fn signed_in(bench: &Bench, token: &str) -> String {
    let request = Request::post("/login")
        .header("origin", "http://127.0.0.1:1")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(format!("token={token}")))
        .unwrap();
    let answered = bench.send(request).await;
    let set = answered.headers["set-cookie"].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}
