//! Whether an agent's own settings keep it from calling any hook.

use serde_json::Value;
use toml::Table;

use super::Form;
use crate::cli::hook::agent::Agent;

impl Form {
    /// Returns the setting in this text by which the agent calls no hook, or not this one; none
    /// where the text has none. Other files of the agent may have one too.
    ///
    /// Source: the agents' own references of their settings: `disableAllHooks` of Claude Code,
    /// `features.hooks` of Codex, `hooksConfig` of Gemini CLI.
    pub(in crate::cli::hook) fn switched_off(
        self,
        text: &str,
        command: &str,
    ) -> Option<&'static str> {
        match self.0 {
            Agent::ClaudeCode => {
                let settings: Value = serde_json::from_str(text).ok()?;
                let is_off = settings.get("disableAllHooks") == Some(&Value::Bool(true));
                is_off.then_some("`disableAllHooks` is true")
            }
            Agent::Gemini => {
                let settings: Value = serde_json::from_str(text).ok()?;
                let hooks = settings.get("hooksConfig")?;
                if hooks.get("enabled") == Some(&Value::Bool(false)) {
                    return Some("`hooksConfig.enabled` is false");
                }
                let disabled = hooks.get("disabled")?.as_array()?;
                let is_named = |name: &Value| name == "gate" || name == command;
                let is_off = disabled.iter().any(is_named);
                is_off.then_some("`hooksConfig.disabled` names it")
            }
            Agent::Codex => {
                let settings: Table = toml::from_str(text).ok()?;
                let is_off = settings.get("features")?.get("hooks")?.as_bool() == Some(false);
                is_off.then_some("`features.hooks` is false")
            }
            Agent::Cursor | Agent::Copilot | Agent::Opencode | Agent::Aider => None,
        }
    }
}
