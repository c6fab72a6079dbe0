//! CI jobs and service accounts that say who they are by a token of their own
//! issuer: nothing is stored on their side.

use gate_protocol::inert::inert;
use serde_json::Value;

use super::fetch::Fetcher;
use super::issuer::{Issuer, IssuerError, KeySource, chain};
use super::jwt::{Claims, Expected, LEEWAY_SECONDS, Refused};
use crate::clock;
use crate::outbound::{Network, Outbound, TrustError};
use crate::settings::Workload;

/// One entry of the settings, with the keys of its issuer.
#[derive(Debug)]
pub(crate) struct WorkloadIssuer {
    settings: Workload,
    issuer: Issuer,
}

/// Why a job's token is not taken. The job already has what is shown of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkloadError {
    #[error("{}", chain(.0))]
    Issuer(#[from] IssuerError),
    #[error("the token is refused: {0}")]
    Refused(#[from] Refused),
    /// Which it is, only the server's own log says: whoever has a token of the issuer could
    /// otherwise find out, claim by claim, what a job must be called to be let in.
    #[error("no entry of the server's settings is for a job with its claims")]
    Claim,
}

impl WorkloadIssuer {
    /// Reads certificates; asks nobody yet.
    pub(crate) fn new(settings: Workload, allow_private: &[Network]) -> Result<Self, TrustError> {
        let source = match &settings.jwks_file {
            Some(path) => KeySource::File(path.clone()),
            None => KeySource::Discovery,
        };
        let outbound = Outbound::new(allow_private, settings.ca_file.as_deref())?;
        let fetcher = Fetcher::new(&outbound, &settings.issuer);
        let issuer = Issuer::new(&settings.issuer, source, fetcher);
        Ok(Self { settings, issuer })
    }

    pub(crate) fn settings(&self) -> &Workload {
        &self.settings
    }

    /// Returns what the token says, if it is this issuer's, for us, good now, and
    /// claims all that this entry wants.
    pub(crate) async fn prove(&self, token: &str, audience: &str) -> Result<Claims, WorkloadError> {
        let claims = self.issuer.verify(token, &self.settings.algorithms).await?;
        claims.expect(&Expected {
            issuer: self.issuer.name(),
            audience: self.settings.audience.as_deref().unwrap_or(audience),
            now: clock::now(),
            leeway_seconds: LEEWAY_SECONDS,
        })?;
        claims.subject()?;
        for (claim, wanted) in &self.settings.claims {
            let found = at(&claims, claim);
            if !found.is_some_and(|found| fits(found, wanted)) {
                tracing::info!(
                    issuer = self.issuer.name(),
                    principal = %self.settings.principal,
                    %claim,
                    found = shown(found),
                    %wanted,
                    "a job's claim is another than its entry wants"
                );
                return Err(WorkloadError::Claim);
            }
        }
        Ok(claims)
    }
}

/// Returns a claim by its name; where there is none, by its path through objects,
/// as `kubernetes.io/namespace` of a service account's token.
fn at<'c>(claims: &'c Claims, name: &str) -> Option<&'c Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    // The name of a member can have a slash itself, so each split is tried.
    name.match_indices('/').find_map(|(at, _)| {
        let (first, rest) = name.split_at(at);
        within(claims.get(first)?, rest.trim_start_matches('/'))
    })
}

fn within<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    if let Some(found) = value.get(name) {
        return Some(found);
    }
    let (first, rest) = name.split_once('/')?;
    within(value.get(first)?, rest)
}

/// Tells whether a claim is what is wanted: exactly, or up to a `*` at its end.
fn fits(found: &Value, wanted: &str) -> bool {
    let text = match found {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return false,
    };
    match wanted.strip_suffix('*') {
        Some(head) => text.starts_with(head),
        None => text == wanted,
    }
}

fn shown(found: Option<&Value>) -> String {
    match found {
        None => "missing".to_owned(),
        Some(Value::String(text)) => {
            let head: String = text.chars().take(200).collect();
            format!("`{}`", inert(&head))
        }
        Some(other) => {
            let head: String = other.to_string().chars().take(200).collect();
            inert(&head).into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_fits_exactly_or_up_to_a_star() {
        for (found, wanted, does) in [
            ("octo/infra", "octo/infra", true),
            ("octo/infra-evil", "octo/infra", false),
            ("octo/infra", "octo/*", true),
            ("octopus/infra", "octo/*", false),
            ("refs/heads/main", "refs/heads/ma*n", false),
            ("", "", true),
        ] {
            assert_eq!(fits(&Value::from(found), wanted), does, "{found} {wanted}");
        }
        assert!(fits(&Value::from(true), "true"));
        assert!(fits(&Value::from(7), "7"));
        assert!(!fits(&serde_json::json!(["a"]), "a"));
    }
}
