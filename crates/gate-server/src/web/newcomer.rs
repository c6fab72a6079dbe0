//! Whose account at a provider it is, and as what they are let in.

use gate_protocol::log::RecordType;
use gate_protocol::principal::{Principal, PrincipalKind, Role, is_name};
use serde_json::json;

use super::sign_in::{Judged, chosen};
use crate::clock;
use crate::identity::oidc::ProvenPerson;
use crate::problem::Failure;
use crate::service::Change;
use crate::settings::Provider;
use crate::store::accounts::{self, Account};
use crate::store::{principals, rules};

impl Change<'_> {
    /// Returns whom the word of a provider signs in: whose account it is, or
    /// where the settings say so a new user. An account is known by its issuer and
    /// subject alone; no name and no address makes it anybody's.
    pub(super) async fn by_provider(
        &mut self,
        settings: &Provider,
        person: &ProvenPerson,
        wanted: Option<Role>,
    ) -> Result<Judged, Failure> {
        let account = Account {
            provider: accounts::OIDC,
            tenant: &settings.issuer,
            subject: &person.subject,
        };
        let known = accounts::principal_of(self.connection(), account).await?;
        let name = match known {
            Some(name) => name,
            None => match self.make_user(settings, person, account).await? {
                Ok(name) => name,
                Err(why) => return Ok(Judged::Refused(why)),
            },
        };
        let now = self.now();
        let until = clock::after(now, settings.groups_seconds);
        let before = principals::find(self.connection(), &name).await?;
        principals::set_provider_groups(self.connection(), &name, &person.groups, until).await?;
        let principal = principals::find(self.connection(), &name).await?;
        self.note_groups(settings, before.as_ref(), principal.as_ref())
            .await?;
        let Some(principal) = principal.filter(|found| !found.disabled) else {
            return Ok(Judged::Refused(format!("`{name}` is disabled")));
        };
        // They are still known there, and so go on the terminals that they let in.
        let life = self.server().settings.identity.sign_in.device_token_seconds;
        principals::prolong_terminals_of(self.connection(), &name, (until, life), now).await?;
        let roles = roles_of(settings, &principal);
        Ok(chosen(name, &roles, wanted))
    }

    /// Writes down that a provider has somebody in other groups, which is who may
    /// approve, and judges anew what they approved.
    async fn note_groups(
        &mut self,
        settings: &Provider,
        before: Option<&Principal>,
        after: Option<&Principal>,
    ) -> Result<(), Failure> {
        let (Some(before), Some(after)) = (before, after) else {
            return Ok(());
        };
        if before.groups == after.groups {
            return Ok(());
        }
        let body = json!({
            "name": after.name,
            "groups": after.groups,
            "groups_before": before.groups,
            "by": format!("provider:{}", settings.name),
        });
        self.record(&RecordType::PrincipalChanged, &body).await?;
        self.recount_votes_of(&after.name).await
    }

    /// Tells whether the rules in force or the settings ask for this user by name:
    /// whoever takes such a name would be asked.
    async fn is_asked_for(&mut self, name: &str) -> Result<bool, Failure> {
        let user = format!("user:{name}");
        let settings = &self.server().settings;
        let approving = &settings.approving;
        let floor = settings.floor.approvers.iter();
        let broken = approving.break_glass.iter().flat_map(|one| &one.approvers);
        let joined = approving.escalation.iter().flat_map(|one| &one.to);
        if floor.chain(broken).chain(joined).any(|one| *one == user) {
            return Ok(true);
        }
        let version = rules::version(self.connection()).await?;
        let stored = rules::find(self.connection(), version).await?;
        Ok(stored.is_some_and(|stored| names(&stored.text, &user)))
    }

    /// Makes a user for an account that is nobody's, or says why not.
    async fn make_user(
        &mut self,
        settings: &Provider,
        person: &ProvenPerson,
        account: Account<'_>,
    ) -> Result<Result<String, String>, Failure> {
        let subject = gate_protocol::inert::inert(account.subject);
        let ask = format!(
            "An administrator can make it somebody's: `gate admin accounts link --issuer {} \
             --subject {subject} --principal NAME`",
            account.tenant
        );
        if !is_welcome(settings, person) {
            return Ok(Err(format!("This account is nobody's here. {ask}")));
        }
        let name = person.name.as_deref().map(str::to_ascii_lowercase);
        let Some(name) = name.filter(|name| is_name(name)) else {
            return Ok(Err(format!(
                "The claim `{}` gives no name that can be used here. {ask}",
                settings.name_claim
            )));
        };
        let principal = Principal {
            name: name.clone(),
            kind: PrincipalKind::User,
            owner: None,
            person: None,
            groups: Vec::new(),
            disabled: false,
        };
        let by = format!("provider:{}", settings.name);
        // A name that is taken, or that is a person's already, is not taken over:
        // who chooses their name there would choose who they are here.
        if self.is_asked_for(&name).await? {
            return Ok(Err(format!("Rules name a user `{name}` here. {ask}")));
        }
        let is_persons = principals::has_person(self.connection(), &name).await?;
        if is_persons || !self.create_principal(&by, &principal).await? {
            return Ok(Err(format!("The name `{name}` is taken here. {ask}")));
        }
        let now = self.now();
        accounts::link(self.connection(), account, &name, &by, now).await?;
        let body = json!({
            "provider": account.provider,
            "tenant": account.tenant,
            "subject": account.subject,
            "principal": name,
            "by": by,
        });
        self.record(&RecordType::IdentityLinked, &body).await?;
        Ok(Ok(name))
    }
}

/// Tells whether a text has this as a whole name.
fn names(text: &str, user: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
    text.match_indices(user).any(|(at, _)| {
        let (_, rest) = text.split_at(at + user.len());
        !rest.starts_with(is_part)
    })
}

/// Tells whether the settings let this person become a user by themselves.
fn is_welcome(settings: &Provider, person: &ProvenPerson) -> bool {
    let domain = person
        .verified_email
        .as_deref()
        .and_then(|address| address.rsplit_once('@'))
        .map(|(_, domain)| domain);
    let is_of_domain = settings.email_domains.is_empty()
        || domain.is_some_and(|domain| {
            let mut domains = settings.email_domains.iter();
            domains.any(|one| one.eq_ignore_ascii_case(domain))
        });
    let is_of_group = settings.auto_create_groups.is_empty()
        || is_in(&person.groups, &settings.auto_create_groups);
    settings.auto_create && is_of_domain && is_of_group
}

fn is_in(groups: &[String], some: &[String]) -> bool {
    groups.iter().any(|group| some.contains(group))
}

/// Returns the roles that a user can sign in with.
fn roles_of(settings: &Provider, principal: &Principal) -> Vec<Role> {
    let mut roles = vec![Role::Requester];
    let groups = &principal.groups;
    if settings.approver_groups.is_empty() || is_in(groups, &settings.approver_groups) {
        roles.push(Role::Approver);
    }
    if is_in(groups, &settings.admin_groups) {
        roles.push(Role::Admin);
    }
    if is_in(groups, &settings.auditor_groups) {
        roles.push(Role::Auditor);
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_whom_it_names_and_nobody_whose_name_begins_so() {
        let text = "approvers = ['user:carol', 'user:eve.smith']";
        assert!(names(text, "user:carol"));
        assert!(names(text, "user:eve.smith"));
        assert!(!names(text, "user:eve"));
        assert!(!names(text, "user:car"));
    }
}
