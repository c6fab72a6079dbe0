//! What a command would read besides argv: files, directories, URLs, stdin.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::effects::{is_given, pattern_matches, selected};
use super::named::{Named, positions, shorthand_path};
use super::paths::{path_of, plain_join};
use super::words::{Parsed, shown, split_value};
use crate::command_line::{CommandLine, FileKind};
use crate::effect::Effect;
use crate::glob;
use crate::invocation::{Input, InputKind, Invocation, Placement, WordRole};
use crate::profile::{
    Follows, OperandPattern, OperandRule, StdinSpec, Style, Table, Text, ToolSpec,
};

/// The most inputs of one command that are followed: twice as many as a request
/// can hold, so that whoever has a few too many is told how many they are.
const MAX_INPUTS: usize = 2_000;

/// What a profile says of an input.
#[derive(Clone, Copy)]
struct Kind<'a> {
    role: &'a Text,
    in_place: &'a [Text],
    copied: &'a [Text],
    follows: Follows,
}

/// A parameter of the AWS CLI that starts with `file://` or an address.
const PARAMETER: Kind<'static> = Kind {
    role: &Cow::Borrowed("parameter"),
    in_place: &[],
    copied: &[],
    follows: Follows::Nothing,
};

/// The same of a command that gate does not know: there it may be no parameter.
const LIKELY_PARAMETER: Kind<'static> = Kind {
    in_place: &[Cow::Borrowed("*")],
    ..PARAMETER
};

/// Where the inputs of a command are found.
struct Finder<'a> {
    line: &'a CommandLine<'a>,
    /// The folder that names are taken from, where an option moves it.
    moved: Option<Cow<'a, Path>>,
    style: Style,
    /// Whether it only prints what its inputs make.
    prints: bool,
}

pub(super) fn find(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let options = parsed.uses.iter().map(|used| (&used.name, used.value));
    let moved = moved(line.cwd, parsed.spec, options);
    let finder = Finder {
        line,
        moved: (*moved != *line.cwd).then_some(moved),
        style: parsed.spec.style,
        prints: parsed.spec.name == "kubectl" && parsed.path == ["kustomize"],
    };
    for used in &parsed.uses {
        let Some(value) = used.value else { continue };
        let named = Named {
            bytes: value,
            argv_index: used.argv_index,
            start: used.start,
        };
        match used.flag.filter(|flag| !flag.input.is_empty()) {
            Some(flag) if !matches_any(&flag.not_input, value) => {
                let kind = Kind {
                    role: &flag.input,
                    in_place: &flag.in_place,
                    copied: &flag.copied,
                    follows: flag.follows,
                };
                if !flag.is_behind_at {
                    finder.add_list(&named, kind, invocation);
                } else if let Some(file) = named.behind_at() {
                    finder.add(&file, kind, invocation);
                }
            }
            None if finder.style == Style::Argparse => {
                if may_name_one(value) && is_loaded(parsed.spec, &parsed.path, &used.name) {
                    finder.add_parameter_files(&named, PARAMETER, invocation);
                }
                let named = (&*used.name, value, used.argv_index, used.start);
                super::mentioned::add_named_folder(line, named, invocation);
            }
            None if finder.style == Style::Python => {
                super::mentioned::add_named(line, (value, used.argv_index, used.start), invocation);
                let named = (&*used.name, value, used.argv_index, used.start);
                super::mentioned::add_named_folder(line, named, invocation);
            }
            Some(_) | None => {}
        }
    }
    if finder.style == Style::Argparse {
        finder.add_from_operands(parsed, invocation);
        finder.add_from_unread(parsed, invocation);
    }
    finder.add_operands(parsed, invocation);
    if finder.style == Style::Python {
        super::mentioned::in_operands(line, parsed, invocation);
    }
    let node = parsed.node();
    if let Some(spec) = node.and_then(|node| node.stdin.as_ref())
        && reads_stdin(parsed, spec)
    {
        super::mentioned::add_stdin(line, &spec.role, invocation);
    }
}

/// Tells whether a parameter of the AWS CLI can name a file or an address at all: each form of it
/// has a `:`.
fn may_name_one(value: &[u8]) -> bool {
    value.contains(&b':')
}

/// Tells whether the AWS CLI looks whether a parameter, or an operand where the
/// name is empty, names a file or an address. Of its global options none does.
fn is_loaded(spec: &ToolSpec, path: &[Text], name: &str) -> bool {
    let globals = spec.global_flags();
    let is_global = globals.binary_search_by(|flag| flag.name.as_ref().cmp(name));
    is_global.is_err() && !spec.is_literal(path, name)
}

