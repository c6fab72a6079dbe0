//! A request as the question that it is: who asks, what would run, on what,
//! where, why, and which rule wants a person for it.

use gate_protocol::event::RunOutcome;
use gate_protocol::invocation::{BoundInput, BoundInvocation, BoundVariable, Delivery, Treatment};
use gate_protocol::mode::Mode;
use gate_protocol::production::says_production;
use gate_protocol::request::{ApprovalStatus, CiJob, GitState, Requirement};
use gate_protocol::review::Answer;
use gate_protocol::span;
use jiff::Timestamp;

use super::moment;
use super::shown::Shown;
use crate::clock;
use crate::lifecycle::{self, Answered};
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
    pub(super) is_production: bool,
}

/// One thing to know, by name.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: Shown,
}

/// The CI job's page: an address that is shown whole, and is a link where
/// following it can't do anything but open a page.
pub(super) struct Link {
    pub(super) text: Shown,
    pub(super) href: Option<String>,
}

/// A file or stdin.
pub(super) struct Input {
    pub(super) role: Shown,
    pub(super) name: Shown,
    pub(super) size: String,
    pub(super) sha256: String,
    pub(super) delivery: &'static str,
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
}

/// One answer.
pub(super) struct Given {
    pub(super) reviewer: Shown,
    pub(super) is_approval: bool,
    pub(super) at: String,
    pub(super) channel: Shown,
    pub(super) comment: Option<Shown>,
}

/// All that an approver is shown.
pub(super) struct Question {
    pub(super) id: String,
    pub(super) digest: String,
    pub(super) status: Status,
    pub(super) is_pending: bool,
    pub(super) requester: Shown,
    pub(super) kind: &'static str,
    pub(super) owner: Option<Shown>,
    pub(super) agent: Option<Shown>,
    pub(super) asked: String,
    pub(super) created_at: String,
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
    pub(super) rules: Vec<Shown>,
    pub(super) reasons: Vec<Shown>,
    pub(super) needs: Vec<Need>,
    pub(super) given: Vec<Given>,
    pub(super) git: Vec<Fact>,
    pub(super) ci: Vec<Fact>,
    /// The job and its pull request, each with its name.
    pub(super) ci_links: Vec<(&'static str, Link)>,
    pub(super) inputs: Vec<Input>,
    pub(super) environment: Vec<Variable>,
    /// The names of variables that are bound and of which nothing is known.
    pub(super) unlisted: Vec<Shown>,
    pub(super) tool: Shown,
    pub(super) tool_path: Shown,
    pub(super) tool_size: String,
    pub(super) tool_sha256: String,
    pub(super) client_version: Shown,
    pub(super) outcome: Option<Shown>,
}

impl Question {
    /// Returns the question that `request` is at `now`.
    pub(super) fn of(request: &Request, now: Timestamp) -> Self {
        let (state, invocation) = (&request.state, &request.invocation);
        let circumstances = &request.circumstances;
        let (words, cut_bytes) = words(invocation);
        let ci = circumstances.ci.as_ref();
        Self {
            id: request.id.to_string(),
            digest: state.digest.to_string(),
            status: status(request, now),
            is_pending: state.status == ApprovalStatus::Pending,
            requester: Shown::of(&state.requester.name),
            kind: state.requester.kind.as_str(),
            owner: state.requester.owner.as_deref().map(Shown::of),
            agent: circumstances.agent.as_deref().map(Shown::of),
            asked: moment::ago(now, request.created_at),
            created_at: moment::utc(request.created_at),
            title: title(invocation),
            words,
            cut_bytes,
            secrets: invocation.secrets_masked(),
            effect: effect(&invocation.effect),
            target: target(invocation),
            cwd: Shown::of_masked(&invocation.cwd),
            host: Shown::of(&circumstances.host),
            os_user: Shown::of(&circumstances.os_user),
            terminal: circumstances.terminal,
            mode: circumstances.mode,
            reason: request.reason.as_deref().map(Shown::of),
            rules: request.terms.rules.iter().map(|id| Shown::of(id)).collect(),
            reasons: request
                .terms
                .reasons
                .iter()
                .map(|why| Shown::of(why))
                .collect(),
            needs: needs(&state.requirements, &state.reviews),
            given: state.reviews.iter().map(given).collect(),
            git: circumstances.git.as_ref().map_or_else(Vec::new, git),
            ci: ci.map_or_else(Vec::new, ci_facts),
            ci_links: ci.map_or_else(Vec::new, ci_links),
            inputs: invocation.inputs.iter().map(input).collect(),
            environment: listed(invocation).map(variable).collect(),
            unlisted: unlisted(invocation),
            tool: Shown::of(&invocation.tool.name),
            tool_path: Shown::of_masked(&invocation.tool.path),
            tool_size: moment::bytes(invocation.tool.size_bytes),
            tool_sha256: invocation.tool.sha256.to_string(),
            client_version: Shown::of(&circumstances.client_version),
            outcome: request.outcome.as_ref().map(outcome),
        }
    }

