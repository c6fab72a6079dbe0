//! Who is who: groups, the person behind a user, accounts elsewhere, invitations.
//! All of it needs the role admin.

use gate_protocol::account::{
    AccountEntry, AccountName, AccountPage, ChangePrincipal, CreateInvitation, CreatedInvitation,
    Group, GroupPage, LinkAccount,
};
use gate_protocol::principal::Principal;
use reqwest::Method;

use crate::client::{Client, Patience, Tagged};
use crate::error::ClientError;
use crate::page::{Listed, Most};

impl Client {
    /// Shows a principal with its tag: `GET /v1/principals/{name}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where nobody has the name.
    pub async fn principal(&self, name: &str) -> Result<Tagged<Principal>, ClientError> {
        let path = ["v1", "principals", name];
        let call = self.named("the principal", Method::GET, &path)?;
        self.ask_tagged(&call, Patience::SHORT).await
    }

    /// Changes a principal: `PATCH /v1/principals/{name}`. Sent once. With the tag
    /// of what was `seen`, nothing is changed where it was changed meanwhile.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where nobody has the name,
    /// and with `stale` where it is not what was seen.
    pub async fn change_principal(
        &self,
        name: &str,
        wanted: &ChangePrincipal,
        seen: Option<&str>,
    ) -> Result<Principal, ClientError> {
        let path = ["v1", "principals", name];
        let call = self.named("the principal", Method::PATCH, &path)?;
        let call = call.if_match(seen)?.json(wanted)?;
        self.ask(&call, Patience::ONCE).await
    }

    /// Shows a group with its tag: `GET /v1/groups/{name}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where nobody is in it.
    pub async fn group(&self, name: &str) -> Result<Tagged<Group>, ClientError> {
        let call = self.named("the group", Method::GET, &["v1", "groups", name])?;
        self.ask_tagged(&call, Patience::SHORT).await
    }

    /// Lists the groups that somebody is in, by name: `GET /v1/groups`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn groups(&self, most: Most) -> Result<Listed<Group>, ClientError> {
        let first = || Ok(self.get("the groups", "/v1/groups"));
        self.walk::<GroupPage>(first, most).await
    }

    /// Lists accounts elsewhere, of everybody or of one user: `GET /v1/accounts`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn accounts(
        &self,
        principal: Option<&str>,
        most: Most,
    ) -> Result<Listed<AccountEntry>, ClientError> {
        let first = || {
            let call = self.get("the accounts", "/v1/accounts");
            Ok(match principal {
                Some(name) => call.query("principal", name),
                None => call,
            })
        };
        self.walk::<AccountPage>(first, most).await
    }

    /// Makes an account elsewhere a user's: `POST /v1/accounts`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `conflict` where it is somebody else's.
    pub async fn link_account(&self, wanted: &LinkAccount) -> Result<AccountEntry, ClientError> {
        let call = self.post("the account", "/v1/accounts").json(wanted)?;
        self.ask(&call, Patience::ONCE).await
    }

    /// Ends a link: `POST /v1/accounts/unlink`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where it is nobody's.
    pub async fn unlink_account(&self, name: &AccountName) -> Result<(), ClientError> {
        let call = self.post("the account", "/v1/accounts/unlink");
        self.exchange(&call.json(name)?.nothing(), Patience::ONCE)
            .await?;
        Ok(())
    }

    /// Makes a link by which a user sets a password, once:
    /// `POST /v1/invitations`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn invite(
        &self,
        wanted: &CreateInvitation,
    ) -> Result<CreatedInvitation, ClientError> {
        let call = self.post("the invitation", "/v1/invitations");
        self.ask(&call.json(wanted)?, Patience::ONCE).await
    }
}
