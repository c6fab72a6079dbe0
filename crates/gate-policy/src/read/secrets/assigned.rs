//! Values of secrets that are more than one string: `SET app.password TO V`, where the language
//! wants no quotes, and `password = (SELECT 'V')`, where an expression stands for the string.

use super::looks;
use super::statement::Statements;
use super::tokens::Kind;

/// What stands for a value and is none.
const PLAIN: &[&[u8]] = &[
    b"current", b"default", b"false", b"from", b"no", b"none", b"null", b"off", b"on", b"true",
    b"yes",
];
/// What ends a value.
const ENDS: &[&[u8]] = &[
    b"and",
    b"from",
    b"group",
    b"having",
    b"limit",
    b"on",
    b"or",
    b"order",
    b"returning",
    b"set",
    b"union",
    b"where",
    b"window",
];
/// What ends it inside of the branches of a `CASE` that began before it.
const BRANCHES: &[&[u8]] = &[b"when", b"then", b"else", b"end"];
/// The most tokens of one value.
const LONG: usize = 300;

/// Functions one of whose arguments is a key.
const KEYED: &[&[u8]] = &[
    b"aes_decrypt",
    b"aes_encrypt",
    b"hmac",
    b"pgp_pub_decrypt",
    b"pgp_sym_decrypt",
    b"pgp_sym_decrypt_bytea",
    b"pgp_sym_encrypt",
    b"pgp_sym_encrypt_bytea",
];

/// Tells whether a function takes a key beside its data.
pub(super) fn takes_a_key(statements: &Statements<'_, '_>, index: usize) -> bool {
    KEYED.iter().any(|name| statements.is_word(index, name))
}

/// Reads a setting behind `SET`, where it is no column of an `UPDATE`.
pub(super) fn read_setting(statements: &mut Statements<'_, '_>, first: usize, start: usize) {
    let sets = [&b"set"[..], b"alter", b"create"];
    if !sets.iter().any(|verb| statements.is_word(first, verb)) {
        return;
    }
    let scopes = [&b"session"[..], b"local", b"global", b"persist"];
    let is_scoped = scopes.iter().any(|scope| statements.is_word(start, scope));
    let name = start + usize::from(is_scoped);
    if !statements.names_a_secret(name) {
        return;
    }
    let mut at = name + 1;
    if statements.is_word(at, b"to") || statements.is_sign(at, b'=') {
        at += 1;
    } else {
        return;
    }
    while matches!(statements.kind(at), Some(Kind::Word | Kind::Number)) {
        let is_plain = PLAIN.iter().any(|word| statements.is_word(at, word));
        if is_plain || statements.is_sign(at + 1, b'(') {
            return;
        }
        statements.mark(at);
        // A number with letters behind it is one word.
        let goes_on = statements.range(at).end == statements.range(at + 1).start;
        at += 1 + usize::from(statements.is_sign(at + 1, b','));
        if !goes_on && !statements.is_sign(at - 1, b',') {
            return;
        }
    }
}

/// Marks the strings of an expression, up to where it ends. What chooses rows inside of it, behind
/// `FROM` or `WHERE`, is none of it.
pub(super) fn read_value(statements: &mut Statements<'_, '_>, start: usize) {
    if start < statements.valued {
        return;
    }
    let mut depth = 0_usize;
    let mut cases = 0_usize;
    statements.valued = start;
    // The bracket whose rows are chosen, by its depth.
    let mut choosing = None;
    for at in start..start + LONG {
        looks::add(1);
        if choosing.is_none() && statements.valued == at.max(start) {
            statements.valued = at + 1;
        }
        let is_end = |words: &[&[u8]]| words.iter().any(|word| statements.is_word(at, word));
        match statements.kind(at) {
            None => return,
            Some(Kind::Sign(sign)) if sign == b';' || depth == 0 && b",)]".contains(&sign) => {
                return;
            }
            Some(Kind::Sign(b'(' | b'[')) => depth += 1,
            Some(Kind::Sign(b')' | b']')) => {
                choosing = choosing.filter(|chosen| *chosen < depth);
                depth -= 1;
            }
            Some(Kind::Word) if depth == 0 && ends(statements, at, cases) => return,
            Some(Kind::Word) if is_end(&[b"case"]) => cases += 1,
            Some(Kind::Word) if is_end(&[b"end"]) => cases = cases.saturating_sub(1),
            Some(Kind::Word) if depth > 0 && is_end(&[b"from", b"where"]) => {
                choosing = choosing.or(Some(depth));
            }
            Some(Kind::Word) if is_end(&[b"gen_salt"]) => choosing = choosing.or(Some(depth + 1)),
            Some(Kind::Word) if is_end(&[b"select"]) && choosing == Some(depth) => choosing = None,
            Some(Kind::String | Kind::Body) if choosing.is_none() => statements.mark(at),
            Some(Kind::Word | Kind::String | Kind::Body | Kind::Number | Kind::Sign(_)) => {}
        }
    }
}

/// Tells whether a word ends a value: inside of a `CASE` the conditions and branches are its own.
fn ends(statements: &Statements<'_, '_>, at: usize, cases: usize) -> bool {
    let is_one_of = |words: &[&[u8]]| words.iter().any(|word| statements.is_word(at, word));
    if cases == 0 {
        return is_one_of(ENDS) || is_one_of(BRANCHES);
    }
    is_one_of(ENDS) && !is_one_of(&[b"and", b"or"])
}
