//! Operands that name something on another machine, as scp, sftp and rsync
//! read them: a colon before the first slash, or an address.

use crate::effect::Effect;
use crate::invocation::Invocation;

use super::words::shown;

/// The schemes of addresses that the three take.
const SCHEMES: [&[u8]; 3] = [b"rsync://", b"scp://", b"sftp://"];

/// Tells whether an operand names something on another machine.
pub(super) fn is_remote(operand: &[u8]) -> bool {
    host(operand).is_some()
}

/// Tells whether an operand can name something on this machine: scp takes
/// what begins with a colon for a file, rsync for another machine.
pub(super) fn is_here(operand: &[u8]) -> bool {
    !is_remote(operand) || operand.first() == Some(&b':')
}

/// Writes the host of an operand into a field of the target. Of a command that
/// names two of them nobody can say in one word where it leads.
pub(crate) fn note_host(field: &str, operand: &[u8], invocation: &mut Invocation) {
    if field.is_empty() {
        return;
    }
    let host = shown(host(operand).unwrap_or(without_user(operand)));
    // rsync takes the host of the operand before: `host:a :b`.
    if host.is_empty() {
        return;
    }
    let known = invocation.target.insert(field.to_owned(), host.clone());
    if known.is_some_and(|known| known != host) {
        let reason = "it names more than one host";
        invocation.add(Effect::Unknown, reason);
    }
}

/// Splits what stands behind the scheme of an address, which is
/// `user:password@server/path?options`, into its server and its path.
pub(crate) fn server_and_path(address: &[u8]) -> (&[u8], &[u8]) {
    let slash = address.iter().position(|byte| *byte == b'/');
    let (place, path) = address.split_at(slash.unwrap_or(address.len()));
    let at = place.iter().rposition(|byte| *byte == b'@');
    let server = place.get(at.map_or(0, |at| at + 1)..).unwrap_or_default();
    let path = path.get(1..).unwrap_or_default();
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    (server, path)
}

/// Writes those fields of the target of which an address says something.
pub(crate) fn note_fields<const N: usize>(fields: [(&str, &[u8]); N], invocation: &mut Invocation) {
    for (field, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        invocation.target.insert(field.to_owned(), shown(value));
    }
}

/// Returns the host of an operand, without the user and the port.
pub(super) fn host(operand: &[u8]) -> Option<&[u8]> {
    let address = SCHEMES
        .iter()
        .find_map(|scheme| strip_folded(operand, scheme));
    if let Some(address) = address {
        let end = address.iter().position(|byte| *byte == b'/');
        let place = address.get(..end.unwrap_or(address.len()))?;
        return Some(without_port(without_user(place)));
    }
    let end = operand.iter().position(|byte| *byte == b'/');
    let before = operand.get(..end.unwrap_or(operand.len()))?;
    // The colons inside of `[::1]:path` end no host.
    let open = before.iter().position(|byte| *byte == b'[');
    let close = open.and_then(|_| before.windows(2).position(|two| two == b"]:"));
    let colon = match close {
        Some(at) => at + 1,
        None => before.iter().position(|byte| *byte == b':')?,
    };
    Some(without_user(operand.get(..colon)?))
}

fn strip_folded<'o>(operand: &'o [u8], scheme: &[u8]) -> Option<&'o [u8]> {
    let (start, rest) = operand.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn without_user(place: &[u8]) -> &[u8] {
    match place.iter().rposition(|byte| *byte == b'@') {
        Some(at) => place.get(at + 1..).unwrap_or_default(),
        None => place,
    }
}

fn without_port(place: &[u8]) -> &[u8] {
    match place.iter().rposition(|byte| *byte == b':') {
        Some(at) if place.last() != Some(&b']') => place.get(..at).unwrap_or_default(),
        Some(_) | None => place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_stands_before_a_colon_that_no_slash_precedes() {
        for (operand, expected) in [
            ("host:path", Some("host")),
            ("me@host:/a/b:c", Some("host")),
            ("host::module/x", Some("host")),
            ("me@[::1]:path", Some("[::1]")),
            ("rsync://me@host:873/module", Some("host")),
            ("scp://host", Some("host")),
            ("SFTP://me@[fe80::1]:22/x", Some("[fe80::1]")),
            ("./a:b", None),
            ("a/b:c", None),
            ("file", None),
        ] {
            let found = host(operand.as_bytes()).map(shown);
            assert_eq!(found.as_deref(), expected, "{operand}");
        }
        assert!(is_here(b":odd") && is_remote(b":odd"));
    }
}
