//! The inputs: sealed copies that the tool is given, and what is left where it
//! is and looked at again.

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use gate_exec::Snapshot;
use gate_policy::{Input, InputKind, Placement, Promise};
use gate_protocol::canonical::{Digest, to_canonical_bytes};
use gate_protocol::inert::inert;
use gate_protocol::invocation::{BoundInput, Delivery};
use gate_protocol::masked::MaskedText;
use gate_protocol::preview::Preview;

use super::content::Budget;
use super::copies::{self, Copies};
use super::{changed, hash, shown, tree};
use crate::failure::{Failure, FailureKind};
use crate::mask::Masker;
use crate::preview::{self, Push};
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
    skipped: Vec<String>,
    sha256: Digest,
}

/// The most files that words only mention and that stand in a request one by
/// one.
const LISTED: usize = 100;
/// The largest input that a preview is read from, in bytes.
const PREVIEWED_BYTES: u64 = 64 << 20;

impl Recheck {
    /// Hashes it again.
    ///
    /// # Errors
    /// It is not what was approved.
    pub(super) fn again(&self) -> Result<(), Failure> {
        match tree::hash(&self.path, &self.skipped) {
            Ok((sha256, _)) if sha256 == self.sha256 => Ok(()),
            Err(_) if self.sha256 == tree::unreadable() => Ok(()),
            Ok(_) | Err(_) => {
                let kind = if self.path.is_dir() { "folder" } else { "file" };
                Err(changed(&format!("the {kind} `{}`", shown(&self.path))))
            }
        }
    }
}

/// Which inputs the tool is given as copies.
#[derive(Debug)]
pub(super) enum Seal<'a> {
    /// Those whose content the decision was made from.
    WhatWasRead,
    /// Every one that a word of argv names.
    Everything(Option<&'a Copies>),
}

/// Where the bytes of inputs are taken from.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) reading: &'a Reading,
    pub(super) copies: Option<&'a Copies>,
}

impl Sources<'_> {
    /// Returns what the command would do, read from the bytes that are bound.
    pub(super) fn preview(
        self,
        bound: &[BoundInput],
        push: Option<&Push>,
        secrets: &[String],
    ) -> Option<Preview> {
        preview::of(&preview::Seen {
            invocation: &self.reading.invocation,
            bytes: &|input| bound_bytes(input, self, bound),
            folder: &|input| {
                let place = copy_in(self.copies, input, self.reading)?;
                (input.kind == InputKind::Directory).then(|| place.to_owned())
            },
            push,
            secrets,
        })
    }
}

/// Copies what can be copied under its own name. Where that can't be done, or
/// a tool would not take the copy's path for one, all of it is read where it
/// is: the parts may lead to each other.
pub(super) fn copy(world: &World, reading: &Reading) -> Option<Copies> {
    let inputs = reading.invocation.inputs.iter();
    let wanted: Vec<&Input> = inputs
        .filter(|input| input.promise() == Some(Promise::Copied))
        .collect();
    let paths: Vec<PathBuf> = wanted
        .iter()
        .map(|input| world.cwd.join(&input.path))
        .collect();
    if paths.is_empty() {
        return None;
    }
    let copies = Copies::of(&world.layout, &paths).ok()?;
    let mut named = wanted.iter().zip(&paths);
    let is_plain = named.all(|(input, path)| {
        input.argv_index.is_none() || copies.place(path).is_some_and(copies::is_plain)
    });
    is_plain.then_some(copies)
}

