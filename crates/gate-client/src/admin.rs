//! The server itself: who it is, who the token is, its rules and its tokens.

use gate_protocol::account::PrincipalChanges;
use gate_protocol::principal::{
    CreateToken, CreatedToken, LoginCode, Principal, PrincipalPage, TokenEntry, TokenPage, Whoami,
};
use gate_protocol::rules::{
    ProposedRules, PutRules, RULES_MESSAGE_LIMIT_BYTES, RulesText, RulesVersion, RulesVersionPage,
    SignedRules,
};
use gate_protocol::server::{Health, ServerIdentity};
use reqwest::Method;

use crate::call::Call;
use crate::client::{Client, Patience, Tagged};
use crate::error::ClientError;
use crate::page::{Listed, Most};

/// The server's rules, or the news that there are none newer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// What the caller has is what the server has.
    NotModified,
    /// Other rules than the caller has. Not verified yet:
    /// [`SignedRules::verify`] comes before any use.
    Rules {
        /// The rules with their signature.
        rules: Box<SignedRules>,
        /// Their version for the next [`Client::rules`]; none where the server
        /// names none.
        etag: Option<String>,
    },
}

/// What became of new rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// They are in force.
    InForce(Box<SignedRules>),
    /// They let more pass than those in force, and wait for a second admin.
    Proposed(Box<ProposedRules>),
}

impl Client {
    /// Asks who the token speaks for: `GET /v1/whoami`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `unauthorized` where the token is no good.
    pub async fn whoami(&self) -> Result<Whoami, ClientError> {
        self.ask(&self.get("whoami", "/v1/whoami"), Patience::SHORT)
            .await
    }

