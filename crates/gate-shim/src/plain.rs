//! The path of a plain command: what is allowed at once, and what is left to the full gate.

use std::ffi::{CString, OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gate_exec::resolve::{PASSED_VARIABLE, version_manager};
use gate_exec::{
    Exclusions, StandardInput, Start, Tool, ToolKind, resolve, since_epoch, standard_input,
    working_directory,
};
use gate_policy::{
    CommandLine, Decision, Environment, EnvironmentAction, EnvironmentNote, Evaluation, Input,
    InputKind, Invocation, Layer, Placement, Recording, SecretPlace, Stdin, handed_on,
    read_invocation,
};

use crate::files::ReadOnce;
use crate::in_force::InForce;
use crate::journal::{self, Added, Entry};
use crate::place;

/// Becomes the tool where the command is plainly allowed. Returns where it is not, and nothing was
/// done then that anybody could see.
pub(crate) fn run(start: &Start) {
    let stdin = standard_input();
    let Some(command) = Command::of(start) else {
        return;
    };
    if let Some(allowed) = command.allowed(stdin) {
        let notes = &allowed.notes;
        let changed = notes.iter().any(changes).then(|| {
            let entries = handed_on(start.environment(), notes);
            let entries = entries.into_iter().map(CString::new);
            entries.collect::<Result<Vec<CString>, _>>()
        });
        // Where it returns, the full gate says why the tool can't be run, and records that.
        if let Ok(changed) = changed.transpose() {
            drop(start.become_tool(&allowed.tool, changed.as_deref()));
        }
        if let Some(record) = allowed.record {
            // Where that fails too, the log has an allowed command more than there was.
            drop(record.take_back());
        }
    }
}

/// A command that may run.
struct Allowed {
    tool: Tool,
    /// What of the tool's environment is not the caller's.
    notes: Vec<EnvironmentNote>,
    /// Its entry in the journal, where the rules want one.
    record: Option<Added>,
}

/// Tells whether the tool's environment is another than the caller's.
fn changes(note: &EnvironmentNote) -> bool {
    match &note.action {
        EnvironmentAction::Binds | EnvironmentAction::Merges | EnvironmentAction::MakesUnknown => {
            false
        }
        EnvironmentAction::Stripped | EnvironmentAction::FirstKept | EnvironmentAction::Set(_) => {
            true
        }
    }
}

/// A command line and what surrounds it.
struct Command {
    argv: Vec<OsString>,
    env: Environment,
    cwd: PathBuf,
    /// What the kernel was told to start.
    shim: &'static Path,
}

impl Command {
    /// Returns the command; none where its surroundings are not plain: the working directory was
    /// deleted, a variable stands twice and programs disagree on which one counts, or a version
    /// manager led back here.
    fn of(start: &Start) -> Option<Self> {
        let mut count = 0;
        let variables = start.environment().filter_map(split);
        let env: Environment = variables.inspect(|_| count += 1).collect();
        let is_led_back = env.get(PASSED_VARIABLE).is_some();
        (env.iter().count() == count && !is_led_back).then_some(())?;
        Some(Self {
            argv: start.argv(),
            env,
            cwd: working_directory()?,
            shim: start.file()?,
        })
    }

    /// Decides, and records the decision as the rules want it.
    fn allowed(&self, stdin: StandardInput) -> Option<Allowed> {
        let state = place::state(&self.env)?;
        // Where there is no clock, whatever ends by one has ended.
        let seconds = || since_epoch().map_or(u64::MAX, |now| now.as_secs());
        let in_force = InForce::find(&self.env, &self.cwd, seconds).ok()?;
        let compiled = in_force.policy();
        let tool = self.tool()?;
        let files = ReadOnce::new(&self.cwd);
        let argv = self.named();
        let invocation = read_invocation(&CommandLine {
            argv: &argv,
            env: &self.env,
            cwd: &self.cwd,
            stdin: match stdin {
                StandardInput::Closed => Stdin::Absent,
                StandardInput::Terminal => Stdin::Terminal,
                StandardInput::Other => Stdin::Unread,
            },
            files: &files,
        });
        if !is_plain(&invocation, &files) || (in_force.has_profiles() && !is_built_in(&invocation))
        {
            return None;
        }
        let evaluation = compiled.evaluate(&invocation, &self.cwd).ok()?;
        let spool = place::spool(&state);
        // A caller's own policy names the folder among what it was made of.
        let is_allowed = evaluation.decision == Decision::Allow
            && evaluation.obligations.environment.is_empty()
            && (!in_force.is_machines() || place::is_callers_own(&spool));
        is_allowed.then_some(())?;
        Some(Allowed {
            record: self.record(&invocation, &evaluation, &spool).ok()?,
            tool,
            notes: invocation.environment,
        })
    }

    /// Returns the command as it is read: by whatever path the shim was called, the tool is found by
    /// its name.
    fn named(&self) -> Vec<OsString> {
        let mut argv = self.argv.clone();
        if let Some(typed) = argv.first_mut()
            && let Some(name) = Path::new(typed).file_name().map(ToOwned::to_owned)
        {
            *typed = name;
        }
        argv
    }

    /// Finds the real tool; none where the full gate has to say why there is none.
    fn tool(&self) -> Option<Tool> {
        let name = Path::new(self.argv.first()?).file_name()?;
        let exclusions = Exclusions::of_program_at(self.shim)
            .ok()?
            .from_behind_shim();
        let tool = resolve(name, self.env.get("PATH"), &exclusions).ok()?;
        // A file in no known format runs by a shell, and a version manager may lead back here.
        let is_plain = tool.kind != ToolKind::Other && version_manager(&tool.path).is_none();
        is_plain.then_some(tool)
    }

    /// Tells whether an entry of the journal could hold a secret: there is one in the words, or a
    /// word repeats a variable that is one, as each of those is that a tool may hand to whatever it
    /// starts.
    fn may_show_secret(&self, invocation: &Invocation) -> bool {
        let holds = |text: &OsStr, value: &OsStr| {
            let mut windows = text.as_bytes().windows(value.len().max(1));
            windows.any(|window| window == value.as_bytes())
        };
        invocation.secrets.iter().any(|secret| match &secret.place {
            SecretPlace::Env(name) => self.env.get(name).is_some_and(|value| {
                let words = self.argv.iter().map(OsString::as_os_str);
                let mut texts = words.chain([self.cwd.as_os_str()]);
                texts.any(|text| holds(text, value))
            }),
            SecretPlace::Argv(_) => true,
        })
    }

    /// Records the decision where the rules want that. What a rule of somebody's allows is on the
    /// disk before the tool starts.
    fn record(
        &self,
        invocation: &Invocation,
        evaluation: &Evaluation,
        spool: &Path,
    ) -> io::Result<Option<Added>> {
        match evaluation.obligations.record {
            Recording::None => return Ok(None),
            Recording::Outcome => return Err(ErrorKind::Unsupported.into()),
            Recording::Decision if self.may_show_secret(invocation) => {
                return Err(ErrorKind::Unsupported.into());
            }
            Recording::Decision => {}
        }
        let entry = Entry {
            at_ns: since_epoch()
                .and_then(|now| u64::try_from(now.as_nanos()).ok())
                .ok_or(ErrorKind::Unsupported)?,
            pid: std::process::id(),
            tool: evaluation.tool.to_string(),
            command: evaluation.command.iter().map(ToString::to_string).collect(),
            effect: evaluation.effect.as_str().to_owned(),
            rule: evaluation.deciding.id.clone(),
            cwd: self.cwd.clone().into_os_string(),
            argv: self.argv.clone(),
        };
        let is_durable = evaluation.deciding.layer != Layer::Baseline;
        journal::append(&place::journal(spool), &entry, is_durable).map(Some)
    }
}

/// Tells whether the tool can be given its words and files as they are: none is rewritten to a copy,
/// and nothing of standard input decides.
fn is_plain(invocation: &Invocation, files: &ReadOnce<'_>) -> bool {
    let mut inputs = invocation.inputs.iter();
    let is_rewritten = |input: &Input| {
        let is_stdin = input.kind == InputKind::Stdin;
        let decides = is_stdin && input.placement == Placement::Anywhere;
        let is_named = input.argv_index.is_some() || matches!(&*input.role, "script" | "stdin");
        decides || (is_named && files.has_read(&input.path))
    };
    !files.has_failed() && !inputs.any(is_rewritten)
}

/// Tells whether nothing of a command can be the matter of a profile that is not built in.
fn is_built_in(invocation: &Invocation) -> bool {
    invocation.known && invocation.nested.is_empty()
}

fn split(entry: &'static [u8]) -> Option<(&'static OsStr, &'static OsStr)> {
    let at = entry.iter().position(|byte| *byte == b'=')?;
    let (name, value) = entry.split_at_checked(at)?;
    Some((OsStr::from_bytes(name), OsStr::from_bytes(value.get(1..)?)))
}
