//! Whose word counts here: the providers of people and the issuers of jobs.

use std::sync::Arc;

use super::oidc::{OpenIdProvider, ProviderError};
use super::workload::WorkloadIssuer;
use crate::settings::Settings;

/// Why the settings can't be lived by.
#[derive(Debug, thiserror::Error)]
#[error("the {kind} `{name}` can't be used")]
pub struct AuthoritiesError {
    kind: &'static str,
    name: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// All of them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorities {
    providers: Arc<Vec<OpenIdProvider>>,
    workloads: Arc<Vec<WorkloadIssuer>>,
}

impl Authorities {
    /// Reads what the settings name: secrets, certificates and keys. Nobody is
    /// asked yet, so a provider that is down does not keep the server down.
    pub(crate) fn of(settings: &Settings) -> Result<Self, AuthoritiesError> {
        let allow_private = &settings.outbound.allow_private;
        let identity = &settings.identity;
        let mut providers = Vec::new();
        for provider in &identity.providers {
            let name = provider.name.clone();
            let made = OpenIdProvider::new(provider.clone(), allow_private);
            providers.push(made.map_err(|source: ProviderError| AuthoritiesError {
                kind: "provider",
                name,
                source: source.into(),
            })?);
        }
        let mut workloads = Vec::new();
        for workload in &identity.workloads {
            let name = workload.principal.clone();
            let made = WorkloadIssuer::new(workload.clone(), allow_private);
            workloads.push(made.map_err(|source| AuthoritiesError {
                kind: "workload",
                name,
                source: source.into(),
            })?);
        }
        Ok(Self {
            providers: Arc::new(providers),
            workloads: Arc::new(workloads),
        })
    }

    pub(crate) fn providers(&self) -> &[OpenIdProvider] {
        &self.providers
    }

    pub(crate) fn provider(&self, name: &str) -> Option<&OpenIdProvider> {
        let mut providers = self.providers.iter();
        providers.find(|provider| provider.settings().name == name)
    }

    pub(crate) fn workloads(&self) -> &[WorkloadIssuer] {
        &self.workloads
    }
}
