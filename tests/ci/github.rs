//! The action for GitHub, run as a runner runs a composite action: its own files for variables,
//! PATH and summary, each step a shell of its own, and what a step left holds for those behind it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use gate_protocol::request::ApprovalRequest;

use crate::agent::{Ended, shown};
use crate::documents::{example, yaml};
use crate::machine::{Machine, RUNNER_KEY, answer_as_bob, answered, assert_code, requests};
use crate::server::{Live, Ran, run};

pub(crate) type Inputs<'a> = BTreeMap<&'a str, String>;

/// One job of GitHub Actions.
pub(crate) struct Job<'a> {
    pub(crate) machine: &'a Machine<'a>,
    variables: BTreeMap<String, String>,
    /// The folders that steps have put first on PATH.
    pub(crate) path: Vec<PathBuf>,
}

impl<'a> Job<'a> {
    /// Begins the job with what GitHub says to one of a pull request.
    pub(crate) fn begin(machine: &'a Machine<'a>, attempt: u32) -> Self {
        let attempt = attempt.to_string();
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/infra"),
            ("GITHUB_RUN_ID", "4711"),
            ("GITHUB_RUN_ATTEMPT", &attempt),
            ("GITHUB_WORKFLOW", "deploy"),
            ("GITHUB_JOB", "apply"),
            ("GITHUB_SHA", "c0ffee"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_REF_NAME", "7/merge"),
            ("GITHUB_HEAD_REF", "fix/$(id)"),
            ("GITHUB_TRIGGERING_ACTOR", &format!("ada-{attempt}")),
            ("RUNNER_NAME", &format!("GitHub Actions {attempt}")),
        ];
        let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut job = Self {
            machine,
            variables: owned.into(),
            path: Vec::new(),
        };
        let temp = machine.home.path().join("work/_temp");
        fs::create_dir_all(&temp).unwrap();
        job.set("RUNNER_TEMP", temp.to_str().unwrap());
        job.set("GITHUB_WORKSPACE", machine.home.work().to_str().unwrap());
        job
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.machine.home.path().join("work/_temp").join(name)
    }

    /// Returns a step with a script, its files new and empty.
    pub(crate) fn step(&self, script: &str, env: &BTreeMap<String, String>) -> Command {
        let mut variables = self.variables.clone();
        variables.extend(env.clone());
        for (variable, name) in [
            ("GITHUB_ENV", "set_env"),
            ("GITHUB_PATH", "add_path"),
            ("GITHUB_STEP_SUMMARY", "step_summary"),
            ("GITHUB_OUTPUT", "set_output"),
        ] {
            fs::write(self.file(name), "").unwrap();
            let path = self.file(name).to_str().unwrap().to_owned();
            variables.insert(variable.to_owned(), path);
        }
        let file = self.file("script.sh");
        fs::write(&file, script).unwrap();
        let mut command = self.machine.command("bash", &variables, &self.path);
        // Source: "Workflow syntax for GitHub Actions", `shell: bash`.
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(file);
        command
    }

    /// Takes what the step has left for those behind it.
    fn take_over(&mut self) {
        for line in fs::read_to_string(self.file("set_env")).unwrap().lines() {
            let (name, value) = line.split_once('=').unwrap();
            assert!(!name.contains("<<"), "{line}");
            self.set(name, value);
        }
        for line in fs::read_to_string(self.file("add_path")).unwrap().lines() {
            self.path.insert(0, PathBuf::from(line));
        }
    }

    pub(crate) fn summary(&self) -> String {
        fs::read_to_string(self.file("step_summary")).unwrap()
    }

