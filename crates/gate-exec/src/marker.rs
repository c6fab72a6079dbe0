//! How gate knows its own programs and folders, whatever they are called.
//!
//! Each program that links this crate carries one ELF note; a hard link, a copy or another version
//! of gate is recognised by it, so that a shim never takes another shim for the tool. The note
//! is found through the program headers: a few hundred bytes are read, whatever the file's size.

use std::fs::File;

use crate::head::Head;

/// A file of this name marks a folder of gate shims; nothing in such a folder is ever the tool.
pub const SHIM_FOLDER_MARKER: &str = ".gate-shims";

/// An ELF note: sizes, type, name and descriptor, as in `elf(5)`.
#[repr(C, align(4))]
struct Note {
    name_bytes: u32,
    descriptor_bytes: u32,
    kind: u32,
    name: [u8; 8],
    descriptor: [u8; 16],
}

#[used]
// SAFETY: the section holds plain notes, and this is a well-formed one with no pointers.
#[unsafe(link_section = ".note.gate")]
static MARKER: Note = Note {
    name_bytes: 5,
    descriptor_bytes: 16,
    kind: 1,
    name: *b"gate\0\0\0\0",
    descriptor: DESCRIPTOR,
};

/// Drawn once at random; it has no meaning and never changes, so that versions know each other.
const DESCRIPTOR: [u8; 16] = [
    0x9d, 0x1c, 0x4e, 0x73, 0xb0, 0x5a, 0x48, 0xf6, 0x8e, 0x21, 0xd7, 0x3b, 0x66, 0xc5, 0x0f, 0xa4,
];

const ELF_HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: usize = 56;
/// Real programs have about a dozen headers; a file that claims more than this is not read on.
const MAX_PROGRAM_HEADERS: u16 = 64;
/// All notes of a program together take a few hundred bytes.
const MAX_NOTE_BYTES: u64 = 4096;
const PT_NOTE: u32 = 4;

/// Returns whether the open file is a gate program (or a copy of one). A file that cannot be
/// read, or is no 64-bit little-endian ELF file, is none.
pub fn is_gate_program(file: &File) -> bool {
    begins_gate_program(&Head::read(file))
}

/// As [`is_gate_program`], of a file whose beginning was read already.
pub(crate) fn begins_gate_program(head: &Head<'_>) -> bool {
    let header = head.bytes();
    if header.len() < ELF_HEADER_BYTES || !header.starts_with(b"\x7fELF\x02\x01") {
        return false;
    }
    let (Some(table), Some(entry_bytes), Some(count)) =
        (u64_at(header, 32), u16_at(header, 54), u16_at(header, 56))
    else {
        return false;
    };
    if usize::from(entry_bytes) != PROGRAM_HEADER_BYTES || count > MAX_PROGRAM_HEADERS {
        return false;
    }
    let Some(headers) = head.copy(table, usize::from(count) * PROGRAM_HEADER_BYTES) else {
        return false;
    };
    headers
        .chunks_exact(PROGRAM_HEADER_BYTES)
        .any(|header| carries_marker(head, header))
}

fn carries_marker(head: &Head<'_>, header: &[u8]) -> bool {
    let (Some(kind), Some(offset), Some(length)) =
        (u32_at(header, 0), u64_at(header, 8), u64_at(header, 32))
    else {
        return false;
    };
    if kind != PT_NOTE || length > MAX_NOTE_BYTES {
        return false;
    }
    let notes = head.copy(offset, usize::try_from(length).unwrap_or_default());
    notes.is_some_and(|notes| {
        let mut windows = notes.windows(DESCRIPTOR.len());
        windows.any(|window| window == MARKER.descriptor)
    })
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(field.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(field.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn this_test_links_the_crate_and_is_a_gate_program() {
        let file = File::open("/proc/self/exe").unwrap();
        assert!(is_gate_program(&file));
    }

    #[test]
    fn the_shell_is_no_gate_program() {
        assert!(!is_gate_program(&File::open("/bin/sh").unwrap()));
    }

    #[test]
    fn headers_that_point_nowhere_are_no_gate_program() {
        for (count, table) in [(0_u16, 0_u64), (64, u64::MAX), (u16::MAX, 64), (3, 60)] {
            let mut header = [0_u8; ELF_HEADER_BYTES];
            header[..6].copy_from_slice(b"\x7fELF\x02\x01");
            header[32..40].copy_from_slice(&table.to_le_bytes());
            header[54..56].copy_from_slice(&56_u16.to_le_bytes());
            header[56..58].copy_from_slice(&count.to_le_bytes());
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&header).unwrap();
            assert!(!is_gate_program(&file), "{count} headers at {table}");
        }
    }
}
