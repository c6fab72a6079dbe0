//! A request as the question that it is: who asks, what would run, on what,
//! where, why, and which rule wants a person for it.

use std::collections::BTreeSet;

use gate_protocol::event::RunOutcome;
use gate_protocol::invocation::{BoundInvocation, BoundVariable, Treatment};
use gate_protocol::mode::Mode;
use gate_protocol::request::{ApprovalStatus, Escalation, Requirement};
use gate_protocol::review::Answer;
use gate_protocol::span;
use jiff::Timestamp;

use super::input::{self, Approved, Input};
use super::moment;
use super::origin::Origin;
use super::preview::ShownPreview;
use super::reading::Reading;
use super::remark::Remark;
use super::risk;
use super::rule_age::Age;
use super::shown::Shown;
use crate::clock;
use crate::lifecycle::{self, Answered, RequestState};
use crate::service::Channel;
use crate::settings::{Known, Production};
use crate::store::requests::Request;

/// The longest command that is shown, in bytes.
pub(super) const COMMAND_LIMIT: usize = 64 * 1024;

/// Where the request stands.
pub(super) struct Status {
    /// The style.
    pub(super) class: &'static str,
    pub(super) title: &'static str,
    pub(super) line: String,
}

/// What the command can do.
pub(super) struct ShownEffect {
    pub(super) class: &'static str,
    pub(super) name: Shown,
    pub(super) meaning: &'static str,
}

/// One field of the target.
pub(super) struct Target {
    pub(super) name: Shown,
    pub(super) value: Shown,
    /// How it is known that it is production.
    pub(super) production: Option<Known>,
}

impl Target {
    pub(super) fn is_production(&self) -> bool {
        self.production.is_some()
    }
}

/// A rule that asked.
pub(super) struct AskingRule {
    pub(super) id: Shown,
    /// When it was last changed, where it is the server's.
    pub(super) age: Option<Age>,
}

/// What is found out about a request before it is shown.
pub(super) struct KnownAbout {
    pub(super) reading: Reading,
    pub(super) approved: Approved,
    pub(super) ages: Vec<Option<Age>>,
}

/// An environment variable.
pub(super) struct Variable {
    pub(super) name: Shown,
    pub(super) value: Option<Shown>,
    pub(super) treatment: &'static str,
    pub(super) why: Shown,
}

/// Who must say yes, and how far that is.
pub(super) struct Need {
    pub(super) people: Shown,
    pub(super) given: usize,
    pub(super) count: u32,
    pub(super) is_met: bool,
    /// Who joins, and when; who joined, where that is past.
    pub(super) joining: Option<Shown>,
}

/// One answer.
pub(super) struct Given {
    pub(super) reviewer: Shown,
    pub(super) is_approval: bool,
    /// Whether a standing grant spoke for them.
    pub(super) is_standing: bool,
    pub(super) at: String,
    pub(super) iso: String,
    pub(super) channel: Shown,
    pub(super) comment: Option<Shown>,
    /// Why it does not count any more, where it does not.
    pub(super) void: Option<Shown>,
}

/// All that an approver is shown.
pub(super) struct Question {
    pub(super) id: String,
    pub(super) digest: String,
    pub(super) status: Status,
    /// What is out of the ordinary about it.
    pub(super) remarks: Vec<Remark>,
    pub(super) is_pending: bool,
    /// Whether nothing more will happen to it.
    pub(super) is_over: bool,
    pub(super) requester: Shown,
    pub(super) kind: &'static str,
    pub(super) owner: Option<Shown>,
    pub(super) agent: Option<Shown>,
    pub(super) asked: String,
    pub(super) created_at: String,
    pub(super) created_iso: String,
    pub(super) expires_at: String,
    pub(super) reading: Reading,
    pub(super) title: Shown,
    pub(super) words: Vec<Shown>,
    /// How many bytes of the command are not shown.
    pub(super) cut_bytes: usize,
    pub(super) secrets: usize,
    pub(super) effect: ShownEffect,
    pub(super) target: Vec<Target>,
    pub(super) cwd: Shown,
    pub(super) host: Shown,
    pub(super) os_user: Shown,
    pub(super) terminal: bool,
    pub(super) mode: Mode,
    pub(super) reason: Option<Shown>,
    pub(super) rules: Vec<AskingRule>,
    pub(super) reasons: Vec<Shown>,
    pub(super) needs: Vec<Need>,
    pub(super) given: Vec<Given>,
    pub(super) origin: Origin,
    pub(super) inputs: Vec<Input>,
    pub(super) preview: Option<ShownPreview>,
    pub(super) environment: Vec<Variable>,
    /// The names of variables that are bound and of which nothing is known.
    pub(super) unlisted: Vec<Shown>,
    pub(super) tool: Shown,
    pub(super) tool_path: Shown,
    pub(super) tool_size: String,
    pub(super) tool_sha256: String,
    pub(super) client_version: Shown,
    pub(super) outcome: Option<Shown>,
    /// Whether the tool ended well, where that is known.
    is_success: Option<bool>,
}

