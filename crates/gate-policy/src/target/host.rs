//! One form for the name of a host: a server has one name in small letters, and
//! an address many spellings.
//!
//! A target has its hosts in this form, and a rule's patterns for these fields
//! are brought to it too, so that `-h DB.SHOP.EXAMPLE.` meets a rule about
//! `db.shop.example`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Brings the hosts of a target to their one form.
pub(crate) fn settle(target: &mut BTreeMap<String, String>) {
    for (field, value) in target {
        if let Cow::Owned(settled) = settled(field, value) {
            *value = settled;
        }
    }
}

/// Returns a value of a field with its hosts in their one form: names in small
/// letters and without the dot of the root, addresses as they are usually
/// written. A pattern is treated as a name. Other fields stay as they are.
pub(crate) fn settled<'v>(field: &str, value: &'v str) -> Cow<'v, str> {
    if is_plain(value.as_bytes()) {
        return Cow::Borrowed(value);
    }
    let Some((before, authority, behind)) = authority(field, value) else {
        return Cow::Borrowed(value);
    };
    let hosts = authority.split(',').map(host_and_port);
    let hosts: Vec<String> = hosts.collect();
    let made = [before, &hosts.join(","), behind].concat();
    if made == value {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(made)
    }
}

/// Tells whether a value is a name as most are written: nothing of it has another form.
fn is_plain(value: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_lowercase();
    let is_of_name = |byte: &u8| is_letter(byte) || byte.is_ascii_digit() || b"-_.".contains(byte);
    value.first().is_some_and(is_letter)
        && value.last() != Some(&b'.')
        && value.iter().all(is_of_name)
}

/// Fields that name a host, with a port or in an address of the web or without.
const HOSTS: &[&str] = &["host", "hostname", "jump", "proxy", "registry", "server"];
/// Fields in which a host can stand in an address.
const ADDRESSES: &[&str] = &["address", "endpoint", "remote", "state", "url"];

/// Tells whether a host can stand in a field.
pub(crate) fn has_host(field: &str) -> bool {
    HOSTS.contains(&field) || ADDRESSES.contains(&field)
}

/// Splits a value around its hosts; nothing where it has none.
fn authority<'v>(field: &str, value: &'v str) -> Option<(&'v str, &'v str, &'v str)> {
    if !has_host(field) {
        return None;
    }
    let is_url_only = ADDRESSES.contains(&field);
    let (start, ends): (usize, &[char]) = match value.find("://") {
        Some(at) => (at + 3, &['/', '?', '#']),
        // `user@host:path`, as git and ssh have it.
        None if field == "url" => (0, &[':']),
        None if field == "address" && !value.starts_with('/') => (0, &['/']),
        None if is_url_only || value.starts_with(['/', '@', '.']) => return None,
        None => (0, &['/']),
    };
    let rest = value.get(start..)?;
    let end = rest.find(ends);
    if start == 0 && field == "url" && end.is_none() {
        // A path.
        return None;
    }
    let whole = rest.get(..end.unwrap_or(rest.len()))?;
    if start == 0 && field == "url" && whole.contains('/') {
        return None;
    }
    let user = whole.rfind('@').filter(|_| start > 0);
    let user = user.map_or(0, |at| at + 1);
    let (from, to) = (start + user, start + whole.len());
    Some((value.get(..from)?, value.get(from..to)?, value.get(to..)?))
}