fn reads_stdin(parsed: &Parsed<'_>, spec: &StdinSpec) -> bool {
    let is_on = |names: &Table<Text>| {
        let mut uses = parsed.uses.iter();
        uses.any(|used| used.on && names.contains(&used.name))
    };
    (spec.given.is_empty() || is_on(&spec.given))
        && !is_on(&spec.unless)
        && (!spec.is_without_operands || parsed.operands.is_empty())
}

/// Returns the folder that files are taken from: the working directory after
/// the options that move it. git goes from where the one before it led, every
/// other tool to what the last one names.
pub(super) fn moved<'a, 'c>(
    cwd: &'c Path,
    spec: &ToolSpec,
    options: impl Iterator<Item = (&'a Cow<'static, str>, Option<&'a [u8]>)>,
) -> Cow<'c, Path> {
    let is_each = spec.style == Style::Git;
    options
        .filter(|(name, _)| spec.moved_by.contains(*name))
        .filter_map(|(_, value)| value)
        .fold(Cow::Borrowed(cwd), |folder, value| {
            let from = if is_each { &*folder } else { cwd };
            Cow::Owned(plain_join(from, &path_of(value)))
        })
}

fn matches_any(patterns: &[Text], name: &[u8]) -> bool {
    let mut patterns = patterns.iter();
    patterns.any(|pattern| glob::matches(pattern.as_bytes(), name))
}

