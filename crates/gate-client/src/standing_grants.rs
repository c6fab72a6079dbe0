//! Standing grants, and what was approved past the rules.

use gate_protocol::break_glass::{BreakGlassEntry, BreakGlassPage, ReviewBreakGlass};
use gate_protocol::id::{RequestId, StandingGrantId};
use gate_protocol::request::ApprovalRequest;
use gate_protocol::standing_grant::{ProposeStandingGrant, StandingGrant, StandingGrantPage};

use crate::client::{Client, Patience};
use crate::error::ClientError;
use crate::page::{Listed, Most};

impl Client {
    /// Lists the standing grants that the token may see, newest first:
    /// `GET /v1/standing-grants`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn standing_grants(&self, most: Most) -> Result<Listed<StandingGrant>, ClientError> {
        let first = || Ok(self.get("the standing grants", "/v1/standing-grants"));
        self.walk::<StandingGrantPage>(first, most).await
    }

    /// Shows a standing grant: `GET /v1/standing-grants/{id}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where the token sees none.
    pub async fn standing_grant(&self, id: StandingGrantId) -> Result<StandingGrant, ClientError> {
        let call = self.get("the standing grant", &format!("/v1/standing-grants/{id}"));
        self.ask(&call, Patience::SHORT).await
    }

    /// Proposes a standing grant: `POST /v1/standing-grants`. Needs the role
    /// approver. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` where this approver has no say in it.
    pub async fn propose_standing_grant(
        &self,
        wanted: &ProposeStandingGrant,
    ) -> Result<StandingGrant, ClientError> {
        let call = self
            .post("the proposal", "/v1/standing-grants")
            .json(wanted)?;
        self.ask(&call, Patience::ONCE).await
    }

    /// Confirms a standing grant: `POST /v1/standing-grants/{id}/confirm`. Needs
    /// the role approver.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` where this approver has no say in it, or it
    /// is not to be confirmed any more.
    pub async fn confirm_standing_grant(
        &self,
        id: StandingGrantId,
    ) -> Result<StandingGrant, ClientError> {
        let path = format!("/v1/standing-grants/{id}/confirm");
        self.ask(&self.post("the confirmation", &path), Patience::ONCE)
            .await
    }

    /// Takes a standing grant back: `POST /v1/standing-grants/{id}/revoke`. Safe
    /// to repeat.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn revoke_standing_grant(
        &self,
        id: StandingGrantId,
    ) -> Result<StandingGrant, ClientError> {
        let path = format!("/v1/standing-grants/{id}/revoke");
        self.ask(&self.post("the revocation", &path), Patience::SHORT)
            .await
    }

    /// Lists uses of break-glass, newest first, or those that nobody has reviewed:
    /// `GET /v1/break-glass`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn break_glass_uses(
        &self,
        open_only: bool,
        most: Most,
    ) -> Result<Listed<BreakGlassEntry>, ClientError> {
        let open = if open_only { "true" } else { "false" };
        let first = || {
            let call = self.get("the uses of break-glass", "/v1/break-glass");
            Ok(call.query("open", open))
        };
        self.walk::<BreakGlassPage>(first, most).await
    }

    /// Closes the review of a break-glass:
    /// `POST /v1/requests/{id}/break-glass-review`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` where the reviewer had a part in it.
    pub async fn review_break_glass(
        &self,
        id: RequestId,
        review: &ReviewBreakGlass,
    ) -> Result<ApprovalRequest, ClientError> {
        let path = format!("/v1/requests/{id}/break-glass-review");
        let call = self.post("the review", &path).json(review)?;
        self.ask(&call, Patience::ONCE).await
    }
}
