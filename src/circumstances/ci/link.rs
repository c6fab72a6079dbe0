//! Links to jobs and pull requests, of which one that leads elsewhere is worse
//! than none.

use gate_protocol::request::CIRCUMSTANCE_LIMIT;

/// Returns a link that a browser can be given: `http` or `https`, whole.
///
/// `javascript:` is no place where a job can be seen, and a link that was cut
/// leads somewhere else, as one would in which a token is masked.
pub(super) fn link(text: &str) -> Option<String> {
    let is_web = is_web(text);
    let url = without_userinfo(text);
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    let is_public = gate_policy::masked_prose(&url, &[]) == url;
    (is_web && is_plain && is_public && url.len() <= CIRCUMSTANCE_LIMIT).then_some(url)
}

fn is_web(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// Returns `text` without the user name and password of a URL: a checkout
/// address often holds a token, and no secret leaves the machine unmasked.
pub(super) fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => text.to_owned(),
    }
}

/// Returns the page of a repository by the address that it is checked out from:
/// `https://host/owner/name.git`, `ssh://git@host/owner/name`, or the form of
/// scp(1), `git@host:owner/name.git`.
pub(super) fn page_of_repository(address: &str) -> Option<String> {
    let plain = without_userinfo(address);
    let path = match plain.split_once("://") {
        Some(("https" | "http" | "ssh" | "git", rest)) => rest.to_owned(),
        Some(_) => return None,
        None => {
            let (host, path) = plain.split_once(':')?;
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{host}/{path}")
        }
    };
    let path = path.trim_end_matches('/').trim_end_matches(".git");
    let (host, repository) = path.split_once('/')?;
    // The port of ssh is not that of the web.
    let is_whole = !host.is_empty() && !host.contains(':') && !repository.is_empty();
    is_whole.then(|| format!("https://{host}/{repository}"))
}

/// Returns the number with which the link of a pull request ends.
pub(super) fn number_of(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?;
    let last = path.trim_end_matches('/').rsplit('/').next()?;
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    (is_web(url) && is_number).then_some(last)
}

/// Returns one part of the path of a link, so that it stays one.
pub(super) fn path_segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                segment.push(char::from(byte));
            }
            // A string takes whatever is written to it.
            other => {
                use std::fmt::Write as _;
                let _ = write!(segment, "%{other:02X}");
            }
        }
    }
    segment
}
