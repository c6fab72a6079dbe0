//! Chance that can be repeated: the same seed and number give the same case.

/// A generator of numbers. Source of the steps: `SplitMix64` (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// Returns the dice of one case of a run.
    pub fn of(seed: u64, number: usize) -> Self {
        let mut dice = Self {
            state: seed ^ (number as u64).wrapping_mul(0xd134_2543_de82_ef95),
        };
        dice.roll();
        dice
    }

    fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`, and 0 where `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        // A remainder of a 64-bit number: the bias is far below what a test sees.
        usize::try_from(self.roll() % (end.max(1) as u64)).unwrap_or(0)
    }

    /// Returns `true` in so many of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Returns one of the items; the default where there is none.
    pub fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let index = self.below(items.len());
        items.get(index).copied().unwrap_or_default()
    }

    /// Returns one of the lines of a text.
    pub fn line<'t>(&mut self, text: &'t str) -> &'t str {
        let lines: Vec<&str> = text.lines().collect();
        self.pick(&lines)
    }

    /// Mixes the items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn the_same_seed_and_number_give_the_same_throws() {
        let throws = |seed, number| {
            let mut dice = Dice::of(seed, number);
            [0; 8].map(|_| dice.below(1000))
        };
        assert_eq!(throws(7, 3), throws(7, 3));
        assert_ne!(throws(7, 3), throws(7, 4));
        assert_ne!(throws(7, 3), throws(8, 3));
    }

    #[test]
    fn every_item_is_thrown() {
        let mut dice = Dice::of(1, 1);
        let mut seen: Vec<&str> = (0..200).map(|_| dice.pick(&["a", "b", "c"])).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, ["a", "b", "c"]);
        assert_eq!(dice.pick::<&str>(&[]), "");
    }
}
