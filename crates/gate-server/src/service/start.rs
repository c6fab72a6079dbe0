//! What is written down when a server starts: which settings are others than at the start before.

use gate_protocol::log::RecordType;
use gate_protocol::principal::{Principal, PrincipalKind};
use serde_json::{Value, json};

use crate::problem::Failure;
use crate::settings::{Summary, changed};
use crate::state::Server;
use crate::store::{StoreError, principals, server};

impl Server {
    /// Returns the first whom the settings trust as an admin and who is no user that may act.
    pub(crate) async fn trusted_nobody(&self) -> Result<Option<String>, StoreError> {
        let mut reader = self.store.read().await?;
        for name in &self.settings.approving.trusted_admins {
            let found = principals::find(reader.connection(), name).await?;
            let may_act = |one: &Principal| one.kind == PrincipalKind::User && !one.disabled;
            if !found.is_some_and(|one| may_act(&one)) {
                return Ok(Some(name.clone()));
            }
        }
        Ok(None)
    }

    /// Records what differs from the settings of the last start. No secret is among them. The first
    /// start has nothing before it.
    pub(crate) async fn note_settings(&self) -> Result<(), Failure> {
        let mut change = self.change().await?;
        let new = self.settings.summary();
        // One that another version wrote and this one can't read is as none.
        let seen = server::settings_seen(change.connection()).await?;
        let old: Option<Summary> = seen.and_then(|text| serde_json::from_str(&text).ok());
        if old.as_ref() == Some(&new) {
            return Ok(());
        }
        if let Some(old) = old {
            let changed: Vec<Value> = changed(&old, &new)
                .into_iter()
                .map(|one| json!({ "setting": one.setting, "old": one.old, "new": one.new }))
                .collect();
            let body = json!({ "changed": changed });
            change.record(&RecordType::SettingsChanged, &body).await?;
        }
        let text = serde_json::to_string(&new).map_err(|error| Failure::internal(&error))?;
        server::keep_settings(change.connection(), &text).await?;
        change.commit().await
    }
}
