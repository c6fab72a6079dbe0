//! What a condition can speak of.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use cel::Value;
use cel::objects::Key;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::Offset;

use super::NoAnswer;
use crate::invocation::Invocation;
use crate::rules::decision::Decision;
use crate::rules::error::{Report, near_miss};
use crate::rules::evaluation::Occasion;
use crate::rules::fields::shown;
use crate::rules::matchers::target_fields;

/// The variables, by name.
const VARIABLES: &[&str] = &[
    "caller",
    "command",
    "cwd",
    "effect",
    "effects",
    "environment",
    "inputs",
    "known",
    "operands",
    "options",
    "reasons",
    "target",
    "time",
    "tool",
];
pub(super) const CALLER: &[&str] = &["ci", "host", "kind", "name", "terminal"];
/// What whoever asks can pretend.
const PRETENDED: &[&str] = &["ci", "kind", "terminal"];
pub(super) const ZONES: &[&str] = &["local", "utc"];
pub(super) const MOMENT: &[&str] = &["clock", "date", "day", "hour", "minute"];

pub(super) const INPUT: &[&str] = &["kind", "path", "role"];

type Mistake = (String, String);

/// What the conditions of one rule can speak of.
pub(in crate::rules) struct Scope {
    target: BTreeSet<String>,
    allows: bool,
}

impl Scope {
    /// Returns what a rule for these tools can speak of. One that allows must not rest on what
    /// whoever asks can pretend.
    pub(super) fn of(report: &Report<'_>, tools: &[String], decision: Option<Decision>) -> Self {
        let target = target_fields(report, tools).into_iter();
        Self {
            target: target.map(str::to_owned).collect(),
            allows: decision == Some(Decision::Allow),
        }
    }

    pub(super) fn has(name: &str) -> bool {
        VARIABLES.contains(&name)
    }

    /// Returns a variable that is spoken of as a whole.
    pub(super) fn variable(&self, name: &str) -> Result<&'static str, Mistake> {
        let found = VARIABLES.iter().find(|known| **known == name);
        let Some(variable) = found else {
            return Err(unknown(
                name,
                VARIABLES.iter().copied(),
                "no variable of a condition",
            ));
        };
        match *variable {
            "environment" if self.allows => Err(pretended()),
            "caller" if self.allows => Err((
                "`caller` as a whole can't allow: whoever asks can pretend parts of it".to_owned(),
                "write caller.name or caller.host".to_owned(),
            )),
            variable => Ok(variable),
        }
    }

    /// Returns the variable of which a field is spoken.
    pub(super) fn owner_of(&self, name: &str, field: &str) -> Result<&'static str, Mistake> {
        if self.allows && name == "caller" {
            if PRETENDED.contains(&field) {
                return Err(pretended());
            }
            return Ok("caller");
        }
        self.variable(name)
    }

    /// Tells whether a variable has a field.
    pub(super) fn field(&self, name: &str, field: &str) -> Result<(), Mistake> {
        let what = "no field of it";
        match name {
            "caller" => among(field, CALLER, what),
            "time" => match field.split_once('.') {
                None => among(field, ZONES, what),
                Some((_, field)) => among(field, MOMENT, what),
            },
            "target" => {
                let known: Vec<&str> = self.target.iter().map(String::as_str).collect();
                among(field, &known, "no field of the target of such a tool")
            }
            // Each command has its own options.
            "options" => Ok(()),
            _ => Err((
                format!("`{name}` has no fields"),
                "compare it as a whole".to_owned(),
            )),
        }
    }
}

fn pretended() -> Mistake {
    (
        "can't allow: whoever asks can pretend it".to_owned(),
        "leave it out, or ask or deny by a rule for the others".to_owned(),
    )
}

pub(super) fn among(field: &str, known: &[&str], what: &str) -> Result<(), Mistake> {
    if known.is_empty() {
        let problem = format!("`{}` is {what}, which has none", shown(field));
        return Err((problem, "compare it as a whole".to_owned()));
    }
    if known.contains(&field) {
        return Ok(());
    }
    Err(unknown(field, known.iter().copied(), what))
}

fn unknown<'w>(word: &str, known: impl Iterator<Item = &'w str> + Clone, what: &str) -> Mistake {
    let mend = near_miss(word, known.clone()).map_or_else(
        || format!("write one of {}", known.collect::<Vec<_>>().join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    (format!("`{}` is {what}", shown(word)), mend)
}

/// How much the variables hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub(super) bytes: usize,
    /// The most items of a list.
    pub(super) items: usize,
}

impl Size {
    fn text(&mut self, bytes: &[u8]) -> Result<Value, NoAnswer> {
        self.bytes += bytes.len();
        // What is shown in its place would be another word.
        let text = std::str::from_utf8(bytes).map_err(|_| NoAnswer::NotText)?;
        Ok(text.into())
    }

    fn list<'b>(&mut self, items: impl IntoIterator<Item = &'b [u8]>) -> Result<Value, NoAnswer> {
        let items = items.into_iter().map(|item| self.text(item));
        let items = items.collect::<Result<Vec<Value>, NoAnswer>>()?;
        self.items = self.items.max(items.len());
        Ok(items.into())
    }

    fn object(&mut self, fields: Vec<(&str, Value)>) -> Value {
        self.items = self.items.max(fields.len());
        let fields: HashMap<Key, Value> = fields
            .into_iter()
            .map(|(name, value)| (Key::from(name), value))
            .collect();
        fields.into()
    }
}

