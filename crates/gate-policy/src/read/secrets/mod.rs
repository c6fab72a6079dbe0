//! Where secrets stand in argv, in the environment and in statements.
//!
//! What is known of the tool comes first: flags that its profile calls secret.
//! Then every word is searched: a value is secret by the name in front of it
//! ([`scan`], [`value`], [`pairs`], [`sql`], [`header`]), by the word
//! in front of it ([`sequence`], [`tools`]), by where it stands in a URI
//! ([`uri`]), by its own shape ([`shapes`], [`pem`]), and at last because it is
//! as random as a key ([`entropy`]). The same search runs over statements and
//! the target, which are shown too ([`redact`]).

mod assigned;
mod bare;
mod base64;
mod columns;
mod commands;
mod entropy;
mod header;
mod insert;
mod link;
mod literal;
mod looks;
mod marks;
mod meta;
mod methods;
mod nested;
mod pairs;
mod pem;
mod pieces;
mod piped;
mod plain;
mod prose;
mod redact;
mod reference;
mod rows;
mod scan;
mod sentences;
mod sequence;
mod shapes;
mod sql;
mod statement;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod tools;
mod uri;
mod value;
mod yaml;

use std::collections::BTreeMap;

use super::effects::{is_given, pattern_matches, selected};
use super::secret_names::{names_a_secret, option_names_a_secret};
use super::words::{Parsed, Use};
use crate::command_line::CommandLine;
use crate::invocation::{EnvironmentAction, Invocation, SecretPlace, SecretSpan, WordRole};
use crate::profile::{Arity, Reader, Style, ToolSpec, find_builtin};
use marks::Marks;
pub use prose::masked as masked_prose;
pub(crate) use redact::replaced;
use scan::{Reading, Setting};
use sequence::Sequence;
pub(super) use sequence::before_execution;

/// Adds the values of flags that hold a secret by the profile, and of
/// parameters that hold one by their name.
pub(super) fn of_flags(parsed: &Parsed<'_>, invocation: &mut Invocation) {
    for used in &parsed.uses {
        let (Some(kind), Some(value)) = (secret_kind(parsed, used), used.value) else {
            continue;
        };
        // `file://` and `fileb://` name the file that holds it.
        if value.starts_with(b"file://") || value.starts_with(b"fileb://") {
            continue;
        }
        // `--from-literal KEY=VALUE`: who approves reads which key is set.
        let skipped = match value.iter().position(|byte| *byte == b'=') {
            Some(equals) if kind == "literal" => equals + 1,
            Some(_) | None => 0,
        };
        let range = used.start + skipped..used.start + value.len();
        if !range.is_empty() {
            invocation.secrets.push(SecretSpan {
                place: SecretPlace::Argv(used.argv_index),
                range,
                kind: kind.to_owned(),
            });
        }
    }
}

/// Adds the operands that hold a secret by the profile: of a `literal` what
/// stands behind its `=`. What `@` reads from a file, and `-` from the standard
/// input, is none.
pub(crate) fn of_operands(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    invocation: &mut Invocation,
) {
    let rules = parsed.node().map_or(&[][..], |node| &node.operands);
    for rule in rules.iter().filter(|rule| !rule.secret.is_empty()) {
        for operand in selected(&parsed.operands, rule.at) {
            let equals = operand.bytes.iter().position(|byte| *byte == b'=');
            let equals = equals.filter(|_| rule.secret == "literal");
            let start = equals.map_or(0, |equals| equals + 1);
            let value = operand.bytes.get(start..).unwrap_or_default();
            if matches!(value, [] | [b'@', ..] | b"-")
                || !pattern_matches((line, parsed), &rule.pattern, operand.bytes)
                || !is_given(parsed, rule)
            {
                continue;
            }
            invocation.secrets.push(SecretSpan {
                place: SecretPlace::Argv(operand.argv_index),
                range: start..operand.bytes.len(),
                kind: rule.secret.to_string(),
            });
        }
    }
}

fn secret_kind<'u>(parsed: &Parsed<'_>, used: &'u Use<'_>) -> Option<&'u str> {
    let name = used.name.as_bytes();
    match used.flag {
        Some(flag) if !flag.secret.is_empty() => {
            let is_plain = match flag.secret.as_ref() {
                "parameter" => is_plain_parameter(parsed),
                "named" => !parsed.operands.iter().any(|one| names_a_secret(one.bytes)),
                _ => false,
            };
            (!is_plain).then_some(flag.secret.as_ref())
        }
        // What selects a target or names a file is no secret.
        Some(flag) => {
            let takes_one = matches!(flag.arity, Arity::Required | Arity::Many);
            let is_other = !flag.target.is_empty() || !flag.input.is_empty();
            (takes_one && !is_other && is_secret_value(name, used)).then_some("password")
        }
        None => (option_names_a_secret(name) && is_secret_value(name, used)).then_some("password"),
    }
}

