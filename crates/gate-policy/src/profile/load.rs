//! Reads a profile at run time, or names every mistake in it.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{Mistake, Profile, compile};
use super::{ToolSpec, find_builtin};
use crate::rules::{Layer, RuleError, near_miss, position};

/// How many mistakes of a text are told: the place of each is counted from the beginning.
const MOST_MISTAKES: usize = 100;

/// Reads the profile of a text.
pub(super) fn load(
    layer: Layer,
    source_name: &str,
    text: &str,
) -> Result<ToolSpec, Vec<RuleError>> {
    let (document, problems) = DeTable::parse_recoverable(text);
    let told = |mistake: Mistake| {
        let (line, column) = position(text, mistake.place.start);
        RuleError {
            source_name: source_name.to_owned(),
            line,
            column,
            field: field_at(document.get_ref(), &mistake.place),
            problem: mistake.problem,
            mend: mistake.mend,
        }
    };
    if !problems.is_empty() {
        let mistakes = problems.iter().map(|problem| {
            let place = problem.span().unwrap_or(0..0);
            Mistake::new(
                place,
                problem.message().replace('\n', " "),
                "correct the TOML",
            )
        });
        return Err(mistakes.take(MOST_MISTAKES).map(told).collect());
    }
    if let Some(mistake) = control_sign(document.get_ref()) {
        return Err(vec![told(mistake)]);
    }
    let profile: Profile = match toml::from_str(text) {
        Ok(profile) => profile,
        Err(error) => return Err(vec![told(of_form(&error))]),
    };
    let mut mistakes = refused(layer, &profile);
    match compile(&profile) {
        Ok(tool) if mistakes.is_empty() => return Ok(tool),
        Ok(_) => {}
        Err(found) => mistakes.extend(found),
    }
    mistakes.sort_by_key(|mistake| mistake.place.start);
    let first = mistakes.into_iter().take(MOST_MISTAKES);
    Err(first.map(told).collect())
}

/// Returns what is no matter of a profile that is not built in.
fn refused(layer: Layer, profile: &Profile) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let aliases = profile.aliases.iter();
    for name in std::iter::once(&profile.name).chain(aliases) {
        let word = name.get_ref();
        if let Some(known) = find_builtin(word.as_bytes()) {
            let problem = if known.name == *word {
                format!("gate has a profile of `{word}` built in")
            } else {
                format!(
                    "`{word}` is `{}`, of which gate has a profile built in",
                    known.name
                )
            };
            let mend = "remove the file: it would not be used, and a rule can say what is wanted";
            mistakes.push(Mistake::at(name, problem, mend));
        }
        let is_plain = |letter: char| letter.is_ascii_graphic() && !"/*?`".contains(letter);
        if word.is_empty() || !word.chars().all(is_plain) {
            let problem = "it is not the name of a tool";
            let mend = "write what the program is called, without a folder";
            mistakes.push(Mistake::at(name, problem, mend));
        }
    }
    mistakes.extend(only_built_in(profile));
    if layer.only_tightens() {
        mistakes.extend(only_owners(layer, profile));
    }
    mistakes
}

/// Returns what needs more than one file, or code that knows one tool.
fn only_built_in(profile: &Profile) -> Vec<Mistake> {
    let leave_out = "leave it out: it is for profiles that are built in";
    let mut mistakes = Vec::new();
    let mut refuse = |place: Range<usize>, problem: &str| {
        mistakes.push(Mistake::new(place, problem, leave_out));
    };
    let reader = profile.reader.as_ref();
    if let Some(reader) = reader.filter(|word| word.get_ref() != "tables") {
        refuse(reader.span(), "it is made for one tool");
    }
    if let Some(operations) = &profile.operations {
        refuse(operations.span(), "it names a file beside the profile");
    }
    if let Some(shares) = &profile.shares {
        refuse(shares.span(), "it names a profile beside this one");
    }
    if let Some(listed) = &profile.listed {
        refuse(listed.span(), "it names a file beside the profile");
    }
    if let Some(variable) = &profile.completed_by {
        refuse(variable.span(), "it takes all effects away");
    }
    for class in profile.command.iter().filter_map(|one| one.class.as_ref()) {
        refuse(class.span(), "it is a class of a file beside the profile");
    }
    for placed in &profile.implicit {
        if placed.get_ref().modules.is_some() {
            refuse(placed.span(), "`modules` is made for one tool");
        }
    }
    for placed in &profile.environment {
        if placed.get_ref().python {
            refuse(placed.span(), "`python` is for what holds for every tool");
        }
    }
    mistakes
}

