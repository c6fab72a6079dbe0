//! Which server gh and glab act on where no word names one: that of the repository's remote.
//!
//! glab gives the token of the environment to whatever server it is, and gh the one that is for
//! other servers than GitHub's. Source: gitlab-org/cli, `internal/config` and `internal/glrepo`;
//! go-gh, `pkg/auth`.

use super::yaml::{self, Node};
use super::{content, git, home_file, named, option, set};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::Invocation;

/// What is known of the servers of one of the two.
struct Forge {
    /// The server that it acts on by itself.
    usual: &'static str,
    /// The remotes that count before the others.
    preferred: &'static [&'static str],
    /// The variables whose token goes to any server.
    tokens: &'static [&'static str],
    /// The user's own file that names servers.
    file: &'static str,
    /// Whether the servers stand at the top of that file.
    is_flat: bool,
}

const GH: Forge = Forge {
    usual: "github.com",
    preferred: &["upstream", "github", "origin"],
    tokens: &["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"],
    file: ".config/gh/hosts.yml",
    is_flat: true,
};
const GLAB: Forge = Forge {
    usual: "gitlab.com",
    preferred: &["upstream", "gitlab", "origin"],
    tokens: &["GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN", "OAUTH_TOKEN"],
    file: ".config/glab-cli/config.yml",
    is_flat: false,
};
/// Commands that act on no repository.
const WITHOUT: &[&str] = &[
    "alias",
    "auth",
    "check-update",
    "completion",
    "config",
    "help",
    "version",
];

pub(super) fn resolve(line: &CommandLine<'_>, tool: &str, invocation: &mut Invocation) {
    let first = invocation.command.first().map_or("", AsRef::as_ref);
    let is_named = ["hostname", "repo"]
        .iter()
        .any(|field| !named(invocation, field).is_empty());
    let is_elsewhere = !line.files.sees_all() || line.env.get("GIT_DIR").is_some();
    if first.is_empty() || WITHOUT.contains(&first) || is_named || is_elsewhere {
        return;
    }
    if option(invocation, "help").is_some() {
        return;
    }
    let forge = if tool == "gh" { GH } else { GLAB };
    let is_set = |name: &&&str| line.env.get(name).is_some_and(|value| !value.is_empty());
    let token = forge.tokens.iter().find(is_set);
    let remotes = if token.is_some() {
        git::remotes(line, invocation)
    } else {
        // Nothing is decided by them, so that what is not understood is no matter.
        git::remotes(line, &mut invocation.clone())
    };
    let hosts: Vec<(&str, String)> = remotes
        .iter()
        .flat_map(|(name, urls)| urls.iter().map(|url| (name.as_str(), url)))
        .filter_map(|(name, url)| Some((name, host(url)?)))
        .collect();
    let mut preferred = forge.preferred.iter();
    let of_name = |name: &&str| hosts.iter().find(|(known, _)| known == name);
    let chosen = preferred.find_map(of_name).or(hosts.first());
    if let Some((_, host)) = chosen {
        set(invocation, "hostname", host);
    }
    let Some(token) = token else { return };
    let known = known_hosts(line, &forge, invocation);
    if let Some((name, host)) = hosts.iter().find(|(_, host)| !known.contains(host)) {
        let reason = format!("the remote `{name}` leads to `{host}`, and `{token}` goes there");
        invocation.add(Effect::Unknown, &reason);
    }
}

/// Returns the servers that the user has told the tool of.
fn known_hosts(line: &CommandLine<'_>, forge: &Forge, invocation: &mut Invocation) -> Vec<String> {
    let mut known = vec![forge.usual.to_owned()];
    let path = home_file(line, forge.file);
    let text = content(line, &path, "file of settings", invocation);
    let file = text.and_then(|text| yaml::read(&text).ok());
    let hosts = match &file {
        Some(file) if forge.is_flat => Some(file),
        Some(file) => file.get("hosts"),
        None => None,
    };
    if let Some(Node::Mapping(hosts)) = hosts {
        known.extend(hosts.iter().map(|(host, _)| host.to_ascii_lowercase()));
    }
    known
}

/// Returns the server of an address of git, in small letters and without its port; nothing where
/// it is a path.
fn host(url: &str) -> Option<String> {
    let is_scheme = |scheme: &str| {
        let mut letters = scheme.bytes();
        letters.all(|byte| byte.is_ascii_alphabetic() || b"_+-".contains(&byte))
    };
    let parts = url.split_once("://");
    let authority = match parts.filter(|(scheme, _)| is_scheme(scheme)) {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split(['/', '?', '#']).next()?,
        None => {
            let (before, _) = url.split_once(':')?;
            if before.contains('/') {
                return None;
            }
            before
        }
    };
    let host = authority.rsplit('@').next()?;
    let host = host.split(':').next()?.to_ascii_lowercase();
    let host = match host.strip_prefix("ssh.") {
        Some(rest) if rest == "github.com" => rest.to_owned(),
        _ => host,
    };
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_an_address_is_found_in_each_form() {
        for (url, wanted) in [
            ("https://GitHub.com/o/r.git", Some("github.com")),
            ("https://u:p@evil.example:8443/o/r", Some("evil.example")),
            ("git@gitlab.com:o/r", Some("gitlab.com")),
            ("ssh://git@h.example:22/o/r", Some("h.example")),
            ("ssh://git@ssh.github.com:443/o/r", Some("github.com")),
            ("evil.com:foo://gitlab.com/x", Some("evil.com")),
            ("/srv/git/r", None),
            ("../r", None),
            ("./a:b", None),
            ("file:///srv/r", None),
        ] {
            assert_eq!(host(url).as_deref(), wanted, "{url}");
        }
    }
}
