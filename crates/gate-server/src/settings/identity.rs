//! Who people and machines are, as the settings say: providers of people,
//! issuers of CI jobs, and how one signs in without either.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gate_protocol::principal::is_name;
use serde::Deserialize;

use super::SettingsError;
pub use crate::identity::jwt::Algorithm;

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Where people sign in: `[[provider]]`.
    pub providers: Vec<Provider>,
    /// Whose jobs get tokens: `[[workload]]`.
    pub workloads: Vec<Workload>,
    /// The rest: `[sign_in]`.
    pub sign_in: SignIn,
}

/// An `OpenID` provider of people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its name in addresses and records: 1 to 128 of `[a-z0-9._@+-]`.
    pub name: String,
    /// Its name on the button; `name` by default.
    #[serde(default)]
    pub label: Option<String>,
    /// The issuer, exactly as the provider writes it.
    pub issuer: String,
    /// What this server is called there.
    pub client_id: String,
    /// The file that holds the client's secret; none for a public client.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// Certificates (PEM) of the provider's own authority, beside Mozilla's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How its ID tokens are signed, and no other way.
    #[serde(default = "rs256")]
    pub algorithms: Vec<Algorithm>,
    /// What is asked for beside `openid`.
    #[serde(default = "usual_scopes")]
    pub scopes: Vec<String>,
    /// The claim that lists groups.
    #[serde(default = "usual_groups_claim")]
    pub groups_claim: String,
    /// Which of its groups are which of ours. One that is not named here says
    /// nothing, whoever can make groups there.
    #[serde(default)]
    pub groups: BTreeMap<String, String>,
    /// Whether one who is not known yet becomes a user by signing in.
    #[serde(default)]
    pub auto_create: bool,
    /// How long the groups of a sign-in count outside that session, as in a chat:
    /// who does not sign in again is in none of them afterwards.
    #[serde(default = "week")]
    pub groups_seconds: u64,
    /// The claim that names such a user here.
    #[serde(default = "usual_name_claim")]
    pub name_claim: String,
    /// Only who has a verified address in one of these domains is made a user.
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// Only who is in one of these groups of ours is made a user.
    #[serde(default)]
    pub auto_create_groups: Vec<String>,
    /// Who may answer: the members of these groups of ours. Empty: everybody who
    /// is let in; the rules then say whose answer counts.
    #[serde(default)]
    pub approver_groups: Vec<String>,
    /// Who may administer.
    #[serde(default)]
    pub admin_groups: Vec<String>,
    /// Who may read everything.
    #[serde(default)]
    pub auditor_groups: Vec<String>,
}

/// An issuer of tokens for CI jobs or service accounts, and who they are here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The issuer, exactly as its tokens write it.
    pub issuer: String,
    /// Whom a token must be for: this server and nobody else. Its public URL by
    /// default, which is what `gate run` asks its issuer for.
    #[serde(default)]
    pub audience: Option<String>,
    /// The workload or agent that a job with these claims is.
    pub principal: String,
    /// What the token must claim: each of these, exactly, where a `*` at the end
    /// of a value stands for any rest. At least one.
    pub claims: BTreeMap<String, String>,
    /// How its tokens are signed, and no other way.
    #[serde(default = "rs256")]
    pub algorithms: Vec<Algorithm>,
    /// A file with the issuer's keys (JWKS), where it publishes none or can't be
    /// reached.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// Certificates (PEM) of the issuer's own authority, beside Mozilla's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The longest life of the token that a job gets.
    #[serde(default = "quarter_of_an_hour")]
    pub token_seconds: u64,
    /// Whether a token is taken once only, by its `jti`. Not where a job has one
    /// token for all its steps, as in GitLab, or reads it from a file, as in
    /// Kubernetes.
    #[serde(default = "yes")]
    pub once: bool,
    /// Only what these tools do may be asked for; empty: anything.
    #[serde(default)]
    pub tools: Vec<String>,
}

