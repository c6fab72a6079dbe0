//! What new rules loosen against those in force. What can't be told counts as looser: a second admin
//! then looks at it.

use std::collections::BTreeMap;
use std::time::Duration;

use gate_policy::{AskingRule, Layer, PolicyBuilder};
use gate_protocol::request::Requirement;
use toml::Value;

use super::named_rules::on_the_wire;
use super::rule_changes::rules_by_id;
use super::submission::add_unmet;

/// How many of them are told one by one.
const MOST: usize = 100;

/// What of a rule says nothing of which commands it is about.
const BESIDE_MATCHERS: [&str; 6] = [
    "decision", "message", "reason", "record", "approval", "postgres",
];

/// Returns what lets more pass, or asks less, by `after` than by `before`, in words; nothing where
/// every command is decided at least as strictly.
pub(crate) fn loosened(before: &str, after: &str) -> Vec<String> {
    let read = |text: &str| {
        let mut builder = PolicyBuilder::new();
        let layer = builder.layer(Layer::Server, "server", text);
        layer
            .ok()
            .and_then(|()| Some((builder, rules_by_id(text)?)))
    };
    let (Some((old, old_rules)), Some((new, new_rules))) = (read(before), read(after)) else {
        return vec!["the rules in force can't be compared with these".to_owned()];
    };
    let beyond: BTreeMap<&str, String> = new.beyond_baseline().into_iter().collect();
    let mut found = Vec::new();
    for (id, rule) in &new_rules {
        let changed = old_rules.get(id).is_none_or(|known| {
            !matches_same(known, rule)
                || decision(known) != decision(rule)
                || known.get("postgres") != rule.get("postgres")
        });
        if let Some(what) = beyond.get(id.as_str()).filter(|_| changed) {
            found.push(format!(
                "rule `{id}` allows what the baseline asks about: {what}"
            ));
        }
    }
    // By what stands in their place, the rules that ask.
    let (old_policy, new_policy) = (old.build(), new.build());
    let asking: BTreeMap<&str, AskingRule<'_>> =
        new_policy.asking().map(|rule| (rule.id, rule)).collect();
    let asked: BTreeMap<&str, AskingRule<'_>> =
        old_policy.asking().map(|rule| (rule.id, rule)).collect();
    for (id, rule) in &old_rules {
        let asks = (asked.get(id.as_str()), asking.get(id.as_str()));
        if let Some(what) = milder(rule, new_rules.get(id), asks) {
            found.push(format!("rule `{id}` {what}"));
        }
    }
    let more = found.len().saturating_sub(MOST);
    if more > 0 {
        found.truncate(MOST);
        found.push(format!("{more} more"));
    }
    found
}

/// Returns what became milder of one rule that was in force.
fn milder(
    old: &Value,
    new: Option<&Value>,
    asks: (Option<&AskingRule<'_>>, Option<&AskingRule<'_>>),
) -> Option<&'static str> {
    let was = decision(old);
    let Some(new) = new else {
        return (was > Strictness::Allow).then_some("is taken away");
    };
    if was > Strictness::Allow {
        if decision(new) < was {
            return Some("decides more mildly than before");
        }
        if !matches_same(old, new) {
            return Some("is about other commands than before");
        }
        return match asks {
            (Some(old), Some(new)) => asks_less(old, new),
            (Some(_) | None, None) | (None, Some(_)) => None,
        };
    }
    let is_recorded = |rule: &Value| match rule.get("record").and_then(Value::as_str) {
        Some("outcome") => 2,
        Some("none") => 0,
        Some(_) | None => 1,
    };
    let allows = decision(new) == Strictness::Allow;
    (allows && is_recorded(new) < is_recorded(old)).then_some("records less than before")
}

/// Returns how a rule asks less than before of the same commands.
fn asks_less(old: &AskingRule<'_>, new: &AskingRule<'_>) -> Option<&'static str> {
    let wire = |rule: &AskingRule<'_>| -> Vec<Requirement> {
        rule.requirements.iter().map(on_the_wire).collect()
    };
    let mut there = wire(new);
    let count = there.len();
    add_unmet(&mut there, &wire(old));
    if there.len() > count {
        return Some("asks fewer people than before, or others");
    }
    // One that says nothing takes what the client and this server say.
    let is_longer = |old: Option<Duration>, new: Option<Duration>| match (old, new) {
        (Some(old), Some(new)) => new > old,
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
    };
    if is_longer(old.request_ttl, new.request_ttl) || is_longer(old.permit_ttl, new.permit_ttl) {
        return Some("leaves other times than before, which may be longer");
    }
    (old.reason_required && !new.reason_required).then_some("wants no reason any more")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Strictness {
    Allow,
    Ask,
    Deny,
}

