//! What the author of a change has seen: entity tags, and `If-Match` held against
//! them in the transaction of the change, so that nobody undoes what they do not
//! know of. Source: RFC 9110 sections 8.8.3 and 13.1.1.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gate_protocol::canonical::Digest;
use gate_protocol::problem::ProblemCode;
use serde::Serialize;

use crate::problem::Failure;

/// How many bytes of the hash are in a tag: nobody gains by two that are the same.
const TAG_BYTES: usize = 16;

/// Returns the strong tag of a representation.
pub(crate) fn etag(body: &[u8]) -> String {
    let digest = Digest::of_bytes(body);
    let bytes = digest.as_bytes();
    let part = bytes.get(..TAG_BYTES).unwrap_or(bytes.as_slice());
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(part))
}

/// What the author of a change says to have seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing: whatever is there is changed.
    #[default]
    Unsaid,
    /// That it is there: `*`.
    Something,
    /// One of these strong tags.
    Tags(Vec<String>),
}

impl Seen {
    pub(crate) fn is_unsaid(&self) -> bool {
        *self == Self::Unsaid
    }

    /// Refuses where what is there now is not what was seen.
    ///
    /// # Errors
    /// 412 with the tag of what is there.
    pub(crate) fn hold<T: Serialize>(&self, now: &T) -> Result<(), Failure> {
        let body = serde_json::to_vec(now).map_err(|error| Failure::internal(&error))?;
        self.hold_tag(&etag(&body))
    }

    /// Refuses where what is there now does not have a tag that was seen.
    ///
    /// # Errors
    /// 412 with the tag of what is there.
    pub(crate) fn hold_tag(&self, now: &str) -> Result<(), Failure> {
        match self {
            Self::Tags(tags) if !tags.iter().any(|tag| tag == now) => Err(Failure::new(
                ProblemCode::Stale,
                "it was changed since it was seen; look at it again, and send its new tag",
            )
            .with_tag(now)),
            Self::Unsaid | Self::Something | Self::Tags(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_held_against_what_is_there() {
        let tag = etag(b"\"x\"");
        assert_eq!(tag.len(), 24, "{tag}");
        assert_ne!(tag, etag(b"\"y\""));
        assert!(Seen::Unsaid.hold(&"x").is_ok());
        assert!(Seen::Something.hold(&"x").is_ok());
        assert!(
            Seen::Tags(vec!["\"a\"".to_owned(), tag.clone()])
                .hold(&"x")
                .is_ok()
        );
        let stale = Seen::Tags(vec![tag]).hold(&"y").unwrap_err();
        assert_eq!(stale.problem().code, ProblemCode::Stale);
    }
}
