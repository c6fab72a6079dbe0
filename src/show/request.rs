//! One approval request in full, and many of them as a table.
//!
//! The order is that of the questions an approver has: who, what, why, where,
//! then what binds it. Nothing is shortened: what is approved here was shown
//! here.

use std::fmt::Write as _;

use gate_protocol::imitation::spelled_out;
use gate_protocol::inert::inert;
use gate_protocol::mode::Mode;
use gate_protocol::production::says_production;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, Requester};
use gate_protocol::span;

use crate::show::clock;
use crate::show::request_parts as parts;
use crate::show::screen::{Screen, Tone};
use crate::show::sheet::Sheet;
use crate::show::table::Table;

/// Returns the whole request as text.
pub(crate) fn sheet(screen: &Screen, request: &ApprovalRequest) -> String {
    let mut sheet = Sheet::new(screen);
    sheet.heading(Tone::Strong, &format!("request {}", request.id));
    sheet.heading(tone(request.status), &status_line(screen, request));
    parts::particulars(&mut sheet, request);
    sheet.gap();
    who(&mut sheet, request);
    what(&mut sheet, request);
    why(&mut sheet, request);
    parts::place(&mut sheet, request);
    sheet.gap();
    parts::rule(&mut sheet, request);
    parts::preview(&mut sheet, &request.invocation);
    parts::inputs(&mut sheet, &request.invocation.inputs);
    parts::environment(&mut sheet, &request.invocation.environment);
    parts::tool(&mut sheet, &request.invocation);
    sheet.gap();
    parts::reviews(&mut sheet, screen, request);
    parts::outcome(&mut sheet, request);
    sheet.field(
        "asked",
        &clock::local_and_relative(screen, request.created_at),
    );
    sheet.field("page", &inert(&request.url));
    sheet.field("digest", &request.digest.to_string());
    mode(&mut sheet, request);
    sheet.finish()
}

/// Returns one line on where the request stands.
pub(crate) fn status_line(screen: &Screen, request: &ApprovalRequest) -> String {
    let left = span::seconds(request.expires_in_seconds);
    let words = match request.status {
        ApprovalStatus::Pending => {
            format!(
                "PENDING: {} so far, {left} left to answer",
                parts::approvals(request)
            )
        }
        ApprovalStatus::Approved => format!("APPROVED, not started yet: {left} left to start it"),
        ApprovalStatus::Denied => "DENIED: it will not run".to_owned(),
        ApprovalStatus::Expired => format!(
            "EXPIRED {}: it will not run",
            clock::relative(screen, request.expires_at)
        ),
        ApprovalStatus::Cancelled => "CANCELLED by the requester: it will not run".to_owned(),
        ApprovalStatus::Claimed => {
            "CLAIMED: the permit is handed out, it is about to run".to_owned()
        }
        ApprovalStatus::Started => "STARTED: it is running".to_owned(),
        ApprovalStatus::Finished => "FINISHED".to_owned(),
        ApprovalStatus::Unknown => {
            "UNKNOWN: the permit was handed out and no outcome came; it may have run".to_owned()
        }
    };
    let mut line = words;
    if let Some(outcome) = &request.outcome {
        // Writing to a String can't fail.
        let _ = write!(line, ": {}", parts::ending(outcome));
    }
    line
}

/// Returns one line on the request for a log that is followed.
pub(crate) fn line(screen: &Screen, request: &ApprovalRequest) -> String {
    let command = request.invocation.shown_command();
    format!(
        "{}  {}  {}",
        request.id,
        status_line(screen, request),
        spelled_out(&command)
    )
}

/// Returns requests as a table, in the order given. There is no room for a warning, so a word
/// that could be taken for another one is spelled out in its place.
pub(crate) fn table(screen: &Screen, requests: &[ApprovalRequest]) -> String {
    let mut table = Table::new(
        screen,
        &["ID", "STATUS", "ASKED", "BY", "EFFECT", "COMMAND"],
    );
    for request in requests {
        let production = if request.touches_production() {
            "! "
        } else {
            ""
        };
        let cells = vec![
            request.id.to_string(),
            request.status.as_str().to_owned(),
            clock::relative(screen, request.created_at),
            spelled_out(&inert(&request.requester.name)).into_owned(),
            format!(
                "{production}{}",
                spelled_out(&inert(&request.invocation.effect))
            ),
            spelled_out(&request.invocation.shown_command()).into_owned(),
        ];
        table.row(tone(request.status), cells);
    }
    table.finish()
}

