//! What starts ssh of its own accord, with the settings of the user, which can
//! name programs. Source: `ssh_config(5)`.
//!
//! ssh looks for them in the home directory of the account; the one of `HOME`
//! is what is known here, and is what is bound.

use super::{content, home_file, named, option, refuse_file};
use crate::command_line::CommandLine;
use crate::invocation::Invocation;

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
