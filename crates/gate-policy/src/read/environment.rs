//! What the environment does to a command: what is bound, stripped or set,
//! and what makes it unknown.

use std::ffi::OsStr;

use super::secret_names::names_a_secret;
use super::words::{Parsed, shown};
use crate::command_line::{CommandLine, Environment};
use crate::effect::Effect;
use crate::glob;
use crate::invocation::{EnvironmentAction, EnvironmentNote, Invocation, SecretPlace, SecretSpan};
use crate::profile::{EVERY_TOOL, Text, VariableAction, VariableSpec};

/// The pattern of a tool that reads any variable.
const ALL_THE_REST: &str = "*";

pub(super) fn read(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    if line.env.is_empty() {
        set_alone(line, parsed, invocation);
        return;
    }
    let own = parsed.spec.environment.iter();
    let beginnings = Beginnings::of(line.env);
    // The entry for all the rest comes behind those of every tool.
    let (is_rest, is_named) = (
        |spec: &&VariableSpec| spec.name == ALL_THE_REST,
        |spec: &&VariableSpec| spec.name != ALL_THE_REST,
    );
    for spec in own.clone().filter(is_named) {
        read_own(line, spec, parsed, &beginnings, invocation);
    }
    for spec in EVERY_TOOL.environment.iter() {
        if parsed.spec.can_be_python || !spec.is_of_python {
            apply(line, spec, None, &beginnings, invocation);
        }
    }
    for spec in own.filter(is_rest) {
        apply(line, spec, Some(parsed), &beginnings, invocation);
    }
    note_repeated(line, invocation);
}

/// Sets what is set for the tool: without any variable nothing else counts. The entries of every
/// tool set none.
fn set_alone(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    if !parsed.spec.sets_variables {
        return;
    }
    let is_set = |spec: &&VariableSpec| matches!(spec.action, VariableAction::Set(_));
    let none = Beginnings::of(line.env);
    for spec in parsed.spec.environment.iter().filter(is_set) {
        read_own(line, spec, parsed, &none, invocation);
    }
}

/// Reads a variable by an entry of the tool.
fn read_own(
    line: &CommandLine<'_>,
    spec: &VariableSpec,
    parsed: &Parsed<'_>,
    beginnings: &Beginnings,
    invocation: &mut Invocation,
) {
    let is_set_by_gate = matches!(spec.action, VariableAction::Set(_));
    if !is_set_by_gate && !beginnings.may_be_of(&spec.name) {
        return;
    }
    let is_read = !is_replaced(spec, parsed);
    if is_read && (matters(spec, parsed) || spec.is_stripped_elsewhere) {
        apply(line, spec, Some(parsed), beginnings, invocation);
    }
}

/// Says which names stand more than once, of which the tool gets the first alone.
fn note_repeated(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for name in line.env.repeated() {
        invocation.environment.push(EnvironmentNote {
            name: name.to_owned(),
            action: EnvironmentAction::FirstKept,
            why: "it stands more than once, and programs disagree on which value counts".into(),
        });
    }
}

/// Tells whether the command is one that a variable matters to.
fn matters(spec: &VariableSpec, parsed: &Parsed<'_>) -> bool {
    spec.commands.is_empty() || spec.commands.iter().any(|path| is_below(parsed, path))
}

/// Tells whether an option keeps the tool from reading the variable. Where a word was not
/// understood, no option is believed.
fn is_replaced(spec: &VariableSpec, parsed: &Parsed<'_>) -> bool {
    let is_given = |name: &Text| parsed.uses.iter().any(|used| used.on && used.name == *name);
    parsed.problems.is_empty() && spec.unless.iter().any(is_given)
}

/// Tells whether a variable that a pattern covers has an entry of its own or
/// one with a longer pattern in the same file.
fn has_nearer_entry(parsed: Option<&Parsed<'_>>, pattern: &str, name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    let is_nearer = |spec: &VariableSpec| {
        let is_longer = !spec.name.contains('*') || spec.name.len() > pattern.len();
        is_longer && glob::matches(spec.name.as_bytes(), bytes)
    };
    let spec = parsed.map_or(EVERY_TOOL, |parsed| parsed.spec);
    spec.environment.iter().any(is_nearer)
}

