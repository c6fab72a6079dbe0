//! The parts of a request's sheet below the first four questions.

use std::fmt::Write as _;

use gate_protocol::event::RunOutcome;
use gate_protocol::inert::inert;
use gate_protocol::invocation::{BoundInput, BoundInvocation, BoundVariable, Delivery, Treatment};
use gate_protocol::request::{ApprovalRequest, CiJob, GitState, Requirement};
use gate_protocol::review::Answer;
use gate_protocol::span;

use crate::binding;
use crate::show::clock;
use crate::show::screen::{Screen, Tone};
use crate::show::sheet::Sheet;

/// Returns how many approved and how many must, as `1 of 2 approved`. Where several rules ask, one
/// number would say nothing of the others.
pub(super) fn approvals(request: &ApprovalRequest) -> String {
    let is_approval = |review: &&gate_protocol::review::Review| review.answer == Answer::Approve;
    let given = request.reviews.iter().filter(is_approval).count();
    let requirements = &request.terms.requirements;
    if let [] | [_] = &requirements[..] {
        let needed = requirements.first().map_or(1, |one| one.count.max(1));
        return format!("{given} of {needed} approved");
    }
    let each: Vec<String> = requirements
        .iter()
        .map(|one| {
            let names: Vec<_> = one.approvers.iter().map(|name| inert(name)).collect();
            format!("{} of {}", one.count, names.join(", "))
        })
        .collect();
    format!("{given} approved (needed: {})", each.join(", and "))
}

/// Where: working directory, git, CI job.
pub(super) fn place(sheet: &mut Sheet<'_>, request: &ApprovalRequest) {
    sheet.field("WHERE", &request.invocation.cwd.shown());
    if let Some(git) = &request.circumstances.git {
        sheet.field("git", &git_state(git));
    }
    if let Some(ci) = &request.circumstances.ci {
        ci_job(sheet, ci);
    }
}

fn git_state(git: &GitState) -> String {
    let branch = git.branch.as_deref().map_or("detached HEAD".into(), inert);
    let commit = git.commit.as_deref().map_or("no commit".into(), inert);
    let tree = match git.dirty {
        Some(true) => "with uncommitted changes",
        Some(false) => "no tracked changes",
        None => "changes not known",
    };
    format!("{branch} at {commit}, {tree}")
}

fn ci_job(sheet: &mut Sheet<'_>, ci: &CiJob) {
    sheet.field("CI job", &inert(&ci.provider));
    let rows = [
        ("link", &ci.url),
        ("repository", &ci.repository),
        ("workflow", &ci.workflow),
        ("job", &ci.job),
        ("commit", &ci.commit),
        ("branch", &ci.branch),
        ("set off by", &ci.actor),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            sheet.field("", &format!("{name} {}", inert(value)));
        }
    }
    if let Some(change) = &ci.pull_request {
        sheet.field("", &format!("pull request {}", inert(&change.number)));
        if let Some(url) = &change.url {
            sheet.field("", &format!("its link {}", inert(url)));
        }
    }
}

/// Which rules asked, and for whom.
pub(super) fn rule(sheet: &mut Sheet<'_>, request: &ApprovalRequest) {
    let terms = &request.terms;
    for (at, rule) in terms.rules.iter().enumerate() {
        sheet.field(if at == 0 { "rule" } else { "" }, &inert(rule));
    }
    for reason in &terms.reasons {
        sheet.field("", &format!("- {}", inert(reason)));
    }
    for (at, requirement) in terms.requirements.iter().enumerate() {
        sheet.field(
            if at == 0 { "asks for" } else { "" },
            &requirement_words(requirement),
        );
    }
}

fn requirement_words(requirement: &Requirement) -> String {
    let people = match requirement.count {
        0 | 1 => "one person".to_owned(),
        count => format!("{count} different people"),
    };
    let listed = |names: &[String]| {
        let names: Vec<_> = names.iter().map(|name| inert(name)).collect();
        names.join(", ")
    };
    let mut words = if requirement.approvers.is_empty() {
        format!("{people} who may approve")
    } else {
        format!("{people} of {}", listed(&requirement.approvers))
    };
    if requirement.apart.is_some() {
        words.push_str(", none of whom fills another place of the rule");
    }
    if let Some(later) = &requirement.escalation {
        let after = span::seconds(later.after_seconds);
        // Writing to a String can't fail.
        let _ = write!(words, "; after {after} also of {}", listed(&later.to));
    }
    words
}

