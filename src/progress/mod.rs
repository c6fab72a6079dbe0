//! What the person or the program in front of gate sees while it waits.
//!
//! A wait is told by the blocking wait and by nothing else; what comes before and
//! after it, by whoever knows it. It decides nothing and touches neither stdout nor the network. Three ways of telling the same story:
//! one live line on a terminal, plain lines in a log (with the marks of the CI
//! system around it), and JSON lines for a program.

mod event;
mod live;
mod log;
mod marks;
mod summary;
mod words;

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use gate_protocol::request::{ApprovalRequest, ApprovalStatus};

use crate::circumstances::{Env, provider};
use crate::exit_code::Ending;
use crate::failure::Failure;
use crate::report;

pub(crate) use marks::Mark;
pub(crate) use summary::{tell_denial, tell_end};

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// A person, at a terminal or reading a log later.
    Human,
    /// A program: JSON lines.
    Json,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum About {
    /// Something is not on record here.
    Record,
    /// What is on record here is not at the server yet.
    Delivery,
    /// A keyring that has to be waited for.
    Keyring,
    /// A part of gate itself that failed.
    Defect,
}

impl Voice {
    /// Tells what belongs to no wait for people: lines of ours, inert, the first of which says what
    /// it is. A program gets them as one event, for there is nothing but events on its stderr.
    pub(crate) fn note(self, about: About, lines: &[String]) {
        match self {
            Self::Human => lines.iter().for_each(|line| report::line(line)),
            Self::Json => report::events(&event::note(about, lines)),
        }
    }

    /// Tells why gate ends without an ending of the tool's, the CI system around it too.
    pub(crate) fn last(self, failure: &Failure, ending: Ending, env: Env<'_>) {
        match self {
            Self::Human => {
                report::failure(failure);
                if !std::io::stderr().is_terminal()
                    && let Some(mark) = Mark::of_failure(env, failure)
                {
                    report::mark(&mark);
                }
            }
            Self::Json => report::events(&event::last(failure, ending)),
        }
    }
}

/// Tells of one wait, from the submitted request to its end.
///
/// Dropped without [`Progress::ended`], as when Ctrl-C cancels the wait, it
/// leaves the terminal clean as well.
pub(crate) struct Progress<'a> {
    teller: Teller,
    wait: Option<Wait>,
    env: Env<'a>,
    /// The request as last seen, where whoever looks at the job later is told of it.
    last: Option<ApprovalRequest>,
    is_interrupted: bool,
}

enum Teller {
    Live(live::Live),
    Log(log::Log),
    Json(event::Events),
}

/// The request as last seen, and the clocks of the wait. All monotonic: the
/// machine's time of day plays no part.
struct Wait {
    request: ApprovalRequest,
    since: Instant,
    ends: Instant,
}

/// One moment of a wait, as it is told.
#[derive(Clone, Copy)]
struct Moment<'a> {
    request: &'a ApprovalRequest,
    elapsed: Duration,
    left: Duration,
}

impl Wait {
    fn begin(request: &ApprovalRequest) -> Self {
        let now = Instant::now();
        Self {
            request: request.clone(),
            since: now,
            ends: end_of(request, now),
        }
    }

    fn moment(&self) -> Moment<'_> {
        let now = Instant::now();
        Moment {
            request: &self.request,
            elapsed: now.saturating_duration_since(self.since),
            left: self.ends.saturating_duration_since(now),
        }
    }
}

/// Returns when the request ends; a span that the clock can't hold is no end in sight.
fn end_of(request: &ApprovalRequest, now: Instant) -> Instant {
    const FAR: Duration = Duration::from_hours(24 * 365);
    let left = Duration::from_secs(request.expires_in_seconds).min(FAR);
    now.checked_add(left).unwrap_or(now)
}

fn tell(told: &log::Told) {
    report::lines(&told.lines);
    if let Some(mark) = &told.mark {
        report::mark(mark);
    }
}

impl<'a> Progress<'a> {
    /// Gets ready to tell `voice`. Nothing is written yet.
    pub(crate) fn start(voice: Voice, env: Env<'a>) -> Self {
        let teller = match voice {
            Voice::Json => Teller::Json(event::Events::default()),
            Voice::Human => match live::Live::start(std::io::stderr().is_terminal(), env) {
                Some(live) => Teller::Live(live),
                None => Teller::Log(log::Log::new(provider(env))),
            },
        };
        Self {
            teller,
            wait: None,
            env,
            last: None,
            is_interrupted: false,
        }
    }

    /// Keeps the request as it is now. Who was asked is told only as long as they are.
    fn see(&mut self, request: &ApprovalRequest) {
        if !summary::is_wanted(self.env) {
            return;
        }
        let mut seen = request.clone();
        if let Some(before) = self.last.take()
            && seen.may_review.is_empty()
        {
            seen.may_review = before.may_review;
        }
        self.last = Some(seen);
    }

