//! bash and dash, with stubs for the tools that a script starts: each writes
//! down its words, its folder, its environment and the script that it reads.
//!
//! A stub that was started must be a command inside the reading with the same
//! words, the same folder, the same target and all effects that these words
//! alone have, or the whole is `unknown`. A file that changed needs an effect
//! that says so.

mod grammar;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use gate_policy::{
    CommandLine, Effect, EffectSet, Environment, EnvironmentAction, InnerCommand, Invocation,
    Place, Stdin, read_invocation,
};
use gate_testkit::real::run_group;

pub use grammar::{case, every_shape, ordinary};

use crate::classifier::environment;
use crate::disk::Disk;
use crate::sandbox::Placed;
use crate::{Case, Outcome, Sandbox};

/// The tools that scripts start.
const TOOLS: &[&str] = &["kubectl", "terraform", "psql", "aws"];
/// How long a script may take. What it did until then counts.
const WITHIN: Duration = Duration::from_secs(4);
/// The effects that a changed file has, one of them.
const CHANGES: [Effect; 6] = [
    Effect::Local,
    Effect::Write,
    Effect::Destroy,
    Effect::Access,
    Effect::Execute,
    Effect::Unknown,
];

/// Something that reads a script.
pub type Reader = fn(&Placed) -> Invocation;

/// A reader that is wrong: it shows that the oracle can fail.
pub fn nothing_is_started(placed: &Placed) -> Invocation {
    read_invocation(&CommandLine {
        argv: &["true".into()],
        env: &Environment::default(),
        cwd: &placed.cwd,
        stdin: Stdin::Absent,
        files: &Disk::at(&placed.cwd),
    })
}

/// A stub that was started.
#[derive(Debug)]
pub struct Started {
    argv: Vec<OsString>,
    cwd: PathBuf,
    env: BTreeMap<OsString, OsString>,
    stdin: Option<Vec<u8>>,
}

/// What came of one script.
#[derive(Debug, Default)]
pub struct Judged {
    /// What happened that gate did not say.
    pub missed: Vec<String>,
    /// Whether gate called it unknown.
    pub is_unknown: bool,
    /// How many stubs were started.
    pub started: usize,
    /// Whether files changed.
    pub changed: bool,
    /// Why gate said what it said.
    pub reasons: Vec<String>,
}

/// The shells with their stubs.
#[derive(Debug)]
pub struct Shell {
    sandbox: Sandbox,
    /// bash under the name `sh`.
    other_sh: PathBuf,
    number: usize,
    _folder: tempfile::TempDir,
}

impl Shell {
    /// Makes the stubs.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn new() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let other_sh = folder.path().join("sh");
        symlink("/bin/bash", &other_sh)?;
        let mut sandbox = Sandbox::new()?;
        for (path, text) in [
            ("f.yaml", "kind: ConfigMap\n"),
            ("g.yaml", "kind: ConfigMap\n"),
            ("k.yaml", "{}"),
            ("q.sql", "drop table t;\n"),
            ("read.sql", "select 1;\n"),
            ("s.sed", "w out\n"),
            ("words", "delete ns p\n"),
            ("names", "p\nq\n"),
            ("nothing", ""),
            ("delete", ""),
            (".hidden", ""),
            ("script.sh", "#!/bin/sh\nkubectl get pods\n"),
            ("args.sh", "kubectl \"$@\"\n"),
            ("run.sh", "#!/bin/bash\nkubectl get pods\n"),
            (
                "lib.sh",
                "kubectl get nodes\nk() { kubectl delete ns p; }\n",
            ),
            ("sub/script.sh", "#!/bin/sh\nkubectl delete ns p\n"),
            ("sub/q.sql", "truncate t;\n"),
            ("sub/f.yaml", "kind: Secret\n"),
            ("sub/deep/f.yaml", "kind: Secret\n"),
            ("deep/f.yaml", "kind: ConfigMap\n"),
        ] {
            sandbox.keep(&format!("cwd/{path}"), text);
            if matches!(path, "f.yaml" | "q.sql" | "script.sh") {
                sandbox.keep(&format!("home/{path}"), text);
            }
        }
        Ok(Self {
            sandbox,
            other_sh,
            number: 0,
            _folder: folder,
        })
    }

    /// Runs a script and holds what was seen against what a reader says of it.
    ///
    /// # Errors
    /// The sandbox or a shell is broken.
    pub fn judge(&mut self, case: &Case, reader: Reader) -> Outcome<Judged> {
        self.number += 1;
        // What an earlier script left running must not write here.
        let log = self
            .sandbox
            .started()
            .with_file_name(self.number.to_string());
        fs::create_dir_all(&log)?;
        for tool in TOOLS {
            let stub = include_str!("stub.sh").replace("{log}", &log.display().to_string());
            self.sandbox.keep(&format!("bin/{tool}"), stub);
        }
        let placed = self.sandbox.place(case)?;
        symlink("sub/deep", placed.cwd.join("link"))?;
        let said = reader(&placed);
        self.run(&placed, &said)?;
        let (mut changed, _) = self.sandbox.changes()?;
        changed.retain(|path| path != "cwd/link");
        let mut judged = Judged {
            is_unknown: said.effects.contains(Effect::Unknown),
            changed: !changed.is_empty(),
            reasons: said.reasons.clone(),
            ..Judged::default()
        };
        for started in started(&log)? {
            judged.started += 1;
            judged.missed.extend(held(&started, &said));
        }
        let says_so = CHANGES
            .into_iter()
            .any(|effect| said.effects.contains(effect));
        if !says_so && let Some(path) = changed.first() {
            judged.missed.push(format!("wrote {path}"));
        }
        fs::remove_dir_all(&log)?;
        Ok(judged)
    }

    fn run(&self, placed: &Placed, said: &Invocation) -> Outcome<()> {
        let name = placed.case.argv.first().map_or("", String::as_str);
        // `sh` is one shell here and another one elsewhere.
        let program = match name {
            "sh" if placed.case.argv.iter().map(String::len).sum::<usize>() % 2 == 0 => {
                self.other_sh.as_path()
            }
            _ => Path::new(name),
        };
        let given = self.sandbox.path("given");
        fs::write(&given, placed.case.stdin.as_deref().unwrap_or_default())?;
        let input = fs::File::open(&given)?;
        fs::remove_file(&given)?;
        let mut command = Command::new(program);
        command
            .args(placed.case.argv.iter().skip(1))
            .env_clear()
            .envs(environment(placed, said))
            .current_dir(&placed.cwd)
            .stdin(input)
            .stderr(Stdio::null());
        run_group(&mut command, WITHIN)?;
        Ok(())
    }
}

