//! What files that are there, or are not, say of a command: git takes a word
//! for a path where there is such a file, and `terraform init` moves a state
//! where there is one.

use std::borrow::Cow;
use std::path::Path;

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
        let is_given = |name: &Text| {
            let mut uses = parsed.uses.iter();
            uses.any(|used| used.name == *name && used.on)
        };
        let counts = (rule.given.is_empty() || rule.given.iter().any(is_given))
            && !rule.unless_off.iter().any(is_off);
        if !parsed.problems.is_empty() || counts {
            add(line, parsed, rule, invocation);
        }
    }
}

fn add(line: &CommandLine<'_>, parsed: &Parsed<'_>, rule: &FoundRule, invocation: &mut Invocation) {
    let folder = folder(line, parsed);
    let is_hidden = rule.is_hidden_folder && is_hidden(bytes_of(&folder));
    let named = is_hidden.then(|| folder.clone());
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
    if let Some(path) = named.or(found.map(Cow::Owned)) {
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

/// Tells whether one of the parts of an operand begins with a dot, or of where
/// a link in it leads.
pub(super) fn leads_to_hidden(line: &CommandLine<'_>, parsed: &Parsed<'_>, operand: &[u8]) -> bool {
    if is_hidden(operand) {
        return true;
    }
    let folder = folder(line, parsed);
    let path = folder.join(path_of(operand));
    let there = path.ancestors().find_map(|path| line.files.canonical(path));
    let base = line.files.canonical(&folder);
    let (Some(there), Some(base)) = (there, base) else {
        return false;
    };
    let below = there.strip_prefix(&base).unwrap_or(&there);
    !base.starts_with(&there) && is_hidden(bytes_of(below))
}

fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// Tells whether one of the parts of a path begins with a dot.
fn is_hidden(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/')
        .any(|part| part.starts_with(b".") && part != b"." && part != b"..")
}

/// Tells whether the folder that git makes of an address, where no operand
/// names one, begins with a dot: the last part of the path, without a `/.git`
/// behind it and the blanks before it, or the host where there is no path.
pub(super) fn names_hidden(address: &[u8]) -> bool {
    let is_end = |byte: &u8| *byte == b'/' || *byte <= b' ';
    let trimmed = |text: &[u8]| {
        let length = text.iter().rposition(|byte| !is_end(byte));
        length.map_or(0, |last| last + 1)
    };
    let mut path = address.get(..trimmed(address)).unwrap_or_default();
    if let Some(before) = path.strip_suffix(b"/.git") {
        path = before.get(..trimmed(before)).unwrap_or_default();
    }
    let mut parts = path
        .rsplit(|byte| matches!(byte, b'/' | b':' | b'@' | b'\\'))
        .map(|part| {
            let start = part.iter().position(|byte| *byte > b' ');
            part.get(start.unwrap_or(part.len())..).unwrap_or_default()
        });
    let is_dotted = |part: &[u8]| part.starts_with(b".") && part != b"." && part != b"..";
    match parts.next() {
        // A port is not part of the name.
        Some(last) if last.iter().all(u8::is_ascii_digit) => parts.next().is_some_and(is_dotted),
        Some(last) => is_dotted(last),
        None => false,
    }
}

/// Returns the working directory after the options that move it.
fn folder<'l>(line: &CommandLine<'l>, parsed: &Parsed<'_>) -> Cow<'l, Path> {
    let options = parsed.uses.iter();
    let options = options.map(|used| (&used.name, used.value));
    moved(line.cwd, parsed.spec, options)
}