/// How people sign in, whoever vouches for them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignIn {
    /// Whether users with a password can sign in.
    pub passwords: bool,
    /// Whether a token can be pasted into the page.
    pub tokens: bool,
    /// How long a browser stays signed in at most.
    pub session_seconds: u64,
    /// How long it stays so when nobody uses it.
    pub idle_seconds: u64,
    /// How long a token of `gate login` lives.
    pub device_token_seconds: u64,
    /// The proxies whose `X-Forwarded-For` is believed, by address.
    pub trusted_proxies: Vec<std::net::IpAddr>,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            passwords: true,
            tokens: true,
            session_seconds: 12 * 3600,
            idle_seconds: 4 * 3600,
            device_token_seconds: 30 * 24 * 3600,
            trusted_proxies: Vec::new(),
        }
    }
}

impl Provider {
    /// Returns what the button says.
    pub(crate) fn label(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }
}

fn rs256() -> Vec<Algorithm> {
    vec![Algorithm::Rs256]
}

fn usual_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

fn usual_groups_claim() -> String {
    "groups".to_owned()
}

fn usual_name_claim() -> String {
    "preferred_username".to_owned()
}

fn yes() -> bool {
    true
}

fn week() -> u64 {
    7 * 24 * 3600
}

fn quarter_of_an_hour() -> u64 {
    15 * 60
}

impl Identity {
    /// Refuses what nobody could be known by.
    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        let value = |field, why| Err(SettingsError::Value { field, why });
        let mut names: Vec<&str> = Vec::new();
        for provider in &self.providers {
            provider.validate()?;
            if names.contains(&provider.name.as_str()) {
                return value("provider.name", "must be another for each provider");
            }
            names.push(&provider.name);
        }
        for workload in &self.workloads {
            workload.validate()?;
        }
        let sign_in = &self.sign_in;
        if sign_in.session_seconds == 0 || sign_in.idle_seconds == 0 {
            return value(
                "sign_in.session_seconds",
                "and idle_seconds must be at least 1",
            );
        }
        if !gate_protocol::principal::TOKEN_TTL_SECONDS.contains(&sign_in.device_token_seconds) {
            return value(
                "sign_in.device_token_seconds",
                "must be from 60 to 31536000",
            );
        }
        Ok(())
    }
}

impl Provider {
    fn validate(&self) -> Result<(), SettingsError> {
        let value = |field, why| Err(SettingsError::Value { field, why });
        if !is_name(&self.name) {
            return value(
                "provider.name",
                "must be 1 to 128 of a-z, 0-9 and . _ @ + -",
            );
        }
        if crate::identity::fetch::admitted(&self.issuer).is_err() {
            return value(
                "provider.issuer",
                "must be an https address; http is for loopback only",
            );
        }
        if self.client_id.is_empty() {
            return value("provider.client_id", "must not be empty");
        }
        if self.algorithms.is_empty() {
            return value("provider.algorithms", "must name at least one");
        }
        if !self.groups.values().all(|group| is_name(group)) {
            return value(
                "provider.groups",
                "must name groups of 1 to 128 of a-z, 0-9 and . _ @ + -",
            );
        }
        let is_open = self.email_domains.is_empty() && self.auto_create_groups.is_empty();
        if self.auto_create && is_open {
            return value(
                "provider.auto_create",
                "needs email_domains or auto_create_groups, or everybody there would be let in",
            );
        }
        Ok(())
    }
}

impl Workload {
    fn validate(&self) -> Result<(), SettingsError> {
        let value = |field, why| Err(SettingsError::Value { field, why });
        if self.jwks_file.is_none() && crate::identity::fetch::admitted(&self.issuer).is_err() {
            return value(
                "workload.issuer",
                "must be an https address; http is for loopback only",
            );
        }
        if self.audience.as_ref().is_some_and(String::is_empty) {
            return value("workload.audience", "must not be empty");
        }
        if self.claims.is_empty() || self.claims.values().any(|wanted| wanted == "*") {
            return value(
                "workload.claims",
                "must name at least one claim, and none by `*` alone, or every job there would be \
                 this one",
            );
        }
        if self.algorithms.is_empty() {
            return value("workload.algorithms", "must name at least one");
        }
        if !(60..=86_400).contains(&self.token_seconds) {
            return value("workload.token_seconds", "must be from 60 to 86400");
        }
        Ok(())
    }
}