impl Question {
    /// Returns the question that `request` is at `now`.
    pub(super) fn of(
        request: &Request,
        about: KnownAbout,
        production: &Production,
        now: Timestamp,
    ) -> Self {
        let (state, invocation) = (&request.state, &request.invocation);
        let circumstances = &request.circumstances;
        let (words, cut_bytes) = words(invocation);
        Self {
            id: request.id.to_string(),
            digest: state.digest.to_string(),
            status: status(request, now),
            remarks: Remark::of(request),
            is_pending: state.status == ApprovalStatus::Pending,
            is_over: state.status.is_terminal(),
            requester: Shown::of(&state.requester.name),
            kind: state.requester.kind.as_str(),
            owner: state.requester.owner.as_deref().map(Shown::of),
            agent: circumstances.agent.as_deref().map(Shown::of),
            asked: moment::ago(now, request.created_at),
            created_at: moment::utc(request.created_at),
            created_iso: request.created_at.to_string(),
            expires_at: state.expires_at.to_string(),
            reading: about.reading,
            title: title(invocation),
            words,
            cut_bytes,
            secrets: invocation.secrets_masked(),
            effect: effect(&invocation.effect),
            target: target(invocation, production),
            cwd: Shown::of_masked(&invocation.cwd),
            host: Shown::of(&circumstances.host),
            os_user: Shown::of(&circumstances.os_user),
            terminal: circumstances.terminal,
            mode: circumstances.mode,
            reason: request.reason.as_deref().map(Shown::of),
            rules: rules(&request.terms.rules, about.ages),
            reasons: request
                .terms
                .reasons
                .iter()
                .map(|why| Shown::of(why))
                .collect(),
            needs: needs(state, now),
            given: state.reviews.iter().map(given).collect(),
            origin: Origin::of(circumstances),
            inputs: Input::all(&invocation.inputs, &about.approved, now),
            preview: ShownPreview::of(invocation),
            environment: listed(invocation).map(variable).collect(),
            unlisted: unlisted(invocation),
            tool: Shown::of(&invocation.tool.name),
            tool_path: Shown::of_masked(&invocation.tool.path),
            tool_size: moment::bytes(invocation.tool.size_bytes),
            tool_sha256: invocation.tool.sha256.to_string(),
            client_version: Shown::of(&circumstances.client_version),
            outcome: request.outcome.as_ref().map(outcome),
            is_success: request
                .outcome
                .as_ref()
                .map(|outcome| outcome.exit_code == Some(0)),
        }
    }

    /// Tells whether the whole command is shown, with each text that came with it.
    pub(super) fn is_whole(&self) -> bool {
        self.cut_bytes == 0 && !self.inputs.iter().any(Input::is_dropped)
    }

    /// Returns the tool with its subcommand, for the window's title, which has no marks.
    pub(super) fn title_text(&self) -> String {
        self.title.text()
    }

    pub(super) fn is_production(&self) -> bool {
        self.target.iter().any(Target::is_production)
    }

    /// Says how it is known that something is production.
    pub(super) fn production_notes(&self) -> Vec<String> {
        risk::production_notes(&self.target)
    }

