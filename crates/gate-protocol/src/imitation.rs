//! Words that could be taken for another word: those that mix alphabets, and those
//! that are spelled in letters of another alphabet which look like ASCII.
//!
//! Every surface that people approve on asks here, so that the page, the chats
//! and the terminal mark the same words.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::punycode::{LABEL_LIMIT, ascii_label};

/// A stretch of a text: a run of letters and digits with the mark behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The letters and digits.
    pub word: &'a str,
    /// What stands between them and the next word.
    pub mark: &'a str,
    /// Whether the word could be taken for another one.
    pub imitates: bool,
    /// The word with what a label of a host's name has on both sides of it; nothing
    /// where it imitates nothing, or is too long for a label.
    label: &'a str,
}

impl Piece<'_> {
    /// Returns the word with each letter that is not ASCII as its number.
    #[must_use]
    pub fn spelled(&self) -> String {
        let mut spelled = String::with_capacity(self.word.len() * 4);
        for c in self.word.chars() {
            if c.is_ascii() {
                spelled.push(c);
            } else {
                spelled.extend(c.escape_unicode());
            }
        }
        spelled
    }

    /// Returns the name that is asked for where a host is called so, as `xn--prd-ted`.
    #[must_use]
    pub fn host_label(&self) -> Option<String> {
        ascii_label(self.label)
    }
}

/// Returns the pieces of `text`, in order and without a gap. Each run of letters
/// and digits is looked at by itself: `--label=имя` has two alphabets and imitates
/// nothing.
///
/// A word imitates if it mixes ASCII with letters or digits that are neither ASCII
/// nor of the blocks from which the languages of Europe take their accents; or if
/// every letter of it has an ASCII look-alike, as in `сосо`. Such words are words
/// of their own language too, as Russian has for `with` and `about`: in a text that
/// has nothing in ASCII and other letters of another alphabet, they are those.
///
/// Source: UTS 39, section 4, and its `confusables.txt`.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let is_of_its_own =
        text.chars().any(is_honest) && !text.contains(|c: char| c.is_ascii_alphanumeric());
    let mut start = 0;
    text.split_inclusive(|c: char| !c.is_alphanumeric())
        .map(move |piece| {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            let mark = piece.strip_prefix(word).unwrap_or_default();
            let imitates = mixes(word) || (!is_of_its_own && is_drawn_like_ascii(word));
            let label = if imitates {
                label_around(text, start, start + word.len())
            } else {
                ""
            };
            start += piece.len();
            Piece {
                word,
                mark,
                imitates,
                label,
            }
        })
}

/// Returns the label of a host's name in which the bytes from `start` to `end` stand. It
/// looks no further than a label is long, or a text of many words would be looked at whole
/// for each of them.
fn label_around(text: &str, start: usize, end: usize) -> &str {
    let is_inside = |c: &char| *c == '-' || c.is_alphanumeric();
    let (before, after) = (text.get(..start), text.get(end..));
    let before = before.unwrap_or_default().chars().rev();
    let before = before.take(LABEL_LIMIT).take_while(is_inside);
    let after = after.unwrap_or_default().chars();
    let after = after.take(LABEL_LIMIT).take_while(is_inside);
    let from = start - before.map(char::len_utf8).sum::<usize>();
    let to = end + after.map(char::len_utf8).sum::<usize>();
    text.get(from..to).unwrap_or_default()
}

/// Returns `text` with each word that imitates spelled out, for where there is no mark.
#[must_use]
pub fn spelled_out(text: &str) -> Cow<'_, str> {
    if !imitates(text) {
        return Cow::Borrowed(text);
    }
    let mut spelled = String::with_capacity(text.len() * 2);
    for piece in pieces(text) {
        if piece.imitates {
            spelled.push_str(&piece.spelled());
        } else {
            spelled.push_str(piece.word);
        }
        spelled.push_str(piece.mark);
    }
    Cow::Owned(spelled)
}

/// Returns which words of `text` could be taken for others, each once, spelled out and as it
/// is asked for where a host is called so. No letter in them imitates.
#[must_use]
pub fn imitations(text: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let spelled = pieces(text).filter(|piece| piece.imitates).map(|piece| {
        let word = piece.spelled();
        match piece.host_label() {
            Some(host) => format!("{word} (in a host's name {host})"),
            None => word,
        }
    });
    spelled.filter(|word| seen.insert(word.clone())).collect()
}

/// Tells whether a word of `text` could be taken for another one.
#[must_use]
pub fn imitates(text: &str) -> bool {
    pieces(text).any(|piece| piece.imitates)
}

/// How many words a warning spells out.
const SPELLED_LIMIT: usize = 5;

/// Returns some [`imitations`] as a warning says them, and how many more there are; nothing
/// where there are none.
#[must_use]
pub fn listed(words: &[String]) -> Option<String> {
    let (some, more) = words
        .split_at_checked(SPELLED_LIMIT)
        .unwrap_or((words, &[]));
    match (some, more.len()) {
        ([], _) => None,
        (some, 0) => Some(some.join(", ")),
        (some, count) => Some(format!("{} and {count} more", some.join(", "))),
    }
}

