//! Finds the few rules that can be about a command among many that can't.
//!
//! A rule stands under what it wants to the letter: its tools, the first two
//! words of its commands, and there under a field of the target or its effects.
//! What it says by a pattern or not at all, it stands in front of. A command
//! looks in the places that it meets, so that the time that a decision takes
//! does not grow with the rules of other tools, commands, targets and effects.

use std::collections::{BTreeMap, HashMap};

use super::rule::Rule;
use crate::effect::{Effect, EffectSet};
use crate::invocation::Invocation;
use crate::profile::Text;

/// Where each rule stands, by its number in the order in which they count.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) by_tool: BTreeMap<String, OfTool>,
    pub(super) of_any_tool: OfTool,
}

/// The rules of one tool, by the first two words of the command.
#[derive(Debug, Default)]
pub(super) struct OfTool {
    pub(super) by_word: BTreeMap<String, OfWord>,
    pub(super) of_any_word: Rules,
}

#[derive(Debug, Default)]
pub(super) struct OfWord {
    pub(super) by_word: BTreeMap<String, Rules>,
    pub(super) of_any_word: Rules,
}

/// The rules of one command, by what else they want.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) all: Vec<usize>,
    /// By the field of a target, and its value. Of values there can be so many that to compare a
    /// few of them would already fetch each from far away.
    pub(super) by_target: BTreeMap<String, HashMap<String, Vec<usize>>>,
    pub(super) by_effect: [Vec<usize>; Effect::ALL.len()],
    pub(super) others: Vec<usize>,
}

impl Index {
    pub(super) fn of(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (number, rule) in rules.iter().enumerate() {
            if rule.tools.is_empty() || !rule.tools.iter().all(is_literal) {
                index.of_any_tool.add(number, rule);
                continue;
            }
            for tool in &rule.tools {
                let of_tool = index.by_tool.entry(tool.clone()).or_default();
                of_tool.add(number, rule);
            }
        }
        index
    }

    /// Returns the numbers of the rules about such a tool and command.
    pub(super) fn about(&self, invocation: &Invocation) -> Vec<usize> {
        let places = self.places(invocation);
        in_order(places.flat_map(|rules| rules.all.iter().copied()).collect())
    }

    /// Returns the numbers of the rules that can match.
    pub(super) fn candidates(&self, invocation: &Invocation) -> Vec<usize> {
        let mut found = Vec::new();
        for rules in self.places(invocation) {
            rules.add_candidates(invocation, &mut found);
        }
        in_order(found)
    }

    fn places(&self, invocation: &Invocation) -> impl Iterator<Item = &Rules> {
        let of_tool = self.by_tool.get(&*invocation.tool);
        let tools = std::iter::once(&self.of_any_tool).chain(of_tool);
        tools.flat_map(|tool| tool.places(&invocation.command))
    }
}

impl OfTool {
    fn add(&mut self, number: usize, rule: &Rule) {
        if rule.commands.is_empty() {
            self.of_any_word.add(number, rule);
        }
        for path in &rule.commands {
            let mut words = path.iter().take_while(|word| is_literal(word));
            let place = match (words.next(), words.next()) {
                (None, _) => &mut self.of_any_word,
                (Some(first), None) => &mut self.word(first).of_any_word,
                (Some(first), Some(second)) => {
                    let below = &mut self.word(first).by_word;
                    below.entry(second.clone()).or_default()
                }
            };
            place.add(number, rule);
        }
    }

    fn word(&mut self, word: &str) -> &mut OfWord {
        self.by_word.entry(word.to_owned()).or_default()
    }

    fn places(&self, command: &[Text]) -> impl Iterator<Item = &Rules> {
        let first = command.first().and_then(|word| self.by_word.get(&**word));
        let of_first = first.map(|first| &first.of_any_word);
        let second = first.zip(command.get(1));
        let of_second = second.and_then(|(first, word)| first.by_word.get(&**word));
        std::iter::once(&self.of_any_word)
            .chain(of_first)
            .chain(of_second)
    }
}

impl Rules {
    fn add(&mut self, number: usize, rule: &Rule) {
        if self.all.last() == Some(&number) {
            // Another command of the same rule led here before.
            return;
        }
        self.all.push(number);
        let mut target = rule.target.iter();
        let literal =
            target.find(|(_, values)| !values.is_empty() && values.iter().all(is_literal));
        if let Some((field, values)) = literal {
            let of_field = self.by_target.entry(field.clone()).or_default();
            for value in values {
                of_field.entry(value.clone()).or_default().push(number);
            }
        } else if rule.effects.is_empty() {
            self.others.push(number);
        } else {
            for (effect, of_effect) in Effect::ALL.into_iter().zip(&mut self.by_effect) {
                if rule.effects.contains(effect) {
                    of_effect.push(number);
                }
            }
        }
    }

    fn add_candidates(&self, invocation: &Invocation, found: &mut Vec<usize>) {
        found.extend(&self.others);
        for (effect, of_effect) in Effect::ALL.into_iter().zip(&self.by_effect) {
            if is_met(effect, invocation.effects) {
                found.extend(of_effect);
            }
        }
        for (field, of_field) in &self.by_target {
            let value = invocation.target.get(field);
            let rules = value.and_then(|value| of_field.get(value));
            found.extend(rules.into_iter().flatten());
        }
    }
}

