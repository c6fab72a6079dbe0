//! What a command would read besides argv: files, directories, URLs, stdin.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::effects::{pattern_matches, selected};
use super::words::Parsed;
use crate::command_line::{CommandLine, FileKind};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation};
use crate::profile::Style;

/// One name of an input: its bytes, its word and where it starts there.
struct Named<'a> {
    bytes: &'a [u8],
    argv_index: usize,
    start: usize,
}

pub(super) fn find(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    for used in &parsed.uses {
        let (Some(value), role) = (used.value, used.flag.map_or("", |flag| &flag.input)) else {
            continue;
        };
        let named = Named {
            bytes: value,
            argv_index: used.argv_index,
            start: used.start,
        };
        if !role.is_empty() {
            add_list(line, &named, role, parsed.spec.style, invocation);
        } else if parsed.spec.style == Style::Argparse {
            add_parameter_file(line, &named, invocation);
        }
    }
    let rules = parsed.node().map_or(&[][..], |node| &node.operands);
    for rule in rules.iter().filter(|rule| !rule.input.is_empty()) {
        for operand in selected(&parsed.operands, rule.at) {
            if pattern_matches(&rule.pattern, operand.bytes) {
                let named = Named {
                    bytes: operand.bytes,
                    argv_index: operand.argv_index,
                    start: 0,
                };
                add(line, &named, &rule.input, invocation);
            }
        }
    }
}

/// kubectl takes several files in one value, between commas.
fn add_list(
    line: &CommandLine<'_>,
    named: &Named<'_>,
    role: &str,
    style: Style,
    invocation: &mut Invocation,
) {
    if style != Style::Pflag || role == "kustomization" {
        add(line, named, role, invocation);
        return;
    }
    if named.bytes.contains(&b'"') {
        invocation.add(Effect::Unknown, "a quoted list of files is not understood");
    }
    let mut start = named.start;
    for part in named.bytes.split(|byte| *byte == b',') {
        // `--from-file=key=path`.
        let key = part.iter().position(|byte| *byte == b'=');
        let skip = key.filter(|_| role == "content").map_or(0, |at| at + 1);
        let one = Named {
            bytes: part.get(skip..).unwrap_or_default(),
            argv_index: named.argv_index,
            start: start + skip,
        };
        add(line, &one, role, invocation);
        start += part.len() + 1;
    }
}

/// The AWS CLI reads the value of any parameter from a file when it starts so.
fn add_parameter_file(line: &CommandLine<'_>, named: &Named<'_>, invocation: &mut Invocation) {
    for scheme in [&b"file://"[..], b"fileb://"] {
        if let Some(path) = named.bytes.strip_prefix(scheme) {
            let file = Named {
                bytes: path,
                argv_index: named.argv_index,
                start: named.start + scheme.len(),
            };
            add(line, &file, "parameter", invocation);
        }
    }
}

fn add(line: &CommandLine<'_>, named: &Named<'_>, role: &str, invocation: &mut Invocation) {
    let path = path_of(named.bytes);
    let kind = kind_of(line, named.bytes, &path, role);
    if kind == InputKind::Url {
        invocation.add(
            Effect::Unknown,
            "an input comes over the network and can differ at each fetch",
        );
    }
    invocation.inputs.push(Input {
        kind,
        path,
        argv_index: Some(named.argv_index),
        range: named.start..named.start + named.bytes.len(),
        role: role.to_owned(),
    });
}

fn kind_of(line: &CommandLine<'_>, name: &[u8], path: &std::path::Path, role: &str) -> InputKind {
    let is_remote = [&b"http://"[..], b"https://", b"git@", b"ssh://", b"git::"]
        .iter()
        .any(|scheme| starts_with_ignoring_case(name, scheme));
    if name == b"-" || name == b"/dev/stdin" {
        InputKind::Stdin
    } else if is_remote || (role == "kustomization" && is_remote_base(name)) {
        InputKind::Url
    } else if name.starts_with(b"/dev/fd/") || name.starts_with(b"/proc/") {
        InputKind::Descriptor
    } else if role == "kustomization"
        || name.ends_with(b"/")
        || line.files.kind(&line.cwd.join(path)) == Some(FileKind::Directory)
    {
        InputKind::Directory
    } else {
        InputKind::File
    }
}

/// kustomize takes `github.com/owner/repository?ref=v1` for a repository.
fn is_remote_base(name: &[u8]) -> bool {
    name.starts_with(b"github.com")
        || name.contains(&b'?')
        || name.windows(2).any(|two| two == b"::")
}

fn starts_with_ignoring_case(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Returns a path of bytes that came out of one argv word.
#[cfg(unix)]
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Returns a path of bytes that came out of one argv word; elsewhere than on
/// Unix what is not UTF-8 is replaced and then names no file.
#[cfg(not(unix))]
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::new(&*String::from_utf8_lossy(bytes)))
}
