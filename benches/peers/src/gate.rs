//! gate itself, as `gate check --jsonl`: the questions as text in, the answers as text out.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::UsageWho;
use serde_json::Value;

use crate::spent;

pub struct Gate {
    pub program: PathBuf,
    pub folder: PathBuf,
}

impl Gate {
    fn check(&self, rules: &str, questions: &str) -> Command {
        std::fs::write(self.folder.join("rules.toml"), rules).unwrap();
        let mut input = File::create(self.folder.join("questions.jsonl")).unwrap();
        input.write_all(questions.as_bytes()).unwrap();
        self.again(Path::new("questions.jsonl"))
    }

    fn again(&self, questions: &Path) -> Command {
        let mut command = Command::new(&self.program);
        let rules = self.folder.join("rules.toml");
        command.args(["check", "--jsonl", "--rules"]).arg(rules);
        command.stdin(File::open(self.folder.join(questions)).unwrap());
        command
    }

    /// Returns the answers to questions.
    pub fn answers(&self, rules: &str, questions: &[Value]) -> Vec<Value> {
        let output = self.check(rules, &lines(questions)).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        let answers = said.lines().map(|line| serde_json::from_str(line).unwrap());
        answers.collect()
    }

    /// Returns the time of one answer, and that of the start with the reading of
    /// the rules: the median of some runs with all questions and with none.
    pub fn time(&self, rules: &str, questions: &[Value]) -> (Duration, Duration) {
        drop(self.check(rules, &lines(questions)));
        File::create(self.folder.join("none.jsonl")).unwrap();
        let run = |questions: &str| {
            let mut command = self.again(Path::new(questions));
            let before = spent(UsageWho::RUSAGE_CHILDREN);
            let status = command.stdout(Stdio::null()).status().unwrap();
            assert!(status.success());
            spent(UsageWho::RUSAGE_CHILDREN) - before
        };
        let (mut start, mut full) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            start.push(run("none.jsonl"));
            full.push(run("questions.jsonl"));
        }
        start.sort();
        full.sort();
        let count = u32::try_from(questions.len()).unwrap();
        (full[2].saturating_sub(start[2]) / count, start[2])
    }
}

fn lines(questions: &[Value]) -> String {
    questions.iter().map(|one| format!("{one}\n")).collect()
}