fn tone(status: ApprovalStatus) -> Tone {
    match status {
        ApprovalStatus::Pending => Tone::Strong,
        ApprovalStatus::Approved | ApprovalStatus::Claimed | ApprovalStatus::Started => Tone::Good,
        ApprovalStatus::Unknown => Tone::Alarm,
        ApprovalStatus::Denied
        | ApprovalStatus::Expired
        | ApprovalStatus::Cancelled
        | ApprovalStatus::Finished => Tone::Plain,
    }
}

fn who(sheet: &mut Sheet<'_>, request: &ApprovalRequest) {
    sheet.toned("WHO", Tone::Strong, &requester(&request.requester));
    let circumstances = &request.circumstances;
    let mut machine = format!(
        "{} on {}, {}",
        inert(&circumstances.os_user),
        inert(&circumstances.host),
        if circumstances.terminal {
            "at a terminal"
        } else {
            "no terminal"
        }
    );
    if let Some(agent) = &circumstances.agent {
        // Writing to a String can't fail.
        let _ = write!(machine, ", run by {}", inert(agent));
    }
    sheet.field("", &format!("{machine} (as the client reports)"));
}

fn requester(requester: &Requester) -> String {
    let kind = requester.kind.as_str();
    let name = inert(&requester.name);
    match &requester.owner {
        Some(owner) => format!("{kind} {name}, owned by {}", inert(owner)),
        None => format!("{kind} {name}"),
    }
}

fn what(sheet: &mut Sheet<'_>, request: &ApprovalRequest) {
    let invocation = &request.invocation;
    sheet.toned("WHAT", Tone::Strong, &invocation.shown_command());
    let is_grave = !matches!(invocation.effect.as_str(), "read" | "local");
    let tone = if is_grave { Tone::Strong } else { Tone::Plain };
    sheet.toned("effect", tone, &inert(&invocation.effect));
    let is_production = request.touches_production();
    if invocation.target.is_empty() {
        sheet.field("target", "none that gate could read from the command");
    }
    for (at, (name, value)) in invocation.target.iter().enumerate() {
        let label = if at == 0 { "target" } else { "" };
        let mark = if request.is_production(name, value) {
            "   ! PRODUCTION"
        } else {
            ""
        };
        let tone = if mark.is_empty() {
            Tone::Plain
        } else {
            Tone::Alarm
        };
        sheet.toned(
            label,
            tone,
            &format!("{} = {}{mark}", inert(name), inert(value)),
        );
    }
    if !is_production
        && invocation
            .argv
            .iter()
            .any(|word| says_production(&word.shown()))
    {
        sheet.toned("", Tone::Alarm, "! the command line says PRODUCTION");
    }
    match invocation.secrets_masked() {
        0 => {}
        1 => sheet.field("", "1 secret is masked; the digest binds its value"),
        count => sheet.field(
            "",
            &format!("{count} secrets are masked; the digest binds their values"),
        ),
    }
}

fn why(sheet: &mut Sheet<'_>, request: &ApprovalRequest) {
    match &request.reason {
        Some(reason) => {
            sheet.field("WHY", &format!("\"{}\"", inert(reason)));
            sheet.toned("", Tone::Faint, "(the requester's own words, not verified)");
        }
        None => sheet.field("WHY", "no reason given"),
    }
}

fn mode(sheet: &mut Sheet<'_>, request: &ApprovalRequest) {
    match request.circumstances.mode {
        Mode::Advisory => {
            let promise =
                "gate stands before the tool on PATH: it stops mistakes, not an adversary";
            sheet.toned("ADVISORY", Tone::Alarm, promise);
        }
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