    /// Tells whether the whole command is shown.
    pub(super) fn is_whole(&self) -> bool {
        self.cut_bytes == 0
    }

    /// Returns the tool with its subcommand, for the window's title, which has no marks.
    pub(super) fn title_text(&self) -> String {
        self.title.text()
    }

    pub(super) fn is_production(&self) -> bool {
        self.target.iter().any(|target| target.is_production)
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
        let mut all = places
            .into_iter()
            .chain(&self.words)
            .chain(self.target.iter().flat_map(|t| [&t.name, &t.value]))
            .chain(self.inputs.iter().map(|input| &input.name))
            .chain(values)
            .chain(self.git.iter().chain(&self.ci).map(|fact| &fact.value))
            .chain(&self.reason);
        all.any(Shown::is_odd)
    }
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

pub(super) fn target(invocation: &BoundInvocation) -> Vec<Target> {
    let field = |(name, value): (&String, &String)| Target {
        name: Shown::of(name),
        value: Shown::of(value),
        is_production: says_production(value),
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

fn needs(requirements: &[Requirement], reviews: &[Answered]) -> Vec<Need> {
    let need = |requirement: &Requirement| {
        // One review for each person is stored, so these are different people.
        let counts = |answered: &&Answered| {
            answered.is_yes()
                && lifecycle::names(requirement, &answered.review.reviewer, &answered.groups)
        };
        let given = reviews.iter().filter(counts).count();
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
        }
    };
    requirements.iter().map(need).collect()
}

fn given(answered: &Answered) -> Given {
    let review = &answered.review;
    Given {
        reviewer: Shown::of(&review.reviewer),
        is_approval: review.answer == Answer::Approve,
        at: moment::utc(review.at),
        channel: Shown::of(&review.channel),
        comment: review.comment.as_deref().map(Shown::of),
    }
}

fn fact(name: &'static str, value: Option<&str>) -> Option<Fact> {
    value.map(|value| Fact {
        name,
        value: Shown::of(value),
    })
}

fn git(git: &GitState) -> Vec<Fact> {
    let tree = match git.dirty {
        Some(true) => "has changes that are not committed",
        Some(false) => "no tracked changes",
        None => "changes not known",
    };
    let branch = git.branch.as_deref().unwrap_or("none: HEAD is detached");
    [
        fact("Branch", Some(branch)),
        fact("Commit", git.commit.as_deref()),
        fact("Work tree", Some(tree)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ci_facts(ci: &CiJob) -> Vec<Fact> {
    let pull_request = ci.pull_request.as_ref();
    [
        fact("System", Some(&ci.provider)),
        fact("Repository", ci.repository.as_deref()),
        fact("Workflow", ci.workflow.as_deref()),
        fact("Name", ci.job.as_deref()),
        fact("Branch", ci.branch.as_deref()),
        fact("Commit", ci.commit.as_deref()),
        fact("Set off by", ci.actor.as_deref()),
        fact("Pull request", pull_request.map(|one| one.number.as_str())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ci_links(ci: &CiJob) -> Vec<(&'static str, Link)> {
    let pull_request = ci.pull_request.as_ref();
    [
        ("Job", ci.url.as_deref()),
        (
            "Its link",
            pull_request.and_then(|change| change.url.as_deref()),
        ),
    ]
    .into_iter()
    .filter_map(|(name, url)| Some((name, link(url?))))
    .collect()
}

/// Makes a link only of what starts as an address of the web and has nothing
/// in it but visible ASCII.
fn link(url: &str) -> Link {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = url
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    Link {
        text: Shown::of(url),
        href: (is_web && is_plain).then(|| url.to_owned()),
    }
}

fn input(input: &BoundInput) -> Input {
    Input {
        role: Shown::of(&input.role),
        name: Shown::of_masked(&input.name),
        size: moment::bytes(input.size_bytes),
        sha256: input.sha256.to_string(),
        delivery: match input.delivery {
            Delivery::Snapshot => "runs from a sealed copy of these bytes",
            Delivery::Stdin => "fed from a sealed copy of these bytes",
            Delivery::Copy => {
                "runs from a private copy of these bytes, hashed again right before the start"
            }
            Delivery::Rechecked => {
                "read where it is: hashed again right before the start, not after"
            }
        },
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
