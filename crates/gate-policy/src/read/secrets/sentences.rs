//! Sentences that hold no secret. The same few are said of most commands, and
//! each is searched once.

use std::cell::RefCell;
use std::collections::HashSet;

use super::marks::Marks;
use super::scan::{Reading, Setting};

/// How many sentences are remembered in each thread.
const MOST: usize = 256;
/// The longest one that is, in bytes: one that quotes much is said once.
const LONGEST: usize = 160;

thread_local! {
    static PLAIN: RefCell<HashSet<Box<str>>> = RefCell::default();
}

/// Returns what a search finds in a sentence. It says the same of the same
/// sentence, so that one without secrets need not be searched again.
pub(super) fn search(sentence: &str) -> Marks {
    let is_known = PLAIN.with_borrow(|plain| plain.contains(sentence));
    let mut marks = Marks::default();
    if is_known {
        return marks;
    }
    let setting = Setting {
        reading: Reading::Prose,
        ..Setting::default()
    };
    super::search(sentence.as_bytes(), &setting, &mut marks);
    if marks.is_empty() && sentence.len() <= LONGEST {
        PLAIN.with_borrow_mut(|plain| {
            if plain.len() < MOST {
                plain.insert(sentence.into());
            }
        });
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_judged_the_same_each_time() {
        for round in 0..3 {
            assert!(search("the SQL holds a query").is_empty(), "{round}");
            assert!(
                !search("it was asked with password=hunter2x").is_empty(),
                "{round}"
            );
        }
        // More than are remembered: what is not is searched each time.
        for number in 0..2 * MOST {
            assert!(search(&format!("it reads {number} rows")).is_empty());
            let secret = format!("row {number} has password=hunter2x");
            assert!(!search(&secret).is_empty(), "{secret}");
        }
        assert!(PLAIN.with_borrow(HashSet::len) <= MOST);
    }
}
