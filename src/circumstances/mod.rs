//! Where and by what a command is asked for: what an approver needs beside the
//! command itself.
//!
//! Gathered from the environment and a few files: no network, no child process,
//! no name service. It all comes from the caller, so it is shown as unverified
//! text, and the digest does not cover it; rules may rely on it to ask for more
//! and not for less. What no rule can name, the state of git, is read only for
//! a command that somebody is asked about.

mod agent;
mod ci;
mod git;

use std::io::IsTerminal as _;
use std::path::Path;

use gate_protocol::mode::Mode;
use gate_protocol::request::{CIRCUMSTANCE_LIMIT, Circumstances, shortened};

pub(crate) use ci::{Provider, provider};
pub(crate) use git::{Between, Repository};

/// What a PATH shim and `gate run` can promise: they stop mistakes, not somebody
/// who goes around them.
pub(crate) const MODE: Mode = Mode::Advisory;

/// The file that names users without asking a name service, which could be slow
/// or on the network.
const PASSWD: &str = "/etc/passwd";

/// Reads an environment variable by name; `None` where it is not set.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Returns the circumstances of a command, without what costs more to learn.
pub(crate) fn of_caller(env: Env<'_>) -> Circumstances {
    Circumstances {
        host: host(),
        os_user: os_user(),
        terminal: std::io::stdin().is_terminal() || std::io::stderr().is_terminal(),
        mode: MODE,
        client_version: env!("CARGO_PKG_VERSION").to_owned(),
        agent: agent::detect(env),
        ci: ci::detect(env),
        git: None,
    }
}

/// Tells whether the caller looks like a coding agent.
pub(crate) fn is_agent(env: Env<'_>) -> bool {
    agent::detect(env).is_some()
}

/// Returns the circumstances of a command that a person is asked about in `cwd`.
pub(crate) fn in_full(of_caller: Circumstances, cwd: &Path) -> Circumstances {
    Circumstances {
        git: git::read(cwd),
        ..of_caller
    }
}

/// Returns `text` if it fits, and otherwise its beginning with a mark where it was cut.
/// A secret in it is masked before.
fn cut(text: &str) -> String {
    shortened(&gate_policy::masked_prose(text, &[]), CIRCUMSTANCE_LIMIT).into_owned()
}

fn host() -> String {
    nix::unistd::gethostname().map_or_else(
        |_| "unknown".to_owned(),
        |name| cut(&name.to_string_lossy()),
    )
}

fn os_user() -> String {
    let uid = nix::unistd::getuid().as_raw();
    std::fs::read(PASSWD)
        .ok()
        .and_then(|text| user_name(&String::from_utf8_lossy(&text), uid))
        .unwrap_or_else(|| uid.to_string())
}

/// Returns the name of `uid` in the text of a `passwd(5)` file.
fn user_name(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let number = fields.nth(1)?.parse::<u32>().ok()?;
        (number == uid).then(|| cut(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_their_name_and_otherwise_the_number_stands() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n\n:x:7:7\nbroken\nada:x:1000:1000::/h:/b\n";
        assert_eq!(user_name(passwd, 1000).as_deref(), Some("ada"));
        assert_eq!(user_name(passwd, 7), None);
        assert_eq!(user_name(passwd, 4_000_000_000), None);
    }

    #[test]
    fn hostile_values_stay_text_and_none_is_longer_than_the_limit() {
        let hostile = format!("\u{1b}]0;x\u{7}\u{202e}<script>\r\n{}", "A".repeat(10_000));
        let env = |name: &str| match name {
            "GITHUB_ACTIONS" => Some("true".to_owned()),
            name if name.starts_with("GITHUB_") => Some(hostile.clone()),
            _ => None,
        };
        let folder = tempfile::tempdir().unwrap();
        let circumstances = in_full(of_caller(&env), folder.path());
        let job = circumstances.ci.unwrap();
        let branch = job.branch.unwrap();
        assert_eq!(branch.chars().count(), CIRCUMSTANCE_LIMIT);
        assert!(branch.starts_with("\u{1b}]0;x\u{7}\u{202e}<script>"));
        for value in [job.repository, job.commit, job.actor]
            .into_iter()
            .flatten()
        {
            assert!(value.chars().count() <= CIRCUMSTANCE_LIMIT);
        }
        assert_eq!(circumstances.mode, Mode::Advisory);
        assert_eq!(circumstances.git, None);
    }
}