/// Returns what a variable stands for.
pub(super) fn value(
    name: &str,
    (invocation, cwd, occasion): (&Invocation, &Path, &Occasion),
    size: &mut Size,
) -> Result<Value, NoAnswer> {
    match name {
        "tool" => size.text(invocation.tool.as_bytes()),
        "known" => Ok(invocation.known.into()),
        "command" => size.list(invocation.command.iter().map(|word| word.as_bytes())),
        "effect" => size.text(invocation.effect.as_str().as_bytes()),
        "effects" => size.list(invocation.effects.iter().map(|one| one.as_str().as_bytes())),
        "reasons" => size.list(invocation.reasons.iter().map(String::as_bytes)),
        "operands" => size.list(invocation.operands.iter().map(Vec::as_slice)),
        "cwd" => size.text(cwd.as_os_str().as_encoded_bytes()),
        "environment" => {
            let notes = invocation.environment.iter();
            size.list(notes.map(|note| note.name.as_encoded_bytes()))
        }
        "target" => {
            let mut fields = Vec::new();
            for (field, value) in &invocation.target {
                fields.push((field.as_str(), size.text(value.as_bytes())?));
            }
            Ok(size.object(fields))
        }
        "options" => options(invocation, size),
        "inputs" => inputs(invocation, size),
        "caller" => caller(occasion, size),
        "time" => time(occasion, size),
        _ => Err(NoAnswer::Absent),
    }
}

/// Each option with its values in their order; a switch has `true` or `false`.
fn options(invocation: &Invocation, size: &mut Size) -> Result<Value, NoAnswer> {
    let mut names: Vec<&str> = Vec::new();
    for used in &invocation.options {
        if !names.contains(&&*used.name) {
            names.push(&used.name);
        }
    }
    let mut fields = Vec::new();
    for name in names {
        let uses = invocation.options.iter().filter(|used| used.name == name);
        let values = uses.map(|used| used.value.as_deref().unwrap_or(b"true"));
        fields.push((name, size.list(values)?));
    }
    Ok(size.object(fields))
}

fn inputs(invocation: &Invocation, size: &mut Size) -> Result<Value, NoAnswer> {
    let mut inputs = Vec::new();
    for input in &invocation.inputs {
        let fields = vec![
            ("kind", size.text(input.kind.as_str().as_bytes())?),
            (
                "path",
                size.text(input.path.as_os_str().as_encoded_bytes())?,
            ),
            ("role", size.text(input.role.as_bytes())?),
        ];
        inputs.push(size.object(fields));
    }
    size.items = size.items.max(inputs.len());
    Ok(inputs.into())
}

fn caller(occasion: &Occasion, size: &mut Size) -> Result<Value, NoAnswer> {
    let caller = &occasion.caller;
    let fields = vec![
        ("kind", size.text(caller.kind.as_str().as_bytes())?),
        ("name", size.text(caller.name.as_bytes())?),
        ("host", size.text(caller.host.as_bytes())?),
        ("ci", caller.ci.into()),
        ("terminal", caller.terminal.into()),
    ];
    Ok(size.object(fields))
}

fn time(occasion: &Occasion, size: &mut Size) -> Result<Value, NoAnswer> {
    let local = (occasion.local_offset)(occasion.now);
    let fields = vec![
        ("local", moment(local.to_datetime(occasion.now), size)?),
        ("utc", moment(Offset::UTC.to_datetime(occasion.now), size)?),
    ];
    Ok(size.object(fields))
}

fn moment(at: DateTime, size: &mut Size) -> Result<Value, NoAnswer> {
    let day = match at.weekday() {
        Weekday::Monday => "mon",
        Weekday::Tuesday => "tue",
        Weekday::Wednesday => "wed",
        Weekday::Thursday => "thu",
        Weekday::Friday => "fri",
        Weekday::Saturday => "sat",
        Weekday::Sunday => "sun",
    };
    let fields = vec![
        ("day", size.text(day.as_bytes())?),
        ("date", size.text(at.date().to_string().as_bytes())?),
        (
            "clock",
            size.text(format!("{:02}:{:02}", at.hour(), at.minute()).as_bytes())?,
        ),
        ("hour", Value::Int(at.hour().into())),
        ("minute", Value::Int(at.minute().into())),
    ];
    Ok(size.object(fields))
}
