//! The same secrets in what was made of argv: statements, reasons, the target.
//!
//! A mask in these texts is `‹secret 7 bytes›`. There is no commitment in it:
//! the word that the secret comes from has one.

use super::marks::Mark;
use super::scan::{self, Reading, Setting};
use crate::command_line::CommandLine;
use crate::invocation::{Invocation, SecretPlace};
use crate::read::words::shown;

/// The shortest secret that is looked for inside other words of a reason.
const LEAST: usize = 4;
/// The most bytes that reasons are searched for all secrets together.
const MOST: usize = 1 << 22;

/// Masks the statements and the target, and then the reasons.
pub(super) fn apply(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let is_mysql = matches!(invocation.tool.as_str(), "mysql" | "mariadb");
    for nested in &mut invocation.nested {
        let reading = match nested.language.as_str() {
            "command" => Reading::Shell,
            _ if is_mysql => Reading::MySql,
            _ => Reading::Sql,
        };
        mask(&mut nested.text, reading);
    }
    for value in invocation.target.values_mut() {
        mask(value, Reading::Word);
    }
    if !invocation.secrets.is_empty() {
        mask_reasons(line, invocation);
    }
}

/// Masks what is found in a text.
fn mask(text: &mut String, reading: Reading) {
    let setting = Setting {
        reading,
        ..Setting::default()
    };
    let marks = scan::read(text.as_bytes(), &setting).merged();
    if !marks.is_empty() {
        *text = masked(text.as_bytes(), &marks);
    }
}

fn masked(bytes: &[u8], marks: &[Mark]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut done = 0;
    for mark in marks {
        text.push_str(&shown(
            bytes.get(done..mark.range.start).unwrap_or_default(),
        ));
        text.push_str(&stand_in(mark.range.len()));
        done = mark.range.end;
    }
    text.push_str(&shown(bytes.get(done..).unwrap_or_default()));
    text
}

fn stand_in(bytes: usize) -> String {
    format!("‹secret {bytes} bytes›")
}

/// Reasons quote words. Where a secret is quoted whole, or stands between signs,
/// it is masked; a reason of a command with more secrets than can be looked for
/// is left out rather than shown.
fn mask_reasons(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let mut values: Vec<String> = invocation
        .secrets
        .iter()
        .filter_map(|secret| {
            let bytes = match &secret.place {
                SecretPlace::Argv(index) => line.argv.get(*index)?.as_encoded_bytes(),
                SecretPlace::Env(name) => line.env.get(name)?.as_encoded_bytes(),
            };
            bytes.get(secret.range.clone()).map(shown)
        })
        .collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.dedup();
    let bytes: usize = invocation.reasons.iter().map(String::len).sum();
    if bytes.saturating_mul(values.len()) > MOST {
        invocation.reasons = vec!["its reasons hold too many secrets to be shown".to_owned()];
        return;
    }
    for reason in &mut invocation.reasons {
        for value in &values {
            if reason.contains(value.as_str()) {
                *reason = without(reason, value);
            }
        }
        mask(reason, Reading::Prose);
    }
}

/// Masks a value where no letter stands next to it; one that is too short to be
/// told from chance only where it is quoted whole.
fn without(reason: &str, value: &str) -> String {
    let mut text = String::with_capacity(reason.len());
    let mut rest = reason;
    while let Some((before, behind)) = rest.split_once(value) {
        let stands_alone = |sign: Option<char>| match sign {
            Some(sign) if value.len() < LEAST => sign == '`',
            Some(sign) => !sign.is_alphanumeric(),
            None => value.len() >= LEAST,
        };
        text.push_str(before);
        let is_whole =
            stands_alone(before.chars().next_back()) && stands_alone(behind.chars().next());
        if is_whole {
            text.push_str(&stand_in(value.len()));
        } else {
            text.push_str(value);
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}