/// The files and the stdin that decide what happens.
pub(super) fn inputs(sheet: &mut Sheet<'_>, inputs: &[BoundInput]) {
    let is_absent =
        |input: &&BoundInput| input.sha256 == binding::absent() && input.size_bytes == 0;
    let (absent, there): (Vec<_>, Vec<_>) = inputs.iter().partition(is_absent);
    for (at, input) in there.iter().enumerate() {
        let label = if at == 0 { "inputs" } else { "" };
        let delivery = match input.delivery {
            Delivery::Snapshot => "runs from a sealed copy",
            Delivery::Stdin => "fed from a sealed copy",
            Delivery::Copy => "runs from a private copy, hashed again right before the start",
            Delivery::Rechecked => "read where it is, hashed again right before the start",
        };
        let role = inert(&input.role);
        let line = format!(
            "{role} {}, {} bytes, {delivery}",
            input.name.shown(),
            input.size_bytes
        );
        sheet.field(label, &line);
        sheet.toned("", Tone::Faint, &format!("  sha256 {}", input.sha256));
        text_of(sheet, input);
    }
    // All of them have one digest, which says that there is nothing.
    if !absent.is_empty() {
        let label = if there.is_empty() { "inputs" } else { "" };
        let names: Vec<_> = absent.iter().map(|input| input.name.shown()).collect();
        let names = names.join(", ");
        let line = match absent.len() {
            1 => format!("1 file that is not there and must not appear: {names}"),
            count => format!("{count} files that are not there and must not appear: {names}"),
        };
        sheet.field(label, &line);
    }
}

/// What it would do, as the client read it.
pub(super) fn preview(sheet: &mut Sheet<'_>, invocation: &BoundInvocation) {
    let Some(preview) = &invocation.preview else {
        return;
    };
    sheet.toned("would do", Tone::Strong, &inert(&preview.summary));
    let source = inert(&preview.source);
    let words = format!("(as the requester's gate read {source}, not verified)");
    sheet.toned("", Tone::Faint, &words);
    numbered(sheet, preview.lines());
    if preview.left_out > 0 {
        let words = format!("  ! {} more lines are left out", preview.left_out);
        sheet.toned("", Tone::Alarm, &words);
    }
    sheet.warn_of_imitations(&inert(&preview.text));
}

/// Adds lines with their numbers. A line that is wrapped can't pass for the next one, as the
/// stroke behind its number is no character that text from outside is shown with.
fn numbered<'t>(sheet: &mut Sheet<'_>, lines: impl Iterator<Item = &'t str>) {
    for (number, line) in (1_u64..).zip(lines) {
        let line = format!("  {number:>4} │ {}", inert(line));
        sheet.line("", Tone::Plain, &line);
    }
}

/// The text of an input, whole: what is approved at a terminal was shown there.
fn text_of(sheet: &mut Sheet<'_>, input: &BoundInput) {
    let Some(text) = &input.content else {
        sheet.toned("", Tone::Faint, "  its text is not here");
        return;
    };
    sheet.warn_of_imitations(&inert(text));
    // A carriage return ends no line here and is shown as what it is.
    numbered(sheet, text.strip_suffix('\n').unwrap_or(text).split('\n'));
}

/// What the environment does to the tool.
pub(super) fn environment(sheet: &mut Sheet<'_>, variables: &[BoundVariable]) {
    let (unlisted, listed): (Vec<_>, Vec<_>) = variables
        .iter()
        .partition(|variable| variable.is_unlisted());
    for (at, variable) in listed.iter().enumerate() {
        let label = if at == 0 { "environment" } else { "" };
        let name = inert(&variable.name);
        let value = variable
            .value
            .as_ref()
            .map(gate_protocol::masked::MaskedText::shown_word);
        let line = match (variable.treatment, value) {
            (Treatment::Stripped, _) => format!("{name} is taken away"),
            (Treatment::Set, Some(value)) => format!("{name}={value} (set by gate)"),
            (Treatment::Set, None) => format!("{name} is set by gate"),
            (Treatment::Bound, Some(value)) => format!("{name}={value}"),
            (Treatment::Bound, None) => format!("{name} is not set"),
        };
        sheet.field(label, &format!("{line}: {}", inert(&variable.why)));
    }
    let label = if listed.is_empty() { "environment" } else { "" };
    unlisted_names(sheet, label, &unlisted);
}

