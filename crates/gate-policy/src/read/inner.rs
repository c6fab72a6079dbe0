//! Commands inside a command: each is read as one of its own, and what it does
//! and reads counts for the outer one.

use std::ffi::OsString;
use std::ops::Range;
use std::path::Path;

use super::paths::plain_join;
use super::secrets::{before_execution, replaced};
use super::words::shown;
use super::written::{Account, FilesInside};
use super::{fed, quoting};
use crate::command_line::{CommandLine, Environment, NoFiles, Stdin};
use crate::effect::Effect;
use crate::invocation::{
    EnvironmentAction, InnerCommand, Input, InputKind, Invocation, Nested, Place, Placement,
    SecretPlace, SecretSpan,
};
use crate::profile::Profiles;

/// How deep commands in commands are read.
const MAX_DEPTH: u8 = 12;
/// The most commands inside of one that are read, all of them together.
const MAX_COMMANDS: u32 = 300;
/// The folders whose programs are what their names say.
const SYSTEM_FOLDERS: &[&[u8]] = &[
    b"/bin/",
    b"/sbin/",
    b"/usr/bin/",
    b"/usr/sbin/",
    b"/usr/local/bin/",
    b"/usr/local/sbin/",
];

/// How deep a reading stands in others, and how much may still be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nesting<'a> {
    depth: u8,
    pub(crate) account: &'a Account,
    profiles: &'a Profiles,
}

impl<'a> Nesting<'a> {
    pub(super) fn outermost(profiles: &'a Profiles, account: &'a Account) -> Self {
        account.left.set(MAX_COMMANDS);
        Self {
            depth: 0,
            account,
            profiles,
        }
    }

    /// Returns the profiles by which all of it is read.
    pub(super) fn profiles(self) -> &'a Profiles {
        self.profiles
    }

    /// Tells whether nothing stands around it: its environment is the caller's own.
    pub(crate) fn is_outermost(self) -> bool {
        self.depth == 0
    }

    /// Returns how a command in this one stands, if it is still read.
    pub(crate) fn deeper(self) -> Option<Self> {
        let left = self.account.left.get().checked_sub(1)?;
        self.account.left.set(left);
        let depth = self.depth + 1;
        (depth <= MAX_DEPTH).then_some(Self { depth, ..self })
    }
}

/// Where a word of an inner command stands in the outer one's argv.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) argv_index: usize,
    pub(crate) range: Range<usize>,
    /// Whether the bytes there are those of the word: there are no quotes and
    /// no escapes in it.
    pub(crate) is_verbatim: bool,
}

/// A command inside another one, before it is read.
pub(crate) struct Inner<'w> {
    pub(crate) argv: Vec<OsString>,
    /// One for each word; nothing where no word of argv holds it.
    pub(crate) origins: Vec<Option<Origin>>,
    /// The word of the outer argv that it is made of, where that is one.
    pub(crate) within: Option<usize>,
    pub(crate) env: &'w Environment,
    /// Whether it gets the outer command's environment, changed or not.
    pub(crate) inherits: bool,
    pub(crate) cwd: &'w Path,
    pub(crate) stdin: Stdin<'w>,
    /// Whether its standard input is the outer one's.
    pub(crate) shares_stdin: bool,
    /// Where its standard input comes from, where another command or a file gives it.
    pub(crate) fed: Option<Placement>,
    pub(crate) place: Place,
    /// What is not known of it: it is then `unknown`, whatever it is read as.
    pub(crate) doubts: Vec<String>,
}

