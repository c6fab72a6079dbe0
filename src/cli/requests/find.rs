//! From what a person typed to the one request that is meant.

use gate_client::{ClientError, ListQuery};
use gate_protocol::id::RequestId;
use gate_protocol::inert::inert;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::ApprovalRequest;

use crate::failure::{Failure, FailureKind};
use crate::session::{self, Session};

/// A part of an id that is shorter than this could be anything.
const SHORTEST: usize = 6;
/// How many of the newest requests an abbreviation can mean.
const NEWEST: usize = 2_000;

/// Returns the request that `text` names: by its whole id, or by the beginning
/// or the end of it where only one request has that.
///
/// # Errors
/// `text` names none or more than one, or the server does not answer.
pub(in crate::cli) fn find(session: &Session, text: &str) -> Result<ApprovalRequest, Failure> {
    if let Ok(id) = text.parse::<RequestId>() {
        return match session.block_on(session.client().show(id)) {
            Err(ClientError::Refused(problem)) if problem.code == ProblemCode::NotFound => {
                Err(unseen(format!("no request has the id {id}")))
            }
            shown => shown.map_err(session::from_client),
        };
    }
    let part = text.to_ascii_lowercase();
    let is_part = part.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if part.len() < SHORTEST || !is_part {
        return Err(Failure::new(
            FailureKind::Usage,
            format!("`{}` is not a request's id", inert(text)),
        )
        .hint("give the whole id, or the first or last 6 digits or more; `gate requests list` shows them"));
    }
    let mut found = candidates(session, &part)?;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(unseen(format!(
            "no request's id begins or ends with `{part}`"
        ))),
        (Some(last), false) => {
            found.push(last);
            let ids: Vec<String> = found.iter().map(|request| request.id.to_string()).collect();
            Err(Failure::new(
                FailureKind::Usage,
                format!("`{part}` is part of {} ids", found.len()),
            )
            .hint(ids.join("\n")))
        }
    }
}

fn unseen(text: String) -> Failure {
    Failure::new(FailureKind::Usage, text)
        .hint("`gate requests list` shows the requests that you may see")
}

fn candidates(session: &Session, part: &str) -> Result<Vec<ApprovalRequest>, Failure> {
    let mut query = ListQuery::default();
    let mut found = Vec::new();
    let mut seen = 0;
    loop {
        let page = session.call(session.client().list(&query))?;
        seen += page.requests.len();
        found.extend(
            page.requests
                .into_iter()
                .filter(|request| is_named(request, part)),
        );
        match page.next {
            Some(next) if seen < NEWEST => query.cursor = Some(next),
            Some(_) | None => return Ok(found),
        }
    }
}

fn is_named(request: &ApprovalRequest, part: &str) -> bool {
    let id = request.id.to_string();
    id.starts_with(part) || id.ends_with(part)
}
