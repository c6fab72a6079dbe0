//! The coding agent around a command, by the marks that agents leave in the
//! environment of what they run.
//!
//! A mark is a hint to the approver and no proof: anybody can set it, and an
//! agent can clear it. It never makes a decision softer.

use super::{Env, cut};

/// A variable that an agent sets for its commands, the value where only one is
/// telling, and the agent's name.
struct Mark {
    variable: &'static str,
    value: Option<&'static str>,
    agent: &'static str,
}

const fn mark(variable: &'static str, agent: &'static str) -> Mark {
    Mark {
        variable,
        value: None,
        agent,
    }
}

/// The specific before the general: an agent that runs inside another's editor
/// is told by its own mark.
const MARKS: [Mark; 9] = [
    mark("CLAUDECODE", "Claude Code"),
    mark("CODEX_THREAD_ID", "Codex"),
    mark("CODEX_SANDBOX", "Codex"),
    mark("CODEX_SANDBOX_NETWORK_DISABLED", "Codex"),
    mark("GEMINI_CLI", "Gemini CLI"),
    mark("COPILOT_CLI", "GitHub Copilot"),
    mark("OPENCODE", "opencode"),
    mark("CURSOR_AGENT", "Cursor"),
    // aider sets this for the model provider, in its own environment, and its
    // commands inherit it; others use the same variable with other values.
    Mark {
        variable: "OR_APP_NAME",
        value: Some("Aider"),
        agent: "aider",
    },
];

/// The variable by which an agent that is not in the table can name itself.
const SELF_NAMED: &str = "AI_AGENT";

/// Returns what the environment tells of an agent, and that it is not verified.
pub(super) fn detect(env: Env<'_>) -> Option<String> {
    let is_left = |mark: &&Mark| match (env(mark.variable), mark.value) {
        (None, _) => false,
        (Some(value), None) => is_claimed(&value),
        (Some(value), Some(expected)) => value == expected,
    };
    if let Some(found) = MARKS.iter().find(is_left) {
        return Some(format!(
            "{} (unverified, from {})",
            found.agent, found.variable
        ));
    }
    let name = env(SELF_NAMED).filter(|value| is_claimed(value))?;
    Some(cut(&format!("unverified, from {SELF_NAMED}: {name}")))
}

/// Tells whether a flag's value says yes: an empty one and the usual words for no do not.
fn is_claimed(value: &str) -> bool {
    !matches!(value.trim(), "" | "0" | "false" | "no")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> Option<String> {
        detect(&move |asked: &str| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn each_agent_is_known_by_its_mark_and_called_unverified() {
        for (name, value, agent) in [
            ("CLAUDECODE", "1", "Claude Code"),
            ("CODEX_SANDBOX", "seatbelt", "Codex"),
            ("CODEX_THREAD_ID", "0198", "Codex"),
            ("GEMINI_CLI", "1", "Gemini CLI"),
            ("CURSOR_AGENT", "1", "Cursor"),
            ("COPILOT_CLI", "1", "GitHub Copilot"),
            ("OPENCODE", "1", "opencode"),
            ("OR_APP_NAME", "Aider", "aider"),
        ] {
            let told = with(name, value).unwrap();
            assert_eq!(told, format!("{agent} (unverified, from {name})"));
        }
    }

    #[test]
    fn no_mark_a_cleared_mark_and_another_program_are_no_agent() {
        assert_eq!(with("HOME", "/root"), None);
        assert_eq!(with("CLAUDECODE", ""), None);
        assert_eq!(with("CLAUDECODE", "0"), None);
        assert_eq!(with("OR_APP_NAME", "something else"), None);
    }

    #[test]
    fn an_unknown_agent_can_name_itself_and_is_called_unverified_first() {
        let told = with("AI_AGENT", "robo 3").unwrap();
        assert_eq!(told, "unverified, from AI_AGENT: robo 3");
    }
}
