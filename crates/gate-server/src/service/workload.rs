//! A CI job shows its issuer's token and gets one of ours, for a short while.

use gate_protocol::log::RecordType;
use gate_protocol::principal::{CreatedToken, PrincipalKind, Role};
use gate_protocol::problem::ProblemCode;
use jiff::Timestamp;
use serde_json::json;

use super::change::Change;
use super::tokens::TokenWish;
use crate::clock;
use crate::identity::TokenHash;
use crate::identity::jwt::{self, Claims};
use crate::identity::workload::WorkloadIssuer;
use crate::problem::Failure;
use crate::settings::Workload;
use crate::state::Server;
use crate::store::edits::{self, PrincipalEdit};
use crate::store::{principals, workload};

/// A token of a job whose end is not known here is remembered for this long.
const LONGEST_LIFE_SECONDS: u64 = 24 * 3600;

impl Server {
    /// Exchanges a job's token for one of the workload that the job is.
    pub(crate) async fn exchange_workload_token(
        &self,
        token: &str,
    ) -> Result<CreatedToken, Failure> {
        let issuer = jwt::claimed_issuer(token).map_err(|error| refused(&error.to_string()))?;
        let mut why = None;
        let entries = self.authorities.workloads().iter();
        for entry in entries.filter(|entry| entry.settings().issuer == issuer) {
            match entry.prove(token, &self.settings.public_url).await {
                Ok(claims) => return self.admit_job(entry, &claims).await,
                Err(error) => why = Some(error.to_string()),
            }
        }
        let why = why.unwrap_or_else(|| "its issuer is none whose jobs are known here".to_owned());
        tracing::info!(%why, "a job was not admitted");
        Err(refused(&why))
    }

    async fn admit_job(
        &self,
        entry: &WorkloadIssuer,
        claims: &Claims,
    ) -> Result<CreatedToken, Failure> {
        let settings = entry.settings();
        let mut change = self.change().await?;
        let now = change.now();
        if settings.once {
            take_once(&mut change, settings, claims).await?;
        }
        let principal = principals::find(change.connection(), &settings.principal).await?;
        let is_machine =
            principal.is_some_and(|found| !found.disabled && found.kind != PrincipalKind::User);
        if !is_machine {
            let detail = format!(
                "the job is `{}` here, which is no workload or agent, or is disabled",
                settings.principal
            );
            return Err(Failure::new(ProblemCode::Forbidden, detail));
        }
        let job = json!({
            "issuer": settings.issuer,
            "subject": claims.text("sub"),
            "jti": claims.text("jti"),
            "set_off_by": set_off_by(claims),
        });
        change
            .record(
                &RecordType::WorkloadAdmitted,
                &json!({
                    "principal": settings.principal, "job": job,
                }),
            )
            .await?;
        let expires_at = clock::after(now, settings.token_seconds);
        let wish = TokenWish {
            principal: &settings.principal,
            role: Role::Requester,
            expires_at: Some(expires_at),
            tools: &settings.tools,
            note: claims.text("sub"),
            parent: None,
        };
        let by = format!("issuer:{}", settings.issuer);
        let (id, token) = change.make_token(&by, &wish).await?;
        change
            .note_set_off(&settings.principal, &id, claims)
            .await?;
        change.commit().await?;
        Ok(CreatedToken {
            id,
            token: token.reveal(),
            expires_at,
        })
    }
}

/// Returns who set a job off, as its issuer says: `actor` of GitHub, `user_login` of GitLab.
fn set_off_by(claims: &Claims) -> Option<&str> {
    claims.text("actor").or_else(|| claims.text("user_login"))
}

impl Change<'_> {
    /// Remembers who set a job off, where a user here has that name: they have as little say in
    /// what it asks as if they had made its token. A name that is another's here only takes a say.
    async fn note_set_off(
        &mut self,
        workload: &str,
        token: &str,
        claims: &Claims,
    ) -> Result<(), Failure> {
        let Some(name) = set_off_by(claims).map(str::to_ascii_lowercase) else {
            return Ok(());
        };
        let found = principals::find(self.connection(), &name).await?;
        if found.is_some_and(|found| found.kind == PrincipalKind::User) {
            let edit = PrincipalEdit {
                principal: workload,
                token: Some(token),
                editor: &name,
                what: "set_off",
                person_before: None,
                gained: &[],
            };
            let now = self.now();
            edits::note(self.connection(), edit, now).await?;
        }
        Ok(())
    }
}

/// Remembers the token by its `jti`, and refuses one that was taken before.
async fn take_once(
    change: &mut Change<'_>,
    settings: &Workload,
    claims: &Claims,
) -> Result<(), Failure> {
    let now = change.now();
    let id = claims.text("jti").ok_or_else(|| {
        refused(
            "it has no `jti`, by which it could be taken once only; the entry in the server's \
             settings can say `once = false`",
        )
    })?;
    let hash = TokenHash::of(&format!("{}\0{id}", settings.issuer));
    let end = claims
        .ends()
        .and_then(|end| Timestamp::from_second(end).ok());
    // Longer than its own end by far more than clocks may differ.
    let end = end
        .unwrap_or(now)
        .max(clock::after(now, LONGEST_LIFE_SECONDS));
    workload::forget(change.connection(), now).await?;
    if workload::use_once(change.connection(), hash, end).await? {
        Ok(())
    } else {
        Err(refused("it was used already"))
    }
}

fn refused(why: &str) -> Failure {
    let detail = format!("the job's token is not taken: {why}");
    Failure::new(ProblemCode::Unauthorized, detail)
}
