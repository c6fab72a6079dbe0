//! Reads what a rule is about: the tool, the command, its flags, its target, who asks.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::decision::Decision;
use super::error::{Report, distance, near_miss};
use super::evaluation::CallerKind;
use super::fields::{Fields, Placed, shown};
use super::rule::{CallerMatch, FlagMatch};
use crate::effect::{Effect, EffectSet};
use crate::profile::ToolSpec;

const MATCHERS: &[&str] = &[
    "tool", "command", "effect", "flags", "operands", "target", "caller", "cwd", "time", "when",
];
/// The longest name of a tool that another one may be near to by chance.
const LONGEST_CHANCE: usize = 4;
const KINDS: &[(&str, CallerKind)] = &[
    ("user", CallerKind::User),
    ("agent", CallerKind::Agent),
    ("workload", CallerKind::Workload),
];

pub(super) fn tools(fields: &mut Fields<'_, '_, '_>) -> Vec<String> {
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
        let known = &*fields.report;
        let names = || {
            let specs = known.tools();
            specs.flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases.iter()))
        };
        let is_known = names().any(|known| known == name);
        if !is_known
            && !name.contains(['*', '?'])
            && let Some(near) = near_miss(name, names().map(AsRef::as_ref))
        {
            let problem = format!("gate has no profile of `{}`", shown(name));
            if is_slip(name, near) {
                let mend =
                    format!("write `{near}`, or a pattern, as `{name}*`, if it is another tool");
                fields.error(tool.offset, "tool", problem, mend);
            } else {
                // No mistake: the name may be right, and a profile that comes later must not make
                // one of rules that held.
                let mend = format!(
                    "write `{near}` if that is meant; docs/profiles.md says how to tell gate of a tool"
                );
                fields.report.doubt(tool.offset, "rule.tool", problem, mend);
            }
        }
        let canonical = fields.report.tool(name).map(|spec| spec.name.to_string());
        tools.push(canonical.unwrap_or_else(|| name.to_owned()));
    }
    tools
}

/// Tells whether a name is a known one with one letter wrong. A rule that denies under such a name
/// would never be heard; short names of other tools are as near by chance.
fn is_slip(name: &str, known: &str) -> bool {
    name.chars().count() > LONGEST_CHANCE && distance(name, known) == 1
}

pub(super) fn commands(fields: &mut Fields<'_, '_, '_>, tools: &[String]) -> Vec<Vec<String>> {
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
        for spec in specs_of(fields.report, tools) {
            if let Some((word, near)) = misspelt(spec, &words) {
                let problem = format!("`{}` is no command of {}", shown(word), spec.name);
                fields.error(
                    path.offset,
                    "command",
                    problem,
                    format!("did you mean `{near}`?"),
                );
            }
        }
        commands.push(words);
    }
    commands
}

/// Returns the word of a command path that is probably a slip of the pen. A word that is near to
/// nothing may name a plugin.
fn misspelt<'s, 'w>(spec: &'s ToolSpec, words: &'w [String]) -> Option<(&'w str, &'s str)> {
    let mut parent = 0;
    for (at, word) in words
        .iter()
        .enumerate()
        .take_while(|(_, word)| !word.contains(['*', '?']))
    {
        let above = words.get(..at)?;
        let listed = || spec.listed(above, word.as_bytes());
        let Some((index, _)) = spec.child(parent, word.as_bytes()).or_else(listed) else {
            if spec.listed.is_some() {
                return None;
            }
            let service = above.last().map_or("", String::as_str);
            let known = spec.children(parent).chain(spec.listed_operations(service));
            return Some((word, near_miss(word, known)?));
        };
        parent = index;
    }
    None
}

pub(super) fn effects(fields: &mut Fields<'_, '_, '_>) -> EffectSet {
    let mut set = EffectSet::default();
    for word in fields.texts("effect").unwrap_or_default() {
        if let Some(effect) = fields.word("effect", "an effect", &word, &Effect::BY_WORD) {
            set.insert(effect);
        }
    }
    set
}

