//! Texts of which one look at each byte tells that they hold no secret.
//!
//! Most words and statements have nothing that could tie a name to a value, or no name that speaks
//! of a secret. What is told here is what the whole search would find in them: nothing. A test
//! holds the two against each other.

use std::ops::Range;

use super::scan::{Reading, Setting};
use super::text::{Text, is_name_byte};
use super::{entropy, header, pem, shapes};
use crate::read::secret_names::names_a_secret;

/// Words of whose neighbours the search thinks something, other than names of secrets.
const SPEAKING: [&[u8]; 6] = [
    b"auth",
    b"_auth",
    b"basic",
    b"bearer",
    b"data",
    b"stringdata",
];

/// Tells whether the search for secrets surely finds none in a text: it is a word, or a statement
/// without a string and a comment, in which no name that is tied to something speaks of a secret,
/// and no run has the shape of a token or is as long as a random one.
pub(super) fn is_plain(bytes: &[u8], setting: &Setting<'_>) -> bool {
    if setting.is_secret_object {
        return false;
    }
    let is_word = match setting.reading {
        Reading::Word => true,
        Reading::Sql | Reading::MySql => false,
        Reading::Shell | Reading::Prose => return false,
    };
    let is_tied = !is_word || bytes.contains(&b'=');
    let text = Text::new(bytes);
    let mut token = 0;
    let mut start = 0;
    while let Some(byte) = text.at(start) {
        let end = text.seek(start, |byte| !is_name_byte(byte));
        if end > start {
            token += end - start;
            let is_plain = token < entropy::LEAST && has_no_shape(&text, start..end);
            let name = text.slice(start..end);
            if !is_plain || (is_tied && speaks(name)) || (!is_word && has_comment(name)) {
                return false;
            }
            start = end;
            continue;
        }
        match byte {
            // What is as random as a key may have these inside, and the name of a secret too.
            b'+' => token += 1,
            b'/' if !is_tied => token += 1,
            b'=' | b',' => token = 0,
            b' ' | b';' | b'(' | b')' | b'*' | b'<' | b'>' | b'!' if !is_word => token = 0,
            _ => return false,
        }
        start += 1;
    }
    true
}

fn has_no_shape(text: &Text<'_>, run: Range<usize>) -> bool {
    let name = text.slice(run.clone());
    name.is_ascii() && !name.starts_with(pem::BEGIN) && shapes::find(text, run).is_none()
}

/// Tells whether a name says something of what is tied to it.
fn speaks(name: &[u8]) -> bool {
    names_a_secret(name)
        || SPEAKING.iter().any(|word| name.eq_ignore_ascii_case(word))
        || header::is_header(name)
}

/// Tells whether a comment of SQL begins in a run.
fn has_comment(run: &[u8]) -> bool {
    run.windows(2).any(|two| two == b"--")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{marks::Marks, search_whole};
    use super::*;

    /// Whatever the search thinks something of, and what it thinks nothing of.
    const PARTS: &[&str] = &[
        "select",
        "insert",
        "into",
        "values",
        "set",
        "password",
        "for",
        "to",
        "identified",
        "by",
        "attach",
        "key",
        "name",
        "value",
        "path",
        "token",
        "Name",
        "Key",
        "Value",
        "DB_PASSWORD",
        "auth",
        "_auth",
        "basic",
        "Bearer",
        "data",
        "stringData",
        "authorization",
        "cookie",
        "x-a",
        "pass",
        "code",
        "mfa",
        "pragma",
        "crypt",
        "api_keys",
        "eyJhbGciOi",
        ".",
        "eyJhIjoxfQ",
        "dXNlcjpwYXNz",
        "YTpi",
        "AKIA",
        "IOSFODNN7EXAMPLE",
        "ghp_",
        "xoxb-",
        "xoxb-aaaaaaaaaaaa",
        "sk_live_",
        "aaaaaaaaaaaa",
        "A1b2C3d4E5f6",
        "items",
        "id",
        "7",
        "other-2",
        "--profile",
        "-----BEGIN",
        "-----END",
        "PRIVATE",
        " ",
        " ",
        " ",
        "=",
        "=",
        ",",
        ";",
        "(",
        ")",
        "*",
        "<",
        ">",
        "!",
        "/",
        "+",
        "--",
        "'",
        "\"",
        ":",
        "@",
        "$",
        "%61",
        "\\",
        "é",
        "\n",
        "[",
        "{",
        "#",
    ];

    fn text() -> impl Strategy<Value = String> {
        proptest::collection::vec(proptest::sample::select(PARTS), 0..14)
            .prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn what_is_plain_at_one_look_has_nothing_that_is_found(text in text()) {
            for reading in [
                Reading::Word, Reading::Shell, Reading::Sql, Reading::MySql, Reading::Prose,
            ] {
                for name in ["", "c", "command", "from-file", "value"] {
                    let setting = Setting {
                        reading,
                        name: name.as_bytes(),
                        ..Setting::default()
                    };
                    let mut marks = Marks::default();
                    search_whole(text.as_bytes(), &setting, &mut marks);
                    let is_found = !marks.is_empty();
                    prop_assert!(
                        !(is_found && is_plain(text.as_bytes(), &setting)),
                        "{reading:?} {name}: {text}"
                    );
                }
            }
        }
    }

    #[test]
    fn everyday_words_and_statements_are_plain() {
        for word in [
            "terminate-instances",
            "--profile=other-2",
            "a/b",
            "module.net",
            "items,rows",
        ] {
            assert!(is_plain(word.as_bytes(), &Setting::default()), "{word}");
        }
        let setting = Setting {
            reading: Reading::Sql,
            ..Setting::default()
        };
        for statement in [
            "SELECT id, name FROM items WHERE id = 7",
            "delete from only_these where count(*) > 10;",
        ] {
            assert!(is_plain(statement.as_bytes(), &setting), "{statement}");
        }
        for other in ["select 'a'", "select password", "select 1 -- x", "select é"] {
            assert!(!is_plain(other.as_bytes(), &setting), "{other}");
        }
    }
}
