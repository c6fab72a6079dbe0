//! A file of cases: what a command is, and what shall be decided about it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use gate_policy::{
    Caller, CallerKind, CommandLine, Decision, Effect, Environment, MapFiles, Occasion, Policy,
    Profiles, Stdin,
};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Deserialize;
use toml::Spanned;

use super::words;
use crate::config::mistake::Faulty;
use crate::failure::Failure;

/// The words of a field that has several at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    case: Vec<Spanned<Fields>>,
}

/// One case as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    name: Spanned<String>,
    #[serde(default)]
    argv: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    line: Option<Spanned<String>>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    cwd: Option<Spanned<String>>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default)]
    caller: CallerFields,
    #[serde(default)]
    time: Option<Spanned<String>>,
    #[serde(default = "nothing_expected")]
    expect: Spanned<Expected>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CallerFields {
    kind: CallerKind,
    name: String,
    host: String,
    ci: bool,
    terminal: bool,
}

impl Default for CallerFields {
    fn default() -> Self {
        Self {
            kind: CallerKind::User,
            name: String::new(),
            host: String::new(),
            ci: false,
            terminal: false,
        }
    }
}

/// What shall be decided; what is not named may be anything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    decision: Option<Decision>,
    effect: Option<Spanned<String>>,
    rule: Option<String>,
    tool: Option<String>,
    command: Option<String>,
    #[serde(default)]
    target: BTreeMap<String, String>,
    reason: Option<String>,
}

/// What stands for an expectation that is not written: it has no place.
fn nothing_expected() -> Spanned<Expected> {
    Spanned::new(0..0, Expected::default())
}

/// One case, ready to be tried.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    /// The file and line that it stands in.
    pub(super) place: String,
    argv: Vec<OsString>,
    fields: Fields,
    now: Timestamp,
}

/// One thing that is not as it shall be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Difference {
    pub(super) field: String,
    pub(super) expected: String,
    pub(super) found: String,
}

/// Reads all cases of a file.
///
/// # Errors
/// A mistake in the file, with its line, its field and what to write instead.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<Case>, Failure> {
    let faulty = Faulty {
        path,
        text,
        hint: "mend the file of cases; none of it was tried",
    };
    let file: File = toml::from_str(text).map_err(|error| faulty.form(&error))?;
    if file.case.is_empty() {
        return Err(faulty.value(0, "case", "there is none; write `[[case]]`"));
    }
    let cases = file.case.into_iter();
    let cases = cases.map(|case| Case::read(path, case, &faulty));
    let cases = cases.collect::<Result<Vec<Case>, Failure>>()?;
    for (at, case) in cases.iter().enumerate() {
        let before = cases.get(..at).unwrap_or_default();
        if let Some(other) = before.iter().find(|other| other.name == case.name) {
            let why = format!("the case at {} has this name too", other.place);
            return Err(faulty.value(case.fields.name.span().start, "case.name", &why));
        }
    }
    Ok(cases)
}

impl Case {
    fn read(path: &Path, case: Spanned<Fields>, faulty: &Faulty<'_>) -> Result<Self, Failure> {
        let start = case.span().start;
        let fields = case.into_inner();
        let argv = match (&fields.argv, &fields.line) {
            (Some(argv), None) if !argv.get_ref().is_empty() => argv.get_ref().clone(),
            (Some(argv), None) => {
                let why = "it is empty; give the tool's name first";
                return Err(faulty.value(argv.span().start, "case.argv", why));
            }
            (None, Some(line)) => words::split(line.get_ref())
                .map_err(|why| faulty.value(line.span().start, "case.line", &why))?,
            (Some(_), Some(line)) => {
                let why = "it stands beside `argv`; leave one of them out";
                return Err(faulty.value(line.span().start, "case.line", why));
            }
            (None, None) => {
                let why = "it is missing; write the command as it is typed, or argv";
                return Err(faulty.value(start, "case.line", why));
            }
        };
        if let Some(cwd) = &fields.cwd
            && !cwd.get_ref().starts_with('/')
        {
            let why = "it is not absolute; begin it with `/`";
            return Err(faulty.value(cwd.span().start, "case.cwd", why));
        }
        let now = match &fields.time {
            None => Timestamp::now(),
            Some(time) => time.get_ref().parse().map_err(|_| {
                let why = "it is no moment; write it as \"2026-01-05T10:00:00Z\"";
                faulty.value(time.span().start, "case.time", why)
            })?,
        };
        if fields.expect.span().is_empty() {
            let why = "it is missing; write expect = { decision = \"…\" }";
            return Err(faulty.value(start, "case.expect", why));
        }
        demand_expectation(&fields.expect, faulty)?;
        let (line, _) = gate_policy::position(faulty.text, start);
        Ok(Self {
            name: fields.name.get_ref().clone(),
            place: format!("{}:{line}", path.display()),
            argv: argv.into_iter().map(OsString::from).collect(),
            fields,
            now,
        })
    }

