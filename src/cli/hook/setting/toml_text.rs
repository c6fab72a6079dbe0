//! A hook in a TOML file: a block of its own at the end, which is taken out as it was put in.

use std::path::Path;

use toml::Table;

use super::{Mistake, line_of};

/// The first line of the block.
const MARK: &str =
    "# gate looks at each shell command first; `gate hook remove codex` takes this out.\n";
/// What stands between the mark and the command.
const BEFORE: &str = "[[hooks.PreToolUse]]\nmatcher = \"^Bash$\"\n\n[[hooks.PreToolUse.hooks]]\n\
     type = \"command\"\ncommand = ";
/// What stands behind the command.
const AFTER: &str = "\ntimeout = 10\n";
const BY_HAND: &str = "mend it, or add the hook by hand as shown below";

/// Returns the block with a command.
pub(super) fn block(command: &str) -> String {
    let command = toml::Value::from(command);
    format!("{MARK}{BEFORE}{command}{AFTER}")
}

/// Returns the command of the block, where there is one.
///
/// # Errors
/// The text is no TOML, or the block is not as gate wrote it.
pub(super) fn find(text: &str) -> Result<Option<String>, Mistake> {
    parse(text)?;
    let Some(at) = text.find(MARK) else {
        return Ok(None);
    };
    let span = span_from(text, at)?;
    let block = text.get(span).unwrap_or_default();
    let document = parse(block)?;
    let hook = document
        .get("hooks")
        .and_then(|hooks| hooks.get("PreToolUse"));
    let hook = hook.and_then(|list| list.get(0)?.get("hooks")?.get(0)?.get("command"));
    let command = hook
        .and_then(toml::Value::as_str)
        .ok_or_else(|| edited(text, at))?;
    Ok(Some(command.to_owned()))
}

/// Returns the text with the block at its end.
///
/// # Errors
/// The text is no TOML, or says in another way which hooks there are.
pub(super) fn add(text: &str, command: &str) -> Result<String, Mistake> {
    parse(text)?;
    let mut added = text.to_owned();
    if !added.is_empty() {
        added.push_str(if added.ends_with('\n') { "\n" } else { "\n\n" });
    }
    added.push_str(&block(command));
    let is_whole = toml::from_str::<Table>(&added).is_ok();
    is_whole.then_some(added).ok_or_else(|| {
        let mut lines = text.lines();
        let line = lines.position(|line| line.trim_start().starts_with("hooks"));
        Mistake::new(
            line.map(|line| line + 1),
            "`hooks` stands there already in a form that nothing can be added to",
            "write its lists as `[[hooks.PreToolUse]]`, or add the hook by hand as shown below",
        )
    })
}

/// Returns the text of the file at `path` without the block and the empty line before it, and
/// without what Codex noted there of the user's trust in it.
///
/// # Errors
/// The text is no TOML, or the block is not as gate wrote it.
pub(super) fn take(text: &str, path: &Path) -> Result<String, Mistake> {
    let Some(at) = text.find(MARK) else {
        return Ok(text.to_owned());
    };
    let mut span = span_from(text, at)?;
    let before = text.get(..at).unwrap_or_default();
    let groups = parse(before)?;
    let groups = groups
        .get("hooks")
        .and_then(|hooks| hooks.get("PreToolUse"));
    let index = groups.and_then(|groups| Some(groups.as_array()?.len()));
    span.start -= usize::from(before.ends_with("\n\n"));
    let mut taken = text.to_owned();
    taken.replace_range(span, "");
    parse(&taken)?;
    Ok(without_trust(&taken, path, index.unwrap_or_default()).unwrap_or(taken))
}

/// Returns the text without what Codex noted of its group of that index; nothing where it has
/// nothing, or not in a table of its own.
///
/// Source: `codex-rs/hooks`, `hook_key`: the file, the event, and which of its groups and commands.
fn without_trust(text: &str, path: &Path, index: usize) -> Option<String> {
    let paths = [Some(path.to_owned()), path.canonicalize().ok()];
    let keys = paths.into_iter().flatten();
    let mut keys = keys.map(|path| format!("{}:pre_tool_use:{index}:0", path.to_string_lossy()));
    let document = parse(text).ok()?;
    let key = keys.find(|key| noted(&document, key).is_some())?;
    let is_its = |line: &str| toml::from_str(line).is_ok_and(|line| noted(&line, &key).is_some());
    let mut left = without_table(text, is_its)?;
    let mut expected = document;
    if let Some(state) = state_of(&mut expected) {
        state.remove(&key);
        if state.is_empty() {
            left = without_table(&left, |line| line.trim_end() == "[hooks.state]").unwrap_or(left);
        }
    }
    let mut found = parse(&left).ok()?;
    for document in [&mut expected, &mut found] {
        if state_of(document).is_some_and(|state| state.is_empty()) {
            let hooks = document.get_mut("hooks")?.as_table_mut()?;
            hooks.remove("state");
            if hooks.is_empty() {
                document.remove("hooks");
            }
        }
    }
    (found == expected).then_some(left)
}