/// Reads a command inside `line` and adds what it does.
pub(crate) fn absorb(
    line: &CommandLine<'_>,
    nesting: Nesting<'_>,
    inner: &Inner<'_>,
    invocation: &mut Invocation,
) {
    let Some(nesting) = nesting.deeper() else {
        let why = "there are more commands in it, or they stand deeper, than gate reads";
        invocation.add(Effect::Unknown, why);
        return;
    };
    let is_here = inner.place == Place::Here;
    let nothing = Environment::default();
    let files = FilesInside(line.files);
    let inside = CommandLine {
        argv: &inner.argv,
        env: if is_here { inner.env } else { &nothing },
        cwd: inner.cwd,
        // What a person types is not known there either; any other input is no file of here.
        stdin: if is_here || inner.stdin == Stdin::Terminal {
            inner.stdin
        } else {
            Stdin::Absent
        },
        files: if is_here { &files } else { &NoFiles },
    };
    let mut read = super::read_nested(&inside, nesting);
    // What is set for the outer command need not reach it, or reaches others too.
    read.way_out = Some("it stands inside another command");
    if is_here {
        doubt(line, inner, &mut read);
    }
    let values = read.secret_values(inside.argv, |name| inside.env.get(name));
    for reason in &inner.doubts {
        read.add(Effect::Unknown, super::masked_prose(reason, &values));
    }
    if let Some(placement) = inner.fed {
        fed::note(&mut read, placement);
    }
    read.effect = read.effects.strictest();
    add_secrets(line, inner, (&read, inside.argv), invocation);
    add_effects(inner, &read, invocation);
    if is_here {
        add_inputs(line, inner, &read, invocation);
        add_environment(line, &read, invocation);
        add_target(&read, invocation);
    }
    let argv = masked_words(&inner.argv, &read.secrets);
    let nested = Nested {
        language: "command".into(),
        text: argv.join(" "),
        effect: read.effect,
        inner: Some(Box::new(InnerCommand {
            invocation: read,
            argv,
            cwd: inner.cwd.to_owned(),
            place: inner.place,
        })),
    };
    invocation.nested.push(nested);
}

/// Makes a command unknown whose program is a file of the working folder: who
/// writes there decides what it is. One that stands elsewhere, or is looked for
/// in PATH, is what the caller's own setup says.
pub(super) fn doubt_program_of_folder(line: &CommandLine<'_>, read: &mut Invocation) {
    let Some(program) = line.argv.first().map(|word| word.as_encoded_bytes()) else {
        return;
    };
    if !program.contains(&b'/') {
        return;
    }
    let path = plain_join(line.cwd, &crate::read::path_of(program));
    let is_of_folder = !program.starts_with(b"/") || path.starts_with(line.cwd);
    if is_of_folder && !is_of_system(path.as_os_str().as_encoded_bytes()) {
        doubt_program(program, read);
    }
}

fn doubt_program(program: &[u8], read: &mut Invocation) {
    let program = shown(program);
    let why = format!("`{program}` need not be the program that its name says");
    read.add(Effect::Unknown, &why);
}

/// Tells whether a path stands right in a folder of the system.
fn is_of_system(program: &[u8]) -> bool {
    SYSTEM_FOLDERS.iter().any(|folder| {
        let name = program.strip_prefix(*folder);
        name.is_some_and(|name| !name.contains(&b'/'))
    })
}

/// Adds what makes the program itself, or its surroundings, uncertain.
fn doubt(line: &CommandLine<'_>, inner: &Inner<'_>, read: &mut Invocation) {
    let program = inner.argv.first().map(|word| word.as_encoded_bytes());
    let program = program.unwrap_or_default();
    let is_path = program.contains(&b'/');
    if is_path && !is_of_system(program) {
        doubt_program(program, read);
    }
    let path = inner.env.get("PATH");
    // Without one the system's own is taken.
    let is_set = inner.inherits || path.is_some();
    if !is_path && is_set && path != line.env.get("PATH") {
        read.add(Effect::Unknown, "it is looked for in another PATH");
    }
    let home = inner.env.get("HOME");
    if home.is_some() && home != line.env.get("HOME") {
        read.add(Effect::Unknown, "it reads its files in another HOME");
    }
    let is_relative = |part: &[u8]| !part.starts_with(b"/");
    let mut parts = path.map(|path| path.as_encoded_bytes().split(|byte| *byte == b':'));
    if !is_path && parts.as_mut().is_some_and(|parts| parts.any(is_relative)) {
        let why = "PATH has a folder that depends on the working directory";
        read.add(Effect::Unknown, why);
    }
    let cannot_change = |note: &&crate::invocation::EnvironmentNote| {
        let is_same = inner.inherits && inner.env.get(&note.name) == line.env.get(&note.name);
        let is_changed = match note.action {
            EnvironmentAction::Set(_)
            | EnvironmentAction::Stripped
            | EnvironmentAction::FirstKept => true,
            EnvironmentAction::Binds
            | EnvironmentAction::Merges
            | EnvironmentAction::MakesUnknown => false,
        };
        is_changed && !is_same
    };
    let mut notes = read.environment.iter();
    if let Some(note) = notes.find(cannot_change) {
        let name = shown(note.name.as_encoded_bytes());
        let why = format!(
            "`{name}` is set or cleared in between, where gate can't change it: {}",
            note.why
        );
        read.add(Effect::Unknown, &why);
    }
}

