//! What gate says of a command, and what it would do before it runs it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use gate_policy::{
    CommandLine, Decision, Effect, Environment, EnvironmentAction, InputKind, Invocation, Occasion,
    Policy, Stdin, read_invocation,
};

use crate::disk::Disk;
use crate::sandbox::Placed;

/// What was said of one command.
#[derive(Clone, Debug)]
pub struct Said {
    /// Its effect.
    pub effect: Effect,
    /// What the built-in baseline decides.
    pub decision: Decision,
    /// What it acts on.
    pub target: BTreeMap<String, String>,
    /// The addresses that it fetches inputs from.
    pub fetched: Vec<String>,
    /// The environment that the tool then gets.
    pub env: BTreeMap<OsString, OsString>,
    /// Why, for the report.
    pub reasons: Vec<String>,
}

impl Said {
    /// Tells whether gate lets the command pass without asking.
    pub fn is_allowed(&self) -> bool {
        self.decision == Decision::Allow
    }
}

/// Something that says what a command does.
pub type Classifier = fn(&Placed) -> Said;

/// Says what gate says, with the files as they stand on the disk.
pub fn gate(placed: &Placed) -> Said {
    let invocation = reading(placed);
    let evaluation = Policy::baseline().evaluate(
        &invocation,
        &placed.cwd,
        &Occasion::of_nobody(jiff::Timestamp::UNIX_EPOCH),
    );
    let urls = invocation.inputs.iter();
    let urls = urls.filter(|input| input.kind == InputKind::Url);
    Said {
        effect: invocation.effect,
        decision: evaluation.decision,
        fetched: urls.map(|input| input.path.display().to_string()).collect(),
        env: environment(placed, &invocation),
        target: invocation.target,
        reasons: invocation.reasons,
    }
}

/// Returns gate's reading of a command, with the files as they stand on the disk.
pub fn reading(placed: &Placed) -> Invocation {
    let argv: Vec<OsString> = placed.case.argv.iter().map(OsString::from).collect();
    let env: Environment = placed.env.iter().collect();
    let stdin = placed.case.stdin.as_deref();
    read_invocation(&CommandLine {
        argv: &argv,
        env: &env,
        cwd: &placed.cwd,
        stdin: stdin.map_or(Stdin::Content(b""), |text| Stdin::Content(text.as_bytes())),
        files: &Disk::at(&placed.cwd),
    })
}

/// Returns the environment that the tool gets from gate.
pub(crate) fn environment(
    placed: &Placed,
    invocation: &Invocation,
) -> BTreeMap<OsString, OsString> {
    let mut env = placed.env.clone();
    for note in &invocation.environment {
        match &note.action {
            EnvironmentAction::Stripped => drop(env.remove(&note.name)),
            EnvironmentAction::Set(value) => {
                env.insert(note.name.clone(), value.clone());
            }
            EnvironmentAction::Binds
            | EnvironmentAction::Merges
            | EnvironmentAction::FirstKept
            | EnvironmentAction::MakesUnknown => {}
        }
    }
    env
}

/// A classifier that is wrong: it shows that the oracle can fail.
pub fn everything_is_read(placed: &Placed) -> Said {
    Said {
        effect: Effect::Read,
        decision: Decision::Allow,
        target: BTreeMap::new(),
        fetched: Vec::new(),
        env: placed.env.clone(),
        reasons: vec!["everything is a read".to_owned()],
    }
}

/// Returns the value of a field of the target as a path, where it is one.
pub(crate) fn path_in<'s>(said: &'s Said, field: &str) -> Option<&'s Path> {
    said.target.get(field).map(Path::new)
}
