//! For whom a call is counted: for the network that it comes from until somebody is
//! known to call, and for that caller from then on. What is left is told in the
//! headers of every answer. Source: draft-ietf-httpapi-ratelimit-headers-11, by which
//! `q` units come in `w` seconds, `r` are left, and after `t` seconds all are there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::FromRequestParts as _;
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use gate_protocol::problem::ProblemCode;

use crate::flood::Left;

use crate::identity::{CallerAddress, TokenHash, bearer_token, network_of};
use crate::problem::Failure;
use crate::settings::Rate;
use crate::state::Server;
use crate::web::cookie;

/// What a call costs that changes something, in units: each writes and records.
const CHANGE_UNITS: u64 = 10;
/// How much of a body costs one unit more, in bytes.
const UNIT_BYTES: u64 = 4_096;
/// The most units of one call.
const MOST_UNITS: u64 = 500;

/// Where the server proves its key. That comes before every token, so it says nothing of who asks,
/// and what strangers call besides must not keep anybody from it.
const PROOF: &str = "/v1/server/proof";

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// One call as it is counted. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    network: String,
    /// What the call costs its caller.
    units: u64,
    counted: Mutex<Counted>,
}

/// The bucket that the call was taken from last.
#[derive(Clone, Copy, Debug)]
struct Counted {
    policy: &'static str,
    rate: Rate,
    left: Left,
    /// Whether there was enough in it.
    is_taken: bool,
}

impl Admission {
    /// Counts a call for the network that it comes from.
    ///
    /// # Errors
    /// Too many come from there; the admission tells how many.
    pub(crate) async fn knock(parts: &mut Parts, server: &Server) -> (Self, Result<(), Failure>) {
        let address = match CallerAddress::from_request_parts(parts, server).await {
            Ok(CallerAddress(address)) => address,
            Err(never) => match never {},
        };
        let network = network_of(&address);
        let rate = server.settings.limits.rates.address;
        let is_proof = parts.uri.path() == PROOF;
        let taken = if is_proof {
            server.flood.take_proof(&network, rate)
        } else {
            server.flood.take_of_network(&network, rate)
        };
        // What strangers call from there keeps nobody out who was let in lately.
        let is_known =
            taken.is_err() && secret(parts, server).is_some_and(|it| server.flood.knows(it));
        let admission = Self(Arc::new(Inner {
            units: units(parts),
            counted: Mutex::new(Counted {
                policy: if is_proof { "proof" } else { "address" },
                rate,
                left: left(taken),
                is_taken: taken.is_ok(),
            }),
            network,
        }));
        let knocked = match taken {
            Err(seconds) if !is_known => {
                server.metrics.refused("address");
                Err(too_fast("this address", seconds))
            }
            Ok(_) | Err(_) => Ok(()),
        };
        (admission, knocked)
    }

    /// Counts the call for its caller and no more for the network, once it is known
    /// who calls. A second time it is not counted.
    ///
    /// # Errors
    /// 429 where the caller asks too fast.
    pub(crate) fn identify(
        parts: &Parts,
        server: &Server,
        name: &str,
        secret: TokenHash,
    ) -> Result<(), Failure> {
        server.flood.remember(secret);
        let Some(Self(inner)) = parts.extensions.get::<Self>() else {
            return Ok(());
        };
        let mut counted = lock(&inner.counted);
        if counted.policy == "caller" {
            return Ok(());
        }
        if counted.policy == "address" && counted.is_taken {
            server.flood.give_back(&inner.network, counted.rate);
        }
        let rate = server.settings.limits.rates.caller;
        let taken = server.flood.take_of_caller(name, rate, inner.units);
        *counted = Counted {
            policy: "caller",
            rate,
            left: left(taken),
            is_taken: taken.is_ok(),
        };
        taken
            .map(drop)
            .inspect_err(|_| server.metrics.refused("caller"))
            .map_err(|seconds| too_fast(&format!("`{name}`"), seconds))
    }

    /// Returns the network that the call comes from.
    pub(crate) fn network(&self) -> &str {
        &self.0.network
    }

    /// Says in the headers of the answer what is left.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let Counted {
            policy, rate, left, ..
        } = *lock(&self.0.counted);
        let fields = [
            (POLICY, format!("\"{policy}\";q={};w=60", rate.per_minute)),
            (
                LIMIT,
                format!("\"{policy}\";r={};t={}", left.units, left.full_in_seconds),
            ),
        ];
        for (name, text) in fields {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

/// Returns what a call says to prove who calls, as it is stored.
fn secret(parts: &Parts, server: &Server) -> Option<TokenHash> {
    bearer_token(parts)
        .map(|token| token.hash())
        .or_else(|| cookie(&parts.headers, server).map(|secret| secret.hash()))
}

/// Returns what a call costs its caller.
fn units(parts: &Parts) -> u64 {
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return 1;
    }
    let length = parts.headers.get(CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let is_chunked = parts.headers.contains_key("transfer-encoding");
    // How long such a body is is seen when it is too late.
    let bytes = length.unwrap_or(if is_chunked { u64::MAX } else { 0 });
    (CHANGE_UNITS + bytes / UNIT_BYTES).min(MOST_UNITS)
}

fn left(taken: Result<Left, u64>) -> Left {
    taken.unwrap_or_else(|seconds| Left {
        units: 0,
        full_in_seconds: seconds,
    })
}

fn too_fast(who: &str, seconds: u64) -> Failure {
    let detail = format!("{who} calls too fast; come again in {seconds} s");
    Failure::new(ProblemCode::TooMany, detail).retry_after(seconds)
}

fn lock(counted: &Mutex<Counted>) -> MutexGuard<'_, Counted> {
    counted.lock().unwrap_or_else(PoisonError::into_inner)
}
