//! Where the parts of a JSON text stand.
//!
//! The text is held against `serde_json` first, so that this only walks what is known to be
//! well-formed, and not deeper than that goes.

use std::ops::Range;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Object(Vec<Member>),
    Array(Vec<Node>),
    Other,
}

/// A member of an object.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name, unescaped.
    pub(super) name: String,
    /// From the first quote of the name to the end of the value.
    pub(super) span: Range<usize>,
    pub(super) value: Node,
}

impl Node {
    /// Returns the spans of what is in it, in order.
    pub(super) fn parts(&self) -> Vec<Range<usize>> {
        match &self.kind {
            Kind::Object(members) => members.iter().map(|one| one.span.clone()).collect(),
            Kind::Array(values) => values.iter().map(|one| one.span.clone()).collect(),
            Kind::Other => Vec::new(),
        }
    }

    /// Returns the members of that name; none where it is no object.
    pub(super) fn named(&self, name: &str) -> Vec<&Node> {
        match &self.kind {
            Kind::Object(members) => members
                .iter()
                .filter(|one| one.name == name)
                .map(|one| &one.value)
                .collect(),
            Kind::Array(_) | Kind::Other => Vec::new(),
        }
    }
}

/// Returns where the parts of a well-formed text stand.
pub(super) fn of(text: &str) -> Option<Node> {
    let mut walk = Walk { text, at: 0 };
    walk.value()
}

struct Walk<'t> {
    text: &'t str,
    at: usize,
}

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over `byte`, and over what is blank before it.
    fn over(&mut self, byte: u8) -> bool {
        self.blank();
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn value(&mut self) -> Option<Node> {
        self.blank();
        let start = self.at;
        let kind = match self.peek()? {
            b'{' => self.object()?,
            b'[' => self.array()?,
            b'"' => self.string().map(|_| Kind::Other)?,
            _ => {
                let is_part = |byte: u8| !matches!(byte, b',' | b']' | b'}') && byte > b' ';
                while self.peek().is_some_and(is_part) {
                    self.at += 1;
                }
                Kind::Other
            }
        };
        let span = start..self.at;
        Some(Node { span, kind })
    }

    fn object(&mut self) -> Option<Kind> {
        self.at += 1;
        let mut members = Vec::new();
        while !self.over(b'}') {
            self.over(b',');
            self.blank();
            let start = self.at;
            let name = self.string()?;
            if !self.over(b':') {
                return None;
            }
            let value = self.value()?;
            let span = start..value.span.end;
            members.push(Member { name, span, value });
        }
        Some(Kind::Object(members))
    }

    fn array(&mut self) -> Option<Kind> {
        self.at += 1;
        let mut values = Vec::new();
        while !self.over(b']') {
            self.over(b',');
            values.push(self.value()?);
        }
        Some(Kind::Array(values))
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_str(self.text.get(start..self.at)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_found_where_it_stands() {
        let text = " { \"a\\u0062\" : [1, \"x]\\\"\", {}, -2.5e3 ] , \"c\":null}\n";
        let node = of(text).unwrap();
        let stands = |node: &Node| -> Vec<&str> {
            let spans = node.parts().into_iter();
            spans.map(|span| text.get(span).unwrap()).collect()
        };
        assert_eq!(
            stands(&node),
            ["\"a\\u0062\" : [1, \"x]\\\"\", {}, -2.5e3 ]", "\"c\":null"]
        );
        assert_eq!(
            stands(node.named("ab").first().unwrap()),
            ["1", "\"x]\\\"\"", "{}", "-2.5e3"]
        );
        assert_eq!(text.get(node.span), Some(text.trim()));
    }
}
