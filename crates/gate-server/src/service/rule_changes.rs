//! Which rules one version of the rules changed against the one before it: by
//! each rule's own text, so that nobody has a hand in a rule by pushing a file in
//! which another one is new.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::store::edits::RuleEdit;

/// More changed rules than this count as all of them.
const MOST: usize = 1_000;

/// Returns what changed from `before` to `after`; everything where one of them
/// can't be read.
pub(crate) fn changes(before: &str, after: &str) -> Vec<RuleEdit> {
    let everything = || {
        vec![RuleEdit {
            rule: None,
            tools: None,
        }]
    };
    let (Some(before), Some(after)) = (rules_by_id(before), rules_by_id(after)) else {
        return everything();
    };
    let mut edits = Vec::new();
    for (id, rule) in &before {
        if after.get(id) != Some(rule) {
            edits.push(RuleEdit {
                rule: Some(id.clone()),
                tools: tools(rule),
            });
        }
    }
    let is_new = |id: &&String| !before.contains_key(*id);
    edits.extend(after.keys().filter(is_new).map(|id| RuleEdit {
        rule: Some(id.clone()),
        // It was about nothing before.
        tools: Some(Vec::new()),
    }));
    if edits.len() > MOST {
        everything()
    } else {
        edits
    }
}

/// Returns each rule of a text by its id; none where the text is no rules, or one has no id.
pub(crate) fn rules_by_id(text: &str) -> Option<BTreeMap<String, Value>> {
    let mut document: Table = text.parse().ok()?;
    let Some(rules) = document.remove("rule") else {
        return Some(BTreeMap::new());
    };
    let Value::Array(rules) = rules else {
        return None;
    };
    let named = rules.into_iter().map(|rule| {
        let id = rule.get("id")?.as_str()?.to_owned();
        Some((id, rule))
    });
    named.collect()
}

/// Returns the tools that a rule is about, as patterns; none for every tool.
fn tools(rule: &Value) -> Option<Vec<String>> {
    match rule.get("tool")? {
        Value::String(tool) => Some(vec![tool.clone()]),
        Value::Array(tools) => tools
            .iter()
            .map(|tool| tool.as_str().map(str::to_owned))
            .collect(),
        Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "[[rule]]\nid = 'a'\ntool = 'kubectl'\ndecision = 'deny'\n\
         [[rule]]\nid = 'b'\ndecision = 'require_approval'\n";

    fn edit(rule: &str, tools: Option<&[&str]>) -> RuleEdit {
        RuleEdit {
            rule: Some(rule.to_owned()),
            tools: tools.map(|tools| tools.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn a_rule_is_changed_by_its_own_text_alone() {
        let spaced = BEFORE.replace("'deny'", "  \"deny\" # as before");
        assert_eq!(changes(BEFORE, &spaced), []);
        let (first, second) = BEFORE.split_at(BEFORE.rfind("[[rule]]").unwrap());
        let moved = format!("{second}{first}");
        assert!(moved.parse::<Table>().is_ok(), "{moved}");
        assert_eq!(changes(BEFORE, &moved), []);
        let milder = BEFORE.replace("'deny'", "'allow'");
        assert_eq!(changes(BEFORE, &milder), [edit("a", Some(&["kubectl"]))]);
        let gone = "[[rule]]\nid = 'a'\ntool = 'kubectl'\ndecision = 'deny'\n";
        assert_eq!(changes(BEFORE, gone), [edit("b", None)]);
        assert_eq!(changes(gone, BEFORE), [edit("b", Some(&[]))]);
    }

    #[test]
    fn what_cannot_be_compared_has_changed() {
        let all = [RuleEdit {
            rule: None,
            tools: None,
        }];
        assert_eq!(changes("[", BEFORE), all);
        assert_eq!(changes(BEFORE, "rule = 1"), all);
        let mut many = String::new();
        for number in 0..=MOST {
            many.push_str("[[rule]]\nid = '");
            many.push_str(&number.to_string());
            many.push_str("'\n");
        }
        assert_eq!(changes("", &many), all);
    }
}
