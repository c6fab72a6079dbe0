//! Reads `[rule.approval]`: who must agree, who is asked when they are silent,
//! and for how long an agreement holds.

use std::time::Duration;

use toml::Spanned;
use toml::de::DeTable;

use super::duration::parse_duration;
use super::error::Report;
use super::evaluation::{Escalation, Requirement};
use super::fields::{Fields, shown};
use super::rule::Rule;

/// The longest that a request or a permit may live: a week.
const MAX_TTL: Duration = Duration::from_hours(7 * 24);
/// Reminders that come more often than this are noise, and nobody reads noise.
const LEAST_REMINDER: Duration = Duration::from_mins(1);

const FIELDS: &[&str] = &[
    "approvers",
    "count",
    "all_of",
    "escalate_after",
    "escalate_to",
    "remind_every",
    "request_ttl",
    "permit_ttl",
];

/// Reads the table into a rule.
pub(super) fn read(report: &mut Report<'_>, table: Spanned<&DeTable<'_>>, rule: &mut Rule) {
    let mut fields = Fields::new(report, table, "rule.approval.", FIELDS);
    rule.requirements = if fields.has("all_of") {
        all_of(&mut fields, &rule.place.id)
    } else {
        vec![requirement(&mut fields)]
    };
    if let Some(escalation) = escalation(&mut fields) {
        for requirement in &mut rule.requirements {
            requirement.escalation = Some(escalation.clone());
        }
    }
    rule.remind_every = duration(&mut fields, "remind_every");
    if rule
        .remind_every
        .is_some_and(|every| every < LEAST_REMINDER)
    {
        let at = fields.offset;
        let problem = "is more often than once a minute";
        fields.error(at, "remind_every", problem, "write \"1m\" or more");
    }
    rule.request_ttl = duration(&mut fields, "request_ttl");
    rule.permit_ttl = duration(&mut fields, "permit_ttl");
}

/// Reads who must agree, and how many of them.
fn requirement(fields: &mut Fields<'_, '_, '_>) -> Requirement {
    let approvers = approvers(fields, "approvers");
    let count = fields.number("count", (1, 100)).unwrap_or(1);
    let only_users =
        !approvers.is_empty() && approvers.iter().all(|name| name.starts_with("user:"));
    if only_users && approvers.len() < usize::from(count) {
        let at = fields.offset;
        fields.error(
            at,
            "count",
            "is more than the people who are named",
            "name more, or ask for fewer",
        );
    }
    Requirement {
        approvers,
        count,
        ..Requirement::of_anyone()
    }
}

fn approvers(fields: &mut Fields<'_, '_, '_>, field: &'static str) -> Vec<String> {
    let mut approvers = Vec::new();
    for approver in fields.texts(field).unwrap_or_default() {
        let name = approver.value;
        let is_named = ["group:", "user:"].iter().any(|kind| {
            name.strip_prefix(kind)
                .is_some_and(|rest| !rest.trim().is_empty())
        });
        if !is_named {
            let problem = format!("`{}` names nobody", shown(name));
            fields.error(
                approver.offset,
                field,
                problem,
                "write \"group:NAME\" or \"user:NAME\"",
            );
        }
        approvers.push(name.to_owned());
    }
    approvers.sort();
    approvers.dedup();
    approvers
}

/// Reads a list of requirements, which different people meet. They bear the
/// rule's id, by which the server knows which belong together.
fn all_of(fields: &mut Fields<'_, '_, '_>, id: &str) -> Vec<Requirement> {
    for field in ["approvers", "count"] {
        if let Some(value) = fields.get(field) {
            let mend = "leave it out, or write it as one more entry of `all_of`";
            fields.error(value.span().start, field, "stands beside `all_of`", mend);
        }
    }
    let Some(value) = fields.get("all_of") else {
        return Vec::new();
    };
    let at = value.span().start;
    let list = value.get_ref().as_array().filter(|list| list.len() > 1);
    let tables = list.and_then(|list| {
        let tables = list.iter().map(|item| {
            let table = item.get_ref().as_table()?;
            Some(Spanned::new(item.span(), table))
        });
        tables.collect::<Option<Vec<_>>>()
    });
    let Some(tables) = tables else {
        let mend = "write [{ approvers = \"group:A\", count = 2 }, { approvers = \"group:B\" }]";
        fields.error(at, "all_of", "is not a list of two tables or more", mend);
        return Vec::new();
    };
    let read = |table: Spanned<&DeTable<'_>>| {
        let known = &["approvers", "count"];
        let mut entry = Fields::new(&mut *fields.report, table, "rule.approval.all_of.", known);
        if !entry.has("approvers") {
            let at = entry.offset;
            entry.error(at, "approvers", "is missing", "name a group or a person");
        }
        Requirement {
            apart: Some(id.to_owned()),
            ..requirement(&mut entry)
        }
    };
    tables.into_iter().map(read).collect()
}

/// Reads the second group and when it is asked: both, or neither.
fn escalation(fields: &mut Fields<'_, '_, '_>) -> Option<Escalation> {
    let pair = ["escalate_after", "escalate_to"];
    let [has_after, has_to] = pair.map(|field| fields.has(field));
    if has_after != has_to {
        let at = fields.offset;
        let missing = if has_after {
            "escalate_to"
        } else {
            "escalate_after"
        };
        let mend = "`escalate_after` and `escalate_to` stand together";
        fields.error(at, missing, "is missing", mend);
    }
    let after = duration(fields, "escalate_after");
    let to = approvers(fields, "escalate_to");
    let escalation = Escalation {
        after_seconds: after?.as_secs(),
        to,
    };
    (!escalation.to.is_empty()).then_some(escalation)
}

fn duration(fields: &mut Fields<'_, '_, '_>, field: &str) -> Option<Duration> {
    let text = fields.text(field)?;
    let duration = parse_duration(text.value)
        .ok()
        .filter(|duration| *duration <= MAX_TTL);
    if duration.is_none() {
        let problem = format!("`{}` is not a time from 1s to 7d", shown(text.value));
        fields.error(
            text.offset,
            field,
            problem,
            "write a number and a unit, as \"30m\"",
        );
    }
    duration
}
