//! Whether a GraphQL document holds nothing but queries.
//!
//! Only the first word of each definition says what it is. What stands inside
//! is stepped over: strings, comments and whatever is in brackets.
//! Source: the GraphQL specification, October 2021, sections 2.1 and 2.2.

/// The most brackets inside each other that are followed.
const DEPTH_LIMIT: usize = 200;

/// Tells whether every definition of a document is a query or a fragment of
/// one. What is not understood is none.
pub(super) fn has_only_queries(document: &[u8]) -> bool {
    let mut rest = document;
    let mut open: Vec<u8> = Vec::new();
    let mut is_inside = false;
    let mut is_any = false;
    while let Some((byte, after)) = rest.split_first() {
        let next = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => Some(after),
            b'#' => Some(behind_line(after)),
            b'"' => behind_string(rest),
            b'{' | b'(' | b'[' => {
                is_inside |= *byte == b'{';
                is_any |= is_inside;
                open.push(*byte);
                (is_inside && open.len() <= DEPTH_LIMIT).then_some(after)
            }
            b'}' | b')' | b']' => {
                let is_pair = open.pop().is_some_and(|begin| closes(begin, *byte));
                // The braces of a definition are its end.
                is_inside &= !(open.is_empty() && *byte == b'}');
                is_pair.then_some(after)
            }
            letter if is_name(*letter) => {
                let (word, after) = split_name(rest);
                let begins = is_inside || matches!(word, b"query" | b"fragment");
                is_inside = true;
                begins.then_some(after)
            }
            b'!' | b'$' | b'&' | b'.' | b':' | b'=' | b'@' | b'|' | b'-' => {
                is_inside.then_some(after)
            }
            _ => None,
        };
        let Some(next) = next else { return false };
        rest = next;
    }
    is_any && open.is_empty() && !is_inside
}

fn closes(begin: u8, end: u8) -> bool {
    matches!((begin, end), (b'{', b'}') | (b'(', b')') | (b'[', b']'))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn split_name(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !is_name(*byte));
    text.split_at(end.unwrap_or(text.len()))
}

fn behind_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    text.get(end.unwrap_or(text.len())..).unwrap_or_default()
}

/// Returns what follows a string, where it ends.
fn behind_string(text: &[u8]) -> Option<&[u8]> {
    if let Some(mut rest) = text.strip_prefix(b"\"\"\"") {
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(b"\"\"\"") {
                return Some(after);
            }
            let step = if rest.starts_with(b"\\\"\"\"") { 4 } else { 1 };
            rest = rest.get(step..)?;
        }
        return None;
    }
    let mut rest = text.get(1..)?;
    loop {
        match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\n' | b'\r', ..] | [] => return None,
            [b'\\', _, after @ ..] | [_, after @ ..] => rest = after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_their_fragments_only_read() {
        for document in [
            "{ viewer { login } }",
            "query { viewer { login } }",
            "query mutation { viewer { login } }",
            "query($n: Int = 3, $o: In = {a: [1]}) @x(y: \"}\") { a(n: $n) { b } }",
            "# mutation\nquery A { a } query B { b { ...f } } fragment f on T { c }",
            "query { a(s: \"mutation { x }\") }",
            "query { a(s: \"\"\"} \\\"\"\" mutation\"\"\") }",
        ] {
            assert!(has_only_queries(document.as_bytes()), "{document}");
        }
    }

    #[test]
    fn whatever_else_is_no_query() {
        for document in [
            "",
            "query",
            "query {",
            "mutation { a }",
            "subscription { a }",
            "query { a } mutation { b }",
            "{ a } mutation { b }",
            "fragment f on T { c } mutation M { b }",
            "# query\nmutation { a }",
            "query { a(s: \"}\") mutation",
            "query { a } }",
            "query ( { ) }",
            "\"query\" mutation { a }",
            "extend type T { a }",
            "query { a(s: \"\n\") }",
            "query { ü }",
            "\u{feff}mutation { a }",
        ] {
            assert!(!has_only_queries(document.as_bytes()), "{document}");
        }
    }
}
