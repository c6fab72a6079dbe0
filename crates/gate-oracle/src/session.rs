//! A process of our own that stays open and is asked again and again, because a start for
//! each question would cost more than all the rest.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Outcome;

/// Stands behind an answer of many lines: whoever asks has it said.
pub(crate) const END: &str = "end-of-this-answer";

/// A command that reads questions and answers each; it is started at the first question, and
/// anew after it ended.
#[derive(Debug)]
pub(crate) struct Session {
    command: Command,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Session {
    /// Returns a session that nobody has asked yet.
    pub(crate) fn of(mut command: Command) -> Self {
        command
            .env("TMPDIR", std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Self {
            command,
            process: None,
        }
    }

    /// Tells whether the next question goes to the process that had the last one.
    pub(crate) fn is_open(&self) -> bool {
        self.process.is_some()
    }

    /// Ends the process.
    pub(crate) fn close(&mut self) {
        self.process = None;
    }

    /// Asks, and returns all that is said before [`END`]. What fails ends the process, and so
    /// the answer.
    pub(crate) fn ask(&mut self, question: &str) -> Outcome<String> {
        self.with_process(|process| {
            writeln!(process.questions, "{question}")?;
            let mut answer = String::new();
            loop {
                let line = process.line()?;
                if line.is_empty() {
                    return Err(format!("no end of the answer: {answer}").into());
                }
                if line.trim_end() == END {
                    return Ok(answer);
                }
                answer.push_str(&line);
            }
        })
    }

    /// Asks what has a single line for its answer.
    pub(crate) fn ask_line(&mut self, question: &str) -> Outcome<String> {
        self.with_process(|process| {
            writeln!(process.questions, "{question}")?;
            let line = process.line()?;
            if line.is_empty() {
                return Err(format!("no answer to: {question}").into());
            }
            Ok(line)
        })
    }

    fn with_process(
        &mut self,
        ask: impl FnOnce(&mut Process) -> Outcome<String>,
    ) -> Outcome<String> {
        // It is not put back where it broke.
        let mut process = match self.process.take() {
            Some(process) => process,
            None => Process::start(&mut self.command)?,
        };
        let answer = ask(&mut process)?;
        self.process = Some(process);
        Ok(answer)
    }
}

impl Process {
    fn start(command: &mut Command) -> Outcome<Self> {
        let mut child = command.spawn()?;
        let questions = child.stdin.take().ok_or("no pipe")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        Ok(Self {
            child,
            questions,
            answers,
        })
    }

    /// Returns the next line; an empty one where there is none any more.
    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only where the process has ended, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_answers_from_one_process_and_from_a_new_one_after_it_ended() {
        let mut shell = Command::new("/bin/sh");
        shell.stderr(Stdio::null());
        let mut session = Session::of(shell);
        assert!(!session.is_open());
        let mut ask = |text: &str| session.ask(&format!("{text}\necho {END}"));
        assert_eq!(ask("x=1; echo a; echo \"b$x\"").unwrap(), "a\nb1\n");
        assert_eq!(ask("echo \"b$x\"").unwrap(), "b1\n");
        let error = ask("echo last; exit").unwrap_err();
        assert_eq!(error.to_string(), "no end of the answer: last\n");
        assert_eq!(ask("echo \"b$x\"").unwrap(), "b\n");
        assert_eq!(session.ask_line("echo one").unwrap(), "one\n");
        assert!(session.is_open());
        assert!(session.ask_line("exit").is_err());
        assert!(!session.is_open());
    }
}