/// What each letter looks like is not asked here: a list of look-alikes has always
/// missed some, and a word that is marked is still there to be read.
fn mixes(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_alphanumeric()) && word.contains(is_foreign)
}

/// Tells whether `c` is a letter or digit that no word with ASCII letters needs:
/// outside of Latin-1 Supplement and Latin Extended-A, and of the latter the three
/// that are drawn like `i`, `k` and `f`.
fn is_foreign(c: char) -> bool {
    let is_accented = matches!(c, '\u{0080}'..='\u{017f}') && !is_bare(c);
    c.is_alphanumeric() && !c.is_ascii() && !is_accented
}

/// Letters of Latin Extended-A that are an ASCII letter but for a detail. Turkish
/// needs the first, and its words are marked for it.
fn is_bare(c: char) -> bool {
    matches!(c, '\u{0131}' | '\u{0138}' | '\u{017f}')
}

fn is_drawn_like_ascii(word: &str) -> bool {
    let is_foreign = word.contains(|c: char| !c.is_ascii());
    is_foreign && word.chars().all(|c| c.is_ascii() || is_lookalike(c))
}

/// Tells whether nobody takes `c` for ASCII.
fn is_honest(c: char) -> bool {
    is_foreign(c) && !is_lookalike(c)
}

fn is_lookalike(c: char) -> bool {
    is_bare(c) || LOOKALIKES.contains(c) || (c.is_numeric() && is_foreign(c))
}

