//! `gate server token`.

use std::time::Duration;

use gate_protocol::inert::inert;
use gate_protocol::principal::{CreateToken, Role};

use crate::cli::parse_duration;
use crate::failure::Failure;
use crate::report;
use crate::session;
use crate::show::answer;
use crate::show::clock;
use crate::show::screen::Screen;
use crate::world::World;

/// Make tokens on the server that you are logged in to
#[derive(Debug, clap::Args)]
pub(super) struct Tokens {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Create(Create),
}

/// Make a token and print it, once
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Create {
    /// Whose token it will be.
    #[arg(long, value_name = "NAME")]
    principal: String,
    /// What it may be used for: requester, approver, admin or auditor.
    #[arg(long, value_name = "ROLE", value_parser = parse_role)]
    role: Role,
    /// How long it lives, as 30m or 90d: from 1m to 365d.
    #[arg(long, value_name = "DURATION", value_parser = parse_ttl)]
    ttl: Duration,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The shortest and the longest life of a token, in seconds.
const LIVES: std::ops::RangeInclusive<u64> = 60..=31_536_000;

fn parse_ttl(text: &str) -> Result<Duration, String> {
    let ttl = parse_duration(text)?;
    if LIVES.contains(&ttl.as_secs()) {
        return Ok(ttl);
    }
    Err("a token lives from 1m to 365d".to_owned())
}

fn parse_role(text: &str) -> Result<Role, String> {
    [Role::Requester, Role::Approver, Role::Admin, Role::Auditor]
        .into_iter()
        .find(|role| role.as_str() == text)
        .ok_or_else(|| "a role is requester, approver, admin or auditor".to_owned())
}

impl Tokens {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::Create(create) => create.run(world),
        }
    }
}

impl Create {
    fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let wanted = CreateToken {
            principal: self.principal.clone(),
            role: self.role,
            ttl_seconds: self.ttl.as_secs(),
        };
        let created = session.call(session.client().create_token(&wanted))?;
        if self.json {
            return answer::json(&created);
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        let whose = format!("{} of {}", self.role.as_str(), inert(&self.principal));
        let end = clock::local(&screen, created.expires_at);
        report::line(&format!(
            "token {} for the {whose}, good until {end}",
            inert(&created.id)
        ));
        report::line("it is not stored and not shown again:");
        answer::line(&created.token)
    }
}
