//! Reads a rule file: TOML with one `[[rule]]` for each rule.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::approval;
use super::decision::{Decision, Layer, Recording};
use super::error::{Report, RuleError, near_miss, position};
use super::evaluation::{CallerKind, MatchedRule, Requirement};
use super::fields::{Fields, Placed, shown};
use super::rule::{CallerMatch, FlagMatch, Rule};
use super::window::Window;
use crate::effect::{Effect, EffectSet};
use crate::profile::{ToolSpec, builtin, find_builtin};

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
    "everything",
    "decision",
    "message",
    "reason",
    "record",
    "approval",
];
const MATCHERS: &[&str] = &[
    "tool", "command", "effect", "flags", "operands", "target", "caller", "cwd", "time",
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
const KINDS: &[(&str, CallerKind)] = &[
    ("user", CallerKind::User),
    ("agent", CallerKind::Agent),
    ("workload", CallerKind::Workload),
];
const REASONS: &[(&str, bool)] = &[("required", true), ("optional", false)];
const EFFECTS: &[(&str, Effect)] = &[
    ("read", Effect::Read),
    ("local", Effect::Local),
    ("write", Effect::Write),
    ("destroy", Effect::Destroy),
    ("access", Effect::Access),
    ("secret", Effect::Secret),
    ("execute", Effect::Execute),
    ("unknown", Effect::Unknown),
];
/// Reads all rules of a text, or all of its mistakes.
pub(super) fn load(
    layer: Layer,
    source_name: &str,
    text: &str,
) -> Result<Vec<Rule>, Vec<RuleError>> {
    let mut report = Report {
        source_name,
        text,
        errors: Vec::new(),
    };
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
    let mut top = Fields::new(&mut report, &document, "", &["rule"]);
    for table in rule_tables(&mut top) {
        if let Some(rule) = rule(top.report, &table, layer) {
            if let Some(other) = rules.iter().find(|other| other.place.id == rule.place.id) {
                let line = other.place.line;
                let problem = format!(
                    "`{}` is the id of the rule in line {line} too",
                    rule.place.id
                );
                top.report.error(
                    table.span().start,
                    "rule.id",
                    problem,
                    "give each rule its own id",
                );
            }
            rules.push(rule);
        }
    }
    if report.errors.is_empty() {
        Ok(rules)
    } else {
        Err(report.errors)
    }
}

fn rule_tables<'i>(top: &mut Fields<'_, '_, 'i>) -> Vec<Spanned<DeTable<'i>>> {
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
            Some(table) => tables.push(Spanned::new(item.span(), table.clone())),
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

fn rule(report: &mut Report<'_>, table: &Spanned<DeTable<'_>>, layer: Layer) -> Option<Rule> {
    let errors = report.errors.len();
    let mut fields = Fields::new(report, table, "rule.", FIELDS);
    let place = place(&mut fields, layer);
    let tools = tools(&mut fields);
    let decision = decision(&mut fields);
    let mut rule = Rule {
        place,
        commands: commands(&mut fields),
        effects: effects(&mut fields),
        flags: flags(&mut fields, &tools),
        tools,
        operands: owned(fields.texts("operands")),
        target: target(&mut fields),
        caller: CallerMatch::default(),
        cwd: owned(fields.texts("cwd")),
        window: None,
        is_everything: everything(&mut fields),
        decision: decision.unwrap_or(Decision::Deny),
        message: fields.text("message").map(|text| text.value.to_owned()),
        reason_required: fields
            .one_of("reason", "a word for it", REASONS)
            .unwrap_or(false),
        record: fields.one_of("record", "a kind of record", RECORDINGS),
        requirement: Requirement {
            approvers: Vec::new(),
            count: 1,
        },
        request_ttl: None,
        permit_ttl: None,
    };
    let (caller, time, approval) = (
        fields.table("caller"),
        fields.table("time"),
        fields.table("approval"),
    );
    if approval.is_some() && decision.is_some_and(|word| word != Decision::RequireApproval) {
        let at = fields.offset;
        fields.error(
            at,
            "approval",
            "has no meaning here",
            "set decision = \"require_approval\"",
        );
    }
    if let Some(table) = caller {
        rule.caller = caller_match(fields.report, &owned_table(&table));
    }
    if let Some(table) = time {
        let table = owned_table(&table);
        let mut fields = Fields::new(fields.report, &table, "rule.time.", Window::FIELDS);
        rule.window = Some(Window::read(&mut fields));
    }
    if let Some(table) = approval {
        approval::read(fields.report, &owned_table(&table), &mut rule);
    }
    (report.errors.len() == errors).then_some(rule)
}

fn owned_table<'i>(table: &Spanned<&DeTable<'i>>) -> Spanned<DeTable<'i>> {
    Spanned::new(table.span(), (*table.get_ref()).clone())
}

