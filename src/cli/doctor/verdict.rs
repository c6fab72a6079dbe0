//! What a tool's name leads to in one way, and how a gap is closed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use gate_protocol::inert::inert;
use serde::Serialize;

use super::ground::{Ground, How};
use super::trial::Said;
use super::way::Way;
use crate::shims::{Candidate, Lookup, Met};

/// Whether a shim stands before a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// The name leads to a shim.
    Covered,
    /// It leads past every shim.
    Open,
    /// It leads nowhere.
    Missing,
    /// gate can't tell.
    Unknown,
    /// Nothing is started in this way here.
    Absent,
}

/// One tool in one way.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) way: Way,
    /// Whether it must hold for this answer to be yes.
    pub(super) is_asked: bool,
    pub(super) state: State,
    /// The file, function or alias that the name leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) meets: Option<String>,
    /// `tried` or `read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) how: Option<&'static str>,
    /// What was tried, what was read, or why neither.
    pub(super) by: String,
    /// How the gap is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

/// What a name leads to.
struct Leads {
    state: State,
    meets: Option<String>,
}

/// Judges the tool at `index` of the tools that a ground was asked about.
pub(super) fn judge(
    lookup: &Lookup<'_>,
    tool: &OsStr,
    index: usize,
    ground: &Ground,
) -> (State, Option<String>) {
    let leads = match ground {
        Ground::Known { path, said, .. } => {
            let candidates = lookup.candidates(tool, path.as_deref());
            leads(lookup, tool, candidates.first(), said.get(index))
        }
        Ground::Unknown(_) => Leads {
            state: State::Unknown,
            meets: None,
        },
        Ground::Absent(_) => Leads {
            state: State::Absent,
            meets: None,
        },
        Ground::Elsewhere(_) => Leads {
            state: State::Open,
            meets: None,
        },
    };
    (leads.state, leads.meets)
}

/// Returns whether it was tried or read, and what.
pub(super) fn known_by(ground: &Ground) -> (Option<&'static str>, String) {
    match ground {
        Ground::Known { how, .. } => match how {
            How::Tried(what) => (Some("tried"), what.clone()),
            How::Read(what) => (Some("read"), what.clone()),
        },
        Ground::Unknown(why) | Ground::Absent(why) | Ground::Elsewhere(why) => (None, why.clone()),
    }
}

/// Takes the shell's own word where there is one, and the search along PATH otherwise.
fn leads(
    lookup: &Lookup<'_>,
    tool: &OsStr,
    first: Option<&Candidate>,
    said: Option<&Said>,
) -> Leads {
    match said {
        Some(Said::Function) => Leads {
            state: State::Open,
            meets: Some("a function of the shell, which gate does not follow".to_owned()),
        },
        Some(Said::Alias(text)) if !begins_with(text, tool) => Leads {
            state: State::Open,
            meets: Some(format!("an alias of the shell: {text}")),
        },
        Some(Said::Path(path)) => {
            let met = lookup.candidate(path);
            met.map_or_else(|| found(first), |candidate| found(Some(&candidate)))
        }
        Some(Said::Nothing) => found(None),
        Some(Said::Alias(_)) | None => found(first),
    }
}

fn found(candidate: Option<&Candidate>) -> Leads {
    let Some(candidate) = candidate else {
        return Leads {
            state: State::Missing,
            meets: None,
        };
    };
    let state = match candidate.met {
        Met::Shim => State::Covered,
        Met::Tool | Met::Refused(_) | Met::Stranger => State::Open,
    };
    Leads {
        state,
        meets: Some(candidate.path.to_string_lossy().into_owned()),
    }
}

/// Tells whether an alias calls the tool itself, with more words.
fn begins_with(alias: &str, tool: &OsStr) -> bool {
    let text = alias.trim_start_matches(['\'', '"', '$']);
    let word = text.split([' ', '\t', '\'', '"']).next();
    word.is_some_and(|word| tool == word)
}

/// Returns how a gap in this way is closed, for the folder of the shims.
pub(super) fn mend(way: Way, shell: &Path, folder: &Path, options: &str) -> String {
    let shown = inert(&folder.to_string_lossy()).into_owned();
    let name = shell.file_name().and_then(OsStr::to_str).unwrap_or("sh");
    let eval = |name: &str| format!("eval \"$(gate shell-init {name}{options})\"");
    match (way, name) {
        (Way::Here, _) => {
            format!(
                "start it where {shown} comes first on PATH, or: {}",
                eval("sh")
            )
        }
        (Way::Login | Way::Interactive | Way::Ssh, "fish") => format!(
            "add to ~/.config/fish/config.fish, outside of any `if`: gate shell-init fish{options} | source"
        ),
        (Way::LoginZsh, _) | (Way::Login | Way::Ssh, "zsh") => {
            format!("add to the end of ~/.zshenv: {}", eval("zsh"))
        }
        (Way::Interactive, "zsh") => format!("add to the end of ~/.zshrc: {}", eval("zsh")),
        (Way::LoginBash, _) | (Way::Login, "bash") => format!(
            "add to the end of ~/.bash_profile, or of ~/.profile where there is none: {}",
            eval("bash")
        ),
        (Way::Interactive, "bash") => format!("add to the end of ~/.bashrc: {}", eval("bash")),
        (Way::Ssh, "bash") => format!(
            "add to the beginning of ~/.bashrc, before it returns where it is not interactive: {}",
            eval("bash")
        ),
        (Way::Ssh, _) => format!("put {shown} first in PATH of /etc/environment"),
        (Way::Login | Way::Interactive, _) => {
            format!("add to the end of ~/.profile: {}", eval("sh"))
        }
        (Way::Script, _) => {
            "a script has the PATH of who starts it: close the gap of this process".to_owned()
        }
        (Way::Cron, _) => {
            format!(
                "write as the first line of `crontab -e`: PATH={shown}:/usr/local/bin:/usr/bin:/bin"
            )
        }
        (Way::SystemCron, _) => "gate shim install --system TOOL as root, then put \
             /usr/local/lib/gate/shims first in PATH of /etc/crontab and of the files in /etc/cron.d"
            .to_owned(),
        (Way::Sudo, _) => "gate shim install --system TOOL as root, then `visudo`: put \
             /usr/local/lib/gate/shims first in secure_path"
            .to_owned(),
        (Way::Systemd, _) => format!(
            "in the unit: Environment=PATH={shown}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
        ),
        (Way::Container, _) => {
            "put gate and its shims into the image: `gate shim install --system TOOL`, and \
             ENV PATH=/usr/local/lib/gate/shims:$PATH"
                .to_owned()
        }
    }
}

/// Returns a path for a message.
pub(super) fn shown(path: &Path) -> String {
    inert(&path.to_string_lossy()).into_owned()
}

/// Returns where the shims of a tool are, or would be.
pub(super) fn folder_of(tool: &OsStr, folders: &[PathBuf], otherwise: &Path) -> PathBuf {
    let has = |folder: &&PathBuf| folder.join(tool).symlink_metadata().is_ok();
    folders
        .iter()
        .find(has)
        .map_or_else(|| otherwise.to_owned(), Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_that_adds_words_still_calls_the_tool() {
        for (alias, is_tool) in [
            ("'kubectl --context dev'", true),
            ("kubectl", true),
            ("'kubecolor'", false),
            ("'/usr/bin/kubectl --x'", false),
            ("'kubectl-x y'", false),
        ] {
            assert_eq!(
                begins_with(alias, OsStr::new("kubectl")),
                is_tool,
                "{alias}"
            );
        }
    }
}
