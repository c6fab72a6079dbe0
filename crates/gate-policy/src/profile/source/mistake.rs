//! What is wrong in a profile: where, what, and what to write instead.

use std::ops::Range;

use super::Word;

/// One mistake, at the bytes where it stands.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) place: Range<usize>,
    pub(crate) problem: String,
    pub(crate) mend: String,
}

impl Mistake {
    pub(crate) fn new(
        place: Range<usize>,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            place,
            problem: problem.into(),
            mend: mend.into(),
        }
    }

    pub(crate) fn at(word: &Word, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(word.span(), problem, mend)
    }
}
