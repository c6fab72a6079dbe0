//! A home, and the hook as an agent starts it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use gate_testkit::home::Home;
use serde_json::{Value, json};

pub(crate) const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// A home with gate on its PATH.
pub(crate) struct Stage {
    pub(crate) home: Home,
}

/// Returns a question of an agent as tests/hooks has it.
pub(crate) fn question(agent: &str, form: &str) -> Value {
    serde_json::from_str(&recorded(agent, form)).unwrap()
}

/// The same, with the very bytes.
pub(crate) fn recorded(agent: &str, form: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/hooks")
        .join(agent)
        .join(form)
        .with_extension("json");
    std::fs::read_to_string(path).unwrap()
}

impl Stage {
    pub(crate) fn new() -> Self {
        let home = Home::new().unwrap();
        home.link("gate", Path::new(GATE)).unwrap();
        Self { home }
    }

    /// Writes the user's rules.
    pub(crate) fn rules(&self, text: &str) {
        self.home
            .write(".config/gate/rules.d/mine.toml", text)
            .unwrap();
    }

    /// Returns what the hook does with `input`, called with these words.
    pub(crate) fn hook(&self, words: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .home
            .command(GATE)
            .arg("hook")
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A hook that refuses early does not read to the end.
        drop(child.stdin.take().unwrap().write_all(input));
        child.wait_with_output().unwrap()
    }

    /// Returns the answer to a question: one line of JSON, and the code 0.
    #[track_caller]
    pub(crate) fn answers(&self, words: &[&str], input: &[u8]) -> Value {
        let output = self.hook(words, input);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let lines: Vec<_> = output
            .stdout
            .trim_ascii_end()
            .split(|b| *b == b'\n')
            .collect();
        assert_eq!(lines.len(), 1, "{output:?}");
        serde_json::from_slice(lines[0]).unwrap()
    }

    #[track_caller]
    pub(crate) fn asks(&self, agent: &str, question: &Value) -> Value {
        self.answers(&[agent], question.to_string().as_bytes())
    }

    /// Returns why Claude Code may not run a command, if it may not.
    #[track_caller]
    pub(crate) fn says_no(&self, command: &str) -> Option<String> {
        self.says_no_with(&[], command)
    }

    /// The same with options.
    #[track_caller]
    pub(crate) fn says_no_with(&self, options: &[&str], command: &str) -> Option<String> {
        let mut question = question("claude-code", "Bash");
        question["tool_input"]["command"] = json!(command);
        question["cwd"] = json!(self.home.work());
        let words = [&["claude-code"], options].concat();
        let answer = self.answers(&words, question.to_string().as_bytes());
        if answer == json!({}) {
            return None;
        }
        let reason = &answer["hookSpecificOutput"]["permissionDecisionReason"];
        Some(reason.as_str().unwrap().to_owned())
    }

    /// Returns what waits to be told to the server.
    pub(crate) fn spooled(&self) -> String {
        let path = self.home.state().join("gate/spool/events.jsonl");
        std::fs::read_to_string(path).unwrap_or_default()
    }
}