    /// Tries the case, and returns all that is not as it shall be.
    pub(super) fn differences(&self, profiles: &Profiles, policy: &Policy) -> Vec<Difference> {
        let fields = &self.fields;
        let cwd = Path::new(fields.cwd.as_ref().map_or("/", |cwd| cwd.get_ref()));
        let files = fields.files.iter();
        let files = MapFiles::new(
            cwd,
            files.map(|(name, content)| (name.clone(), content.clone().into_bytes())),
        );
        let env: Environment = fields.env.clone().into_iter().collect();
        let stdin = fields.stdin.as_deref();
        let invocation = profiles.read_invocation(&CommandLine {
            argv: &self.argv,
            env: &env,
            cwd,
            stdin: stdin.map_or(Stdin::Absent, |text| Stdin::Content(text.as_bytes())),
            files: &files,
        });
        let evaluation = policy.evaluate(&invocation, cwd, &self.occasion());
        let expected = fields.expect.get_ref();
        let mut differences = Differences::default();
        let decision = expected.decision.map(Decision::as_str);
        differences.text("decision", decision, evaluation.decision.as_str());
        let effect = expected
            .effect
            .as_ref()
            .map(|effect| effect.get_ref().as_str());
        differences.text("effect", effect, evaluation.effect.as_str());
        differences.text("rule", expected.rule.as_deref(), &evaluation.deciding.id);
        differences.text("tool", expected.tool.as_deref(), &evaluation.tool);
        let command = evaluation.command.join(" ");
        differences.text("command", expected.command.as_deref(), &command);
        for (field, wanted) in &expected.target {
            let found = invocation
                .target
                .get(field)
                .map_or("not named", String::as_str);
            differences.text(&format!("target.{field}"), Some(wanted), found);
        }
        if let Some(wanted) = &expected.reason
            && !evaluation
                .reasons
                .iter()
                .any(|reason| reason.contains(wanted))
        {
            differences.text("reason", Some(wanted), &evaluation.reasons.join("; "));
        }
        differences.0
    }

    fn occasion(&self) -> Occasion {
        let caller = &self.fields.caller;
        Occasion {
            caller: Caller {
                kind: caller.kind,
                name: caller.name.clone(),
                host: caller.host.clone(),
                ci: caller.ci,
                terminal: caller.terminal,
            },
            now: self.now,
            // A test says the same on every machine.
            local_offset: |_| Offset::UTC,
        }
    }
}

#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn text(&mut self, field: &str, expected: Option<&str>, found: &str) {
        if let Some(expected) = expected
            && expected != found
        {
            self.0.push(Difference {
                field: field.to_owned(),
                expected: expected.to_owned(),
                found: found.to_owned(),
            });
        }
    }
}

/// A case that expects nothing can't fail.
fn demand_expectation(expect: &Spanned<Expected>, faulty: &Faulty<'_>) -> Result<(), Failure> {
    let expected = expect.get_ref();
    let has_one = expected.decision.is_some()
        || expected.effect.is_some()
        || expected.rule.is_some()
        || expected.tool.is_some()
        || expected.command.is_some()
        || expected.reason.is_some()
        || !expected.target.is_empty();
    if !has_one {
        let why = "it is empty; write at least decision = \"…\"";
        return Err(faulty.value(expect.span().start, "case.expect", why));
    }
    if let Some(effect) = &expected.effect
        && !Effect::ALL
            .iter()
            .any(|known| known.as_str() == effect.get_ref())
    {
        let known: Vec<&str> = Effect::ALL.iter().map(|known| known.as_str()).collect();
        let why = format!("it is no effect; write one of {}", known.join(", "));
        return Err(faulty.value(effect.span().start, "case.expect.effect", &why));
    }
    Ok(())
}
