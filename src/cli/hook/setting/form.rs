//! How each agent's hook is written.

use std::path::Path;

use serde::Serialize;

use super::json_text::{Hooks, pretty};
use super::{Mistake, toml_text, whole, yaml_text};
use crate::cli::hook::agent::Agent;

/// How the hook of one agent is written into its file.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli::hook) struct Form(pub(super) Agent);

/// A group of Claude Code and Gemini CLI.
#[derive(Serialize)]
struct Group<'c> {
    matcher: &'static str,
    hooks: [Handler<'c>; 1],
}

#[derive(Serialize)]
struct Handler<'c> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    r#type: &'static str,
    command: &'c str,
    timeout: u32,
    #[serde(rename = "onFailure", skip_serializing_if = "Option::is_none")]
    on_failure: Option<&'static str>,
}

/// A hook of Cursor.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Closed<'c> {
    command: &'c str,
    fail_closed: bool,
}

impl Form {
    /// Returns the command of gate's hook in a text, where there is one.
    ///
    /// # Errors
    /// The text can't be read, or what gate wrote was changed by hand.
    pub(in crate::cli::hook) fn find(self, text: &str) -> Result<Option<String>, Mistake> {
        let is_ours = |command: &str| self.is_ours(command);
        let foreign = || {
            let mend = "see whose it is; move it away, then run this again";
            Mistake::new(None, "it is a file of somebody else's", mend)
        };
        match self.0 {
            Agent::ClaudeCode | Agent::Gemini | Agent::Cursor if text.trim().is_empty() => Ok(None),
            Agent::ClaudeCode | Agent::Gemini | Agent::Cursor => {
                let mut found = self.hooks().find(text, &is_ours)?.into_iter();
                let first = found.next().map(|(_, command)| command);
                if found.next().is_some() {
                    let what = "gate's hook stands in it more than once";
                    return Err(Mistake::new(None, what, "leave one of them"));
                }
                Ok(first)
            }
            Agent::Codex => toml_text::find(text),
            Agent::Copilot => whole::command_of_copilot(text)
                .filter(|command| is_ours(command))
                .map(Some)
                .ok_or_else(foreign),
            Agent::Opencode => whole::command_of_opencode(text)
                .filter(|command| is_ours(command))
                .map(Some)
                .ok_or_else(foreign),
            Agent::Aider => yaml_text::find(text),
        }
    }

    /// Returns a text that has no hook of gate's with one in it.
    ///
    /// # Errors
    /// The text can't be changed without loss.
    pub(in crate::cli::hook) fn add(
        self,
        text: Option<&str>,
        command: &str,
    ) -> Result<String, Mistake> {
        let text = text.unwrap_or_default();
        match self.0 {
            Agent::ClaudeCode | Agent::Gemini => self.hooks().add(text, &self.group(command)),
            Agent::Cursor => self.hooks().add(text, &closed(command)),
            Agent::Codex => toml_text::add(text, command),
            Agent::Copilot => whole::copilot(command),
            Agent::Opencode => Ok(whole::opencode(command)),
            Agent::Aider => yaml_text::add(text),
        }
    }

    /// Returns the text of the file at `path` without gate's hook; nothing where nothing else is in
    /// it.
    ///
    /// # Errors
    /// The text can't be changed without loss.
    pub(in crate::cli::hook) fn take(
        self,
        text: &str,
        path: &Path,
    ) -> Result<Option<String>, Mistake> {
        match self.0 {
            Agent::ClaudeCode | Agent::Gemini | Agent::Cursor => {
                let found = self.hooks().find(text, &|command| self.is_ours(command))?;
                match found.first() {
                    Some((index, _)) => self.hooks().take(text, *index).map(Some),
                    None => Ok(Some(text.to_owned())),
                }
            }
            Agent::Codex => toml_text::take(text, path).map(Some),
            Agent::Aider => yaml_text::take(text).map(Some),
            Agent::Copilot | Agent::Opencode => Ok(None),
        }
    }

    /// Returns what stands in the file of an agent that has no hooks; nothing of the others.
    pub(in crate::cli::hook) fn setting(self) -> Option<&'static str> {
        (self.0 == Agent::Aider).then_some(yaml_text::SETTING)
    }

    /// Returns the hook as somebody would write it into the file by hand; nothing where the file
    /// is gate's alone.
    pub(in crate::cli::hook) fn by_hand(self, command: &str) -> Option<String> {
        let list = |element: Result<String, Mistake>| {
            let [outer, inner] = self.hooks().path;
            element
                .ok()
                .map(|element| format!("in `{outer}`, in the list `{inner}`:\n{element}"))
        };
        match self.0 {
            Agent::ClaudeCode | Agent::Gemini => list(pretty(&self.group(command), "  ", "")),
            Agent::Cursor => list(pretty(&closed(command), "  ", "")),
            Agent::Codex => Some(format!(
                "at the end:\n{}",
                toml_text::block(command).trim_end()
            )),
            Agent::Aider => Some(yaml_text::SETTING.to_owned()),
            Agent::Copilot | Agent::Opencode => None,
        }
    }

    fn hooks(self) -> Hooks {
        let event = self.0.events().first().copied().unwrap_or_default();
        Hooks {
            path: ["hooks", event],
            beside: (self.0 == Agent::Cursor).then_some(("version", 1)),
        }
    }

    fn group(self, command: &str) -> Group<'_> {
        let is_gemini = self.0 == Agent::Gemini;
        Group {
            matcher: if is_gemini {
                "run_shell_command"
            } else {
                "Bash|Monitor|PowerShell"
            },
            hooks: [Handler {
                name: is_gemini.then_some("gate"),
                r#type: "command",
                command,
                // Gemini CLI counts in milliseconds, Claude Code in seconds.
                timeout: if is_gemini { 10_000 } else { 10 },
                on_failure: (!is_gemini).then_some("block"),
            }],
        }
    }

    /// Tells whether a command is this agent's question to gate.
    fn is_ours(self, command: &str) -> bool {
        let called = format!(" hook {}", self.0.as_str());
        let Some((program, rest)) = command.trim().split_once(&called) else {
            return false;
        };
        let name = program.trim_matches(['\'', '"']).rsplit('/').next();
        name == Some("gate") && (rest.is_empty() || rest.starts_with(' '))
    }
}

fn closed(command: &str) -> Closed<'_> {
    Closed {
        command,
        fail_closed: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gates_own_command_is_gates() {
        let form = Form(Agent::Codex);
        for ours in [
            "gate hook codex",
            "/usr/bin/gate hook codex --strict",
            "'/o p/gate' hook codex",
        ] {
            assert!(form.is_ours(ours), "{ours}");
        }
        for other in [
            "mygate hook codex",
            "gate hook codexx",
            "gate hook gemini",
            "echo gate; x hook codex",
        ] {
            assert!(!form.is_ours(other), "{other}");
        }
    }
}
