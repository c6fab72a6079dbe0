//! Approval requests: submit, look, cancel, review, claim; and what a run reports.

use std::time::Duration;

use gate_protocol::canonical::Digest;
use gate_protocol::claim::{ClaimRequest, SignedGrant};
use gate_protocol::event::{BatchReceipt, EventBatch};
use gate_protocol::id::RequestId;
use gate_protocol::page::Cursor;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, RequestPage, SubmitRequest};
use gate_protocol::review::SubmitReview;

use crate::call::PAGE_LIMIT;
use crate::client::{Client, Patience};
use crate::error::ClientError;
use crate::token::IdempotencyKey;

/// The longest time that one poll asks the server to hold its answer.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Which requests to list, newest first; what is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only requests that stand here.
    pub status: Option<ApprovalStatus>,
    /// Only requests for the invocation with this digest.
    pub digest: Option<Digest>,
    /// Only requests that wait for an answer of whoever asks.
    pub waits_for_me: bool,
    /// Only requests with these words in the command, the reason, the requester's name or the id.
    pub text: Option<String>,
    /// Only requests of this effect.
    pub effect: Option<String>,
    /// Only what this principal asked, or an agent or workload of theirs.
    pub principal: Option<String>,
    /// Only requests of this tool.
    pub tool: Option<String>,
    /// Only requests with this in a value of the target.
    pub target: Option<String>,
    /// Only what was asked at this time or later, in RFC 3339.
    pub from: Option<String>,
    /// Only what was asked before this time, in RFC 3339.
    pub to: Option<String>,
    /// Only requests behind this place: [`RequestPage::next`] of the page before.
    pub cursor: Option<Cursor>,
    /// The most requests of one page; the server has a limit of its own.
    pub limit: Option<u32>,
}

impl ListQuery {
    /// Returns what is looked for, by its name on the wire.
    fn words(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("text", &self.text),
            ("effect", &self.effect),
            ("principal", &self.principal),
            ("tool", &self.tool),
            ("target", &self.target),
            ("from", &self.from),
            ("to", &self.to),
        ];
        all.into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The request that asks for it.
    pub request: ApprovalRequest,
    /// Whether it stood before: 200 and not 201. A submission that is sent again
    /// is answered as the first time, so what this one asked is never taken for
    /// an earlier one's.
    pub reattached: bool,
}

impl Client {
    /// Asks for an approval: `POST /v1/requests`.
    ///
    /// Sent up to five times with the same key when the connection is lost or
    /// the server can't answer, so at most one request comes of it.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Garbled` too where the answer is a request for
    /// another invocation than the one that was submitted.
    pub async fn submit(
        &self,
        request: &SubmitRequest,
        idempotency: &IdempotencyKey,
    ) -> Result<Submitted, ClientError> {
        let what = "the submission";
        let call = self
            .post(what, "/v1/requests")
            .json(request)?
            .idempotency(idempotency)?;
        let answer = self.exchange(&call, Patience::SHORT).await?;
        let submitted = Submitted {
            request: answer.decode()?,
            reattached: !answer.is_created,
        };
        let about = &submitted.request;
        if about.digest != request.digest || about.invocation != request.invocation {
            return Err(ClientError::garbled(what, "it is about another invocation"));
        }
        Ok(submitted)
    }

    /// Asks once how a request stands, and lets the server hold the answer for
    /// up to `wait` (whole seconds, at most 60) while its version is
    /// `after_version`: `GET /v1/requests/{id}?after=VERSION&wait=SECONDS`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Garbled` too where the answer is about another
    /// request or older than `after_version`.
    pub async fn poll(
        &self,
        id: RequestId,
        after_version: u64,
        wait: Duration,
    ) -> Result<ApprovalRequest, ClientError> {
        let wait = Duration::from_secs(wait.min(LONGEST_WAIT).as_secs());
        let call = self
            .get("the poll", &format!("/v1/requests/{id}"))
            .query("after", &after_version.to_string())
            .query("wait", &wait.as_secs().to_string())
            .waiting(wait);
        let answer = about(id, "the poll", self.ask(&call, Patience::ONCE).await?)?;
        if answer.version < after_version {
            return Err(ClientError::garbled(
                "the poll",
                "it is older than what was known",
            ));
        }
        Ok(answer)
    }

    /// Asks how a request stands now: `GET /v1/requests/{id}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Garbled` too where the answer is about another request.
    pub async fn show(&self, id: RequestId) -> Result<ApprovalRequest, ClientError> {
        let call = self.get("the request", &format!("/v1/requests/{id}"));
        about(id, "the request", self.ask(&call, Patience::SHORT).await?)
    }