/// Letters that are drawn like one of ASCII, of those that are shown as they are.
///
/// Source: Unicode 16, UTS 39 `confusables.txt`; the capitals and small letters
/// that it leaves out as a font's matter are added.
const LOOKALIKES: &str = "\
    \u{184}\u{18d}\u{196}\u{1a6}\u{1a7}\u{1b7}\u{1bc}\u{1bd}\u{21c}\u{222}\u{223}\u{251}\u{261}\
    \u{262}\u{263}\u{269}\u{26a}\u{26f}\u{280}\u{28b}\u{28f}\u{299}\u{29c}\u{29f}\u{37f}\u{391}\
    \u{392}\u{395}\u{396}\u{397}\u{399}\u{39a}\u{39c}\u{39d}\u{39f}\u{3a1}\u{3a4}\u{3a5}\u{3a7}\
    \u{3b1}\u{3b3}\u{3b9}\u{3ba}\u{3bd}\u{3bf}\u{3c1}\u{3c3}\u{3c5}\u{3c7}\u{3d2}\u{3dc}\u{3e8}\
    \u{3f0}\u{3f1}\u{3f2}\u{3f3}\u{3f9}\u{3fa}\u{405}\u{406}\u{408}\u{410}\u{412}\u{415}\u{417}\
    \u{41a}\u{41c}\u{41d}\u{41e}\u{420}\u{421}\u{422}\u{423}\u{425}\u{42c}\u{430}\u{431}\u{433}\
    \u{435}\u{43a}\u{43e}\u{440}\u{441}\u{443}\u{445}\u{455}\u{456}\u{458}\u{461}\u{474}\u{475}\
    \u{4ae}\u{4af}\u{4bb}\u{4bd}\u{4c0}\u{4cf}\u{4e0}\u{501}\u{50c}\u{51b}\u{51c}\u{51d}\u{54d}\
    \u{54f}\u{555}\u{561}\u{563}\u{566}\u{570}\u{578}\u{57c}\u{57d}\u{581}\u{584}\u{585}\u{b20}\
    \u{d20}\u{101d}\u{10e7}\u{10ff}\u{1200}\u{12d0}\u{13a0}\u{13a1}\u{13a2}\u{13a5}\u{13a9}\
    \u{13aa}\u{13ab}\u{13ac}\u{13b3}\u{13b7}\u{13bb}\u{13bd}\u{13c0}\u{13c2}\u{13c3}\u{13c6}\u{13ce}\
    \u{13cf}\u{13d2}\u{13d4}\u{13d5}\u{13d9}\u{13da}\u{13de}\u{13df}\u{13e2}\u{13e6}\u{13e7}\
    \u{13ee}\u{13f3}\u{13f4}\u{142f}\u{144c}\u{146d}\u{146f}\u{1472}\u{148d}\u{14aa}\u{14bf}\
    \u{1541}\u{157c}\u{157d}\u{1587}\u{15af}\u{15b4}\u{15c5}\u{15de}\u{15ea}\u{15f0}\u{15f7}\
    \u{1d04}\u{1d05}\u{1d07}\u{1d0a}\u{1d0b}\u{1d0d}\u{1d0f}\u{1d11}\u{1d18}\u{1d1b}\u{1d1c}\
    \u{1d20}\u{1d21}\u{1d22}\u{1d26}\u{1d83}\u{1d8c}\u{1e9d}\u{1eff}\u{2d38}\u{2d39}\u{2d4f}\
    \u{2d54}\u{2d55}\u{2d5d}\u{a4d0}\u{a4d1}\u{a4d2}\u{a4d3}\u{a4d4}\u{a4d6}\u{a4d7}\u{a4d9}\
    \u{a4da}\u{a4dc}\u{a4dd}\u{a4df}\u{a4e0}\u{a4e1}\u{a4e2}\u{a4e3}\u{a4e6}\u{a4e7}\u{a4ea}\
    \u{a4eb}\u{a4ec}\u{a4ee}\u{a4f0}\u{a4f2}\u{a4f3}\u{a4f4}\u{a644}\u{a647}\u{a6df}\u{a731}\
    \u{a75a}\u{a76a}\u{a76e}\u{a798}\u{a799}\u{a79f}\u{a7ab}\u{a7b2}\u{a7b3}\u{a7b4}\u{ab32}\
    \u{ab35}\u{ab3d}\u{ab47}\u{ab48}\u{ab4e}\u{ab52}\u{ab5a}\u{ab75}\u{ab81}\u{ab83}\u{ab93}\
    \u{aba9}\u{abaa}\u{abaf}";

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str) -> Vec<&str> {
        let marked = pieces(text).filter(|piece| piece.imitates);
        marked.map(|piece| piece.word).collect()
    }

    #[test]
    fn the_pieces_are_the_text() {
        for text in ["", "a", "--x=pr\u{43e}d, y", "‹secret 1 bytes›", "прод "] {
            let whole: String = pieces(text)
                .flat_map(|piece| [piece.word, piece.mark])
                .collect();
            assert_eq!(whole, text);
        }
    }

    #[test]
    fn a_word_of_two_alphabets_is_noticed() {
        for word in [
            "pr\u{43e}d",
            "pr\u{585}d",
            "pr\u{251}d",
            "\u{a4d1}rod",
            "\u{13e2}rod",
            "pr\u{1d0f}d",
            "pr\u{3bf}d",
            "pr\u{1ecd}d",
            "\u{138}ubectl",
            "東京server",
            "ap\u{131}",
            "db\u{9ea}",
        ] {
            assert_eq!(marked(word), [word]);
        }
        for word in [
            "prod",
            "прод",
            "café",
            "Łódź",
            "größe",
            "東京",
            "pr0d-1",
            "--label=имя",
            "m²",
        ] {
            assert!(!imitates(word), "{word}");
        }
    }

    #[test]
    fn a_word_all_of_look_alikes_is_noticed() {
        for word in [
            "\u{441}\u{43e}\u{441}\u{43e}",
            "\u{455}\u{441}\u{43e}\u{440}\u{435}",
            "\u{430}\u{440}\u{435}",
            "\u{3bf}\u{3c7}",
            "\u{a4d0}\u{a4f2}\u{a4d6}",
            "\u{13aa}\u{13e2}\u{13c6}",
            "\u{501}\u{435}\u{475}",
            "\u{9ea}",
        ] {
            assert_eq!(marked(word), [word]);
            assert_eq!(marked(&format!("ns/{word}/x")), [word]);
        }
        assert_eq!(marked("team-\u{430}"), ["\u{430}"]);
    }

    #[test]
    fn a_word_that_imitates_is_spelled_out_and_named_as_a_host() {
        assert_eq!(
            spelled_out("-n pr\u{43e}d of прод"),
            "-n pr\\u{43e}d of прод"
        );
        assert_eq!(spelled_out("прод prod"), "прод prod");
        let said = |text: &str| listed(&imitations(text));
        assert_eq!(
            said("https://my-\u{440}\u{430}ypal.com/x").as_deref(),
            Some("\\u{440}\\u{430}ypal (in a host's name xn--my-ypal-4fg7l)")
        );
        assert_eq!(said("paypal прод"), None);
        // What can't be a label has none; the same word counts once.
        let long = format!("pr\u{43e}d{}", "-a".repeat(40));
        assert_eq!(said(&long).as_deref(), Some("pr\\u{43e}d"));
        let many: Vec<String> = (0..9).map(|at| format!("a\u{43e}{at}")).collect();
        assert!(said(&many.join(" ")).is_some_and(|text| text.ends_with(" and 4 more")));
    }

    #[test]
    fn no_further_is_looked_than_a_label_is_long() {
        let text = "a\u{43e}-".repeat(60_000);
        assert_eq!(imitations(&text).len(), 1);
        let inside = pieces(&text).map(|piece| piece.label.chars().count());
        let longest = inside.max().unwrap_or_default();
        assert!((1..=2 * LABEL_LIMIT + 2).contains(&longest), "{longest}");
    }

    #[test]
    fn a_text_in_a_language_of_its_own_is_left_alone() {
        assert!(!imitates("перезапуск с нуля, а потом о том же"));
        assert_eq!(marked("перезапуск \u{441} pod"), ["\u{441}"]);
    }
}