fn is_secret_value(name: &[u8], used: &Use<'_>) -> bool {
    let may_be_file = super::secret_names::may_name_a_file(name);
    (used.flag.is_none() || names_a_secret(name))
        && used.value.is_some_and(|value| {
            let is_file = may_be_file && reference::is_file(value);
            !is_file && !reference::is_no_secret(value, Reading::Word)
        })
}

/// `ssm put-parameter --type String`: a setting that everyone may read, unless
/// its name says otherwise.
fn is_plain_parameter(parsed: &Parsed<'_>) -> bool {
    let last = |name: &str| {
        let used = parsed.uses.iter().rfind(|used| used.name == name);
        used.and_then(|used| used.value)
    };
    matches!(last("type"), Some(b"String" | b"StringList"))
        && last("cli-input-json").is_none()
        && last("cli-input-yaml").is_none()
        && !last("name").is_some_and(names_a_secret)
}

/// Adds the secrets of argv and of the variables that matter, and masks what
/// was made of them.
pub(super) fn find(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let mut found = std::mem::take(&mut invocation.secrets);
    let plain = find_in_argv(line, invocation, &mut found);
    find_in_environment(line, invocation, &mut found);
    invocation.secrets = merged(found);
    redact::apply(line, &plain, invocation);
    if !invocation.known {
        mask_tool(invocation);
    }
}

/// `docker run db --password=V`: what the image starts is called after its first word, which is
/// no name of a program.
fn mask_tool(invocation: &mut Invocation) {
    let mut marks = Marks::default();
    search(invocation.tool.as_bytes(), &Setting::default(), &mut marks);
    let ranges = marks.merged().into_iter().map(|mark| mark.range);
    let masked = replaced(invocation.tool.as_bytes(), ranges);
    if masked != invocation.tool {
        invocation.tool = masked.into();
    }
}

/// A statement in which nothing was found, and by whom it is read.
type Plain<'w> = (&'w [u8], Reading);

/// Adds the secrets of argv. Returns the statements that have none.
fn find_in_argv<'w>(
    line: &CommandLine<'w>,
    invocation: &Invocation,
    found: &mut Vec<SecretSpan>,
) -> Vec<Plain<'w>> {
    let mut plain = Vec::new();
    let mut sequence = Sequence::of_tool(invocation.tool.as_bytes());
    let spec = find_builtin(invocation.tool.as_bytes());
    let is_of_aws = spec.is_some_and(|spec| spec.style == Style::Argparse);
    let is_of_shell = spec.is_some_and(|spec| spec.reader == Reader::Shell);
    let is_secret_object = acts_on_a_secret(line, invocation);
    let mut previous: &[u8] = b"";
    for (index, word) in line.argv.iter().enumerate() {
        let word = word.as_encoded_bytes();
        let mut marks = Marks::default();
        let role = invocation.words.get(index).map(|word| word.role);
        // aws has no such options: it is what stands behind `--password`.
        let is_unlisted =
            is_of_aws && word.len() > 2 && word.starts_with(b"-") && !word.starts_with(b"--");
        // The script of a shell is a text of words and not one.
        let is_script = is_of_shell && role == Some(WordRole::Operand);
        let is_understood = !matches!(role, Some(WordRole::Unknown | WordRole::Passed) | None)
            && !is_script
            && !is_unlisted
            && (index > 0 || invocation.known);
        sequence.read(word, is_understood, &mut marks);
        if is_unlisted && option_names_a_secret(previous.strip_prefix(b"--").unwrap_or_default()) {
            marks.add(0..word.len(), "password");
        }
        if index > 0 && scan::may_hold_a_secret(word) {
            let tool = invocation.tool.as_bytes();
            let reading = sequence.reading(previous, word, tool);
            let setting = Setting {
                reading,
                name: option_name(previous, word),
                is_secret_object,
                ..Setting::default()
            };
            let start = start_of_target((spec, invocation), index, word);
            let mut inside = Marks::default();
            search(word.get(start..).unwrap_or_default(), &setting, &mut inside);
            if inside.is_empty() && start == 0 && setting.is_of_statement() {
                plain.push((word, reading));
            }
            marks.take_from(inside, start);
        }
        push(found, || SecretPlace::Argv(index), marks);
        previous = word;
    }
    plain
}