fn state_of(document: &mut Table) -> Option<&mut Table> {
    document.get_mut("hooks")?.get_mut("state")?.as_table_mut()
}

fn noted<'t>(document: &'t Table, key: &str) -> Option<&'t toml::Value> {
    document.get("hooks")?.get("state")?.get(key)
}

/// Returns the text without the table that such a line begins, and an empty line beside it.
fn without_table(text: &str, is_head: impl Fn(&str) -> bool) -> Option<String> {
    let (mut left, mut is_in, mut is_found) = (String::new(), false, false);
    for line in text.split_inclusive('\n') {
        let is_any_head = line.trim_start().starts_with('[');
        if is_any_head {
            is_in = is_head(line);
            is_found |= is_in;
        }
        if !is_in {
            left.push_str(line);
        }
    }
    // Before another table the empty line is that one's.
    if is_in && (left == "\n" || left.ends_with("\n\n")) {
        left.pop();
    }
    is_found.then_some(left)
}

fn span_from(text: &str, at: usize) -> Result<std::ops::Range<usize>, Mistake> {
    let from = text.get(at..).unwrap_or_default();
    let rest = from
        .strip_prefix(MARK)
        .and_then(|rest| rest.strip_prefix(BEFORE));
    let end = rest.and_then(|rest| {
        let end = rest.find(AFTER)? + AFTER.len();
        let is_one_line = !rest.get(..end)?.trim_end_matches(AFTER).contains('\n');
        is_one_line.then_some(MARK.len() + BEFORE.len() + end)
    });
    end.map(|length| at..at + length)
        .ok_or_else(|| edited(text, at))
}

fn edited(text: &str, at: usize) -> Mistake {
    Mistake::new(
        Some(line_of(text, at)),
        "the hook was changed by hand",
        "take it out by hand",
    )
}

fn parse(text: &str) -> Result<Table, Mistake> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| line_of(text, span.start));
        let what = error.message().lines().next().unwrap_or("it is no TOML");
        Mistake::new(line, what, BY_HAND)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_added_found_and_taken_out() {
        for text in [
            "",
            "model = \"x\"\n",
            "[a]\nb = 1",
            "[[hooks.PreToolUse]]\nmatcher = \"x\"\n",
        ] {
            let added = add(text, "'/o p/gate' hook codex --strict").unwrap();
            assert!(added.starts_with(text));
            let found = find(&added).unwrap();
            assert_eq!(found.as_deref(), Some("'/o p/gate' hook codex --strict"));
            let taken = take(&added, Path::new("/c")).unwrap();
            assert_eq!(taken.trim_end(), text.trim_end());
            // Something may have come after it.
            let more = format!("{added}\n[z]\nx = 1\n");
            let taken = take(&more, Path::new("/c")).unwrap();
            assert!(taken.ends_with("\n[z]\nx = 1\n"));
            assert_eq!(find(text), Ok(None));
        }
    }

    #[test]
    fn what_is_no_toml_or_was_changed_by_hand_is_not_touched() {
        for text in ["a = ", "hooks = {}\n", "hooks.PreToolUse = []\n"] {
            assert!(add(text, "x").is_err(), "{text}");
        }
        assert_eq!(add("a = 1\nb = \n", "x").unwrap_err().line, Some(2));
        let changed = add("", "x").unwrap().replace("timeout = 10", "timeout = 9");
        assert!(find(&changed).is_err() && take(&changed, Path::new("/c")).is_err());
    }

    #[test]
    fn what_codex_noted_of_the_hook_goes_with_it_and_what_it_noted_of_others_stays() {
        let path = Path::new("/o p/config.toml");
        let note = |index: usize| {
            format!(
                "\n[hooks.state.\"/o p/config.toml:pre_tool_use:{index}:0\"]\nenabled = true\n\
                 trusted_hash = \"sha256:ab\"\n"
            )
        };
        let others = "[[hooks.PreToolUse]]\nmatcher = \"x\"\n";
        for (text, index) in [("", 0), ("model = \"x\"\n", 0), (others, 1)] {
            let added = add(text, "gate hook codex").unwrap();
            let alone = format!("{added}\n[hooks.state]\n{}", note(index));
            assert_eq!(take(&alone, path).unwrap(), text);
            let other = note(index + 1);
            let beside = format!("{added}{}{other}", note(index));
            assert_eq!(take(&beside, path).unwrap(), format!("{text}{other}"));
            // In a form of the user's own it stays.
            let inline = format!(
                "{added}\n[hooks.state]\n\"/o p/config.toml:pre_tool_use:{index}:0\" = {{}}\n"
            );
            assert!(take(&inline, path).unwrap().contains("[hooks.state]"));
        }
    }
}