fn add_effects(inner: &Inner<'_>, read: &Invocation, invocation: &mut Invocation) {
    let mut effects = read.effects;
    if inner.place == Place::Elsewhere {
        // Whatever it is, it is run: that is `execute`. That nothing more is
        // known of it adds nothing to that.
        if !invocation.own_effects.contains(Effect::Execute) {
            invocation.add(Effect::Execute, "what it passes on runs elsewhere");
        }
        effects = effects.without(Effect::Unknown).without(Effect::Read);
    }
    invocation.effects = invocation.effects.union(effects);
    for reason in &read.reasons {
        if !invocation.reasons.contains(reason) {
            invocation.reasons.push(reason.clone());
        }
    }
}

/// Adds its inputs: with the word that names them where the bytes stand there
/// as they are, else by their paths alone.
fn add_inputs(
    line: &CommandLine<'_>,
    inner: &Inner<'_>,
    read: &Invocation,
    invocation: &mut Invocation,
) {
    for input in &read.inputs {
        if input.kind == InputKind::Stdin {
            // `-f -`: the word that names it is one of the inner command.
            if inner.shares_stdin {
                invocation.add_stdin(&input.role, input.placement);
            }
            continue;
        }
        let mut input = input.clone();
        if inner.cwd != line.cwd && matches!(input.kind, InputKind::File | InputKind::Directory) {
            input.path = plain_join(inner.cwd, &input.path);
        }
        let origin = input
            .argv_index
            .and_then(|index| inner.origins.get(index)?.as_ref());
        match origin.filter(|origin| origin.is_verbatim) {
            Some(origin) => {
                let start = origin.range.start;
                input.argv_index = Some(origin.argv_index);
                input.range = start + input.range.start..start + input.range.end;
            }
            None if input.argv_index.is_some() => {
                input.argv_index = None;
                input.range = 0..0;
                if input.placement == Placement::Anywhere {
                    input.placement = Placement::InPlace;
                }
            }
            None => {}
        }
        // A loop or a function names one word more than once.
        let is_known = |known: &Input| {
            known.path == input.path
                && known.range == input.range
                && known.argv_index == input.argv_index
        };
        if !invocation.inputs.iter().any(is_known) {
            invocation.inputs.push(input);
        }
    }
}

/// Adds the variables that reach it as the outer command gets them.
pub(super) fn add_environment(
    line: &CommandLine<'_>,
    read: &Invocation,
    invocation: &mut Invocation,
) {
    for note in &read.environment {
        let is_stricter = |known: &EnvironmentAction| {
            matches!(known, EnvironmentAction::Binds) && *known != note.action
        };
        let known = invocation.environment.iter_mut();
        let mut known = known.filter(|known| known.name == note.name);
        let reaches =
            line.env.get(&note.name).is_some() || matches!(note.action, EnvironmentAction::Set(_));
        match known.next() {
            Some(known) if is_stricter(&known.action) => *known = note.clone(),
            None if reaches => invocation.environment.push(note.clone()),
            Some(_) | None => {}
        }
    }
    let from_outside = |span: &&SecretSpan| match &span.place {
        SecretPlace::Env(name) => line
            .env
            .get(name)
            .is_some_and(|value| value.len() >= span.range.end),
        SecretPlace::Argv(_) => false,
    };
    let spans = read.secrets.iter().filter(from_outside).cloned();
    invocation.secrets.extend(spans);
}

/// Takes over the fields of the target that nothing else sets.
fn add_target(read: &Invocation, invocation: &mut Invocation) {
    for (field, value) in &read.target {
        invocation
            .target
            .entry(field.clone())
            .or_insert_with(|| value.clone());
    }
}

