//! Whose account elsewhere is whose, which groups there are, and who is who.

use std::collections::BTreeMap;

use gate_protocol::account::{AccountEntry, AccountName, ChangePrincipal, Group, LinkAccount};
use gate_protocol::log::RecordType;
use gate_protocol::principal::{Principal, PrincipalKind};
use gate_protocol::problem::ProblemCode;
use serde_json::{Value, json};

use super::Change;
use super::principals::validate;
use super::seen::Seen;
use crate::identity::is_same_person;
use crate::lifecycle::{Answered, Void};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::accounts::{self, Account, Linked, LinkedAccount};
use crate::store::edits::{self, PrincipalEdit};
use crate::store::{device, principals, web_session};

/// The longest part of an account's name, in bytes.
const PART_BYTES: usize = 512;

/// Refuses to take somebody out of a group that a provider has them in: they would be in it all the same.
fn refuse_to_take_what_a_provider_gives(
    before: &Principal,
    own: Option<&[String]>,
    wanted: &ChangePrincipal,
) -> Result<(), Failure> {
    let own = own.unwrap_or_default();
    let is_given = |group: &&String| before.groups.contains(group) && !own.contains(group);
    let Some(group) = wanted.remove_groups.iter().find(is_given) else {
        return Ok(());
    };
    let name = &before.name;
    Err(Failure::new(
        ProblemCode::Conflict,
        format!(
            "it is their provider that says that `{name}` is in `{group}`: take them out there, or \
             disable them here"
        ),
    ))
}

impl Change<'_> {
    /// Writes down that a principal was changed, and judges anew what it approved.
    async fn changed(
        &mut self,
        by: &str,
        before: &Principal,
        (person_changed, gained): (bool, &[String]),
        body: &Value,
    ) -> Result<(), Failure> {
        self.record(&RecordType::PrincipalChanged, body).await?;
        let edit = PrincipalEdit {
            principal: &before.name,
            token: None,
            editor: by,
            what: "changed",
            person_before: person_changed.then(|| before.person()),
            gained,
        };
        let now = self.now();
        edits::note(self.connection(), edit, now).await?;
        self.recount_votes_of(&before.name).await
    }

    /// Refuses somebody who says of their own account whose it is: they would be another person
    /// in what they asked for.
    async fn refuse_own_person(&mut self, by: &str, of: &Principal) -> Result<(), Failure> {
        let own = edits::person_of(self.connection(), by).await?;
        if by == of.name || is_same_person(&own, of.person()) {
            return Err(Failure::new(
                ProblemCode::Conflict,
                "nobody says whose account their own is; another admin can",
            ));
        }
        Ok(())
    }
}

/// Changes the groups that somebody is in by gate's own hand.
fn regroup(groups: &mut Vec<String>, wanted: &ChangePrincipal) {
    if let Some(wanted) = &wanted.groups {
        groups.clone_from(wanted);
    }
    groups.extend(wanted.add_groups.iter().cloned());
    groups.retain(|group| !wanted.remove_groups.contains(group));
    groups.sort_unstable();
    groups.dedup();
}

impl Server {
    /// Changes a principal's groups, or the person whose account a user is.
    pub(crate) async fn change_principal(
        &self,
        by: &str,
        name: &str,
        wanted: &ChangePrincipal,
        seen: &Seen,
    ) -> Result<Principal, Failure> {
        let mut change = self.change().await?;
        let before = principals::find(change.connection(), name)
            .await?
            .ok_or_else(Failure::not_found)?;
        seen.hold(&before)?;
        let own_groups = principals::own_groups(change.connection(), name).await?;
        refuse_to_take_what_a_provider_gives(&before, own_groups.as_deref(), wanted)?;
        let mut after = before.clone();
        after.groups = own_groups.unwrap_or_default();
        let groups_before = after.groups.clone();
        regroup(&mut after.groups, wanted);
        if let Some(person) = &wanted.person {
            after.person = Some(person.clone());
        }
        validate(&after)?;
        if after.groups != groups_before {
            principals::set_groups(change.connection(), name, &after.groups).await?;
        }
        let person_changed = after.person() != before.person();
        if person_changed {
            change.refuse_own_person(by, &before).await?;
            change.refuse_person_of_nobody(&after).await?;
            principals::set_person(change.connection(), name, after.person()).await?;
        }
        if after.groups != groups_before || person_changed {
            let body = json!({
                "name": name,
                "groups": after.groups,
                "groups_before": groups_before,
                "person": after.person(),
                "person_before": before.person(),
                "by": by,
            });
            let mut gained = after.groups.clone();
            gained.retain(|group| !groups_before.contains(group));
            let what = (person_changed, gained.as_slice());
            change.changed(by, &before, what, &body).await?;
        }
        let changed = principals::find(change.connection(), name)
            .await?
            .ok_or_else(Failure::not_found)?;
        change.commit().await?;
        Ok(changed)
    }

