//! Turns `grammar/postgresql.txt` into constants: the numbers of the symbols,
//! the keywords, and the name of the node that each rule makes.

use std::fmt::Write as _;
use std::path::Path;
use std::{error::Error, fs};

use crate::filled::fill;

/// How many places the table of keywords has: there are half as many of them.
const KEYWORD_PLACES: usize = 1024;

/// The parts of the grammar that the constants are made of.
pub(crate) struct Grammar {
    defines: Vec<(String, i32)>,
    tokens: Vec<String>,
    /// The names of the nodes, in bison's order.
    pub(crate) nodes: Vec<String>,
    /// The left side and the right side of each rule, in bison's order; the
    /// first two are bison's own.
    pub(crate) rules: Vec<(String, String)>,
    keywords: Vec<(String, String)>,
}

/// Reads the grammar's readable half.
pub(crate) fn read(file: &Path) -> Result<Grammar, Box<dyn Error>> {
    let mut grammar = Grammar {
        defines: Vec::new(),
        tokens: Vec::new(),
        nodes: Vec::new(),
        rules: vec![(String::new(), String::new()); 2],
        keywords: Vec::new(),
    };
    for line in fs::read_to_string(file)?.lines() {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let pair = rest.split_once(' ').unwrap_or((rest, ""));
        match kind {
            "define" => grammar.defines.push((pair.0.to_owned(), pair.1.parse()?)),
            "token" => grammar.tokens.push(rest.to_owned()),
            "node" => grammar.nodes.push(rest.to_owned()),
            "keyword" => grammar
                .keywords
                .push((pair.0.to_owned(), pair.1.to_owned())),
            "rule" => {
                let (left, right) = rest.split_once(':').ok_or("a rule has no colon")?;
                let right = right.trim().to_owned();
                grammar.rules.push((left.to_owned(), right));
            }
            _ => {}
        }
    }
    grammar.keywords.sort();
    Ok(grammar)
}

/// Writes the constants of the lexer and of the automaton.
pub(crate) fn emit(grammar: &Grammar) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    // The end of the text is shifted in one state only, which needs no name.
    for (name, value) in grammar.defines.iter().filter(|(name, _)| name != "YYFINAL") {
        writeln!(text, "pub(super) const {name}: i32 = {value};")?;
    }
    writeln!(
        text,
        "pub(super) const RULES: usize = {};",
        grammar.rules.len()
    )?;
    let number = |name: &str| grammar.tokens.iter().position(|token| token == name);
    let named = |name: &str| {
        let is_letters = name
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
        is_letters && name != "error"
    };
    text.push_str("/// The numbers of the terminal symbols.\n#[expect(non_upper_case_globals, reason = \"names of the grammar\")]\n#[expect(dead_code, reason = \"only some are asked for by name\")]\npub(crate) mod token {\n");
    for (index, name) in grammar.tokens.iter().enumerate() {
        if named(name) {
            writeln!(text, "    pub(crate) const {name}: u16 = {index};")?;
        }
    }
    text.push_str("}\npub(super) static CHARACTERS: [u16; 128] = [");
    for byte in 0..128_u8 {
        let symbol = number(&format!("'{}'", char::from(byte)));
        write!(text, "{}, ", symbol.unwrap_or(0))?;
    }
    text.push_str("];\npub(super) static KEYWORDS: &[(&str, u16)] = &[");
    for (word, token) in &grammar.keywords {
        let token = number(token).ok_or_else(|| format!("keyword `{word}` has no token"))?;
        write!(text, "(\"{word}\", {token}), ")?;
    }
    // Which of them stands where it is looked for, counted from 1.
    let mut places = [0; KEYWORD_PLACES];
    for (index, (word, _)) in grammar.keywords.iter().enumerate() {
        fill(&mut places, word.as_bytes(), index + 1);
    }
    write!(
        text,
        "];\npub(super) static KEYWORD_PLACES: [u16; {KEYWORD_PLACES}] = {places:?};\n"
    )?;
    Ok(text)
}

/// Writes the sorted names of what the server's catalogue knows to be pure, of the functions that
/// it has besides, and of those of its modules that do more than compute.
pub(crate) fn emit_catalogue(text: &str) -> Result<String, Box<dyn Error>> {
    let mut made = String::new();
    for (kind, list) in [
        ("function", "FUNCTIONS"),
        ("other", "OTHER_FUNCTIONS"),
        ("module", "MODULES"),
        ("type", "TYPES"),
        ("operator", "OPERATORS"),
    ] {
        let names = text
            .lines()
            .filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        writeln!(made, "static {list}: &[&str] = &{names:?};")?;
    }
    Ok(made)
}