    /// Returns how the end is marked: as good, bad, or neither.
    pub(super) fn outcome_class(&self) -> &'static str {
        match self.is_success {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        }
    }

    /// Tells whether something on the page imitates another word.
    pub(super) fn is_odd(&self) -> bool {
        let places = [
            &self.title,
            &self.cwd,
            &self.host,
            &self.tool,
            &self.tool_path,
        ];
        let values = self.environment.iter().filter_map(|v| v.value.as_ref());
        let remarks = self.remarks.iter().map(|remark| &remark.text);
        let mut all = places
            .into_iter()
            .chain(&self.words)
            .chain(self.target.iter().flat_map(|t| [&t.name, &t.value]))
            .chain(values)
            .chain(remarks)
            .chain(&self.reason);
        all.any(Shown::is_odd)
            || self.origin.is_odd()
            || self.inputs.iter().any(Input::is_odd)
            || self.preview.as_ref().is_some_and(ShownPreview::is_odd)
    }
}

/// Tells whether the page shows the whole command, with each text that came with it.
pub(super) fn is_whole(invocation: &BoundInvocation) -> bool {
    words(invocation).1 == 0 && input::are_whole(&invocation.inputs)
}

/// Returns the words of the command, whole up to the limit, and what is missing.
fn words(invocation: &BoundInvocation) -> (Vec<Shown>, usize) {
    let (mut left, mut cut) = (COMMAND_LIMIT, 0);
    let mut words = Vec::with_capacity(invocation.argv.len());
    for word in &invocation.argv {
        let mut word = Shown::of_word(word);
        let missing = word.keep(left);
        // The space before the next word counts too.
        left = left.saturating_sub(word.size_bytes() + 1);
        cut += missing;
        if missing == 0 || word.size_bytes() > 0 {
            words.push(word);
        }
    }
    (words, cut)
}

/// Returns the tool with its subcommand.
pub(super) fn title(invocation: &BoundInvocation) -> Shown {
    let mut title = invocation.tool.name.clone();
    for word in &invocation.command {
        title.push(' ');
        title.push_str(word);
    }
    Shown::of(&title)
}

fn rules(ids: &[String], ages: Vec<Option<Age>>) -> Vec<AskingRule> {
    let ages = ages.into_iter().chain(std::iter::repeat_with(|| None));
    let rule = |(id, age): (&String, Option<Age>)| AskingRule {
        id: Shown::of(id),
        age,
    };
    ids.iter().zip(ages).map(rule).collect()
}

pub(super) fn target(invocation: &BoundInvocation, production: &Production) -> Vec<Target> {
    let field = |(name, value): (&String, &String)| Target {
        name: Shown::of(name),
        value: Shown::of(value),
        production: production.knows(name, value),
    };
    invocation.target.iter().map(field).collect()
}

pub(super) fn effect(name: &str) -> ShownEffect {
    let (class, meaning) = match name {
        "read" => ("calm", "changes nothing"),
        "local" => ("calm", "files of that machine only"),
        "write" => ("warn", "changes what is there"),
        "destroy" => ("alarm", "what it names is gone afterwards"),
        "access" => ("alarm", "changes who may do what"),
        "secret" => ("alarm", "reveals credentials or bulk data"),
        "execute" => ("alarm", "runs arbitrary code"),
        _ => ("alarm", "gate does not know what it does"),
    };
    ShownEffect {
        class,
        name: Shown::of(name),
        meaning,
    }
}