    /// Returns every group that somebody is in, by name.
    pub(crate) async fn groups(&self) -> Result<Vec<Group>, Failure> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for principal in self.principals().await? {
            for group in principal.groups {
                groups
                    .entry(group)
                    .or_default()
                    .push(principal.name.clone());
            }
        }
        let group = |(name, members)| Group { name, members };
        Ok(groups.into_iter().map(group).collect())
    }

    /// Makes an account elsewhere a user's, on an admin's word.
    pub(crate) async fn link_account(
        &self,
        by: &str,
        wanted: &LinkAccount,
    ) -> Result<AccountEntry, Failure> {
        let name = &wanted.account;
        let is_part = |part: &String| {
            (1..=PART_BYTES).contains(&part.len()) && !part.chars().any(char::is_control)
        };
        if ![&name.provider, &name.tenant, &name.subject]
            .into_iter()
            .all(is_part)
        {
            return Err(Failure::bad_request(format!(
                "each part of `account` must be 1 to {PART_BYTES} bytes without control characters"
            )));
        }
        if name.provider != accounts::OIDC {
            return Err(Failure::bad_request(
                "an account in a chat is linked by whose it is, signed in to the page: an admin's \
                 word proves nothing; `provider` must be `oidc`",
            ));
        }
        let mut change = self.change().await?;
        principals::find(change.connection(), &wanted.principal)
            .await?
            .filter(|found| found.kind == PrincipalKind::User)
            .ok_or_else(|| Failure::bad_request("`principal` must be the name of a user"))?;
        let now = change.now();
        let account = account_of(name);
        let linked =
            accounts::link(change.connection(), account, &wanted.principal, by, now).await?;
        match linked {
            Linked::OfAnother(other) => {
                let detail = format!("this account is `{other}`'s; unlink it first");
                return Err(Failure::new(ProblemCode::Conflict, detail));
            }
            Linked::Before => {}
            Linked::New => {
                let body = json!({
                    "provider": name.provider,
                    "tenant": name.tenant,
                    "subject": name.subject,
                    "principal": wanted.principal,
                    "by": by,
                });
                change.record(&RecordType::IdentityLinked, &body).await?;
                change.note_edit(by, &wanted.principal, "linked").await?;
            }
        }
        let found = accounts::of_principal(change.connection(), &wanted.principal).await?;
        change.commit().await?;
        let is_it = |found: &AccountEntry| found.account == *name;
        let mut found = found.into_iter().map(entry);
        found.find(is_it).ok_or_else(Failure::not_found)
    }

    /// Ends a link, and every browser of the user: one of them may be signed in by it.
    pub(crate) async fn unlink_account(&self, by: &str, name: &AccountName) -> Result<(), Failure> {
        let mut change = self.change().await?;
        let account = account_of(name);
        let principal = accounts::principal_of(change.connection(), account)
            .await?
            .ok_or_else(Failure::not_found)?;
        accounts::unlink(change.connection(), account).await?;
        // What was opened by it is not told apart from the rest, nor is what was let in or linked
        // from there.
        web_session::remove_of(change.connection(), &principal).await?;
        device::remove_of(change.connection(), &principal).await?;
        accounts::forget_codes_of(change.connection(), &principal).await?;
        let now = change.now();
        principals::revoke_own_tokens_of(change.connection(), &principal, now).await?;
        let body = json!({
            "provider": name.provider,
            "tenant": name.tenant,
            "subject": name.subject,
            "principal": principal,
            "by": by,
        });
        change.record(&RecordType::IdentityUnlinked, &body).await?;
        // Nor is what was answered by it: a token's answer was not, but for one in that chat, which
        // has the token of whoever linked the account.
        let falls = |one: &Answered| one.token.is_none() || one.review.channel == name.provider;
        change
            .void_votes_of(&principal, Void::Unlinked, falls)
            .await?;
        change.commit().await
    }
}

fn account_of(name: &AccountName) -> Account<'_> {
    Account {
        provider: &name.provider,
        tenant: &name.tenant,
        subject: &name.subject,
    }
}

pub(super) fn entry(found: LinkedAccount) -> AccountEntry {
    AccountEntry {
        account: AccountName {
            provider: found.provider,
            tenant: found.tenant,
            subject: found.subject,
        },
        principal: found.principal,
        linked_at: found.linked_at,
        linked_by: found.linked_by,
    }
}
