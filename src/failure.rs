//! Why gate itself ends without the tool's own ending: one type whose exhaustive
//! match yields the exit code, the words and the next step.

use std::error::Error;
use std::fmt;

/// What kind of end it is; [`crate::exit_code`] has the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// What was looked at does not hold.
    Found,
    /// The command line of gate makes no sense, or names what is not there, can't
    /// be read or can't be changed any more.
    Usage,
    /// The server can't be reached.
    Unreachable,
    /// Nobody answered yet, or in time.
    NoAnswer,
    /// A rule or a person said no to the command, or a person to this terminal.
    Denied,
    /// Configuration or rules are bad, or the token is not one for this.
    Configuration,
    /// gate itself failed.
    Internal,
    /// The tool was started, and how it ended can't be learned.
    OutcomeLost,
    /// The tool was found and can't be run.
    CannotRun,
    /// There is no such tool.
    NotFound,
    /// Stopped at the keyboard or by a signal, with its number.
    Interrupted(i32),
}

/// An end without the tool's: what was tried, why it failed, what to do next.
pub(crate) struct Failure {
    kind: FailureKind,
    text: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    hint: Option<String>,
}

impl Failure {
    /// Returns a failure with its words: a lowercase fragment without a full stop.
    pub(crate) fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            source: None,
            hint: None,
        }
    }

    /// Adds what caused it.
    #[must_use]
    pub(crate) fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do next behind what is said of it already.
    #[must_use]
    pub(crate) fn and_hint(mut self, more: &str) -> Self {
        self.hint = Some(match self.hint.take() {
            Some(hint) => format!("{hint}\n{more}"),
            None => more.to_owned(),
        });
        self
    }

    /// Returns what kind of end it is.
    pub(crate) fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Returns the lines that the user is told, without a prefix.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.to_string()];
        lines.extend(
            self.hint
                .iter()
                .flat_map(|hint| hint.lines().map(str::to_owned)),
        );
        lines
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        let mut cause = self.source.as_deref().map(|error| error as &dyn Error);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_chain_is_told_and_the_hint_comes_after() {
        let cause = std::io::Error::other("disk on fire");
        let failure = Failure::new(FailureKind::Internal, "cannot write the spool")
            .caused_by(cause)
            .hint("free some space\nthen run it again");
        assert_eq!(
            failure.lines(),
            [
                "cannot write the spool: disk on fire",
                "free some space",
                "then run it again"
            ]
        );
    }
}
