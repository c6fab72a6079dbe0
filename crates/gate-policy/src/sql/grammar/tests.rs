use super::automaton::END_OF_FILE;
use super::lexer::{Lexer, Problem};

fn texts(text: &str) -> Result<Vec<&str>, Problem> {
    let mut lexer = Lexer::new(text);
    let mut found = Vec::new();
    loop {
        let token = lexer.next_of_grammar()?;
        if token.kind == END_OF_FILE {
            return Ok(found);
        }
        let range = token.start as usize..token.end as usize;
        found.push(text.get(range).unwrap());
    }
}

#[test]
fn words_strings_and_signs_end_where_the_server_ends_them() {
    for (text, tokens) in [
        ("a$$b", &["a$$b"][..]),
        ("$$ a $x$ $$ $1", &["$$ a $x$ $$", "$1"]),
        ("$a$ $b$ $a$", &["$a$ $b$ $a$"]),
        (
            "1..10 1.5e-3 .5 1.",
            &["1", "..", "10", "1.5e-3", ".5", "1."],
        ),
        (
            "a=-1 a<=b a@-b a<>-1",
            &[
                "a", "=", "-", "1", "a", "<=", "b", "a", "@-", "b", "a", "<>", "-", "1",
            ],
        ),
        ("a+/*c*/b--x", &["a", "+", "b"]),
        ("/* /* */ a */ b", &["b"]),
        (
            "'a''b' E'a\\'b' 'a'\n 'b' 'c' 'd'",
            &["'a''b'", "E'a\\'b'", "'a'\n 'b'", "'c'", "'d'"],
        ),
        (
            "N'x' u&\"a\" uescape '!' x'1f'",
            &["N", "'x'", "u&\"a\" uescape '!'", "x'1f'"],
        ),
        ("a::b :c :=", &["a", "::", "b", ":", "c", ":="]),
    ] {
        assert_eq!(texts(text).unwrap(), tokens, "{text}");
    }
}

#[test]
fn what_settings_of_the_server_decide_is_refused() {
    for text in [
        "'\\'", "a\u{e4}", "\u{a0}", "'a", "/* /* */", "\"\"", "$a$ $b$", "1x", "0x", "1e", "{",
    ] {
        assert!(texts(text).is_err(), "{text}");
    }
}
