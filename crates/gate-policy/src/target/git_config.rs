//! A file of git's settings. Source: git-config(1), "CONFIGURATION FILE".

/// The most settings of a file.
const SETTINGS: usize = 5_000;

/// One setting: section and name in small letters, the subsection as written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) section: String,
    pub(super) subsection: String,
    pub(super) name: String,
    pub(super) value: String,
}

/// Reads a file.
///
/// # Errors
/// Why it is not understood.
pub(super) fn read(content: &[u8]) -> Result<Vec<Setting>, String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is no UTF-8".to_owned())?;
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n");
    let mut reader = Reader {
        rest: &text,
        settings: Vec::new(),
    };
    let (mut section, mut subsection) = (String::new(), String::new());
    loop {
        reader.rest = reader.rest.trim_start();
        match reader.rest.chars().next() {
            None => return Ok(reader.settings),
            Some('#' | ';') => reader.skip_line(),
            Some('[') => (section, subsection) = reader.section()?,
            Some(letter) if letter.is_ascii_alphabetic() && !section.is_empty() => {
                reader.setting(&section, &subsection)?;
            }
            Some(_) => return Err("a line is no setting".to_owned()),
        }
        if reader.settings.len() > SETTINGS {
            return Err("it has too many settings".to_owned());
        }
    }
}

struct Reader<'t> {
    rest: &'t str,
    settings: Vec<Setting>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next();
        self.rest = letters.as_str();
        letter
    }

    fn skip_line(&mut self) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|letter| !is_part(letter));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let word = word.to_owned();
        self.rest = rest;
        word
    }

    /// Reads `[section]`, `[section "subsection"]` or `[section.subsection]`.
    fn section(&mut self) -> Result<(String, String), String> {
        const BAD: &str = "a section is not understood";
        self.next();
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
        let name = self.take_while(is_name).to_lowercase();
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        let mut subsection = String::new();
        let is_quoted = self.rest.starts_with('"');
        if is_quoted {
            self.next();
            loop {
                match self.next() {
                    Some('"') => break,
                    Some('\\') => subsection.extend(self.next()),
                    Some('\n') | None => return Err(BAD.to_owned()),
                    Some(letter) => subsection.push(letter),
                }
            }
        }
        if self.next() != Some(']') || name.is_empty() {
            return Err(BAD.to_owned());
        }
        match name.split_once('.') {
            Some((name, below)) if !is_quoted => Ok((name.to_owned(), below.to_owned())),
            Some(_) => Err(BAD.to_owned()),
            None => Ok((name, subsection)),
        }
    }

    fn setting(&mut self, section: &str, subsection: &str) -> Result<(), String> {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        let name = self.take_while(is_name).to_lowercase();
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        let value = match self.rest.chars().next() {
            Some('=') => {
                self.next();
                self.value()?
            }
            None | Some('\n' | '#' | ';') => "true".to_owned(),
            Some(_) => return Err(format!("the setting `{name}` has no `=`")),
        };
        self.settings.push(Setting {
            section: section.to_owned(),
            subsection: subsection.to_owned(),
            name,
            value,
        });
        Ok(())
    }

    /// Reads a value with its quotes, escapes and comments.
    fn value(&mut self) -> Result<String, String> {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        let mut value = String::new();
        // Blanks at the end count only inside quotes.
        let mut kept = 0;
        let mut is_quoted = false;
        loop {
            match self.next() {
                None | Some('\n') if !is_quoted => break,
                None | Some('\n') => return Err("a quote has no end".to_owned()),
                Some('"') => {
                    is_quoted = !is_quoted;
                    kept = value.len();
                }
                Some('#' | ';') if !is_quoted => {
                    self.skip_line();
                    break;
                }
                Some('\\') => {
                    match self.next() {
                        Some('\n') => {}
                        Some('n') => value.push('\n'),
                        Some('t') => value.push('\t'),
                        Some('b') => value.push('\u{8}'),
                        Some(letter @ ('"' | '\\')) => value.push(letter),
                        Some(_) | None => return Err("an escape is not understood".to_owned()),
                    }
                    kept = value.len();
                }
                Some(letter) => {
                    value.push(letter);
                    if is_quoted || !matches!(letter, ' ' | '\t') {
                        kept = value.len();
                    }
                }
            }
        }
        value.truncate(kept);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, String> {
        let settings = read(text.as_bytes())?;
        let line = |one: &Setting| {
            format!(
                "{}|{}|{}={}",
                one.section, one.subsection, one.name, one.value
            )
        };
        Ok(settings.iter().map(line).collect())
    }

    #[test]
    fn a_file_is_split_as_git_splits_it() {
        let text = "# c\n[Remote \"A.b\"] URL = x # c\n\tfetch = \"+a;b \" c \n[core]\n bare\n\
                    [url.x]\n insteadof=a\\\nb\n[branch \"q\\\"\"]\nremote = \"a\\\\b\"\n";
        let expected = [
            "remote|A.b|url=x",
            "remote|A.b|fetch=+a;b  c",
            "core||bare=true",
            "url|x|insteadof=ab",
            "branch|q\"|remote=a\\b",
        ];
        assert_eq!(shown(text).unwrap(), expected);
        assert_eq!(shown("").unwrap(), [""; 0]);
    }

    #[test]
    fn what_git_refuses_is_refused() {
        for text in [
            "a = b\n",
            "[a\n",
            "[a] = b\n",
            "[a]\nb = \"c\n",
            "[a]\nb = \\q\n",
            "[]\n",
            "[a]\nb c\n",
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
    }
}