/// Returns what a rule decides. It was read before, so that there is no other word.
fn decision(rule: &Value) -> Strictness {
    match rule.get("decision").and_then(Value::as_str) {
        Some("allow") => Strictness::Allow,
        Some("require_approval") => Strictness::Ask,
        Some(_) | None => Strictness::Deny,
    }
}

/// Tells whether two texts of a rule are about the same commands, to the letter.
fn matches_same(one: &Value, other: &Value) -> bool {
    let matchers = |rule: &Value| {
        let mut table = rule.as_table().cloned().unwrap_or_default();
        for field in BESIDE_MATCHERS {
            table.remove(field);
        }
        table
    };
    matchers(one) == matchers(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKS: &str = "[[rule]]\nid = 'a'\ntool = 'kubectl'\neffect = 'destroy'\n\
         decision = 'require_approval'\nreason = 'required'\n\
         [rule.approval]\napprovers = ['group:sre', 'group:dba']\ncount = 2\npermit_ttl = '5m'\n";

    fn says(before: &str, after: &str, word: &str) {
        let found = loosened(before, after);
        assert!(
            found.iter().any(|one| one.contains(word)),
            "{after}: {found:?}"
        );
    }

    #[test]
    fn what_is_the_same_or_stricter_loosens_nothing() {
        let deny = ASKS
            .split_once("reason")
            .map(|(head, _)| head.replace("require_approval", "deny"))
            .unwrap();
        let more = format!("{ASKS}[[rule]]\nid = 'b'\ntool = 'git'\ndecision = 'deny'\n");
        let reads = format!("{ASKS}[[rule]]\nid = 'r'\neffect = 'read'\ndecision = 'allow'\n");
        let narrower = ASKS.replace(", 'group:dba'", "");
        let shorter = ASKS.replace("5m", "1m");
        let said = ASKS.replace("reason =", "message = 'careful'\nreason =");
        for after in [ASKS, &deny, &more, &reads, &narrower, &shorter, &said] {
            assert_eq!(loosened(ASKS, after), Vec::<String>::new(), "{after}");
        }
        assert_eq!(loosened("", ASKS), Vec::<String>::new());
    }

    #[test]
    fn whatever_lets_more_pass_or_asks_less_is_named() {
        says(ASKS, "", "`a` is taken away");
        for (from, to, word) in [
            ("'destroy'", "['destroy', 'write']", "other commands"),
            ("'destroy'", "'write'", "other commands"),
            ("count = 2", "count = 1", "fewer people"),
            ("'group:dba'", "'group:all'", "fewer people"),
            ("'5m'", "'6m'", "times"),
            ("permit_ttl = '5m'", "", "times"),
            ("reason = 'required'\n", "", "no reason"),
        ] {
            says(ASKS, &ASKS.replace(from, to), word);
        }
        let allow =
            "[[rule]]\nid = 'a'\ntool = 'kubectl'\neffect = 'destroy'\ndecision = 'allow'\n";
        says(ASKS, allow, "more mildly");
        says(ASKS, allow, "allows what the baseline asks about: destroy");
        says("", allow, "allows what the baseline asks about: destroy");
        let held = "[[rule]]\nid = 'a'\ntool = 'kubectl'\neffect = 'read'\ndecision = 'allow'\nrecord = 'outcome'\n";
        says(held, &held.replace("outcome", "none"), "records less");
        says("[", ASKS, "can't be compared");
    }

    #[test]
    fn an_allow_that_was_hidden_is_named_with_what_hid_it() {
        let deny = "[[rule]]\nid = 'd'\ntool = 'kubectl'\ndecision = 'deny'\n";
        let allow = "[[rule]]\nid = 'a'\ntool = 'kubectl'\neffect = 'write'\ndecision = 'allow'\n";
        let both = format!("{deny}{allow}");
        assert_eq!(loosened(deny, &both), Vec::<String>::new());
        says(&both, allow, "`d` is taken away");
    }
}
