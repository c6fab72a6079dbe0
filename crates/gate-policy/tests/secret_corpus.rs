//! Secrets of random value in every place that a command line has, and ordinary
//! lines that look a little like one.
//!
//! The promise: "Secrets never leave the machine in clear: not to the server, a
//! chat, a log". What is asked here is what would be shown: words, variables,
//! statements, the target, the reasons of gate and those of people.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use gate_policy::{
    CommandLine, Environment, MapFiles, SecretPlace, Stdin, masked_prose, read_invocation,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    /// Command lines with a place for each secret.
    secret: Vec<Vec<String>>,
    variable: Vec<Variable>,
    /// Scripts of psql.
    script: Vec<String>,
    /// Reasons and comments.
    sentence: Vec<String>,
    ordinary: Vec<Vec<String>>,
    ordinary_sentence: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % below
    }

    fn token(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length)
            .filter_map(|_| letters.get(self.next(letters.len())))
            .collect()
    }

    /// Returns a secret for a hole: `@@` takes any password, the others the
    /// tokens of their issuers.
    fn secret(&mut self, hole: &str) -> String {
        const DIGITS: &str = "0123456789abcdef";
        const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        match hole {
            "@AKIA@" => format!("AKIA{}", self.token(CAPITALS, 16)),
            "@AWS@" => {
                let key = self.token(LETTERS, 38);
                format!("aZ{key}")
            }
            "@GH@" => format!("ghp_{}", self.token(LETTERS, 36)),
            "@JWT@" => {
                let (body, signature) = (self.token(LETTERS, 30), self.token(LETTERS, 43));
                format!("eyJhbGciOiJIUzI1NiJ9.eyJ{body}.{signature}")
            }
            "@PEM@" => self.token(LETTERS, 64),
            "@B64@" => base64(&format!("password=Zq{}", self.token(DIGITS, 12))),
            "@BASIC@" => base64(&format!("user:Zq{}", self.token(DIGITS, 12))),
            _ => format!("Zq{}", self.token(DIGITS, 14)),
        }
    }
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            if index <= chunk.len() {
                let six = usize::try_from(bits >> (18 - 6 * index) & 63).unwrap_or_default();
                encoded.extend(ALPHABET.get(six).copied().map(char::from));
            } else {
                encoded.push('=');
            }
        }
    }
    encoded
}

const HOLES: &[&str] = &[
    "@AKIA@", "@AWS@", "@GH@", "@JWT@", "@PEM@", "@B64@", "@BASIC@", "@@",
];

/// Fills each hole with a secret of its own, which is kept in `secrets`.
fn filled(text: &str, numbers: &mut Numbers, secrets: &mut Vec<String>) -> String {
    let mut text = text.to_owned();
    for hole in HOLES {
        while text.contains(hole) {
            let secret = numbers.secret(hole);
            text = text.replacen(hole, &secret, 1);
            secrets.push(secret);
        }
    }
    text
}

/// Returns everything that would be shown of a command.
fn shown(argv: &[String], env: &BTreeMap<String, String>, files: &[(&str, &str)]) -> Vec<String> {
    let words: Vec<OsString> = argv.iter().map(OsString::from).collect();
    let environment: Environment = env.iter().collect();
    let cwd = Path::new("/srv/app");
    let files = files
        .iter()
        .map(|(name, text)| (*name, text.as_bytes().to_vec()));
    let invocation = read_invocation(&CommandLine {
        argv: &words,
        env: &environment,
        cwd,
        stdin: Stdin::Absent,
        files: &MapFiles::new(cwd, files),
    });
    let mut argv = argv.to_vec();
    let mut env = env.clone();
    for secret in invocation.secrets.iter().rev() {
        let text = match &secret.place {
            SecretPlace::Argv(index) => argv.get_mut(*index),
            SecretPlace::Env(name) => name.to_str().and_then(|name| env.get_mut(name)),
        };
        if let Some(text) = text {
            text.replace_range(secret.range.clone(), "‹›");
        }
    }
    let bound = invocation.environment.iter();
    let bound = bound.filter_map(|note| env.get(note.name.to_str()?).cloned());
    let mut shown = argv;
    shown.extend(bound);
    shown.extend(invocation.nested.into_iter().map(|nested| nested.text));
    shown.extend(invocation.target.into_values());
    shown.extend(invocation.reasons);
    shown.extend(invocation.command.iter().map(ToString::to_string));
    shown
}

#[test]
fn no_secret_of_the_corpus_is_shown() {
    let corpus: Corpus = toml::from_str(include_str!("secret_corpus.toml")).unwrap();
    let mut numbers = Numbers(7);
    let (mut count, mut wrong) = (0, Vec::new());
    let mut hold = |secrets: Vec<String>, shown: Vec<String>| {
        assert!(!secrets.is_empty(), "{shown:?}");
        count += secrets.len();
        for secret in secrets {
            if let Some(text) = shown.iter().find(|text| text.contains(&secret)) {
                wrong.push(format!("{secret} in {text:?} of {shown:?}"));
            }
        }
    };
    let none = BTreeMap::new();
    for line in &corpus.secret {
        let mut secrets = Vec::new();
        let words = line.iter();
        let argv: Vec<_> = words
            .map(|word| filled(word, &mut numbers, &mut secrets))
            .collect();
        hold(secrets, shown(&argv, &none, &[]));
    }
    for case in &corpus.variable {
        let mut secrets = Vec::new();
        let env = case.env.iter();
        let env: BTreeMap<_, _> = env
            .map(|(name, value)| (name.clone(), filled(value, &mut numbers, &mut secrets)))
            .collect();
        hold(secrets, shown(&case.argv, &env, &[]));
    }
    for script in &corpus.script {
        let mut secrets = Vec::new();
        let script = filled(script, &mut numbers, &mut secrets);
        let argv = ["psql", "-f", "x.sql"].map(str::to_owned);
        hold(secrets, shown(&argv, &none, &[("x.sql", &script)]));
    }
    for sentence in &corpus.sentence {
        let mut secrets = Vec::new();
        let sentence = filled(sentence, &mut numbers, &mut secrets);
        hold(secrets, vec![masked_prose(&sentence, &[])]);
    }
    assert!(
        wrong.is_empty(),
        "{} shown:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count >= 200, "{count}");
}

#[test]
fn ordinary_lines_and_sentences_are_shown_as_they_are() {
    let corpus: Corpus = toml::from_str(include_str!("secret_corpus.toml")).unwrap();
    let mut wrong = Vec::new();
    for argv in &corpus.ordinary {
        let shown = shown(argv, &BTreeMap::new(), &[]);
        if !shown.starts_with(argv) {
            wrong.push(format!("{:?}", &shown[..argv.len()]));
        }
    }
    for sentence in &corpus.ordinary_sentence {
        let shown = masked_prose(sentence, &[]);
        if shown != *sentence {
            wrong.push(shown);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} masked:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(corpus.ordinary.len() + corpus.ordinary_sentence.len() >= 150);
}

#[test]
fn a_secret_of_the_command_is_masked_in_the_sentence_beside_it() {
    let known = ["correct horse".to_owned(), "tiger".to_owned()];
    let sentence = "from tiger to `correct horse`, not tigers";
    assert_eq!(
        masked_prose(sentence, &known),
        "from [secret 5 bytes] to `[secret 13 bytes]`, not tigers"
    );
}