    /// Runs the action, and returns how its step ended.
    pub(crate) fn action(&mut self, inputs: &Inputs<'_>) -> Ran {
        let action = yaml(&example("github-action/action.yml"));
        for name in inputs.keys() {
            assert!(action["inputs"].get(name).is_some(), "{name}");
        }
        let [step] = action["runs"]["steps"].as_array().unwrap().as_slice() else {
            panic!("{action}");
        };
        let folder = example("github-action");
        let value = |expression: &str| {
            let expression = expression.strip_prefix("${{ ").unwrap();
            let expression = expression.strip_suffix(" }}").unwrap();
            if expression == "github.action_path" {
                return folder.to_str().unwrap().to_owned();
            }
            let name = expression.strip_prefix("inputs.").unwrap();
            let default = &action["inputs"][name]["default"];
            let default = default.as_str().unwrap_or_default().to_owned();
            inputs.get(name).cloned().unwrap_or(default)
        };
        let env = step["env"].as_object().unwrap().iter();
        let env = env.map(|(name, text)| (name.clone(), value(text.as_str().unwrap())));
        let env = env.collect();
        let ran = run(&mut self.step(step["run"].as_str().unwrap(), &env));
        self.take_over();
        ran
    }

    /// Runs a step that nobody has to answer.
    pub(crate) fn runs(&self, script: &str) -> Ran {
        run(&mut self.step(script, &BTreeMap::new()))
    }

    /// Runs a step in which bob answers.
    #[track_caller]
    pub(crate) fn answered(&self, script: &str, answer: &str) -> Ended {
        let mut step = self.step(script, &BTreeMap::new());
        answered(self.machine.live, &mut step, answer)
    }
}

/// The inputs of the example, with the token of the test's workload.
pub(crate) fn inputs(live: &Live) -> Inputs<'static> {
    BTreeMap::from([
        ("server", live.said("/url").to_owned()),
        ("server-key", live.said("/server/grant_key").to_owned()),
        ("token", live.said("/tokens/agent").to_owned()),
        ("runner-key", RUNNER_KEY.to_owned()),
        ("tools", "deploy\n terraform".to_owned()),
        ("reason", "release of `7/merge` & $(id)".to_owned()),
    ])
}

#[track_caller]
fn only_request(live: &Live) -> ApprovalRequest {
    let ids = requests(live);
    let [id] = ids.as_slice() else {
        panic!("{ids:?}");
    };
    shown(live, id)
}

/// Returns text as a summary has it: each mark by its number.
fn by_numbers(text: &str) -> String {
    let written = |c: char| match c {
        c if c.is_alphanumeric() => c.to_string(),
        c => format!("&#{};", u32::from(c)),
    };
    text.chars().map(written).collect()
}

#[test]
fn an_approved_step_runs_and_the_summary_says_who_and_how_it_ended() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let mut job = Job::begin(&machine, 1);
    assert_code(&job.action(&inputs(&live)), 0);
    let ended = job.answered("deploy web", "approve");
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert_eq!(ended.stdout, "deployed\n", "nothing of ours");
    assert_eq!(machine.trace(), "ran web\n");
    let request = only_request(&live);
    assert_eq!(
        request.reason.as_deref(),
        Some("release of `7/merge` & $(id)")
    );
    let ci = request.circumstances.ci.unwrap();
    let change = ci.pull_request.unwrap();
    assert_eq!(
        change.url.as_deref(),
        Some("https://github.com/acme/infra/pull/7")
    );
    assert_eq!(ci.branch.as_deref(), Some("fix/$(id)"));
    let summary = job.summary();
    for told in [
        "gate: approved by bob",
        "<code>deploy web</code>",
        "group&#58;approvers",
        &format!("<a href=\"{}\">", by_numbers(&request.url)),
        "it ran and ended with exit code 5",
    ] {
        assert!(summary.contains(told), "{told}: {summary}");
    }
}

