//! The settings of terraform, as far as they start programs or lead elsewhere.
//! Source: terraform, "CLI Configuration File".
//!
//! Only names and blocks are read: strings and comments are passed over, and
//! what is not plainly one of these is not understood.

/// What stands at the top and changes neither what runs nor whom it talks to.
const PLAIN: &[&str] = &[
    "credentials",
    "disable_checkpoint",
    "disable_checkpoint_signature",
    "plugin_cache_dir",
];
/// Ways to install providers from where their own address says.
const DIRECT: &[&str] = &["direct", "exclude", "include"];

/// Returns why the settings can make a command another one.
///
/// # Errors
/// Why the text is not understood.
pub(super) fn problems(content: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is no UTF-8".to_owned())?;
    let mut found = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    let mut name = "";
    for word in words(text)? {
        match word {
            Word::Name(next) => {
                // A name begins something unless it stands behind `=`.
                name = next;
                let is_plain = match above.as_slice() {
                    [] => PLAIN.contains(&next) || next == "provider_installation",
                    ["provider_installation"] | ["provider_installation", "direct"] => {
                        DIRECT.contains(&next)
                    }
                    _ => true,
                };
                if !is_plain {
                    let place = if above.is_empty() {
                        "sets"
                    } else {
                        "installs providers by"
                    };
                    found.push(format!("the configuration of terraform {place} `{next}`"));
                }
            }
            Word::Open => above.push(name),
            Word::Close => {
                above.pop().ok_or("a bracket closes nothing")?;
            }
        }
    }
    if above.is_empty() {
        Ok(found)
    } else {
        Err("a bracket has no end".to_owned())
    }
}

enum Word<'t> {
    Name(&'t str),
    Open,
    Close,
}

/// Splits the text into names and brackets. Values are passed over: strings,
/// numbers and what stands behind `=` up to the end of the line.
fn words(text: &str) -> Result<Vec<Word<'_>>, String> {
    let mut words = Vec::new();
    let mut rest = text;
    let mut is_value = false;
    while let Some(letter) = rest.chars().next() {
        let behind = rest.get(letter.len_utf8()..).unwrap_or_default();
        let length = match letter {
            '"' => 2 + string_bytes(behind)?,
            '#' => line_bytes(rest),
            '/' if behind.starts_with('/') => line_bytes(rest),
            '/' if behind.starts_with('*') => {
                let end = behind.find("*/").ok_or("a comment has no end")?;
                end + 3
            }
            '{' | '[' => {
                words.push(Word::Open);
                is_value = false;
                1
            }
            '}' | ']' => {
                words.push(Word::Close);
                is_value = false;
                1
            }
            '=' => {
                is_value = true;
                1
            }
            '\n' => {
                is_value = false;
                1
            }
            ',' | ' ' | '\t' | '\r' => 1,
            _ if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-') => {
                let is_end = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
                let end = rest.find(is_end).unwrap_or(rest.len());
                let name = rest.get(..end).unwrap_or_default();
                if !is_value {
                    words.push(Word::Name(name));
                }
                end
            }
            _ => return Err(format!("`{letter}` is not understood")),
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(words)
}

fn line_bytes(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// Returns how long a string is whose first quote is behind. A template could
/// hold a quote.
fn string_bytes(text: &str) -> Result<usize, String> {
    let mut is_escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '\n' => break,
            '\\' if !is_escaped => is_escaped = true,
            '"' if !is_escaped => {
                let inside = text.get(..at).unwrap_or_default();
                if inside.contains("${") || inside.contains("%{") {
                    return Err("a string has a template".to_owned());
                }
                return Ok(at);
            }
            _ => is_escaped = false,
        }
    }
    Err("a string has no end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_only_cache_or_log_in_are_plain() {
        let text = "# c\nplugin_cache_dir = \"$HOME/.c\" // d\n/* dev_overrides { */\n\
                    disable_checkpoint = true\ncredentials \"app.terraform.io\" {\n  token = \"x{\"\n}\n\
                    provider_installation {\n  direct {\n    exclude = [\"a/*/*\"]\n  }\n}\n";
        assert_eq!(problems(text.as_bytes()).unwrap(), [""; 0]);
        assert_eq!(problems(b"").unwrap(), [""; 0]);
    }

    #[test]
    fn settings_that_start_programs_or_lead_elsewhere_are_not() {
        for text in [
            "provider_installation {\n dev_overrides {\n \"a/b\" = \"/x\"\n }\n direct {}\n}\n",
            "provider_installation { filesystem_mirror { path = \"/x\" } }",
            "credentials_helper \"x\" {\n args = []\n}\n",
            "host \"app.terraform.io\" {\n services = { \"modules.v1\" = \"https://evil\" }\n}\n",
            "providers { x = \"/x\" }",
            "plugin_cache_may_break_dependency_lock_file = true",
        ] {
            assert!(!problems(text.as_bytes()).unwrap().is_empty(), "{text}");
        }
        for text in [
            "a = \"${x}\"",
            "a {",
            "}",
            "a = \"x",
            "a = <<E\nE\n",
            "/* x",
        ] {
            assert!(problems(text.as_bytes()).is_err(), "{text}");
        }
    }
}
