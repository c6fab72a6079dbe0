//! Beginning anew from a copy of the data: what was allowed before the copy and not claimed in it
//! may have been used since, so it is void.

use gate_protocol::log::RecordType;
use serde_json::{Value, json};

use super::change::Change;
use crate::problem::Failure;
use crate::store::{epoch, server};

/// What was ended with an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    /// The number of the epoch that began.
    pub(crate) epoch: u64,
    /// Approvals that nobody had claimed, and claims without a start.
    pub(crate) claims: usize,
    pub(crate) standing_grants: usize,
    pub(crate) sessions: u64,
}

impl Change<'_> {
    /// Begins the next epoch. `why` is what the record says of it beside its number.
    pub(crate) async fn begin_epoch(&mut self, why: Value) -> Result<Begun, Failure> {
        let now = self.now();
        let number = server::begin_epoch(self.connection()).await?;
        let claims = epoch::end_open_claims(self.connection(), now).await?;
        let grants = epoch::standing_grants(self.connection(), now).await?;
        let sessions = epoch::end_sessions(self.connection()).await?;
        epoch::end_codes(self.connection(), now).await?;
        let mut body = json!({
            "epoch": number,
            "claims_ended": claims.len(),
            "standing_grants_revoked": grants.len(),
            "sessions_ended": sessions,
        });
        if let (Some(body), Value::Object(why)) = (body.as_object_mut(), why) {
            body.extend(why);
        }
        self.record(&RecordType::ServerEpoch, &body).await?;
        for id in &claims {
            // Reading it lets time pass for it.
            self.request(*id).await?;
        }
        for id in &grants {
            self.revoke_grant(*id, "server").await?;
        }
        Ok(Begun {
            epoch: number,
            claims: claims.len(),
            standing_grants: grants.len(),
            sessions,
        })
    }
}
