//! The marks by which a CI system shows beside its log what stands in it.
//!
//! A mark is a command of ours to that system, and the only one that ever leaves
//! gate. So it has a type of its own: what stands in it was made inert, is of one
//! line, and was escaped as the system reads it; everything else that gate says
//! goes where no command survives.
//!
//! Buildkite takes annotations from its agent's program alone, and `TeamCity`
//! reads its service messages from stdout, which is the tool's: they get lines.

use crate::circumstances::{Env, Provider, provider};
use crate::failure::{Failure, FailureKind};
use crate::report;

/// One command to a CI system, with its end of line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mark(String);

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Something to know.
    Notice,
    /// Nothing ran, and it goes on when it is run again.
    Warning,
    /// Nothing ran, and nothing will.
    Error,
}

impl Mark {
    /// Returns the bytes to write.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns how the system shows `lines` under a title; nothing where it has no
    /// such mark. The lines are inert.
    pub(super) fn annotation(
        provider: Option<Provider>,
        weight: Weight,
        title: &str,
        lines: &[String],
    ) -> Option<Self> {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| report::without_commands(line, report::BRACKET))
            .collect();
        match (provider?, weight) {
            (Provider::GitHub, _) => Some(github(weight, title, &lines.join("\n"))),
            (Provider::Azure, Weight::Warning | Weight::Error) => {
                Some(azure(weight, title, &lines.join("\n")))
            }
            (
                Provider::Azure
                | Provider::GitLab
                | Provider::Jenkins
                | Provider::Buildkite
                | Provider::CircleCi
                | Provider::Bitbucket
                | Provider::TeamCity
                | Provider::Drone
                | Provider::Woodpecker
                | Provider::Travis
                | Provider::AppVeyor
                | Provider::Other,
                _,
            ) => None,
        }
    }

    /// Returns how the system shows why nothing ran; nothing for an end that is
    /// like any tool's.
    pub(super) fn of_failure(env: Env<'_>, failure: &Failure) -> Option<Self> {
        let (weight, title) = match failure.kind() {
            FailureKind::Denied => (Weight::Error, "denied"),
            FailureKind::NoAnswer => (Weight::Warning, "no answer yet"),
            FailureKind::Unreachable => (Weight::Error, "nobody was reached"),
            FailureKind::Configuration => (Weight::Error, "not set up"),
            FailureKind::Internal => (Weight::Error, "failed"),
            FailureKind::OutcomeLost => (Weight::Error, "started, and its end is not known"),
            FailureKind::Found
            | FailureKind::Usage
            | FailureKind::CannotRun
            | FailureKind::NotFound
            | FailureKind::Interrupted(_) => return None,
        };
        Self::annotation(provider(env), weight, title, &report::told(failure))
    }
}

/// Returns an annotation of GitHub Actions.
///
/// Source: "Workflow commands for GitHub Actions", "Setting a notice message"
/// and those after it; the escapes are those of its toolkit,
/// `packages/core/src/command.ts`.
fn github(weight: Weight, title: &str, text: &str) -> Mark {
    let escape = |text: &str| {
        text.replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let kind = match weight {
        Weight::Notice => "notice",
        Weight::Warning => "warning",
        Weight::Error => "error",
    };
    let title = escape(&format!("gate: {title}"))
        .replace(':', "%3A")
        .replace(',', "%2C");
    Mark(format!("::{kind} title={title}::{}\n", escape(text)))
}

/// Returns an issue of Azure Pipelines, of which there are errors and warnings.
///
/// Source: Azure DevOps, "Logging commands", "`LogIssue`" and "Formatting
/// commands"; `docs/design/percentEncoding.md` of its agent for the percent sign.
fn azure(weight: Weight, title: &str, text: &str) -> Mark {
    let kind = match weight {
        Weight::Error => "error",
        Weight::Warning | Weight::Notice => "warning",
    };
    let text = text
        .replace('%', "%AZP25")
        .replace('\r', "%0D")
        .replace('\n', "%0A");
    Mark(format!(
        "##vso[task.logissue type={kind}]gate: {title}: {text}\n"
    ))
}
