//! How the kernel will start a file: as a program, through an interpreter, or by a shell.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::head::Head;

/// The kernel reads no more of an interpreter line than this (`BINPRM_BUF_SIZE`).
const INTERPRETER_LINE_BYTES: usize = 256;

/// What a tool's first bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolKind {
    /// A program that the kernel loads itself.
    Elf,
    /// A script with an interpreter line (`#!`).
    Script {
        /// The interpreter, as written: for `#!/usr/bin/env python3` it is `/usr/bin/env`.
        interpreter: PathBuf,
        /// The rest of the line, one argument at most, as `execve(2)` passes it.
        argument: Option<Vec<u8>>,
    },
    /// Anything else: a script without an interpreter line, another format, or not readable.
    Other,
}

/// Looks at the first bytes of a file; one that can't be read has none.
pub(super) fn of(head: &Head<'_>) -> ToolKind {
    let head = head.bytes();
    let head = head.get(..INTERPRETER_LINE_BYTES).unwrap_or(head);
    if head.starts_with(b"\x7fELF") {
        return ToolKind::Elf;
    }
    head.strip_prefix(b"#!")
        .and_then(parse_interpreter_line)
        .unwrap_or(ToolKind::Other)
}

fn parse_interpreter_line(line: &[u8]) -> Option<ToolKind> {
    let line = line.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let is_blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let end = line.iter().position(is_blank).unwrap_or(line.len());
    let (interpreter, rest) = line.split_at_checked(end)?;
    if interpreter.is_empty() {
        return None;
    }
    let argument = rest.trim_ascii();
    Some(ToolKind::Script {
        interpreter: PathBuf::from(OsStr::from_bytes(interpreter)),
        argument: (!argument.is_empty()).then(|| argument.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn kind_of(bytes: &[u8]) -> ToolKind {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        of(&Head::read(&file))
    }

    fn script(interpreter: &str, argument: Option<&[u8]>) -> ToolKind {
        ToolKind::Script {
            interpreter: PathBuf::from(interpreter),
            argument: argument.map(<[u8]>::to_vec),
        }
    }

    #[test]
    fn the_interpreter_line_is_read_as_the_kernel_reads_it() {
        let long = [b"#!/", [b'x'; 400].as_slice()].concat();
        let cases: [(&[u8], ToolKind); 8] = [
            (b"#!/bin/sh\necho", script("/bin/sh", None)),
            (
                b"#! /usr/bin/env python3 -u\n",
                script("/usr/bin/env", Some(b"python3 -u")),
            ),
            (b"#!\t/bin/sh\t-e  \n", script("/bin/sh", Some(b"-e"))),
            (b"#!/bin/sh", script("/bin/sh", None)),
            (b"#!\n", ToolKind::Other),
            (b"echo hello\n", ToolKind::Other),
            (b"", ToolKind::Other),
            (b"\x7fELF\x02\x01", ToolKind::Elf),
        ];
        for (bytes, kind) in cases {
            assert_eq!(kind_of(bytes), kind, "{bytes:?}");
        }
        assert!(matches!(kind_of(&long), ToolKind::Script { .. }));
    }
}
