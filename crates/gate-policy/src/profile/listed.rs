//! The commands of a tool that has thousands of them, in one text.
//!
//! A row of a table for each would be megabytes that the loader has to touch at
//! every start. The text has a line for each group of commands, in the order
//! of their paths: the path, then each word with what it is.

use super::{CommandSpec, ListedSpec, Text, ToolSpec};

/// The parent of the rows that stand for listed commands, one for each effect
/// and one for a group. No row has this index.
pub(crate) const LISTED: u16 = u16::MAX;
/// The name of the row that stands for a group.
const GROUP: &str = "group";

impl ListedSpec {
    /// Tells whether a word in front of a command stands for nothing.
    pub(crate) fn skips(&self, word: &[u8]) -> bool {
        self.skipped.iter().any(|known| known.as_bytes() == word)
    }

    /// Returns what a word below a path is.
    fn entry(&self, path: &str, word: &str) -> Option<&str> {
        let mut words = self.line(path)?.split(' ');
        words.find_map(|entry| entry.strip_prefix(word)?.strip_prefix('='))
    }

    /// Returns the words below a path, found by halving.
    fn line(&self, path: &str) -> Option<&str> {
        let mut text = self.text.as_ref();
        while !text.is_empty() {
            let middle = text.floor_char_boundary(text.len() / 2);
            let (before, _) = text.split_at_checked(middle)?;
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            let rest = text.get(start..)?;
            let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at_checked(length)?;
            let (key, words) = line.split_once('\t')?;
            match path.cmp(key) {
                std::cmp::Ordering::Equal => return Some(words.trim_end()),
                std::cmp::Ordering::Less => text = text.get(..start)?,
                std::cmp::Ordering::Greater => text = after,
            }
        }
        None
    }
}

impl ToolSpec {
    /// Returns the row that stands for a listed command or group.
    pub(crate) fn find_listed(&self, path: &[Text], word: &[u8]) -> Option<(u16, &CommandSpec)> {
        let listed = self.listed.as_ref()?;
        let word = std::str::from_utf8(word).ok()?;
        if word.contains([' ', '=']) {
            return None;
        }
        let words: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        let kind = listed.entry(&words.join(" "), word)?;
        self.child(LISTED, kind.as_bytes())
    }

    /// Returns every listed command with its effect, as words.
    pub fn listed_commands(&self) -> impl Iterator<Item = (String, &str)> {
        let text = self.listed.as_ref().map_or("", |listed| &*listed.text);
        let lines = text.lines().filter_map(|line| line.split_once('\t'));
        let entries = lines.flat_map(|(path, words)| {
            let words = words.split(' ').filter_map(|word| word.split_once('='));
            words.map(move |(word, kind)| (format!("{path} {word}").trim().to_owned(), kind))
        });
        entries.filter(|(_, kind)| *kind != GROUP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_below_its_path() {
        let listed = ListedSpec {
            text: "\ta=group c=read\na\tb=group\na b\tdelete=destroy list=read\nz\tx=write\n"
                .into(),
            skipped: vec!["beta".into()].into(),
        };
        assert_eq!(listed.entry("", "a"), Some("group"));
        assert_eq!(listed.entry("", "c"), Some("read"));
        assert_eq!(listed.entry("a b", "delete"), Some("destroy"));
        assert_eq!(listed.entry("a b", "list"), Some("read"));
        assert_eq!(listed.entry("z", "x"), Some("write"));
        for (path, word) in [
            ("a b", "del"),
            ("a b", "="),
            ("a", "c"),
            ("b", "x"),
            ("zz", "x"),
        ] {
            assert_eq!(listed.entry(path, word), None, "{path} {word}");
        }
        assert!(listed.skips(b"beta") && !listed.skips(b"alpha"));
    }
}
