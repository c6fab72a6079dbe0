//! What an agent is about to run, from its hook's JSON.
//!
//! `tests/hooks` has one of each form, recorded from the running agent or, where it could not be
//! run, from its documents. Fields that gate does not need are not looked at: agents add new ones.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::agent::Agent;

/// Fields of a tool's input that name the folder in which its shell starts.
const FOLDERS: [&str; 5] = [
    "workdir",
    "working_directory",
    "dir_path",
    "directory",
    "cwd",
];

/// Fields of a tool's input that hold what is run.
const COMMANDS: [&str; 2] = ["command", "cmd"];

/// A shell command that an agent is about to run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// The command as one argv, the shell first.
    pub(super) argv: Vec<OsString>,
    /// The text that the shell gets, or the words with a space between them.
    pub(super) script: String,
    /// Whether it is a text for the agent's shell, and not words that are run as they are.
    pub(super) is_script: bool,
    /// The folder that it starts in, where the agent says one.
    pub(super) cwd: Option<PathBuf>,
}

impl Call {
    /// Reads a question; nothing where it is not about a shell command.
    ///
    /// # Errors
    /// It can't be told what would be run. Then nothing may.
    pub(super) fn read(agent: Agent, question: &[u8]) -> Result<Option<Self>, &'static str> {
        let Ok(Value::Object(question)) = serde_json::from_slice(question) else {
            return Err("the hook's input is not a JSON object");
        };
        let event = question.get("hook_event_name");
        if let Some(event) = event {
            let event = event
                .as_str()
                .ok_or("`hook_event_name` in the hook's input is not text")?;
            if !agent.events().is_empty() && !agent.events().contains(&event) {
                return Ok(None);
            }
        }
        let cwd = folder(&question, "cwd").or_else(|| first_root(&question));
        if agent == Agent::Cursor && event.is_some_and(|event| event == "beforeShellExecution") {
            return Self::of_command(question.get("command"), cwd).map(Some);
        }
        let tool = text_of(&question, &["tool_name", "toolName", "tool"])
            .ok_or("the hook's input does not say which tool is called")?;
        if !agent.shells().contains(&tool) {
            return Ok(None);
        }
        if tool.eq_ignore_ascii_case("powershell") {
            return Err("gate reads no PowerShell");
        }
        let input = tool_input(&question)?;
        // A model may add a field that its agent does not look at: what runs is the other one.
        let inside = one(FOLDERS.iter().filter_map(|name| folder(&input, name)))
            .ok_or("the hook's input names more than one folder")?;
        let cwd = match (cwd, inside) {
            (Some(cwd), Some(inside)) => Some(cwd.join(inside)),
            (cwd, inside) => inside.or(cwd),
        };
        let command = one(COMMANDS.iter().filter_map(|name| input.get(*name)))
            .ok_or("the hook's input holds more than one command")?;
        Self::of_command(command, cwd).map(Some)
    }

    fn of_command(command: Option<&Value>, cwd: Option<PathBuf>) -> Result<Self, &'static str> {
        let (argv, script, is_script) = match command {
            Some(Value::String(text)) => {
                let argv = vec!["bash".into(), "-c".into(), OsString::from(text)];
                (argv, text.clone(), true)
            }
            Some(Value::Array(words)) if !words.is_empty() => {
                let words = words.iter().map(Value::as_str);
                let words = words
                    .collect::<Option<Vec<_>>>()
                    .ok_or("`command` in the hook's input holds what is no text")?;
                let argv = words.iter().map(OsString::from).collect();
                (argv, words.join(" "), false)
            }
            Some(_) => return Err("`command` in the hook's input is neither text nor words"),
            None => return Err("the hook's input has no `command`"),
        };
        if script.contains('\0') {
            return Err("the command holds a NUL byte");
        }
        // A folder that is not absolute says nothing.
        let cwd = cwd.filter(|cwd| cwd.is_absolute());
        Ok(Self {
            argv,
            script,
            is_script,
            cwd,
        })
    }
}