/// Returns the variables that no entry covers but the one for all the rest. An entry that names
/// other commands says that the variable does not matter here, and covers it only for those.
fn all_the_rest<'e>(
    line: &CommandLine<'e>,
    parsed: Option<&Parsed<'_>>,
    beginnings: &Beginnings,
) -> Vec<(&'e OsStr, &'e OsStr)> {
    let mut rest: Vec<(&OsStr, &OsStr)> = line.env.iter().collect();
    let own = parsed.map_or(EVERY_TOOL, |parsed| parsed.spec);
    let own = own.environment.iter().map(|spec| (spec, parsed));
    let of_all = EVERY_TOOL.environment.iter().map(|spec| (spec, None));
    let entries = own
        .chain(of_all)
        .filter(|(spec, _)| spec.name != ALL_THE_REST && beginnings.may_be_of(&spec.name));
    for (spec, parsed) in entries {
        let is_covered = |name: &OsStr| covers(&spec.name, name);
        if rest.iter().any(|(name, _)| is_covered(name))
            && parsed.is_none_or(|parsed| matters(spec, parsed))
        {
            rest.retain(|(name, _)| !is_covered(name));
        }
    }
    rest
}

/// Tells whether a name or a pattern covers a variable. Most differ before any star.
fn covers(pattern: &str, name: &OsStr) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_encoded_bytes());
    let begins_so = match (pattern, name) {
        ([b'*' | b'?', ..] | [_, b'*' | b'?', ..], _) => true,
        ([one, two, ..], [first, second, ..]) => one == first && two == second,
        _ => pattern == name,
    };
    begins_so && glob::matches(pattern, name)
}

/// Tells whether the command path starts with these words.
fn is_below(parsed: &Parsed<'_>, path: &str) -> bool {
    let mut words = parsed.path.iter();
    path.split_whitespace()
        .all(|word| words.next().is_some_and(|known| known == word))
}

/// Reads what matters to every tool, also to one that gate doesn't know.
pub(super) fn read_foreign(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let beginnings = Beginnings::of(line.env);
    for spec in EVERY_TOOL.environment.iter() {
        apply(line, spec, None, &beginnings, invocation);
    }
    note_repeated(line, invocation);
}

/// How the names of an environment begin: most entries are for variables that are not set, which
/// is so told at a glance.
struct Beginnings([bool; 256]);

impl Beginnings {
    fn of(env: &Environment) -> Self {
        let mut places = [false; 256];
        for (name, _) in env.iter() {
            if let [first, second, ..] = name.as_encoded_bytes()
                && let Some(place) = places.get_mut(Self::place(*first, *second))
            {
                *place = true;
            }
        }
        Self(places)
    }

    fn place(first: u8, second: u8) -> usize {
        first.wrapping_mul(29).wrapping_add(second).into()
    }

    /// Tells whether a variable that a name or a pattern covers may be set.
    fn may_be_of(&self, name: &str) -> bool {
        let is_wild = |byte: u8| matches!(byte, b'*' | b'?');
        match *name.as_bytes() {
            [first, second, ..] if !is_wild(first) && !is_wild(second) => {
                self.0.get(Self::place(first, second)) == Some(&true)
            }
            _ => true,
        }
    }
}

fn apply(
    line: &CommandLine<'_>,
    spec: &VariableSpec,
    parsed: Option<&Parsed<'_>>,
    beginnings: &Beginnings,
    invocation: &mut Invocation,
) {
    if spec.action == VariableAction::Ignore {
        return;
    }
    if let VariableAction::Set(value) = &spec.action {
        invocation.environment.push(EnvironmentNote {
            name: spec.name.as_ref().into(),
            action: EnvironmentAction::Set(value.as_ref().into()),
            why: spec.why.clone(),
        });
        return;
    }
    if !beginnings.may_be_of(&spec.name) {
        return;
    }
    if spec.name == ALL_THE_REST {
        for variable in all_the_rest(line, parsed, beginnings) {
            note(line, spec, variable, parsed, invocation);
        }
    } else if let Some((prefix, end)) = spec.name.split_once('*') {
        let all = line.env.starting_with(prefix);
        let is_meant = |name: &OsStr| {
            let name = name.as_encoded_bytes();
            name.len() >= prefix.len() + end.len() && name.ends_with(end.as_bytes())
        };
        for (name, value) in all.filter(|(name, _)| is_meant(name)) {
            if !has_nearer_entry(parsed, &spec.name, name) {
                note(line, spec, (name, value), parsed, invocation);
            }
        }
    } else if let Some(value) = line.env.get(spec.name.as_ref()) {
        let name = OsStr::new(spec.name.as_ref());
        note(line, spec, (name, value), parsed, invocation);
    }
}

