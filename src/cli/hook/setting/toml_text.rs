//! A hook in a TOML file: a block of its own at the end, which is taken out as it was put in.

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

/// Returns the text without the block and the empty line before it.
///
/// # Errors
/// The text is no TOML, or the block is not as gate wrote it.
pub(super) fn take(text: &str) -> Result<String, Mistake> {
    let Some(at) = text.find(MARK) else {
        return Ok(text.to_owned());
    };
    let mut span = span_from(text, at)?;
    let before = text.get(..at).unwrap_or_default();
    span.start -= usize::from(before.ends_with("\n\n"));
    let mut taken = text.to_owned();
    taken.replace_range(span, "");
    parse(&taken)?;
    Ok(taken)
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
            let taken = take(&added).unwrap();
            assert_eq!(taken.trim_end(), text.trim_end());
            // Something may have come after it.
            let more = format!("{added}\n[z]\nx = 1\n");
            assert!(take(&more).unwrap().ends_with("\n[z]\nx = 1\n"));
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
        assert!(find(&changed).is_err() && take(&changed).is_err());
    }
}