/// Returns what the tool is called with: an object, or its JSON as text.
fn tool_input(question: &Map<String, Value>) -> Result<Map<String, Value>, &'static str> {
    let names = ["tool_input", "toolArgs", "args"];
    let input = names.iter().find_map(|name| question.get(*name));
    let parsed = match input {
        Some(Value::String(text)) => serde_json::from_str(text).ok(),
        input => input.cloned(),
    };
    match parsed {
        Some(Value::Object(input)) => Ok(input),
        _ => Err("the hook's input does not say what the tool is called with"),
    }
}

/// Returns what all of them are; none where they differ.
#[expect(
    clippy::option_option,
    reason = "nothing said and different things said are two answers"
)]
fn one<T: PartialEq>(mut said: impl Iterator<Item = T>) -> Option<Option<T>> {
    let first = said.next();
    said.all(|other| Some(&other) == first.as_ref())
        .then_some(first)
}

fn text_of<'q>(question: &'q Map<String, Value>, names: &[&str]) -> Option<&'q str> {
    names
        .iter()
        .find_map(|name| question.get(*name))
        .and_then(Value::as_str)
}

fn folder(question: &Map<String, Value>, name: &str) -> Option<PathBuf> {
    let text = question.get(name)?.as_str()?;
    (!text.is_empty()).then(|| Path::new(text).to_owned())
}

fn first_root(question: &Map<String, Value>) -> Option<PathBuf> {
    let roots = question.get("workspace_roots")?.as_array()?;
    roots.first()?.as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(agent: Agent, question: &str) -> Result<Option<Call>, &'static str> {
        Call::read(agent, question.as_bytes())
    }

    #[test]
    fn what_does_not_say_what_would_be_run_is_an_error() {
        for question in [
            "",
            "[]",
            "{",
            "{}",
            r#"{"tool_name":1}"#,
            r#"{"tool_name":"Bash"}"#,
            r#"{"tool_name":"Bash","tool_input":"ls"}"#,
            r#"{"tool_name":"Bash","tool_input":{}}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":7}}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":["ls",7]}}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":[]}}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":"ls\u0000"}}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":"ls \ud800"}}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":"ls","cmd":"rm x"}}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":"ls","workdir":"/a","cwd":"/b"}}"#,
            r#"{"tool_name":"PowerShell","tool_input":{"command":"ls"}}"#,
            r#"{"hook_event_name":7,"tool_name":"Bash","tool_input":{"command":"ls"}}"#,
        ] {
            assert!(read(Agent::ClaudeCode, question).is_err(), "{question}");
        }
        let no_command = r#"{"hook_event_name":"beforeShellExecution","cwd":"/"}"#;
        assert!(read(Agent::Cursor, no_command).is_err());
    }

    #[test]
    fn other_tools_and_other_events_are_not_gates_matter() {
        for question in [
            r#"{"hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{}}"#,
            r#"{"hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"ls"}}"#,
            r#"{"tool_name":"mcp__shell__Bash","tool_input":{"command":"ls"}}"#,
        ] {
            assert_eq!(read(Agent::ClaudeCode, question), Ok(None), "{question}");
        }
    }

    #[test]
    fn the_folder_of_the_tool_counts_from_that_of_the_session() {
        let question = r#"{"tool_name":"run_shell_command","cwd":"/w","tool_input":{"command":"ls","dir_path":"sub"}}"#;
        let call = read(Agent::Gemini, question).unwrap().unwrap();
        assert_eq!(call.cwd.as_deref(), Some(Path::new("/w/sub")));
        assert_eq!(call.argv, ["bash", "-c", "ls"]);
        let relative = r#"{"tool_name":"bash","cwd":"w","args":{"command":"ls"}}"#;
        let call = read(Agent::Opencode, relative).unwrap().unwrap();
        assert_eq!(call.cwd, None);
    }
}
