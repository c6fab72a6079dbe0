//! How many new messages a channel gets: as many as people read. Beyond that one
//! message counts the rest and leads to the inbox, which folds them by requester.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gate_protocol::id::RequestId;
use tokio::time::Instant;

/// The most messages of their own in one [`WINDOW`].
pub(super) const MOST: u32 = 20;
const WINDOW: Duration = Duration::from_mins(1);
/// The most requests that are counted one by one; what is beyond was never looked at.
const MOST_COUNTED: usize = 100_000;

/// Whether a request has a message of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It has.
    Own,
    /// It is one of so many that have not, of which a message tells where it stands,
    /// if one was sent.
    Counted {
        /// How many there are now.
        count: usize,
        /// Conversation and id of the message.
        place: Option<(String, String)>,
    },
}

/// What a channel got lately. In memory alone: after a restart it counts anew.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<Paced>);

#[derive(Debug, Default)]
struct Paced {
    since: Option<Instant>,
    own: BTreeSet<RequestId>,
    counted: BTreeSet<RequestId>,
    /// How many were counted when this window began.
    before: usize,
    place: Option<(String, String)>,
}

impl Pace {
    /// Says how a request that has no message yet is told of. Asked again for the
    /// same one, as after a failure, it counts once.
    pub(super) fn turn(&self, request: RequestId, now: Instant) -> Turn {
        let mut paced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since| now.duration_since(since) > WINDOW;
        if paced.since.is_none_or(is_over) {
            if paced.counted.len() == paced.before {
                // A minute without too many: the next time is another message.
                paced.counted.clear();
                paced.place = None;
            }
            paced.since = Some(now);
            paced.before = paced.counted.len();
            paced.own.clear();
        }
        let has_room = paced.own.len() < usize::try_from(MOST).unwrap_or(usize::MAX);
        if paced.own.contains(&request) || (has_room && !paced.counted.contains(&request)) {
            paced.own.insert(request);
            return Turn::Own;
        }
        if paced.counted.len() < MOST_COUNTED {
            paced.counted.insert(request);
        }
        Turn::Counted {
            count: paced.counted.len(),
            place: paced.place.clone(),
        }
    }

    /// Remembers where the message stands that counts.
    pub(super) fn stands_at(&self, conversation: &str, message: &str) {
        let mut paced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paced.place = Some((conversation.to_owned(), message.to_owned()));
    }
}

/// Tells whether a count is told: each of the first ones, and then fewer and fewer,
/// so that counting is no flood itself.
pub(super) fn is_told(count: usize) -> bool {
    count < 10 || (count < 100 && count.is_multiple_of(10)) || count.is_multiple_of(100)
}

/// Returns what the message says; what is past the rules is named.
pub(super) fn words(count: usize, is_break_glass: bool) -> String {
    let more = if count == 1 { "request" } else { "requests" };
    let of = what(is_break_glass);
    format!(
        "{count} more {more}{of} came in than fit in a message each, or some more by now. They wait \
         in the inbox."
    )
}

/// Returns the words that set apart what is past the rules.
pub(super) const fn what(is_break_glass: bool) -> &'static str {
    if is_break_glass {
        " for BREAK-GLASS"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_a_measure_requests_are_counted_until_a_calm_minute() {
        let (pace, start) = (Pace::default(), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        let own = (0..MOST).map(|_| RequestId::generate());
        for request in own {
            assert_eq!(pace.turn(request, start), Turn::Own);
            assert_eq!(pace.turn(request, start), Turn::Own, "a retry is no other");
        }
        let counted = |count, at: Option<(&str, &str)>| Turn::Counted {
            count,
            place: at.map(|(one, two)| (one.to_owned(), two.to_owned())),
        };
        let first = RequestId::generate();
        assert_eq!(pace.turn(first, start), counted(1, None));
        assert_eq!(pace.turn(first, start), counted(1, None));
        pace.stands_at("C1", "1.0");
        let there = Some(("C1", "1.0"));
        assert_eq!(pace.turn(RequestId::generate(), start), counted(2, there));
        // The next minute has messages of its own again, and the same count.
        for _ in 0..MOST {
            assert_eq!(pace.turn(RequestId::generate(), later(61)), Turn::Own);
        }
        let next = pace.turn(RequestId::generate(), later(61));
        assert_eq!(next, counted(3, there));
        assert_eq!(pace.turn(RequestId::generate(), later(122)), Turn::Own);
        // After a calm one it begins anew.
        for _ in 0..MOST {
            assert_eq!(pace.turn(RequestId::generate(), later(300)), Turn::Own);
        }
        let anew = pace.turn(RequestId::generate(), later(300));
        assert_eq!(anew, counted(1, None));
    }

    #[test]
    fn a_count_is_told_less_and_less_often() {
        let told = (1..=10_000).filter(|count| is_told(*count)).count();
        assert_eq!(told, 9 + 9 + 100);
    }
}