/// The variables of which only the names are shown, in one field.
fn unlisted_names(sheet: &mut Sheet<'_>, label: &str, variables: &[&BoundVariable]) {
    let Some(first) = variables.first() else {
        return;
    };
    let names: Vec<_> = variables.iter().map(|one| inert(&one.name)).collect();
    let line = format!(
        "{} that gate does not know, bound and masked: {}: {}",
        names.len(),
        names.join(", "),
        inert(&first.why)
    );
    sheet.field(label, &line);
}

/// The binary behind the name.
pub(super) fn tool(sheet: &mut Sheet<'_>, invocation: &BoundInvocation) {
    let tool = &invocation.tool;
    sheet.field(
        "tool",
        &format!("{} is {}", inert(&tool.name), tool.path.shown()),
    );
    sheet.toned("", Tone::Faint, &format!("  sha256 {}", tool.sha256));
}

/// Who answered, and who could.
pub(super) fn reviews(sheet: &mut Sheet<'_>, screen: &Screen, request: &ApprovalRequest) {
    for (at, review) in request.reviews.iter().enumerate() {
        let (tone, verb) = match review.answer {
            Answer::Approve => (Tone::Good, "approved"),
            Answer::Deny => (Tone::Alarm, "denied"),
        };
        let mut line = format!(
            "{} {verb} {} by {}",
            inert(&review.reviewer),
            clock::local_and_relative(screen, review.at),
            inert(&review.channel)
        );
        if let Some(void) = &review.void {
            // Writing to a String can't fail.
            let _ = write!(line, ", and it does not count any more: {}", inert(void));
        }
        if let Some(comment) = &review.comment {
            // Writing to a String can't fail.
            let _ = write!(line, ": \"{}\"", inert(comment));
        }
        sheet.toned(if at == 0 { "reviews" } else { "" }, tone, &line);
    }
    if !request.may_review.is_empty() && !request.status.is_terminal() {
        let names: Vec<_> = request.may_review.iter().map(|name| inert(name)).collect();
        sheet.field("can answer", &names.join(", "));
    }
}

/// What is out of the ordinary: that nobody was asked, or others than the rules name.
pub(super) fn particulars(sheet: &mut Sheet<'_>, request: &ApprovalRequest) {
    let particulars = &request.particulars;
    if particulars.observed {
        let line = "the server only observes: it would have asked, and nobody approved this";
        sheet.toned("observed", Tone::Alarm, line);
    }
    if let Some(break_glass) = &particulars.break_glass {
        let state = match (&break_glass.reviewed_by, break_glass.is_open) {
            (Some(by), _) => format!("reviewed by {}", inert(by)),
            (None, true) => "used, and to be reviewed".to_owned(),
            (None, false) => "asked past the rules' own approvers".to_owned(),
        };
        sheet.toned("BREAK-GLASS", Tone::Alarm, &state);
    }
    if let Some(used) = &particulars.standing_grant {
        let line = format!("use {} of {} of {}", used.number, used.uses, used.id);
        sheet.toned("standing grant", Tone::Strong, &line);
    }
    for warning in &particulars.warnings {
        sheet.toned("warning", Tone::Alarm, &inert(warning));
    }
}

/// How the run ended and what it used.
pub(super) fn outcome(sheet: &mut Sheet<'_>, request: &ApprovalRequest) {
    if let Some(outcome) = &request.outcome {
        let usage = format!(
            "{}, took {}, {} user, {} system, {} KiB at most",
            ending(outcome),
            span::milliseconds(outcome.duration_ms),
            span::milliseconds(outcome.user_ms),
            span::milliseconds(outcome.system_ms),
            outcome.max_rss_bytes / 1024
        );
        sheet.field("outcome", &usage);
    }
}

/// Returns how the run ended, as the client reported it.
pub(super) fn ending(outcome: &RunOutcome) -> String {
    if let Some(why) = &outcome.not_run {
        return format!("did not run: {}", inert(why));
    }
    match (outcome.exit_code, outcome.signal) {
        (_, Some(signal)) => format!("ended by signal {signal}"),
        (Some(code), None) => format!("exited with {code}"),
        (None, None) => "ended, not known how".to_owned(),
    }
}
