//! The whole corpus of command lines through the shim, held against the rules as they are written:
//! it runs none that they would ask about, and most of what they allow.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use gate_policy::{
    CommandLine, Decision, Environment, Evaluation, FileError, FileKind, Files, Layer, Occasion,
    Policy, PolicyBuilder, Stdin, read_invocation,
};
use toml::{Table, Value};

use super::{LEFT, RAN, Stage};

/// Rules beside the baseline: what they allow, ask about and deny is all in the corpus.
const RULES: &str = r#"
[[rule]]
id = "allow-writes"
tool = ["kubectl", "git", "docker", "npm"]
effect = ["read", "local", "write"]
decision = "allow"

[[rule]]
id = "ask-of-production"
tool = "kubectl"
target = { namespace = "prod*" }
decision = "require_approval"

[[rule]]
id = "no-plan"
tool = ["terraform", "tofu"]
command = "plan"
decision = "deny"

[[rule]]
id = "no-force"
tool = "git"
flags = { force = true }
decision = "deny"

[[rule]]
id = "of-agents"
tool = "aws"
command = "s3"
caller = { kind = "agent" }
decision = "deny"
"#;

#[test]
fn no_command_of_the_corpus_runs_that_the_rules_as_written_do_not_allow() {
    let cases = cases();
    assert!(cases.len() > 4_000, "{}", cases.len());
    for rules in ["", RULES] {
        let mut builder = PolicyBuilder::new();
        builder.layer(Layer::Machine, "rules.toml", rules).unwrap();
        let whole = builder.build();
        let (mut ran, mut allowed) = (0_usize, 0_usize);
        let stage = Stage::with_rules(rules);
        let is_about = |case: &&Table| {
            let tool = case["argv"]
                .get(0)
                .and_then(Value::as_str)
                .unwrap_or_default();
            rules.is_empty() || (!tool.is_empty() && rules.contains(&format!("\"{tool}\"")))
        };
        for case in cases
            .iter()
            .filter(is_about)
            .filter_map(|case| Staged::of(&stage, case))
        {
            let expected = case.evaluated(&whole);
            let is_allowed = expected.decision == Decision::Allow;
            let has_run = case.runs(&stage);
            assert!(is_allowed || !has_run, "{case:?}: {expected:?}");
            allowed += usize::from(is_allowed);
            ran += usize::from(has_run);
            if has_run {
                case.assert_recorded(&stage, &expected);
            }
        }
        assert!(ran * 2 > allowed, "{ran} of {allowed} that are allowed ran");
    }
}

fn cases() -> Vec<Table> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gate-policy/tests/corpus");
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "toml") {
            let corpus: Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            let found = corpus["case"].as_array().unwrap();
            cases.extend(found.iter().map(|case| case.as_table().unwrap().clone()));
        }
    }
    cases
}

/// A case with its files in the folders of a stage.
#[derive(Debug)]
struct Staged {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    cwd: PathBuf,
    stdin: Option<String>,
}

