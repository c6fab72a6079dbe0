//! HTTP headers that carry a credential, and the credentials of their schemes.
//!
//! Source: RFC 9110, section 11; RFC 7617; RFC 6750.

use super::base64;
use super::scan::Scan;
use super::text::Text;
use crate::read::secret_names::names_a_secret;

/// The longest scheme, `AWS4-HMAC-SHA256`, with a blank.
const SCHEME: usize = 17;
/// The shortest credential behind a `Bearer` that stands alone.
const BEARER: usize = 16;

/// The schemes of the IANA registry that are in use, and those of `GitHub`,
/// Opsgenie, Okta and AWS.
const SCHEMES: &[&[u8]] = &[
    b"Bearer",
    b"Basic",
    b"Token",
    b"Digest",
    b"Negotiate",
    b"ApiKey",
    b"GenieKey",
    b"SSWS",
    b"AWS4-HMAC-SHA256",
];

/// Tells whether a header of this name carries a credential.
pub(super) fn is_header(name: &[u8]) -> bool {
    let is_own = name
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"x-"));
    is_authorization(name)
        || ends(name, b"cookie")
        || ((is_own || ends(name, b"-token")) && names_a_secret(name))
}

/// Tells whether the name is that of an authorization, also as a setting.
pub(super) fn is_authorization(name: &[u8]) -> bool {
    ends(name, b"authorization")
}

fn ends(name: &[u8], end: &[u8]) -> bool {
    let start = name.len().checked_sub(end.len());
    start
        .and_then(|start| name.get(start..))
        .is_some_and(|found| found.eq_ignore_ascii_case(end))
}

/// Returns where the credential starts behind `Bearer ` and its like.
pub(super) fn behind_scheme(text: &Text<'_>, start: usize, end: usize) -> usize {
    let limit = end.min(start + SCHEME);
    let word = text.seek_within(start, limit, |byte| byte == b' ');
    let credential = text.seek(word, |byte| byte != b' ').min(end);
    let scheme = text.slice(start..word);
    let is_scheme = SCHEMES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(scheme));
    if is_scheme && credential < end {
        credential
    } else {
        start
    }
}

/// `Basic dXNlcjpwYXNz` and `Bearer …` without their header.
pub(super) fn read_scheme(scan: &mut Scan<'_, '_>, scheme: &[u8], start: usize) -> Option<usize> {
    let end = scan.text.seek(start, |byte| {
        !(byte.is_ascii_alphanumeric()
            || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_' | b'.' | b'~'))
    });
    let credential = scan.text.slice(start..end);
    let is_secret = if scheme.eq_ignore_ascii_case(b"basic") {
        base64::is_user_and_password(credential)
    } else {
        credential.len() >= BEARER && credential.iter().any(u8::is_ascii_digit)
    };
    is_secret.then(|| {
        scan.marks.add(start..end, "authorization");
        end
    })
}

/// `"auth": "dXNlcjpwYXNz"`, as in the settings of docker and npm.
pub(super) fn is_encoded_login(text: &Text<'_>, name: &[u8], value: usize) -> bool {
    if !matches!(name, b"auth" | b"_auth") {
        return false;
    }
    let is_base64 =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let start = text.seek(value, |byte| {
        !(byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'\\'))
    });
    let end = text.seek(start, |byte| !is_base64(byte));
    base64::is_user_and_password(text.slice(start..end))
}