pub(super) fn status(request: &Request, now: Timestamp) -> Status {
    let left = span::seconds(clock::seconds_until(now, request.state.expires_at));
    let (class, title, line) = match request.state.status {
        ApprovalStatus::Pending => ("pending", "Waiting for an answer", format!("{left} left")),
        ApprovalStatus::Approved => (
            "good",
            "Approved",
            format!("its requester has {left} left to run it"),
        ),
        ApprovalStatus::Denied => ("bad", "Denied", "it will not run".to_owned()),
        ApprovalStatus::Expired => (
            "over",
            "Expired",
            "nobody answered, or nobody used the approval, in time; it did not run".to_owned(),
        ),
        ApprovalStatus::Cancelled => (
            "over",
            "Taken back",
            "its requester cancelled it; it did not run".to_owned(),
        ),
        ApprovalStatus::Claimed => ("good", "Claimed", "it is about to run".to_owned()),
        ApprovalStatus::Started => ("good", "Running", "it was approved and started".to_owned()),
        ApprovalStatus::Finished => ("over", "Finished", "it was approved".to_owned()),
        ApprovalStatus::Unknown => (
            "bad",
            "Unknown",
            "it was approved, and no word of its end came: it may have run".to_owned(),
        ),
    };
    Status { class, title, line }
}

fn needs(state: &RequestState, now: Timestamp) -> Vec<Need> {
    let waited = state.waited(now);
    let need = |requirement: &Requirement| {
        let counts = |answered: &&Answered| {
            let name = &answered.review.reviewer;
            answered.is_yes() && lifecycle::names_at(requirement, name, &answered.groups, waited)
        };
        // Two accounts of one person count as one.
        let approving = state.reviews.iter().filter(counts);
        let different: BTreeSet<&str> = approving.map(|one| one.person.as_str()).collect();
        let given = different.len();
        let people = match requirement.approvers.as_slice() {
            [] => "every approver".to_owned(),
            names => names.join(" or "),
        };
        let count = requirement.count.max(1);
        Need {
            people: Shown::of(&people),
            given,
            count,
            is_met: u32::try_from(given).is_ok_and(|given| given >= count),
            joining: requirement
                .escalation
                .as_ref()
                .map(|later| joining(later, waited)),
        }
    };
    state.requirements.iter().map(need).collect()
}

/// Says who joins those who are asked, as the end of a sentence about them.
fn joining(later: &Escalation, waited_seconds: u64) -> Shown {
    let to = later.to.join(" or ");
    let left = later.after_seconds.saturating_sub(waited_seconds);
    Shown::of(&match left {
        0 => format!("{to} joined them: nobody had answered in time"),
        left => format!("{to} joins them in {}", span::seconds(left)),
    })
}

fn given(answered: &Answered) -> Given {
    let review = &answered.review;
    Given {
        reviewer: Shown::of(&review.reviewer),
        is_approval: review.answer == Answer::Approve,
        is_standing: review.channel == Channel::StandingGrant.as_str(),
        at: moment::utc(review.at),
        iso: review.at.to_string(),
        channel: Shown::of(&review.channel),
        comment: review.comment.as_deref().map(Shown::of),
        void: review.void.as_deref().map(Shown::of),
    }
}

fn listed(invocation: &BoundInvocation) -> impl Iterator<Item = &BoundVariable> {
    let variables = invocation.environment.iter();
    variables.filter(|variable| !variable.is_unlisted())
}

fn unlisted(invocation: &BoundInvocation) -> Vec<Shown> {
    let variables = invocation.environment.iter();
    variables
        .filter(|variable| variable.is_unlisted())
        .map(|variable| Shown::of(&variable.name))
        .collect()
}

fn variable(variable: &BoundVariable) -> Variable {
    Variable {
        name: Shown::of(&variable.name),
        value: variable.value.as_ref().map(Shown::of_word),
        treatment: match variable.treatment {
            Treatment::Bound => "handed on",
            Treatment::Set => "set by gate",
            Treatment::Stripped => "taken away",
        },
        why: Shown::of(&variable.why),
    }
}

fn outcome(outcome: &RunOutcome) -> Shown {
    if let Some(why) = &outcome.not_run {
        return Shown::of(&format!("did not run: {why}"));
    }
    let end = match (outcome.exit_code, outcome.signal) {
        (_, Some(signal)) => format!("ended by signal {signal}"),
        (Some(code), None) => format!("exited with {code}"),
        (None, None) => "ended, not known how".to_owned(),
    };
    let took = span::milliseconds(outcome.duration_ms);
    Shown::of(&format!("{end} after {took}, as its client reported"))
}
