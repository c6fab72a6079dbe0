//! The same secrets in what was made of argv: statements, reasons, the target.
//!
//! A mask in these texts is `[secret 7 bytes]`. There is no commitment in it:
//! the word that the secret comes from has one.

use std::ops::Range;

use super::Plain;
use super::marks::{Mark, Marks};
use super::scan::{Reading, Setting};
use super::sentences;
use super::tools::reads_mysql;
use crate::command_line::CommandLine;
use crate::invocation::{Invocation, Nested};
use crate::read::words::shown;

/// The shortest secret that is looked for inside other words of a reason.
const LEAST: usize = 4;
/// The most bytes that reasons are searched for all secrets together.
const MOST: usize = 1 << 22;

/// Masks the statements and the target, and then the reasons. Those of the statements that are
/// plain were searched where they stand in argv.
pub(super) fn apply(line: &CommandLine<'_>, plain: &[Plain<'_>], invocation: &mut Invocation) {
    let sql = if reads_mysql(invocation.tool.as_bytes()) {
        Reading::MySql
    } else {
        Reading::Sql
    };
    for nested in &mut invocation.nested {
        match &*nested.language {
            "command" => mask(&mut nested.text, Reading::Shell),
            "psql" => mask(&mut nested.text, Reading::Sql),
            _ if plain.contains(&(nested.text.as_bytes(), sql)) => {}
            _ => mask(&mut nested.text, sql),
        }
    }
    for value in invocation.target.values_mut() {
        mask(value, Reading::Word);
    }
    // What the outer command takes for a secret is none that an inner one may name.
    let values = invocation.secret_values(line.argv, |_| None);
    let inner = invocation.nested.iter_mut();
    let inner = inner.filter_map(|nested| nested.inner.as_mut());
    let texts = inner.flat_map(|inner| {
        let target = inner.invocation.target.values_mut();
        target.chain(inner.argv.iter_mut())
    });
    let texts = texts.chain(invocation.target.values_mut());
    for value in texts.filter(|value| values.contains(value)) {
        let mut marks = Marks::default();
        marks.add(0..value.len(), "password");
        *value = masked(value.as_bytes(), &marks.merged());
    }
    // A script from a file has secrets that no word has.
    if !invocation.secrets.is_empty() || !invocation.nested.is_empty() {
        mask_reasons(line, invocation);
    }
}

/// Masks what is found in a text.
fn mask(text: &mut String, reading: Reading) {
    let setting = Setting {
        reading,
        ..Setting::default()
    };
    let mut marks = Marks::default();
    super::search(text.as_bytes(), &setting, &mut marks);
    let marks = marks.merged();
    if !marks.is_empty() {
        *text = masked(text.as_bytes(), &marks);
    }
}

fn masked(bytes: &[u8], marks: &[Mark]) -> String {
    let done = stand_ins(bytes);
    let ranges = marks.iter().map(|mark| mark.range.clone());
    replaced(bytes, ranges.flat_map(|range| outside(range, &done)))
}

/// Returns a text for people, with a mask in the place of each of these ranges,
/// which stand in their order.
pub(crate) fn replaced(bytes: &[u8], ranges: impl IntoIterator<Item = Range<usize>>) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut done = 0;
    for range in ranges {
        text.push_str(&shown(bytes.get(done..range.start).unwrap_or_default()));
        text.push_str("[secret ");
        text.push_str(&range.len().to_string());
        text.push_str(" bytes]");
        done = range.end.max(done);
    }
    text.push_str(&shown(bytes.get(done..).unwrap_or_default()));
    text
}

/// Returns where masks stand already: a command inside is masked by its own
/// words before the text that they make is searched.
fn stand_ins(bytes: &[u8]) -> Vec<Range<usize>> {
    const START: &[u8] = b"[secret ";
    const END: &[u8] = b" bytes]";
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(digits) = rest.strip_prefix(START) else {
            at += 1;
            continue;
        };
        let count = digits.iter().take_while(|byte| byte.is_ascii_digit());
        let count = count.count();
        let behind = digits.get(count..).unwrap_or_default();
        let is_mask = count > 0 && behind.starts_with(END);
        let size = START.len() + if is_mask { count + END.len() } else { 0 };
        if is_mask {
            found.push(at..at + size);
        }
        at += size;
    }
    found
}

