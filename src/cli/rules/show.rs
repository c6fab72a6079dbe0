//! `gate rules show`.

use gate_policy::{Layer, RuleSummary};
use gate_protocol::inert::inert;

use crate::config::stored_rules::stored;
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::show::screen::Screen;
use crate::show::{answer, rules};
use crate::world::World;

/// Show the rules in force here, with the layer and the place of each
///
/// The rules of the server and of the machine decide together, and the
/// strictest wins; where none of them matches, the baseline decides. Rules of
/// the user and of the project can only tighten that. Tool profiles that are not
/// built in stand below, with whose they are.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Only the rules of these names, of whatever layer.
    #[arg(value_name = "RULE")]
    rules: Vec<String>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let policy = world.configuration()?.policy(world, &world.cwd)?;
        for warning in policy.warnings() {
            report::line(&format!("warning: {}", inert(warning)));
        }
        let in_force: Vec<_> = policy.rules().collect();
        if !self.rules.is_empty() {
            return self.named(world, in_force);
        }
        if self.json {
            let profiles: Vec<_> = world.profiles()?.own().collect();
            let shown = serde_json::json!({ "rules": in_force, "profiles": profiles });
            return answer::json(&shown);
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        if !in_force.is_empty() {
            answer::text(&rules::table(&screen, &in_force))?;
        }
        let profiles: Vec<_> = world.profiles()?.own().collect();
        if !profiles.is_empty() {
            answer::text(&rules::profiles(&screen, &profiles))?;
        }
        if let Some(server) = rules_not_fetched(world, &in_force)? {
            report::line(&format!(
                "the rules of {server} were not fetched yet: `gate rules pull` does so, as does asking people"
            ));
        } else if in_force.is_empty() {
            report::line("no rules are in force here but the baseline");
        }
        report::line("what no rule of the server or the machine matches, the baseline decides:");
        report::line("effects read and local are allowed, everything else asks");
        Ok(())
    }
}

impl Show {
    /// Shows the rules that were asked for by their names, and nothing beside them.
    fn named(&self, world: &World, mut rules: Vec<RuleSummary>) -> Result<(), Failure> {
        let is_there = |name: &&String| rules.iter().any(|rule| rule.rule.id == **name);
        if let Some(missing) = self.rules.iter().find(|name| !is_there(name)) {
            let text = format!("no rule in force here is called `{}`", inert(missing));
            return Err(Failure::new(FailureKind::Usage, text).hint(
                "`gate rules show` lists them; what they do not match, the baseline decides",
            ));
        }
        rules.retain(|rule| self.rules.contains(&rule.rule.id));
        if self.json {
            return answer::json(&serde_json::json!({ "rules": rules }));
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        answer::text(&rules::table(&screen, &rules))
    }
}

/// Returns the server whose rules this machine has never had, where there is one.
fn rules_not_fetched(world: &World, in_force: &[RuleSummary]) -> Result<Option<String>, Failure> {
    let has_rules = in_force.iter().any(|rule| rule.rule.layer == Layer::Server);
    let configuration = world.configuration()?;
    let Some(server) = configuration.named_server().filter(|_| !has_rules) else {
        return Ok(None);
    };
    // A server whose rules were fetched may have none.
    let known = match world.layout.cached_rules() {
        Ok(folder) => stored(&folder)?,
        Err(_) => None,
    };
    Ok(known
        .is_none()
        .then(|| inert(&server.value.to_string()).into_owned()))
}
