//! `gate admin agents`: principals of the kind agent, with their tokens.

use std::time::Duration;

use gate_client::Most;
use gate_protocol::inert::inert;
use gate_protocol::principal::{CreateToken, Principal, PrincipalKind, Role};

use super::tokens::parse_ttl;
use crate::cli::at_most::AtMost;
use crate::cli::change;
use crate::failure::Failure;
use crate::report;
use crate::session::{self, Session};
use crate::show::answer;
use crate::world::World;

/// Register agents with their owner, and list them
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
pub(super) struct Agents {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Register(Register),
    List(List),
}

/// Make an agent known and print its token, once
///
/// Its owner answers for it and never approves what it asks for. Needs the token of
/// an admin.
#[derive(Debug, clap::Args)]
struct Register {
    /// The unique name: 1 to 128 of a-z, 0-9, and `._@+-`.
    name: String,
    /// The user who owns it.
    #[arg(long, value_name = "USER")]
    owner: String,
    /// How long its token lives, as 30m or 90d: from 1m to 365d.
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = parse_ttl)]
    ttl: Duration,
    /// A tool that it may ask for; may be given again. Any, by default.
    #[arg(long = "tool", value_name = "TOOL")]
    tools: Vec<String>,
}

/// List the agents, each with its owner and how many good tokens it has
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct List {
    /// Only those of this user.
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    #[command(flatten)]
    at_most: AtMost,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

impl Agents {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        match &self.verb {
            Verb::Register(register) => register.run(&session),
            Verb::List(list) => list.run(&session),
        }
    }
}

impl Register {
    fn run(&self, session: &Session) -> Result<(), Failure> {
        let wanted = Principal {
            name: self.name.clone(),
            kind: PrincipalKind::Agent,
            owner: Some(self.owner.clone()),
            person: None,
            groups: Vec::new(),
            disabled: false,
        };
        let agent = change::ask(session, session.client().create_principal(&wanted))?;
        let token = CreateToken {
            principal: agent.name.clone(),
            role: Role::Requester,
            ttl_seconds: self.ttl.as_secs(),
            tools: self.tools.clone(),
        };
        let created = change::ask(session, session.client().create_token(&token))?;
        let tools = match self.tools.as_slice() {
            [] => "anything".to_owned(),
            tools => inert(&tools.join(", ")).into_owned(),
        };
        report::line(&format!(
            "agent {} of {}, may ask for {tools}; its token is not stored and not shown again:",
            inert(&agent.name),
            inert(&self.owner),
        ));
        answer::line(&created.token)
    }
}

impl List {
    fn run(&self, session: &Session) -> Result<(), Failure> {
        let mut agents = session
            .call(session.client().principals(Most::default()))?
            .items;
        agents.retain(|agent| {
            let is_theirs = self.owner.is_none() || agent.owner == self.owner;
            agent.kind == PrincipalKind::Agent && is_theirs
        });
        let agents = self.at_most.cut(agents);
        if self.json {
            return answer::json(&agents);
        }
        let tokens = session
            .call(session.client().tokens(Most::default()))?
            .items;
        let now = jiff::Timestamp::now();
        agents.iter().try_for_each(|agent| {
            let good = tokens
                .iter()
                .filter(|token| token.principal == agent.name && token.is_good(now))
                .count();
            let owner = agent.owner.as_deref().unwrap_or_default();
            let disabled = if agent.disabled { ", disabled" } else { "" };
            let plural = if good == 1 { "token" } else { "tokens" };
            answer::line(&format!(
                "{}, owned by {}, {good} {plural}{disabled}",
                inert(&agent.name),
                inert(owner),
            ))
        })
    }
}
