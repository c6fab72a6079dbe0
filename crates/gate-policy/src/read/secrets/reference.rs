//! Values that are no secret although their name is one: they stand for another
//! value, or for none.

use super::scan::Reading;
use super::text::Text;

/// How long the name of a variable may be, or the path of a file.
const LENGTH: usize = 128;

/// What a value starts with that is kept elsewhere: templates, files, and names
/// in stores of secrets.
const STARTS: &[&[u8]] = &[
    b"${",
    b"$(",
    b"`",
    b"{{",
    b"%{",
    b"file://",
    b"fileb://",
    b"arn:aws",
    b"op://",
    b"vault:",
    b"secretref:",
    b"ref+",
    b"projects/",
    b"@/",
    b"@./",
];

const CONSTANTS: &[&[u8]] = &[
    b"true", b"false", b"null", b"none", b"nil", b"yes", b"no", b"on", b"off", b"~", b"seconds",
    b"minutes", b"hours", b"days",
];

/// Tells whether a value stands for another one, or for none.
pub(super) fn is_no_secret(value: &[u8], reading: Reading) -> bool {
    STARTS.iter().any(|start| value.starts_with(start))
        || is_variable(value, reading)
        || CONSTANTS
            .iter()
            .any(|constant| value.eq_ignore_ascii_case(constant))
        || value == b"-"
        || value.iter().all(|byte| *byte == b'*')
}

/// Tells whether what starts here stands for a value that is elsewhere. It looks
/// at the start alone: what is no secret is searched for others afterwards, and
/// must not have been walked to its end.
pub(super) fn starts(text: &Text<'_>, at: usize, reading: Reading) -> bool {
    if STARTS.iter().any(|start| text.starts(at, start)) {
        return true;
    }
    match text.at(at) {
        Some(b'<') => {
            let end = text.seek_within(at + 1, at + LENGTH, |byte| {
                !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b' ' | b'.'))
            });
            text.at(end) == Some(b'>')
        }
        Some(b'$' | b':' | b'?' | b'@') => {
            let end = text.seek_within(at + 1, at + LENGTH, |byte| {
                !(byte.is_ascii_alphanumeric() || byte == b'_')
            });
            is_variable(text.slice(at..end), reading)
        }
        _ => false,
    }
}

/// `$NAME` where a shell fills it in, `$1` and `:name` in SQL. In a word that no
/// shell reads any more it is a password that starts so.
fn is_variable(value: &[u8], reading: Reading) -> bool {
    let is_name = |name: &[u8]| {
        !name.is_empty()
            && name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    match (value.split_first(), reading) {
        (Some((b'<', rest)), _) => rest.ends_with(b">"),
        (Some((b'$', name)), Reading::Shell) => is_name(name),
        (Some((b'$', name)), Reading::Sql | Reading::MySql) => {
            !name.is_empty() && name.iter().all(u8::is_ascii_digit)
        }
        (Some((b':' | b'?' | b'@', _)), Reading::Sql | Reading::MySql) => true,
        _ => false,
    }
}

/// Tells whether a value starts like the name of a resource of Terraform.
pub(super) fn starts_a_resource(text: &Text<'_>, at: usize) -> bool {
    [
        &b"var."[..],
        b"local.",
        b"data.",
        b"module.",
        b"each.",
        b"random_password.",
    ]
    .iter()
    .any(|start| text.starts(at, start))
}

/// `~/.ssh/id_rsa`, `./key.pem`, `gcp.json`.
pub(super) fn is_file(value: &[u8]) -> bool {
    let ends = [&b".pem"[..], b".key", b".json", b".crt", b".txt"];
    starts_a_path(value)
        || (value.len() <= LENGTH
            && !value.contains(&b'=')
            && ends.iter().any(|end| value.ends_with(end)))
}

/// Tells whether a value starts as a path does. A key may start with `/` as
/// well: what tells them apart is a first folder in small letters.
pub(super) fn starts_a_path(value: &[u8]) -> bool {
    if [&b"./"[..], b"../", b"~/", b"id=", b"type=", b"src="]
        .iter()
        .any(|start| value.starts_with(start))
    {
        return true;
    }
    let Some(rest) = value.strip_prefix(b"/") else {
        return false;
    };
    let is_small = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_');
    let end = rest.iter().take(LENGTH).position(|byte| !is_small(byte));
    let end = end.unwrap_or(rest.len());
    end >= 2 && matches!(rest.get(end), Some(b'/' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::{Reading, is_file, is_no_secret};

    #[test]
    fn what_stands_for_a_value_is_told_from_one() {
        for (value, reading, expected) in [
            ("${X}", Reading::Word, true),
            ("$X", Reading::Shell, true),
            ("$X", Reading::Word, false),
            ("$1", Reading::Sql, true),
            ("$ecret", Reading::Sql, false),
            (":pw", Reading::Sql, true),
            (":pw", Reading::Word, false),
            ("<password>", Reading::Word, true),
            ("<a", Reading::Word, false),
            ("NULL", Reading::Sql, true),
            ("***", Reading::Word, true),
            ("nobody", Reading::Word, false),
        ] {
            let found = is_no_secret(value.as_bytes(), reading);
            assert_eq!(found, expected, "{value} {reading:?}");
        }
    }

    #[test]
    fn a_file_is_told_from_a_key() {
        for file in [
            "/etc/ssl/x",
            "~/.ssh/id_rsa",
            "gcp.json",
            "./k",
            "/srv/k.pem",
        ] {
            assert!(is_file(file.as_bytes()), "{file}");
        }
        for key in ["/aB3kq/9sL", "/ab", "wJalr/K7", "a=b.pem", ""] {
            assert!(!is_file(key.as_bytes()), "{key}");
        }
    }
}
