//! Reads a rule file: TOML with one `[[rule]]` for each rule.

use std::borrow::Cow;
use std::collections::HashMap;

use toml::Spanned;
use toml::de::DeTable;

use super::decision::{Decision, Layer, Recording};
use super::error::{Report, RuleError};
use super::evaluation::{MatchedRule, Requirement};
use super::fields::{Fields, Placed, shown};
use super::rule::{CallerMatch, Rule};
use super::window::Window;
use super::{approval, condition, matchers, session};
use crate::profile::Profiles;

const FIELDS: &[&str] = &[
    "id",
    "tool",
    "command",
    "effect",
    "flags",
    "operands",
    "target",
    "caller",
    "cwd",
    "time",
    "when",
    "everything",
    "decision",
    "message",
    "reason",
    "record",
    "approval",
    "postgres",
];
const DECISIONS: &[(&str, Decision)] = &[
    ("allow", Decision::Allow),
    ("require_approval", Decision::RequireApproval),
    ("deny", Decision::Deny),
];
const RECORDINGS: &[(&str, Recording)] = &[
    ("none", Recording::None),
    ("decision", Recording::Decision),
    ("outcome", Recording::Outcome),
];
const REASONS: &[(&str, bool)] = &[("required", true), ("optional", false)];

/// Reads all rules of a text, with what is doubtful in them, or all of its mistakes.
pub(super) fn load(
    layer: Layer,
    source_name: &str,
    text: &str,
    profiles: &Profiles,
) -> Result<(Vec<Rule>, Vec<String>), Vec<RuleError>> {
    let mut report = Report::new(source_name, text, (layer, profiles));
    let (document, problems) = DeTable::parse_recoverable(text);
    for problem in problems {
        let at = problem.span().map_or(0, |span| span.start);
        report.error(
            at,
            "",
            problem.message().replace('\n', " "),
            "correct the TOML",
        );
    }
    if !report.errors.is_empty() {
        return Err(report.errors);
    }
    let mut rules: Vec<Rule> = Vec::new();
    let mut lines_of_ids: HashMap<String, usize> = HashMap::new();
    let mut top = Fields::new(
        &mut report,
        Spanned::new(document.span(), document.get_ref()),
        "",
        &["rule"],
    );
    for table in rule_tables(&mut top) {
        let Some(rule) = rule(top.report, &table, layer) else {
            continue;
        };
        let place = &rule.place;
        match lines_of_ids.get(&place.id) {
            Some(line) => {
                let problem = format!("`{}` is the id of the rule in line {line} too", place.id);
                let id = table.get_ref().get("id");
                let at = id.map_or(table.span().start, |id| id.span().start);
                top.report
                    .error(at, "rule.id", problem, "give each rule its own id");
            }
            None => {
                lines_of_ids.insert(place.id.clone(), place.line);
            }
        }
        rules.push(rule);
    }
    if report.errors.is_empty() {
        Ok((rules, report.doubts))
    } else {
        Err(report.errors)
    }
}

fn rule_tables<'f, 'i>(top: &mut Fields<'f, '_, 'i>) -> Vec<Spanned<&'f DeTable<'i>>> {
    let Some(value) = top.get("rule") else {
        return Vec::new();
    };
    let Some(list) = value.get_ref().as_array() else {
        top.error(
            value.span().start,
            "rule",
            "is not a list of rules",
            "write `[[rule]]`",
        );
        return Vec::new();
    };
    let mut tables = Vec::new();
    for item in list {
        match item.get_ref().as_table() {
            Some(table) => tables.push(Spanned::new(item.span(), table)),
            None => top.error(
                item.span().start,
                "rule",
                "is not a table",
                "write `[[rule]]`",
            ),
        }
    }
    tables
}

