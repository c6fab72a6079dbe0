//! The wait for people: long polls, one after another, through restarts and
//! lost connections, until there is a verdict or the deadline passes.

use std::time::{Duration, Instant};

use gate_protocol::id::RequestId;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::ClientError;

/// How long one poll asks the server to hold its answer: below the 30 s after
/// which common proxies end an idle exchange.
pub const POLL_WAIT: Duration = Duration::from_secs(25);

/// The pauses after a failed poll grow from this to [`LONGEST_PAUSE`]. All who wait lose a server
/// at one moment, and are back over this time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// After a restart of the server every waiting client is back within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// An answer without news that comes before half of the wait is over was let go early, as by a
/// server that stops, so the next poll is put off.
const EARLY: u32 = 2;
/// Who was held for so long waits only the first of the pauses.
const HELD: Duration = Duration::from_secs(1);
/// How many garbled or untrusted answers in a row are put down to a portal or
/// a proxy in passing.
const ODD_ANSWERS: u32 = 3;
/// How long a server that can't be reached is waited for after the request
/// must have expired.
const GRACE: Duration = Duration::from_mins(1);

/// What happens during a wait, for the one who shows it.
#[derive(Debug)]
pub enum WaitNotice<'a> {
    /// The request is still pending and something about it changed, as one of
    /// two approvals. The verdict itself is what the wait returns.
    Changed(&'a ApprovalRequest),
    /// The server could not be asked. Sent for each failed attempt.
    Disconnected {
        /// Why.
        error: &'a ClientError,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// The server answers again.
    Reconnected,
}

/// With less time than this left, a failed poll was the last.
const LEAST_CHANCE: Duration = Duration::from_millis(50);

/// One wait and what it remembers from poll to poll.
struct Wait<'a> {
    client: &'a Client,
    deadline: Option<Instant>,
    on: &'a mut dyn FnMut(WaitNotice<'_>),
    current: ApprovalRequest,
    /// When `current` will have expired, as far as this machine's clock goes.
    expires: Instant,
    backoff: Backoff,
    /// Why the last attempt failed; none while the server answers.
    lost: Option<ClientError>,
    odd_answers: u32,
}

impl Client {
    /// Waits until `id`, last seen as `first`, is no longer pending, and returns
    /// it: approved, denied, expired, cancelled, or claimed by another process.
    ///
    /// One poll is in flight at any time. After a failure the next one comes
    /// within 1 s, then after 1 to 2 s and up to twice as late each time, up to
    /// 5 to 10 s; a `Retry-After` in seconds is honoured up to a minute (and a
    /// quarter of it at random on top). Lost connections, timeouts, 408, 429 and
    /// 5xx are waited out until `deadline`; without one, until a minute after
    /// the request must have expired. Garbled answers and TLS failures are given
    /// three attempts in a row. `on` is told on the way, and must not block.
    ///
    /// Dropping the future leaves the request pending at the server.
    ///
    /// # Errors
    /// [`ClientError::Unanswered`] where the deadline passed while the server
    /// could be reached; otherwise the last error of the connection. `Refused`
    /// at once. `Garbled` too where an answer is about another request or
    /// another invocation than `first`.
    pub async fn wait_for_verdict(
        &self,
        id: RequestId,
        first: ApprovalRequest,
        deadline: Option<Instant>,
        on: &mut dyn FnMut(WaitNotice<'_>),
    ) -> Result<ApprovalRequest, ClientError> {
        if first.id != id {
            return Err(ClientError::garbled(
                "the wait",
                "it is about another request",
            ));
        }
        let wait = Wait {
            client: self,
            deadline,
            on,
            expires: expiry_of(&first),
            current: first,
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            lost: None,
            odd_answers: 0,
        };
        wait.until_decided().await
    }
}

impl Wait<'_> {
    async fn until_decided(mut self) -> Result<ApprovalRequest, ClientError> {
        while self.current.status == ApprovalStatus::Pending {
            let begun = Instant::now();
            let asked = self.next_wait();
            let Some(polled) = self.poll(asked).await else {
                return Err(self.lost.unwrap_or(ClientError::Unanswered));
            };
            match polled {
                Ok(answer) => self.take(answer, asked, begun.elapsed()).await,
                Err(error) => self.survive(error).await?,
            }
        }
        Ok(self.current)
    }

