//! From a reading to what will run, and to what the digest binds.
//!
//! [`Prepared`] is the run itself: the real tool held open, argv with inputs
//! rewritten to their sealed copies, the environment as the profile wants it.
//! [`Bound`] adds what a person is asked about: the same things masked, hashed
//! and put under one digest.

mod content;
mod copies;
mod environment;
mod inputs;
mod interpreter;
mod profile;
mod tree;

use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use gate_exec::{Command, ExecBy, InitialState, Tool, ToolKind};
use gate_protocol::canonical::Digest;
use gate_protocol::inert::inert;
use gate_protocol::invocation::{BoundInvocation, BoundTool};
use gate_protocol::masked::MaskedText;
use sha2::{Digest as _, Sha256};

use crate::failure::{Failure, FailureKind};
use crate::identity::Identity;
use crate::mask::Masker;
use crate::preview::Push;
use crate::reading::Reading;
use crate::world::World;

use copies::Copies;
use inputs::Recheck;
use interpreter::Interpreter;
use profile::Profile;
pub(crate) use tree::absent;

/// A command ready to be run, if it may.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The run as `gate-exec` takes it.
    pub(crate) command: Command,
    /// The signals and descriptors that gate was started with.
    pub(crate) initial: InitialState,
    /// The working directory that was read.
    cwd: PathBuf,
    /// What can't be sealed and is looked at again right before the start.
    rechecks: Vec<Recheck>,
    /// The programs behind a script.
    interpreters: Vec<Interpreter>,
    /// What it was read by.
    profiles: Vec<Profile>,
    /// What the tool reads copies of, for as long as it may.
    copies: Option<Copies>,
    /// What a push would bring.
    push: Option<Push>,
}

/// A prepared command with what a person is asked about.
#[derive(Debug)]
pub(crate) struct Bound {
    /// The run.
    pub(crate) prepared: Prepared,
    /// What is shown, and what the digest covers.
    pub(crate) invocation: BoundInvocation,
    /// The digest of `invocation`.
    pub(crate) digest: Digest,
}

/// Prepares what was read to be run by `tool`, as a decision allows it: the tool
/// gets copies of what the decision was made from, and all else as it is.
///
/// # Errors
/// An input that the tool must get as it was read can't be copied.
pub(crate) fn prepare(
    world: &World,
    argv: &[OsString],
    tool: Tool,
    reading: &mut Reading,
) -> Result<Prepared, Failure> {
    prepare_sealed(world, argv, tool, reading, &inputs::Seal::WhatWasRead)
}

fn prepare_sealed(
    world: &World,
    argv: &[OsString],
    tool: Tool,
    reading: &mut Reading,
    seal: &inputs::Seal<'_>,
) -> Result<Prepared, Failure> {
    let sealed = inputs::seal(argv, reading, seal)?;
    let env = environment::of_tool(world, &reading.invocation.environment);
    let argv = sealed.argv.into_iter().map(c_string);
    let mut command = Command::new(
        tool,
        argv.collect::<Result<_, _>>()?,
        env.into_iter().map(c_string).collect::<Result<_, _>>()?,
    );
    command.fds = sealed.descriptors;
    command.stdin = reading.stdin.take().map(gate_exec::Snapshot::into_fd);
    command.exec_by = ExecBy::Path;
    Ok(Prepared {
        command,
        initial: InitialState::captured(),
        cwd: world.cwd.clone(),
        rechecks: Vec::new(),
        interpreters: Vec::new(),
        profiles: Vec::new(),
        copies: None,
        push: None,
    })
}

/// Prepares what was read and puts everything that decides what runs under one
/// digest.
///
/// # Errors
/// The tool can't be hashed, or an input can neither be copied nor hashed:
/// then nobody can be asked about it.
pub(crate) fn bind(
    world: &World,
    argv: &[OsString],
    tool: Tool,
    mut reading: Reading,
    identity: &Identity,
) -> Result<Bound, Failure> {
    refuse_deleted_folder(world)?;
    refuse_too_long(argv)?;
    let bound_tool = bind_tool(&tool)?;
    let runs_by_path = tool.kind != ToolKind::Elf;
    let known = reading
        .invocation
        .secret_values(argv, |name| world.variable(name));
    let push = Push::of(world, &reading.invocation);
    let masker_secrets = std::mem::take(&mut reading.invocation.secrets);
    let masker = Masker::new(&identity.commitment, &masker_secrets);
    let copies = inputs::copy(world, &reading);
    let sources = inputs::Sources {
        reading: &reading,
        copies: copies.as_ref(),
    };
    let (mut inputs, rechecks) = inputs::bind(world, argv, sources, &masker)?;
    let (programs, interpreters) = interpreter::behind(world, &tool)?;
    inputs.extend(programs);
    let (read_by, profiles) = profile::behind(world, &reading)?;
    inputs.extend(read_by);
    let invocation = BoundInvocation {
        v: BoundInvocation::VERSION,
        tool: bound_tool,
        argv: masked(argv, &masker),
        cwd: MaskedText::plain(world.cwd.as_os_str().as_bytes()),
        command: words(&reading.invocation.command),
        effect: reading.invocation.effect.as_str().to_owned(),
        target: reading.invocation.target.clone(),
        environment: environment::bind(world, &reading.invocation.environment, &masker)?,
        preview: sources.preview(&inputs, push.as_ref(), &known),
        inputs,
        runner_key: identity.runner.public(),
    };
    let digest = invocation.digest().map_err(|error| {
        Failure::new(FailureKind::Internal, "the command has no canonical form").caused_by(error)
    })?;
    let seal = inputs::Seal::Everything(copies.as_ref());
    let mut prepared = prepare_sealed(world, argv, tool, &mut reading, &seal)?;
    // What was hashed is what runs. A script is opened again by its
    // interpreter, or by the shell where it names none, so it runs by the
    // path, looked at again right before.
    if !runs_by_path {
        prepared.command.exec_by = ExecBy::Descriptor;
    }
    prepared.rechecks = rechecks;
    prepared.interpreters = interpreters;
    prepared.profiles = profiles;
    prepared.copies = copies;
    prepared.push = push;
    Ok(Bound {
        prepared,
        invocation,
        digest,
    })
}