/// Returns a host in its one form, with its user and its port where it has them.
fn host_and_port(text: &str) -> String {
    if let Some((user, text)) = text.rsplit_once('@') {
        return [user, "@", &host_and_port(text)].concat();
    }
    if let Some((inside, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return ["[", &host(inside), "]", port].concat();
    }
    match text.split_once(':') {
        Some((name, port)) if !port.contains(':') => [&host(name), ":", port].concat(),
        _ => host(text),
    }
}

fn host(name: &str) -> String {
    let name = match name.strip_suffix('.') {
        Some(before) if !before.is_empty() => before,
        _ => name,
    };
    if let Some(address) = four_bytes(name) {
        return address.to_string();
    }
    match name.parse::<Ipv6Addr>().map(|six| six.to_canonical()) {
        Ok(IpAddr::V4(four)) => four.to_string(),
        Ok(IpAddr::V6(six)) => six.to_string(),
        Err(_) => name.to_ascii_lowercase(),
    }
}

/// Reads an address of IPv4 as `inet_aton(3)` does: up to four numbers, each
/// decimal, octal or hexadecimal, the last of which fills what is left.
fn four_bytes(name: &str) -> Option<Ipv4Addr> {
    if !name.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let numbers = name.split('.').map(|number| {
        let small = number.to_ascii_lowercase();
        match (small.strip_prefix("0x"), small.strip_prefix('0')) {
            (Some(digits), _) => u32::from_str_radix(digits, 16).ok(),
            (None, Some(digits)) if !digits.is_empty() => u32::from_str_radix(digits, 8).ok(),
            (None, _) => small.parse().ok(),
        }
    });
    let numbers = numbers.collect::<Option<Vec<u32>>>()?;
    let (last, before) = numbers.split_last()?;
    if before.len() > 3 || before.iter().any(|number| *number > 255) {
        return None;
    }
    let left = 32 - 8 * before.len();
    if left < 32 && last.checked_shr(u32::try_from(left).ok()?)? > 0 {
        return None;
    }
    let head = before.iter().zip([24, 16, 8]);
    let whole = head.fold(*last, |whole, (number, shift)| whole | number << shift);
    Some(Ipv4Addr::from_bits(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_host_has_one_form() {
        for (field, value, wanted) in [
            ("host", "DB.Shop.example.", "db.shop.example"),
            ("host", "db.shop.example", "db.shop.example"),
            ("host", "DB:5433", "db:5433"),
            ("host", "A.,B:1", "a,b:1"),
            ("jump", "U@A.:22,V@B", "U@a:22,V@b"),
            ("host", "127.1", "127.0.0.1"),
            ("host", "0x7f.0.0.01", "127.0.0.1"),
            ("host", "2130706433", "127.0.0.1"),
            ("host", "127.0.0.1.", "127.0.0.1"),
            ("host", "1.2.3.4.5", "1.2.3.4.5"),
            ("host", "256.1", "256.1"),
            ("host", "1.2.3.256", "1.2.3.256"),
            ("host", "0::0:1", "::1"),
            ("host", "::FFFF:10.0.0.1", "10.0.0.1"),
            ("host", "[2001:DB8::0]:6379", "[2001:db8::]:6379"),
            ("host", "/run/DB", "/run/DB"),
            ("host", "*.SHOP.example.", "*.shop.example"),
            ("host", ".", "."),
            (
                "server",
                "https://API.Shop:6443/Path",
                "https://api.shop:6443/Path",
            ),
            ("url", "https://U@H.Example./O/R", "https://U@h.example/O/R"),
            ("url", "Git@GitHub.com:Org/Repo", "Git@github.com:Org/Repo"),
            ("url", "../Other", "../Other"),
            ("url", "./A:b", "./A:b"),
            ("endpoint", "repos/O/R", "repos/O/R"),
            ("remote", "Origin", "Origin"),
            ("remote", "HTTPS://H.example/R", "HTTPS://h.example/R"),
            ("endpoint", "http://LOCALHOST:1/X", "http://localhost:1/X"),
            ("registry", "Registry.Example/Org", "registry.example/Org"),
            ("address", "010.0.0.1", "8.0.0.1"),
            ("address", "/subscriptions/A", "/subscriptions/A"),
            ("database", "Shop.", "Shop."),
        ] {
            assert_eq!(settled(field, value), wanted, "{field} {value}");
            assert_eq!(settled(field, wanted), wanted, "{field} {wanted}");
        }
    }
}
