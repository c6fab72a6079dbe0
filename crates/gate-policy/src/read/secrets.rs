//! Where secrets stand in argv, whatever the tool: known flags, passwords in
//! URIs and connection strings, and tokens that are known by their shape.

use std::ops::Range;

use super::secret_names::{names_a_secret, option_names_a_secret};
use super::words::{Parsed, Use};
use crate::command_line::CommandLine;
use crate::invocation::{Invocation, SecretPlace, SecretSpan};

/// A token that is known by how it starts and what may follow.
struct Shape {
    kind: &'static str,
    prefix: &'static [u8],
    /// The fewest bytes behind the prefix.
    least: usize,
}

const SHAPES: &[Shape] = &[
    Shape {
        kind: "aws-access-key",
        prefix: b"AKIA",
        least: 16,
    },
    Shape {
        kind: "aws-access-key",
        prefix: b"ASIA",
        least: 16,
    },
    Shape {
        kind: "github-token",
        prefix: b"ghp_",
        least: 20,
    },
    Shape {
        kind: "github-token",
        prefix: b"gho_",
        least: 20,
    },
    Shape {
        kind: "github-token",
        prefix: b"ghu_",
        least: 20,
    },
    Shape {
        kind: "github-token",
        prefix: b"ghs_",
        least: 20,
    },
    Shape {
        kind: "github-token",
        prefix: b"ghr_",
        least: 20,
    },
    Shape {
        kind: "github-token",
        prefix: b"github_pat_",
        least: 20,
    },
    Shape {
        kind: "gitlab-token",
        prefix: b"glpat-",
        least: 16,
    },
    Shape {
        kind: "slack-token",
        prefix: b"xoxb-",
        least: 10,
    },
    Shape {
        kind: "slack-token",
        prefix: b"xoxp-",
        least: 10,
    },
    Shape {
        kind: "slack-token",
        prefix: b"xoxa-",
        least: 10,
    },
    Shape {
        kind: "slack-token",
        prefix: b"xoxs-",
        least: 10,
    },
    Shape {
        kind: "slack-token",
        prefix: b"xapp-",
        least: 10,
    },
    Shape {
        kind: "vault-token",
        prefix: b"hvs.",
        least: 20,
    },
    Shape {
        kind: "npm-token",
        prefix: b"npm_",
        least: 30,
    },
    Shape {
        kind: "terraform-token",
        prefix: b"atlasv1.",
        least: 20,
    },
];

/// Adds the values of flags that hold a secret by the profile, and of
/// parameters that hold one by their name.
pub(super) fn of_flags(parsed: &Parsed<'_>, invocation: &mut Invocation) {
    for used in &parsed.uses {
        let (Some(kind), Some(value)) = (secret_kind(used), used.value) else {
            continue;
        };
        // `file://` and `fileb://` name the file that holds it.
        if !value.is_empty() && !value.starts_with(b"file://") && !value.starts_with(b"fileb://") {
            invocation.secrets.push(SecretSpan {
                place: SecretPlace::Argv(used.argv_index),
                range: used.start..used.start + value.len(),
                kind: kind.to_owned(),
            });
        }
    }
}

fn secret_kind<'u>(used: &'u Use<'_>) -> Option<&'u str> {
    match used.flag {
        Some(flag) => Some(flag.secret.as_ref()).filter(|kind| !kind.is_empty()),
        None => option_names_a_secret(used.name.as_bytes()).then_some("password"),
    }
}

/// Adds the secrets of argv to those that were found in the environment.
pub(super) fn find(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let mut found: Vec<SecretSpan> = Vec::new();
    for (index, word) in line.argv.iter().enumerate().skip(1) {
        let word = word.as_encoded_bytes();
        if word.len() >= 4 {
            scan(word, &mut |range, kind| {
                found.push(SecretSpan {
                    place: SecretPlace::Argv(index),
                    range,
                    kind: kind.to_owned(),
                });
            });
        }
    }
    add_without_overlap(found, invocation);
}

/// The longest of overlapping spans stands for all of them.
fn add_without_overlap(mut found: Vec<SecretSpan>, invocation: &mut Invocation) {
    found.sort_by_key(|span| std::cmp::Reverse(span.range.len()));
    for span in found {
        let overlaps = invocation.secrets.iter().any(|known| {
            known.place == span.place
                && known.range.start < span.range.end
                && span.range.start < known.range.end
        });
        if !overlaps {
            invocation.secrets.push(span);
        }
    }
    invocation.secrets.sort_by_key(|span| match &span.place {
        SecretPlace::Argv(index) => (*index, span.range.start),
        SecretPlace::Env(_) => (usize::MAX, 0),
    });
}