fn place(fields: &mut Fields<'_, '_, '_>, layer: Layer) -> MatchedRule {
    let (line, _) = position(fields.report.text, fields.offset);
    let source = fields.report.source_name.to_owned();
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

fn tools(fields: &mut Fields<'_, '_, '_>) -> Vec<String> {
    let mut tools = Vec::new();
    for tool in fields.texts("tool").unwrap_or_default() {
        let name = tool.value;
        if name.is_empty() || name.contains('/') {
            let problem = format!("`{}` is not the name of a tool", shown(name));
            fields.error(
                tool.offset,
                "tool",
                problem,
                "write its name without a folder",
            );
        }
        let names = || {
            let specs = builtin().iter();
            specs.flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases.iter()))
        };
        let is_known = names().any(|known| known == name);
        if !is_known
            && !name.contains(['*', '?'])
            && let Some(near) = near_miss(name, names().map(AsRef::as_ref))
        {
            let problem = format!("`{}` is no tool that gate knows", shown(name));
            fields.error(
                tool.offset,
                "tool",
                problem,
                format!("did you mean `{near}`?"),
            );
        }
        let canonical = find_builtin(name.as_bytes()).map(|spec| spec.name.to_string());
        tools.push(canonical.unwrap_or_else(|| name.to_owned()));
    }
    tools
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

fn commands(fields: &mut Fields<'_, '_, '_>) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for path in fields.texts("command").unwrap_or_default() {
        let words: Vec<String> = path.value.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            fields.error(
                path.offset,
                "command",
                "is empty",
                "write words, as \"rollout restart\"",
            );
        }
        commands.push(words);
    }
    commands
}

fn effects(fields: &mut Fields<'_, '_, '_>) -> EffectSet {
    let mut set = EffectSet::default();
    for word in fields.texts("effect").unwrap_or_default() {
        if let Some(effect) = fields.word("effect", "an effect", &word, EFFECTS) {
            set.insert(effect);
        }
    }
    set
}

fn flags(fields: &mut Fields<'_, '_, '_>, tools: &[String]) -> Vec<(String, FlagMatch)> {
    let Some(table) = fields.table("flags") else {
        return Vec::new();
    };
    let spec = match tools {
        [tool] => find_builtin(tool.as_bytes()),
        _ => None,
    };
    let mut flags = Vec::new();
    for (name, value) in *table.get_ref() {
        let word = name.get_ref().trim_start_matches('-');
        if let Some(spec) = spec {
            demand_known_flag(fields, spec, word, name.span().start);
        }
        let at = value.span().start;
        let wanted = match value.get_ref() {
            DeValue::Boolean(true) => FlagMatch::Given,
            DeValue::Boolean(false) => FlagMatch::Absent,
            DeValue::String(pattern) => FlagMatch::Value(pattern.to_string()),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                let problem = format!(
                    "`{}` is of type {}",
                    shown(word),
                    value.get_ref().type_str()
                );
                fields.error(at, "flags", problem, "write a pattern, true or false");
                continue;
            }
        };
        flags.push((word.to_owned(), wanted));
    }
    flags
}

fn demand_known_flag(fields: &mut Fields<'_, '_, '_>, spec: &ToolSpec, word: &str, offset: usize) {
    let names = || {
        let flags = spec.groups.iter().flat_map(|group| group.flags.iter());
        flags.map(|flag| flag.name.as_ref())
    };
    let is_open = spec.commands.iter().any(|command| command.is_open);
    if is_open || names().any(|known| known == word) {
        return;
    }
    let mend = near_miss(word, names()).map_or_else(
        || "write the flag's long name without dashes".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    let problem = format!(
        "`{}` is no flag of {} that gate knows",
        shown(word),
        spec.name
    );
    fields.error(offset, "flags", problem, mend);
}

fn target(fields: &mut Fields<'_, '_, '_>) -> Vec<(String, Vec<String>)> {
    let Some(table) = fields.table("target") else {
        return Vec::new();
    };
    let mut target = Vec::new();
    for (name, value) in *table.get_ref() {
        let globs = fields.texts_of("target", value);
        target.push((name.get_ref().to_string(), owned(Some(globs))));
    }
    target
}

fn everything(fields: &mut Fields<'_, '_, '_>) -> bool {
    let is_everything = fields.truth("everything").unwrap_or(false);
    let matcher = MATCHERS.iter().find(|matcher| fields.has(matcher));
    let at = fields.offset;
    match matcher {
        None if !is_everything && !fields.has("everything") => {
            let mend = "say what the rule is about, or write everything = true";
            fields.error(at, "", "the rule has no matcher", mend);
        }
        Some(matcher) if is_everything => {
            let problem = format!("stands beside `{matcher}`");
            fields.error(at, "everything", problem, "leave one of them out");
        }
        None if !is_everything => {
            fields.error(at, "everything", "is false", "say what the rule is about");
        }
        None | Some(_) => {}
    }
    is_everything
}

fn caller_match(report: &mut Report<'_>, table: &Spanned<DeTable<'_>>) -> CallerMatch {
    let known = &["kind", "name", "host", "ci", "terminal"];
    let mut fields = Fields::new(report, table, "rule.caller.", known);
    let mut kinds = Vec::new();
    for kind in fields.texts("kind").unwrap_or_default() {
        kinds.extend(fields.word("kind", "a kind of caller", &kind, KINDS));
    }
    CallerMatch {
        kinds,
        names: owned(fields.texts("name")),
        hosts: owned(fields.texts("host")),
        ci: fields.truth("ci"),
        terminal: fields.truth("terminal"),
    }
}

fn owned(texts: Option<Vec<Placed<&str>>>) -> Vec<String> {
    let texts = texts.unwrap_or_default();
    texts
        .into_iter()
        .map(|text| text.value.to_owned())
        .collect()
}
