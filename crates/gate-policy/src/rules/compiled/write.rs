//! Compiles a policy.

use std::collections::BTreeMap;

use super::super::index::{OfTool, Rules};
use super::super::policy::Policy;
use super::lookup::{Span, bucket_of};
use super::place::{Key, Part, Place};
use super::{HEAD_BYTES, MAGIC, rule};
use crate::effect::Effect;
use crate::encoding::{Encoder, sum};

/// How many keys a bucket has on average, at most.
const KEYS_PER_BUCKET: usize = 4;

impl Policy {
    /// Returns the policy as a file that a shim decides by, with `stamp` in it. `None` where a part
    /// of the rules was not understood, or the file would be larger than four gigabytes.
    pub fn compile(&self, stamp: &[u8]) -> Option<Vec<u8>> {
        if !self.unreadable.is_empty() {
            return None;
        }
        let mut lists = Parts::default();
        for (tool, of_tool) in &self.index.by_tool {
            lists.add_tool(Some(tool), of_tool);
        }
        lists.add_tool(None, &self.index.of_any_tool);
        if lists.is_ambiguous {
            return None;
        }
        lists.write(self, stamp)
    }
}

/// What stands under each key.
#[derive(Default)]
struct Parts {
    by_key: BTreeMap<Key, Content>,
    is_ambiguous: bool,
}

enum Content {
    Bytes(Vec<u8>),
    /// Rules by their number.
    Rules(Vec<usize>),
}

impl Parts {
    fn put(&mut self, key: Key, content: Content) {
        let before = self.by_key.insert(key, content);
        self.is_ambiguous |= before.is_some();
    }

    fn add_tool(&mut self, tool: Option<&str>, of_tool: &OfTool) {
        let mut place = Place {
            tool,
            words: (None, None),
        };
        if of_tool.by_word.is_empty() && of_tool.of_any_word.all.is_empty() {
            return;
        }
        self.add(&place, &of_tool.of_any_word, !of_tool.by_word.is_empty());
        for (first, of_word) in &of_tool.by_word {
            place.words = (Some(first), None);
            self.add(&place, &of_word.of_any_word, !of_word.by_word.is_empty());
            for (second, rules) in &of_word.by_word {
                place.words.1 = Some(second);
                self.add(&place, rules, false);
            }
        }
    }

    fn add(&mut self, place: &Place<'_>, rules: &Rules, has_below: bool) {
        let mut lists = Encoder::new();
        lists.truth(!rules.others.is_empty());
        lists.truth(has_below);
        for of_effect in &rules.by_effect {
            lists.truth(!of_effect.is_empty());
        }
        lists.list(rules.by_target.keys(), Encoder::text);
        self.put(place.key(Part::Lists), Content::Bytes(lists.into_bytes()));
        if !rules.others.is_empty() {
            let others = Content::Rules(rules.others.clone());
            self.put(place.key(Part::Others), others);
        }
        for ((number, _), of_effect) in (0..).zip(Effect::ALL).zip(&rules.by_effect) {
            if !of_effect.is_empty() {
                let of_effect = Content::Rules(of_effect.clone());
                self.put(place.key(Part::Effect(number)), of_effect);
            }
        }
        for (field, of_field) in &rules.by_target {
            for (value, of_value) in of_field {
                let of_value = Content::Rules(of_value.clone());
                self.put(place.key(Part::Target(field, value)), of_value);
            }
        }
    }

    fn write(self, policy: &Policy, stamp: &[u8]) -> Option<Vec<u8>> {
        let buckets = (self.by_key.len() / KEYS_PER_BUCKET + 1).next_power_of_two();
        let buckets = u32::try_from(buckets).ok()?;
        let table_at = HEAD_BYTES.checked_add(stamp.len())?;
        let table_bytes = usize::try_from(buckets).ok()?.checked_mul(4)?;
        let mut body = Body {
            at: table_at.checked_add(table_bytes)?,
            bytes: Encoder::new(),
        };
        let rules = body.rules(policy)?;
        let mut in_bucket: Vec<Vec<(Key, Span)>> = vec![Vec::new(); usize::try_from(buckets).ok()?];
        for (key, content) in self.by_key {
            let part = body.part(content, &rules)?;
            let number = usize::try_from(bucket_of(key, buckets)).ok()?;
            in_bucket.get_mut(number)?.push((key, part));
        }
        let mut table = Encoder::new();
        for (number, parts) in (0..).zip(in_bucket) {
            table.number(body.bucket(number, &parts)?);
        }
        let length = body.at.checked_add(body.bytes.len())?;
        u32::try_from(length).ok()?;
        let mut head = Encoder::new();
        head.long(length as u64);
        head.number(buckets);
        head.number(u32::try_from(stamp.len()).ok()?);
        head.raw(stamp);
        let head = head.into_bytes();
        let mut file = Encoder::new();
        file.raw(&MAGIC);
        file.long(sum(&head));
        file.raw(&head);
        file.raw(&table.into_bytes());
        file.raw(&body.bytes.into_bytes());
        Some(file.into_bytes())
    }
}

/// What stands behind the table.
struct Body {
    /// Where it begins in the file.
    at: usize,
    bytes: Encoder,
}

impl Body {
    fn place(&self) -> Option<u32> {
        u32::try_from(self.at.checked_add(self.bytes.len())?).ok()
    }

    /// Writes every rule, in the order in which they count, and returns where each lies.
    fn rules(&mut self, policy: &Policy) -> Option<Vec<u32>> {
        let mut places = Vec::with_capacity(policy.rules.len());
        for one in &policy.rules {
            places.push(self.place()?);
            let mut content = Encoder::new();
            rule::put(&mut content, one);
            let content = content.into_bytes();
            self.bytes.long(sum(&content));
            self.bytes.number(u32::try_from(content.len()).ok()?);
            self.bytes.raw(&content);
        }
        Some(places)
    }

    fn part(&mut self, content: Content, rules: &[u32]) -> Option<Span> {
        let bytes = match content {
            Content::Bytes(bytes) => bytes,
            Content::Rules(numbers) => {
                let mut places = Vec::with_capacity(numbers.len());
                for number in numbers {
                    places.push(*rules.get(number)?);
                }
                let mut list = Encoder::new();
                list.list(places, Encoder::number);
                list.into_bytes()
            }
        };
        let at = self.place()?;
        self.bytes.raw(&bytes);
        Some(Span {
            offset: at,
            length: u32::try_from(bytes.len()).ok()?,
            sum: sum(&bytes),
        })
    }

    fn bucket(&mut self, number: u32, parts: &[(Key, Span)]) -> Option<u32> {
        let at = self.place()?;
        let mut bucket = Encoder::new();
        bucket.number(number);
        bucket.list(parts, |bucket, (key, part)| {
            bucket.long(*key);
            bucket.number(part.offset);
            bucket.number(part.length);
            bucket.long(part.sum);
        });
        let bucket = bucket.into_bytes();
        self.bytes.long(sum(&bucket));
        self.bytes.raw(&bucket);
        Some(at)
    }
}
