//! A YAML text as a bounded tree of mappings, sequences and texts.
//!
//! Aliases, tags and a second document are refused: what they stand for costs
//! more to follow than a file of settings is worth, and an alias of aliases
//! grows without bound. A key that stands twice is refused too: parsers
//! disagree on which counts.

use saphyr_parser::{Event, Parser};

/// How deep mappings and sequences may stand in each other.
const DEPTH: usize = 32;
/// The most values of a text.
const NODES: usize = 30_000;
/// The most keys of one mapping, each of which is compared with those before it.
const KEYS: usize = 1_000;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    Sequence(Vec<Node>),
    /// In the order of the file.
    Mapping(Vec<(String, Node)>),
}

impl Node {
    /// Returns the value of a key; nothing of what is no mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Self::Mapping(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            Self::Text(_) | Self::Sequence(_) => None,
        }
    }

    /// Returns the text of a key: empty where there is none, or null.
    ///
    /// # Errors
    /// Something else than a text stands there.
    pub(super) fn text(&self, key: &str) -> Result<&str, String> {
        match self.get(key) {
            None => Ok(""),
            Some(Self::Text(text)) => Ok(text),
            Some(Self::Sequence(_) | Self::Mapping(_)) => Err(format!("`{key}` is no text")),
        }
    }

    /// Returns the values of a key: none where it is missing, or null.
    ///
    /// # Errors
    /// Something else than a sequence stands there.
    pub(super) fn sequence(&self, key: &str) -> Result<&[Node], String> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Self::Sequence(nodes)) => Ok(nodes),
            Some(Self::Text(text)) if text.is_empty() => Ok(&[]),
            Some(Self::Text(_) | Self::Mapping(_)) => Err(format!("`{key}` is no list")),
        }
    }
}

/// Reads a text. An empty one is an empty mapping.
///
/// # Errors
/// Why it is not understood, as a fragment.
pub(super) fn read(content: &[u8]) -> Result<Node, String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is no UTF-8".to_owned())?;
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    let mut count = 0_usize;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|problem| problem.to_string())?;
        count += 1;
        if count > NODES || open.len() > DEPTH {
            return Err("it has too many values".to_owned());
        }
        let done = match event {
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => continue,
            Event::Alias(_) => return Err("it has aliases".to_owned()),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => return Err("it has tags".to_owned()),
            Event::Scalar(text, style, _, None) => {
                let is_plain = style == saphyr_parser::ScalarStyle::Plain;
                let is_null = is_plain && matches!(&*text, "~" | "null" | "Null" | "NULL");
                Node::Text(if is_null {
                    String::new()
                } else {
                    text.into_owned()
                })
            }
            Event::SequenceStart(_, None) => {
                open.push(Open::Sequence(Vec::new()));
                continue;
            }
            Event::MappingStart(_, None) => {
                open.push(Open::Mapping(Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::Sequence(nodes)) => Node::Sequence(nodes),
                Some(Open::Mapping(entries, None)) => Node::Mapping(entries),
                Some(Open::Mapping(_, Some(_))) | None => return Err("it ends early".to_owned()),
            },
        };
        match open.last_mut() {
            Some(above) => above.take(done)?,
            None if root.is_none() => root = Some(done),
            None => return Err("it has several documents".to_owned()),
        }
    }
    match root {
        None => Ok(Node::Mapping(Vec::new())),
        Some(Node::Text(text)) if text.is_empty() => Ok(Node::Mapping(Vec::new())),
        Some(node) => Ok(node),
    }
}

/// What has begun and not ended.
enum Open {
    Sequence(Vec<Node>),
    /// With the key whose value is next.
    Mapping(Vec<(String, Node)>, Option<String>),
}

impl Open {
    fn take(&mut self, node: Node) -> Result<(), String> {
        match self {
            Self::Sequence(nodes) => nodes.push(node),
            Self::Mapping(entries, key) => {
                if let Some(name) = key.take() {
                    entries.push((name, node));
                    return Ok(());
                }
                let Node::Text(name) = node else {
                    return Err("a key is no text".to_owned());
                };
                if entries.len() >= KEYS {
                    return Err("it has too many values".to_owned());
                }
                if entries.iter().any(|(known, _)| *known == name) {
                    return Err(format!("the key `{name}` stands twice"));
                }
                *key = Some(name);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_a_tree() {
        let node = read(b"a: 1\nb: [x, {c: ~}]\nd: 'null'\n").unwrap();
        assert_eq!(node.text("a").unwrap(), "1");
        assert_eq!(node.text("d").unwrap(), "null");
        let list = node.sequence("b").unwrap();
        assert_eq!(list[0], Node::Text("x".to_owned()));
        assert_eq!(list[1].text("c").unwrap(), "");
        assert!(node.text("b").is_err() && node.sequence("a").is_err());
        assert_eq!(read(b"").unwrap(), read(b"# nothing\n---\n").unwrap());
    }

    #[test]
    fn what_grows_or_is_read_in_two_ways_is_refused() {
        let deep = "[".repeat(40) + &"]".repeat(40);
        for text in [
            "a: &x [1]\nb: *x\n",
            "a: 1\na: 2\n",
            "a: !!str 1\n",
            "a: 1\n---\nb: 2\n",
            "? [a]\n: b\n",
            "a: [1",
            "\u{fffd}: \t- x\n\t- y: [",
            &deep,
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(b"\xff").is_err());
        assert!(read("- x\n".repeat(NODES).as_bytes()).is_err());
    }
}