/// Marks its secrets where they stand in the outer command. Where that is not
/// known, the whole word that they come from is one.
fn add_secrets(
    line: &CommandLine<'_>,
    inner: &Inner<'_>,
    (read, argv): (&Invocation, &[OsString]),
    invocation: &mut Invocation,
) {
    for span in &read.secrets {
        let SecretPlace::Argv(index) = &span.place else {
            continue;
        };
        let word = argv.get(*index).map(|word| word.as_encoded_bytes());
        let secret = word.and_then(|word| word.get(span.range.clone()));
        let origin = inner.origins.get(*index).and_then(Option::as_ref);
        let (outer, range) = match origin {
            Some(origin) if origin.is_verbatim => {
                let start = origin.range.start;
                let range = start + span.range.start..start + span.range.end;
                (origin.argv_index, range)
            }
            Some(origin) => (origin.argv_index, quoted(line, origin, secret)),
            None => match inner.within {
                Some(outer) => (outer, 0..line.argv.get(outer).map_or(0, |word| word.len())),
                None => continue,
            },
        };
        let rest = line.argv.get(outer);
        let rest = rest.and_then(|word| word.as_encoded_bytes().get(range.end..));
        if rest.is_some_and(leads_to_a_variable) {
            // `Bearer $TOKEN`: what is secret is not there yet.
            continue;
        }
        if let Some((origin, secret)) = origin.zip(secret)
            && !origin.is_verbatim
        {
            add_copies(line, (outer, secret), span, invocation);
        }
        invocation.secrets.push(SecretSpan {
            place: SecretPlace::Argv(outer),
            range,
            kind: span.kind.clone(),
        });
    }
}

/// The shortest secret of which copies are looked for.
const SHORTEST_COPY: usize = 6;

/// Marks a secret wherever it stands in the word that it comes from: a variable that has it got it
/// there.
fn add_copies(
    line: &CommandLine<'_>,
    (outer, secret): (usize, &[u8]),
    span: &SecretSpan,
    invocation: &mut Invocation,
) {
    // What is executed inside of it has to be read.
    let is_plain = secret.len() >= SHORTEST_COPY && !secret.iter().any(|byte| b"$`".contains(byte));
    let Some(word) = line.argv.get(outer).filter(|_| is_plain) else {
        return;
    };
    let windows = word.as_encoded_bytes().windows(secret.len()).enumerate();
    for (at, _) in windows.filter(|(_, part)| *part == secret) {
        invocation.secrets.push(SecretSpan {
            place: SecretPlace::Argv(outer),
            range: at..at + secret.len(),
            kind: span.kind.clone(),
        });
    }
}

/// Tells whether a blank and the value of a variable follow.
fn leads_to_a_variable(rest: &[u8]) -> bool {
    rest.first() == Some(&b' ') && rest.trim_ascii_start().first() == Some(&b'$')
}

/// Returns where a secret stands in the text that its word comes from. Between
/// quotes it stands as it is, mostly, and what is around it has to be read by
/// who approves; so has what is executed inside of it.
fn quoted(line: &CommandLine<'_>, origin: &Origin, secret: Option<&[u8]>) -> Range<usize> {
    let start = origin.range.start;
    let outer = line.argv.get(origin.argv_index);
    let text = outer.and_then(|word| word.as_encoded_bytes().get(origin.range.clone()));
    if let Some((text, secret)) = text.zip(secret)
        && let Some(at) = quoting::place(text, secret)
    {
        return start + at.start..start + at.end;
    }
    let is_single = text.is_some_and(|text| text.starts_with(b"'"));
    let secret = match secret {
        Some(secret) if !is_single => Some(before_execution(secret)),
        other => other,
    };
    let found = text
        .zip(secret)
        .and_then(|(text, secret)| only(text, secret));
    match found {
        Some(at) => start + at.start..start + at.end,
        None => origin.range.clone(),
    }
}

/// Returns where a secret stands in a text, if it stands there once.
pub(super) fn only(text: &[u8], secret: &[u8]) -> Option<Range<usize>> {
    let size = secret.len();
    if size == 0 {
        return None;
    }
    let mut found = text
        .windows(size)
        .enumerate()
        .filter(|(_, part)| *part == secret);
    let (at, _) = found.next()?;
    found.next().is_none().then_some(at..at + size)
}

/// Returns the words for people, their secrets masked.
pub(crate) fn masked_words(argv: &[OsString], secrets: &[SecretSpan]) -> Vec<String> {
    let words = argv.iter().enumerate();
    words
        .map(|(index, word)| {
            let mut spans: Vec<&Range<usize>> = secrets
                .iter()
                .filter(|span| span.place == SecretPlace::Argv(index))
                .map(|span| &span.range)
                .collect();
            spans.sort_by_key(|range| range.start);
            replaced(word.as_encoded_bytes(), spans.into_iter().cloned())
        })
        .collect()
}
