//! How a terminal and a CI job get their token: by a browser that is signed in
//! (RFC 8628 in its steps, with names as everywhere here), or by the job's own
//! issuer.

use serde::{Deserialize, Serialize};

use crate::principal::CreatedToken;

/// The longest name of a machine that is shown, in characters.
pub const HOST_LIMIT: usize = 100;

/// The body of `POST /v1/device`: a terminal wants a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartDevice {
    /// The machine's name, as it says itself; shown to who answers.
    pub host: String,
}

/// The answer of `POST /v1/device`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StartedDevice {
    /// The terminal's secret, with which it asks for its token.
    pub device_code: String,
    /// What a person types into the page. The address never carries it: whoever
    /// sends somebody else a link must not have them let a stranger in by a click.
    pub user_code: String,
    /// Where it is typed.
    pub verification_url: String,
    /// How long both codes are good, in seconds.
    pub expires_in_seconds: u64,
    /// How long to wait between two questions, in seconds.
    pub interval_seconds: u64,
}

impl std::fmt::Debug for StartedDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StartedDevice")
            .field("verification_url", &self.verification_url)
            .finish_non_exhaustive()
    }
}

/// The body of `POST /v1/device/token`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PollDevice {
    /// The terminal's secret.
    pub device_code: String,
}

impl std::fmt::Debug for PollDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PollDevice(…)")
    }
}

/// Where a terminal's question stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Nobody has answered yet.
    Pending,
    /// The terminal asks too often, and has to wait longer from now on.
    SlowDown,
    /// A person let it in: the token is in the answer, this once.
    Approved,
    /// A person did not let it in.
    Denied,
    /// The codes are over, or never were.
    Expired,
}

impl DeviceState {
    /// Every state.
    pub const ALL: &[Self] = &[
        Self::Pending,
        Self::SlowDown,
        Self::Approved,
        Self::Denied,
        Self::Expired,
    ];

    /// Returns the wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::SlowDown => "slow_down",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
        }
    }
}

/// The answer of `POST /v1/device/token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolledDevice {
    /// Where it stands.
    pub state: DeviceState,
    /// How long to wait before the next question, in seconds.
    pub interval_seconds: u64,
    /// The token, of the role requester and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<CreatedToken>,
}

/// The body of `POST /v1/workload-token`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExchangeWorkloadToken {
    /// The token (JWT) that the job's issuer made for this server.
    pub token: String,
}

impl std::fmt::Debug for ExchangeWorkloadToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExchangeWorkloadToken(…)")
    }
}