    /// The server has the request. `reattached`: it had it before, from an
    /// earlier run of the same command.
    pub(crate) fn submitted(&mut self, request: &ApprovalRequest, reattached: bool) {
        self.see(request);
        let wait = self.wait.insert(Wait::begin(request));
        let moment = wait.moment();
        match &mut self.teller {
            Teller::Live(live) if request.status == ApprovalStatus::Pending => {
                live.draw(moment, None);
            }
            // What follows says all of it.
            Teller::Live(_) => {}
            Teller::Log(log) => tell(&log.submitted(moment, reattached)),
            Teller::Json(events) => report::events(&events.submitted(moment, reattached)),
        }
    }

    /// The server has the request, and nobody waits for its end. A person reads
    /// what follows, which says all of it; a program is told now.
    pub(crate) fn asked(&mut self, request: &ApprovalRequest, reattached: bool) {
        self.see(request);
        if let Teller::Json(events) = &mut self.teller {
            let wait = Wait::begin(request);
            report::events(&events.submitted(wait.moment(), reattached));
        }
    }

    /// The request has changed: somebody reviewed it, or its status moved.
    pub(crate) fn changed(&mut self, request: &ApprovalRequest) {
        self.see(request);
        let Some(wait) = &mut self.wait else { return };
        let known = wait.request.reviews.len();
        wait.ends = end_of(request, Instant::now());
        wait.request = request.clone();
        let moment = wait.moment();
        match &mut self.teller {
            Teller::Live(live) => live.draw(moment, None),
            Teller::Log(_) => report::lines(&log::Log::changed(moment, known)),
            Teller::Json(events) => report::events(&events.pending(moment)),
        }
    }

    /// The server does not answer; the wait goes on and asks again after `retry_in`.
    pub(crate) fn disconnected(&mut self, error: &str, retry_in: Duration) {
        let Some(wait) = &self.wait else { return };
        let moment = wait.moment();
        match &mut self.teller {
            Teller::Live(live) => live.draw(moment, Some(words::disconnected(error, retry_in))),
            Teller::Log(log) => report::lines(&log.disconnected(error, retry_in)),
            Teller::Json(events) => report::events(&events.disconnected(moment, error, retry_in)),
        }
    }

    /// The server answers again.
    pub(crate) fn reconnected(&mut self) {
        let Some(wait) = &self.wait else { return };
        let moment = wait.moment();
        match &mut self.teller {
            Teller::Live(live) => live.reconnected(moment),
            Teller::Log(log) => report::lines(&log.reconnected()),
            Teller::Json(events) => report::events(&events.reconnected(moment)),
        }
    }

    /// Time has passed; to be called about four times a second.
    pub(crate) fn tick(&mut self) {
        let Some(wait) = &self.wait else { return };
        let moment = wait.moment();
        match &mut self.teller {
            Teller::Live(live) => live.tick(moment),
            Teller::Log(log) => report::lines(&log.tick(moment)),
            Teller::Json(events) => report::events(&events.tick(moment)),
        }
    }

    /// A signal ended the wait. What it means is said by the failure that follows, not here.
    pub(crate) fn interrupted(&mut self) {
        self.is_interrupted = true;
    }

    /// The server has taken the request back.
    pub(crate) fn taken_back(&mut self, request: &ApprovalRequest) {
        self.see(request);
    }

    /// The wait is over, whatever the answer is. What a denial means is said by
    /// the failure that follows, not here.
    pub(crate) fn ended(&mut self, request: &ApprovalRequest) {
        self.see(request);
        let Some(mut wait) = self.wait.take() else {
            return;
        };
        wait.request = request.clone();
        let moment = wait.moment();
        match &mut self.teller {
            Teller::Live(live) => {
                live.erase();
                // The failure that follows says what any other answer means.
                if request.status == ApprovalStatus::Approved {
                    report::line(&words::approved(moment));
                }
            }
            Teller::Log(log) => tell(&log.ended(moment)),
            Teller::Json(events) => report::events(&events.ended(moment)),
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(request) = &self.last {
            summary::tell_asked(self.env, request, self.is_interrupted);
        }
        match &mut self.teller {
            Teller::Live(live) => live.erase(),
            Teller::Log(log) => report::lines(&log.close()),
            Teller::Json(_) => {}
        }
    }
}

/// Counts the minutes of a wait, for those who are told once a minute.
#[derive(Debug, Default)]
struct Minutes(u64);

impl Minutes {
    /// Tells whether another minute has passed since it last said so.
    fn passed(&mut self, elapsed: Duration) -> bool {
        let minutes = elapsed.as_secs() / 60;
        let is_new = minutes > self.0;
        self.0 = minutes;
        is_new
    }
}

#[cfg(test)]
mod tests;
