//! Puts pieces in an order in which each command needs few windows of memory.
//!
//! A page fault maps a window of 64 KiB around it, and each costs as much again when the program
//! ends. Which order needs the fewest of them is a travelling salesman's question; what is looked
//! for is a good one, and the same one each time.

use std::collections::{BTreeMap, BTreeSet};

use crate::map::Piece;

/// What the kernel maps around a page fault. Source: `fault_around_bytes` of Linux, its default.
const WINDOW_BYTES: u64 = 64 << 10;
/// What the linker puts a function at a multiple of.
const ALIGNED_BYTES: u64 = 16;
/// How many other places are tried.
const TRIALS: usize = 4_000;

/// Pieces that the same commands need.
struct Group<'m> {
    commands: BTreeSet<usize>,
    pieces: Vec<&'m Piece>,
    bytes: u64,
}

/// Returns the pieces, those that the same commands need together, so that all commands need few
/// windows. `touched` are the pieces of each command.
pub(crate) fn least<'m>(pieces: Vec<&'m Piece>, touched: &[Vec<&Piece>]) -> Vec<&'m Piece> {
    let mut order = groups(pieces, touched);
    if order.is_empty() {
        return Vec::new();
    }
    let mut fewest = windows(&order);
    let mut dice = 1_u64;
    for _ in 0..TRIALS {
        let (from, to) = (roll(&mut dice, order.len()), roll(&mut dice, order.len()));
        let group = order.remove(from);
        order.insert(to, group);
        let now = windows(&order);
        if now <= fewest {
            fewest = now;
        } else {
            let group = order.remove(to);
            order.insert(from, group);
        }
    }
    order.into_iter().flat_map(|group| group.pieces).collect()
}

/// What most commands need comes first, as it is given.
fn groups<'m>(pieces: Vec<&'m Piece>, touched: &[Vec<&Piece>]) -> Vec<Group<'m>> {
    let mut needed: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
    for (command, pieces) in touched.iter().enumerate() {
        for piece in pieces {
            needed.entry(piece.start).or_default().insert(command);
        }
    }
    let mut groups: Vec<Group<'m>> = Vec::new();
    for piece in pieces {
        let commands = needed.remove(&piece.start).unwrap_or_default();
        let bytes = piece.bytes.next_multiple_of(ALIGNED_BYTES);
        match groups.iter_mut().find(|group| group.commands == commands) {
            Some(group) => {
                group.pieces.push(piece);
                group.bytes += bytes;
            }
            None => groups.push(Group {
                commands,
                pieces: vec![piece],
                bytes,
            }),
        }
    }
    groups
}

/// How many windows all commands need, one after the other.
fn windows(order: &[Group<'_>]) -> usize {
    let mut needed = BTreeSet::new();
    let mut start = 0;
    for group in order {
        let end = start + group.bytes;
        for window in start / WINDOW_BYTES..=(end - 1) / WINDOW_BYTES {
            needed.extend(group.commands.iter().map(|command| (*command, window)));
        }
        start = end;
    }
    needed.len()
}

/// Returns a number below `sides`, as a linear congruential generator has it.
///
/// Source: Knuth, The Art of Computer Programming 3.3.4, the constants of MMIX.
fn roll(dice: &mut u64, sides: usize) -> usize {
    *dice = dice
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*dice >> 33).unwrap_or_default() % sides
}
