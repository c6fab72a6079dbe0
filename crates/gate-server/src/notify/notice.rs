//! What every channel says of a request, in the same words: who asks, what
//! would run, on what, why, and how it stands.

use std::collections::BTreeSet;

use gate_protocol::event::RunOutcome;
use gate_protocol::id::RequestId;
use gate_protocol::imitation::listed;
use gate_protocol::invocation::{BoundInvocation, BoundVariable, Treatment};
use gate_protocol::masked::MaskedText;
use gate_protocol::mode::Mode;
use gate_protocol::preview::Preview;
use gate_protocol::request::{ApprovalStatus, Requirement};
use gate_protocol::review::Answer;
use jiff::Timestamp;

use super::plain::Plain;
use super::standing::standing;
use crate::lifecycle::{self, Answered, Event, RequestState, apply};
use crate::service::line::Effects;
use crate::settings::{Production, Settings};
use crate::store::requests::Request;

/// The longest command that a message shows, in characters.
pub(crate) const COMMAND_LIMIT: usize = 2_500;
/// The most of other parts that a message shows, in characters.
const PART_LIMIT: usize = 600;
/// The most lines of one kind.
const LINES_LIMIT: usize = 12;

/// One field of the target.
#[derive(Clone, Debug)]
pub(crate) struct TargetLine {
    pub(crate) text: Plain,
    pub(crate) is_production: bool,
}

/// What is said of a request.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) id: RequestId,
    pub(crate) digest: String,
    pub(crate) version: u64,
    pub(crate) status: ApprovalStatus,
    /// Where it stands, in words.
    pub(crate) standing: String,
    /// How its run ended, as its client reported it.
    pub(crate) run: Option<RunOutcome>,
    pub(crate) asker: Plain,
    /// The tool with its subcommand.
    pub(crate) title: Plain,
    pub(crate) command: Plain,
    pub(crate) effect: Plain,
    /// What it can do by the requester's word and by the server's own reading.
    pub(crate) effects: Effects,
    pub(crate) meaning: &'static str,
    pub(crate) target: Vec<TargetLine>,
    /// Variables, files and where it runs.
    pub(crate) details: Vec<Plain>,
    pub(crate) rule: Plain,
    /// What it would do, in one line, as its client read it.
    pub(crate) preview: Option<Plain>,
    pub(crate) reason: Option<Plain>,
    pub(crate) needs: Vec<Plain>,
    /// Who may answer since it has waited so long.
    pub(crate) joined: Plain,
    pub(crate) answers: Vec<Plain>,
    /// What to mind, each a sentence.
    pub(crate) warnings: Vec<String>,
    /// Whether it was asked past the people whom the rules name.
    pub(crate) is_break_glass: bool,
    pub(crate) url: String,
    /// Whether all that decides what runs is in it: else it is not approved here.
    pub(crate) is_whole: bool,
}

impl Notice {
    /// Returns what is said of `request` at `now`.
    pub(crate) fn of(request: &Request, settings: &Settings, now: Timestamp) -> Self {
        let public_url = &settings.public_url;
        let (state, invocation) = (&request.state, &request.invocation);
        let mut status = state.status;
        if let Ok(passed) = apply(state, &Event::Pass, now) {
            status = passed.status;
        }
        let mut title = invocation.tool.name.clone();
        for word in &invocation.command {
            title.push(' ');
            title.push_str(word);
        }
        let mut notice = Self {
            id: request.id,
            digest: state.digest.to_string(),
            version: request.version,
            status,
            standing: standing(status, state.expires_at, request.outcome.as_ref()),
            run: request.outcome.clone(),
            asker: asker(request),
            title: Plain::of(&title),
            command: Plain::of_inert(&invocation.shown_command()),
            effect: Plain::of(&invocation.effect),
            effects: Effects::of(invocation),
            meaning: meaning(&invocation.effect),
            target: target(invocation, &settings.production),
            details: details(request),
            rule: Plain::of(&rule(request)),
            preview: invocation.preview.as_ref().map(preview),
            reason: request.reason.as_deref().map(Plain::of),
            needs: state
                .requirements
                .iter()
                .map(|requirement| need(requirement, state, now))
                .collect(),
            joined: joined(state, now),
            answers: state.reviews.iter().map(answer).collect(),
            warnings: Vec::new(),
            is_break_glass: request.particulars.break_glass.is_some(),
            url: format!("{public_url}/requests/{}", request.id),
            is_whole: invocation.inputs.is_empty(),
        };
        notice.bound();
        notice.warn(request);
        notice
    }

