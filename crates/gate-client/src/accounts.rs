//! Who is who: groups, the person behind a user, accounts elsewhere, invitations.
//! All of it needs the role admin.

use gate_protocol::account::{
    AccountEntry, AccountName, ChangePrincipal, CreateInvitation, CreatedInvitation, Group,
    LinkAccount,
};
use gate_protocol::principal::Principal;
use reqwest::Method;

use crate::call::PAGE_LIMIT;
use crate::client::{Client, Patience};
use crate::error::ClientError;

impl Client {
    /// Changes a principal: `PATCH /v1/principals/{name}`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where nobody has the name.
    pub async fn change_principal(
        &self,
        name: &str,
        wanted: &ChangePrincipal,
    ) -> Result<Principal, ClientError> {
        let path = ["v1", "principals", name];
        let call = self.named("the principal", Method::PATCH, &path)?;
        self.ask(&call.json(wanted)?, Patience::ONCE).await
    }

    /// Lists the groups that somebody is in, by name: `GET /v1/groups`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn groups(&self) -> Result<Vec<Group>, ClientError> {
        let call = self.get("the groups", "/v1/groups").up_to(PAGE_LIMIT);
        self.ask(&call, Patience::SHORT).await
    }

    /// Lists accounts elsewhere, of everybody or of one user: `GET /v1/accounts`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn accounts(
        &self,
        principal: Option<&str>,
    ) -> Result<Vec<AccountEntry>, ClientError> {
        let mut call = self.get("the accounts", "/v1/accounts").up_to(PAGE_LIMIT);
        if let Some(name) = principal {
            call = call.query("principal", name);
        }
        self.ask(&call, Patience::SHORT).await
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