#[test]
fn a_denied_step_fails_with_77_an_error_and_a_summary() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let mut job = Job::begin(&machine, 1);
    assert_code(&job.action(&inputs(&live)), 0);
    let ended = job.answered("deploy web\necho never", "deny");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(77), ""));
    assert_eq!(machine.trace(), "");
    let error = ended
        .stderr
        .lines()
        .find(|line| line.starts_with("::error"));
    let told =
        "::error title=gate%3A denied::denied by bob: \"not on a Friday\"%0Anothing was run.";
    assert!(error.unwrap().starts_with(told), "{ended:?}");
    let summary = job.summary();
    for told in [
        "denied by bob",
        "not on a Friday",
        "<code>deploy web</code>",
    ] {
        assert!(summary.contains(told), "{told}: {summary}");
    }
}

/// What the example's flow promises: no runner burns hours, and nobody is asked twice.
#[test]
fn a_step_that_does_not_wait_goes_on_when_the_job_is_run_again() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let mut inputs = inputs(&live);
    inputs.insert("no-wait", "true".to_owned());
    let mut first = Job::begin(&machine, 1);
    assert_code(&first.action(&inputs), 0);
    let asked = first.runs("deploy web");
    assert_code(&asked, 75);
    let request = only_request(&live);
    let warning = "::warning title=gate%3A no answer yet::nobody has answered yet: request ";
    let told = asked.stderr.lines().find(|line| line.starts_with(warning));
    assert!(told.unwrap().contains(&request.url), "{asked:?}");
    assert!(first.summary().contains("nobody has answered yet"));
    // Nobody has answered: the same again asks nobody.
    assert_code(&first.runs("deploy web"), 75);
    answer_as_bob(&live, &request.id.to_string(), "approve");

    machine.is_new_again();
    let mut second = Job::begin(&machine, 2);
    assert_code(&second.action(&inputs), 0);
    let ran = second.runs("deploy web");
    assert_code(&ran, 5);
    assert_eq!(machine.trace(), "ran web\n");
    assert_eq!(only_request(&live).status.as_str(), "finished");
    assert!(second.summary().contains("approved by bob"));

    // An approval is for one run.
    assert_code(&second.runs("deploy web"), 75);
    assert_eq!(requests(&live).len(), 2);
}

/// Why the action takes a key: the answer is for who asked.
#[test]
fn a_new_machine_without_the_runners_key_asks_again() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let mut inputs = inputs(&live);
    inputs.insert("no-wait", "true".to_owned());
    inputs.remove("runner-key");
    for attempt in 1..=2 {
        let mut job = Job::begin(&machine, attempt);
        assert_code(&job.action(&inputs), 0);
        assert_code(&job.runs("deploy web"), 75);
        machine.is_new_again();
    }
    assert_eq!(requests(&live).len(), 2);
}

/// The example's own commands, with the real terraform, to which every variable counts.
#[test]
fn terraform_applies_in_the_second_run_what_was_asked_in_the_first() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let terraform = gate_testkit::real::locate("terraform").unwrap();
    machine.home.link("terraform", &terraform).unwrap();
    let mut inputs = inputs(&live);
    inputs.insert("no-wait", "true".to_owned());
    let apply = "terraform -chdir=infra apply -input=false -auto-approve -no-color";
    let begin = |attempt| {
        machine.is_new_again();
        let resource = "resource \"terraform_data\" \"a\" { input = 1 }\n";
        machine.home.write("work/infra/main.tf", resource).unwrap();
        let mut job = Job::begin(&machine, attempt);
        assert_code(&job.action(&inputs), 0);
        assert_code(&job.runs("terraform -chdir=infra init -input=false"), 0);
        job
    };
    assert_code(&begin(1).runs(apply), 75);
    let request = only_request(&live);
    assert_eq!(request.invocation.tool.name, "terraform");
    answer_as_bob(&live, &request.id.to_string(), "approve");
    let ran = begin(2).runs(apply);
    assert_code(&ran, 0);
    assert!(ran.stdout.contains("Resources: 1 added"), "{ran:?}");
    assert_eq!(only_request(&live).status.as_str(), "finished");
}
