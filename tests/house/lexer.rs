//! Takes comments and quoted text out of Rust source, so that a rule about code is not broken by a
//! sentence about it.

/// Returns the text with comments, strings and character literals blanked, line for line.
pub(crate) fn code_of(text: &str) -> String {
    let mut lexer = Lexer {
        rest: text,
        code: String::with_capacity(text.len()),
        follows_word: false,
    };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.code
}

/// True when `word` stands in `line` on its own, not as a part of a longer name.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(start, _)| {
        let (before, from) = line.split_at(start);
        let after = from.strip_prefix(word).unwrap_or_default();
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

struct Lexer<'text> {
    rest: &'text str,
    code: String,
    /// True after a letter, digit or underscore: an `r` here ends a name and starts no raw string.
    follows_word: bool,
}

impl Lexer<'_> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.blank(end);
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment(self.rest));
        } else if let Some(end) = (!self.follows_word)
            .then(|| raw_string(self.rest))
            .flatten()
        {
            self.blank(end);
        } else if self.rest.starts_with('"') {
            self.blank(quoted(self.rest, '"'));
        } else if is_character(self.rest) {
            self.blank(quoted(self.rest, '\''));
        } else if let Some(character) = self.rest.chars().next() {
            self.code.push(character);
            self.follows_word = character.is_alphanumeric() || character == '_';
            self.rest = self.rest.strip_prefix(character).unwrap_or_default();
        }
    }

    fn blank(&mut self, end: usize) {
        let (gone, rest) = self.rest.split_at(end);
        self.code.push(' ');
        self.code
            .extend(gone.chars().filter(|character| *character == '\n'));
        self.follows_word = false;
        self.rest = rest;
    }
}

/// The length of a comment, which may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut length) = (0_usize, 0);
    let bytes = text.as_bytes();
    while let Some(pair) = bytes.get(length..length + 2) {
        match pair {
            b"/*" => (depth, length) = (depth + 1, length + 2),
            b"*/" => (depth, length) = (depth - 1, length + 2),
            _ => length += 1,
        }
        if depth == 0 {
            return length;
        }
    }
    text.len()
}

/// The length of a raw string with its prefix (`r`, `br`, `cr`), if one starts here.
fn raw_string(text: &str) -> Option<usize> {
    let body = text
        .strip_prefix(['b', 'c'])
        .unwrap_or(text)
        .strip_prefix('r')?;
    let inner = body.trim_start_matches('#');
    let hashes = body.len() - inner.len();
    let inner = inner.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - inner.len();
    Some(
        inner
            .find(&close)
            .map_or(text.len(), |end| start + end + close.len()),
    )
}

/// The length of a literal that ends at the first quote without a backslash.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else if character == quote {
            return index + 1;
        }
    }
    text.len()
}

/// True for a character literal; a lifetime has no quote after its first character.
fn is_character(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next() == Some('\'')
        && match characters.next() {
            Some('\\') => true,
            Some(_) => characters.next() == Some('\''),
            None => false,
        }
}

#[test]
fn comments_and_quoted_text_are_not_code() {
    for (text, word) in [
        ("// unsafe\n", "unsafe"),
        ("/* a /* unsafe */ unsafe */", "unsafe"),
        ("let a = \"un \\\" unsafe\";", "unsafe"),
        ("let a = r#\"a \" unsafe\"#;", "unsafe"),
        ("let a = br\"unsafe\";", "unsafe"),
        ("let unsafe_code = 1;", "unsafe"),
    ] {
        assert!(!has_word(&code_of(text), word), "{text}");
    }
}

#[test]
fn code_beside_comments_and_quoted_text_stays() {
    for text in [
        "/* a */ unsafe {}",
        "let a = '\"'; unsafe {}",
        "let a = '\\''; unsafe {}",
        "fn a<'b>(c: &'b str) { unsafe {} }",
        "let a = \"\\\\\"; unsafe {}",
        "let a = r\"\\\"; unsafe {}",
        "let r = 1; unsafe {} // \"",
        "for\"a\"unsafe",
    ] {
        assert!(has_word(&code_of(text), "unsafe"), "{text}");
    }
    let lines = code_of("a\n/* b\nb */ c\n\"d\nd\" e\n");
    assert_eq!(lines.lines().count(), 5);
}
