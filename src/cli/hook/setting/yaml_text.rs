//! A setting in a YAML file: a block of its own at the end, which is taken out as it was put in.
//!
//! aider's settings are one mapping of plain keys, and no more of YAML is read here: what could be
//! anything else is left as it is.

use super::{Mistake, line_of};

/// The setting that keeps aider from offering the model's shell commands.
const KEY: &str = "suggest-shell-commands";
/// As it stands in the file.
pub(super) const SETTING: &str = "suggest-shell-commands: false";
/// The first line of the block.
const MARK: &str =
    "# The model's shell commands are not offered; `gate hook remove aider` takes this out.\n";
const BY_HAND: &str = "write `suggest-shell-commands: false` into it by hand";

/// Returns the block.
pub(super) fn block() -> String {
    format!("{MARK}{SETTING}\n")
}

/// Returns the setting of the block, where there is one.
///
/// # Errors
/// The block is not as gate wrote it.
pub(super) fn find(text: &str) -> Result<Option<String>, Mistake> {
    Ok(span(text)?.map(|_| SETTING.to_owned()))
}

/// Returns the text with the block at its end.
///
/// # Errors
/// The text is no plain mapping, or has a word about it already.
pub(super) fn add(text: &str) -> Result<String, Mistake> {
    for (index, line) in text.lines().enumerate() {
        let wrong = |what: &str| Err(Mistake::new(Some(index + 1), what, BY_HAND));
        // Both forms are options of aider.
        if [KEY, "no-suggest-shell-commands"].contains(&key(line)) {
            return wrong("it has a word about shell commands already");
        }
        if !is_plain(line, index) {
            return wrong("it is no plain list of settings, as `name: value`");
        }
    }
    let mut added = text.to_owned();
    if !added.is_empty() {
        added.push_str(if added.ends_with('\n') { "\n" } else { "\n\n" });
    }
    added.push_str(&block());
    Ok(added)
}

/// Returns the text without the block and the empty line before it.
///
/// # Errors
/// The block is not as gate wrote it.
pub(super) fn take(text: &str) -> Result<String, Mistake> {
    let Some(mut span) = span(text)? else {
        return Ok(text.to_owned());
    };
    let before = text.get(..span.start).unwrap_or_default();
    span.start -= usize::from(before.ends_with("\n\n"));
    let mut taken = text.to_owned();
    taken.replace_range(span, "");
    Ok(taken)
}

fn span(text: &str) -> Result<Option<std::ops::Range<usize>>, Mistake> {
    let Some(at) = text.find(MARK) else {
        return Ok(None);
    };
    let block = block();
    let is_whole = text.get(at..).is_some_and(|from| from.starts_with(&block));
    if !is_whole {
        let what = "the setting was changed by hand";
        return Err(Mistake::new(
            Some(line_of(text, at)),
            what,
            "take it out by hand",
        ));
    }
    Ok(Some(at..at + block.len()))
}

/// Returns what stands before the colon of a line that is not indented.
fn key(line: &str) -> &str {
    let name = line.split_once(':').map_or("", |(name, _)| name);
    name.trim_end().trim_matches(['"', '\''])
}

/// Tells whether a line is one of a mapping: a key, what is below one, a remark, or the mark before
/// the whole.
fn is_plain(line: &str, index: usize) -> bool {
    let is_below = line.starts_with([' ', '\t']) || line == "-" || line.starts_with("- ");
    let is_start = index == 0 && line.trim_end() == "---";
    let first = line.trim_start_matches('\u{feff}').chars().next();
    let is_key = first.is_some_and(|first| first.is_ascii_alphanumeric() || "\"'".contains(first))
        && (line.contains(": ") || line.trim_end().ends_with(':'));
    line.trim().is_empty() || line.starts_with('#') || is_below || is_start || is_key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_is_added_found_and_taken_out() {
        for text in [
            "",
            "model: x\n",
            "---\n# mine\n\nread:\n  - a.md\n- b\nauto-commits: false",
            "\"dark-mode\": true\n",
        ] {
            let added = add(text).unwrap();
            assert!(added.starts_with(text), "{added}");
            assert_eq!(find(&added).unwrap().as_deref(), Some(SETTING));
            assert_eq!(take(&added).unwrap().trim_end(), text.trim_end());
            let more = format!("{added}vim: true\n");
            assert!(take(&more).unwrap().ends_with("vim: true\n"));
            assert_eq!(find(text), Ok(None));
        }
    }

    #[test]
    fn what_is_no_plain_mapping_or_says_it_already_is_left_as_it_is() {
        for (text, line) in [
            ("{model: x}\n", 1),
            ("model: x\n...\n", 2),
            ("model: x\n---\n", 2),
            ("a: 1\nsuggest-shell-commands: true\n", 2),
            ("'suggest-shell-commands' : true\n", 1),
            ("no-suggest-shell-commands: true\n", 1),
            ("just words\n", 1),
            ("? a\n: b\n", 1),
        ] {
            assert_eq!(add(text).unwrap_err().line, Some(line), "{text}");
        }
        let changed = add("").unwrap().replace("false", "true");
        assert!(find(&changed).is_err() && take(&changed).is_err());
    }
}