    /// Lists requests that the token may see, newest first: `GET /v1/requests`.
    /// A page that names a next one has a request, unless it is of those that wait for
    /// the caller; and the next one is another.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Garbled` too where the next page would not lie
    /// further on.
    pub async fn list(&self, query: &ListQuery) -> Result<RequestPage, ClientError> {
        let what = "the list";
        let mut call = self.get(what, "/v1/requests").up_to(PAGE_LIMIT);
        if let Some(status) = query.status {
            call = call.query("status", status.as_str());
        }
        if let Some(digest) = &query.digest {
            call = call.query("digest", &digest.to_string());
        }
        if query.waits_for_me {
            call = call.query("waits_for_me", "true");
        }
        for (name, value) in query.words() {
            call = call.query(name, value);
        }
        if let Some(cursor) = &query.cursor {
            call = call.query("cursor", cursor.as_str());
        }
        if let Some(limit) = query.limit {
            call = call.query("limit", &limit.to_string());
        }
        let page: RequestPage = self.ask(&call, Patience::SHORT).await?;
        if page.next.is_some() {
            let is_further = page.next != query.cursor;
            let is_empty = page.requests.is_empty() && !query.waits_for_me;
            if is_empty || !is_further {
                return Err(ClientError::garbled(
                    what,
                    "its next page does not lie further on",
                ));
            }
        }
        Ok(page)
    }

    /// Takes a request back: `POST /v1/requests/{id}/cancel`. Gives up after
    /// 5 s, because somebody who pressed Ctrl-C wants to leave.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` where it is too late.
    pub async fn cancel(&self, id: RequestId) -> Result<ApprovalRequest, ClientError> {
        let call = self.post("the cancellation", &format!("/v1/requests/{id}/cancel"));
        about(
            id,
            "the cancellation",
            self.ask(&call, Patience::LEAVING).await?,
        )
    }

    /// Answers a request as an approver: `POST /v1/requests/{id}/reviews`. Sent
    /// once: whoever answers is there to see that it failed.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` where this reviewer may not answer.
    pub async fn review(
        &self,
        id: RequestId,
        review: &SubmitReview,
    ) -> Result<ApprovalRequest, ClientError> {
        let path = format!("/v1/requests/{id}/reviews");
        let call = self.post("the review", &path).json(review)?;
        about(id, "the review", self.ask(&call, Patience::ONCE).await?)
    }

    /// Claims the approval, once: `POST /v1/requests/{id}/claim`.
    ///
    /// Sent up to nine times with the same nonce, to which the server gives the
    /// same grant. After an error the approval may be used up all the same.
    /// The grant that comes back is well-formed and names this claim; nothing
    /// may run before [`SignedGrant::verify`].
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` where another claim came first or the
    /// approval is gone; `Garbled` too where the grant answers another claim.
    pub async fn claim(
        &self,
        id: RequestId,
        claim: &ClaimRequest,
    ) -> Result<SignedGrant, ClientError> {
        let path = format!("/v1/requests/{id}/claim");
        let call = self.post("the claim", &path).json(claim)?;
        let signed: SignedGrant = self.ask(&call, Patience::LONG).await?;
        let grant = &signed.grant;
        if grant.request != id || grant.claim_nonce != claim.nonce || grant.digest != claim.digest {
            return Err(ClientError::garbled(
                "the claim",
                "the grant answers another claim",
            ));
        }
        Ok(signed)
    }

    /// Delivers events: `POST /v1/events`. Safe to repeat, also in another
    /// process: the server counts each (client, epoch, sequence) once.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn deliver(&self, batch: &EventBatch) -> Result<BatchReceipt, ClientError> {
        let call = self.post("the delivery", "/v1/events").json(batch)?;
        let mut receipt: BatchReceipt = self.ask(&call, Patience::SHORT).await?;
        if let Some(last) = batch.events.last() {
            // A receipt may reach beyond this batch where another process
            // delivered more; nothing is taken for delivered that was not sent here.
            receipt.through = receipt.through.min(last.seq);
        }
        Ok(receipt)
    }
}

/// Holds an answer against the request that was asked about.
fn about(
    id: RequestId,
    what: &'static str,
    answer: ApprovalRequest,
) -> Result<ApprovalRequest, ClientError> {
    if answer.id == id {
        return Ok(answer);
    }
    Err(ClientError::garbled(what, "it is about another request"))
}
