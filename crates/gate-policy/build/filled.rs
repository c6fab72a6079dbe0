//! Tables that the crate finds a text in at once.

use crate::slots;

/// Puts an entry at the place at which its text will be looked for, or behind it. An empty place
/// holds 0, and one has to be left.
pub(crate) fn fill<E: Copy + Default + PartialEq>(table: &mut [E], text: &[u8], entry: E) {
    let mut place = slots::first(text, table.len());
    while table.get(place).is_some_and(|found| *found != E::default()) {
        place = slots::next(place, table.len());
    }
    if let Some(free) = table.get_mut(place) {
        *free = entry;
    }
}
