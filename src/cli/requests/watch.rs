//! `gate requests watch`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gate_client::{ClientError, ListQuery, POLL_WAIT};
use gate_protocol::id::RequestId;
use gate_protocol::request::{ApprovalRequest, RequestPage};

use super::find;
use crate::failure::Failure;
use crate::report;
use crate::session::{self, Session};
use crate::show::screen::Screen;
use crate::show::{answer, request};
use crate::world::World;

/// How often the list is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How long a server that does not answer is waited for.
const PATIENCE: Duration = Duration::from_mins(10);

/// Follow one request until it ends, or all of them
#[derive(Debug, clap::Args)]
pub(super) struct Watch {
    /// The request's id; its first or last 6 digits or more will do. Without
    /// one, every change of the newest requests is shown until you press Ctrl-C.
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Print each change as one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Watch {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        match &self.id {
            Some(id) => self.one(world, &session, id),
            None => self.all(world, &session),
        }
    }

    fn one(&self, world: &World, session: &Session, id: &str) -> Result<(), Failure> {
        let mut current = find(session, id)?;
        self.tell(world, &current)?;
        let mut last_answer = Instant::now();
        while !current.status.is_terminal() {
            let poll = session
                .client()
                .poll(current.id, current.version, POLL_WAIT);
            let Some(polled) = patiently(session, poll, &mut last_answer)? else {
                continue;
            };
            if polled.version != current.version {
                self.tell(world, &polled)?;
            }
            current = polled;
        }
        Ok(())
    }

    fn all(&self, world: &World, session: &Session) -> Result<(), Failure> {
        let query = ListQuery::default();
        let mut told: BTreeMap<RequestId, u64> = BTreeMap::new();
        let mut last_answer = Instant::now();
        loop {
            let listed = patiently(session, session.client().list(&query), &mut last_answer)?;
            if let Some(RequestPage { requests, .. }) = listed {
                for request in requests.iter().rev() {
                    if told.get(&request.id) != Some(&request.version) {
                        self.tell(world, request)?;
                    }
                }
                // Only the newest can change any more; the rest need not be remembered.
                told = requests
                    .iter()
                    .map(|request| (request.id, request.version))
                    .collect();
                std::thread::sleep(LOOK);
            }
        }
    }

    fn tell(&self, world: &World, request: &ApprovalRequest) -> Result<(), Failure> {
        if self.json {
            return answer::json(request);
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        answer::line(&request::line(&screen, request))
    }
}

/// Asks, and returns none where the server can't answer now but may soon.
fn patiently<T>(
    session: &Session,
    asked: impl Future<Output = Result<T, ClientError>>,
    last_answer: &mut Instant,
) -> Result<Option<T>, Failure> {
    match session.block_on(asked) {
        Ok(answer) => {
            *last_answer = Instant::now();
            Ok(Some(answer))
        }
        Err(error) if error.is_retryable() && last_answer.elapsed() < PATIENCE => {
            report::line(&format!("{error}; trying again"));
            std::thread::sleep(LOOK);
            Ok(None)
        }
        Err(error) => Err(session::from_client(error)),
    }
}