/// Rewrites the words that name copied files to the copies.
pub(super) fn seal(
    argv: &[OsString],
    reading: &Reading,
    which: &Seal<'_>,
) -> Result<Sealed, Failure> {
    let mut argv: Vec<Vec<u8>> = argv.iter().map(|word| word.as_bytes().to_vec()).collect();
    let mut descriptors = Vec::new();
    let copies = match which {
        Seal::WhatWasRead => {
            refuse_what_changed(reading)?;
            None
        }
        Seal::Everything(copies) => *copies,
    };
    let wanted = |input: &&Input| match which {
        Seal::WhatWasRead => reading.snapshots.has(&input.path) && is_sealed(input),
        Seal::Everything(_) => is_sealed(input) || copy_in(copies, input, reading).is_some(),
    };
    let inputs = reading.invocation.inputs.iter().filter(wanted);
    let mut files: Vec<(&Input, usize)> = inputs
        .filter_map(|input| Some((input, input.argv_index?)))
        .collect();
    // From the back of each word, so that a rewriting moves no other range.
    files.sort_by_key(|(input, index)| (*index, std::cmp::Reverse(input.range.start)));
    for (input, index) in files {
        let path = if let Some(place) = copy_in(copies, input, reading) {
            place.to_owned()
        } else {
            let descriptor = copy_of(input, reading)?
                .duplicate()
                .map_err(|error| cannot_copy(input).caused_by(error))?;
            let path = PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
            descriptors.push(descriptor);
            path
        };
        let word = argv
            .get_mut(index)
            .filter(|word| input.range.end <= word.len());
        let word = word.ok_or_else(|| cannot_copy(input))?;
        word.splice(input.range.clone(), path.into_os_string().into_vec());
    }
    let held = copies.map(Copies::descriptor).transpose();
    descriptors.extend(held.map_err(|error| {
        Failure::new(FailureKind::Internal, "cannot hold the copies of inputs").caused_by(error)
    })?);
    Ok(Sealed {
        argv: argv.into_iter().map(OsString::from_vec).collect(),
        descriptors,
    })
}

/// Returns where the copy of an input under its own name stands.
fn copy_in<'c>(copies: Option<&'c Copies>, input: &Input, reading: &Reading) -> Option<&'c Path> {
    let is_copied = input.promise() == Some(Promise::Copied);
    let copies = copies.filter(|_| is_copied)?;
    copies.place(&reading.snapshots.joined(&input.path))
}

/// Tells whether the tool is given a copy of an input that is sealed in memory.
fn is_sealed(input: &Input) -> bool {
    input.argv_index.is_some()
        && input.kind != InputKind::Stdin
        && input.promise() == Some(Promise::Sealed)
}

/// Looks again at what a decision was made from and the tool reads in place.
fn refuse_what_changed(reading: &Reading) -> Result<(), Failure> {
    let scripts = reading.invocation.inputs.iter().filter(|input| {
        // What a script reads is named inside of a word, or in a file.
        let is_named = input.argv_index.is_some() || matches!(&*input.role, "script" | "stdin");
        is_named && !is_sealed(input) && reading.snapshots.has(&input.path)
    });
    for input in scripts {
        let (sha256, _) = of_copy(input, reading)?;
        let now = tree::hash(&reading.snapshots.joined(&input.path), &input.skipped);
        if !matches!(now, Ok((now, _)) if now == sha256) {
            let path = input.path.to_string_lossy();
            let what = format!("`{}` changed while it was read", inert(&path));
            return Err(Failure::new(FailureKind::Internal, what)
                .hint("nothing was run; run it again when nobody writes to it"));
        }
    }
    Ok(())
}

/// Returns what the hash of a file in place is as long as it is what was read.
fn of_copy(input: &Input, reading: &Reading) -> Result<(Digest, u64), Failure> {
    let copy = copy_of(input, reading)?;
    let content = hash(copy.reader());
    let (sha256, size_bytes) = content.map_err(|error| cannot_copy(input).caused_by(error))?;
    Ok((tree::of_file(&sha256), size_bytes))
}

