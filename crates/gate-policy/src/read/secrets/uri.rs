//! Passwords and tokens in URIs: `scheme://user:PASSWORD@host`,
//! `https://TOKEN@host`, and addresses that are secrets themselves.
//!
//! Source: RFC 3986, section 3.2.1; libpq, "Connection URIs".

use super::reference;
use super::scan::Scan;
use super::text::Text;
use crate::read::secret_names::names_a_secret;

/// How far an `@` is looked for behind what no parser takes for an authority.
const FAR: usize = 256;

/// Addresses that let everyone act who knows them, up to the secret part.
const WEBHOOKS: &[&[u8]] = &[
    b"hooks.slack.com/services/",
    b"hooks.slack.com/workflows/",
    b"discord.com/api/webhooks/",
    b"discordapp.com/api/webhooks/",
];

/// Reads what stands behind `://` at `start`; `scheme` is what stands in front.
/// Returns where reading goes on.
pub(super) fn read(scan: &mut Scan<'_, '_>, scheme: &[u8], start: usize) -> usize {
    let text = scan.text;
    if let Some(prefix) = WEBHOOKS
        .iter()
        .find(|prefix| text.starts_folded(start, prefix))
    {
        let from = start + prefix.len();
        let end = text.seek(from, |byte| ends_authority(byte) && byte != b'/');
        scan.marks.add(from..end, "webhook");
        return end;
    }
    let end = text.seek(start, ends_authority);
    let authority = text.slice(start..end);
    let Some(at_sign) = at_sign(scheme, authority) else {
        return read_malformed(scan, start, end);
    };
    let user_info = authority.get(..at_sign).unwrap_or_default();
    let colon = user_info.iter().position(|byte| *byte == b':');
    let user = user_info
        .get(..colon.unwrap_or(at_sign))
        .unwrap_or_default();
    if is_token(scheme, user) {
        scan.marks.add(start..start + user.len(), "uri-token");
    }
    // To redis-cli what stands alone is the password.
    let is_redis = [&b"redis"[..], b"rediss", b"valkey", b"valkeys"]
        .iter()
        .any(|name| scheme.ends_with(name));
    match colon {
        Some(colon) => mark_password(scan, start + colon + 1, start + at_sign),
        None if is_redis && at_sign > 0 => mark_password(scan, start, start + at_sign),
        None if is_web(scheme) && may_be_token(user, text.rest(end)) => {
            mark_token(scan, start, start + at_sign);
        }
        None => {}
    }
    start + at_sign + 1
}

/// Tells whether a name is that of a secret in an option of mongosh's URIs that
/// holds several: `authMechanismProperties=AWS_SESSION_TOKEN:V`.
pub(super) fn is_mechanism_property(text: &Text<'_>, start: usize, name: &[u8]) -> bool {
    const OPTION: &[u8] = b"authMechanismProperties=";
    if !matches!(text.before(start), Some(b'=' | b',')) || !names_a_secret(name) {
        return false;
    }
    let near = text.slice(start.saturating_sub(FAR)..start);
    let is_border = |byte: &u8| matches!(byte, b'&' | b'?');
    let options = near.rsplit(is_border).next().unwrap_or_default();
    options
        .get(..OPTION.len())
        .is_some_and(|option| option.eq_ignore_ascii_case(OPTION))
}

/// Marks a password, as far as it is one and no shell executes it.
fn mark_password(scan: &mut Scan<'_, '_>, start: usize, end: usize) {
    let password = scan.text.slice(start..end);
    // The word that stands for the password where the user is the token.
    let is_filler = password == b"x-oauth-basic";
    if !is_filler && !reference::is_no_secret(password, scan.setting.reading) {
        let end = scan.executed_part(start..end);
        scan.marks.add(start..end, "uri-password");
    }
}

/// Marks a token that stands alone, as far as it is one and no shell executes it.
fn mark_token(scan: &mut Scan<'_, '_>, start: usize, end: usize) {
    let token = scan.text.slice(start..end);
    if !reference::is_no_secret(token, scan.setting.reading) {
        let end = scan.executed_part(start..end);
        scan.marks.add(start..end, "uri-token");
    }
}

/// Tells whether the user of a web address without a password may be a token. Not the names that
/// stand for whoever the token of a helper is, no address of mail, not what stands for one that was
/// left out, and not who is named again as the owner of what stands there:
/// `https://org@dev.azure.com/org/project`.
fn may_be_token(user: &[u8], path: &[u8]) -> bool {
    let names: [&[u8]; 5] = [
        b"git",
        b"oauth2",
        b"token",
        b"x-access-token",
        "…".as_bytes(),
    ];
    let owner = path.strip_prefix(b"/").unwrap_or_default();
    let owner = owner.split(|byte| ends_authority(*byte)).next();
    !user.is_empty()
        && !names.contains(&user)
        && !user.contains(&b'%')
        && !user.contains(&b'@')
        && owner != Some(user)
}

fn is_web(scheme: &[u8]) -> bool {
    [&b"http"[..], b"https"].iter().any(|name| {
        let start = scheme.len().checked_sub(name.len());
        let end = start.and_then(|start| scheme.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(name))
    })
}

fn ends_authority(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(
            byte,
            b'/' | b'?' | b'#' | b'"' | b'<' | b'>' | b'`' | b'\\' | b'|' | b'{' | b'}'
        )
}

/// Returns where the user's part ends: at the last `@`, because a password may
/// hold one. What follows an earlier `@` is not hidden when it reads like a
/// host: libpq and git split at the first, and then it is the server.
fn at_sign(scheme: &[u8], authority: &[u8]) -> Option<usize> {
    let last = authority.iter().rposition(|byte| *byte == b'@')?;
    let first = authority.iter().position(|byte| *byte == b'@')?;
    let between = authority.get(first..last).unwrap_or_default();
    let is_host = between
        .iter()
        .any(|byte| matches!(byte, b'.' | b',' | b':' | b'['));
    let is_libpq = scheme.starts_with(b"postgres");
    Some(if is_host || (is_libpq && between.contains(&b'$')) {
        first
    } else {
        last
    })
}

/// A password with `/`, `?` or `#` in it: no parser reads it so, yet it is one.
/// `host:8080/a@b` has none.
fn read_malformed(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> usize {
    let text = scan.text;
    let authority = text.slice(start..end);
    let Some(colon) = authority.iter().position(|byte| *byte == b':') else {
        return end;
    };
    let port = authority.get(colon + 1..).unwrap_or_default();
    let is_variable = port.starts_with(b"$") || port.starts_with(b"<");
    if authority.starts_with(b"[") || is_variable || port.iter().all(u8::is_ascii_digit) {
        return end;
    }
    let stop = text.seek_within(end, end + FAR, |byte| {
        byte.is_ascii_whitespace() || matches!(byte, b'@' | b'"' | b'\'')
    });
    if text.at(stop) == Some(b'@') {
        mark_password(scan, start + colon + 1, stop);
        return stop + 1;
    }
    end
}

/// The user of a web address in front of a password is a token too when it is long and has digits
/// among its letters: no one is called so.
fn is_token(scheme: &[u8], user: &[u8]) -> bool {
    let is_long = user.len() >= 20 && user.iter().any(u8::is_ascii_digit);
    is_web(scheme) && is_long && !user.contains(&b'%') && !user.contains(&b'@')
}
