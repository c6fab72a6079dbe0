//! What stands at the standard input of the commands of a script, and which of
//! them gets it.

use std::path::PathBuf;
use std::rc::Rc;

use super::expand::Field;
use super::run::Frame;
use super::scope::Scope;
use super::syntax::{Command, Kind, List, Piece, RedirectKind, Word};

/// What stands at the standard input of a command of a script.
#[derive(Clone)]
pub(super) enum Feed {
    /// What the outer command has.
    Outer,
    /// These bytes.
    Known(Rc<[u8]>),
    /// A file, by its whole path.
    File(PathBuf),
    /// The rest of the script itself: what a command takes of it, the shell does
    /// not run.
    Script,
    /// What another command writes, or a descriptor.
    Unknown,
}

impl Feed {
    /// Returns what one of several commands gets that share it.
    pub(super) fn shared(&self) -> Self {
        match self {
            Self::Known(bytes) if bytes.is_empty() => self.clone(),
            Self::Outer => Self::Outer,
            Self::Script => Self::Script,
            Self::Known(_) | Self::File(_) | Self::Unknown => Self::Unknown,
        }
    }
}

/// Programs that read no standard input but where a word says so, or where they
/// are not allowed anyway.
const WITHOUT_INPUT: &[&[u8]] = &[
    b"aws",
    b"basename",
    b"date",
    b"df",
    b"dirname",
    b"docker",
    b"du",
    b"echo",
    b"expr",
    b"false",
    b"find",
    b"groups",
    b"helm",
    b"hostname",
    b"id",
    b"journalctl",
    b"kubectl",
    b"ls",
    b"nproc",
    b"podman",
    b"printenv",
    b"printf",
    b"pwd",
    b"readlink",
    b"realpath",
    b"seq",
    b"sleep",
    b"stat",
    b"systemctl",
    b"true",
    b"uname",
    b"uptime",
    b"whoami",
];
/// Commands of git that read none.
const GIT_WITHOUT_INPUT: &[&[u8]] = &[
    b"branch",
    b"describe",
    b"fetch",
    b"ls-files",
    b"ls-remote",
    b"pull",
    b"remote",
    b"rev-parse",
    b"status",
    b"version",
];
/// Programs that read none where they name files, and how many words stand
/// before those.
const WITH_FILES: &[(&[u8], usize)] = &[
    (b"cat", 0),
    (b"cut", 1),
    (b"grep", 1),
    (b"head", 0),
    (b"jq", 1),
    (b"sha256sum", 0),
    (b"sort", 0),
    (b"tail", 0),
    (b"wc", 0),
];

/// Tells whether a program surely reads nothing from the standard input.
/// `-` and `/dev/stdin` stand for it, and what `find` starts has it, too.
/// A file that is named must surely be one, and no other name of it.
pub(super) fn leaves_input(fields: &[Field], is_file: impl Fn(&Field) -> bool) -> bool {
    let Some((name, words)) = fields.split_first() else {
        return true;
    };
    let names_input = |field: &Field| {
        let starts: [&[u8]; 2] = [b"-exec", b"-ok"];
        let ends: [&[u8]; 3] = [b"=-", b"@-", b"/stdin"];
        let bytes = &*field.bytes;
        !field.is_known
            || (bytes.starts_with(b"-") && bytes.ends_with(b"-"))
            || starts.iter().any(|start| bytes.starts_with(start))
            || ends.iter().any(|end| bytes.ends_with(end))
            || bytes.windows(4).any(|part| part == b"/fd/")
    };
    let files = WITH_FILES.iter().find(|(tool, _)| *tool == name.bytes);
    let leaves = match files {
        Some((_, before)) => {
            let are_plain = words.iter().all(|word| !word.bytes.starts_with(b"-"));
            let named = words.get(*before..).unwrap_or_default();
            are_plain && !named.is_empty() && named.iter().all(is_file)
        }
        None if name.bytes == b"git" => words
            .first()
            .is_some_and(|command| GIT_WITHOUT_INPUT.contains(&&*command.bytes)),
        None => WITHOUT_INPUT.contains(&&*name.bytes),
    };
    leaves && !words.iter().any(names_input)
}

