//! Names that stand on no list of gate's: of requests, rules, tools.
//!
//! Nobody is asked anything and nothing is told: what can't be had at once and in silence is left
//! out.

use std::ffi::OsStr;
use std::time::Duration;

use gate_client::{ClientError, ListQuery, Most};
use gate_policy::RuleSummary;
use gate_protocol::break_glass::BreakGlassEntry;
use gate_protocol::principal::Whoami;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, RequestPage};
use gate_protocol::span;
use jiff::Timestamp;

use super::line::Candidate;
use super::subject::{About, Subject};
use crate::session::{self, Session};
use crate::shims::{self, Lookup};
use crate::world::World;

/// At most so many requests are offered.
const MOST: u32 = 100;
/// At most so many letters say what a name is.
const LONGEST: usize = 72;

/// Returns the names that a value can have.
pub(super) fn of(subject: Subject, world: &World, patience: Duration) -> Vec<Candidate> {
    let found = match subject {
        Subject::Request(about) => requests(world, about, patience),
        Subject::BreakGlass => unreviewed(world, patience),
        Subject::Rule => rules(world),
        Subject::Tool => tools(world),
        Subject::Shim => Some(shims(world)),
        Subject::File | Subject::Folder | Subject::Free => None,
    };
    found.unwrap_or_default()
}

fn requests(world: &World, about: About, patience: Duration) -> Option<Vec<Candidate>> {
    let session = session::connect_unasked(world, patience)?;
    let asked = session.within(Some(patience), seen(&session, about));
    let (who, requests) = session.block_on(asked).ok()?;
    let now = Timestamp::now();
    let fitting = requests.iter().filter(|request| {
        about.statuses().contains(&request.status)
            && match about {
                About::Answerable | About::Deniable => !request.requester.is_of(&who.principal),
                About::Own => request.requester.is_of(&who.principal),
                About::Every | About::Open => true,
            }
    });
    Some(fitting.map(|request| described(request, now)).collect())
}

/// Returns the uses of break-glass that wait for a review.
fn unreviewed(world: &World, patience: Duration) -> Option<Vec<Candidate>> {
    let session = session::connect_unasked(world, patience)?;
    let uses = session.client().break_glass_uses(true, Most(Some(MOST)));
    let asked = session.within(Some(patience), uses);
    let uses = session.block_on(asked).ok()?.items;
    let described = |one: BreakGlassEntry| Candidate {
        word: one.request.to_string(),
        about: plain(&format!("{}: {}", one.requester, one.reason)),
    };
    Some(uses.into_iter().map(described).collect())
}

/// Asks the server who asks, and for requests, newest first.
async fn seen(
    session: &Session,
    about: About,
) -> Result<(Whoami, Vec<ApprovalRequest>), ClientError> {
    let who = session.client().whoami();
    if matches!(about, About::Every | About::Open) {
        let (who, page) = tokio::try_join!(who, page(session, None))?;
        return Ok((who, page.requests));
    }
    let pending = page(session, Some(ApprovalStatus::Pending));
    if about == About::Answerable {
        let (who, pending) = tokio::try_join!(who, pending)?;
        return Ok((who, pending.requests));
    }
    let approved = page(session, Some(ApprovalStatus::Approved));
    let (who, pending, approved) = tokio::try_join!(who, pending, approved)?;
    Ok((who, [pending.requests, approved.requests].concat()))
}

async fn page(
    session: &Session,
    status: Option<ApprovalStatus>,
) -> Result<RequestPage, ClientError> {
    let query = ListQuery {
        status,
        limit: Some(MOST),
        ..ListQuery::default()
    };
    session.client().list(&query).await
}

fn described(request: &ApprovalRequest, now: Timestamp) -> Candidate {
    let age = now
        .as_second()
        .saturating_sub(request.created_at.as_second());
    let about = format!(
        "{}, {}, {}: {}",
        request.status.as_str(),
        request.requester.name,
        span::coarse(u64::try_from(age).unwrap_or_default()),
        request.invocation.shown_command(),
    );
    Candidate {
        word: request.id.to_string(),
        about: plain(&about),
    }
}