fn scan(word: &[u8], report: &mut dyn FnMut(Range<usize>, &'static str)) {
    let mut is_start = true;
    for (at, byte) in word.iter().enumerate() {
        let rest = word.get(at..).unwrap_or_default();
        match byte {
            b':' if rest.starts_with(b"://") => scan_uri(at + 3, rest, report),
            b'e' if is_start && rest.starts_with(b"eyJ") => scan_jwt(at, rest, report),
            b'-' if rest.starts_with(b"-----BEGIN ") && contains(rest, b"PRIVATE KEY") => {
                report(at..word.len(), "private-key");
                return;
            }
            b'=' => scan_named(word, at, report),
            b'"' => scan_json(word, at, report),
            b'\'' => scan_sql(word, at, report),
            b'A' | b'g' | b'x' | b'h' | b'n' | b'a' if is_start => scan_shapes(at, rest, report),
            _ => {}
        }
        is_start = !byte.is_ascii_alphanumeric();
    }
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

/// `scheme://user:PASSWORD@host`. The password ends at the last `@` before
/// the path, because a password may hold one.
fn scan_uri(start: usize, rest: &[u8], report: &mut dyn FnMut(Range<usize>, &'static str)) {
    let authority = rest.get(3..).unwrap_or_default();
    let end = authority
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#' | b' '))
        .unwrap_or(authority.len());
    let authority = authority.get(..end).unwrap_or_default();
    let Some(at_sign) = authority.iter().rposition(|byte| *byte == b'@') else {
        return;
    };
    let user = authority.get(..at_sign).unwrap_or_default();
    if let Some(colon) = user.iter().position(|byte| *byte == b':')
        && colon + 1 < at_sign
    {
        report(start + colon + 1..start + at_sign, "uri-password");
    }
}

/// Three base64url parts, the first two of which start with `eyJ`.
fn scan_jwt(at: usize, rest: &[u8], report: &mut dyn FnMut(Range<usize>, &'static str)) {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let end = rest
        .iter()
        .position(|byte| !is_part(byte))
        .unwrap_or(rest.len());
    let token = rest.get(..end).unwrap_or_default();
    let mut parts = token.split(|byte| *byte == b'.');
    let (first, second) = (parts.next(), parts.next());
    if first.is_some_and(|part| part.len() >= 8)
        && second.is_some_and(|part| part.starts_with(b"eyJ"))
    {
        report(at..at + end, "jwt");
    }
}

fn scan_shapes(at: usize, rest: &[u8], report: &mut dyn FnMut(Range<usize>, &'static str)) {
    let Some(shape) = SHAPES.iter().find(|shape| rest.starts_with(shape.prefix)) else {
        return;
    };
    let body = rest.get(shape.prefix.len()..).unwrap_or_default();
    let length = body
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')))
        .unwrap_or(body.len());
    if length >= shape.least {
        report(at..at + shape.prefix.len() + length, shape.kind);
    }
}

/// `password=VALUE`: the value ends at a blank, `&`, `;`, at a `,` with another
/// `name=` behind it, or, when it is quoted, at the closing quote.
fn scan_named(word: &[u8], equals: usize, report: &mut dyn FnMut(Range<usize>, &'static str)) {
    let before = word.get(..equals).unwrap_or_default();
    let name_start = before
        .iter()
        .rposition(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')))
        .map_or(0, |at| at + 1);
    let name = before.get(name_start..).unwrap_or_default();
    if !names_a_secret(name) {
        return;
    }
    let value = word.get(equals + 1..).unwrap_or_default();
    let (skip, end) = match value.split_first() {
        Some((b'\'', quoted)) => (1, quoted.iter().position(|byte| *byte == b'\'')),
        Some((b'"', quoted)) => (1, quoted.iter().position(|byte| *byte == b'"')),
        _ => (
            0,
            value.iter().enumerate().position(|(at, byte)| {
                byte.is_ascii_whitespace()
                    || matches!(byte, b'&' | b';')
                    || (*byte == b',' && starts_pair(value.get(at + 1..).unwrap_or_default()))
            }),
        ),
    };
    let start = equals + 1 + skip;
    let end = end.map_or(word.len(), |end| start + end);
    if start < end {
        report(start..end, "password");
    }
}

/// Tells whether `name=` stands here.
fn starts_pair(text: &[u8]) -> bool {
    let name = text
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')));
    name.is_some_and(|end| end > 0 && text.get(end) == Some(&b'='))
}

/// `"password": "VALUE"`, from the quote that opens the key on. The value ends
/// at the next quote without a backslash.
fn scan_json(word: &[u8], at: usize, report: &mut dyn FnMut(Range<usize>, &'static str)) {
    let text = word.get(at + 1..).unwrap_or_default();
    let Some(end) = text.iter().position(|byte| *byte == b'"') else {
        return;
    };
    let (key, rest) = text.split_at(end);
    if !names_a_secret(key) {
        return;
    }
    let rest = rest.get(1..).unwrap_or_default().trim_ascii_start();
    let Some(rest) = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start) else {
        return;
    };
    let Some(value) = rest.strip_prefix(b"\"") else {
        return;
    };
    let start = word.len() - value.len();
    let mut is_escaped = false;
    let end = value.iter().position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    let end = end.map_or(word.len(), |end| start + end);
    if start < end {
        report(start..end, "password");
    }
}

/// `password 'VALUE'` and `identified by 'VALUE'`, from the quote on. Two
/// quotes inside the value stand for one.
fn scan_sql(word: &[u8], quote: usize, report: &mut dyn FnMut(Range<usize>, &'static str)) {
    let before = word.get(..quote).unwrap_or_default();
    let before = before
        .strip_suffix(b" E")
        .or_else(|| before.strip_suffix(b" e"))
        .unwrap_or(before)
        .trim_ascii_end();
    let mut words = before
        .rsplit(|byte| !byte.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let last = words.next().unwrap_or_default();
    let mut is_identified = || {
        words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case(b"identified"))
    };
    let names_it = last.eq_ignore_ascii_case(b"password")
        || (last.eq_ignore_ascii_case(b"by") && is_identified());
    if !names_it
        || before
            .last()
            .is_some_and(|byte| !byte.is_ascii_alphanumeric())
    {
        return;
    }
    let start = quote + 1;
    let mut end = start;
    while let Some(byte) = word.get(end) {
        match (byte, word.get(end + 1)) {
            (b'\'', Some(b'\'')) => end += 2,
            (b'\'', _) => break,
            _ => end += 1,
        }
    }
    if start < end {
        report(start..end, "password");
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;

    use crate::{CommandLine, Environment, NoFiles, SecretPlace, Stdin, read_invocation};

    fn secrets(argv: &[&str]) -> Vec<(String, String)> {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let env = Environment::default();
        let invocation = read_invocation(&CommandLine {
            argv: &argv,
            env: &env,
            cwd: Path::new("/"),
            stdin: Stdin::Absent,
            files: &NoFiles,
        });
        let text = |span: &crate::SecretSpan| match &span.place {
            SecretPlace::Argv(index) => {
                let word = argv[*index].to_str().unwrap();
                word.get(span.range.clone()).unwrap().to_owned()
            }
            SecretPlace::Env(name) => name.to_string_lossy().into_owned(),
        };
        invocation
            .secrets
            .iter()
            .map(|span| (text(span), span.kind.clone()))
            .collect()
    }

    #[test]
    fn a_secret_is_found_in_the_argv_of_any_tool() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
        for (word, secret, kind) in [
            ("postgres://u:p@ss@h/db", "p@ss", "uri-password"),
            ("host=h password=hunter2 user=u", "hunter2", "password"),
            ("--api-token=abcdef", "abcdef", "password"),
            (
                "key:AKIAIOSFODNN7EXAMPLE",
                "AKIAIOSFODNN7EXAMPLE",
                "aws-access-key",
            ),
            (jwt, jwt, "jwt"),
            ("DB_PASS=V", "V", "password"),
            ("--from-literal=api_key=a,b", "a,b", "password"),
            ("password=a,user=b", "a", "password"),
            (
                r#"{"a":"b","MasterUserPassword": "V\"W"}"#,
                r#"V\"W"#,
                "password",
            ),
            ("alter role x password 'it''s'", "it''s", "password"),
            ("create user x identified by 'V'", "V", "password"),
        ] {
            let found = secrets(&["curl", word]);
            assert_eq!(found, [(secret.to_owned(), kind.to_owned())], "{word}");
        }
    }

    #[test]
    fn the_value_of_a_secret_flag_is_found_in_each_spelling() {
        for argv in [
            &["kubectl", "get", "pods", "--token=abc"][..],
            &["kubectl", "--token", "abc", "get", "pods"],
        ] {
            assert_eq!(
                secrets(argv),
                [("abc".to_owned(), "token".to_owned())],
                "{argv:?}"
            );
        }
    }

    #[test]
    fn a_parameter_of_aws_is_secret_by_its_name() {
        for (argv, secret, kind) in [
            (
                &[
                    "aws",
                    "rds",
                    "modify-db-instance",
                    "--master-user-password",
                    "V",
                ][..],
                "V",
                "password",
            ),
            (
                &[
                    "aws",
                    "secretsmanager",
                    "create-secret",
                    "--name",
                    "n",
                    "--secret-string",
                    "V",
                ],
                "V",
                "password",
            ),
            (
                &[
                    "aws",
                    "secretsmanager",
                    "put-secret-value",
                    "--secret-id",
                    "n",
                    "--secret-b=V",
                ],
                "V",
                "password",
            ),
            (
                &["aws", "ssm", "put-parameter", "--name", "n", "--value", "V"],
                "V",
                "parameter",
            ),
        ] {
            let found = secrets(argv);
            assert_eq!(found, [(secret.to_owned(), kind.to_owned())], "{argv:?}");
        }
    }

    #[test]
    fn ordinary_words_hold_no_secret() {
        for word in [
            "--output=json",
            "https://example.org/a:b@c",
            "secretary=no=x",
            "PWD=/srv/app",
            "--secret-id=x",
            "select password from t where a = 'x'",
            "AKIA-short",
        ] {
            assert!(secrets(&["x", word]).is_empty(), "{word}");
        }
    }
}
