//! A policy as one file that is mapped and not parsed: what a shim decides by.
//!
//! ```text
//! MAGIC  length  buckets  stamp_length  sum      the head; the sum is over what follows, stamp included
//! stamp                                          whoever compiled it says here from what
//! buckets × offset                               the table
//! bucket … list … rule …                         each with its number and a sum
//! ```
//!
//! A rule stands under the same places as in [`Index`](super::index::Index), and a command looks in
//! those that it meets: the time that takes does not grow with the rules of others. A list that is
//! not there and one that was damaged are told apart, since each bucket has its number in it.
//!
//! What depends on who asks and when, and what changes how a tool is run, is not compiled: where
//! such a rule could match, whoever reads this file leaves the decision to the whole policy.

mod lookup;
mod place;
mod rule;
mod write;

use std::path::Path;

use jiff::Timestamp;

use super::evaluation::{Evaluation, Occasion};
use super::index::Index;
use super::policy::{Policy, each};
use super::rule::Rule;
use crate::encoding::{Decoder, sum};
use crate::invocation::Invocation;
use lookup::{Found, Table};

/// What such a file starts with; the last byte is the version of its form.
const MAGIC: [u8; 8] = *b"gatepol\x01";
/// The bytes of the head before the stamp.
const HEAD_BYTES: usize = 32;

/// Why a compiled policy does not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// It is not whole, or no such file.
    #[error("the compiled policy is damaged")]
    Damaged,
    /// A rule that could match asks for more than is compiled.
    #[error("a rule that could match is not compiled")]
    NotCompiled,
}

/// A compiled policy where it lies.
#[derive(Clone, Copy, Debug)]
pub struct CompiledPolicy<'m> {
    stamp: &'m [u8],
    table: Table<'m>,
}

impl<'m> CompiledPolicy<'m> {
    /// Opens one. Nothing but its head is read.
    ///
    /// # Errors
    /// [`Undecided::Damaged`].
    pub fn open(file: &'m [u8]) -> Result<Self, Undecided> {
        Self::head(file).ok_or(Undecided::Damaged)
    }

    fn head(file: &'m [u8]) -> Option<Self> {
        let mut head = Decoder::new(file);
        if head.raw(MAGIC.len())? != MAGIC {
            return None;
        }
        let expected = head.long()?;
        let summed = head.rest();
        let length = head.long()?;
        let buckets = head.number()?;
        let stamp_bytes = usize::try_from(head.number()?).ok()?;
        let stamp = head.raw(stamp_bytes)?;
        let of_head = HEAD_BYTES.checked_sub(MAGIC.len() + 8)?;
        let is_whole = usize::try_from(length) == Ok(file.len())
            && sum(summed.get(..of_head.checked_add(stamp_bytes)?)?) == expected;
        let at = u32::try_from(HEAD_BYTES.checked_add(stamp_bytes)?).ok()?;
        is_whole.then_some(Self {
            stamp,
            table: Table::new(file, at, buckets)?,
        })
    }

    /// Returns what whoever compiled it wrote of where it came from.
    pub fn stamp(&self) -> &'m [u8] {
        self.stamp
    }

    /// Decides as [`Policy::evaluate`] would for any caller at any time.
    ///
    /// # Errors
    /// It can't: see [`Undecided`].
    pub fn evaluate(&self, invocation: &Invocation, cwd: &Path) -> Result<Evaluation, Undecided> {
        let mut found = Found::default();
        for (one, _, _) in each(invocation, cwd) {
            self.table.find(one, &mut found).ok_or(Undecided::Damaged)?;
        }
        let mut rules: Vec<Rule> = Vec::new();
        for offset in found.in_order() {
            match self.table.rule(offset).ok_or(Undecided::Damaged)? {
                Some(rule) => rules.push(rule),
                None => return Err(Undecided::NotCompiled),
            }
        }
        let policy = Policy {
            index: Index::of(&rules),
            rules,
            warnings: Vec::new(),
            unreadable: Vec::new(),
        };
        let nobody = Occasion::of_nobody(Timestamp::UNIX_EPOCH);
        Ok(policy.evaluate(invocation, cwd, &nobody))
    }
}

#[cfg(test)]
mod tests;
