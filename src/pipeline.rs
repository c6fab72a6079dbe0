//! The path of a command, from argv to its end, as one function.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

use gate_exec::{Cancel, Exclusions, InitialState, Tool};
use gate_policy::{
    Caller, CallerKind, Decision, EnvironmentAction, EnvironmentNote, Evaluation, Recording,
};
#[cfg(feature = "mcp")]
use gate_policy::{InputKind, Stdin};
use gate_protocol::inert::inert;
use gate_protocol::masked::MaskedText;
use gate_protocol::request::Circumstances;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::approval::{self, Asking, Patience};
use crate::audit::OutcomeRecorder;
use crate::binding;
use crate::exit_code::Ending;
use crate::failure::{Failure, FailureKind};
use crate::identity::{CommitmentKey, Identity};
use crate::mask::Masker;
use crate::permit::Permit;
use crate::progress::Voice;
use crate::reading::{self, Reading};
use crate::session::{self, Session};
use crate::traced::{self, Traced};
use crate::world::World;
use crate::{audit, circumstances, progress, reason, report, server_rules};

/// How long a command that asks nobody waits for newer rules.
const AGING: Duration = Duration::from_secs(2);
/// The zone of this machine.
const LOCAL_TIME: &str = "/etc/localtime";

/// One command to run, as the user asked for it.
pub(crate) struct Run {
    /// What to look for on PATH: the name of the tool, or a path to it.
    pub(crate) name: OsString,
    /// Where on PATH to begin.
    pub(crate) search: Search,
    /// The command, `argv[0]` as it was typed.
    pub(crate) argv: Vec<OsString>,
    /// Why, if it was said.
    pub(crate) reason: Option<String>,
    /// Whether the break-glass people are asked in place of the rules' own.
    pub(crate) break_glass: bool,
    /// Whether to wait for an answer.
    pub(crate) patience: Patience,
    /// Who is told of the wait.
    pub(crate) voice: Voice,
}

impl Run {
    /// Returns the command as it is read. By whatever path a shim was called, the tool is found by
    /// its name, so the path of the shim says nothing of it.
    fn named(&self) -> Cow<'_, [OsString]> {
        match self.search {
            Search::AtTheStart => Cow::Borrowed(&self.argv),
            Search::BehindTheShim => {
                let name = std::iter::once(self.name.clone());
                Cow::Owned(name.chain(self.argv.iter().skip(1).cloned()).collect())
            }
        }
    }
}

/// Where on PATH the search for the tool begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// With its first folder.
    AtTheStart,
    /// Behind the shim that was found there.
    BehindTheShim,
}

/// Runs one command: at once where the rules allow it, after a person's yes
/// where they ask for one, not at all where they deny it.
///
/// # Errors
/// Nothing was run, and [`Failure`] says why; or a tool was, and the system does
/// not say how it ended. It returns only when the tool was supervised and has
/// ended; an allowed tool takes this process's place, unless a rule wants to
/// know how it ends.
pub(crate) fn run(world: &World, run: Run) -> Result<Ending, Failure> {
    let tool = real_tool(world, &run.name, run.search)?;
    let mut reading = reading::read(world, &run.named())?;
    let env = |name: &str| world.env(name);
    let around = circumstances::of_caller(&env);
    let (evaluation, line) = current_evaluation(world, &mut reading, &around, &run)?;
    let set = &evaluation.obligations.environment;
    let told = || Ok(assigned(set) + &shown(world, &run.argv, &reading)?);
    match evaluation.decision {
        Decision::Allow if evaluation.obligations.record == Recording::Outcome => {
            let cancel = watch_for_signals()?;
            let mut recorder =
                OutcomeRecorder::decided(world, &evaluation, run.voice, told()?, &cancel)?;
            let ran = binding::prepare(world, &run.argv, tool, &mut reading)
                .and_then(|prepared| Permit::for_allowed(&evaluation, prepared))
                .and_then(|permit| permit.supervise(&cancel, &mut || None));
            recorder.ended(&ran);
            ran.map(|outcome| Ending::from(outcome.reason))
        }
        Decision::Allow => {
            let recorder = audit::decided(world, &evaluation, run.voice, told)?;
            let ran = binding::prepare(world, &run.argv, tool, &mut reading)
                .and_then(|prepared| Permit::for_allowed(&evaluation, prepared))
                .and_then(|permit| Err(permit.replace()));
            // Where it is there to be told, nothing was run.
            if let Some(mut recorder) = recorder {
                recorder.ended(&ran);
            }
            ran.map(|outcome| Ending::from(outcome.reason))
        }
        Decision::Deny => {
            audit::decided(world, &evaluation, run.voice, told)?;
            let failure = denied(&evaluation);
            progress::tell_denial(&env, &told()?, &failure);
            Err(failure)
        }
        Decision::RequireApproval => {
            reading.seal_stdin(run.voice)?;
            let cancel = watch_for_signals()?;
            tell_words_of_rules(&evaluation, run.voice);
            let identity = Identity::load(&world.layout)?;
            let known = secret_values(world, &run.argv, &reading);
            let bound = binding::bind(world, &run.argv, tool, reading, &identity)?;
            let (session, left, traced) = line.session(world, run.voice)?;
            let asking = asking(world, run, around, (&evaluation, left), &known)?;
            traced::around(traced, &session, || {
                let approved =
                    approval::obtain((world, &session), &bound, &identity, asking, &cancel)?;
                let (grant, mut recorder) = (approved.grant, approved.recorder);
                let ran =
                    Permit::for_granted(&grant, approved.received, bound).and_then(|permit| {
                        permit.supervise(&cancel, &mut || recorder.meanwhile(&session))
                    });
                recorder.ended(&ran);
                progress::tell_end(&env, grant.grant().request, &ran);
                recorder.deliver(world, &session);
                // The tool's own ending: by its code, or by its signal.
                ran.map(|outcome| Ending::from(outcome.reason))
            })
        }
    }
}

