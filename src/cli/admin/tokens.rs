//! `gate admin tokens`.

use std::time::Duration;

use gate_client::Most;
use gate_protocol::inert::inert;
use gate_protocol::principal::{CreateToken, Role, TOKEN_TTL_SECONDS, TokenEntry};

use crate::cli::at_most::AtMost;
use crate::cli::change;
use crate::cli::named::one_of;
use crate::failure::Failure;
use crate::report;
use crate::session::{self, Session};
use crate::show::answer;
use crate::show::clock;
use crate::show::screen::{Screen, Tone};
use crate::show::table::Table;
use crate::world::World;

/// Make, list and revoke tokens on the server that you are logged in to
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
pub(super) struct Tokens {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make a token and print it, once
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Create {
    /// Whose token it will be.
    #[arg(long, value_name = "NAME")]
    principal: String,
    /// What it may be used for; approver, admin and auditor are for users only.
    #[arg(long, value_name = "ROLE", value_parser = one_of(Role::ALL, Role::as_str))]
    role: Role,
    /// How long it lives, as 30m or 90d: from 1m to 365d.
    #[arg(long, value_name = "DURATION", value_parser = parse_ttl)]
    ttl: Duration,
    /// A tool that it may be used to ask for; may be given again. Any, by default.
    #[arg(long = "tool", value_name = "TOOL")]
    tools: Vec<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// List tokens, the oldest first, by id: whose, for what, until when
///
/// The tokens themselves are not stored and can't be shown. Needs the token of
/// an admin.
#[derive(Debug, clap::Args)]
struct List {
    /// Only those of this principal.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Those too that have ended or were revoked.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    at_most: AtMost,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Take a token back
///
/// It is refused from now on, and so are browsers that signed in with it. Needs
/// the token of an admin.
#[derive(Debug, clap::Args)]
struct Revoke {
    /// The token's id, as `gate admin tokens list` shows it; never the token itself.
    #[arg(value_name = "ID", value_parser = parse_id)]
    id: String,
}

/// Takes what can be a token's id. A token given in its place is not sent where
/// it would stand in the server's log.
fn parse_id(text: &str) -> Result<String, String> {
    let is_id = text.len() == 36 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if is_id {
        return Ok(text.to_ascii_lowercase());
    }
    Err("an id is 32 hex digits with dashes; `gate admin tokens list` shows it".to_owned())
}

pub(super) fn parse_ttl(text: &str) -> Result<Duration, String> {
    let ttl = gate_policy::parse_duration(text).map_err(|error| error.to_string())?;
    if TOKEN_TTL_SECONDS.contains(&ttl.as_secs()) {
        return Ok(ttl);
    }
    Err("a token lives from 1m to 365d".to_owned())
}

impl Tokens {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        match &self.verb {
            Verb::Create(create) => create.run(&session, &screen),
            Verb::List(list) => list.run(&session, &screen),
            Verb::Revoke(revoke) => revoke.run(&session),
        }
    }
}

impl Create {
    fn run(&self, session: &Session, screen: &Screen) -> Result<(), Failure> {
        let wanted = CreateToken {
            principal: self.principal.clone(),
            role: self.role,
            ttl_seconds: self.ttl.as_secs(),
            tools: self.tools.clone(),
        };
        let created = change::ask(session, session.client().create_token(&wanted))?;
        if self.json {
            return answer::json(&created);
        }
        let whose = format!("{} of {}", self.role.as_str(), inert(&self.principal));
        let end = clock::local(screen, created.expires_at);
        report::line(&format!(
            "token {} for the {whose}, good until {end}",
            inert(&created.id)
        ));
        report::line("it is not stored and not shown again:");
        answer::line(&created.token)
    }
}

impl List {
    fn run(&self, session: &Session, screen: &Screen) -> Result<(), Failure> {
        let mut tokens = session
            .call(session.client().tokens(Most::default()))?
            .items;
        tokens.retain(|token| {
            let is_theirs = self
                .principal
                .as_ref()
                .is_none_or(|name| *name == token.principal);
            is_theirs && (self.all || token.is_good(screen.now))
        });
        let tokens = self.at_most.cut(tokens);
        if self.json {
            return answer::json(&tokens);
        }
        if tokens.is_empty() {
            report::line("no tokens");
            return Ok(());
        }
        answer::text(&table(screen, &tokens))
    }
}

impl Revoke {
    fn run(&self, session: &Session) -> Result<(), Failure> {
        change::ask(session, session.client().revoke_token(&self.id))?;
        answer::line(&format!("revoked {}", inert(&self.id)))
    }
}

fn table(screen: &Screen, tokens: &[TokenEntry]) -> String {
    let mut table = Table::new(screen, &["ID", "PRINCIPAL", "ROLE", "TOOLS", "ENDS"]);
    for token in tokens {
        let (tone, end) = match (token.revoked_at, token.expires_at) {
            (Some(at), _) => (
                Tone::Faint,
                format!("revoked {}", clock::local_and_relative(screen, at)),
            ),
            (None, Some(at)) if at <= screen.now => (
                Tone::Faint,
                format!("ended {}", clock::local_and_relative(screen, at)),
            ),
            (None, Some(at)) => (Tone::Plain, clock::local_and_relative(screen, at)),
            (None, None) => (Tone::Plain, "never".to_owned()),
        };
        let cells = vec![
            inert(&token.id).into_owned(),
            inert(&token.principal).into_owned(),
            token.role.as_str().to_owned(),
            scope(token),
            end,
        ];
        table.row(tone, cells);
    }
    table.finish()
}

/// Returns what a token may be used to ask for.
fn scope(token: &TokenEntry) -> String {
    match (token.role, token.tools.as_slice()) {
        (Role::Requester, []) => "any".to_owned(),
        (Role::Requester, tools) => inert(&tools.join(", ")).into_owned(),
        (Role::Approver | Role::Admin | Role::Auditor, _) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_say_whose_they_are_for_what_and_until_when() {
        let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
        let entry = |id: &str, end: Option<&str>, revoked: Option<&str>, tools: &[&str]| {
            let role = if id < "3" { "approver" } else { "requester" };
            serde_json::from_value::<TokenEntry>(serde_json::json!({
                "id": id, "principal": "b\u{202e}ob", "role": role, "tools": tools,
                "created_at": "2026-11-01T00:00:00Z", "expires_at": end, "revoked_at": revoked,
            }))
            .unwrap()
        };
        let tokens = [
            entry("1", None, None, &[]),
            entry("2", Some("2026-11-24T17:39:34Z"), None, &[]),
            entry("3", Some("2026-11-22T17:39:34Z"), None, &[]),
            entry(
                "4",
                None,
                Some("2026-11-20T17:39:34Z"),
                &["kubectl", "psql"],
            ),
        ];
        assert_eq!(
            table(&screen, &tokens),
            "ID  PRINCIPAL    ROLE       TOOLS          ENDS\n\
             1   b\\u{202e}ob  approver   -              never\n\
             2   b\\u{202e}ob  approver   -              2026-11-24 17:39:34 +00:00 (in 2 d)\n\
             3   b\\u{202e}ob  requester  any            ended 2026-11-22 17:39:34 +00:00 (now)\n\
             4   b\\u{202e}ob  requester  kubectl, psql  revoked 2026-11-20 17:39:34 +00:00 (2 d ago)\n"
        );
        let good: Vec<bool> = tokens
            .iter()
            .map(|token| token.is_good(screen.now))
            .collect();
        assert_eq!(good, [true, true, false, false]);
    }
}
