//! Names in messages: in backticks, inert, lossless.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

/// Shows a name that came from the user: in backticks, with everything that a terminal could act
/// on, and every byte that is no UTF-8, as a visible escape.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(
    /// The name as it was given.
    pub &'a OsStr,
);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`")?;
        for chunk in self.0.as_bytes().utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    '"' | '\'' => write!(formatter, "{letter}")?,
                    '`' => formatter.write_str("\\`")?,
                    _ => write!(formatter, "{}", letter.escape_debug())?,
                }
            }
            for byte in chunk.invalid() {
                write!(formatter, "\\x{byte:02x}")?;
            }
        }
        formatter.write_str("`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_could_act_on_is_shown_as_an_escape() {
        let cases: [(&[u8], &str); 6] = [
            (b"kubectl", "`kubectl`"),
            (b"it's", "`it's`"),
            (b"a\x1b[31mb", "`a\\u{1b}[31mb`"),
            (b"a\xffb", "`a\\xffb`"),
            ("a\u{202e}b".as_bytes(), "`a\\u{202e}b`"),
            (b"a`b", "`a\\`b`"),
        ];
        for (name, shown) in cases {
            assert_eq!(Quoted(OsStr::from_bytes(name)).to_string(), shown);
        }
    }
}