/// Returns the one command of a list.
pub(super) fn single(list: &List) -> Option<&Command> {
    let [and_or] = &*list.0 else { return None };
    let [(_, pipeline)] = &*and_or.pipelines else {
        return None;
    };
    match &*pipeline.commands {
        [only] => Some(only),
        _ => None,
    }
}

/// Tells whether one command alone gets what stands at the standard input of
/// all of them.
pub(super) fn is_alone(list: &List, frame: &Frame) -> bool {
    single(list).is_some_and(|only| is_whole(only, frame))
}

/// Tells whether a command gets what its redirections say as a whole: nothing
/// else of it takes from there before.
pub(super) fn is_whole(command: &Command, frame: &Frame) -> bool {
    let mut redirects = command.redirects.iter();
    let is_plain = redirects.all(|redirect| match &redirect.kind {
        RedirectKind::From(word)
        | RedirectKind::To(word)
        | RedirectKind::Duplicate(word)
        | RedirectKind::HereString(word) => !runs(word),
        RedirectKind::Here(index) => frame.here.get(*index).is_some_and(|text| !runs(text)),
    });
    is_plain
        && match &command.kind {
            Kind::Simple(simple) => {
                let values = simple.assignments.iter();
                let mut values = values.flat_map(|one| one.value.iter().chain(&one.others));
                !values.any(runs)
            }
            Kind::Group(list) | Kind::Subshell(list) => is_alone(list, frame),
            Kind::If(_)
            | Kind::While(..)
            | Kind::For(..)
            | Kind::Case(..)
            | Kind::Function(..)
            | Kind::Test(_)
            | Kind::Arithmetic(_) => false,
        }
}

/// Tells whether the words of a command run others, which take from what it
/// gets before it does.
pub(super) fn shares_with_words(command: &Command) -> bool {
    matches!(&command.kind, Kind::Simple(simple) if simple.words.iter().any(runs))
}

/// Tells whether a word runs commands.
fn runs(word: &Word) -> bool {
    word.pieces.iter().any(|piece| {
        matches!(
            piece,
            Piece::Substitution(_) | Piece::Process(_) | Piece::Opaque { .. }
        )
    })
}

/// Tells whether what commands print is the working folder, which is known and
/// stays one word: `pwd` alone.
pub(super) fn prints_folder(list: &List, scope: &Scope) -> bool {
    let only = single(list).filter(|only| only.redirects.is_empty());
    let Some(Kind::Simple(simple)) = only.map(|only| &only.kind) else {
        return false;
    };
    let is_pwd = match &*simple.words {
        [word] => word.literal().is_some_and(|word| word == b"pwd"),
        _ => false,
    };
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+@,".contains(byte);
    let folder = scope.cwd.as_ref().filter(|_| scope.is_named());
    let folder = folder.map(|cwd| cwd.as_os_str().as_encoded_bytes());
    is_pwd
        && simple.assignments.is_empty()
        && !scope.functions.contains_key(&b"pwd"[..])
        && folder.is_some_and(|folder| folder.iter().all(is_plain))
}

/// Tells whether what commands print is one number, whatever they read: the
/// last of them is `wc -l` or `date +%s`.
pub(super) fn prints_number(list: &List, scope: &Scope) -> bool {
    let [and_or] = &*list.0 else { return false };
    let [(_, pipeline)] = &*and_or.pipelines else {
        return false;
    };
    let command = pipeline.commands.last();
    let command = command.filter(|command| command.redirects.is_empty());
    let Some(Kind::Simple(simple)) = command.map(|command| &command.kind) else {
        return false;
    };
    let words: Option<Vec<Vec<u8>>> = simple.words.iter().map(Word::literal).collect();
    let words = words.unwrap_or_default();
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let prints = matches!(
        &*words,
        [b"wc", b"-l" | b"-c" | b"-m" | b"-w"] | [b"date", b"+%s"]
    );
    let is_own = words
        .first()
        .is_some_and(|name| scope.functions.contains_key(*name));
    prints && !is_own && simple.assignments.is_empty() && scope.is_outside(b"PATH")
}