fn masked(argv: &[OsString], masker: &Masker<'_>) -> Vec<MaskedText> {
    let words = argv.iter().enumerate();
    words
        .map(|(index, word)| masker.word(index, word.as_bytes()))
        .collect()
}

fn words(command: &[impl ToString]) -> Vec<String> {
    command.iter().map(ToString::to_string).collect()
}

impl Prepared {
    /// Looks again at everything that the digest binds and that is not sealed:
    /// the binary, the working directory, folders of inputs, the branches of a push.
    ///
    /// # Errors
    /// Something is not what was approved.
    pub(crate) fn recheck(&self) -> Result<(), Failure> {
        let tool = &self.command.tool;
        let same_tool = matches!(tool.file.has_changed(), Ok(false))
            && matches!(tool.file.was_replaced_at(&tool.path), Ok(false));
        if !same_tool {
            return Err(changed(&format!("the binary `{}`", shown(&tool.path))));
        }
        if std::env::current_dir().ok().as_ref() != Some(&self.cwd) {
            return Err(changed(&format!(
                "the working directory `{}`",
                shown(&self.cwd)
            )));
        }
        if self.push.as_ref().is_some_and(|push| !push.is_same()) {
            return Err(changed("what the push would bring"));
        }
        self.interpreters.iter().try_for_each(Interpreter::again)?;
        self.profiles.iter().try_for_each(Profile::again)?;
        self.rechecks.iter().try_for_each(Recheck::again)
    }
}

fn changed(what: &str) -> Failure {
    Failure::new(
        FailureKind::Internal,
        format!("inputs changed: {what} is not what was approved"),
    )
    .hint("nothing was run; run it again to ask for what is there now")
}

/// Returns a path as a person or a program may be shown it.
fn shown(path: &Path) -> String {
    inert(&path.to_string_lossy()).into_owned()
}

fn refuse_deleted_folder(world: &World) -> Result<(), Failure> {
    if world.cwd.is_dir() {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::CannotRun,
        format!("the working directory `{}` is gone", shown(&world.cwd)),
    )
    .hint("change to a folder that exists; an approval names the folder it is for"))
}

fn refuse_too_long(argv: &[OsString]) -> Result<(), Failure> {
    if !gate_policy::is_too_long(argv) {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::CannotRun,
        "the command is longer than anybody can judge, so nobody is asked about it",
    )
    .hint("shorten it: do it in parts, or give a file where the tool takes one"))
}

fn bind_tool(tool: &Tool) -> Result<BoundTool, Failure> {
    let path = shown(&tool.canonical);
    if !tool.file.is_readable() {
        return Err(Failure::new(
            FailureKind::CannotRun,
            format!("`{path}` can't be read, so an approval can't be bound to it"),
        )
        .hint("let its owner make it readable: chmod a+r"));
    }
    let (sha256, size_bytes) = hash(PreadReader::new(tool.file.file())).map_err(|error| {
        Failure::new(FailureKind::CannotRun, format!("cannot read `{path}`")).caused_by(error)
    })?;
    Ok(BoundTool {
        name: tool.name.to_string_lossy().into_owned(),
        path: MaskedText::plain(tool.canonical.as_os_str().as_bytes()),
        sha256,
        size_bytes,
    })
}

/// Returns the SHA-256 and the length of what `reader` gives.
fn hash(mut reader: impl std::io::Read) -> std::io::Result<(Digest, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut size_bytes = 0;
    loop {
        let count = reader.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else {
            return Ok((Digest::from_bytes(hasher.finalize().into()), size_bytes));
        };
        hasher.update(chunk);
        size_bytes += count as u64;
    }
}

/// Reads an open file from its start, whatever its offset is.
struct PreadReader<'a> {
    file: &'a std::fs::File,
    at: u64,
}

impl<'a> PreadReader<'a> {
    fn new(file: &'a std::fs::File) -> Self {
        Self { file, at: 0 }
    }
}

impl std::io::Read for PreadReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

fn c_string(text: OsString) -> Result<CString, Failure> {
    CString::new(text.into_vec()).map_err(|error| {
        Failure::new(FailureKind::Usage, "a word of the command holds a NUL byte").caused_by(error)
    })
}