    /// Asks for the keys and names to pin: `GET /v1/server`. Needs no token and
    /// sends none.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn server_identity(&self) -> Result<ServerIdentity, ClientError> {
        let call = self.get("the server's identity", "/v1/server").unproven();
        self.ask(&call, Patience::SHORT).await
    }

    /// Asks whether the server is well, once: `GET /v1/health`. Needs no token
    /// and sends none.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn health(&self) -> Result<Health, ClientError> {
        let call = self.get("the health", "/v1/health").unproven();
        self.ask(&call, Patience::ONCE).await
    }

    /// Fetches the server's rules, unless they are those of `etag`:
    /// `GET /v1/rules`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where it has no rules.
    pub async fn rules(&self, etag: Option<&str>) -> Result<Fetched, ClientError> {
        let mut call = self
            .get("the rules", "/v1/rules")
            .up_to(RULES_MESSAGE_LIMIT_BYTES);
        if let Some(etag) = etag {
            call = call.if_none_match(etag)?;
        }
        let answer = self.exchange(&call, Patience::SHORT).await?;
        if answer.is_not_modified() {
            return Ok(Fetched::NotModified);
        }
        Ok(Fetched::Rules {
            rules: Box::new(answer.decode()?),
            etag: answer.etag,
        })
    }

    /// Puts new rules in force: `PUT /v1/rules`, with their TOML text. Sent once.
    ///
    /// `expected_version` is the version that their author has seen in force, 0
    /// for none: nobody undoes a change that they do not know of. What lets more pass than
    /// before may have to wait for a second admin.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` where the text has a mistake, and with
    /// `conflict` where another version is in force.
    pub async fn put_rules(&self, text: &str, expected_version: u64) -> Result<Put, ClientError> {
        let url = self.server().join("/v1/rules");
        let body = PutRules {
            text: text.to_owned(),
            expected_version: Some(expected_version),
        };
        let call = Call::new("the new rules", Method::PUT, url)
            .up_to(RULES_MESSAGE_LIMIT_BYTES)
            .json(&body)?;
        let answer = self.exchange(&call, Patience::ONCE).await?;
        Ok(if answer.is_created {
            Put::Proposed(Box::new(answer.decode()?))
        } else {
            Put::InForce(Box::new(answer.decode()?))
        })
    }

    /// Shows the rules that wait for a second admin: `GET /v1/rules/proposal`. Needs the role
    /// approver, admin or auditor.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where none wait.
    pub async fn proposed_rules(&self) -> Result<ProposedRules, ClientError> {
        let call = self
            .get("the proposed rules", "/v1/rules/proposal")
            .up_to(RULES_MESSAGE_LIMIT_BYTES);
        self.ask(&call, Patience::SHORT).await
    }

    /// Puts in force, as a second admin, rules that wait for one:
    /// `POST /v1/rules/proposal/{id}/confirm`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `excluded` where the caller is no second person.
    pub async fn confirm_rules(&self, id: &str) -> Result<SignedRules, ClientError> {
        let path = ["v1", "rules", "proposal", id, "confirm"];
        let call = self.named("the proposed rules", Method::POST, &path)?;
        self.ask(&call.up_to(RULES_MESSAGE_LIMIT_BYTES), Patience::ONCE)
            .await
    }

    /// Takes back rules that wait for a second admin: `DELETE /v1/rules/proposal/{id}`. Sent
    /// once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where they do not wait any more.
    pub async fn withdraw_rules(&self, id: &str) -> Result<(), ClientError> {
        let path = ["v1", "rules", "proposal", id];
        let call = self.named("the proposed rules", Method::DELETE, &path)?;
        self.exchange(&call.nothing(), Patience::ONCE).await?;
        Ok(())
    }

    /// Lists the versions of the rules, newest first: `GET /v1/rules/versions`.
    /// Needs the role approver, admin or auditor.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn rules_versions(&self, most: Most) -> Result<Listed<RulesVersion>, ClientError> {
        let first = || Ok(self.get("the versions", "/v1/rules/versions"));
        self.walk::<RulesVersionPage>(first, most).await
    }

    /// Fetches one version of the rules, in force or not:
    /// `GET /v1/rules/versions/{version}`. Needs the role approver, admin or auditor.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where there is no such version.
    pub async fn rules_version(&self, version: u64) -> Result<RulesText, ClientError> {
        let call = self
            .get("the version", &format!("/v1/rules/versions/{version}"))
            .up_to(RULES_MESSAGE_LIMIT_BYTES);
        self.ask(&call, Patience::SHORT).await
    }

    /// Makes a link that signs this approver's browser in, once:
    /// `POST /v1/login-codes`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn create_login_code(&self) -> Result<LoginCode, ClientError> {
        let call = self.post("the sign-in link", "/v1/login-codes");
        self.ask(&call, Patience::ONCE).await
    }

    /// Lists principals, by name: `GET /v1/principals`. Needs the role admin.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn principals(&self, most: Most) -> Result<Listed<Principal>, ClientError> {
        let first = || Ok(self.get("the principals", "/v1/principals"));
        self.walk::<PrincipalPage>(first, most).await
    }

    /// Makes a principal known: `POST /v1/principals`. Needs the role admin.
    /// Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `conflict` where the name is taken.
    pub async fn create_principal(&self, wanted: &Principal) -> Result<Principal, ClientError> {
        let call = self
            .post("the new principal", "/v1/principals")
            .json(wanted)?;
        self.ask(&call, Patience::ONCE).await
    }

    /// Stops a principal, and what it owns, from acting:
    /// `POST /v1/principals/{name}/disable`. Needs the role admin. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where nobody has the
    /// name, and with `conflict` where it is the caller's own.
    pub async fn disable_principal(&self, name: &str) -> Result<Principal, ClientError> {
        let path = ["v1", "principals", name, "disable"];
        let call = self.named("the principal", Method::POST, &path)?;
        self.ask(&call, Patience::ONCE).await
    }

    /// Stops this one account of a person, and leaves their others as they are:
    /// `POST /v1/principals/{name}/disable?only_this=true`. Needs the role admin.
    /// Sent once.
    ///
    /// # Errors
    /// As [`disable_principal`](Self::disable_principal).
    pub async fn disable_account(&self, name: &str) -> Result<Principal, ClientError> {
        let path = ["v1", "principals", name, "disable"];
        let call = self.named("the principal", Method::POST, &path)?;
        self.ask(&call.query("only_this", "true"), Patience::ONCE)
            .await
    }

    /// Lets a principal act again: `POST /v1/principals/{name}/enable`. Needs the
    /// role admin. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where nobody has the name.
    pub async fn enable_principal(&self, name: &str) -> Result<Principal, ClientError> {
        let path = ["v1", "principals", name, "enable"];
        let call = self.named("the principal", Method::POST, &path)?;
        self.ask(&call, Patience::ONCE).await
    }

    /// Shows what others changed of an account lately and no second admin has confirmed, with its
    /// tag: `GET /v1/principals/{name}/changes`. Needs the role admin.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where nobody has the name.
    pub async fn principal_changes(
        &self,
        name: &str,
    ) -> Result<Tagged<PrincipalChanges>, ClientError> {
        let path = ["v1", "principals", name, "changes"];
        let call = self.named("the changes", Method::GET, &path)?;
        self.ask_tagged(&call, Patience::SHORT).await
    }

    /// Confirms as a second admin what others changed of an account:
    /// `POST /v1/principals/{name}/confirm`. Needs the role admin. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `excluded` where the caller is no second person, and
    /// with `stale` where more was changed than was `seen`.
    pub async fn confirm_principal(
        &self,
        name: &str,
        seen: Option<&str>,
    ) -> Result<PrincipalChanges, ClientError> {
        let path = ["v1", "principals", name, "confirm"];
        let call = self.named("the principal", Method::POST, &path)?;
        self.ask(&call.if_match(seen)?, Patience::ONCE).await
    }

    /// Lists tokens, the oldest first, and never a token itself:
    /// `GET /v1/tokens`. Needs the role admin.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn tokens(&self, most: Most) -> Result<Listed<TokenEntry>, ClientError> {
        let first = || Ok(self.get("the tokens", "/v1/tokens"));
        self.walk::<TokenPage>(first, most).await
    }

    /// Takes a token back by its id: `DELETE /v1/tokens/{id}`. Needs the role
    /// admin. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where no token has the id.
    pub async fn revoke_token(&self, id: &str) -> Result<(), ClientError> {
        let call = self
            .named("the token", Method::DELETE, &["v1", "tokens", id])?
            .nothing();
        self.exchange(&call, Patience::ONCE).await?;
        Ok(())
    }

    /// Makes a token: `POST /v1/tokens`. Sent once; after a lost answer there
    /// may be a token that nobody knows, which ends by itself.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn create_token(&self, wanted: &CreateToken) -> Result<CreatedToken, ClientError> {
        let call = self.post("the new token", "/v1/tokens").json(wanted)?;
        self.ask(&call, Patience::ONCE).await
    }
}