fn rules(world: &World) -> Option<Vec<Candidate>> {
    let configuration = world.configuration().ok()?;
    let policy = configuration.policy(world, &world.cwd).ok()?;
    let described = |rule: RuleSummary| Candidate {
        about: plain(&format!(
            "{}, {}: {}",
            rule.rule.layer.as_str(),
            rule.decision.as_str(),
            match rule.tools.as_slice() {
                [] => "every tool".to_owned(),
                tools => tools.join(", "),
            }
        )),
        word: rule.rule.id,
    };
    let mut names: Vec<Candidate> = policy.rules().map(described).collect();
    // Rules of two layers can have one name.
    names.sort_by(|one, other| one.word.cmp(&other.word));
    names.dedup_by(|one, other| one.word == other.word);
    Some(names)
}

fn tools(world: &World) -> Option<Vec<Candidate>> {
    let lookup = Lookup::from(&world.cwd).ok()?;
    let path = world.variable(OsStr::new("PATH"));
    let known = shims::wrapped_by_all(world.profiles().ok()?);
    let present = known
        .into_iter()
        .filter(|name| lookup.real(OsStr::new(name), path).is_ok());
    Some(present.map(nameless).collect())
}

fn shims(world: &World) -> Vec<Candidate> {
    let folders = shims::known(world);
    let shims = folders.iter().filter_map(|folder| folder.shims().ok());
    let mut names: Vec<String> = shims
        .flatten()
        .filter_map(|shim| shim.tool.into_string().ok())
        .collect();
    names.sort();
    names.dedup();
    names.into_iter().map(nameless).collect()
}

fn nameless(word: String) -> Candidate {
    Candidate {
        word,
        about: String::new(),
    }
}

/// Tells whether every shell takes a word as it stands, wherever it stands: names that somebody
/// else chose come onto the line that is run next.
pub(super) fn is_plain(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@%=:,".contains(&byte);
    let begins = word.bytes().next();
    begins.is_some_and(|first| first.is_ascii_alphanumeric()) && word.bytes().all(is_plain)
}

/// Returns what somebody else wrote so that it is nothing but text to whatever shows it: no shell,
/// prompt or menu makes anything of what is left.
fn plain(text: &str) -> String {
    let shown = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() => letter,
        ' ' | '/' | '.' | '_' | '-' | '+' | '@' | '=' | ':' | ',' => letter,
        _ => '?',
    };
    let mut plain: String = text.chars().take(LONGEST).map(shown).collect();
    if text.chars().nth(LONGEST).is_some() {
        plain.push_str("...");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_can_be_nothing_but_text() {
        let hostile = "a $(touch x) `y` \u{1b}[2J\n\t'\"\\%F{red}\u{202e}é!*?[~;&|<>{}#";
        let text = plain(hostile);
        let harmless = |c: char| c.is_ascii_alphanumeric() || " /._-+@=:,?".contains(c);
        assert!(text.chars().all(harmless), "{text}");
        assert!(text.starts_with("a ??touch x? ?y?"), "{text}");
        let long = plain(&"x".repeat(500));
        assert_eq!(long.len(), LONGEST + 3);
    }

    #[test]
    fn only_names_without_a_meaning_to_a_shell_are_offered() {
        for name in [
            "0198c0de-1111-7000-8000-000000000001",
            "baseline/destroy",
            "a.b:c",
        ] {
            assert!(is_plain(name), "{name}");
        }
        for name in [
            "", "-rf", "~", "=ls", "a b", "a$(x)", "`x`", "a\nb", "a;b", "é", "a!b",
        ] {
            assert!(!is_plain(name), "{name:?}");
        }
    }
}