/// Returns what could make gate milder where whoever wrote it may only make it stricter.
fn only_owners(layer: Layer, profile: &Profile) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    if let Some(alias) = profile.aliases.first() {
        let problem = format!("a profile of the {layer} layer gives no tool another name");
        let mend = "write a profile for each name";
        mistakes.push(Mistake::at(alias, problem, mend));
    }
    for placed in &profile.environment {
        let variable = placed.get_ref();
        let action = variable.action.get_ref().as_str();
        if matches!(action, "strip" | "set") || variable.stripped_elsewhere {
            let problem = format!("a profile of the {layer} layer changes no variable");
            let mend = "write action = \"bind\" or \"unknown\"";
            mistakes.push(Mistake::at(&variable.action, problem, mend));
        }
    }
    mistakes
}

/// Returns what `serde` says, in gate's own words.
fn of_form(error: &toml::de::Error) -> Mistake {
    let place = error.span().unwrap_or(0..0);
    let message = error.message().trim_end().replace('\n', " ");
    if let Some((word, known)) = message
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once("`, expected "))
    {
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let mend = near_miss(word, known.iter().copied()).map_or_else(
            || format!("write one of {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        return Mistake::new(place, "is no field that gate knows", mend);
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return Mistake::new(place, format!("{field} is missing"), "write it");
    }
    let typed = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.split_once(", expected "));
    match typed {
        Some((found, wanted)) => {
            let mend = match wanted {
                "a string" => "a text in quotes",
                "a sequence" => "a list in brackets",
                "a boolean" => "true or false",
                "u8" => "a whole number from 0 to 255",
                table if table.starts_with("struct ") || table == "a map" => "a table",
                other => other,
            };
            Mistake::new(place, format!("is {found}"), format!("write {mend}"))
        }
        None => Mistake::new(place, message, "correct it"),
    }
}

/// Returns the first text with a sign that no name, pattern or value of a tool has. A zero in a
/// word of the tree would stand for a node that no word of argv may name.
fn control_sign(table: &DeTable<'_>) -> Option<Mistake> {
    table.iter().find_map(|(name, value)| {
        if name.get_ref().contains(is_control) {
            Some(unprintable(name.span()))
        } else {
            control_sign_in(value)
        }
    })
}

fn control_sign_in(value: &Spanned<DeValue<'_>>) -> Option<Mistake> {
    match value.get_ref() {
        DeValue::String(text) => text.contains(is_control).then(|| unprintable(value.span())),
        DeValue::Array(items) => items.iter().find_map(control_sign_in),
        DeValue::Table(table) => control_sign(table),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            None
        }
    }
}

fn is_control(sign: char) -> bool {
    sign.is_control() && !matches!(sign, '\n' | '\t')
}

fn unprintable(place: Range<usize>) -> Mistake {
    let problem = "holds a sign that can't be printed";
    Mistake::new(place, problem, "write letters, digits and signs")
}

/// Returns the path of the innermost field in which a place begins; nothing where it is in none.
fn field_at(table: &DeTable<'_>, place: &Range<usize>) -> String {
    let holds = |other: Range<usize>| other.start <= place.start && place.start < other.end;
    for (name, value) in table {
        let inner = match value.get_ref() {
            DeValue::Table(below) => field_at(below, place),
            DeValue::Array(items) => {
                let tables = items.iter().filter_map(|item| item.get_ref().as_table());
                let mut fields = tables.map(|table| field_at(table, place));
                fields.find(|field| !field.is_empty()).unwrap_or_default()
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => String::new(),
        };
        let word = shown(name.get_ref());
        if !inner.is_empty() {
            return format!("{word}.{inner}");
        }
        let items = value.get_ref().as_array();
        let is_inside = items.is_some_and(|items| items.iter().any(|item| holds(item.span())));
        if is_inside || holds(name.span()) || holds(value.span()) {
            return word;
        }
    }
    String::new()
}

fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .flat_map(char::escape_default)
        .collect()
}

/// Tells whether a text is meant to be a profile, and not rules.
pub(super) fn is_meant(text: &str) -> bool {
    let (document, _) = DeTable::parse_recoverable(text);
    let has = |field: &str| document.get_ref().get(field).is_some();
    !has("rule") && (has("name") || has("style") || has("command"))
}
