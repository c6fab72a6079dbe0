//! The scenario, played with real commands: every step says what it shows, and
//! the first that does not hold ends it.

use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use gate_protocol::review::Answer;

use super::ground::wait_within;
use super::place::{Place, cannot};
use super::scenario::{self, Scenario};
use super::serving::Serving;
use crate::exit_code::DENIED;
use crate::failure::{Failure, FailureKind};
use crate::report;

/// How long one command may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Plays the scenario.
pub(super) fn play(place: &Place, serving: &Serving) -> Result<(), Failure> {
    let mut scenario = scenario::prepare(place)?;
    let tool = scenario.tool;
    report::line(&format!(
        "playing one scenario with {tool}; the server is {}",
        serving.url()
    ));
    Play { place, serving }.all(&mut scenario)?;
    report::line("every step held");
    report::line("to try it yourself, run `gate demo` in a terminal");
    Ok(())
}

struct Play<'a> {
    place: &'a Place,
    serving: &'a Serving,
}

impl Play<'_> {
    fn all(&self, scenario: &mut Scenario) -> Result<(), Failure> {
        self.read_passes(scenario)?;
        self.denied_is_not_run(scenario)?;
        self.approved_runs(scenario)?;
        self.own_exit_code(scenario)?;
        self.log_verifies()?;
        self.tampering_is_caught()
    }

    fn read_passes(&self, scenario: &Scenario) -> Result<(), Failure> {
        let begun = Instant::now();
        let output = finish(self.start(scenario, &scenario.read, "")?)?;
        let took = begun.elapsed().as_millis();
        step(
            output.status.code() == Some(0) && !output.stdout.is_empty(),
            &format!(
                "a read passes at once ({took} ms): {}",
                scenario.read.join(" ")
            ),
            &output,
        )
    }

    fn denied_is_not_run(&self, scenario: &mut Scenario) -> Result<(), Failure> {
        let before = state(scenario)?;
        let change = scenario.change.clone();
        let output = self.answered(scenario, &change, Answer::Deny, "the first try")?;
        let held = output.status.code() == Some(i32::from(DENIED)) && state(scenario)? == before;
        step(
            held,
            &format!(
                "denied by bob, so nothing ran, and exit code 77: {}",
                change.join(" ")
            ),
            &output,
        )
    }

    fn approved_runs(&self, scenario: &mut Scenario) -> Result<(), Failure> {
        let before = state(scenario)?;
        let change = scenario.change.clone();
        let output = self.answered(scenario, &change, Answer::Approve, "the second try")?;
        let held = output.status.code() == Some(0) && state(scenario)? != before;
        step(
            held,
            &format!("approved by bob, so it ran, once: {}", change.join(" ")),
            &output,
        )
    }

    fn own_exit_code(&self, scenario: &mut Scenario) -> Result<(), Failure> {
        let failing = scenario.failing.clone();
        let output = self.answered(scenario, &failing, Answer::Approve, "it will fail")?;
        let expected = scenario.failing_code;
        step(
            output.status.code() == Some(expected),
            &format!(
                "approved and failing, with its own exit code {expected}: {}",
                failing.join(" ")
            ),
            &output,
        )
    }

    fn log_verifies(&self) -> Result<(), Failure> {
        let mut verify = self.place.gate(self.serving.auditor());
        let output = finish(started(verify.args(["audit", "verify", "--live"]))?)?;
        step(
            output.status.success(),
            "the audit log verifies: gate audit verify --live",
            &output,
        )
    }

    fn tampering_is_caught(&self) -> Result<(), Failure> {
        let copy = self.place.path("copy");
        let mut export = self.place.gate(self.serving.auditor());
        let output = finish(started(
            export.args(["audit", "export", "--out"]).arg(&copy),
        )?)?;
        step(
            output.status.success(),
            "a copy of the log is exported: gate audit export",
            &output,
        )?;
        let output = self.verify(&copy)?;
        step(
            output.status.success(),
            "the copy verifies, without the server",
            &output,
        )?;
        let records = copy.join("records.jsonl");
        let text =
            std::fs::read_to_string(&records).map_err(|error| cannot("read the copy", error))?;
        // The denial becomes an approval: the change that a culprit would make.
        let forged = text.replacen("\"deny\"", "\"approve\"", 1);
        let is_forged = forged != text;
        std::fs::write(&records, forged).map_err(|error| cannot("write the copy", error))?;
        let output = self.verify(&copy)?;
        step(
            is_forged && output.status.code() == Some(1),
            "a denial rewritten into an approval is caught in the copy",
            &output,
        )
    }

    fn verify(&self, copy: &Path) -> Result<Output, Failure> {
        let mut verify = self.place.gate(self.serving.auditor());
        verify
            .args(["audit", "verify"])
            .arg(copy.join("records.jsonl"))
            .arg("--checkpoint")
            .arg(copy.join("checkpoint"))
            .args(["--key", self.serving.log_key()]);
        finish(started(&mut verify)?)
    }

    /// Runs a wrapped command for that reason, and answers as bob what it asks. A
    /// denial stands for a while: on the demo's server another reason lifts it.
    fn answered(
        &self,
        scenario: &Scenario,
        words: &[String],
        answer: Answer,
        reason: &str,
    ) -> Result<Output, Failure> {
        let mut child = self.start(scenario, words, reason)?;
        let mut is_over = || !matches!(child.try_wait(), Ok(None));
        let answered = self
            .serving
            .answer_next(answer, "said by the demo", &mut is_over);
        let output = finish(child)?;
        match answered {
            Ok(_) => Ok(output),
            Err(failure) => {
                step(false, &failure.to_string(), &output)?;
                Err(failure)
            }
        }
    }

    fn start(&self, scenario: &Scenario, words: &[String], reason: &str) -> Result<Child, Failure> {
        let mut command = self.place.tool(scenario.tool, self.serving.agent());
        command
            .args(words.iter().skip(1))
            .current_dir(&scenario.folder)
            .envs(scenario.env.iter().map(|(name, value)| (name, value)))
            .env("GATE_REASON", reason);
        started(&mut command)
    }
}

fn started(command: &mut Command) -> Result<Child, Failure> {
    command
        .spawn()
        .map_err(|error| cannot("start a command", error))
}

/// Waits for the end, and returns what was printed. It is read afterwards: what
/// these commands print fits a pipe.
fn finish(mut child: Child) -> Result<Output, Failure> {
    let waited =
        wait_within(&mut child, PATIENCE).and_then(|ended| Ok((ended, child.wait_with_output()?)));
    match waited.map_err(|error| cannot("wait for a command", error))? {
        (Some(_), output) => Ok(output),
        // It was killed; the demo has failed, and leaves nothing behind.
        (None, output) => {
            let what = format!("a command ends within {} s", PATIENCE.as_secs());
            Err(broken(&what, &output))
        }
    }
}

fn state(scenario: &mut Scenario) -> Result<Vec<u8>, Failure> {
    let output = scenario.state.output();
    output
        .map(|output| output.stdout)
        .map_err(|error| cannot("look at what happened", error))
}

/// Says that a step held, or ends the demo with what the command printed.
fn step(held: bool, what: &str, output: &Output) -> Result<(), Failure> {
    if held {
        report::line(&format!("  ok  {what}"));
        return Ok(());
    }
    Err(broken(what, output))
}

fn broken(what: &str, output: &Output) -> Failure {
    let printed = [output.stdout.as_slice(), &output.stderr].concat();
    Failure::new(
        FailureKind::Internal,
        format!("this step did not hold: {what} ({})", output.status),
    )
    .hint(String::from_utf8_lossy(&printed).into_owned())
}
