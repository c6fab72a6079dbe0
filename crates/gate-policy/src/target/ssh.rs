//! What starts ssh of its own accord, with the settings of the user, which can
//! name programs. Source: `ssh_config(5)`.
//!
//! ssh looks for them in the home directory of the account; the one of `HOME`
//! is what is known here, and is what is bound.

use super::{content, home_file, named, option, refuse_file, set};
use crate::command_line::CommandLine;
use crate::invocation::{Invocation, Word, WordRole};

/// Settings that start no program and load no code, in lower case.
const PLAIN: &[&str] = &[
    "addkeystoagent",
    "addressfamily",
    "batchmode",
    "bindaddress",
    "certificatefile",
    "checkhostip",
    "ciphers",
    "compression",
    "connectionattempts",
    "connecttimeout",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "forwardagent",
    "globalknownhostsfile",
    "hashknownhosts",
    "host",
    "hostkeyalgorithms",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "identityfile",
    "ignoreunknown",
    "ipqos",
    "kbdinteractiveauthentication",
    "kexalgorithms",
    "loglevel",
    "macs",
    "numberofpasswordprompts",
    "passwordauthentication",
    "port",
    "preferredauthentications",
    "proxyjump",
    "pubkeyacceptedalgorithms",
    "pubkeyauthentication",
    "rekeylimit",
    "requesttty",
    "sendenv",
    "serveralivecountmax",
    "serveraliveinterval",
    "setenv",
    "stricthostkeychecking",
    "tcpkeepalive",
    "updatehostkeys",
    "usekeychain",
    "user",
    "userknownhostsfile",
    "visualhostkey",
];

/// Takes the address of ssh apart, `user@host` or `ssh://user@host:port`. Of two
/// users or ports the one that is said first counts. Source: `main` of `ssh.c`.
pub(super) fn resolve(invocation: &mut Invocation) {
    let address = named(invocation, "host").to_owned();
    let is_operand = |word: &Word| word.role == WordRole::Operand;
    let place = invocation.words.iter().position(is_operand);
    let (user, host, port) = parts(&address);
    for (field, letter, said) in [("user", "l", user), ("port", "p", port)] {
        let mut options = invocation.options.iter();
        let option = options.find(|used| used.name == letter);
        let is_later = option.is_none_or(|used| place.is_some_and(|at| at < used.argv_index));
        let value = match (said, option.and_then(|used| used.value.as_deref())) {
            (Some(said), _) if is_later => said.to_owned(),
            (_, Some(value)) => String::from_utf8_lossy(value).into_owned(),
            (_, None) => continue,
        };
        set(invocation, field, &value);
    }
    set(invocation, "host", host);
}

/// Returns user, host and port of an address.
fn parts(address: &str) -> (Option<&str>, &str, Option<&str>) {
    let uri = address.strip_prefix("ssh://");
    let whole = uri
        .and_then(|rest| rest.split('/').next())
        .unwrap_or(address);
    let (user, server) = match whole.rsplit_once('@') {
        Some((user, server)) => (Some(user), server),
        None => (None, whole),
    };
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if uri.is_some() && !port.ends_with(']') => (host, Some(port)),
        _ => (server, None),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    (user, bare.unwrap_or(host), port)
}

/// Judges the settings for a command that reaches the host of this field of
/// the target.
pub(super) fn judge_settings(line: &CommandLine<'_>, field: &str, invocation: &mut Invocation) {
    if named(invocation, field).is_empty() || option(invocation, "list-hosts").is_some() {
        return;
    }
    let path = home_file(line, ".ssh/config");
    let Some(text) = content(line, &path, "settings of ssh", invocation) else {
        return;
    };
    if let Err(problem) = are_plain(&text) {
        refuse_file(&path, "settings of ssh", &problem, invocation);
    }
}

/// Tells of the first setting that is not plain.
fn are_plain(text: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(text).map_err(|_| "they are no UTF-8".to_owned())?;
    for line in text.split('\n') {
        let line = line.trim();
        let is_end = |letter: char| letter.is_whitespace() || letter == '=';
        let name = line.split(is_end).next().unwrap_or(line);
        let known = name.to_ascii_lowercase();
        if !line.is_empty() && !line.starts_with('#') && !PLAIN.contains(&known.as_str()) {
            return Err(format!("`{name}` can start a program"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_that_start_nothing_are_plain() {
        for text in ["", "# x\n\nHost *\n\tUser=me\n  ForwardAgent no\r\n"] {
            assert_eq!(are_plain(text.as_bytes()), Ok(()), "{text}");
        }
        for text in [
            "ProxyCommand x",
            "Host h\n  proxycommand=x",
            "\"ProxyCommand\" x",
            "Include other",
            "Match exec x",
            "PermitLocalCommand yes",
            "KnownHostsCommand x",
            "\u{b}ProxyCommand x",
            "Frobnicate x",
        ] {
            assert!(are_plain(text.as_bytes()).is_err(), "{text}");
        }
    }
}