/// Returns where the value starts in `--secret=NAME` where the profile says that
/// it selects a target: it is no secret for what its option is called, as it is
/// none in a word of its own. Of any other word it is the start.
fn start_of_target(
    (spec, invocation): (Option<&ToolSpec>, &Invocation),
    index: usize,
    word: &[u8],
) -> usize {
    let read = invocation.words.get(index);
    let Some(read) = read.filter(|read| read.role == WordRole::Option) else {
        return 0;
    };
    let equals = word.iter().position(|byte| *byte == b'=');
    let Some(equals) = equals.filter(|_| names_a_secret(read.name.as_bytes())) else {
        return 0;
    };
    let selects = spec.is_some_and(|spec| {
        let mut flags = spec.groups.iter().flat_map(|group| group.flags.iter());
        flags.any(|flag| flag.name == read.name && !flag.target.is_empty())
    });
    if selects { equals + 1 } else { 0 }
}

/// Returns the name of the option that a word holds the value of, in itself or
/// behind it.
fn option_name<'w>(previous: &'w [u8], word: &'w [u8]) -> &'w [u8] {
    let option = if word.starts_with(b"-") {
        word
    } else {
        previous
    };
    let name = option
        .split(|byte| *byte == b'=')
        .next()
        .unwrap_or_default();
    name.strip_prefix(b"--")
        .or_else(|| name.strip_prefix(b"-"))
        .unwrap_or_default()
}

/// Searches a text, and its own words where it has several.
fn search(text: &[u8], setting: &Setting<'_>, marks: &mut Marks) {
    if !plain::is_plain(text, setting) {
        search_whole(text, setting, marks);
    }
}

fn search_whole(text: &[u8], setting: &Setting<'_>, marks: &mut Marks) {
    marks.take(scan::read(text, setting));
    methods::search(text, setting.reading, marks);
    if matches!(
        setting.reading,
        Reading::Word | Reading::Shell | Reading::Prose
    ) {
        commands::search(text, setting, marks);
    }
}

/// Tells whether a Kubernetes Secret is what is written.
fn acts_on_a_secret(line: &CommandLine<'_>, invocation: &Invocation) -> bool {
    matches!(&*invocation.tool, "kubectl" | "oc")
        && line.argv.iter().any(|word| {
            let word = word.as_encoded_bytes();
            matches!(word, b"secret" | b"secrets")
                || word.starts_with(b"secret/")
                || word.starts_with(b"secrets/")
        })
}

fn find_in_environment(
    line: &CommandLine<'_>,
    invocation: &Invocation,
    found: &mut Vec<SecretSpan>,
) {
    for note in &invocation.environment {
        let leaves = matches!(
            note.action,
            EnvironmentAction::Binds | EnvironmentAction::Merges | EnvironmentAction::MakesUnknown
        );
        let Some(value) = line.env.get(&note.name).filter(|_| leaves) else {
            continue;
        };
        let mut marks = Marks::default();
        let setting = Setting {
            name: note.name.as_encoded_bytes(),
            ..Setting::default()
        };
        search(value.as_encoded_bytes(), &setting, &mut marks);
        push(found, || SecretPlace::Env(note.name.clone()), marks);
    }
}

fn push(found: &mut Vec<SecretSpan>, place: impl Fn() -> SecretPlace, marks: Marks) {
    if marks.is_empty() {
        return;
    }
    found.extend(marks.merged().into_iter().map(|mark| SecretSpan {
        place: place(),
        range: mark.range,
        kind: mark.kind.into_owned(),
    }));
}

/// Returns the spans in the order of argv, then of the environment; those that
/// overlap as one, so that nothing of either stays readable.
pub(super) fn merged(spans: Vec<SecretSpan>) -> Vec<SecretSpan> {
    if spans.len() < 2 {
        return spans;
    }
    let mut places: BTreeMap<SecretPlace, Marks> = BTreeMap::new();
    for span in spans {
        let marks = places.entry(span.place).or_default();
        marks.add(span.range, span.kind);
    }
    let mut merged = Vec::with_capacity(places.len());
    for (place, marks) in places {
        push(&mut merged, || place.clone(), marks);
    }
    merged
}
