//! Principals: made, disabled and enabled, each on the record.

use gate_protocol::log::RecordType;
use gate_protocol::principal::{Principal, PrincipalKind, is_name};
use gate_protocol::problem::ProblemCode;
use serde_json::json;

use super::change::Change;
use super::seen::Seen;
use crate::identity::is_same_person;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::edits::{self, PrincipalEdit};
use crate::store::{accounts, device, passwords, principals, web_session};

/// The most groups that a principal can be in.
const MAX_GROUPS: usize = 100;

impl Server {
    /// Returns all principals, by name.
    pub(crate) async fn principals(&self) -> Result<Vec<Principal>, Failure> {
        let mut reader = self.store.read().await?;
        Ok(principals::all(reader.connection()).await?)
    }

    /// Returns the principal of this name.
    pub(crate) async fn principal_named(&self, name: &str) -> Result<Principal, Failure> {
        let mut reader = self.store.read().await?;
        let found = principals::find(reader.connection(), name).await?;
        found.ok_or_else(Failure::not_found)
    }

    /// Makes a principal known.
    pub(crate) async fn create_principal(
        &self,
        by: &str,
        principal: Principal,
    ) -> Result<Principal, Failure> {
        let mut change = self.change().await?;
        if !change.create_principal(by, &principal).await? {
            let detail = format!("the name `{}` is taken", principal.name);
            return Err(Failure::new(ProblemCode::Conflict, detail));
        }
        change.commit().await?;
        Ok(principal)
    }

    /// Stops a principal, and what it owns, from acting; twice is as once. Of a user
    /// it stops every account of the same person, unless `only_this` one is meant:
    /// who may not act must not by another name. Nobody disables themselves: the
    /// only admin would lock the server for ever.
    pub(crate) async fn disable_principal(
        &self,
        by: &str,
        name: &str,
        only_this: bool,
        seen: &Seen,
    ) -> Result<Principal, Failure> {
        let mut change = self.change().await?;
        let found = principals::find(change.connection(), name)
            .await?
            .ok_or_else(Failure::not_found)?;
        seen.hold(&found)?;
        let whole = found.kind == PrincipalKind::User && !only_this;
        let accounts = if whole {
            principals::accounts_of(change.connection(), found.person()).await?
        } else {
            vec![found.name.clone()]
        };
        let own = principals::find(change.connection(), by).await?;
        let is_own = own.is_some_and(|own| is_same_person(own.person(), found.person()));
        if accounts.iter().any(|account| account == by) || (whole && is_own) {
            return Err(Failure::new(
                ProblemCode::Conflict,
                "nobody disables themselves; another admin can",
            ));
        }
        for account in &accounts {
            change.disable(by, account).await?;
        }
        let principal = principals::find(change.connection(), name)
            .await?
            .ok_or_else(Failure::not_found)?;
        change.commit().await?;
        Ok(principal)
    }

    /// Lets a principal act again, and what it owns unless that is disabled by
    /// itself; twice is as once.
    pub(crate) async fn enable_principal(
        &self,
        by: &str,
        name: &str,
        seen: &Seen,
    ) -> Result<Principal, Failure> {
        let mut change = self.change().await?;
        let found = principals::find(change.connection(), name)
            .await?
            .ok_or_else(Failure::not_found)?;
        seen.hold(&found)?;
        if principals::enable(change.connection(), name).await? {
            let body = json!({ "name": name, "by": by });
            change.record(&RecordType::PrincipalEnabled, &body).await?;
            change.note_edit(by, name, "enabled").await?;
        }
        let principal = principals::find(change.connection(), name)
            .await?
            .ok_or_else(Failure::not_found)?;
        change.commit().await?;
        Ok(principal)
    }
}

