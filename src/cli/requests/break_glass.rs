//! `gate requests break-glass` and `gate requests review-break-glass`.

use gate_protocol::break_glass::{BreakGlassEntry, ReviewBreakGlass as Review};
use gate_protocol::inert::inert;

use super::find;
use crate::cli::at_most::AtMost;
use crate::cli::change;
use crate::cli::review::parse_comment;
use crate::failure::Failure;
use crate::report;
use crate::session;
use crate::show::screen::{Screen, Tone};
use crate::show::table::Table;
use crate::show::{answer, clock, request};
use crate::world::World;

/// List what was approved past the rules' own approvers
#[derive(Debug, clap::Args)]
pub(super) struct BreakGlass {
    /// Only what nobody has reviewed since.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    at_most: AtMost,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Review a break-glass that was used, as somebody who had no part in it
///
/// Needs the token of an approver or auditor.
#[derive(Debug, clap::Args)]
pub(super) struct ReviewBreakGlass {
    /// The request's id; its first or last 6 digits or more will do.
    #[arg(value_name = "ID")]
    id: String,
    /// What you found.
    #[arg(long, value_name = "TEXT", value_parser = parse_comment)]
    comment: String,
    /// Print the request as one JSON object.
    #[arg(long)]
    json: bool,
}

impl BreakGlass {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let most = self.at_most.most();
        let uses = AtMost::taken(session.call(session.client().break_glass_uses(self.open, most))?);
        if self.json {
            return answer::json(&uses);
        }
        if uses.is_empty() {
            report::line("no break-glass");
            return Ok(());
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        answer::text(&table(&screen, &uses))
    }
}

impl ReviewBreakGlass {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let found = find(&session, &self.id)?;
        let review = Review {
            comment: self.comment.clone(),
        };
        let after = change::ask(
            &session,
            session.client().review_break_glass(found.id, &review),
        )?;
        if self.json {
            return answer::json(&after);
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        answer::line(&format!("reviewed {}", request::line(&screen, &after)))
    }
}

fn table(screen: &Screen, uses: &[BreakGlassEntry]) -> String {
    let mut table = Table::new(
        screen,
        &["ID", "USED", "BY", "APPROVED", "REVIEW", "REASON"],
    );
    for one in uses {
        let (tone, review) = match &one.break_glass.reviewed_by {
            Some(by) => (Tone::Faint, format!("by {}", inert(by))),
            None => (Tone::Alarm, "open".to_owned()),
        };
        let approved: Vec<_> = one.approved_by.iter().map(|name| inert(name)).collect();
        let cells = vec![
            one.request.to_string(),
            clock::relative(screen, one.used_at),
            inert(&one.requester).into_owned(),
            approved.join(", "),
            review,
            inert(&one.reason).into_owned(),
        ];
        table.row(tone, cells);
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_reviewed_stands_out_and_texts_are_inert() {
        let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
        let entry = |reviewed_by: Option<&str>| -> BreakGlassEntry {
            serde_json::from_value(serde_json::json!({
                "request": "01890a5d-ac96-774b-bcce-b302099a8057", "requester": "bot",
                "reason": "the \u{202e}site is down", "approved_by": ["bob", "carol"],
                "used_at": "2026-11-22T17:29:34Z",
                "break_glass": { "is_open": reviewed_by.is_none(), "reviewed_by": reviewed_by },
            }))
            .unwrap()
        };
        let shown = table(&screen, &[entry(None), entry(Some("audit"))]);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].contains("bob, carol"), "{shown}");
        assert!(lines[1].contains("open"), "{shown}");
        assert!(lines[1].contains("\\u{202e}"), "{shown}");
        assert!(lines[2].contains("by audit"), "{shown}");
    }
}
