//! The AWS command line: its own driver in one process, with its network cut.

mod grammar;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gate_testkit::real::{locate, run};
use serde_json::{Value, json};

pub use grammar::case;

use crate::play::Stage;
use crate::sandbox::Placed;
use crate::session::Session;
use crate::{Case, Outcome, Said, Sandbox, Seen};

const DRIVER: &str = include_str!("driver.py");
/// Stands for a server elsewhere. Nothing is sent to it: the network is cut.
const ELSEWHERE: &str = "http://elsewhere.example:8080";

/// An AWS command line with its own home.
#[derive(Debug)]
pub struct Aws {
    sandbox: Sandbox,
    driver: Session,
    /// `service operation` for each that there is.
    surface: Vec<String>,
}

impl Aws {
    /// Starts the driver.
    ///
    /// # Errors
    /// There is no AWS command line, or it does not work.
    pub fn new() -> Outcome<Self> {
        let mut sandbox = Sandbox::new()?;
        sandbox.name("b", ELSEWHERE.to_owned());
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ] {
            sandbox.give(name, value);
        }
        sandbox.canary("canary");
        sandbox.canary("session-manager-plugin");
        let canary = sandbox.path("bin/canary");
        let process = format!(
            "[profile p]\ncredential_process = {0}\n[p]\ncredential_process = {0}\n",
            canary.display()
        );
        let endpoint = format!("[profile e]\nendpoint_url = {ELSEWHERE}\n");
        sandbox.keep(
            "home/.aws/config",
            "[default]\nregion = eu-west-1\n[profile dev]\nregion = eu-west-1\n",
        );
        sandbox.keep(
            "home/.aws/credentials",
            "[dev]\naws_access_key_id = x\naws_secret_access_key = y\n",
        );
        sandbox.keep("cwd/process.conf", process);
        sandbox.keep("cwd/endpoint.conf", endpoint);
        sandbox.keep("cwd/evil/.aws/cli/alias", ALIASES);
        sandbox.keep("cwd/evil/.aws/config", "[default]\nregion = eu-west-1\n");
        sandbox.keep("cwd/kept.txt", "kept");
        let script = sandbox.started().with_file_name("driver.py");
        std::fs::write(&script, DRIVER)?;
        // The interpreter that the `aws` of the testbed runs in.
        let python = locate("aws")?.with_file_name("python");
        let mut list = Command::new(&python);
        list.arg(&script).arg("list").env_clear();
        let surface = run(&mut list, Duration::from_mins(3))?.success()?;
        Ok(Self {
            sandbox,
            driver: driver(&python, &script),
            surface: surface.lines().map(str::to_owned).collect(),
        })
    }

    /// Has the driver run a command, and returns what it saw.
    fn ask(&mut self, placed: &Placed, said: &Said) -> Outcome<Value> {
        let text = |text: &OsString| text.to_string_lossy().into_owned();
        let env = said.env.iter();
        let env: BTreeMap<String, String> =
            env.map(|(name, value)| (text(name), text(value))).collect();
        let question = json!({
            "argv": placed.case.argv, "env": env, "cwd": placed.cwd, "stdin": placed.case.stdin,
        });
        let answer = self.driver.ask_line(&question.to_string())?;
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Stage for Aws {
    /// Puts the words of an operation where its number stands.
    fn named(&self, mut case: Case) -> Case {
        for word in std::mem::take(&mut case.argv) {
            let number = word
                .strip_prefix("{op:")
                .and_then(|rest| rest.strip_suffix('}'));
            match number.and_then(|number| number.parse::<usize>().ok()) {
                Some(number) => {
                    let operation = self.surface.get(number % self.surface.len().max(1));
                    let words = operation.map_or("", String::as_str).split(' ');
                    case.argv.extend(words.map(str::to_owned));
                }
                None => case.argv.push(word),
            }
        }
        case
    }

    fn place(&mut self, case: &Case) -> Outcome<Placed> {
        self.sandbox.place(case)
    }

    fn see(&mut self, placed: &Placed, said: &Said) -> Outcome<Seen> {
        let answer = self.ask(placed, said)?;
        let mut seen = Seen {
            is_done: answer.get("code") == Some(&json!(0)),
            ..Seen::default()
        };
        // It asks until something is there, and prints nothing.
        let only_waits = placed.case.argv.iter().any(|word| word == "wait");
        for call in list(&answer, "calls") {
            let text = |index: usize| call.get(index).and_then(Value::as_str).unwrap_or_default();
            let host = text(3);
            let is_named = said
                .target
                .get("endpoint")
                .is_some_and(|named| named.contains(host))
                || said.fetched.iter().any(|fetched| fetched.contains(host));
            let is_aws = host.ends_with(".amazonaws.com") || host.ends_with(".api.aws");
            if !is_aws && !is_named {
                seen.redirects.push(format!("redirect: {host}"));
            }
            if call.get(4) != Some(&Value::Bool(true)) {
                seen.mutations
                    .push(format!("sent: {} {}", text(0), text(1)));
            }
            // What gate let pass must not print it, and `secret` never passes.
            let printed = call.get(5).and_then(Value::as_str);
            if let Some(credential) = printed.filter(|_| !only_waits) {
                seen.mutations
                    .push(format!("prints: {} {} {credential}", text(0), text(1)));
            }
        }
        // `help` formats its pages with groff and shows them in a pager: only what a case brought
        // along is one that it did not mean.
        let programs = list(&answer, "programs").map(Value::to_string);
        let own =
            programs.filter(|text| text.contains("canary") || text.contains("session-manager"));
        seen.programs = own.map(|text| format!("started: {text}")).collect();
        let (changed, _) = self.sandbox.changes()?;
        let changed = changed
            .into_iter()
            .filter(|path| !path.starts_with("home/.aws/cli"));
        seen.wrote(changed);
        Ok(seen)
    }
}

fn list<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Returns the process that the commands run in.
fn driver(python: &Path, script: &Path) -> Session {
    let mut command = Command::new(python);
    command.arg(script).env_clear();
    Session::of(command)
}

const ALIASES: &str = "[toplevel]\nwhoami = ec2 terminate-instances --instance-ids i-1\n\
    bang = !canary\nsts = !canary\npeek = s3 rm s3://b/k\n[command ec2]\nlook = terminate-instances --instance-ids i-1\n";
