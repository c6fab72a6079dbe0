//! Text from outside for a surface without marks: inert, and a word that
//! imitates another one spelled out.

use std::fmt::Write as _;

use gate_protocol::imitation::{imitations, spelled_out};
use gate_protocol::inert::inert;

/// Text that is ready for every channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plain {
    text: String,
    /// Which words could be taken for others, and the hosts that they would name.
    odd: Vec<String>,
}

impl Plain {
    /// Takes text as it came.
    pub(crate) fn of(text: &str) -> Self {
        Self::of_inert(&inert(text))
    }

    /// Takes text that is inert already, masks included.
    pub(crate) fn of_inert(text: &str) -> Self {
        Self {
            text: spelled_out(text).into_owned(),
            odd: imitations(text),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns which words in it could be taken for others, spelled out.
    pub(crate) fn odd(&self) -> &[String] {
        &self.odd
    }

    /// Returns how many characters it has.
    pub(crate) fn chars(&self) -> usize {
        self.text.chars().count()
    }

    /// Keeps the start of it and says how much is missing; returns how many
    /// characters that is.
    pub(crate) fn keep(&mut self, limit: usize) -> usize {
        let cut = self.chars().saturating_sub(limit);
        if cut > 0 {
            self.text = self.text.chars().take(limit).collect();
            // Writing to a String can't fail.
            let _ = write!(self.text, " [{cut} more characters are not shown here]");
        }
        cut
    }
}

impl std::fmt::Display for Plain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_imitates_is_spelled_out() {
        let plain = Plain::of("-n pr\u{43e}d");
        assert_eq!(plain.as_str(), "-n pr\\u{43e}d");
        assert_eq!(plain.odd(), ["pr\\u{43e}d (in a host's name xn--prd-ted)"]);
        assert_eq!(Plain::of("team-\u{430}").as_str(), "team-\\u{430}");
        assert!(Plain::of("прод имя prod").odd().is_empty());
    }

    #[test]
    fn what_is_cut_is_said() {
        let mut plain = Plain::of("ééé rm -rf");
        assert_eq!(plain.keep(10), 0);
        assert_eq!(plain.keep(3), 7);
        assert_eq!(plain.as_str(), "ééé [7 more characters are not shown here]");
    }
}