/// Hashes every input, and says how its bytes reach the tool.
pub(super) fn bind(
    world: &World,
    argv: &[OsString],
    sources: Sources<'_>,
    masker: &Masker<'_>,
) -> Result<(Vec<BoundInput>, Vec<Recheck>), Failure> {
    let reading = sources.reading;
    let (mut bound, mut mentioned) = (Vec::new(), Vec::new());
    let mut rechecks = Vec::new();
    let mut budget = Budget::new();
    for input in &reading.invocation.inputs {
        let (content, delivery) = match input.kind {
            InputKind::Stdin => (hash_stdin(reading)?, Delivery::Stdin),
            InputKind::File | InputKind::Descriptor if is_sealed(input) => {
                let copy = copy_of(input, reading)?;
                let content = hash(copy.reader());
                (
                    content.map_err(|error| cannot_copy(input).caused_by(error))?,
                    Delivery::Snapshot,
                )
            }
            InputKind::Directory | InputKind::File => {
                let named = world.cwd.join(&input.path);
                let (content, path, delivery) = match copy_in(sources.copies, input, reading) {
                    Some(place) => (hash_copied(input, place, reading)?, place, Delivery::Copy),
                    None => (
                        hash_in_place(input, &named, reading)?,
                        &*named,
                        Delivery::Rechecked,
                    ),
                };
                rechecks.push(Recheck {
                    path: path.to_owned(),
                    skipped: input.skipped.iter().map(ToString::to_string).collect(),
                    sha256: content.0,
                });
                (content, delivery)
            }
            InputKind::Url | InputKind::Descriptor | InputKind::Refused { .. } => {
                return Err(cannot_bind(input));
            }
        };
        // What would be read, were it there: an approver must not take it for an empty file.
        let role = if content.0 == tree::absent() {
            format!("{}, not there", input.role)
        } else if content.0 == tree::unreadable() {
            format!("{}, can't be read", input.role)
        } else {
            input.role.to_string()
        };
        let list = if input.placement == Placement::Unsure {
            &mut mentioned
        } else {
            &mut bound
        };
        list.push(BoundInput {
            role,
            name: name(input, argv, masker),
            sha256: content.0,
            size_bytes: content.1,
            content: text(&mut budget, input, sources, (&content.0, delivery)),
            delivery,
        });
    }
    bound.extend(listed(mentioned)?);
    Ok((bound, rechecks))
}

/// Returns the text of an input for people. What the tool reads in place has
/// none: it could be another one by the time that somebody reads it.
fn text(
    budget: &mut Budget,
    input: &Input,
    sources: Sources<'_>,
    (hashed, delivery): (&Digest, Delivery),
) -> Option<String> {
    let what = (&*input.role, &*input.path);
    match delivery {
        Delivery::Stdin => {
            let stdin = sources.reading.stdin.as_ref()?;
            budget.text(("stdin", Path::new("")), (hashed, delivery), stdin.reader())
        }
        Delivery::Snapshot => {
            let copy = copy_of(input, sources.reading).ok()?;
            budget.text(what, (hashed, delivery), copy.reader())
        }
        Delivery::Copy if input.kind == InputKind::File => {
            let place = copy_in(sources.copies, input, sources.reading)?;
            let file = std::fs::File::open(place).ok()?;
            budget.text(what, (hashed, delivery), file)
        }
        Delivery::Copy | Delivery::Rechecked => None,
    }
}

/// Returns the bytes of an input as one of `bound` has them; nothing of what is long, or is read
/// where it is.
fn bound_bytes(input: &Input, sources: Sources<'_>, bound: &[BoundInput]) -> Option<Vec<u8>> {
    let reading = sources.reading;
    let mut bytes = Vec::new();
    let mut read = |reader: &mut dyn Read| {
        let read = reader
            .take(PREVIEWED_BYTES + 1)
            .read_to_end(&mut bytes)
            .ok()?;
        (read as u64 <= PREVIEWED_BYTES).then_some(())
    };
    match (input.promise()?, input.kind) {
        (Promise::Sealed, InputKind::Stdin) => read(&mut reading.stdin.as_ref()?.reader())?,
        (Promise::Sealed, _) => read(&mut copy_of(input, reading).ok()?.reader())?,
        (Promise::Copied, InputKind::File) => {
            let place = copy_in(sources.copies, input, reading)?;
            read(&mut std::fs::File::open(place).ok()?)?;
        }
        (Promise::Copied | Promise::Rechecked | Promise::Made, _) => return None,
    }
    let sha256 = Digest::of_bytes(&bytes);
    let is_bound = |one: &BoundInput| one.sha256 == BoundInput::hash_of(&sha256, one.delivery);
    bound.iter().any(is_bound).then_some(bytes)
}