impl Finder<'_> {
    /// Adds the files that operands name where the profile says so.
    fn add_operands(&self, parsed: &Parsed<'_>, invocation: &mut Invocation) {
        let rules = parsed.node().map_or(&[][..], |node| &node.operands);
        let names_files = |rule: &&OperandRule| !rule.input.is_empty() && is_given(parsed, rule);
        for rule in rules.iter().filter(names_files) {
            let kind = Kind {
                role: &rule.input,
                in_place: &rule.in_place,
                copied: &rule.copied,
                follows: rule.follows,
            };
            for operand in selected(&parsed.operands, rule.at) {
                if pattern_matches((self.line, parsed), &rule.pattern, operand.bytes) {
                    if matches!(rule.pattern, OperandPattern::Wild) {
                        self.add_searched(operand.bytes, &rule.input, invocation);
                        continue;
                    }
                    let named = Named {
                        bytes: operand.bytes,
                        argv_index: operand.argv_index,
                        start: 0,
                    };
                    let named = if rule.is_behind_at {
                        named.behind_at()
                    } else {
                        Some(named)
                    };
                    let is_known = invocation
                        .inputs
                        .iter()
                        .any(|input| input.argv_index == Some(operand.argv_index));
                    if let Some(named) = named.filter(|_| !is_known) {
                        self.add(&named, kind, invocation);
                    }
                }
            }
        }
    }

    /// Adds the folder in which the tool itself looks for what a pattern stands for.
    fn add_searched(&self, pattern: &[u8], role: &Text, invocation: &mut Invocation) {
        let is_plain = |part: &&[u8]| !part.iter().any(|byte| b"*?[".contains(byte));
        let parts = pattern.split(|byte| *byte == b'/').take_while(is_plain);
        let length: usize = parts.map(|part| part.len() + 1).sum();
        let folder = path_of(pattern.get(..length).unwrap_or_default());
        let from = self.moved.as_deref().unwrap_or(self.line.cwd);
        let folder = plain_join(from, &folder);
        invocation.add_input(Input::unnamed(InputKind::Directory, folder, role.clone()));
    }

    /// kubectl takes several files in one value, between commas.
    fn add_list(&self, named: &Named<'_>, kind: Kind<'_>, invocation: &mut Invocation) {
        // So does vault, of keys.
        let is_list = self.style == Style::Pflag || kind.role == "keys";
        if !is_list || kind.follows == Follows::Kustomization {
            self.add(named, kind, invocation);
            return;
        }
        if named.bytes.contains(&b'"') {
            invocation.add(Effect::Unknown, "a quoted list of files is not understood");
        }
        // Other tools of this style take the value for one name.
        let folder = self.moved.as_deref().unwrap_or(self.line.cwd);
        let whole = plain_join(folder, &path_of(named.bytes));
        if named.bytes.contains(&b',') && self.line.files.kind(&whole).is_some() {
            self.add(named, kind, invocation);
        }
        let mut start = named.start;
        for part in named.bytes.split(|byte| *byte == b',') {
            // With `--from-file=KEY=PATH` the name of the file means nothing.
            let key = part.iter().position(|byte| *byte == b'=');
            let key = key.filter(|_| kind.role == "content");
            let skip = key.map_or(0, |at| at + 1);
            let one = Named {
                bytes: part.get(skip..).unwrap_or_default(),
                argv_index: named.argv_index,
                start: start + skip,
            };
            let in_place = if key.is_some() { &[] } else { kind.in_place };
            self.add(&one, Kind { in_place, ..kind }, invocation);
            start += part.len() + 1;
        }
    }

    /// Operands of the AWS CLI are parameters too.
    fn add_from_operands(&self, parsed: &Parsed<'_>, invocation: &mut Invocation) {
        let mut operands = parsed.operands.iter();
        if !operands.any(|operand| may_name_one(operand.bytes))
            || !is_loaded(parsed.spec, &parsed.path, "")
        {
            return;
        }
        for operand in &parsed.operands {
            let named = Named {
                bytes: operand.bytes,
                argv_index: operand.argv_index,
                start: 0,
            };
            self.add_parameter_files(&named, PARAMETER, invocation);
        }
    }

    /// A service or an operation that gate does not know loads its parameters
    /// like any other.
    fn add_from_unread(&self, parsed: &Parsed<'_>, invocation: &mut Invocation) {
        let is_unread = |role: WordRole| role == WordRole::Unknown;
        if !parsed.words.iter().any(|word| is_unread(word.role)) {
            return;
        }
        let mut path = parsed.path.clone();
        let mut name = String::new();
        let words = self.line.argv.iter().zip(&parsed.words).enumerate();
        for (argv_index, (word, _)) in words.filter(|(_, (_, read))| is_unread(read.role)) {
            let word = word.as_encoded_bytes();
            let (bytes, start) = match word.strip_prefix(b"--") {
                Some(option) => {
                    let (before, value) = split_value(option);
                    name = shown(before);
                    value.map_or((&b""[..], 0), |(start, value)| (value, start + 2))
                }
                None if path.len() < 2 => {
                    path.push(shown(word).into());
                    continue;
                }
                None => (word, 0),
            };
            let named = Named {
                bytes,
                argv_index,
                start,
            };
            if is_loaded(parsed.spec, &path, &name) {
                self.add_parameter_files(&named, LIKELY_PARAMETER, invocation);
            }
        }
    }

    /// The AWS CLI reads the value of any parameter from a file or, in version
    /// 1, an address when it starts so, and in its shorthand that of any key
    /// behind `@=`, from a file only.
    fn add_parameter_files(&self, named: &Named<'_>, what: Kind<'_>, invocation: &mut Invocation) {
        let mut addresses = [&b"http://"[..], b"https://"].into_iter();
        if addresses.any(|scheme| named.bytes.starts_with(scheme)) {
            self.add(named, what, invocation);
            return;
        }
        for (scheme, mark) in [
            (&b"file://"[..], &b"@=file://"[..]),
            (b"fileb://", b"@=fileb://"),
        ] {
            if let Some(path) = named.bytes.strip_prefix(scheme) {
                let file = Named {
                    bytes: path,
                    start: named.start + scheme.len(),
                    ..*named
                };
                self.add(&file, what, invocation);
            }
            for at in positions(named.bytes, mark) {
                if invocation.inputs.len() > MAX_INPUTS {
                    return;
                }
                let start = at + mark.len();
                let rest = named.bytes.get(start..).unwrap_or_default();
                let Some(path) = shorthand_path(rest) else {
                    let why = "a file is named in it in a way that gate can't follow";
                    refuse(path_of(named.bytes), what.role, why, invocation);
                    return;
                };
                let file = Named {
                    bytes: path,
                    start: named.start + start,
                    ..*named
                };
                self.add(&file, what, invocation);
            }
        }
    }

    fn add(&self, named: &Named<'_>, what: Kind<'_>, invocation: &mut Invocation) {
        if invocation.inputs.len() >= MAX_INPUTS {
            let why = "nobody can be asked about more than 1000 inputs";
            refuse(path_of(named.bytes), what.role, why, invocation);
            return;
        }
        let name = path_of(named.bytes);
        let kind = self.kind_of(named.bytes, &name, what);
        if kind == InputKind::Url {
            invocation.add(
                Effect::Unknown,
                "an input comes over the network and can differ at each fetch",
            );
        }
        let is_path = matches!(kind, InputKind::File | InputKind::Directory);
        let path = match &self.moved {
            Some(folder) if is_path => plain_join(folder, &name),
            _ => name,
        };
        let is_whole = kind == InputKind::File && !matches_any(what.in_place, named.bytes);
        let placement = if is_path && !is_whole && matches_any(what.copied, named.bytes) {
            Placement::SameName
        } else if matches_any(what.in_place, named.bytes) {
            Placement::InPlace
        } else {
            Placement::Anywhere
        };
        let joined = plain_join(self.line.cwd, &path);
        invocation.inputs.push(Input {
            kind,
            path,
            argv_index: Some(named.argv_index),
            range: named.start..named.start + named.bytes.len(),
            role: what.role.clone(),
            placement,
            skipped: Cow::Borrowed(&[]),
        });
        if is_path && what.follows != Follows::Nothing {
            let place = (placement, self.prints);
            super::followed::follow(self.line, joined, what.follows, place, invocation);
        }
    }

    fn kind_of(&self, name: &[u8], path: &Path, what: Kind<'_>) -> InputKind {
        let is_remote = [
            &b"http://"[..],
            b"https://",
            b"git@",
            b"git://",
            b"ssh://",
            b"git::",
        ]
        .iter()
        .any(|scheme| starts_with_ignoring_case(name, scheme));
        let is_kustomization = what.follows == Follows::Kustomization;
        let folder = self.moved.as_deref().unwrap_or(self.line.cwd);
        // docker takes it for a repository where there is no such folder.
        let is_repository = *what.role == *"build context"
            && name.starts_with(b"github.com/")
            && self.line.files.kind(&folder.join(path)).is_none();
        if name == b"-" || name == b"/dev/stdin" {
            InputKind::Stdin
        } else if is_repository
            || is_remote
            || (is_kustomization && super::followed::looks_remote(name, true))
        {
            InputKind::Url
        } else if name.starts_with(b"/dev/fd/") || name.starts_with(b"/proc/") {
            InputKind::Descriptor
        } else if is_kustomization
            || name.ends_with(b"/")
            || self.line.files.kind(&folder.join(path)) == Some(FileKind::Directory)
        {
            InputKind::Directory
        } else {
            InputKind::File
        }
    }
}

