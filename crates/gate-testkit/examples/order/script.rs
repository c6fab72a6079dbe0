//! The linker script that puts pieces together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::map::{Map, Piece};
use crate::windows;

/// A longer constant is a table of which a command needs a place or two: it would keep apart what
/// is needed whole.
const LARGE_BYTES: u64 = 16 << 10;

/// Returns the script for what commands touched: what all of them need comes first, and of the code
/// what the same commands need lies together.
pub(crate) fn of(map: &Map, touched: &[Vec<&Piece>]) -> String {
    // By the address: how many commands leave it alone, and where it was met first.
    let mut needed: BTreeMap<u64, (usize, usize, usize, &Piece)> = BTreeMap::new();
    for (command, pieces) in touched.iter().enumerate() {
        for (place, piece) in pieces.iter().enumerate() {
            let entry = (touched.len(), command, place, *piece);
            needed.entry(piece.start).or_insert(entry).0 -= 1;
        }
    }
    let mut order: Vec<_> = needed.into_values().collect();
    order.sort_by_key(|(others, command, place, _)| (*others, *command, *place));
    let order: Vec<&Piece> = order.into_iter().map(|(.., piece)| piece).collect();
    let (code, touched_constants): (Vec<&Piece>, Vec<&Piece>) =
        order.into_iter().partition(|piece| piece.is_code());
    let code = windows::least(code, touched);
    let constants = [tables(map, &code), touched_constants].concat();
    let (small, large): (Vec<&Piece>, Vec<&Piece>) = constants
        .into_iter()
        .partition(|piece| piece.bytes <= LARGE_BYTES);
    let mut script = String::new();
    section(&mut script, ".text", &code);
    section(&mut script, ".rodata", &[small, large].concat());
    script
}

/// Returns the tables by which the code jumps, which no register ever points to.
fn tables<'m>(map: &'m Map, code: &[&Piece]) -> Vec<&'m Piece> {
    let functions: BTreeSet<&str> = code
        .iter()
        .filter_map(|piece| piece.section.strip_prefix(".text"))
        .filter(|function| !function.is_empty())
        .collect();
    let is_table = |piece: &&Piece| {
        let function = piece.section.strip_prefix(".rodata");
        function.is_some_and(|function| functions.contains(function))
    };
    map.pieces.iter().filter(is_table).collect()
}

fn section(script: &mut String, name: &str, pieces: &[&Piece]) {
    let mut is_named = BTreeSet::new();
    // Writing to a `String` cannot fail.
    let _ = writeln!(script, "SECTIONS {{ {name}.hot : {{");
    for line in pieces.iter().filter_map(|piece| input(piece)) {
        if is_named.insert(line.clone()) {
            let _ = writeln!(script, "  {line}");
        }
    }
    let _ = writeln!(script, "}} }} INSERT BEFORE {name};");
}

/// Returns how a script names a piece: by its section, where that has a name of its own, else by the
/// member of an archive that it is.
fn input(piece: &Piece) -> Option<String> {
    let file = piece.file.rsplit('/').next()?;
    let member = file
        .strip_suffix(')')
        .and_then(|file| file.split_once(".a("));
    if let Some((archive, member)) = member
        && piece.is_code()
    {
        return Some(format!("*{archive}.a:{member}(.text .text.*)"));
    }
    if file == "crt1.o" {
        return Some("*crt1.o(.text .text.*)".to_owned());
    }
    // `$` begins a word of the linker's own.
    let has_own_name = piece.section.matches('.').count() > 1;
    has_own_name.then(|| format!("*({})", piece.section.replace('$', "?")))
}
