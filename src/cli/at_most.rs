//! `--limit`, for every list that the server gives in pages.

use gate_client::{Listed, Most};

use crate::report;

/// How much of a list is shown.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct AtMost {
    /// At most so many; all, by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

impl AtMost {
    /// Returns how many things are asked for.
    pub(super) fn most(self) -> Most {
        Most(self.limit)
    }

    /// Takes the things of a list, and says where there are more.
    pub(super) fn taken<T>(listed: Listed<T>) -> Vec<T> {
        if listed.has_more {
            report::line("there are more; see them with a higher --limit");
        }
        listed.items
    }

    /// Cuts a list of which only some things are shown, and says where it did.
    pub(super) fn cut<T>(self, mut items: Vec<T>) -> Vec<T> {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        let has_more = limit.is_some_and(|limit| items.len() > limit);
        items.truncate(limit.unwrap_or(usize::MAX));
        Self::taken(Listed { items, has_more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_cuts_and_without_one_everything_is_there() {
        let all = AtMost { limit: None };
        assert_eq!(all.cut(vec![1, 2, 3]), [1, 2, 3]);
        let two = AtMost { limit: Some(2) };
        assert_eq!(two.cut(vec![1, 2, 3]), [1, 2]);
        assert_eq!(two.most(), Most(Some(2)));
    }
}