impl Staged {
    /// Puts a case on the stage; none where its files can't be there, or its tool is no name.
    fn of(stage: &Stage, case: &Table) -> Option<Self> {
        let words = |value: &Value| value.as_str().unwrap().to_owned();
        let table = |name: &str| -> BTreeMap<String, String> {
            let found = case
                .get(name)
                .and_then(Value::as_table)
                .into_iter()
                .flatten();
            found
                .map(|(name, value)| (name.clone(), words(value)))
                .collect()
        };
        let home = stage.path("home").to_str().unwrap().to_owned();
        let srv = stage.path("srv").to_str().unwrap().to_owned();
        let mut env = table("env");
        let theirs = env.insert("HOME".to_owned(), home.clone());
        let here = |text: &str| {
            let text = text.replace("/srv", &srv);
            match &theirs {
                Some(theirs) if theirs.len() > 1 => text.replace(theirs, &home),
                Some(_) | None => text,
            }
        };
        let argv: Vec<String> = case["argv"].as_array().unwrap().iter().map(words).collect();
        let tool = argv
            .first()
            .filter(|tool| !tool.is_empty() && !tool.contains('/'))?;
        clear(stage);
        let cwd = stage.path("srv/app");
        for (name, content) in table("files") {
            let path = cwd.join(here(&name));
            path.starts_with(stage.folder.path()).then_some(())?;
            fs::create_dir_all(path.parent()?).ok()?;
            fs::write(path, here(&content)).ok()?;
        }
        // Only what stands on the stage may be found.
        stage.tool(tool);
        env.insert("PATH".to_owned(), stage.search())
            .is_none()
            .then_some(())?;
        Some(Self {
            argv: argv.iter().map(|word| here(word)).collect(),
            env: env
                .iter()
                .map(|(name, value)| (name.clone(), here(value)))
                .collect(),
            cwd,
            stdin: case.get("stdin").map(words),
        })
    }

    /// Returns what the rules as they are written say of it.
    fn evaluated(&self, policy: &Policy) -> Evaluation {
        let argv: Vec<OsString> = self.argv.iter().map(OsString::from).collect();
        let env: Environment = self.env.iter().collect();
        let invocation = read_invocation(&CommandLine {
            argv: &argv,
            env: &env,
            cwd: &self.cwd,
            stdin: match &self.stdin {
                Some(text) => Stdin::Content(text.as_bytes()),
                None => Stdin::Unread,
            },
            files: &Disk(&self.cwd),
        });
        policy.evaluate(
            &invocation,
            &self.cwd,
            &Occasion::of_nobody(jiff::Timestamp::UNIX_EPOCH),
        )
    }

    /// Tells whether the shim runs it; it leaves it to gate otherwise.
    fn runs(&self, stage: &Stage) -> bool {
        fs::write(stage.journal(), "").unwrap();
        let line: Vec<&str> = self.argv.iter().map(String::as_str).collect();
        let mut command = stage.command(&line);
        command.env_clear().envs(&self.env).current_dir(&self.cwd);
        if let Some(text) = &self.stdin {
            let path = stage.path("stdin");
            fs::write(&path, text).unwrap();
            command.stdin(Stdio::from(File::open(path).unwrap()));
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.starts_with(RAN) || said.starts_with(LEFT),
            "{self:?}: {output:?}"
        );
        said.starts_with(RAN)
    }

    fn assert_recorded(&self, stage: &Stage, expected: &Evaluation) {
        let [entry] = stage.entries().try_into().unwrap();
        assert_eq!(entry.rule, expected.deciding.id, "{self:?}");
        assert_eq!(entry.effect, expected.effect.as_str(), "{self:?}");
        assert_eq!(entry.tool, *expected.tool, "{self:?}");
    }
}

/// Takes the files of the case before off the stage.
fn clear(stage: &Stage) {
    let cwd = stage.path("srv/app");
    drop(fs::remove_dir_all(stage.path("srv")));
    fs::create_dir_all(cwd).unwrap();
    for entry in fs::read_dir(stage.path("home")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with(".local") {
            fs::remove_dir_all(path).unwrap();
        } else if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
}

/// The files as they are.
struct Disk<'c>(&'c Path);

impl Files for Disk<'_> {
    fn read(&self, path: &Path) -> Result<Cow<'_, [u8]>, FileError> {
        let path = self.0.join(path);
        match fs::read(&path) {
            Ok(content) => Ok(Cow::Owned(content)),
            Err(_) if !path.exists() => Err(FileError::Absent),
            Err(error) => Err(FileError::Unreadable(error.to_string())),
        }
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        let found = self.0.join(path).metadata().ok()?;
        Some(if found.is_file() {
            FileKind::File
        } else if found.is_dir() {
            FileKind::Directory
        } else {
            FileKind::Special
        })
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        self.0.join(path).canonicalize().ok()
    }
}
