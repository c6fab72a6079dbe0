//! A hook in a JSON file that holds other things too.
//!
//! Only plain JSON is changed. A comment or a comma too many is for the agent's own reader: gate
//! would have to guess what it makes of it.

use std::ops::Range;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::spans::{self, Kind, Node};
use super::{Mistake, line_of};

const BY_HAND: &str = "add it by hand as shown below";
const NO_COMMENTS: &str = "gate changes plain JSON alone: take out comments and commas at an end, or add it by hand as shown \
     below";

/// The list in which a hook stands, and how one is known as gate's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hooks {
    /// The members that lead to the list.
    pub(super) path: [&'static str; 2],
    /// A member that the file has to have beside it, with its value.
    pub(super) beside: Option<(&'static str, u8)>,
}

impl Hooks {
    /// Returns the commands of the list that `is_ours` knows, each with its place in the list.
    ///
    /// # Errors
    /// The text is no plain JSON of that shape.
    pub(super) fn find(
        self,
        text: &str,
        is_ours: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(usize, String)>, Mistake> {
        let document = parse(text)?;
        self.list(text, &root(text)?)?;
        let list = self
            .path
            .iter()
            .try_fold(&document, |value, name| value.get(name));
        let list = list.and_then(Value::as_array).into_iter().flatten();
        let mut found = Vec::new();
        for (index, element) in list.enumerate() {
            let commands = commands(element);
            let Some(ours) = commands.iter().find(|command| is_ours(command)) else {
                continue;
            };
            if commands.len() > 1 {
                return Err(Mistake::new(
                    None,
                    "gate's hook stands in one group with others",
                    "give it a group of its own, or take it out by hand",
                ));
            }
            found.push((index, (*ours).to_owned()));
        }
        Ok(found)
    }

    /// Returns the text with an element at the end of the list.
    ///
    /// # Errors
    /// The text is no plain JSON of that shape.
    pub(super) fn add(self, text: &str, element: &impl Serialize) -> Result<String, Mistake> {
        let is_empty = text.trim().is_empty();
        let mut text = if is_empty { "{}\n" } else { text }.to_owned();
        if let Some((name, value)) = self.beside {
            let root = root(&text)?;
            if root.named(name).is_empty() {
                text = put(&text, &root, Some(name), &value)?;
            }
        }
        let root = root(&text)?;
        let [outer, inner] = self.path;
        let (list, hooks) = self.list(&text, &root)?;
        match (hooks, list) {
            (_, Some(list)) => put(&text, list, None, element),
            (Some(hooks), None) => put(&text, hooks, Some(inner), &[element]),
            (None, None) => put(&text, &root, Some(outer), &Single(inner, &[element])),
        }
    }

    /// Returns the text without an element of the list, and without what holds nothing then.
    ///
    /// # Errors
    /// The text is no plain JSON of that shape.
    pub(super) fn take(self, text: &str, index: usize) -> Result<String, Mistake> {
        let root = root(text)?;
        let (list, hooks) = self.list(text, &root)?;
        let (Some(list), Some(hooks)) = (list, hooks) else {
            return Err(unexpected());
        };
        let holds_more = |node: &Node| node.parts().len() > 1;
        let [outer, inner] = self.path;
        let span = if holds_more(list) {
            around(list, index)
        } else if holds_more(hooks) {
            around(hooks, position(hooks, inner))
        } else {
            around(&root, position(&root, outer))
        };
        let span = span.ok_or_else(unexpected)?;
        let mut left = text.to_owned();
        left.replace_range(span, "");
        parse(&left)?;
        Ok(left)
    }

    /// Returns the list and what holds it, as far as they are there.
    fn list<'n>(
        self,
        text: &str,
        root: &'n Node,
    ) -> Result<(Option<&'n Node>, Option<&'n Node>), Mistake> {
        let [outer, inner] = self.path;
        let is_object = |kind: &Kind| matches!(kind, Kind::Object(_));
        let Some(hooks) = only(text, root, outer, is_object)? else {
            return Ok((None, None));
        };
        let list = only(text, hooks, inner, |kind| matches!(kind, Kind::Array(_)))?;
        Ok((list, Some(hooks)))
    }
}

/// Returns the object that the whole text is.
fn root(text: &str) -> Result<Node, Mistake> {
    parse(text)?;
    let root = spans::of(text).ok_or_else(unexpected)?;
    match root.kind {
        Kind::Object(_) => Ok(root),
        Kind::Array(_) | Kind::Other => {
            Err(Mistake::new(Some(1), "it is not one JSON object", BY_HAND))
        }
    }
}

/// An object of one member.
struct Single<'a, T>(&'static str, &'a T);

impl<T: Serialize> Serialize for Single<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, self.1)])
    }
}

