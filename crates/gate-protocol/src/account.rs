//! What an admin changes of who there is: groups, whose account a user is,
//! accounts elsewhere, and invitations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::page::Cursor;
use crate::principal::Role;

/// The body of `PATCH /v1/principals/{name}`. What is missing stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePrincipal {
    /// The groups that it is put into, in place of those before. What a provider
    /// says comes on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// The groups that it is put into, beside those before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_groups: Vec<String>,
    /// The groups that it is taken out of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_groups: Vec<String>,
    /// The human whose account a user is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

/// A change of an account by somebody else, which no second admin has confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PrincipalChange {
    /// What was done: `created`, `changed`, `enabled`, `token_created`, `password_set`, `linked`.
    pub what: String,
    /// Who did it, or could have done it as who did.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The token that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The groups that it was put into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// From when on it counts in approvals of what is asked after it.
    #[schema(value_type = String, format = DateTime)]
    pub counts_from: Timestamp,
}

/// What others changed of an account lately and no second admin has confirmed, as
/// `GET /v1/principals/{name}/changes` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PrincipalChanges {
    /// The account.
    pub name: String,
    /// The changes, the oldest first.
    pub unconfirmed: Vec<PrincipalChange>,
}

/// A group and who is in it, as `GET /v1/groups` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The principals in it, by name.
    pub members: Vec<String>,
}

/// An account elsewhere by the three names that make it unique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountName {
    /// Who vouches for it: `oidc`, or a chat.
    pub provider: String,
    /// The issuer, workspace or directory.
    pub tenant: String,
    /// The account there, by the provider's own id.
    pub subject: String,
}

/// The body of `POST /v1/accounts`: makes an account a user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkAccount {
    /// The account.
    pub account: AccountName,
    /// The user.
    pub principal: String,
}

/// A linked account, as `GET /v1/accounts` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AccountEntry {
    /// The account.
    pub account: AccountName,
    /// Whose it is.
    pub principal: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub linked_at: Timestamp,
    /// Who linked it.
    pub linked_by: String,
}

/// The body of `POST /v1/invitations`: a link by which a user sets a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvitation {
    /// The user.
    pub principal: String,
    /// The roles that they can sign in with by the password.
    #[schema(min_items = 1)]
    pub roles: Vec<Role>,
}

/// The answer of `POST /v1/invitations`: the only time that the link is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CreatedInvitation {
    /// Lets whoever opens it first set the user's password.
    pub url: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for CreatedInvitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedInvitation")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// One page of groups, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GroupPage {
    /// The groups.
    pub groups: Vec<Group>,
    /// Give it as `cursor` to get the next page; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// One page of accounts elsewhere, by provider, tenant and subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AccountPage {
    /// The accounts.
    pub accounts: Vec<AccountEntry>,
    /// Give it as `cursor` to get the next page; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}