fn note(
    line: &CommandLine<'_>,
    spec: &VariableSpec,
    (name, value): (&OsStr, &OsStr),
    parsed: Option<&Parsed<'_>>,
    invocation: &mut Invocation,
) {
    let bytes = value.as_encoded_bytes();
    if invocation.environment.iter().any(|note| note.name == name) {
        return;
    }
    // An empty value is harmless only where the profile says so: to some tools
    // a variable that is set at all is a switch.
    let mut without = spec.harmless_without.iter();
    let is_harmless = !without.any(|name| line.env.get(name.as_ref()).is_some())
        && spec
            .harmless
            .iter()
            .any(|pattern| is_harmless_value(line, pattern, bytes));
    let action = if is_harmless {
        harmless_action(spec)
    } else if parsed.is_some_and(|parsed| !matters(spec, parsed) && parsed.problems.is_empty()) {
        EnvironmentAction::Stripped
    } else {
        action(spec, name, parsed, invocation)
    };
    if action == EnvironmentAction::MakesUnknown {
        let name = shown(name.as_encoded_bytes());
        invocation.add(Effect::Unknown, format!("`{name}` is set: {}", spec.why));
    }
    if !spec.target.is_empty() && !bytes.is_empty() {
        invocation
            .target
            .entry(spec.target.to_string())
            .or_insert_with(|| shown(bytes));
    }
    let kind = match spec.secret.as_ref() {
        "" if names_a_secret(name.as_encoded_bytes()) => "password",
        kind => kind,
    };
    if !kind.is_empty() && !bytes.is_empty() {
        invocation.secrets.push(SecretSpan {
            place: SecretPlace::Env(name.to_owned()),
            range: 0..bytes.len(),
            kind: kind.to_owned(),
        });
    }
    invocation.environment.push(EnvironmentNote {
        name: name.to_owned(),
        action,
        why: spec.why.clone(),
    });
}

/// Says what becomes of a variable whose value changes nothing.
fn harmless_action(spec: &VariableSpec) -> EnvironmentAction {
    match spec.action {
        VariableAction::Strip => EnvironmentAction::Stripped,
        VariableAction::Bind
        | VariableAction::Ignore
        | VariableAction::Unknown
        | VariableAction::Merge
        | VariableAction::Set(_) => EnvironmentAction::Binds,
    }
}

/// Says what becomes of a variable whose value can change something.
fn action(
    spec: &VariableSpec,
    name: &OsStr,
    parsed: Option<&Parsed<'_>>,
    invocation: &Invocation,
) -> EnvironmentAction {
    let counts = !spec.is_beyond_read || invocation.does_more_than_read();
    match spec.action {
        VariableAction::Unknown if counts => EnvironmentAction::MakesUnknown,
        VariableAction::Merge => merged_action(spec, name, parsed),
        VariableAction::Strip
        | VariableAction::Bind
        | VariableAction::Ignore
        | VariableAction::Unknown
        | VariableAction::Set(_) => harmless_action(spec),
    }
}

/// Says what becomes of a variable whose words the tool adds to those of the command, or of another
/// command.
fn merged_action(
    spec: &VariableSpec,
    name: &OsStr,
    parsed: Option<&Parsed<'_>>,
) -> EnvironmentAction {
    let merged = parsed.and_then(|parsed| parsed.merged);
    // Of a command that is not understood it is not known which variables are its own.
    let is_clear = parsed.is_some_and(|parsed| parsed.problems.is_empty());
    match merged {
        Some(merged) if merged.holds(name) => EnvironmentAction::Merges,
        Some(merged) if merged.is_unread(name) => EnvironmentAction::MakesUnknown,
        _ if is_clear && spec.is_stripped_elsewhere => EnvironmentAction::Stripped,
        _ => EnvironmentAction::Binds,
    }
}

/// Compares a value with a pattern, in which `$HOME/` stands for the caller's
/// own folder and `$LOOPBACK` for the address of a server on this machine.
fn is_harmless_value(line: &CommandLine<'_>, pattern: &str, value: &[u8]) -> bool {
    if pattern == "$LOOPBACK" {
        return is_loopback(value);
    }
    let Some(below) = pattern.strip_prefix("$HOME/") else {
        return glob::matches(pattern.as_bytes(), value);
    };
    line.env.get("HOME").is_some_and(|home| {
        let home = home.as_encoded_bytes();
        let rest = value.strip_prefix(home);
        !home.is_empty() && rest.and_then(|rest| rest.strip_prefix(b"/")) == Some(below.as_bytes())
    })
}

/// Tells whether a URL is nothing but a scheme, a name of this machine and a
/// port: `http://localhost:80@elsewhere` is none.
pub(crate) fn is_loopback(url: &[u8]) -> bool {
    let schemes: [&[u8]; 2] = [b"http://", b"https://"];
    let hosts: [&[u8]; 3] = [b"127.0.0.1", b"localhost", b"[::1]"];
    let Some(rest) = schemes.iter().find_map(|scheme| url.strip_prefix(*scheme)) else {
        return false;
    };
    let Some(rest) = hosts.iter().find_map(|host| rest.strip_prefix(*host)) else {
        return false;
    };
    match rest.strip_suffix(b"/").unwrap_or(rest) {
        [] => true,
        [b':', port @ ..] => !port.is_empty() && port.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entries_of_every_tool_set_none() {
        assert!(!EVERY_TOOL.sets_variables);
    }
}