/// Returns the parts of a range that no mask covers.
fn outside(range: Range<usize>, masks: &[Range<usize>]) -> Vec<Range<usize>> {
    let from = masks.partition_point(|mask| mask.end <= range.start);
    let masks = masks.get(from..).unwrap_or_default().iter();
    let masks = masks.take_while(|mask| mask.start < range.end);
    let mut parts = Vec::new();
    let mut start = range.start;
    for mask in masks {
        parts.push(start..mask.start);
        start = mask.end;
    }
    parts.push(start..range.end);
    parts.retain(|part| part.start < part.end);
    parts
}

/// Reasons quote words. Where a secret is quoted whole, or stands between signs,
/// it is masked; a reason of a command with more secrets than can be looked for
/// is left out rather than shown.
fn mask_reasons(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let values = invocation.secret_values(line.argv, |name| line.env.get(name));
    let bytes: usize = invocation.reasons.iter().map(String::len).sum();
    if bytes.saturating_mul(values.len()) > MOST {
        invocation.reasons = vec!["its reasons hold too many secrets to be shown".to_owned()];
        return;
    }
    for reason in &mut invocation.reasons {
        let marks = marks_of(reason, &values);
        if !marks.is_empty() {
            *reason = masked(reason.as_bytes(), &marks.merged());
        }
    }
    // The words of a command are joined without what told where each ends.
    let commands = invocation.nested.iter_mut();
    for nested in commands.filter(|nested| nested.language == "command") {
        mask_values(&mut nested.text, &values);
    }
    if !values.is_empty() {
        for nested in &mut invocation.nested {
            mask_inside(nested, &values);
        }
    }
}

/// Masks in a command that is read as one of its own what is a secret of the
/// command around it.
fn mask_inside(nested: &mut Nested, values: &[String]) {
    mask_values(&mut nested.text, values);
    let Some(inner) = nested.inner.as_deref_mut() else {
        return;
    };
    let texts = inner.argv.iter_mut();
    let texts = texts.chain(inner.invocation.reasons.iter_mut());
    for text in texts.chain(inner.invocation.target.values_mut()) {
        mask_values(text, values);
    }
    for nested in &mut inner.invocation.nested {
        mask_inside(nested, values);
    }
}

fn mask_values(text: &mut String, values: &[String]) {
    let mut marks = Marks::default();
    for value in values {
        mark_value(text, value, &mut marks);
    }
    let marks = marks.merged();
    if !marks.is_empty() {
        *text = masked(text.as_bytes(), &marks);
    }
}

/// Returns a sentence without its secrets: those that are found in it, and these
/// values wherever they stand in it.
pub(super) fn masked_sentence(sentence: &str, values: &[String]) -> String {
    masked(sentence.as_bytes(), &marks_of(sentence, values).merged())
}

fn marks_of(sentence: &str, values: &[String]) -> Marks {
    let mut marks = sentences::search(sentence);
    for value in values {
        mark_value(sentence, value, &mut marks);
    }
    marks
}

/// Marks a value where no letter stands next to it; one that is too short to be
/// told from chance only where it is quoted whole.
fn mark_value(sentence: &str, value: &str, marks: &mut Marks) {
    if value.is_empty() {
        return;
    }
    for (start, _) in sentence.match_indices(value) {
        let end = start + value.len();
        let stands_alone = |sign: Option<char>| match sign {
            Some(sign) if value.len() < LEAST => sign == '`',
            Some(sign) => !sign.is_alphanumeric(),
            None => value.len() >= LEAST,
        };
        let before = sentence.get(..start).unwrap_or_default();
        let behind = sentence.get(end..).unwrap_or_default();
        if stands_alone(before.chars().next_back()) && stands_alone(behind.chars().next()) {
            marks.add(start..end, "password");
        }
    }
}
