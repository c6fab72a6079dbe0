//! Finds the rules that can be about a command in the table of a compiled policy.

use super::place::{Key, Part, Place};
use super::rule;
use crate::effect::{Effect, EffectSet};
use crate::encoding::{Decoder, sum};
use crate::invocation::Invocation;

use super::super::rule::Rule;

/// The bytes of an offset.
const OFFSET_BYTES: u32 = 4;

/// The table of a compiled policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'m> {
    file: &'m [u8],
    at: u32,
    buckets: u32,
}

/// A part that lies elsewhere in the file, with its sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) offset: u32,
    pub(super) length: u32,
    pub(super) sum: u64,
}

/// The rules that can match, by where they lie; they lie in the order in which they count.
#[derive(Debug, Default)]
pub(super) struct Found(Vec<u32>);

impl Found {
    /// Returns each place once.
    pub(super) fn in_order(mut self) -> Vec<u32> {
        self.0.sort_unstable();
        self.0.dedup();
        self.0
    }
}

/// Which lists there are at a place.
pub(super) struct Lists<'m> {
    /// Whether one of the rules that say nothing else.
    pub(super) has_others: bool,
    /// Whether anything stands below it, under another word.
    pub(super) has_below: bool,
    /// The effects that there is a list for.
    pub(super) effects: EffectSet,
    /// The fields of a target that there are lists for.
    pub(super) fields: Vec<&'m str>,
}

impl<'m> Table<'m> {
    /// Returns the table of `buckets` offsets at `at`; `None` where the file ends before.
    pub(super) fn new(file: &'m [u8], at: u32, buckets: u32) -> Option<Self> {
        let end = buckets.checked_mul(OFFSET_BYTES)?.checked_add(at)?;
        let is_there = buckets.is_power_of_two() && usize::try_from(end).ok()? <= file.len();
        is_there.then_some(Self { file, at, buckets })
    }

    /// Adds the rules that can be about one command, without those inside it. `None` where the file
    /// is damaged there.
    pub(super) fn find(&self, invocation: &Invocation, found: &mut Found) -> Option<()> {
        for tool in [None, Some(&*invocation.tool)] {
            let command = invocation.command.iter().map(AsRef::as_ref);
            let place = Place {
                tool,
                words: (None, None),
            };
            let Some(lists) = self.lists(&place)? else {
                continue;
            };
            self.collect(&place, &lists, invocation, found)?;
            if !lists.has_below {
                continue;
            }
            self.find_below(place, command, invocation, found)?;
        }
        Some(())
    }

    /// Adds what stands under the first word of the command, and under the second: the compiler
    /// writes which lists there are for a first word also where rules stand under a second alone.
    fn find_below<'i>(
        &self,
        mut place: Place<'i>,
        mut command: impl Iterator<Item = &'i str>,
        invocation: &'i Invocation,
        found: &mut Found,
    ) -> Option<()> {
        place.words.0 = command.next();
        if place.words.0.is_none() {
            return Some(());
        }
        let Some(lists) = self.lists(&place)? else {
            return Some(());
        };
        self.collect(&place, &lists, invocation, found)?;
        place.words.1 = command.next().filter(|_| lists.has_below);
        if place.words.1.is_none() {
            return Some(());
        }
        if let Some(lists) = self.lists(&place)? {
            self.collect(&place, &lists, invocation, found)?;
        }
        Some(())
    }

    fn collect(
        &self,
        place: &Place<'_>,
        lists: &Lists<'_>,
        invocation: &Invocation,
        found: &mut Found,
    ) -> Option<()> {
        if lists.has_others {
            self.list(place.key(Part::Others), found)?;
        }
        for (number, effect) in (0..).zip(Effect::ALL) {
            let effects = invocation.effects;
            let is_met = effects.is_empty() || effects.contains(effect);
            if is_met && lists.effects.contains(effect) {
                self.list(place.key(Part::Effect(number)), found)?;
            }
        }
        for field in &lists.fields {
            if let Some(value) = invocation.target.get(*field) {
                self.list(place.key(Part::Target(field, value)), found)?;
            }
        }
        Some(())
    }

    /// Returns which lists there are at a place: none where nothing stands there.
    #[expect(
        clippy::option_option,
        reason = "damaged, nothing there, and lists are three answers"
    )]
    fn lists(&self, place: &Place<'_>) -> Option<Option<Lists<'m>>> {
        let Some(part) = self.part(place.key(Part::Lists))? else {
            return Some(None);
        };
        let mut from = Decoder::new(self.whole(part)?);
        let has_others = from.truth()?;
        let has_below = from.truth()?;
        let mut effects = EffectSet::default();
        for effect in Effect::ALL {
            if from.truth()? {
                effects.insert(effect);
            }
        }
        Some(Some(Lists {
            has_others,
            has_below,
            effects,
            fields: from.list(Decoder::text)?,
        }))
    }

    /// Adds the rules of a list; one that is not there adds none.
    fn list(&self, key: Key, found: &mut Found) -> Option<()> {
        if let Some(part) = self.part(key)? {
            let mut from = Decoder::new(self.whole(part)?);
            found.0.extend(from.list(Decoder::number)?);
        }
        Some(())
    }

    /// Finds what stands under a key.
    #[expect(
        clippy::option_option,
        reason = "damaged, nothing there, and a part are three answers"
    )]
    fn part(&self, key: Key) -> Option<Option<Span>> {
        let number = bucket_of(key, self.buckets);
        let at = number.checked_mul(OFFSET_BYTES)?.checked_add(self.at)?;
        let bucket = Decoder::at(self.file, at)?.number()?;
        let mut from = Decoder::at(self.file, bucket)?;
        let expected = from.long()?;
        let summed = from.rest();
        let found_number = from.number()?;
        let count = from.number()?;
        let mut found = None;
        for _ in 0..count {
            let known = from.long()?;
            let part = Span {
                offset: from.number()?,
                length: from.number()?,
                sum: from.long()?,
            };
            if known == key {
                found = Some(part);
            }
        }
        let length = summed.len().checked_sub(from.rest().len())?;
        let is_whole = found_number == number && sum(summed.get(..length)?) == expected;
        is_whole.then_some(found)
    }

    fn whole(&self, part: Span) -> Option<&'m [u8]> {
        let from = usize::try_from(part.offset).ok()?;
        let length = usize::try_from(part.length).ok()?;
        let bytes = self.file.get(from..from.checked_add(length)?)?;
        (sum(bytes) == part.sum).then_some(bytes)
    }

    /// Reads a rule; `None` inside where it is not compiled.
    #[expect(
        clippy::option_option,
        reason = "damaged, not compiled, and a rule are three answers"
    )]
    pub(super) fn rule(&self, offset: u32) -> Option<Option<Rule>> {
        let mut from = Decoder::at(self.file, offset)?;
        let expected = from.long()?;
        let length = usize::try_from(from.number()?).ok()?;
        let bytes = from.raw(length)?;
        if sum(bytes) != expected {
            return None;
        }
        rule::take(&mut Decoder::new(bytes))
    }
}

/// Returns the bucket of a key among a power of two of them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the low half of the key is as good as any"
)]
pub(super) fn bucket_of(key: Key, buckets: u32) -> u32 {
    (key ^ (key >> 32)) as u32 & (buckets - 1)
}
