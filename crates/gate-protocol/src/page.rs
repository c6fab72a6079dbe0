//! Lists that come in pages: one scheme for all of them. A call names at most
//! `limit` things and, from the second page on, the `cursor` that the page before
//! gave as `next`; the page that has no `next` is the last.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The most things of one page.
pub const PAGE_LIMIT: u64 = 100;
/// How many things a page has where the call says nothing.
pub const PAGE_DEFAULT: u64 = 50;

/// The longest cursor, in characters.
const LONGEST: usize = 2_048;

/// Where the next page of a list begins. Only the server that made it can read
/// it; a client hands it back as it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,2048}$")]
pub struct Cursor(String);

/// What can be no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is the `next` of the page before, as it came")]
pub struct CursorError;

impl Cursor {
    /// Returns the cursor of `list` that stands behind the thing with this key.
    #[must_use]
    pub fn after(list: &str, key: &str) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(format!("{list}\n{key}")))
    }

    /// Returns the key that [`after`](Self::after) was given for this list.
    ///
    /// # Errors
    /// [`CursorError`] where it is no cursor of this list.
    pub fn key(&self, list: &str) -> Result<String, CursorError> {
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(&self.0)
            .map_err(|_| CursorError)?;
        let text = String::from_utf8(bytes).map_err(|_| CursorError)?;
        match text.split_once('\n') {
            Some((of, key)) if of == list => Ok(key.to_owned()),
            Some(_) | None => Err(CursorError),
        }
    }

    /// Returns it as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_ours) {
            return Ok(Self(text.to_owned()));
        }
        Err(CursorError)
    }
}

impl TryFrom<String> for Cursor {
    type Error = CursorError;

    fn try_from(text: String) -> Result<Self, CursorError> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_by_its_own_list_and_by_no_other() {
        let cursor = Cursor::after("principals", "a\nb");
        assert_eq!(cursor.key("principals"), Ok("a\nb".to_owned()));
        assert_eq!(cursor.key("tokens"), Err(CursorError));
        for text in ["", "ä", "a b", "a=", &"a".repeat(LONGEST + 1)] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
        let garbled: Cursor = "A".parse().unwrap();
        assert_eq!(garbled.key("principals"), Err(CursorError));
    }
}