    /// Cuts what is too long for a message, and remembers that it did.
    fn bound(&mut self) {
        let mut cut = self.command.keep(COMMAND_LIMIT);
        for part in [&mut self.asker, &mut self.title, &mut self.effect] {
            cut += part.keep(PART_LIMIT);
        }
        cut += self.target.len().saturating_sub(LINES_LIMIT);
        cut += self.details.len().saturating_sub(LINES_LIMIT);
        self.target.truncate(LINES_LIMIT);
        self.details.truncate(LINES_LIMIT);
        for line in &mut self.target {
            cut += line.text.keep(PART_LIMIT);
        }
        for line in &mut self.details {
            cut += line.keep(PART_LIMIT);
        }
        self.is_whole &= cut == 0;
        // What follows explains; what runs does not depend on it.
        self.rule.keep(PART_LIMIT);
        self.joined.keep(PART_LIMIT);
        for text in [&mut self.reason, &mut self.preview].into_iter().flatten() {
            text.keep(PART_LIMIT);
        }
        self.needs.truncate(LINES_LIMIT);
        self.answers.truncate(LINES_LIMIT);
        for line in self.needs.iter_mut().chain(&mut self.answers) {
            line.keep(PART_LIMIT);
        }
    }

    fn warn(&mut self, request: &Request) {
        self.warnings.extend(past_the_rules(request));
        if self.is_break_glass {
            self.standing = format!("BREAK-GLASS. {}", self.standing);
        }
        if self.target.iter().any(|line| line.is_production) {
            self.warnings
                .push("The target says that it is production.".to_owned());
        }
        let odd: BTreeSet<String> = self.parts().flat_map(Plain::odd).cloned().collect();
        let odd: Vec<String> = odd.into_iter().collect();
        if let Some(words) = listed(&odd) {
            let mut words = Plain::of_inert(&words);
            words.keep(PART_LIMIT);
            self.warnings.push(format!(
                "A word has letters of another alphabet, as imitations do; it is spelled out: {words}."
            ));
        }
        if request.circumstances.mode == Mode::Advisory {
            self.warnings.push(
                "ADVISORY: its caller could have gone around gate, and came through it.".to_owned(),
            );
        }
        if !self.is_whole && !request.state.status.is_terminal() {
            self.warnings.push(
                "Not all that decides what runs fits in here, so it is approved on its page only."
                    .to_owned(),
            );
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Plain> {
        [
            &self.asker,
            &self.title,
            &self.command,
            &self.effect,
            &self.rule,
        ]
        .into_iter()
        .chain(self.target.iter().map(|line| &line.text))
        .chain(&self.details)
        .chain(&self.reason)
        .chain(&self.preview)
    }

    /// Tells whether a part of its target is production.
    pub(crate) fn is_production(&self) -> bool {
        self.target.iter().any(|line| line.is_production)
    }

    /// Tells whether it still waits for an answer.
    pub(crate) fn is_pending(&self) -> bool {
        self.status == ApprovalStatus::Pending
    }

    /// Returns what a list of messages shows of it.
    pub(crate) fn headline(&self) -> String {
        format!(
            "{}: {} asks to run {}",
            self.standing, self.asker, self.title
        )
    }

    /// Returns one line for the thread: what came of it, and by whom.
    pub(crate) fn outcome(&self) -> String {
        let mut line = self.standing.clone();
        for answer in &self.answers {
            line.push('\n');
            line.push_str(answer.as_str());
        }
        line
    }
}

fn asker(request: &Request) -> Plain {
    let requester = &request.state.requester;
    Plain::of(&match &requester.owner {
        Some(owner) => format!(
            "{} ({} of {owner})",
            requester.name,
            requester.kind.as_str()
        ),
        None => requester.name.clone(),
    })
}

fn meaning(effect: &str) -> &'static str {
    match effect {
        "read" => "changes nothing",
        "local" => "changes files of that machine only",
        "write" => "changes what is there",
        "destroy" => "what it names is gone afterwards",
        "access" => "changes who may do what",
        "secret" => "reveals credentials or bulk data",
        "execute" => "runs arbitrary code",
        _ => "gate does not know what it does",
    }
}

fn target(invocation: &BoundInvocation, production: &Production) -> Vec<TargetLine> {
    let line = |(name, value): (&String, &String)| TargetLine {
        text: Plain::of(&format!("{name}: {value}")),
        is_production: production.knows(name, value).is_some(),
    };
    invocation.target.iter().map(line).collect()
}

fn details(request: &Request) -> Vec<Plain> {
    let (invocation, circumstances) = (&request.invocation, &request.circumstances);
    let mut lines = vec![Plain::of_inert(&format!(
        "in {} on {}",
        invocation.cwd.shown(),
        gate_protocol::inert::inert(&circumstances.host)
    ))];
    lines.push(Plain::of_inert(&format!(
        "the file {}",
        invocation.tool.path.shown()
    )));
    let listed = invocation.environment.iter().filter(|v| !v.is_unlisted());
    lines.extend(listed.map(variable));
    let unlisted = invocation.environment.iter().filter(|v| v.is_unlisted());
    let unlisted: Vec<&str> = unlisted.map(|variable| variable.name.as_str()).collect();
    if !unlisted.is_empty() {
        // By their names: which they are decides what runs too.
        let names = gate_protocol::inert::inert(&unlisted.join(" ")).into_owned();
        let count = unlisted.len();
        lines.push(Plain::of_inert(&format!(
            "with {count} more variables, bound as they are and masked: {names}"
        )));
    }
    lines.extend(invocation.inputs.iter().map(|input| {
        let role = gate_protocol::inert::inert(&input.role);
        let size = input.size_bytes;
        Plain::of_inert(&format!("{role} {} of {size} bytes", input.name.shown()))
    }));
    lines
}

/// Says what becomes of a variable, and then which it is: no name or value can say it.
fn variable(variable: &BoundVariable) -> Plain {
    let name = gate_protocol::inert::inert(&variable.name);
    let value = variable.value.as_ref().map(MaskedText::shown_word);
    let value = value.unwrap_or_default();
    Plain::of_inert(&match variable.treatment {
        Treatment::Bound => format!("with {name}={value}"),
        Treatment::Set => format!("with what gate sets: {name}={value}"),
        Treatment::Stripped => format!("without what gate takes away: {name}"),
    })
}

/// Whose word it is stands first: what is too long loses its end.
fn preview(preview: &Preview) -> Plain {
    Plain::of(&format!(
        "as its gate read it, not verified: {}",
        preview.summary
    ))
}

/// Returns what of a request is past its rules, as the page says it.
fn past_the_rules(request: &Request) -> Vec<String> {
    let particulars = &request.particulars;
    let mut said = Vec::new();
    if particulars.break_glass.is_some() {
        said.push(
            "BREAK-GLASS: it asks past the people whom the rules name, and is answered on its \
             page only."
                .to_owned(),
        );
    }
    if particulars.observed {
        said.push("The server only observed: nobody approved it.".to_owned());
    }
    if let Some(used) = &particulars.standing_grant {
        said.push(format!(
            "A standing grant approved it, without asking: use {} of {}.",
            used.number, used.uses
        ));
    }
    let warnings = particulars.warnings.iter();
    said.extend(warnings.map(|warning| gate_protocol::inert::inert(warning).into_owned()));
    said
}

fn rule(request: &Request) -> String {
    let rule = request.terms.rules.first().map_or("", String::as_str);
    match request.terms.reasons.first() {
        Some(why) => format!("{rule}: {why}"),
        None => rule.to_owned(),
    }
}

fn need(requirement: &Requirement, state: &RequestState, now: Timestamp) -> Plain {
    let waited = state.waited_for_people(now);
    let counts = |answered: &&Answered| {
        let (name, groups) = (&answered.review.reviewer, &answered.groups);
        answered.is_yes() && lifecycle::names_at(requirement, name, groups, waited)
    };
    // Two accounts of one person count as one.
    let approving = state.reviews.iter().filter(counts);
    let different: BTreeSet<&str> = approving.map(|one| one.person.as_str()).collect();
    let given = different.len();
    let mut people = match requirement.approvers.as_slice() {
        [] => "every approver".to_owned(),
        names => names.join(" or "),
    };
    let joined = lifecycle::joined(requirement, waited);
    if !joined.is_empty() {
        people.push_str(" or, since it has waited so long, ");
        people.push_str(&joined.join(" or "));
    }
    let count = requirement.count.max(1);
    Plain::of(&format!("{given} of {count} from {people}"))
}

/// Returns who may answer since it has waited so long, each once.
fn joined(state: &RequestState, now: Timestamp) -> Plain {
    let waited = state.waited_for_people(now);
    let mut names: Vec<&str> = Vec::new();
    let requirements = state.requirements.iter();
    for name in requirements.flat_map(|one| lifecycle::joined(one, waited)) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    Plain::of(&names.join(" or "))
}

fn answer(answered: &Answered) -> Plain {
    let review = &answered.review;
    let said = match review.answer {
        Answer::Approve => "approved",
        Answer::Deny => "denied",
    };
    let comment = review.comment.as_deref().unwrap_or_default();
    let comment = match comment {
        "" => String::new(),
        comment => format!(": {comment}"),
    };
    Plain::of(&format!(
        "{} {said} by {}{comment}",
        review.reviewer, review.channel
    ))
}