fn rule(report: &mut Report<'_>, table: &Spanned<&DeTable<'_>>, layer: Layer) -> Option<Rule> {
    let errors = report.errors.len();
    let mut fields = Fields::new(report, table.clone(), "rule.", FIELDS);
    let place = place(&mut fields, layer);
    let tools = matchers::tools(&mut fields);
    let decision = decision(&mut fields);
    let mut rule = Rule {
        place,
        commands: matchers::commands(&mut fields, &tools),
        effects: matchers::effects(&mut fields),
        flags: matchers::flags(&mut fields, &tools),
        target: matchers::target(&mut fields, &tools),
        tools,
        operands: matchers::owned(fields.texts("operands")),
        caller: CallerMatch::default(),
        cwd: matchers::cwd(&mut fields),
        window: None,
        condition: None,
        is_everything: matchers::everything(&mut fields),
        decision: decision.unwrap_or(Decision::Deny),
        message: fields.text("message").map(|text| text.value.to_owned()),
        reason_required: fields
            .one_of("reason", "a word for it", REASONS)
            .unwrap_or(false),
        record: fields.one_of("record", "a kind of record", RECORDINGS),
        requirements: vec![Requirement::of_anyone()],
        request_ttl: None,
        permit_ttl: None,
        remind_every: None,
        session: None,
    };
    let (caller, time, approval) = (
        fields.table("caller"),
        fields.table("time"),
        fields.table("approval"),
    );
    refuse_without_meaning(&mut fields, decision);
    if let Some(table) = caller {
        rule.caller = matchers::caller(fields.report, table, decision);
    }
    if let Some(table) = time {
        let mut fields = Fields::new(fields.report, table, "rule.time.", Window::FIELDS);
        rule.window = Some(Window::read(&mut fields));
    }
    rule.condition = condition::read(&mut fields, &rule.tools, decision);
    rule.session = session::read(&mut fields, &rule);
    if let Some(table) = approval {
        approval::read(fields.report, table, &mut rule);
    }
    (report.errors.len() == errors).then_some(rule)
}

/// What only an approval can keep, or only an allowed command needs, is no wish but a mistake.
fn refuse_without_meaning(fields: &mut Fields<'_, '_, '_>, decision: Option<Decision>) {
    let Some(decision) = decision else { return };
    let pairs = [
        ("approval", Decision::RequireApproval),
        ("reason", Decision::RequireApproval),
        ("record", Decision::Allow),
        ("postgres", Decision::Allow),
    ];
    for (field, wanted) in pairs {
        if let Some(value) = fields.get(field)
            && decision != wanted
        {
            let problem = format!("has no meaning where the decision is {decision}");
            let mend = format!("leave it out, or set decision = \"{wanted}\"");
            fields.error(value.span().start, field, problem, mend);
        }
    }
}

fn place(fields: &mut Fields<'_, '_, '_>, layer: Layer) -> MatchedRule {
    let line = fields.report.line(fields.offset);
    let source = Cow::Owned(fields.report.source_name.to_owned());
    if !fields.has("id") {
        let at = fields.offset;
        fields.error(at, "id", "is missing", "give the rule an id");
    }
    let text = fields.text("id");
    if let Some(text) = &text {
        demand_plain_id(fields, text);
    }
    let id = text.map_or_else(String::new, |text| text.value.to_owned());
    MatchedRule {
        id,
        layer,
        source,
        line,
    }
}

fn demand_plain_id(fields: &mut Fields<'_, '_, '_>, text: &Placed<&str>) {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    if text.value.is_empty() || !text.value.chars().all(is_plain) {
        let problem = format!("`{}` is not an id", shown(text.value));
        let mend = "write letters, digits, `-`, `_`, `.` and `/`";
        fields.error(text.offset, "id", problem, mend);
    } else if text.value.starts_with("baseline/") || text.value.starts_with("gate/") {
        let mend = "ids that start with `baseline/` or `gate/` are gate's own";
        fields.error(text.offset, "id", "is taken", mend);
    }
}

fn decision(fields: &mut Fields<'_, '_, '_>) -> Option<Decision> {
    if !fields.has("decision") {
        let at = fields.offset;
        fields.error(
            at,
            "decision",
            "is missing",
            "write allow, require_approval or deny",
        );
    }
    fields.one_of("decision", "a decision", DECISIONS)
}
