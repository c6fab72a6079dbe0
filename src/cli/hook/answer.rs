//! The answer in each agent's own format. Sources: the pages that `docs/agents.md` names.

use serde_json::{Value, json};

use super::agent::Agent;
use super::opinion::Opinion;
use crate::show::answer::printable;

/// Returns the line for stdout. To say nothing is an empty object in every protocol: an answer
/// that leaves the decision to the agent's own rules.
pub(super) fn of(agent: Agent, opinion: &Opinion) -> String {
    let answer = match opinion {
        Opinion::None => json!({}),
        Opinion::No(reason) => no(agent, reason),
    };
    printable(&answer.to_string()).into_owned()
}

fn no(agent: Agent, reason: &str) -> Value {
    let nested = json!({
        "hookEventName": "PreToolUse",
        "permissionDecision": "deny",
        "permissionDecisionReason": reason,
    });
    match agent {
        Agent::ClaudeCode | Agent::Codex => json!({ "hookSpecificOutput": nested }),
        Agent::Gemini | Agent::Opencode | Agent::Aider => {
            json!({ "decision": "deny", "reason": reason })
        }
        // The document says that one is for the user and one for the agent; which of them the
        // agent sees differs between versions.
        Agent::Cursor => {
            json!({ "permission": "deny", "user_message": reason, "agent_message": reason })
        }
        // The command line reads the two on top, an editor the nested ones.
        Agent::Copilot => json!({
            "permissionDecision": "deny",
            "permissionDecisionReason": reason,
            "hookSpecificOutput": nested,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_ever_says_yes_and_none_moves_a_cursor() {
        for agent in Agent::ALL {
            assert_eq!(of(*agent, &Opinion::None), "{}");
            let no = of(*agent, &Opinion::No("a \u{202e} \u{1b}[2J b".to_owned()));
            assert!(no.contains("deny") && !no.contains("allow"), "{no}");
            assert!(!no.contains(['\u{202e}', '\u{1b}']), "{no}");
        }
    }
}