/// Returns what people are asked about a command, with the reason that its requester has for it.
fn asking<'e>(
    world: &World,
    run: Run,
    around: Circumstances,
    (evaluation, left): (&'e Evaluation, Option<Duration>),
    known: &[String],
) -> Result<Asking<'e>, Failure> {
    let required = evaluation.obligations.reason_required || run.break_glass;
    let env = |name: &str| world.env(name);
    Ok(Asking {
        reason: reason::obtain(run.reason, required, run.voice, &env, known)?,
        circumstances: circumstances::in_full(around, &world.cwd),
        evaluation,
        break_glass: run.break_glass,
        patience: run.patience,
        left,
        voice: run.voice,
    })
}

/// Refuses what a shell only runs to learn what can stand at the cursor: by a tab nobody is asked,
/// and nobody waits.
///
/// bash says so by a variable (`complete -C`), the scripts of cobra's tools by hidden subcommands.
fn refuse_for_completion(world: &World, argv: &[OsString]) -> Result<(), Failure> {
    let is_hidden = |word: &OsString| word == "__complete" || word == "__completeNoDesc";
    if !argv.get(1).is_some_and(is_hidden) && world.env_os("COMP_LINE").is_none() {
        return Ok(());
    }
    let text = "it only completes a line, and for that nobody is asked";
    Err(Failure::new(FailureKind::NoAnswer, text).hint("to ask for it, run it without COMP_LINE"))
}

/// What became of a question that nobody waits for.
#[cfg(feature = "mcp")]
pub(crate) enum Asked {
    /// The rules allow it: nobody has to be asked.
    Allowed,
    /// A person is asked, or has answered already.
    Submitted(Box<gate_client::Submitted>),
}

/// Asks for one command as [`run`] would, runs nothing and waits for nobody. This process's
/// standard input is not the command's.
///
/// # Errors
/// As [`run`]; and the command depends on its standard input.
#[cfg(feature = "mcp")]
pub(crate) fn ask(world: &World, run: Run) -> Result<Asked, Failure> {
    let tool = real_tool(world, &run.name, run.search)?;
    let mut reading = reading::read_beside(world, &run.argv, Stdin::Absent)?;
    let around = circumstances::of_caller(&|name| world.env(name));
    let (evaluation, line) = current_evaluation(world, &mut reading, &around, &run)?;
    match evaluation.decision {
        Decision::Allow => return Ok(Asked::Allowed),
        Decision::Deny => {
            audit::decided(world, &evaluation, run.voice, || {
                shown(world, &run.argv, &reading)
            })?;
            return Err(denied(&evaluation));
        }
        Decision::RequireApproval => {}
    }
    let mut inputs = reading.invocation.inputs.iter();
    if inputs.any(|input| input.kind == InputKind::Stdin) {
        return Err(Failure::new(
            FailureKind::CannotRun,
            "the command reads its standard input, which can't be given here",
        )
        .hint("nobody was asked; ask with `gate run --no-wait`, with its input"));
    }
    let identity = Identity::load(&world.layout)?;
    let known = secret_values(world, &run.argv, &reading);
    let bound = binding::bind(world, &run.argv, tool, reading, &identity)?;
    let (session, left, _traced) = line.session(world, run.voice)?;
    let asking = asking(world, run, around, (&evaluation, left), &known)?;
    let submitted = approval::ask((world, &session), &bound, asking)?;
    Ok(Asked::Submitted(Box::new(submitted)))
}

