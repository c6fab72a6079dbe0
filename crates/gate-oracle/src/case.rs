//! One command line with the small world around it.

use std::collections::BTreeMap;

/// What a command is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Daily work that reads: gate should not ask.
    Read,
    /// Daily work that changes something. Where the stub happens to be as the
    /// command wants it already, nothing is seen, and asking was right.
    Change,
    /// A command that tries to be taken for something milder, or a look-alike.
    Attack,
}

/// One command line. In words, values and contents `{home}`, `{cwd}`, `{bin}`,
/// `{drop}`, `{a}` and `{b}` stand for the folders of the sandbox and for the
/// first and second server, until the sandbox is known.
#[derive(Clone, Debug)]
pub struct Case {
    /// The words, the tool's name first.
    pub argv: Vec<String>,
    /// Variables beside those that every command gets.
    pub env: BTreeMap<String, String>,
    /// Files by path, relative to the working directory.
    pub files: BTreeMap<String, String>,
    /// What stands at standard input; nothing: `/dev/null`.
    pub stdin: Option<String>,
    /// What it is meant to be.
    pub kind: Kind,
    /// The shape of the grammar that made it, for the counts.
    pub shape: &'static str,
}

impl Case {
    /// Returns a command without anything around it.
    pub fn new(kind: Kind, shape: &'static str, argv: Vec<String>) -> Self {
        Self {
            argv,
            env: BTreeMap::new(),
            files: BTreeMap::new(),
            stdin: None,
            kind,
            shape,
        }
    }

    /// Adds words.
    #[must_use]
    pub fn with_words(mut self, words: &[&str]) -> Self {
        self.argv.extend(words.iter().map(|&word| word.to_owned()));
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn with_file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    /// Adds the standard input.
    #[must_use]
    pub fn with_stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.to_owned());
        self
    }

    /// Returns it with every name of `places` replaced by what it stands for.
    #[must_use]
    pub fn placed(&self, places: &[(&str, &str)]) -> Self {
        let put = |text: &String| {
            places.iter().fold(text.clone(), |text, (name, value)| {
                text.replace(name, value)
            })
        };
        let put_all = |map: &BTreeMap<String, String>| {
            map.iter()
                .map(|(name, text)| (put(name), put(text)))
                .collect()
        };
        Self {
            argv: self.argv.iter().map(put).collect(),
            env: put_all(&self.env),
            files: put_all(&self.files),
            stdin: self.stdin.as_ref().map(put),
            kind: self.kind,
            shape: self.shape,
        }
    }

    /// Returns it as a case of `crates/gate-policy/tests/corpus/`.
    pub fn as_corpus_case(&self, id: &str) -> String {
        let case = self.placed(&[
            ("{cwd}", "/srv/app"),
            ("{home}", "/home/u"),
            ("{bin}", "/opt/bin"),
            ("{drop}", "/srv/drop"),
            ("{a}", "https://a.example"),
            ("{b}", "https://b.example"),
            ("{aport}", "1"),
            ("{bport}", "2"),
        ]);
        let words: Vec<String> = case.argv.iter().map(|word| quoted(word)).collect();
        let mut lines = vec![
            "[[case]]".to_owned(),
            format!("id = {}", quoted(id)),
            format!("argv = [{}]", words.join(", ")),
        ];
        for (key, map) in [("env", &case.env), ("files", &case.files)] {
            if !map.is_empty() {
                let pairs: Vec<String> = map
                    .iter()
                    .map(|(name, value)| format!("{} = {}", quoted(name), quoted(value)))
                    .collect();
                lines.push(format!("{key} = {{ {} }}", pairs.join(", ")));
            }
        }
        if let Some(stdin) = &case.stdin {
            lines.push(format!("stdin = {}", quoted(stdin)));
        }
        lines.push("effect = \"unknown\"\ndecision = \"require_approval\"\n".to_owned());
        lines.join("\n")
    }
}

/// A basic string of TOML; JSON's escapes are among its own.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Case, Kind};

    #[test]
    fn a_case_is_printed_as_the_corpus_has_it() {
        let case = Case::new(Kind::Attack, "x", vec!["psql".into(), "{cwd}/\"q\"".into()])
            .with_env("PGHOST", "{b}");
        assert_eq!(
            case.as_corpus_case("oracle-1"),
            "[[case]]\nid = \"oracle-1\"\nargv = [\"psql\", \"/srv/app/\\\"q\\\"\"]\n\
             env = { \"PGHOST\" = \"https://b.example\" }\n\
             effect = \"unknown\"\ndecision = \"require_approval\"\n"
        );
    }
}