impl Change<'_> {
    /// Unlinks the accounts elsewhere that only somebody's word made this one's: those in chats, and
    /// those that an admin linked. One that the provider proved when it made the user stays theirs.
    async fn unlink_others_word(&mut self, by: &str, name: &str) -> Result<(), Failure> {
        accounts::forget_codes_of(self.connection(), name).await?;
        for linked in accounts::of_principal(self.connection(), name).await? {
            // `provider:NAME` is no name of a principal.
            let is_proven =
                linked.provider == accounts::OIDC && linked.linked_by.starts_with("provider:");
            if is_proven {
                continue;
            }
            accounts::unlink(self.connection(), linked.account()).await?;
            let body = json!({
                "provider": linked.provider,
                "tenant": linked.tenant,
                "subject": linked.subject,
                "principal": name,
                "by": by,
            });
            self.record(&RecordType::IdentityUnlinked, &body).await?;
        }
        Ok(())
    }

    /// Takes from a principal all that it could act by: tokens, sessions, codes,
    /// and the approvals that nobody has used yet. It does not get them back.
    async fn disable(&mut self, by: &str, name: &str) -> Result<(), Failure> {
        let now = self.now();
        if !principals::disable(self.connection(), name, now).await? {
            return Ok(());
        }
        let tokens = principals::revoke_tokens_of(self.connection(), name, now).await?;
        let sessions = web_session::remove_of(self.connection(), name).await?;
        device::remove_of(self.connection(), name).await?;
        passwords::remove_of(self.connection(), name).await?;
        let body = json!({
            "name": name,
            "by": by,
            "tokens": tokens,
            "sessions": sessions,
        });
        self.record(&RecordType::PrincipalDisabled, &body).await?;
        self.unlink_others_word(by, name).await?;
        self.note_edit(by, name, "disabled").await?;
        self.revoke_standing_grants_of(by, name).await?;
        self.recount_votes_of(name).await
    }

    /// Stores a principal; false where the name is taken.
    pub(crate) async fn create_principal(
        &mut self,
        by: &str,
        principal: &Principal,
    ) -> Result<bool, Failure> {
        validate(principal)?;
        if let Some(owner) = &principal.owner {
            let found = principals::find(self.connection(), owner).await?;
            if !found.is_some_and(|owner| owner.kind == PrincipalKind::User && !owner.disabled) {
                return Err(Failure::bad_request(
                    "`owner` must be the name of a user who is not disabled",
                ));
            }
        }
        self.refuse_person_of_nobody(principal).await?;
        let now = self.now();
        if !principals::insert(self.connection(), principal, by, now).await? {
            return Ok(false);
        }
        let body = json!({ "principal": principal, "by": by });
        self.record(&RecordType::PrincipalCreated, &body).await?;
        self.note_edit(by, &principal.name, "created").await?;
        Ok(true)
    }

    /// Refuses an account of a person whom no other account is of: a slip in the name would make one
    /// human two.
    pub(super) async fn refuse_person_of_nobody(
        &mut self,
        principal: &Principal,
    ) -> Result<(), Failure> {
        let Some(person) = principal.person.as_deref() else {
            return Ok(());
        };
        if person == principal.name || principals::has_person(self.connection(), person).await? {
            return Ok(());
        }
        let detail = format!(
            "`person`: no user is an account of `{person}`; name a user, or a person that one is of; the first \
             account of a human needs no `person`"
        );
        Err(Failure::bad_request(detail))
    }

    /// Remembers who changed a principal, who has no say for a while in what it
    /// asks. Whatever changes one calls this.
    pub(crate) async fn note_edit(
        &mut self,
        by: &str,
        principal: &str,
        what: &'static str,
    ) -> Result<(), Failure> {
        let edit = PrincipalEdit {
            principal,
            token: None,
            editor: by,
            what,
            person_before: None,
            gained: &[],
        };
        let now = self.now();
        Ok(edits::note(self.connection(), edit, now).await?)
    }
}

/// Refuses a principal that is not sound in itself.
pub(super) fn validate(principal: &Principal) -> Result<(), Failure> {
    const FORM: &str = "must be 1 to 128 of a-z, 0-9 and . _ @ + -, and neither `.` nor `..`";
    if !is_name(&principal.name) {
        return Err(Failure::bad_request(format!("`name` {FORM}")));
    }
    if principal.groups.len() > MAX_GROUPS {
        return Err(Failure::bad_request(format!(
            "`groups` has {} names, and may have {MAX_GROUPS}",
            principal.groups.len()
        )));
    }
    if !principal.groups.iter().all(|group| is_name(group)) {
        return Err(Failure::bad_request(format!("each of `groups` {FORM}")));
    }
    match &principal.person {
        Some(_) if principal.kind != PrincipalKind::User => {
            return Err(Failure::bad_request(
                "only a user has a `person`; behind an agent or a workload stands its owner",
            ));
        }
        Some(person) if !is_name(person) => {
            return Err(Failure::bad_request(format!("`person` {FORM}")));
        }
        Some(_) | None => {}
    }
    match (principal.kind, &principal.owner) {
        (PrincipalKind::User, Some(_)) => Err(Failure::bad_request("a user has no `owner`")),
        (PrincipalKind::Agent | PrincipalKind::Workload, None) => Err(Failure::bad_request(
            "an agent and a workload need an `owner`, who answers for it",
        )),
        (PrincipalKind::User, None) | (PrincipalKind::Agent | PrincipalKind::Workload, Some(_)) => {
            Ok(())
        }
    }
}
