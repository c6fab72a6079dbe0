//! What must hold for every text: the search ends, its work is linear, and it
//! marks nothing outside of the text.

use proptest::prelude::*;

use super::commands;
use super::entropy;
use super::looks;
use super::marks::Marks;
use super::scan::{self, Reading, Setting};
use super::sequence::Sequence;
use super::text::Text;
use super::{pieces, search};

const READINGS: [Reading; 5] = [
    Reading::Word,
    Reading::Shell,
    Reading::Sql,
    Reading::MySql,
    Reading::Prose,
];

/// How many bytes are looked at for each byte of a text, at most.
const WORK: usize = 32;

/// Parts of which hostile texts are made: each starts a search for something
/// that the text then does not hold.
const PARTS: &[&str] = &[
    "password",
    "password=",
    "password:",
    "password: |\n",
    "password:\n ",
    "\"password\":",
    "'password' =",
    "password '",
    "password $a$",
    "password $b$",
    "password /*",
    "password --",
    "password(",
    "\\\"token\\\":\\\"",
    "\\",
    "\"",
    "'",
    "''",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    ";",
    "&",
    "?",
    "#",
    " ",
    "\n",
    "  - ",
    "=",
    ":",
    "://",
    "a://b:c",
    "@",
    "a://",
    "value=",
    "name=password",
    "\"value\":",
    "\"name\":\"token\"",
    "key:",
    "stringData:",
    "stringData: {",
    "\"stringData\":\n",
    "data:",
    "insert into t(",
    "into a(password) values (",
    "into",
    "values",
    "identified by",
    "set password for",
    "E'",
    "U&'",
    "$'",
    "$",
    "`",
    "$(",
    "eyJ",
    "eyJ-",
    "eyJ.",
    "eyJaaaaaaaaaaaaaaaaaaa.",
    "ghp_",
    "sk-",
    "key-",
    "AKIA",
    "AKIA_",
    "atlasv1.",
    "npm_",
    "hf_",
    "-----BEGIN",
    "-----BEGIN PRIVATE KEY-----",
    "-----END",
    "MIIEpAIBAAKCAQEA",
    "Authorization: ",
    "Basic ",
    "Bearer ",
    "bearer",
    "auth: ",
    "--password",
    "-p",
    "-u",
    "curl ",
    "\"--password\",",
    "%70",
    "\\u0070",
    "\\n",
    "\\n-",
    "aB3",
    "/",
    "+",
    "é",
    "\u{0}",
    "token",
    "config ",
    "login ",
    "a",
    "A1",
    "-",
    "_",
    ".",
    "--from-literal=",
    "-e ",
    "/*",
    "*/",
    "--",
    "$$",
    "$x$",
    "'$$",
    "''''",
    "E'\\'",
    "program '",
    "psql -c \"",
    "\\!",
    "\\set password ",
    "\\g |",
    "set (",
    "as password",
    ") password",
    "select ",
    "update tokens ",
    "insert into tokens values (",
    "token in (",
    "token in ('a'",
    "token(",
    "('a'",
    ")::text token",
    "::'",
    "e'::",
    "$a$::",
    "into a(b c,",
    "json('token',",
    "[\"mysql -p",
];

fn search_and_judge(bytes: &[u8], reading: Reading) {
    looks::take();
    let text = Text::new(bytes);
    let setting = Setting {
        reading,
        is_secret_object: bytes.len().is_multiple_of(2),
        ..Setting::default()
    };
    let mut marks = scan::read_text(&text, &setting);
    commands::search(bytes, &setting, &mut marks);
    let most = WORK * (bytes.len() + 512);
    let looks = looks::take();
    let marks = marks.merged();
    assert!(
        looks <= most,
        "{} looks at {} bytes: {:?}",
        looks,
        bytes.len(),
        String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes))
    );
    let mut end = 0;
    for mark in marks {
        assert!(end <= mark.range.start && mark.range.start < mark.range.end);
        end = mark.range.end;
    }
    assert!(end <= bytes.len());
}