/// Reads what the stubs wrote down.
fn started(log: &Path) -> Outcome<Vec<Started>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(log)? {
        let path = entry?.path();
        if path.extension().is_none_or(|kind| kind != "argv") {
            continue;
        }
        let words = |bytes: Vec<u8>| -> Vec<OsString> {
            let words = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
            let words = words.split(|byte| *byte == 0);
            words
                .map(|word| OsString::from_vec(word.to_vec()))
                .collect()
        };
        let mut argv = words(fs::read(&path)?);
        if argv.len() < 2 {
            continue;
        }
        let cwd = PathBuf::from(argv.remove(0));
        let env = words(fs::read(path.with_extension("env")).unwrap_or_default());
        let env = env.iter().filter_map(|pair| {
            let (name, value) = pair.to_str()?.split_once('=')?;
            // `stdbuf` loads its own library.
            let is_stdbuf = name == "LD_PRELOAD" && value.ends_with("/libstdbuf.so");
            (!is_stdbuf).then(|| (OsString::from(name), OsString::from(value)))
        });
        all.push(Started {
            argv,
            cwd,
            env: env.collect(),
            stdin: fs::read(path.with_extension("stdin")).ok(),
        });
    }
    Ok(all)
}

/// Holds a stub that was started against a reading; returns what is wrong.
fn held(started: &Started, said: &Invocation) -> Option<String> {
    if said.effects.contains(Effect::Unknown) {
        return None;
    }
    let env: Environment = started.env.iter().collect();
    let alone = read_invocation(&CommandLine {
        argv: &started.argv,
        env: &env,
        cwd: &started.cwd,
        stdin: started
            .stdin
            .as_deref()
            .map_or(Stdin::Absent, Stdin::Content),
        files: &Disk::at(&started.cwd),
    });
    let words: Vec<String> = started
        .argv
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let mut inside = Vec::new();
    gather(said, &mut inside);
    let same: Vec<&InnerCommand> = inside
        .into_iter()
        .filter(|inner| is_same(&inner.argv, &words))
        .collect();
    let shown = words.join(" ");
    if same.is_empty() {
        return Some(format!("started, and not seen: {shown}"));
    }
    let is_loose = |note: &&gate_policy::EnvironmentNote| match &note.action {
        EnvironmentAction::Set(value) => started.env.get(&note.name) != Some(value),
        EnvironmentAction::Stripped | EnvironmentAction::FirstKept => true,
        EnvironmentAction::Binds | EnvironmentAction::Merges | EnvironmentAction::MakesUnknown => {
            false
        }
    };
    if let Some(note) = alone.environment.iter().find(is_loose) {
        let name = note.name.to_string_lossy();
        return Some(format!("{name} reached {shown}"));
    }
    let wrong: Vec<String> = same
        .iter()
        .filter_map(|inner| difference(inner, &alone, started))
        .collect();
    (wrong.len() == same.len()).then(|| format!("{shown}: {}", wrong.join("; or ")))
}

/// Tells how a command inside is milder than, or other than, what was started.
fn difference(inner: &InnerCommand, alone: &Invocation, started: &Started) -> Option<String> {
    let read = &inner.invocation;
    let missing: EffectSet = alone
        .effects
        .iter()
        .filter(|effect| *effect != Effect::Read && !read.effects.contains(*effect))
        .fold(EffectSet::default(), |set, effect| {
            set.union(EffectSet::of(effect))
        });
    let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if inner.place == Place::Elsewhere {
        None
    } else if !missing.is_empty() {
        let missing: Vec<&str> = missing.iter().map(Effect::as_str).collect();
        Some(format!("it is {} too", missing.join(", ")))
    } else if canonical(&inner.cwd) != canonical(&started.cwd) {
        let (here, there) = (inner.cwd.display(), started.cwd.display());
        Some(format!("it is started in {there}, not in {here}"))
    } else if read.target != alone.target {
        Some(format!(
            "its target is {:?}, not {:?}",
            alone.target, read.target
        ))
    } else {
        None
    }
}

/// Gathers every command inside.
fn gather<'i>(read: &'i Invocation, found: &mut Vec<&'i InnerCommand>) {
    for inner in read.inner() {
        found.push(inner);
        gather(&inner.invocation, found);
    }
}

fn is_same(inner: &[String], words: &[String]) -> bool {
    let name = |word: &String| word.rsplit('/').next().map(str::to_owned);
    inner.first().and_then(name) == words.first().cloned() && inner.get(1..) == words.get(1..)
}
