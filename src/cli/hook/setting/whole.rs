//! Hooks that are files of their own.

use serde_json::json;

use super::Mistake;

/// Returns the file of GitHub Copilot.
pub(super) fn copilot(command: &str) -> Result<String, Mistake> {
    let hook = json!({
        "version": 1,
        "hooks": {
            "preToolUse": [{
                "type": "command",
                "matcher": "bash|powershell",
                "bash": command,
                "comment": "written by gate hook install copilot",
                "timeoutSec": 10,
            }],
        },
    });
    Ok(super::json_text::pretty(&hook, "  ", "")? + "\n")
}

/// Returns the plugin of opencode. Whatever goes wrong in it refuses the command.
pub(super) fn opencode(command: &str) -> String {
    let command = json!(command);
    format!(
        r#"// {OPENCODE_MARK}; `gate hook remove opencode` takes it away.
import {{ spawnSync }} from "node:child_process"

const COMMAND = {command}

export const GateHook = async ({{ directory }}) => ({{
  "tool.execute.before": async (input, output) => {{
    if (input.tool !== "bash") return
    const question = JSON.stringify({{ tool: input.tool, cwd: directory, args: output.args }})
    const gate = spawnSync("/bin/sh", ["-c", COMMAND], {{
      input: question,
      cwd: directory,
      encoding: "utf8",
      timeout: 10000,
    }})
    if (gate.status !== 0) {{
      throw new Error("gate did not answer, so nothing was run: " + (gate.stderr || gate.error || ""))
    }}
    const answer = JSON.parse(gate.stdout)
    if (answer.decision === "deny") throw new Error(answer.reason)
  }},
}})
"#
    )
}

/// What stands in a plugin of gate's.
const OPENCODE_MARK: &str = "Written by `gate hook install opencode`";

/// Returns the command in a file that gate wrote; nothing where somebody else did.
pub(super) fn command_of_copilot(text: &str) -> Option<String> {
    let file: serde_json::Value = serde_json::from_str(text).ok()?;
    let hooks = file.get("hooks")?;
    let list = hooks.get("preToolUse")?.as_array()?;
    let is_alone = hooks.as_object()?.len() == 1 && list.len() == 1;
    let command = list.first()?.get("bash")?.as_str()?;
    is_alone.then(|| command.to_owned())
}

/// As [`command_of_copilot`], for opencode.
pub(super) fn command_of_opencode(text: &str) -> Option<String> {
    let is_ours = text.lines().next()?.contains(OPENCODE_MARK);
    let mut lines = text.lines();
    let command = lines.find_map(|line| line.strip_prefix("const COMMAND = "))?;
    is_ours.then(|| serde_json::from_str(command).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_file_is_found_again() {
        let command = "'/o \"p/gate' hook x --strict";
        let copilot = copilot(command).unwrap();
        assert_eq!(command_of_copilot(&copilot).as_deref(), Some(command));
        let opencode = opencode(command);
        assert_eq!(command_of_opencode(&opencode).as_deref(), Some(command));
        for other in ["", "{}", "// mine\nconst COMMAND = \"x\"", "{\"hooks\":{}}"] {
            assert_eq!(command_of_copilot(other), None);
            assert_eq!(command_of_opencode(other), None);
        }
    }
}
