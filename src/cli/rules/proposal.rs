//! `gate rules proposal`.

use gate_protocol::inert::inert;
use gate_protocol::rules::ProposedRules;

use crate::cli::change;
use crate::failure::Failure;
use crate::report;
use crate::session::{self, Session};
use crate::show::answer;
use crate::world::World;

/// Show, confirm or take back the rules that wait for a second admin
///
/// Rules that let more pass than those in force do so only once a second admin has
/// confirmed them, unless the server's settings trust the one who pushed them. Without a
/// verb it shows them: what they loosen, and their text.
#[derive(Debug, clap::Args)]
pub(super) struct Proposal {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Confirm(Confirm),
    Withdraw(Withdraw),
}

/// Put them in force, as a second admin
///
/// Needs the token of an admin who neither pushed them nor could act as who did.
#[derive(Debug, clap::Args)]
struct Confirm {
    /// Their id, as `gate rules proposal` shows it.
    id: String,
}

/// Take them back
///
/// Needs the token of an admin, whoever pushed them.
#[derive(Debug, clap::Args)]
struct Withdraw {
    /// Their id, as `gate rules proposal` shows it.
    id: String,
}

impl Proposal {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        match &self.verb {
            None => self.show(&session),
            Some(Verb::Confirm(Confirm { id })) => {
                let confirmed = change::ask(&session, session.client().confirm_rules(id))?;
                let version = confirmed.bundle.version;
                answer::line(&format!(
                    "version {version} of the server's rules is in force at the server"
                ))
            }
            Some(Verb::Withdraw(Withdraw { id })) => {
                change::ask(&session, session.client().withdraw_rules(id))?;
                report::line("they do not wait any more");
                Ok(())
            }
        }
    }

    fn show(&self, session: &Session) -> Result<(), Failure> {
        let proposed = change::ask(session, session.client().proposed_rules())?;
        if self.json {
            return answer::json(&proposed);
        }
        tell(&proposed);
        for line in proposed.text.lines() {
            answer::line(&inert(line))?;
        }
        Ok(())
    }
}

/// Says who wants what, beside the text.
fn tell(proposed: &ProposedRules) {
    report::line(&format!(
        "{} wants these in place of version {}, since {}: {}",
        inert(&proposed.proposed_by),
        proposed.base_version,
        proposed.proposed_at,
        inert(&proposed.id)
    ));
    for one in &proposed.loosens {
        report::line(&format!("looser: {}", inert(one)));
    }
}