/// Returns the member of that name; a mistake where there are two, or it is of another kind.
fn only<'n>(
    text: &str,
    node: &'n Node,
    name: &str,
    is_wanted: fn(&Kind) -> bool,
) -> Result<Option<&'n Node>, Mistake> {
    let Kind::Object(members) = &node.kind else {
        return Ok(None);
    };
    let mut named = members.iter().filter(|member| member.name == name);
    let Some(first) = named.next() else {
        return Ok(None);
    };
    let line = |at: usize| Some(line_of(text, at));
    if let Some(second) = named.next() {
        let what = format!("`{name}` stands twice");
        let mend = "leave one of them";
        return Err(Mistake::new(line(second.span.start), what, mend));
    }
    if !is_wanted(&first.value.kind) {
        let what = format!("`{name}` is not what the agent reads there");
        return Err(Mistake::new(line(first.span.start), what, BY_HAND));
    }
    Ok(Some(&first.value))
}

fn position(node: &Node, name: &str) -> usize {
    let Kind::Object(members) = &node.kind else {
        return usize::MAX;
    };
    let mut names = members.iter().map(|member| &*member.name);
    names.position(|one| one == name).unwrap_or(usize::MAX)
}

fn parse(text: &str) -> Result<Value, Mistake> {
    serde_json::from_str(text).map_err(|error| {
        let what = error.to_string();
        // The place is said by the mistake.
        let what = what
            .rsplit_once(" at line ")
            .map_or(&*what, |(what, _)| what);
        Mistake::new(Some(error.line().max(1)), what, NO_COMMENTS)
    })
}

fn unexpected() -> Mistake {
    Mistake::new(None, "it can't be changed without loss", BY_HAND)
}

/// Returns every command of an element: its own, or those of the group that it is.
fn commands(element: &Value) -> Vec<&str> {
    let group = element.get("hooks").and_then(Value::as_array);
    let each = group.map_or_else(|| vec![element], |group| group.iter().collect());
    each.iter()
        .map(|hook| hook.get("command").and_then(Value::as_str).unwrap_or(""))
        .collect()
}

/// Returns the text with one more part at the end of an object or a list.
fn put(
    text: &str,
    into: &Node,
    name: Option<&str>,
    value: &impl Serialize,
) -> Result<String, Mistake> {
    let parts = into.parts();
    let inside = text.get(into.span.clone()).ok_or_else(unexpected)?;
    let is_one_line = !parts.is_empty() && !inside.contains('\n');
    let outer = indent_of(text, into.span.end.saturating_sub(1));
    let unit = unit_of(text);
    let inner = match parts.last() {
        Some(last) if !is_one_line => indent_of(text, last.start).to_owned(),
        Some(_) | None => format!("{outer}{unit}"),
    };
    let key = name.map_or(String::new(), |name| format!("\"{name}\": "));
    let (at, added) = match parts.last() {
        Some(last) if is_one_line => (last.end, format!(", {key}{}", compact(value)?)),
        Some(last) => {
            let value = pretty(value, unit, &inner)?;
            (last.end, format!(",\n{inner}{key}{value}"))
        }
        None => {
            let value = pretty(value, unit, &inner)?;
            let added = format!("\n{inner}{key}{value}\n{outer}");
            return replaced(text, into.span.start + 1..into.span.end - 1, &added);
        }
    };
    replaced(text, at..at, &added)
}

fn replaced(text: &str, span: Range<usize>, by: &str) -> Result<String, Mistake> {
    let by = if text.contains("\r\n") {
        by.replace('\n', "\r\n")
    } else {
        by.to_owned()
    };
    let mut changed = text.to_owned();
    changed.replace_range(span, &by);
    parse(&changed)?;
    Ok(changed)
}

/// Returns what to cut out for a part: from the end of the one before, or to the start of the next.
fn around(node: &Node, index: usize) -> Option<Range<usize>> {
    let parts = node.parts();
    let part = parts.get(index)?.clone();
    if let Some(before) = index.checked_sub(1).and_then(|index| parts.get(index)) {
        return Some(before.end..part.end);
    }
    match parts.get(index + 1) {
        Some(next) => Some(part.start..next.start),
        None => Some(node.span.start + 1..node.span.end - 1),
    }
}

/// Returns what is blank before the first sign of the line of an offset.
fn indent_of(text: &str, offset: usize) -> &str {
    let before = text.get(..offset).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..).unwrap_or_default();
    let end = line.find(|c| c != ' ' && c != '\t').unwrap_or(0);
    line.get(..end).unwrap_or_default()
}

/// Returns what the file indents by: two spaces where it does not say.
fn unit_of(text: &str) -> &str {
    let mut indents = text.lines().map(|line| {
        let end = line.find(|c| c != ' ' && c != '\t').unwrap_or(0);
        line.get(..end).unwrap_or_default()
    });
    indents.find(|indent| !indent.is_empty()).unwrap_or("  ")
}

