//! `gate requests list`.

use gate_client::ListQuery;
use gate_protocol::request::{ApprovalRequest, RequestPage};

use super::filter::Filter;
use crate::failure::Failure;
use crate::report;
use crate::session::{self, Session};
use crate::show::screen::Screen;
use crate::show::{answer, request};
use crate::world::World;

/// The most requests that one page can have, as far as the client asks.
const PAGE: usize = 100;
/// How many of the newest requests are looked through for those of one's own:
/// an end also to a list that a server makes up as it goes.
const LOOKED_THROUGH: usize = 100_000;

/// List requests, newest first
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    filter: Filter,
    /// Only those that you, or agents and workloads of yours, have asked for.
    #[arg(long)]
    mine: bool,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let page = self.fetch(&session)?;
        if self.json {
            return answer::json(&page);
        }
        let has_looked_enough = page.next.is_some() && page.requests.len() < self.most();
        if has_looked_enough {
            report::line(&format!(
                "the newest {LOOKED_THROUGH} requests were looked through, and there are older ones"
            ));
        }
        if page.requests.is_empty() {
            report::line("no requests");
            return Ok(());
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        answer::text(&request::table(&screen, &page.requests))?;
        if page.next.is_some() && !has_looked_enough {
            report::line("there are older ones; see them with a higher --limit");
        }
        Ok(())
    }

    /// Returns how many requests are wanted.
    fn most(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }

    fn fetch(&self, session: &Session) -> Result<RequestPage, Failure> {
        let limit = self.most();
        let me = if self.mine {
            Some(session.call(session.client().whoami())?.principal)
        } else {
            None
        };
        let mut query = ListQuery {
            limit: Some(self.limit.min(u32::try_from(PAGE).unwrap_or(u32::MAX))),
            ..self.filter.query()
        };
        let mut requests: Vec<ApprovalRequest> = Vec::new();
        let mut seen = 0;
        loop {
            let page = session.call(session.client().list(&query))?;
            let is_wanted = |request: &ApprovalRequest| {
                me.as_ref().is_none_or(|me| request.requester.is_of(me))
            };
            let left = limit - requests.len();
            if let Some(fitting) = fitting(&page.requests, is_wanted, left)
                && query.limit != Some(fitting)
            {
                // Only the server knows where a page that is cut off there goes on.
                query.limit = Some(fitting);
                continue;
            }
            // Behind a page of nothing the server has looked at as many as it likes.
            let least = if query.waits_for_me { PAGE } else { 0 };
            seen += page.requests.len().max(least);
            let wanted = page.requests.into_iter().filter(is_wanted);
            requests.extend(wanted.take(left));
            match page.next {
                Some(next) if requests.len() < limit && seen < LOOKED_THROUGH => {
                    query.cursor = Some(next);
                }
                next => return Ok(RequestPage { requests, next }),
            }
        }
    }
}

/// Returns how long a page may be to have no more of what is wanted than is left to
/// be shown; none where it has not.
fn fitting(
    requests: &[ApprovalRequest],
    is_wanted: impl Fn(&ApprovalRequest) -> bool,
    left: usize,
) -> Option<u32> {
    let mut wanted = requests
        .iter()
        .enumerate()
        .filter(|(_, one)| is_wanted(one));
    let (last, _) = wanted.nth(left.checked_sub(1)?)?;
    wanted.next()?;
    u32::try_from(last + 1).ok()
}

/// Returns the newest requests of the caller's own.
///
/// # Errors
/// The server can't be reached, or does not say.
#[cfg(feature = "mcp")]
pub(in crate::cli) fn own(session: &Session, limit: u32) -> Result<RequestPage, Failure> {
    let list = List {
        filter: Filter::default(),
        mine: true,
        limit,
        json: true,
    };
    list.fetch(session)
}
