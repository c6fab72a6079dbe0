//! What gate thinks of a shell command before the agent runs it.
//!
//! The text is read as `bash -c` would read it. Each command in it is decided on by itself: what
//! asks by itself when it runs (`gate run`, a shim) needs no opinion here, and nobody is asked
//! twice.

use std::ffi::OsStr;
use std::path::Path;

use gate_exec::{Exclusions, leads_to_gate};
use gate_policy::{
    Decision, Effect, Evaluation, Invocation, Layer, MatchedRule, Nested, Occasion, Place, Policy,
    RuleSummary, Stdin,
};

use super::agent::Agent;
use super::call::Call;
use super::{scope, words};
use crate::failure::Failure;
use crate::world::World;
use crate::{audit, circumstances, pipeline, reading};

/// What gate's own subcommands do that an agent may use: look, ask, and take its own requests back.
const FOR_AGENTS: [&[&str]; 29] = [
    &["run"],
    &["check"],
    &["explain"],
    &["whoami"],
    &["doctor"],
    &["requests", "list"],
    &["requests", "show"],
    &["requests", "watch"],
    &["requests", "cancel"],
    &["requests", "break-glass"],
    &["rules", "check"],
    &["rules", "show"],
    &["rules", "test"],
    &["rules", "schema"],
    &["rules", "suggest"],
    &["audit", "log"],
    &["audit", "open"],
    &["audit", "verify"],
    &["audit", "export"],
    &["audit", "proof"],
    &["audit", "receipts"],
    &["audit", "flush"],
    &["hook", "list"],
    &["shim", "list"],
    &["shell-init"],
    &["man"],
    &["completions"],
    &["__complete"],
    &["help"],
];

/// How much a hook speaks for.
#[derive(Debug, clap::Args)]
pub(super) struct Manner {
    /// Speak for every command that gate would ask about, not only for tools that reach beyond
    /// the work folder and for what rules name
    #[arg(long)]
    strict: bool,
    /// Leave a command to gate's shim where that is what PATH leads to first. Say so only where
    /// the agent's shell has the PATH that the agent has: a login shell makes its own
    #[arg(long)]
    shims: bool,
}

impl Manner {
    /// Returns it as it stands behind the agent's name, a blank first.
    pub(super) fn options(&self) -> String {
        let options = [(self.strict, " --strict"), (self.shims, " --shims")];
        let given = options.iter().filter(|(is_given, _)| *is_given);
        given.map(|(_, option)| *option).collect()
    }
}

/// What gate says to the agent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    /// Nothing: the agent's own rules decide.
    None,
    /// No, and why, and what to do instead.
    No(String),
}

/// One command that must not just be run.
#[derive(Debug)]
pub(super) struct Stop {
    /// The command, secrets masked; nothing where it is the script as a whole.
    pub(super) command: Option<String>,
    /// Why.
    pub(super) why: Why,
}

/// Why a command must not just be run.
#[derive(Debug)]
pub(super) enum Why {
    /// The rules say so.
    Decided(Box<Evaluation>),
    /// It is a command of gate's own that people use.
    ForPeople,
}

/// Returns what gate thinks of a call.
///
/// # Errors
/// The rules or profiles can't be read, trusted or understood: nothing is decided.
pub(super) fn on(
    world: &World,
    agent: Agent,
    call: &Call,
    manner: &Manner,
) -> Result<Opinion, Failure> {
    let mut here = World::capture();
    here.cwd = call.cwd.clone().unwrap_or_else(|| world.cwd.clone());
    // What stands at the shell's standard input is the agent's matter, and not known.
    let reading = reading::read_beside(&here, &call.argv, Stdin::Unread)?;
    let policy = here.configuration()?.policy(&here, &here.cwd)?;
    let mut around = circumstances::of_caller(&|name| here.env(name));
    around.agent = Some(format!("{} (unverified, from its hook)", agent.title()));
    let unquoted = scope::unquoted(&call.script);
    let judge = Judge {
        world: &here,
        policy: &policy,
        rules: policy.rules().collect(),
        names_path: ["PATH", "BASH_FUNC_"]
            .iter()
            .any(|name| unquoted.contains(name)),
        occasion: pipeline::caller(&around),
        manner,
        script: &call.script,
        exclusions: Exclusions::of_this_program().ok(),
    };
    let mut stops = Vec::new();
    judge.whole(&reading.invocation, call, &mut stops);
    record(&here, &stops);
    let program = judge.own_name();
    Ok(match words::stopped(&stops, &call.script, &program) {
        Some(text) => Opinion::No(text),
        None => Opinion::None,
    })
}

