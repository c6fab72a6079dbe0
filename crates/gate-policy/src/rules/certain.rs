//! Which rules are about a command by what somebody can tell who has neither its files nor its
//! machine: a server holds those who ask against it.

use std::path::Path;

use super::decision::Decision;
use super::evaluation::{MatchedRule, Occasion};
use super::policy::{Policy, each};
use super::rule::Rule;
use crate::invocation::Invocation;

impl Policy {
    /// Returns the rules that ask or deny and are about this command or one inside it, each once, in
    /// their order, as far as that is certain: a time of day that is the machine's own is not, nor is
    /// a condition that has no answer here, and by a condition nothing is denied.
    pub fn certain(
        &self,
        invocation: &Invocation,
        cwd: &Path,
        occasion: &Occasion,
    ) -> Vec<(Decision, &MatchedRule)> {
        let mut found: Vec<&Rule> = Vec::new();
        for (one, cwd, _) in each(invocation, cwd) {
            let about = self.rules_about(one).into_iter();
            let certain = about.filter(|rule| rule.is_certain(one, cwd, occasion));
            for rule in certain {
                if !found.iter().any(|known| std::ptr::eq(*known, rule)) {
                    found.push(rule);
                }
            }
        }
        found
            .into_iter()
            .map(|rule| (rule.decision, &rule.place))
            .collect()
    }
}

impl Rule {
    fn is_certain(&self, invocation: &Invocation, cwd: &Path, occasion: &Occasion) -> bool {
        if self
            .window
            .as_ref()
            .is_some_and(super::window::Window::is_local)
        {
            return false;
        }
        let has_answer = match (&self.condition, self.decision) {
            (_, Decision::Allow) | (Some(_), Decision::Deny) => false,
            (None, Decision::RequireApproval | Decision::Deny) => true,
            (Some(condition), Decision::RequireApproval) => {
                !condition.source().contains("local")
                    && condition.holds(invocation, cwd, occasion).is_ok()
            }
        };
        has_answer && self.matches(invocation, cwd, occasion)
    }
}
