//! One line as words, as a shell would split it where nothing is expanded.

/// Splits a line at blanks outside of quotes.
///
/// # Errors
/// A quote is not closed, or the line has something that a shell would do more with than split:
/// then only the list `argv` says what is meant.
pub(super) fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => {
                let inside = until(&mut letters, '\'')?;
                word.get_or_insert_default().push_str(&inside);
            }
            '"' => {
                let inside = quoted(&mut letters)?;
                word.get_or_insert_default().push_str(&inside);
            }
            '\\' => {
                let next = letters.next().ok_or("a backslash stands at its end")?;
                word.get_or_insert_default().push(next);
            }
            '$' | '`' | '|' | '&' | ';' | '<' | '>' | '(' | ')' => {
                return Err(format!(
                    "a shell does more with `{letter}`; quote it, or write argv"
                ));
            }
            '#' if word.is_none() => return Err("a shell reads no further than `#`".to_owned()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    if words.is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(words)
}

fn until(letters: &mut std::str::Chars<'_>, end: char) -> Result<String, String> {
    let mut inside = String::new();
    for letter in letters {
        if letter == end {
            return Ok(inside);
        }
        inside.push(letter);
    }
    Err(format!("the quote {end} is not closed"))
}

fn quoted(letters: &mut std::str::Chars<'_>) -> Result<String, String> {
    let mut inside = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Ok(inside),
            '$' | '`' => {
                return Err(format!("a shell does more with `{letter}`; write argv"));
            }
            '\\' => match letters.next() {
                Some(next @ ('"' | '\\' | '$' | '`')) => inside.push(next),
                Some(next) => inside.extend(['\\', next]),
                None => break,
            },
            other => inside.push(other),
        }
    }
    Err("the quote \" is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_splits_it() {
        for (line, words) in [
            ("kubectl get  pods", vec!["kubectl", "get", "pods"]),
            (
                "psql -c 'select 1; x' \"\"",
                vec!["psql", "-c", "select 1; x", ""],
            ),
            (
                r#"a "b \"c\" \d" e\ f g'h'i"#,
                vec!["a", r#"b "c" \d"#, "e f", "ghi"],
            ),
            ("a b#c", vec!["a", "b#c"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        for line in [
            "",
            "a $HOME",
            "a \"$HOME\"",
            "a `b`",
            "a | b",
            "a; b",
            "a 'b",
            "a \"b",
            "a\\",
            "a #b",
        ] {
            assert!(split(line).is_err(), "{line}");
        }
    }
}