fn compact(value: &impl Serialize) -> Result<String, Mistake> {
    serde_json::to_string(value).map_err(|_| unexpected())
}

/// Returns a value over several lines, of which the first is not indented.
pub(super) fn pretty(value: &impl Serialize, unit: &str, indent: &str) -> Result<String, Mistake> {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(unit.as_bytes());
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .map_err(|_| unexpected())?;
    let text = String::from_utf8(bytes).map_err(|_| unexpected())?;
    Ok(text.replace('\n', &format!("\n{indent}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOKS: Hooks = Hooks {
        path: ["hooks", "PreToolUse"],
        beside: None,
    };

    #[derive(Serialize)]
    struct Element {
        matcher: &'static str,
        hooks: [Value; 1],
    }

    fn element() -> Element {
        Element {
            matcher: "Bash",
            hooks: [serde_json::json!({ "command": "gate hook x" })],
        }
    }

    fn is_ours(command: &str) -> bool {
        command == "gate hook x"
    }

    const TEXTS: [&str; 12] = [
        "{}",
        "{}\n",
        "{\n}\n",
        "{\n  \"a\": 1\n}\n",
        "{\"a\":1}",
        "{\n\t\"a\": [\n\t\t1\n\t],\n\t\"hooks\": {}\n}\n",
        "{\n    \"hooks\": {\n        \"PreToolUse\": []\n    }\n}",
        "{\"hooks\": {\"PreToolUse\": [{\"hooks\": []}]}, \"z\": 1}",
        "{\n  \"hooks\": {\n    \"PreToolUse\": [\n      {\n        \"command\": \"other\"\n      }\n    ],\n    \"Stop\": []\n  },\n  \"é\": \"}\"\n}\n",
        "{\r\n  \"a\": 1\r\n}\r\n",
        "{\n  \"hooks\": { \"Stop\": [] }\n}\n",
        " \n",
    ];

    #[test]
    fn one_more_stands_in_the_list_and_all_else_stays() {
        for text in TEXTS {
            let added = HOOKS.add(text, &element()).unwrap();
            let mut before: Value = serde_json::from_str(text).unwrap_or(serde_json::json!({}));
            let after: Value = serde_json::from_str(&added).unwrap();
            let list = after["hooks"]["PreToolUse"].as_array().unwrap();
            assert_eq!(list.last(), Some(&serde_json::json!(element())), "{added}");
            let found = HOOKS.find(&added, &is_ours).unwrap();
            assert_eq!(found.len(), 1);
            let taken = HOOKS.take(&added, found[0].0).unwrap();
            let left: Value = serde_json::from_str(&taken).unwrap();
            // What holds nothing goes too; the file itself is put back from its copy.
            let hooks = before["hooks"].as_object().cloned().unwrap_or_default();
            let is_bare = hooks.values().all(|list| *list == serde_json::json!([]));
            if is_bare && hooks.len() < 2 && !hooks.contains_key("Stop") {
                before.as_object_mut().unwrap().remove("hooks");
            }
            assert_eq!(left, before, "{added}\n{taken}");
            assert_eq!(added.contains("\r\n"), text.contains("\r\n"));
            assert!(!text.contains("\r\n") || !added.replace("\r\n", "").contains('\n'));
        }
    }

    #[test]
    fn what_is_no_plain_json_of_that_shape_is_not_touched() {
        for (text, line, what) in [
            (
                "{\n  // mine\n  \"a\": 1\n}",
                Some(2),
                "key must be a string",
            ),
            ("{\n  \"a\": 1,\n}", Some(3), "trailing comma"),
            ("[]", Some(1), "not one JSON object"),
            ("{\"hooks\": []}", Some(1), "`hooks` is not what"),
            (
                "{\n\"hooks\": {\"PreToolUse\": {}}}",
                Some(2),
                "`PreToolUse` is not what",
            ),
            (
                "{\"hooks\": {},\n\"hooks\": {}}",
                Some(2),
                "`hooks` stands twice",
            ),
            ("\u{feff}{}", Some(1), "expected value"),
        ] {
            let mistake = HOOKS.add(text, &element()).unwrap_err();
            assert_eq!(mistake.line, line, "{text}: {mistake:?}");
            assert!(mistake.what.contains(what), "{text}: {mistake:?}");
            assert!(HOOKS.find(text, &is_ours).is_err(), "{text}");
        }
    }

    #[test]
    fn a_hook_in_a_group_with_others_is_left_to_its_owner() {
        let text =
            r#"{"hooks":{"PreToolUse":[{"hooks":[{"command":"gate hook x"},{"command":"y"}]}]}}"#;
        assert!(
            HOOKS
                .find(text, &is_ours)
                .unwrap_err()
                .what
                .contains("in one group")
        );
    }
}
