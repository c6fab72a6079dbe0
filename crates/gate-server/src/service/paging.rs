//! Lists in pages. Each page begins behind the last thing of the one before, by the
//! key that the list is ordered by, so that what is made or goes away in between
//! makes nobody see a thing twice or miss one.

use gate_protocol::account::{AccountEntry, AccountPage, GroupPage};
use gate_protocol::channel::{ChannelEntry, ChannelPage};
use gate_protocol::page::Cursor;
use gate_protocol::principal::{Principal, PrincipalPage, TokenEntry, TokenPage};
use gate_protocol::rules::{RulesVersion, RulesVersionPage};

use super::accounts::entry;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::accounts::{self, Account};
use crate::store::{principals, rules};

/// Which part of a list is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Paging {
    /// The key of the last thing of the page before.
    after: Option<String>,
    /// The most things of the page.
    limit: u64,
}

impl Paging {
    pub(crate) fn new(after: Option<String>, limit: u64) -> Self {
        Self { after, limit }
    }

    /// Returns the first so many things.
    pub(crate) fn first(limit: u64) -> Self {
        Self::new(None, limit)
    }

    pub(crate) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Reads the key of the last thing of the page before.
    pub(super) fn after_as<T>(
        &self,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let read = |key| read(key).ok_or_else(Failure::wrong_cursor);
        self.after().map(read).transpose()
    }

    /// Returns the most things of the page.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns one more than the page has: by it one sees that there are more.
    pub(super) fn probe(&self) -> u64 {
        self.limit.saturating_add(1)
    }

    /// Takes what was too much from `found`, and returns where the next page begins.
    pub(super) fn cut<T>(
        &self,
        list: &str,
        found: &mut Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Option<Cursor> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let ending = found.last().filter(|_| has_more)?;
        Some(Cursor::after(list, &key(ending)))
    }
}

impl Server {
    /// Returns a page of principals, by name.
    pub(crate) async fn principal_page(&self, paging: &Paging) -> Result<PrincipalPage, Failure> {
        let mut reader = self.store.read().await?;
        let (after, probe) = (paging.after(), paging.probe());
        let mut principals = principals::page(reader.connection(), after, probe).await?;
        let name = |principal: &Principal| principal.name.clone();
        let next = paging.cut("principals", &mut principals, name);
        Ok(PrincipalPage { principals, next })
    }

    /// Returns a page of tokens, the oldest first, and never a token itself.
    pub(crate) async fn token_page(&self, paging: &Paging) -> Result<TokenPage, Failure> {
        let mut reader = self.store.read().await?;
        let (after, probe) = (paging.after(), paging.probe());
        let mut tokens = principals::token_page(reader.connection(), after, probe).await?;
        let next = paging.cut("tokens", &mut tokens, |token: &TokenEntry| token.id.clone());
        Ok(TokenPage { tokens, next })
    }

    /// Returns a page of the groups that somebody is in, by name.
    pub(crate) async fn group_page(&self, paging: &Paging) -> Result<GroupPage, Failure> {
        let mut groups = self.groups().await?;
        groups.retain(|group| {
            paging
                .after()
                .is_none_or(|after| group.name.as_str() > after)
        });
        let next = paging.cut("groups", &mut groups, |group| group.name.clone());
        Ok(GroupPage { groups, next })
    }

    /// Returns a page of the accounts elsewhere of everybody, or of one user.
    pub(crate) async fn account_page(
        &self,
        principal: Option<&str>,
        paging: &Paging,
    ) -> Result<AccountPage, Failure> {
        let read = |key: &str| serde_json::from_str::<[String; 3]>(key).ok();
        let after = paging.after_as(read)?;
        let after = after.as_ref().map(|[provider, tenant, subject]| Account {
            provider,
            tenant,
            subject,
        });
        let mut reader = self.store.read().await?;
        let found = accounts::page(reader.connection(), principal, after, paging.probe()).await?;
        let mut accounts: Vec<AccountEntry> = found.into_iter().map(entry).collect();
        let next = paging.cut("accounts", &mut accounts, |entry| {
            let account = &entry.account;
            serde_json::json!([account.provider, account.tenant, account.subject]).to_string()
        });
        Ok(AccountPage { accounts, next })
    }

    /// Returns a page of channels, by name.
    pub(crate) async fn channel_page(&self, paging: &Paging) -> Result<ChannelPage, Failure> {
        let mut found = self.channels.list().to_vec();
        found.retain(|channel| paging.after().is_none_or(|after| channel.name() > after));
        found.sort_by(|one, other| one.name().cmp(other.name()));
        let next = paging.cut("channels", &mut found, |channel| channel.name().to_owned());
        let mut channels: Vec<ChannelEntry> = Vec::with_capacity(found.len());
        for channel in &found {
            channels.push(self.channel_entry(channel).await?);
        }
        Ok(ChannelPage { channels, next })
    }

    /// Returns a page of the versions of the rules, newest first.
    pub(crate) async fn rules_version_page(
        &self,
        paging: &Paging,
    ) -> Result<RulesVersionPage, Failure> {
        let before = paging.after_as(|key| key.parse::<u64>().ok()?.checked_sub(1))?;
        let mut reader = self.store.read().await?;
        let up_to = before.unwrap_or(u64::MAX);
        let found = rules::activations(reader.connection(), up_to, paging.probe()).await?;
        let version = |one: rules::Activation| RulesVersion {
            version: one.version,
            activated_by: one.by,
            activated_at: one.at,
            size_bytes: one.size_bytes,
        };
        let mut versions: Vec<RulesVersion> = found.into_iter().map(version).collect();
        let next = paging.cut("rules", &mut versions, |one| one.version.to_string());
        Ok(RulesVersionPage { versions, next })
    }
}
