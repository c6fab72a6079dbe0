//! `gate rules suggest`.

mod group;
mod rule;
mod seen;
mod sources;

use std::path::PathBuf;

use gate_protocol::inert::inert;
use serde_json::json;

use crate::failure::Failure;
use crate::report;
use crate::show::answer;
use crate::world::World;
use group::{Judge, Judged, Skipped};
use rule::Suggestion;
use sources::Answers;

/// How many places that can't be read are told.
const PLACES: usize = 10;

/// What follows from what can't be read, and what to do.
const UNREAD: [&str; 2] = [
    "nothing is proposed to allow, since what can't be read may be a denial",
    "update gate where a newer one wrote it, or propose from the server's whole log: \
     `gate rules suggest --server`",
];

/// Propose rules from what people have answered
///
/// Reads what this machine remembers of the answers to its own requests, or the files named. A
/// command that people approved again and again and never denied gets a rule that allows what was
/// approved and nothing wider; one that they denied, a rule that denies it or always asks. Never
/// allowed are the effects `access`, `secret`, `execute` and `unknown`, and commands that read a
/// file or a standard input whose content was approved. Nor is one while the answer to a request
/// for it is not known, nor anything where a line can't be read: it may have been denied.
///
/// This machine hears of a denial when the run that asked waits for it, or asks again. It knows
/// nothing of other users and machines, and forgets what is old: the server's log knows all.
///
/// The rules are printed, with what was left out and why on stderr; nothing is put in force.
#[derive(Debug, clap::Args)]
pub(super) struct Suggest {
    /// Exports of `gate audit export`, lines of `gate audit log --json`, or `-` for stdin.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Ask the server for its whole log, which takes an auditor's token.
    #[arg(long, conflicts_with = "files")]
    server: bool,
    /// How often people must have answered.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    min: u32,
    /// Print one JSON object instead of a rule file.
    #[arg(long)]
    json: bool,
}

impl Suggest {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let mut answers = Answers::default();
        if self.server {
            answers.fetched(world)?;
        } else if self.files.is_empty() {
            answers.remembered(world)?;
        }
        for file in &self.files {
            answers.named(world, file)?;
        }
        let history = answers.history();
        let judge = Judge {
            profiles: world.profiles()?,
            min: usize::try_from(self.min).unwrap_or(usize::MAX),
        };
        let Judged { suggested, skipped } = judge.judge(&history);
        let (answered, unread) = (history.answered.len(), &history.unread);
        if self.json {
            return answer::json(&json!({
                "answers": answered,
                "unread": unread,
                "rules": suggested,
                "skipped": skipped,
            }));
        }
        tell(&skipped, unread);
        if suggested.is_empty() {
            report::line("there is nothing to propose");
            return Ok(());
        }
        answer::toml(&file_of(&suggested, answered))
    }
}

fn tell(skipped: &[Skipped], unread: &[String]) {
    for one in skipped {
        report::line(&inert(&format!("left out: {one}")));
    }
    if unread.is_empty() {
        return;
    }
    for place in unread.iter().take(PLACES) {
        report::line(&inert(&format!(
            "left out: {place}: this gate can't read it"
        )));
    }
    if let Some(more @ 1..) = unread.len().checked_sub(PLACES) {
        report::line(&format!("left out: {more} more that this gate can't read"));
    }
    for line in UNREAD {
        report::line(line);
    }
}

/// The rules as a file, with what whoever reviews it should know.
fn file_of(suggested: &[Suggestion], answers: usize) -> String {
    let rules: Vec<&str> = suggested.iter().map(|rule| rule.toml.as_str()).collect();
    let rules = rules.join("\n");
    format!(
        "# Proposed from what people answered ({answers} in all). Nothing here is in force: read each rule,\n\
         # and keep those that you would have written. The words of commands are those that the\n\
         # machine that asked has reported.\n\n{rules}"
    )
}