    /// Returns how long the next poll is to be held: whole seconds on the wire, rounded up; the
    /// deadline cuts the rest off.
    fn next_wait(&self) -> Duration {
        let until_deadline = |left| POLL_WAIT.min(left + Duration::from_secs(1));
        self.left().map_or(POLL_WAIT, until_deadline)
    }

    /// Polls once; nothing where the deadline comes first.
    async fn poll(&self, wait: Duration) -> Option<Result<ApprovalRequest, ClientError>> {
        let left = self.left();
        if left.is_some_and(|left| left.is_zero()) {
            return None;
        }
        let poll = self
            .client
            .poll(self.current.id, self.current.version, wait);
        let answer = match left {
            Some(left) => tokio::time::timeout(left, poll).await.ok()?,
            None => poll.await,
        };
        Some(answer.and_then(|answer| self.about_the_same(answer)))
    }

    fn about_the_same(&self, answer: ApprovalRequest) -> Result<ApprovalRequest, ClientError> {
        let known = &self.current;
        if answer.digest == known.digest && answer.invocation == known.invocation {
            return Ok(answer);
        }
        Err(ClientError::garbled(
            "the poll",
            "it is about another invocation",
        ))
    }

    /// Takes in a good answer, and slows down where the server did not hold it.
    async fn take(&mut self, answer: ApprovalRequest, asked: Duration, held: Duration) {
        self.odd_answers = 0;
        if self.lost.take().is_some() {
            (self.on)(WaitNotice::Reconnected);
        }
        let is_news = answer.version != self.current.version;
        self.expires = expiry_of(&answer);
        self.current = answer;
        if self.current.status != ApprovalStatus::Pending {
            return;
        }
        if is_news {
            (self.on)(WaitNotice::Changed(&self.current));
        }
        if is_news || held >= HELD {
            self.backoff.reset();
        }
        if !is_news && held < asked / EARLY {
            let pause = self.backoff.after_failure(None);
            self.pause(pause).await;
        }
    }

    /// Pauses after a failure that may pass, and returns any other.
    async fn survive(&mut self, error: ClientError) -> Result<(), ClientError> {
        let is_odd = matches!(
            error,
            ClientError::Garbled { .. } | ClientError::Tls { .. } | ClientError::Unproven { .. }
        );
        if is_odd {
            self.odd_answers += 1;
        }
        let may_pass = error.is_retryable() || (is_odd && self.odd_answers < ODD_ANSWERS);
        let retry_in = self.backoff.after_failure(error.retry_after());
        let retry_in = match self.left() {
            // Towards the deadline the pauses shrink, for one more chance of a
            // server that comes back just in time, unless it asked to be left alone.
            Some(left) if retry_in >= left && error.retry_after().is_none() => left / 2,
            _ => retry_in,
        };
        if !may_pass || self.is_too_late_for(retry_in) {
            return Err(error);
        }
        (self.on)(WaitNotice::Disconnected {
            error: &error,
            retry_in,
        });
        self.lost = Some(error);
        tokio::time::sleep(retry_in).await;
        Ok(())
    }

    fn is_too_late_for(&self, retry_in: Duration) -> bool {
        match self.left() {
            Some(left) => retry_in >= left || left < LEAST_CHANCE,
            None => Instant::now() + retry_in > self.expires + GRACE,
        }
    }

    async fn pause(&self, pause: Duration) {
        tokio::time::sleep(self.left().map_or(pause, |left| pause.min(left))).await;
    }

    fn left(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }
}

/// Returns when a request just received will have expired. A server that names
/// a time beyond all reason is taken to mean a year.
fn expiry_of(request: &ApprovalRequest) -> Instant {
    const YEAR_SECONDS: u64 = 365 * 24 * 60 * 60;
    Instant::now() + Duration::from_secs(request.expires_in_seconds.min(YEAR_SECONDS))
}
