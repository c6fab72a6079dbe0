//! What a value of gate's command line is, by the name that help gives it.

use gate_protocol::request::ApprovalStatus;

/// What can stand in the place of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// The id of a request.
    Request(About),
    /// The id of a request that went past the rules' own approvers, and that nobody has reviewed
    /// since.
    BreakGlass,
    /// The name of a rule in force here.
    Rule,
    /// A tool that can have a shim.
    Tool,
    /// A tool that has one.
    Shim,
    /// What only who types it knows.
    Free,
}

/// Which requests a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// All.
    Every,
    /// Those that still change.
    Open,
    /// Those of others that wait for an answer.
    Answerable,
    /// Those of others that can still be denied: an approved one too, until it is claimed.
    Deniable,
    /// One's own that can still be taken back.
    Own,
}

impl About {
    /// Returns where such a request stands.
    pub(super) fn statuses(self) -> &'static [ApprovalStatus] {
        use ApprovalStatus::{Approved, Claimed, Pending, Started};
        match self {
            Self::Every => ApprovalStatus::ALL,
            Self::Open => &[Pending, Approved, Claimed, Started],
            Self::Answerable => &[Pending],
            Self::Deniable | Self::Own => &[Pending, Approved],
        }
    }
}

/// Names of values that nobody but the caller knows.
const FREE: [&str; 22] = [
    "ADDRESS",
    "COMMAND",
    "DURATION",
    "FIELD=VALUE",
    "GROUP",
    "HEX",
    "ISSUER",
    "KIND",
    "N",
    "NAME",
    "NAMES",
    "PART",
    "PERSON",
    "PROVIDER",
    "SUBJECT",
    "TEXT",
    "TIME",
    "TYPE",
    "URL",
    "USER",
    "VKEY",
    "WORDS",
];

/// Returns what the value called `name` is to the command `path`, as `requests show`; nothing
/// where that was never said.
pub(super) fn of(path: &str, name: &str) -> Option<Subject> {
    let subject = match (name, path) {
        ("FILE", _) => Subject::File,
        ("DIR", _) => Subject::Folder,
        ("RULE", _) | ("ID", "grants propose") => Subject::Rule,
        ("TOOL", "shim remove") => Subject::Shim,
        ("TOOL", _) => Subject::Tool,
        ("ID", "approve") => Subject::Request(About::Answerable),
        ("ID", "deny") => Subject::Request(About::Deniable),
        ("ID", "requests cancel") => Subject::Request(About::Own),
        ("ID", "requests watch") => Subject::Request(About::Open),
        ("ID", "requests review-break-glass") => Subject::BreakGlass,
        ("ID", "requests show" | "audit log" | "audit erase") | ("SEQ|REQUEST", "audit proof") => {
            Subject::Request(About::Every)
        }
        // No request's: of a standing grant, a token, a delivery, a proposal.
        (
            "ID",
            "grants confirm"
            | "grants revoke"
            | "admin tokens revoke"
            | "admin channels retry"
            | "rules proposal confirm"
            | "rules proposal withdraw",
        ) => Subject::Free,
        (free, _) if FREE.contains(&free) => Subject::Free,
        _ => return None,
    };
    Some(subject)
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    /// The values of a command and of those below it: path, name.
    fn values(command: &Command, path: &str, found: &mut Vec<(String, String)>) {
        for argument in command.get_arguments() {
            if !argument.get_action().takes_values() || !argument.get_possible_values().is_empty() {
                continue;
            }
            let names = argument.get_value_names().unwrap_or_default();
            found.extend(names.iter().map(|name| (path.to_owned(), name.to_string())));
        }
        for below in command.get_subcommands() {
            let path = format!("{path} {}", below.get_name());
            values(below, path.trim_start(), found);
        }
    }

    #[test]
    fn of_every_value_of_the_command_line_it_is_said_what_it_is() {
        let mut root = crate::cli::definition();
        root.build();
        let mut found = Vec::new();
        values(&root, "", &mut found);
        let unsaid: Vec<_> = found
            .iter()
            .filter(|(path, name)| !path.starts_with("__") && of(path, name).is_none())
            .collect();
        assert!(unsaid.is_empty(), "say in `of` what they are: {unsaid:?}");
        let said = |path: &str, name: &str| found.contains(&(path.to_owned(), name.to_owned()));
        assert!(
            said("approve", "ID") && said("rules show", "RULE"),
            "{found:?}"
        );
        assert!(!FREE.contains(&"ID"), "a new one is said at its command");
    }
}