/// Returns the secrets of the command themselves: who explains it may repeat one.
fn secret_values(world: &World, argv: &[OsString], reading: &Reading) -> Vec<String> {
    let invocation = &reading.invocation;
    invocation.secret_values(argv, |name| world.variable(name))
}

/// What a decision leaves for whoever has to ask people.
struct Line {
    /// By which the newest rules were fetched.
    session: Option<Session>,
    /// What is left of the caller's patience. It is for all that gate waits for of others, a keyring
    /// and a server; what gate itself does after this, and what it waits for of the caller (a
    /// reason, stdin), takes nothing of it.
    left: Option<Duration>,
    /// The span of what is asked, where somebody wants it.
    traced: Option<Traced>,
}

impl Line {
    fn session(
        self,
        world: &World,
        voice: Voice,
    ) -> Result<(Session, Option<Duration>, Option<Traced>), Failure> {
        let session = match self.session {
            Some(session) => session,
            None => session::connect_within(world, self.left, voice)?,
        };
        Ok((session, self.left, self.traced))
    }
}

/// Decides by the rules in force, the server's newest where it has to be asked
/// anyway: what it forbids since yesterday is forbidden now.
///
/// What the rules want set for the tool is part of the reading from here on: it
/// is recorded, bound to an approval, and what the tool gets.
fn current_evaluation(
    world: &World,
    reading: &mut Reading,
    around: &Circumstances,
    run: &Run,
) -> Result<(Evaluation, Line), Failure> {
    let (evaluation, line) = newest_evaluation(world, reading, around, run)?;
    let set = &evaluation.obligations.environment;
    reading.invocation.set_variables(set);
    Ok((evaluation, line))
}

fn newest_evaluation(
    world: &World,
    reading: &Reading,
    around: &Circumstances,
    run: &Run,
) -> Result<(Evaluation, Line), Failure> {
    let begun = Instant::now();
    let limit = run.patience.limit();
    let left = || limit.map(|limit| limit.saturating_sub(begun.elapsed()));
    server_rules::refresh_if_aging(world, AGING, run.voice);
    let mut evaluation = evaluate(world, reading, around)?;
    let (mut session, mut traced) = (None, None);
    if evaluation.decision == Decision::RequireApproval {
        refuse_for_completion(world, &run.argv)?;
        refuse_without_server(world, &evaluation)?;
        traced = Traced::begin(world);
        let connected = session::connect_within(world, left(), run.voice)?;
        if server_rules::refresh(world, &connected, left())? {
            evaluation = evaluate(world, reading, around)?;
        }
        // What runs by the rules alone runs without it.
        session = Some(connected).filter(|_| evaluation.decision == Decision::RequireApproval);
    }
    let left = left();
    let line = Line {
        session,
        left,
        traced,
    };
    Ok((evaluation, line))
}

/// Says what is missing to ask anyone, and why it is needed.
fn refuse_without_server(world: &World, evaluation: &Evaluation) -> Result<(), Failure> {
    if world.configuration()?.named_server().is_some() {
        return Ok(());
    }
    let command: String = evaluation
        .command
        .iter()
        .flat_map(|word| [" ", word])
        .collect();
    Err(Failure::new(
        FailureKind::Configuration,
        format!(
            "`{}{}` ({}) needs an approval by {}, and no approval server is configured",
            inert(&evaluation.tool),
            inert(&command),
            evaluation.effect,
            inert(&evaluation.deciding.named()),
        ),
    )
    .hint("run `gate login --server URL`, or try it all with `gate demo`"))
}

/// Returns what is never a tool: gate's own programs.
///
/// # Errors
/// gate can't tell which program it is.
pub(crate) fn exclusions() -> Result<Exclusions, Failure> {
    Exclusions::of_this_program().map_err(|error| {
        Failure::new(
            FailureKind::Internal,
            "cannot tell which program gate itself is",
        )
        .caused_by(error)
        .hint("mount /proc")
    })
}

/// Finds the real binary behind the command's name.
///
/// # Errors
/// There is none, it can't be run, or others can write it.
pub(crate) fn real_tool(world: &World, name: &OsStr, search: Search) -> Result<Tool, Failure> {
    let exclusions = exclusions()?;
    let exclusions = exclusions.led_by(world.passed(), name);
    let exclusions = match search {
        Search::AtTheStart => exclusions,
        Search::BehindTheShim => exclusions.from_behind_shim(),
    };
    let path = world.variable(OsStr::new("PATH"));
    gate_exec::resolve(name, path, &exclusions).map_err(|error| {
        let kind = match error.exit_code() {
            127 => FailureKind::NotFound,
            _ => FailureKind::CannotRun,
        };
        let hint = error.hint();
        Failure::new(kind, error.to_string()).hint(hint)
    })
}