/// Adds what can't be bound, once, so that nobody is asked about the command.
fn refuse(name: PathBuf, role: &Text, why: &'static str, invocation: &mut Invocation) {
    invocation.add(
        Effect::Unknown,
        "it names more files than gate follows, or in a way that gate can't follow",
    );
    let kind = InputKind::Refused { why };
    if invocation.inputs.iter().all(|input| input.kind != kind) {
        invocation
            .inputs
            .push(Input::refused(name, role.clone(), why));
    }
}

fn starts_with_ignoring_case(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::command_line::{Environment, NoFiles, Stdin};

    /// Returns `kind path` of each input that a word names.
    fn inputs(words: &str) -> Vec<String> {
        let argv: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        let invocation = crate::read_invocation(&CommandLine {
            argv: &argv,
            env: &Environment::default(),
            cwd: Path::new("/w"),
            stdin: Stdin::Absent,
            files: &NoFiles,
        });
        let inputs = invocation.inputs.iter();
        let inputs = inputs.filter(|input| input.argv_index.is_some());
        inputs
            .map(|input| format!("{} {}", input.kind.as_str(), input.path.display()))
            .collect()
    }

    #[test]
    fn what_aws_fetches_is_an_address_and_what_stands_for_itself_is_none() {
        for fetches in [
            "aws iam create-policy --policy-document https://h/p",
            "aws iam create-policy --policy-document=https://h/p",
            "aws ec2 describe-tags --filters https://h/p",
            "aws ssm put-parameter --name n --value https://h/p",
            "aws lambda invoke --function-name f https://h/p",
            "aws no-such-service create-x --document https://h/p",
            "aws sns no-such-operation --document=https://h/p",
            "aws sqs purge-queue --queue-u https://h/p",
        ] {
            assert_eq!(inputs(fetches), ["url https://h/p"], "{fetches}");
        }
        for literal in [
            "aws sqs purge-queue --queue-url https://h/p",
            "aws sns subscribe --protocol https --notification-endpoint https://h/p",
            "aws sns subscribe --notification-endpoint=https://h/p",
            "aws no-such-service create-x --endpoint-url https://h/p",
            "aws ec2 describe-tags --endpoint-url=https://h/p",
            "aws configure set proxy https://h/p",
            "aws ec2 create-tags --tags Key=a,Value=https://h/p",
            "aws s3api put-object --website-redirect-location https://h/p",
        ] {
            assert_eq!(inputs(literal), [""; 0], "{literal}");
        }
        let unknown = "aws no-such-service create-x --document file://d.json";
        assert_eq!(inputs(unknown), ["file d.json"]);
    }
}
