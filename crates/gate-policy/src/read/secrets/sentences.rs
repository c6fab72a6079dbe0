//! Sentences that hold no secret. The same few are said of most commands, and
//! each is searched once.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::marks::Marks;
use super::scan::{Reading, Setting};

/// How many sentences are remembered.
const MOST: usize = 256;
/// The longest one that is, in bytes: one that quotes much is said once.
const LONGEST: usize = 160;

/// Sentences in which nothing was found. There are so few that a tree finds them before a table has
/// hashed the one that is asked for, and nobody gains by choosing them.
static PLAIN: Mutex<BTreeSet<Box<str>>> = Mutex::new(BTreeSet::new());

/// Returns what a search finds in a sentence. It says the same of the same
/// sentence, so that one without secrets need not be searched again.
pub(super) fn search(sentence: &str) -> Marks {
    let mut marks = Marks::default();
    // Whoever finds it taken searches.
    if PLAIN.try_lock().is_ok_and(|plain| plain.contains(sentence)) {
        return marks;
    }
    let setting = Setting {
        reading: Reading::Prose,
        ..Setting::default()
    };
    super::search(sentence.as_bytes(), &setting, &mut marks);
    if marks.is_empty()
        && sentence.len() <= LONGEST
        && let Ok(mut plain) = PLAIN.try_lock()
        && plain.len() < MOST
    {
        plain.insert(sentence.into());
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
        assert!(PLAIN.lock().unwrap().len() <= MOST);
    }
}
