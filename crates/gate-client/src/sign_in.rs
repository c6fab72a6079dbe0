//! How who has no token yet gets one: a terminal by a person's browser, a CI job
//! by the word of its own system.

use std::time::Duration;

use gate_protocol::principal::CreatedToken;
use gate_protocol::sign_in::{
    ExchangeWorkloadToken, PollDevice, PolledDevice, StartDevice, StartedDevice,
};
use reqwest::redirect;
use serde::Deserialize;

use crate::client::{Client, Patience};
use crate::error::ClientError;
use crate::server_url::ServerUrl;
use crate::settings::SettingsError;
use crate::tls;

/// How long a CI system may take to name its job.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most bytes of its answer.
const ANSWER_LIMIT: usize = 64 << 10;

impl Client {
    /// Begins to sign this terminal in: `POST /v1/device`. Needs no token and
    /// sends none. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn start_device(&self, host: &str) -> Result<StartedDevice, ClientError> {
        let body = StartDevice {
            host: host.to_owned(),
        };
        let call = self.post("the sign-in of this terminal", "/v1/device");
        self.ask(&call.anonymous().json(&body)?, Patience::ONCE)
            .await
    }

    /// Asks whether somebody has let this terminal in: `POST /v1/device/token`.
    /// Needs no token and sends none. Sent once: the token is in one answer only.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn poll_device(&self, device_code: &str) -> Result<PolledDevice, ClientError> {
        let body = PollDevice {
            device_code: device_code.to_owned(),
        };
        let call = self.post("the sign-in of this terminal", "/v1/device/token");
        self.ask(&call.anonymous().json(&body)?, Patience::ONCE)
            .await
    }

    /// Exchanges a CI job's token for one of this server:
    /// `POST /v1/workload-token`. Sent once: a job's token may be good once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `unauthorized` where the server does not
    /// know the job.
    pub async fn exchange_workload_token(&self, token: &str) -> Result<CreatedToken, ClientError> {
        let body = ExchangeWorkloadToken {
            token: token.to_owned(),
        };
        let call = self.post("the token of this job", "/v1/workload-token");
        self.ask(&call.anonymous().json(&body)?, Patience::ONCE)
            .await
    }
}

/// Why a CI system does not say which job this is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobTokenError {
    /// What it says to ask is no address to be asked.
    #[error("`ACTIONS_ID_TOKEN_REQUEST_URL` is no https address")]
    Address,
    /// It does not answer.
    #[error("the CI system does not name the job")]
    Exchange(#[source] reqwest::Error),
    /// It answers with something else.
    #[error("the CI system's answer is no token")]
    Form,
    /// Nothing can be asked at all.
    #[error("no call can be made")]
    Settings(#[from] SettingsError),
}

/// Asks GitHub Actions, or what speaks like it, for the token that names this job
/// to `audience` and to nobody else.
///
/// The audience is the caller's own word for the server that it asks. Never take it
/// from that server: it could name somebody else, and act as the job there.
///
/// Source: GitHub Docs, "`OpenID` Connect reference", requesting the JWT.
///
/// # Errors
/// Each [`JobTokenError`] as its name says.
pub async fn github_job_token(
    address: &str,
    bearer: &str,
    audience: &ServerUrl,
    ca_pem: Option<&[u8]>,
) -> Result<String, JobTokenError> {
    #[derive(Deserialize)]
    struct Answer {
        value: String,
    }
    let mut url: reqwest::Url = address.parse().map_err(|_| JobTokenError::Address)?;
    // The same rule as for servers: in the clear on this machine only.
    let base: Result<ServerUrl, _> = url.origin().ascii_serialization().parse();
    base.map_err(|_| JobTokenError::Address)?;
    let wanted = audience.to_string();
    url.query_pairs_mut().append_pair("audience", &wanted);
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client_config(ca_pem)?)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(PATIENCE)
        .user_agent(concat!("gate/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(SettingsError::Http)?;
    let lost = |error: reqwest::Error| JobTokenError::Exchange(error.without_url());
    let response = http.get(url).bearer_auth(bearer).send().await;
    let mut response = response
        .and_then(reqwest::Response::error_for_status)
        .map_err(lost)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(JobTokenError::Form);
        }
        body.extend_from_slice(&chunk);
    }
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| JobTokenError::Form)?;
    Ok(answer.value)
}
