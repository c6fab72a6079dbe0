//! The inputs: sealed copies that the tool is given, and folders that are
//! looked at again.

use std::ffi::OsString;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::rc::Rc;

use gate_exec::Snapshot;
use gate_policy::{Input, InputKind};
use gate_protocol::canonical::Digest;
use gate_protocol::inert::inert;
use gate_protocol::invocation::{BoundInput, Delivery};
use gate_protocol::masked::MaskedText;

use super::{changed, hash, tree};
use crate::failure::{Failure, FailureKind};
use crate::mask::Masker;
use crate::reading::Reading;
use crate::world::World;

/// argv with inputs rewritten to their copies, and the copies to hand on.
pub(super) struct Sealed {
    pub(super) argv: Vec<OsString>,
    pub(super) descriptors: Vec<OwnedFd>,
}

/// A file or folder that is hashed again right before the start.
#[derive(Debug)]
pub(super) struct Recheck {
    path: PathBuf,
    sha256: Digest,
}

impl Recheck {
    /// Hashes it again.
    ///
    /// # Errors
    /// It is not what was approved.
    pub(super) fn again(&self) -> Result<(), Failure> {
        match tree::hash(&self.path) {
            Ok((sha256, _)) if sha256 == self.sha256 => Ok(()),
            Ok(_) | Err(_) => {
                let kind = if self.path.is_dir() { "folder" } else { "file" };
                Err(changed(&format!("the {kind} `{}`", self.path.display())))
            }
        }
    }
}

/// Which inputs the tool is given as copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    /// Those whose content the decision was made from.
    WhatWasRead,
    /// Every one that a word of argv names.
    Everything,
}

/// Rewrites the words that name copied files to the copies.
pub(super) fn seal(argv: &[OsString], reading: &Reading, which: Seal) -> Result<Sealed, Failure> {
    let mut argv: Vec<Vec<u8>> = argv.iter().map(|word| word.as_bytes().to_vec()).collect();
    let mut descriptors = Vec::new();
    let wanted = |input: &&Input| match which {
        Seal::WhatWasRead => reading.snapshots.has(&input.path),
        Seal::Everything => matches!(input.kind, InputKind::File | InputKind::Descriptor),
    };
    let inputs = reading.invocation.inputs.iter().filter(wanted);
    let mut files: Vec<(&Input, usize)> = inputs
        .filter_map(|input| Some((input, input.argv_index?)))
        .collect();
    // From the back of each word, so that a rewriting moves no other range.
    files.sort_by_key(|(input, index)| (*index, std::cmp::Reverse(input.range.start)));
    for (input, index) in files {
        let descriptor = copy_of(input, reading)?
            .duplicate()
            .map_err(|error| cannot_copy(input).caused_by(error))?;
        let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
        let word = argv
            .get_mut(index)
            .filter(|word| input.range.end <= word.len());
        let word = word.ok_or_else(|| cannot_copy(input))?;
        word.splice(input.range.clone(), path.into_bytes());
        descriptors.push(descriptor);
    }
    Ok(Sealed {
        argv: argv.into_iter().map(OsString::from_vec).collect(),
        descriptors,
    })
}

/// Hashes every input, and says how its bytes reach the tool.
pub(super) fn bind(
    world: &World,
    argv: &[OsString],
    reading: &Reading,
    masker: &Masker<'_>,
) -> Result<(Vec<BoundInput>, Vec<Recheck>), Failure> {
    let mut bound = Vec::new();
    let mut rechecks = Vec::new();
    for input in &reading.invocation.inputs {
        let (content, delivery) = match (input.kind, input.argv_index) {
            (InputKind::Stdin, _) => (hash_stdin(reading)?, Delivery::Stdin),
            (InputKind::File | InputKind::Descriptor, Some(_)) => {
                let copy = copy_of(input, reading)?;
                let content = hash(copy.reader());
                (
                    content.map_err(|error| cannot_copy(input).caused_by(error))?,
                    Delivery::Snapshot,
                )
            }
            (InputKind::Directory | InputKind::File, _) => {
                let path = world.cwd.join(&input.path);
                let content =
                    tree::hash(&path).map_err(|error| cannot_copy(input).caused_by(error))?;
                rechecks.push(Recheck {
                    path,
                    sha256: content.0,
                });
                (content, Delivery::Rechecked)
            }
            (InputKind::Url | InputKind::Descriptor, _) => return Err(cannot_bind(input)),
        };
        // What would be read, were it there: an approver must not take it for an empty file.
        let role = if content.0 == tree::absent() {
            format!("{}, not there", input.role)
        } else {
            input.role.clone()
        };
        bound.push(BoundInput {
            role,
            name: name(input, argv, masker),
            sha256: content.0,
            size_bytes: content.1,
            delivery,
        });
    }
    Ok((bound, rechecks))
}

fn copy_of(input: &Input, reading: &Reading) -> Result<Rc<Snapshot>, Failure> {
    let copy = if input.kind == InputKind::Descriptor {
        reading.snapshots.stream(&input.path)
    } else {
        reading.snapshots.snapshot(&input.path)
    };
    copy.map_err(|error| {
        let hint = error.hint();
        cannot_copy(input).caused_by(error).hint(hint)
    })
}

fn hash_stdin(reading: &Reading) -> Result<(Digest, u64), Failure> {
    let Some(stdin) = &reading.stdin else {
        return Err(Failure::new(
            FailureKind::CannotRun,
            "the standard input decides what happens, and it is a terminal",
        )
        .hint("an approval is for bytes that can be shown: give them with -c, in a file, or in a pipe"));
    };
    hash(stdin.reader()).map_err(|error| {
        Failure::new(FailureKind::Internal, "cannot hash the standard input").caused_by(error)
    })
}

/// Returns the input's name as written. Where its word holds a secret, the
/// masked word stands for it.
fn name(input: &Input, argv: &[OsString], masker: &Masker<'_>) -> MaskedText {
    if input.kind == InputKind::Stdin {
        return MaskedText::plain(b"stdin");
    }
    let word = input
        .argv_index
        .and_then(|index| Some(masker.word(index, argv.get(index)?.as_bytes())));
    match word.filter(|word| word.secrets() > 0) {
        Some(hidden) => hidden,
        None => MaskedText::plain(input.path.as_os_str().as_bytes()),
    }
}

fn cannot_copy(input: &Input) -> Failure {
    let path = input.path.to_string_lossy();
    Failure::new(
        FailureKind::CannotRun,
        format!(
            "cannot bind the {} `{}` to an approval",
            input.role,
            inert(&path)
        ),
    )
}

fn cannot_bind(input: &Input) -> Failure {
    cannot_copy(input).hint(match input.kind {
        InputKind::Url => "what a URL gives can differ at each fetch: download it to a file first",
        InputKind::File | InputKind::Directory | InputKind::Stdin | InputKind::Descriptor => {
            "write it to a file first"
        }
    })
}
