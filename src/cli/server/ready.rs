//! What a server says once it answers: where it is, and in dev mode everything
//! that is needed to try it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use gate_client::{Client, ClientSettings, Fetched, ServerUrl, Token};
use gate_protocol::inert::inert;
use gate_protocol::server::ServerIdentity;
use gate_server::DevSetup;
use serde::Serialize;

use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::session;
use crate::show::answer;

/// How long a server may take until it answers itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that was started, with what only its starter knows.
pub(super) struct Started {
    pub(super) url: String,
    pub(super) address: SocketAddr,
    pub(super) data: PathBuf,
    /// Whether it can be asked without a certificate.
    pub(super) is_plain: bool,
    /// The tokens of a server to try things on.
    pub(super) tokens: Option<DevSetup>,
}

/// The answer of `gate server --json`, for programs.
#[derive(Serialize)]
struct Ready<'a> {
    url: &'a str,
    listen: String,
    data: String,
    dev: bool,
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a ServerIdentity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Tokens<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<&'a str>,
}

/// Who there is on a server to try things on: principal and role of each token.
#[derive(Serialize)]
struct Tokens<'a> {
    admin: &'a str,
    auditor: &'a str,
    alice_requester: &'a str,
    alice_approver: &'a str,
    bob_approver: &'a str,
    agent: &'a str,
}

impl<'a> From<&'a DevSetup> for Tokens<'a> {
    fn from(setup: &'a DevSetup) -> Self {
        Self {
            admin: &setup.admin,
            auditor: &setup.auditor,
            alice_requester: &setup.alice_requester,
            alice_approver: &setup.alice_approver,
            bob_approver: &setup.bob_approver,
            agent: &setup.agent,
        }
    }
}

impl Started {
    /// Asks the server until it answers, and says so.
    pub(super) async fn tell(&self, json: bool) -> Result<(), Failure> {
        let (identity, rules) = if self.is_plain {
            self.ask().await?
        } else {
            // Its certificate is for another name than the one it could be asked by here.
            (None, None)
        };
        if json {
            return answer::json(&Ready {
                url: &self.url,
                listen: self.address.to_string(),
                data: self.data.to_string_lossy().into_owned(),
                dev: self.tokens.is_some(),
                pid: std::process::id(),
                server: identity.as_ref(),
                tokens: self.tokens.as_ref().map(Tokens::from),
                rules: rules.as_deref(),
            });
        }
        let shown = inert(&self.data.to_string_lossy()).into_owned();
        report::line(&format!("serving on {}, data in {shown}", self.address));
        match (&self.tokens, identity) {
            (Some(tokens), identity) => self.tell_dev(tokens, identity.as_ref(), rules.as_deref()),
            (None, _) => Ok(()),
        }
    }

    async fn ask(&self) -> Result<(Option<ServerIdentity>, Option<String>), Failure> {
        let address = format!("http://{}", self.address);
        let server: ServerUrl = address.parse().map_err(|error| {
            Failure::new(
                FailureKind::Internal,
                "cannot ask the server that was started",
            )
            .caused_by(error)
        })?;
        let mut settings = ClientSettings::new(server);
        settings.request_timeout = PATIENCE;
        let token = self
            .tokens
            .as_ref()
            .and_then(|tokens| tokens.alice_requester.parse::<Token>().ok());
        let has_token = token.is_some();
        settings.token = token;
        let client = Client::new(settings).map_err(session::from_client)?;
        let identity = client
            .server_identity()
            .await
            .map_err(session::from_client)?;
        if !has_token {
            return Ok((Some(identity), None));
        }
        let rules = match client.rules(None).await.map_err(session::from_client)? {
            Fetched::Rules { rules, .. } => Some(rules.bundle.text),
            Fetched::NotModified => None,
        };
        Ok((Some(identity), rules))
    }

    fn tell_dev(
        &self,
        tokens: &DevSetup,
        identity: Option<&ServerIdentity>,
        rules: Option<&str>,
    ) -> Result<(), Failure> {
        let url = &self.url;
        let data = self.data.to_string_lossy();
        let mut lines = vec![
            "WARNING: this server is for trying things. Everybody who reads this has all of its tokens."
                .to_owned(),
            String::new(),
            format!("approvals page   {url}"),
            format!("data             {}", inert(&data)),
        ];
        if let Some(identity) = identity {
            lines.push(format!("key to pin       {}", inert(&identity.grant_key)));
            lines.push(format!("key of the log   {}", inert(&identity.log_key)));
        }
        lines.extend([String::new(), "tokens, good for 30 days:".to_owned()]);
        lines.extend(people(tokens));
        lines.extend([
            String::new(),
            "to ask as the agent, pin the key and keep the token:".to_owned(),
            format!(
                "  echo {} | gate login --server {url}{} --token-stdin",
                tokens.agent,
                identity.map_or_else(String::new, |identity| format!(
                    " --server-key '{}'",
                    inert(&identity.grant_key)
                )),
            ),
            "to answer as bob, in another terminal:".to_owned(),
            format!(
                "  GATE_SERVER={url} GATE_TOKEN={} gate requests list",
                tokens.bob_approver
            ),
        ]);
        if let Some(rules) = rules {
            lines.extend([String::new(), "rules in force:".to_owned()]);
            lines.extend(rules.lines().map(|line| format!("  {}", inert(line))));
        }
        lines.push(String::new());
        lines.push("Ctrl-C stops it; what is in the data folder stays.".to_owned());
        answer::line(&lines.join("\n"))
    }
}

/// Returns a line for each token: who, what for, the token, and what is special.
fn people(tokens: &DevSetup) -> impl Iterator<Item = String> {
    let rows = [
        (
            "demo-agent",
            "requester",
            &tokens.agent,
            "an agent of alice's",
        ),
        ("alice", "requester", &tokens.alice_requester, ""),
        (
            "alice",
            "approver",
            &tokens.alice_approver,
            "not for what her agent asks",
        ),
        ("bob", "approver", &tokens.bob_approver, ""),
        ("admin", "admin", &tokens.admin, ""),
        ("auditor", "auditor", &tokens.auditor, ""),
    ];
    rows.into_iter().map(|(name, role, token, note)| {
        let line = format!("  {name:<11} {role:<10} {token}   {note}");
        line.trim_end().to_owned()
    })
}