/// Keeps the denials. That they can't be kept changes nothing: nothing runs.
fn record(world: &World, stops: &[Stop]) {
    let denied = stops.iter().filter_map(|stop| match &stop.why {
        Why::Decided(evaluation) if evaluation.decision == Decision::Deny => {
            Some((&**evaluation, stop.command.as_deref().unwrap_or_default()))
        }
        Why::Decided(_) | Why::ForPeople => None,
    });
    audit::denied_beforehand(world, denied);
}

struct Judge<'a> {
    world: &'a World,
    policy: &'a Policy,
    rules: Vec<RuleSummary>,
    /// Whether the script may change where a name leads, as far as its text shows.
    names_path: bool,
    occasion: Occasion,
    manner: &'a Manner,
    script: &'a str,
    exclusions: Option<Exclusions>,
}

/// One command inside the call, and where it stands.
#[derive(Clone, Copy)]
struct Standing<'i> {
    argv: &'i [String],
    cwd: &'i Path,
    place: Place,
    /// Whether it is looked for on the PATH that the agent's shell has, as far as that is known.
    has_path: bool,
    /// The command as it is told: its own words, or those of what takes it elsewhere.
    shown: &'i str,
}

impl Judge<'_> {
    /// Judges the whole call. Its shell is the agent's, and no command that somebody wrote: rules
    /// are heard on what the shell runs, and on the whole where that could not be read.
    fn whole(&self, invocation: &Invocation, call: &Call, stops: &mut Vec<Stop>) {
        if !call.is_script {
            let argv: Vec<String> = call
                .argv
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            let standing = Standing {
                argv: &argv,
                cwd: &self.world.cwd,
                place: Place::Here,
                has_path: true,
                shown: &call.script,
            };
            return self.one(invocation, standing, stops);
        }
        let own = alone(invocation);
        let by = |policy: &Policy| policy.evaluate(&own, &self.world.cwd, &self.occasion);
        let mut evaluation = by(&Policy::baseline());
        let is_hidden = self.is_hidden(&own);
        if is_hidden {
            let in_force = by(self.policy);
            if in_force.decision > evaluation.decision {
                evaluation = in_force;
            }
        }
        let is_nameless = invocation.nested.iter().any(is_nameless);
        if evaluation.decision != Decision::Allow
            && (self.manner.strict
                || is_nameless
                || is_hidden
                || scope::speaks_for(&own, self.script))
        {
            stops.push(Stop {
                command: None,
                why: Why::Decided(Box::new(evaluation)),
            });
        }
        self.inside(invocation, None, stops);
    }

    /// Judges what a command runs, inside another one or in the agent's own shell. What runs
    /// elsewhere is told by the command that takes it there.
    fn inside(&self, invocation: &Invocation, outer: Option<Standing<'_>>, stops: &mut Vec<Stop>) {
        let is_outer_here = outer.is_none_or(|outer| outer.place == Place::Here);
        let has_path =
            outer.is_none_or(|outer| outer.has_path && scope::keeps_path(&invocation.tool));
        for inner in invocation.inner() {
            let is_here = is_outer_here && inner.place == Place::Here;
            let place = if is_here {
                Place::Here
            } else {
                Place::Elsewhere
            };
            let own = inner.argv.join(" ");
            let standing = Standing {
                argv: &inner.argv,
                cwd: &inner.cwd,
                place,
                has_path,
                shown: match outer {
                    Some(outer) if !is_here => outer.shown,
                    Some(_) | None => &own,
                },
            };
            self.one(&inner.invocation, standing, stops);
        }
    }

    fn one(&self, invocation: &Invocation, standing: Standing<'_>, stops: &mut Vec<Stop>) {
        if !is_for_agents(standing.argv) {
            return stops.push(Stop {
                command: Some(standing.shown.to_owned()),
                why: Why::ForPeople,
            });
        }
        if standing.place == Place::Here && self.asks_itself(standing) {
            return;
        }
        let own = alone(invocation);
        let evaluation = self.policy.evaluate(&own, standing.cwd, &self.occasion);
        // What takes a command elsewhere may have been told of already.
        let is_told = |stop: &Stop| stop.command.as_deref() == Some(standing.shown);
        let is_stopped =
            evaluation.decision != Decision::Allow && self.speaks_for(&own, &evaluation, standing);
        let is_no = evaluation.decision == Decision::Deny;
        if is_stopped && (is_no || standing.place == Place::Here || !stops.iter().any(is_told)) {
            stops.push(Stop {
                command: Some(standing.shown.to_owned()),
                why: Why::Decided(Box::new(evaluation)),
            });
        }
        self.inside(invocation, Some(standing), stops);
    }

    /// Returns how the agent's shell can call gate.
    fn own_name(&self) -> String {
        let path = self.world.variable(OsStr::new("PATH"));
        let is_on_path = self
            .exclusions
            .as_ref()
            .is_some_and(|exclusions| leads_to_gate(OsStr::new("gate"), path, exclusions));
        let own = std::env::current_exe().ok().filter(|_| !is_on_path);
        own.map_or_else(
            || "gate".to_owned(),
            |own| own.to_string_lossy().into_owned(),
        )
    }

    /// Tells whether what runs is gate, which asks where it has to. With another PATH that is not
    /// known, and there are many ways to change it.
    fn asks_itself(&self, standing: Standing<'_>) -> bool {
        let (Some(name), Some(exclusions)) = (standing.argv.first(), &self.exclusions) else {
            return false;
        };
        let is_left = is_gate(standing.argv) || (self.manner.shims && standing.has_path);
        if !is_left || self.names_path {
            return false;
        }
        let path = self.world.variable(OsStr::new("PATH"));
        leads_to_gate(OsStr::new(name), path, exclusions)
    }

    /// Tells whether what a hook speaks for, or what rules are about, may stand in a script that
    /// could not be read.
    fn is_hidden(&self, own: &Invocation) -> bool {
        scope::is_unread(own) && scope::hides(self.script, &self.rules)
    }

    fn speaks_for(
        &self,
        own: &Invocation,
        evaluation: &Evaluation,
        standing: Standing<'_>,
    ) -> bool {
        let is_written = evaluation.deciding.id.starts_with("gate/") || self.is_wanted(evaluation);
        if is_written || (self.manner.strict && standing.place == Place::Here) {
            return true;
        }
        // That what runs elsewhere is not understood is said by the command that takes it there.
        let is_spoken_for = if own.known {
            let starts = scope::may_start(own) && scope::takes_along(standing.argv);
            starts || self.is_hidden(own) || scope::speaks_for(own, self.script)
        } else {
            scope::takes_along(standing.argv)
        };
        is_spoken_for && (standing.place == Place::Here || scope::lasts(own.own_effects))
    }

    /// Tells whether a rule that somebody wrote asks or denies. Where the baseline says the same,
    /// it is named first.
    fn is_wanted(&self, evaluation: &Evaluation) -> bool {
        let written = |rule: &MatchedRule| rule.layer != Layer::Baseline;
        evaluation.matched.iter().any(written)
            && self.rules.iter().any(|rule| {
                rule.decision != Decision::Allow && evaluation.matched.contains(&rule.rule)
            })
    }
}

