//! Which requests `gate requests list` asks the server for.

use gate_client::ListQuery;
use gate_policy::Effect;
use gate_protocol::request::ApprovalStatus;
use jiff::Timestamp;

use crate::cli::audit::parse_time;
use crate::cli::named::{one_of, parse_name};

/// What a request must be to be listed; the server looks for it, as its page's history does.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Filter {
    /// Only those that stand here.
    #[arg(long, value_name = "STATUS", value_parser = one_of(ApprovalStatus::ALL, ApprovalStatus::as_str))]
    status: Option<ApprovalStatus>,
    /// Only those that wait for your answer.
    #[arg(long, conflicts_with_all = ["status", "mine"])]
    pub(super) for_me: bool,
    /// Only those with each of these words in the command, the reason, the requester's name or the id.
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    /// Only those that could do this.
    #[arg(long, value_name = "EFFECT", value_parser = one_of(&Effect::ALL, Effect::as_str))]
    effect: Option<Effect>,
    /// Only what this principal asked, or an agent or workload of theirs.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    principal: Option<String>,
    /// Only those of this tool.
    #[arg(long, value_name = "TOOL")]
    tool: Option<String>,
    /// Only those with this in a value of the target.
    #[arg(long, value_name = "PART")]
    target: Option<String>,
    /// Only those that were asked from this time on: RFC 3339, or a date in UTC.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<Timestamp>,
    /// Only those that were asked before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<Timestamp>,
}

impl Filter {
    /// Returns what the server is asked.
    pub(super) fn query(&self) -> ListQuery {
        let time = |at: &Timestamp| at.to_string();
        ListQuery {
            status: self.status,
            waits_for_me: self.for_me,
            text: self.text.clone(),
            effect: self.effect.map(|effect| effect.as_str().to_owned()),
            principal: self.principal.clone(),
            tool: self.tool.clone(),
            target: self.target.clone(),
            from: self.since.as_ref().map(time),
            to: self.until.as_ref().map(time),
            ..ListQuery::default()
        }
    }
}
