//! Tables in which a text is found at once, filled by the build script.
//!
//! Halving a sorted list of thousands takes a dozen steps, each to another place of memory and none
//! of them foreseen by the processor. Here the text itself says where it stands.

/// Returns the place in a table of so many, a power of two, at which a text is looked for first,
/// whatever its case. Where another stands there, the next place is looked at; an empty one ends
/// the search.
pub(crate) fn first(text: &[u8], count: usize) -> usize {
    let (eights, rest) = text.as_chunks::<8>();
    let last = rest
        .iter()
        .fold(0, |last, byte| last << 8 | u64::from(byte | 0x20));
    let mixed = eights.iter().fold(mix(0, last), |mixed, eight| {
        mix(mixed, u64::from_le_bytes(*eight) | 0x2020_2020_2020_2020)
    });
    // The upper bits depend on all that was mixed.
    usize::try_from(mixed >> 40).unwrap_or(0) % count.max(1)
}

/// Returns what stands in a table for a text. `entry` tells what an entry is, and whether it is
/// that of the text; of an empty place it returns nothing.
pub(crate) fn find<'t, E, T>(
    table: &'t [E],
    text: &[u8],
    entry: impl Fn(&'t E) -> Option<(bool, T)>,
) -> Option<T> {
    let mut place = first(text, table.len());
    loop {
        let (is_it, found) = entry(table.get(place)?)?;
        if is_it {
            return Some(found);
        }
        place = next(place, table.len());
    }
}

/// Returns the place behind another.
pub(crate) fn next(place: usize, count: usize) -> usize {
    (place + 1) % count
}

/// The fractional part of the golden ratio spreads what is near to each other.
fn mix(mixed: u64, word: u64) -> u64 {
    (mixed.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_behind_another_at_its_place_and_in_no_empty_table() {
        let texts = ["select", "SELECT", "a longer sentence"];
        let mut table = [0_usize; 4];
        for (index, text) in texts.iter().enumerate() {
            let mut place = first(text.as_bytes(), table.len());
            while table[place] > 0 {
                place = next(place, table.len());
            }
            table[place] = index + 1;
        }
        let look = |text: &str| {
            find(&table, text.as_bytes(), |index| {
                let known = texts.get(index.checked_sub(1)?)?;
                Some((*known == text, *index))
            })
        };
        assert_eq!(texts.map(look), [Some(1), Some(2), Some(3)]);
        assert_eq!(["Select", "", "a longer sentence "].map(look), [None; 3]);
        let empty: [usize; 0] = [];
        assert_eq!(find(&empty, b"x", |_| Some((true, ()))), None);
    }
}