/// Decides by the rules in force.
///
/// # Errors
/// The rules can't be read, trusted or understood: then nothing is decided.
pub(crate) fn evaluate(
    world: &World,
    reading: &Reading,
    around: &Circumstances,
) -> Result<Evaluation, Failure> {
    let policy = world.configuration()?.policy(world, &world.cwd)?;
    Ok(policy.evaluate(&reading.invocation, &world.cwd, &caller(around)))
}

/// Returns who asks, as rules see it. In advisory mode this is what the
/// environment says, so rules may rely on it to ask for more and not for less.
pub(crate) fn caller(around: &Circumstances) -> gate_policy::Occasion {
    let kind = match (&around.agent, &around.ci) {
        (Some(_), _) => CallerKind::Agent,
        (None, Some(_)) => CallerKind::Workload,
        (None, None) => CallerKind::User,
    };
    gate_policy::Occasion {
        caller: Caller {
            kind,
            name: around.os_user.clone(),
            host: around.host.clone(),
            ci: around.ci.is_some(),
            terminal: around.terminal,
        },
        now: Timestamp::now(),
        local_offset: |at| machine_zone().to_offset(at),
    }
}

/// Returns the zone of this machine: not that of `TZ`, which a caller could set to leave a window.
/// A machine that has none keeps UTC. Source: `localtime(5)`.
fn machine_zone() -> TimeZone {
    std::fs::read(LOCAL_TIME)
        .ok()
        .and_then(|rules| TimeZone::tzif("local", &rules).ok())
        .unwrap_or(TimeZone::UTC)
}

fn watch_for_signals() -> Result<Cancel, Failure> {
    Cancel::install(&InitialState::captured()).map_err(|error| {
        Failure::new(FailureKind::Internal, "cannot watch for signals").caused_by(error)
    })
}

/// Tells a person what each rule that asks wants said before the wait, under its own name.
fn tell_words_of_rules(evaluation: &Evaluation, voice: Voice) {
    if voice == Voice::Json {
        return;
    }
    for message in &evaluation.messages {
        let name = message.rule.named();
        report::line(&format!("{}: {}", inert(&name), inert(&message.text)));
    }
}

/// Says that a rule denies, and where it stands.
pub(crate) fn denied(evaluation: &Evaluation) -> Failure {
    let rule = &evaluation.deciding;
    let name = rule.named();
    let mut text = format!("denied by {}", inert(&name));
    for message in &evaluation.messages {
        let said = inert(&message.text);
        let by = message.rule.named();
        // Writing to a String can't fail.
        let _ = if message.rule == *rule {
            write!(text, ": {said}")
        } else {
            write!(text, "; {} adds: {said}", inert(&by))
        };
    }
    Failure::new(FailureKind::Denied, text)
    .hint(format!(
        "nothing was run. The rule stands in {} line {}; do not look for another way to do the same",
        inert(&rule.source),
        rule.line
    ))
}

/// Returns what rules want set for the tool, as it would stand before the command in a shell.
fn assigned(notes: &[EnvironmentNote]) -> String {
    let words = notes.iter().filter_map(|note| match &note.action {
        EnvironmentAction::Set(value) => Some((note.name.as_bytes(), value.as_bytes())),
        EnvironmentAction::Binds
        | EnvironmentAction::Merges
        | EnvironmentAction::Stripped
        | EnvironmentAction::FirstKept
        | EnvironmentAction::MakesUnknown => None,
    });
    let shown = |bytes: &[u8]| MaskedText::plain(bytes).shown_word();
    let words = words.map(|(name, value)| format!("{}={} ", shown(name), shown(value)));
    words.collect::<Vec<_>>().concat()
}

/// Returns the command line for the record, secrets masked.
fn shown(world: &World, argv: &[OsString], reading: &Reading) -> Result<String, Failure> {
    let secrets = &reading.invocation.secrets;
    let words: Vec<String> = if secrets.is_empty() {
        let plain = argv.iter().map(|word| MaskedText::plain(word.as_bytes()));
        plain.map(|word| word.shown_word()).collect()
    } else {
        let key = CommitmentKey::for_record(&world.layout)?;
        let masker = Masker::new(&key, secrets);
        let words = argv.iter().enumerate();
        words
            .map(|(index, word)| masker.word(index, word.as_bytes()).shown_word())
            .collect()
    };
    Ok(words.join(" "))
}
