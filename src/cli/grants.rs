//! `gate grants`: standing grants, which approve for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use gate_client::Most;
use gate_protocol::id::StandingGrantId;
use gate_protocol::inert::inert;
use gate_protocol::standing_grant::{
    ProposeStandingGrant, STANDING_USES, StandingGrant, StandingGrantPage, StandingGrantStatus,
};

use super::at_most::AtMost;
use super::change;
use crate::failure::Failure;
use crate::report;
use crate::session::{self, Session};
use crate::show::screen::{Screen, Tone};
use crate::show::table::Table;
use crate::show::{answer, clock};
use crate::world::World;

/// Approve what is asked again and again, for a short time
///
/// A standing grant is for one rule, one target and one principal: at most so
/// many uses, at most for so long. As many people confirm it as the rule asks
/// for, and none of those who could not approve the requests themselves.
#[derive(Debug, clap::Args)]
pub(crate) struct Grants {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    List(List),
    Propose(Propose),
    Confirm(Confirm),
    Revoke(Revoke),
}

/// List standing grants, newest first
#[derive(Debug, clap::Args)]
struct List {
    /// Those too that have ended, are used up or were revoked.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    at_most: AtMost,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Propose a standing grant, and confirm it as the first
///
/// Needs the token of an approver. `gate requests show ID --json` shows the rule
/// and the target of a request.
#[derive(Debug, clap::Args)]
struct Propose {
    /// The id of the one rule that asks.
    #[arg(long, value_name = "ID")]
    rule: String,
    /// Whose requests.
    #[arg(long, value_name = "NAME")]
    principal: String,
    /// A field of the target; every field of it is given, each once.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = parse_field)]
    target: Vec<(String, String)>,
    /// How many requests, at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(i64::from(*STANDING_USES.start())..=i64::from(*STANDING_USES.end())))]
    uses: u32,
    /// For how long once it is confirmed, as 30m or 2h.
    #[arg(long = "for", value_name = "DURATION", value_parser = gate_policy::parse_duration)]
    ttl: Duration,
    /// Why, for those who confirm it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Confirm a standing grant as one more person
///
/// Needs the token of an approver.
#[derive(Debug, clap::Args)]
struct Confirm {
    /// The standing grant's id, as `gate grants list` shows it.
    #[arg(value_name = "ID")]
    id: StandingGrantId,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Take a standing grant back, with what it approved and nobody has started
#[derive(Debug, clap::Args)]
struct Revoke {
    /// The standing grant's id, as `gate grants list` shows it.
    #[arg(value_name = "ID")]
    id: StandingGrantId,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn parse_field(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((field, value)) if !field.is_empty() => Ok((field.to_owned(), value.to_owned())),
        Some(_) | None => Err("write a field as namespace=prod".to_owned()),
    }
}

impl Grants {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        let client = session.client();
        let (done, json) = match &self.verb {
            Verb::List(list) => return list.run(&session, &screen),
            Verb::Propose(propose) => {
                let wanted = propose.wanted();
                let call = client.propose_standing_grant(&wanted);
                (change::ask(&session, call)?, propose.json)
            }
            Verb::Confirm(confirm) => {
                let call = client.confirm_standing_grant(confirm.id);
                (change::ask(&session, call)?, confirm.json)
            }
            Verb::Revoke(revoke) => {
                let call = client.revoke_standing_grant(revoke.id);
                (change::ask(&session, call)?, revoke.json)
            }
        };
        if json {
            return answer::json(&done);
        }
        answer::line(&line(&screen, &done))
    }
}

impl Propose {
    fn wanted(&self) -> ProposeStandingGrant {
        ProposeStandingGrant {
            rule: self.rule.clone(),
            target: self.target.iter().cloned().collect(),
            principal: self.principal.clone(),
            uses: self.uses,
            ttl_seconds: self.ttl.as_secs(),
            reason: gate_policy::masked_prose(&self.reason, &[]),
        }
    }
}

impl List {
    fn run(&self, session: &Session, screen: &Screen) -> Result<(), Failure> {
        let listed = session.call(session.client().standing_grants(Most::default()))?;
        let mut grants = listed.items;
        grants.retain(|one| self.all || is_open(one.status));
        let grants = self.at_most.cut(grants);
        if self.json {
            let page = StandingGrantPage {
                standing_grants: grants,
                next: None,
            };
            return answer::json(&page);
        }
        if grants.is_empty() {
            report::line("no standing grants");
            return Ok(());
        }
        answer::text(&table(screen, &grants))
    }
}

fn is_open(status: StandingGrantStatus) -> bool {
    match status {
        StandingGrantStatus::Proposed | StandingGrantStatus::Active => true,
        StandingGrantStatus::UsedUp | StandingGrantStatus::Ended | StandingGrantStatus::Revoked => {
            false
        }
    }
}

/// Says how one stands, and what it waits for.
fn line(screen: &Screen, one: &StandingGrant) -> String {
    let state = match one.status {
        StandingGrantStatus::Proposed => {
            let wanted: Vec<String> = one
                .requirements
                .iter()
                .map(|wanted| {
                    format!(
                        "{} of {}",
                        wanted.count,
                        inert(&wanted.approvers.join(", "))
                    )
                })
                .collect();
            format!(
                "proposed, confirmed by {} so far; it needs {}",
                one.confirmations.len(),
                wanted.join(" and ")
            )
        }
        StandingGrantStatus::Active => format!(
            "active, {} of {} used, ends {}",
            one.used,
            one.uses,
            clock::local_and_relative(screen, one.ends_at)
        ),
        StandingGrantStatus::UsedUp => "used up".to_owned(),
        StandingGrantStatus::Ended => "ended".to_owned(),
        StandingGrantStatus::Revoked => "revoked".to_owned(),
    };
    format!("{} {state}", one.id)
}

fn table(screen: &Screen, grants: &[StandingGrant]) -> String {
    let header = [
        "ID",
        "STATUS",
        "PRINCIPAL",
        "RULE",
        "TARGET",
        "USED",
        "ENDS",
    ];
    let mut table = Table::new(screen, &header);
    for one in grants {
        let tone = if is_open(one.status) {
            Tone::Plain
        } else {
            Tone::Faint
        };
        let cells = vec![
            one.id.to_string(),
            one.status.as_str().to_owned(),
            inert(&one.principal).into_owned(),
            inert(&one.rule).into_owned(),
            target(&one.target),
            format!("{}/{}", one.used, one.uses),
            clock::local_and_relative(screen, one.ends_at),
        ];
        table.row(tone, cells);
    }
    table.finish()
}

fn target(target: &BTreeMap<String, String>) -> String {
    let fields = target.iter();
    let fields = fields.map(|(field, value)| format!("{}={}", inert(field), inert(value)));
    fields.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(status: &str) -> StandingGrant {
        serde_json::from_value(serde_json::json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "status": status,
            "rule": "team/restart", "target": { "namespace": "pr\u{202e}od" },
            "principal": "bot", "uses": 3, "used": 1, "ttl_seconds": 600, "reason": "a fix",
            "requirements": [{ "approvers": ["group:sre"], "count": 2 }],
            "confirmations": [], "proposed_at": "2026-11-22T17:30:00Z",
            "ends_at": "2026-11-22T17:49:34Z",
        }))
        .unwrap()
    }

    #[test]
    fn a_line_says_what_is_missing_or_left() {
        let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
        let proposed = line(&screen, &grant("proposed"));
        assert!(
            proposed.contains("confirmed by 0 so far; it needs 2 of group:sre"),
            "{proposed}"
        );
        let active = line(&screen, &grant("active"));
        assert!(active.contains("active, 1 of 3 used"), "{active}");
        let shown = table(&screen, &[grant("active")]);
        assert!(shown.contains("namespace=pr\\u{202e}od"), "{shown}");
    }

    #[test]
    fn a_field_of_a_target_has_a_name_and_may_be_empty() {
        assert_eq!(parse_field("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(parse_field("a="), Ok(("a".to_owned(), String::new())));
        assert!(parse_field("=b").is_err() && parse_field("a").is_err());
    }
}