/// Tells whether a rule that wants this effect among others can match. Of a
/// command without any effect nothing is known: each rule is looked at.
fn is_met(effect: Effect, effects: EffectSet) -> bool {
    effects.is_empty() || effects.contains(effect)
}

#[expect(
    clippy::ptr_arg,
    reason = "it is given to iterators over what rules hold"
)]
fn is_literal(word: &String) -> bool {
    !word.contains(['*', '?'])
}

/// Sorts what was found in several places, once each.
fn in_order(mut numbers: Vec<usize>) -> Vec<usize> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fmt::Write as _;
    use std::path::Path;

    use super::super::decision::Layer;
    use super::super::evaluation::Occasion;
    use super::*;
    use crate::{CommandLine, Environment, NoFiles, Stdin};

    fn rules(text: &str) -> Vec<Rule> {
        super::super::load::load(
            Layer::Machine,
            "rules.toml",
            text,
            crate::Profiles::built_in(),
        )
        .unwrap()
        .0
    }

    fn invocation(command: &str) -> Invocation {
        let argv: Vec<OsString> = command.split(' ').map(OsString::from).collect();
        crate::read_invocation(&CommandLine {
            argv: &argv,
            env: &Environment::default(),
            cwd: Path::new("/srv/app"),
            stdin: Stdin::Absent,
            files: &NoFiles,
        })
    }

    /// Every combination of what a rule can say of what is indexed.
    fn all_kinds_of_rules() -> Vec<Rule> {
        let said = |name: &str, values: &[&'static str]| -> Vec<String> {
            let lines = values.iter().map(|value| format!("{name} = {value}\n"));
            std::iter::once(String::new()).chain(lines).collect()
        };
        let tools = said("tool", &["\"kubectl\"", "\"k*\"", "[\"aws\", \"kubectl\"]"]);
        let commands = said(
            "command",
            &[
                "\"rollout\"",
                "\"rollout restart\"",
                "\"rollout *\"",
                "\"*\"",
                "[\"get\", \"rollout\", \"rollout status\"]",
                "\"ec2 terminate-instances\"",
            ],
        );
        let effects = said(
            "effect",
            &["\"read\"", "[\"write\", \"destroy\"]", "\"unknown\""],
        );
        let targets = said(
            "target",
            &["{ namespace = \"a\" }", "{ namespace = [\"a\", \"b*\"] }"],
        );
        let mut text = String::new();
        let mut number = 0;
        for tool in &tools {
            for command in &commands {
                for effect in &effects {
                    for target in &targets {
                        for decision in ["allow", "deny"] {
                            let lines = [tool, command, effect, target].map(String::as_str);
                            let lines = match lines.concat() {
                                nothing if nothing.is_empty() => "everything = true\n".to_owned(),
                                lines => lines,
                            };
                            number += 1;
                            write!(text, "[[rule]]\nid = \"r{number}\"\n{lines}").unwrap();
                            write!(text, "decision = \"{decision}\"\n\n").unwrap();
                        }
                    }
                }
            }
        }
        rules(&text)
    }

    #[test]
    fn the_index_hides_no_rule_that_matches() {
        let rules = all_kinds_of_rules();
        let index = Index::of(&rules);
        for command in [
            "kubectl rollout restart deployment/web -n a",
            "kubectl rollout status deployment/web --namespace=b1",
            "kubectl rollout history",
            "kubectl get pods -n a",
            "kubectl delete pod web -n c",
            "kubectl no-such-command -n a",
            "kubectl",
            "aws ec2 terminate-instances --instance-ids i-1",
            "aws s3 ls",
            "kind-of-tool rollout",
            "other",
        ] {
            let invocation = invocation(command);
            let matches = |number: &usize| {
                rules[*number].matches(
                    &invocation,
                    Path::new("/srv/app"),
                    &Occasion::of_nobody(jiff::Timestamp::UNIX_EPOCH),
                )
            };
            let matching: Vec<usize> = (0..rules.len()).filter(matches).collect();
            let mut found = index.candidates(&invocation);
            let candidates = found.len();
            found.retain(matches);
            assert_eq!(found, matching, "{command}");
            assert!(
                !matching.is_empty() && candidates < rules.len(),
                "{command}"
            );
            let about = index.about(&invocation);
            assert!(
                matching.iter().all(|number| about.contains(number)),
                "{command}"
            );
        }
    }

    #[test]
    fn the_rules_of_others_are_not_looked_at() {
        let mut text = String::new();
        for number in 0..1_000 {
            for rule in [
                format!("tool = \"tool-{number}\""),
                format!("tool = \"aws\"\ncommand = \"ec2 operation-{number}\""),
                format!("tool = \"kubectl\"\ntarget.namespace = \"team-{number}\""),
                "tool = \"kubectl\"\neffect = \"destroy\"".to_owned(),
            ] {
                let id = text.len();
                write!(text, "[[rule]]\nid = \"r{id}\"\n{rule}\n").unwrap();
                text.push_str("decision = \"deny\"\n\n");
            }
        }
        let index = Index::of(&rules(&text));
        for (command, count) in [
            ("kubectl get pods -n team-7", 1),
            ("kubectl delete pod x -n team-7", 1_001),
            ("aws ec2 terminate-instances --instance-ids i-1", 0),
            ("tool-7 x", 1),
            ("git push", 0),
        ] {
            let found = index.candidates(&invocation(command));
            assert_eq!(found.len(), count, "{command}");
        }
    }
}