/// Returns what words mention: one by one, or as one where nobody would read
/// the list. The words themselves are shown anyway.
fn listed(mentioned: Vec<BoundInput>) -> Result<Vec<BoundInput>, Failure> {
    if mentioned.len() <= LISTED {
        return Ok(mentioned);
    }
    let mut all = Vec::new();
    for input in &mentioned {
        // As shown, and so with a commitment for each secret. Lengths come first, so that no two
        // lists give the same bytes.
        let name = to_canonical_bytes(&input.name).map_err(|error| {
            Failure::new(FailureKind::Internal, "a file's name has no canonical form")
                .caused_by(error)
        })?;
        all.extend_from_slice(&(name.len() as u64).to_be_bytes());
        all.extend_from_slice(&name);
        all.extend_from_slice(input.sha256.as_bytes());
    }
    let name = format!("{} files that the words name", mentioned.len());
    Ok(vec![BoundInput {
        role: "files".to_owned(),
        name: MaskedText::plain(name.as_bytes()),
        sha256: Digest::of("gate/mentioned-files/v1", &all),
        size_bytes: mentioned.iter().map(|input| input.size_bytes).sum(),
        delivery: Delivery::Rechecked,
        content: None,
    }])
}

/// Hashes what the tool reads where it is. Of what gate has read itself that
/// very reading counts, so that no other content comes between the two.
fn hash_in_place(input: &Input, path: &Path, reading: &Reading) -> Result<(Digest, u64), Failure> {
    if input.kind == InputKind::File && reading.snapshots.has(path) {
        return of_copy(input, reading);
    }
    match tree::hash(path, &input.skipped) {
        Err(_) if input.placement == Placement::Unsure => Ok((tree::unreadable(), 0)),
        hashed => hashed.map_err(|error| cannot_copy(input).caused_by(error)),
    }
}

/// Hashes a private copy. What gate has read itself to find more must be in it.
fn hash_copied(input: &Input, place: &Path, reading: &Reading) -> Result<(Digest, u64), Failure> {
    let hashed = tree::hash(place, &input.skipped);
    let content = hashed.map_err(|error| cannot_copy(input).caused_by(error))?;
    if input.kind == InputKind::File
        && reading.snapshots.has(&input.path)
        && of_copy(input, reading)?.0 != content.0
    {
        return Err(cannot_copy(input)
            .caused_by(std::io::Error::other("it changed while it was read"))
            .hint("let the writer finish, then run the command again"));
    }
    Ok(content)
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
    let mut what = format!(
        "cannot bind the {} `{}` to an approval",
        input.role,
        inert(&path)
    );
    if let Some(why) = input.kind.refusal() {
        what = format!("{what}: {why}");
    }
    Failure::new(FailureKind::CannotRun, what)
}

fn cannot_bind(input: &Input) -> Failure {
    cannot_copy(input).hint(match input.kind {
        InputKind::Url => {
            "what is fetched can differ at each run: download it, look at it, and name the file"
        }
        InputKind::Refused { .. } => {
            "what it leads to can differ at each run: name plain files and folders of this \
             machine, and where they are too many do it in parts"
        }
        InputKind::File | InputKind::Directory | InputKind::Stdin | InputKind::Descriptor => {
            "write it to a file first"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentioned(names: impl Iterator<Item = String>) -> Vec<BoundInput> {
        names
            .map(|name| BoundInput {
                role: "file".to_owned(),
                name: MaskedText::plain(name.as_bytes()),
                sha256: Digest::of_bytes(b"the same in each"),
                size_bytes: 16,
                delivery: Delivery::Rechecked,
                content: None,
            })
            .collect()
    }

    #[test]
    fn files_that_stand_as_one_are_told_apart_by_their_names() {
        let one = |names: &mut dyn Iterator<Item = String>| {
            let listed = listed(mentioned(names)).unwrap();
            let [one] = listed.as_slice() else {
                panic!("{listed:?}");
            };
            one.clone()
        };
        let first = one(&mut (0..=LISTED).map(|n| format!("a{n}")));
        let renamed = one(&mut (0..=LISTED).map(|n| format!("b{n}")));
        let same = one(&mut (0..=LISTED).map(|n| format!("a{n}")));
        assert_eq!(first.sha256, same.sha256);
        assert_ne!(first.sha256, renamed.sha256);
        let few = listed(mentioned((0..LISTED).map(|n| n.to_string())));
        assert_eq!(few.unwrap().len(), LISTED, "as many stand one by one");
    }
}
