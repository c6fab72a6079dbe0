//! What files that are there, or are not, say of a command: git takes a word
//! for a path where there is such a file, and `terraform init` moves a state
//! where there is one.

use std::path::PathBuf;

use super::inputs::moved;
use super::path_of;
use super::words::Parsed;
use crate::command_line::CommandLine;
use crate::invocation::Invocation;
use crate::profile::{FoundRule, Text};

/// Adds what the files of a command's rules say.
pub(super) fn judge(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let rules = parsed.node().map_or(&[][..], |node| &node.found);
    for rule in rules {
        let is_off = |name: &Text| {
            let last = parsed.uses.iter().rfind(|used| used.name == *name);
            last.is_some_and(|used| !used.on)
        };
        if !parsed.problems.is_empty() || !rule.unless_off.iter().any(is_off) {
            add(line, parsed, rule, invocation);
        }
    }
}

fn add(line: &CommandLine<'_>, parsed: &Parsed<'_>, rule: &FoundRule, invocation: &mut Invocation) {
    let folder = folder(line, parsed);
    let found = rule.files.iter().find_map(|name| {
        let path = match name.strip_prefix('$').and_then(|name| name.split_once('/')) {
            Some((variable, below)) => {
                let value = line.env.get(variable).filter(|value| !value.is_empty())?;
                folder.join(value).join(below)
            }
            None => folder.join(name.as_ref()),
        };
        line.files.kind(&path).map(|_| path)
    });
    if let Some(path) = found {
        let reason = format!(
            "`{}` is there and adds the effect {}: {}",
            path.display(),
            rule.effect,
            rule.why
        );
        invocation.add(rule.effect, &reason);
    }
}

/// Tells whether a tool could take an operand for a path: something of this
/// name is in its folder, it is a pattern, or an option or a variable has led
/// the tool elsewhere.
pub(super) fn is_path(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    elsewhere: &[Text],
    operand: &[u8],
) -> bool {
    operand
        .iter()
        .any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
        || elsewhere.iter().any(|name| {
            parsed.uses.iter().any(|used| used.name == *name)
                || line.env.get(name.as_ref()).is_some()
        })
        || line
            .files
            .kind(&folder(line, parsed).join(path_of(operand)))
            .is_some()
}

/// Tells whether one of the parts of a path begins with a dot.
pub(super) fn is_hidden(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/')
        .any(|part| part.starts_with(b".") && part != b"." && part != b"..")
}

/// Returns the working directory after the options that move it.
fn folder(line: &CommandLine<'_>, parsed: &Parsed<'_>) -> PathBuf {
    let options = parsed.uses.iter();
    let options = options.map(|used| (&used.name, used.value));
    moved(line.cwd, &parsed.spec.moved_by, options)
}