#[test]
fn no_part_repeated_makes_the_search_quadratic() {
    for one in PARTS {
        for two in PARTS {
            let text = format!("{one}{two}").repeat(150);
            search_and_judge(text.as_bytes(), Reading::Word);
        }
    }
}

#[test]
fn a_long_text_is_searched_in_linear_work_by_every_reader() {
    for part in PARTS {
        let text = part.repeat((1 << 15) / part.len());
        for reading in READINGS {
            search_and_judge(text.as_bytes(), reading);
        }
    }
    let text = PARTS.concat();
    let text = text.repeat((1 << 20) / text.len());
    search_and_judge(text.as_bytes(), Reading::Word);
}

#[test]
fn lines_that_go_deeper_and_deeper_are_searched_in_linear_work() {
    for part in [
        "password:",
        "password: |",
        "stringData:",
        "- password:",
        "\"stringData\":",
    ] {
        let lines: Vec<String> = (0..700)
            .map(|depth| format!("{}{part}", " ".repeat(depth)))
            .collect();
        for reading in READINGS {
            search_and_judge(lines.join("\n").as_bytes(), reading);
        }
    }
}

#[test]
fn bytes_that_are_no_text_hide_no_secret() {
    for (bytes, secret) in [
        (
            &b"\xff\xfepassword=\xff\x00V\xfe"[..],
            &b"\xff\x00V\xfe"[..],
        ),
        (b"{\"password\":\"\xf0\x28V\"}", b"\xf0\x28V"),
        (b"x://u:\xffp@h", b"\xffp"),
    ] {
        let marks = scan::read(bytes, &Setting::default()).merged();
        let found: Vec<_> = marks
            .iter()
            .map(|mark| bytes.get(mark.range.clone()).unwrap())
            .collect();
        assert_eq!(found, [secret]);
    }
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn token(&mut self, alphabet: &[u8], length: usize) -> Vec<u8> {
        (0..length)
            .map(|_| {
                self.0 = self
                    .0
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                alphabet[usize::try_from(self.0 >> 33).unwrap() % alphabet.len()]
            })
            .collect()
    }
}

fn is_found(token: &[u8]) -> bool {
    let text = Text::new(token);
    let mut marks = Marks::default();
    entropy::find(&text, b"", 0, &mut marks);
    !marks.is_empty()
}

#[test]
fn random_tokens_are_found_and_random_identifiers_are_not() {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut numbers = Numbers(1);
    for (length, least) in [(24, 800), (32, 900), (40, 960), (64, 990)] {
        let found = (0..1_000)
            .filter(|_| is_found(&numbers.token(LETTERS, length)))
            .count();
        assert!(found >= least, "{found} of 1000 with {length} letters");
    }
    for (alphabet, name) in [
        (&b"0123456789abcdef"[..], "hexadecimal"),
        (b"0123456789abcdef-", "UUIDs"),
        (b"0123456789ABCDEF", "fingerprints"),
        (b"bcdfghjklmnpqrstvwxz2456789", "suffixes of pods"),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "ids of AWS"),
        (b"0123456789", "numbers"),
    ] {
        for length in [24, 32, 40, 64] {
            let token = numbers.token(alphabet, length);
            assert!(!is_found(&token), "{name}: {token:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_mix_of_parts_is_searched_in_linear_work(
        parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..60),
        times in 1_usize..60,
        reading in proptest::sample::select(&READINGS[..]),
    ) {
        search_and_judge(parts.concat().repeat(times).as_bytes(), reading);
    }

    #[test]
    fn any_bytes_are_searched_and_split(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        reading in proptest::sample::select(&READINGS[..]),
    ) {
        search_and_judge(&bytes, reading);
        let mut sequence = Sequence::default();
        for range in pieces::split(&bytes) {
            let mut marks = Marks::default();
            sequence.read(bytes.get(range.clone()).unwrap(), false, &mut marks);
            for mark in marks.merged() {
                prop_assert!(mark.range.end <= range.len());
            }
        }
        let mut marks = Marks::default();
        search(&bytes, &Setting { reading, ..Setting::default() }, &mut marks);
        for mark in marks.merged() {
            prop_assert!(mark.range.end <= bytes.len());
        }
    }
}
