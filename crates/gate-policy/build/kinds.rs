//! Turns `grammar/kinds.toml` into one number for each rule of the grammar.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::grammar::Grammar;

/// What gate makes of the nodes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kinds {
    special: Vec<String>,
    parts: Vec<String>,
    statement: Vec<Statements>,
}

/// Nodes with one effect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statements {
    effect: String,
    why: String,
    nodes: Vec<String>,
}

/// Writes the numbers: 0 for a node that is on no list, 1 for one that only
/// holds together, then those that code looks at, then those with an effect.
pub(crate) fn emit(grammar: &Grammar, kinds: &Kinds) -> Result<String, Box<dyn Error>> {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let put = |name: &String, number: usize, numbers: &mut BTreeMap<String, usize>| {
        if !grammar.nodes.contains(name) {
            return Err(format!("kinds.toml: the grammar has no node `{name}`"));
        }
        match numbers.insert(name.clone(), number) {
            Some(_) => Err(format!("kinds.toml: `{name}` stands twice")),
            None => Ok(()),
        }
    };
    let mut text = String::from(
        "/// The numbers of the nodes that code looks at.\n\
         #[expect(non_upper_case_globals, reason = \"names of the grammar\")]\n\
         pub(super) mod node {\n",
    );
    for name in &kinds.parts {
        put(name, 1, &mut numbers)?;
    }
    for (index, name) in kinds.special.iter().enumerate() {
        put(name, index + 2, &mut numbers)?;
        writeln!(text, "    pub(crate) const {name}: u8 = {};", index + 2)?;
    }
    let first = kinds.special.len() + 2;
    writeln!(text, "}}\npub(super) const FIRST_STATEMENT: u8 = {first};")?;
    text.push_str("pub(super) static STATEMENTS: &[(Effect, &str)] = &[");
    for (index, statements) in kinds.statement.iter().enumerate() {
        for name in &statements.nodes {
            put(name, first + index, &mut numbers)?;
        }
        let mut effect = statements.effect.clone();
        if let Some(letter) = effect.get_mut(..1) {
            letter.make_ascii_uppercase();
        }
        write!(text, "(Effect::{effect}, {:?}), ", statements.why)?;
    }
    text.push_str("];\npub(super) static KINDS: &[u8] = &[");
    for (left, _) in &grammar.rules {
        let number = numbers.get(left.as_str()).copied().unwrap_or(0);
        write!(text, "{}, ", u8::try_from(number)?)?;
    }
    text.push_str("];\n");
    Ok(text)
}