pub(super) fn flags(fields: &mut Fields<'_, '_, '_>, tools: &[String]) -> Vec<(String, FlagMatch)> {
    let Some(table) = fields.table("flags") else {
        return Vec::new();
    };
    let spec = match tools {
        [tool] => fields.report.tool(tool),
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
    // What the scripts of the shells call takes the flags of the others, and has none of its own.
    let is_hidden = |parent: u16| {
        let above = spec.commands.get(usize::from(parent));
        above.is_some_and(|above| above.name.starts_with("__complete"))
    };
    let mut commands = spec.commands.iter();
    let is_open = commands.any(|command| command.is_open && !is_hidden(command.parent));
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

pub(super) fn target(
    fields: &mut Fields<'_, '_, '_>,
    tools: &[String],
) -> Vec<(String, Vec<String>)> {
    let Some(table) = fields.table("target") else {
        return Vec::new();
    };
    let known = target_fields(fields.report, tools);
    let mut target = Vec::new();
    for (name, value) in *table.get_ref() {
        let field = name.get_ref();
        if !known.contains(field.as_ref()) {
            let problem = format!(
                "`{}` is no field of the target of such a tool",
                shown(field)
            );
            // The names are short, so that a near one is seldom what was meant.
            let mend = format!("write one of {}", joined(&known));
            fields.error(name.span().start, "target", problem, mend);
        }
        let globs = fields.texts_of("target", value);
        let globs = owned(Some(globs)).into_iter();
        let globs = globs.map(|glob| crate::target::settled(field, &glob).into_owned());
        target.push((field.to_string(), globs.collect()));
    }
    target
}

/// Returns the tables of those of these tools that have some.
fn specs_of<'t>(report: &Report<'t>, tools: &[String]) -> Vec<&'t ToolSpec> {
    let tools = tools.iter();
    tools.filter_map(|tool| report.tool(tool)).collect()
}

/// Returns the fields that the target of any of these tools can have; of every tool where none of
/// them has a profile.
pub(super) fn target_fields<'t>(report: &Report<'t>, tools: &[String]) -> BTreeSet<&'t str> {
    let named = specs_of(report, tools);
    let specs: Vec<&ToolSpec> = if named.is_empty() {
        report.tools().collect()
    } else {
        named
    };
    specs
        .into_iter()
        .flat_map(ToolSpec::target_fields)
        .collect()
}

fn joined(names: &BTreeSet<&str>) -> String {
    let names: Vec<&str> = names.iter().copied().collect();
    names.join(", ")
}

pub(super) fn cwd(fields: &mut Fields<'_, '_, '_>) -> Vec<String> {
    let folders = fields.texts("cwd").unwrap_or_default();
    for folder in &folders {
        if !folder.value.starts_with(['/', '*']) {
            let problem = format!(
                "`{}` is not absolute, and every cwd is",
                shown(folder.value)
            );
            fields.error(folder.offset, "cwd", problem, "begin it with `/` or `**/`");
        }
    }
    owned(Some(folders))
}

pub(super) fn everything(fields: &mut Fields<'_, '_, '_>) -> bool {
    let is_everything = fields.truth("everything").unwrap_or(false);
    let matcher = MATCHERS.iter().find(|matcher| fields.has(matcher));
    let at = fields.offset;
    match matcher {
        None if !is_everything && !fields.has("everything") => {
            let mend = "say what the rule is about, or write everything = true";
            fields.error(at, "tool", "is missing, as is every other matcher", mend);
        }
        Some(matcher) if is_everything => {
            let at = fields.get("everything").map_or(at, |it| it.span().start);
            let problem = format!("stands beside `{matcher}`");
            fields.error(at, "everything", problem, "leave one of them out");
        }
        None if !is_everything => {
            let at = fields.get("everything").map_or(at, |it| it.span().start);
            fields.error(at, "everything", "is false", "say what the rule is about");
        }
        None | Some(_) => {}
    }
    is_everything
}

/// What a caller says of itself: variables that it sets or clears, a terminal that it opens. Its
/// name and host are the system's.
const PRETENDED: &[&str] = &["kind", "ci", "terminal"];

pub(super) fn caller(
    report: &mut Report<'_>,
    table: Spanned<&DeTable<'_>>,
    decision: Option<Decision>,
) -> CallerMatch {
    let known = &["kind", "name", "host", "ci", "terminal"];
    let mut fields = Fields::new(report, table, "rule.caller.", known);
    if decision == Some(Decision::Allow) {
        refuse_pretended(&mut fields);
    }
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

/// A rule that allows must not rest on what whoever asks can pretend: an agent that clears its
/// mark is a `user`.
fn refuse_pretended(fields: &mut Fields<'_, '_, '_>) {
    for field in PRETENDED {
        if let Some(value) = fields.get(field) {
            let problem = "can't allow: whoever asks can pretend it";
            let mend = "leave it out, or ask or deny by a rule for the others";
            fields.error(value.span().start, field, problem, mend);
        }
    }
}

pub(super) fn owned(texts: Option<Vec<Placed<&str>>>) -> Vec<String> {
    let texts = texts.unwrap_or_default();
    texts
        .into_iter()
        .map(|text| text.value.to_owned())
        .collect()
}
