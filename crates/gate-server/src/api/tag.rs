//! Entity tags on what is read, and `If-None-Match` and `If-Match` on calls.
//! Source: RFC 9110 sections 8.8.3, 13.1.1 and 13.1.2.

use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::problem::Failure;
use crate::service::{Seen, etag};
use crate::state::Server;

/// The most tags of a header that are looked at.
const MOST_TAGS: usize = 100;

/// Reads the tags of a header; none where it is not there or is no list of tags.
fn tags(headers: &HeaderMap, name: HeaderName) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for value in headers.get_all(name) {
        for part in value.to_str().ok()?.split(',') {
            let part = part.trim();
            let bare = part.strip_prefix("W/").unwrap_or(part);
            let is_tag = bare.len() >= 2 && bare.starts_with('"') && bare.ends_with('"');
            if part != "*" && !is_tag {
                return None;
            }
            found.push(part.to_owned());
        }
    }
    ((1..=MOST_TAGS).contains(&found.len())).then_some(found)
}

/// What the caller has already, by `If-None-Match`.
pub(super) struct Known(Vec<String>);

impl FromRequestParts<Server> for Known {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Server) -> Result<Self, Failure> {
        // What is no tag is nothing that the caller could have.
        let tags = tags(&parts.headers, IF_NONE_MATCH);
        Ok(Self(tags.unwrap_or_default()))
    }
}

impl Known {
    /// Answers with a thing and its strong tag, or that the caller has it already.
    pub(super) fn answer<T: Serialize>(&self, thing: &T) -> Result<Response, Failure> {
        let body = serde_json::to_vec(thing).map_err(|error| Failure::internal(&error))?;
        let tag = etag(&body);
        Ok(self.answer_as(&tag, body))
    }

    /// Answers with a body under a tag, or that the caller has it already. The
    /// comparison is the weak one: what is read need not be the same to the byte.
    pub(super) fn answer_as(&self, tag: &str, body: Vec<u8>) -> Response {
        let bare = |tag: &str| tag.trim_start_matches("W/").to_owned();
        let is_known = self
            .0
            .iter()
            .any(|known| known == "*" || bare(known) == bare(tag));
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let json = HeaderValue::from_static("application/json");
            ([(CONTENT_TYPE, json)], body).into_response()
        };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(tag) {
            headers.insert(ETAG, tag);
        }
        // Kept to be asked about again, and by nobody but the caller.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        response
    }
}

impl FromRequestParts<Server> for Seen {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Server) -> Result<Self, Failure> {
        if !parts.headers.contains_key(IF_MATCH) {
            return Ok(Self::Unsaid);
        }
        let tags = tags(&parts.headers, IF_MATCH).ok_or_else(|| {
            Failure::bad_request("`If-Match` must be `*`, or tags as an `ETag` shows them")
        })?;
        if tags.iter().any(|tag| tag == "*") {
            return Ok(Self::Something);
        }
        // A weak tag never matches here: that of what is there is strong.
        Ok(Self::Tags(tags))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_tags_is_read_whole_or_not_at_all() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, HeaderValue::from_static(text));
            tags(&headers, IF_MATCH)
        };
        assert_eq!(read("\"a\", W/\"b\"").unwrap(), ["\"a\"", "W/\"b\""]);
        assert_eq!(read("*").unwrap(), ["*"]);
        for text in ["", "a", "\"a", "\"a\", b", "\""] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