/// Returns a command without those inside it.
fn alone(invocation: &Invocation) -> Invocation {
    let mut own = invocation.clone();
    own.nested.retain(|nested| nested.inner.is_none());
    own
}

/// Tells whether it is a command of which not even the name is known.
fn is_nameless(nested: &Nested) -> bool {
    nested.inner.is_none() && nested.language == "command" && nested.effect == Effect::Unknown
}

fn is_gate(argv: &[String]) -> bool {
    let name = argv.first().map(Path::new).and_then(Path::file_name);
    name.is_some_and(|name| name == "gate")
}

/// Tells whether an agent may run it, as far as it is gate's own: by its name, since nobody else
/// has such a program.
fn is_for_agents(argv: &[String]) -> bool {
    let words: Vec<&str> = argv.iter().skip(1).map(String::as_str).collect();
    let is_question = |word: &&str| ["-h", "--help", "-V", "--version"].contains(word);
    let before = words.iter().take_while(|word| **word != "--");
    !is_gate(argv)
        || words.is_empty()
        || before.clone().any(is_question)
        || FOR_AGENTS.iter().any(|verb| words.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_looks_and_asks_and_never_answers() {
        let of = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
        for line in [
            "gate run -- kubectl delete ns p",
            "/usr/bin/gate check -- ls",
            "gate requests cancel 0198",
            "gate rules show",
            "gate requests break-glass",
            "gate audit log --json",
            "gate approve --help",
            "gate __complete bash -- approve ",
            "gate",
            "kubectl approve",
        ] {
            assert!(is_for_agents(&of(line)), "{line}");
        }
        for line in [
            "gate approve 0198 --yes",
            "gate deny 0198",
            "gate login --server x",
            "gate rules push",
            "gate requests review-break-glass 0198 --comment ok",
            "gate audit erase 0198 --reason x",
            "gate audit archive --before 2026-01-01",
            "gate audit forward",
            "gate hook remove claude-code",
            "gate admin tokens create -- --help",
        ] {
            assert!(!is_for_agents(&of(line)), "{line}");
        }
    }
}
