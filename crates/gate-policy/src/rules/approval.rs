//! Reads `[rule.approval]`: who must agree, and for how long that holds.

use std::time::Duration;

use toml::Spanned;
use toml::de::DeTable;

use super::duration::parse_duration;
use super::error::Report;
use super::fields::{Fields, shown};
use super::rule::Rule;

/// The longest that a request or a permit may live: a week.
const MAX_TTL: Duration = Duration::from_hours(7 * 24);

/// Reads the table into a rule.
pub(super) fn read(report: &mut Report<'_>, table: Spanned<&DeTable<'_>>, rule: &mut Rule) {
    let known = &["approvers", "count", "request_ttl", "permit_ttl"];
    let mut fields = Fields::new(report, table, "rule.approval.", known);
    for approver in fields.texts("approvers").unwrap_or_default() {
        let name = approver.value;
        let is_named = ["group:", "user:"].iter().any(|kind| {
            name.strip_prefix(kind)
                .is_some_and(|rest| !rest.trim().is_empty())
        });
        if !is_named {
            let problem = format!("`{}` names nobody", shown(name));
            fields.error(
                approver.offset,
                "approvers",
                problem,
                "write \"group:NAME\" or \"user:NAME\"",
            );
        }
        rule.requirement.approvers.push(name.to_owned());
    }
    rule.requirement.approvers.sort();
    rule.requirement.approvers.dedup();
    rule.requirement.count = fields.number("count", (1, 100)).unwrap_or(1);
    let users = &rule.requirement.approvers;
    let only_users = !users.is_empty() && users.iter().all(|name| name.starts_with("user:"));
    if only_users && users.len() < usize::from(rule.requirement.count) {
        let at = fields.offset;
        fields.error(
            at,
            "count",
            "is more than the people who are named",
            "name more, or ask for fewer",
        );
    }
    rule.request_ttl = duration(&mut fields, "request_ttl");
    rule.permit_ttl = duration(&mut fields, "permit_ttl");
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
