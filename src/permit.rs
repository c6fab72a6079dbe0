//! The right to run, and the only caller of `gate-exec` that runs anything.

use std::time::Duration;

use gate_exec::{Cancel, ExecError, Outcome, SuperviseEvents};
use gate_policy::{Decision, Evaluation};
use gate_protocol::claim::VerifiedGrant;

use crate::binding::{Bound, Prepared};
use crate::defect;
use crate::failure::{Failure, FailureKind};
use crate::since_boot::SinceBoot;

/// The right to run one prepared command, once. It is made from an evaluation
/// that allows, or from a verified grant for the very digest; it can't be
/// copied, and running uses it up.
#[must_use]
#[derive(Debug)]
pub(crate) struct Permit {
    prepared: Prepared,
    grant: Option<HeldGrant>,
}

#[derive(Debug)]
struct HeldGrant {
    ends: SinceBoot,
}

impl Permit {
    /// Returns the permit of a command that the rules let through.
    ///
    /// # Errors
    /// They do not.
    pub(crate) fn for_allowed(
        evaluation: &Evaluation,
        prepared: Prepared,
    ) -> Result<Self, Failure> {
        match evaluation.decision {
            Decision::Allow => Ok(Self {
                prepared,
                grant: None,
            }),
            Decision::RequireApproval | Decision::Deny => Err(Failure::new(
                FailureKind::Internal,
                "a command that is not allowed got as far as its permit",
            )),
        }
    }

    /// Returns the permit of a command that people approved. `received` is when
    /// the grant was asked for, from when on its time runs.
    ///
    /// # Errors
    /// The grant is for something else.
    pub(crate) fn for_granted(
        grant: &VerifiedGrant,
        received: SinceBoot,
        bound: Bound,
    ) -> Result<Self, Failure> {
        let granted = grant.grant();
        if granted.digest != bound.digest {
            return Err(Failure::new(
                FailureKind::Internal,
                "the grant is for another command",
            ));
        }
        let valid_for = Duration::from_secs(granted.valid_for_seconds);
        let ends = received.after(valid_for);
        Ok(Self {
            prepared: bound.prepared,
            grant: Some(HeldGrant { ends }),
        })
    }

    /// Becomes the tool. Returns only where that failed.
    pub(crate) fn replace(self) -> Failure {
        match gate_exec::replace(&self.prepared.command, &self.prepared.initial) {
            Ok(never) => match never {},
            Err(error) => failed(error),
        }
    }

    /// Runs the tool and waits for its end. Where people approved it, what the
    /// digest binds is looked at again right before. `meanwhile` is called while it runs, as
    /// [`SuperviseEvents::meanwhile`] says.
    ///
    /// # Errors
    /// It was not run: something is not what was approved, the permit ended, a
    /// signal came first, or the system refused. Or it was, and the system does
    /// not say how it ended. [`Failure`] says which.
    pub(crate) fn supervise(
        self,
        cancel: &Cancel,
        meanwhile: &mut dyn FnMut() -> Option<Duration>,
    ) -> Result<Outcome, Failure> {
        if self.grant.is_some() {
            self.prepared.recheck()?;
        }
        let mut last = LastMoment {
            ends: self.grant.map(|grant| grant.ends),
            cancel,
            has_ended: false,
            meanwhile,
        };
        let outcome =
            gate_exec::supervise(&self.prepared.command, &self.prepared.initial, &mut last);
        outcome.map_err(|error| match (&error, cancel.signal()) {
            (ExecError::CalledOff { .. }, Some(signal)) => Failure::new(
                FailureKind::Interrupted(signal),
                "stopped before the command was started",
            ),
            (ExecError::CalledOff { .. }, None) if last.has_ended => Failure::new(
                FailureKind::Internal,
                "the permit ended before the command was started",
            )
            .hint("nothing was run; run it again to ask again"),
            _ => failed(error),
        })
    }
}

/// The last look before the tool starts, with all signals blocked, and what is done while it runs.
struct LastMoment<'a> {
    ends: Option<SinceBoot>,
    cancel: &'a Cancel,
    has_ended: bool,
    meanwhile: &'a mut dyn FnMut() -> Option<Duration>,
}

impl SuperviseEvents for LastMoment<'_> {
    fn may_start(&mut self) -> bool {
        // Without a clock nobody knows that it has not.
        let is_over = |ends| SinceBoot::now().map_or(true, |now| now >= ends);
        self.has_ended = self.ends.is_some_and(is_over);
        !self.has_ended && self.cancel.signal().is_none()
    }

    fn started(&mut self, _pid: u32) {
        defect::tool_started();
    }

    fn meanwhile(&mut self) -> Option<Duration> {
        (self.meanwhile)()
    }
}

/// Returns the failure of a tool that the system did not start, or whose end
/// it does not tell.
fn failed(error: ExecError) -> Failure {
    let kind = match error {
        ExecError::NotFound { .. } => FailureKind::NotFound,
        ExecError::CannotRun { .. } => FailureKind::CannotRun,
        ExecError::Lost { .. } => FailureKind::OutcomeLost,
        ExecError::Changed { .. } | ExecError::NoProcess { .. } | ExecError::CalledOff { .. } => {
            FailureKind::Internal
        }
    };
    let hint = error.hint();
    let text = error.to_string();
    let failure = Failure::new(kind, text).hint(hint);
    match error {
        ExecError::NotFound { source, .. }
        | ExecError::CannotRun { source, .. }
        | ExecError::NoProcess { source, .. }
        | ExecError::Lost { source, .. } => failure.caused_by(source),
        ExecError::Changed { .. } | ExecError::CalledOff { .. } => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_whose_end_is_not_known_is_said_to_have_been_started() {
        let failure = failed(ExecError::Lost {
            path: "/usr/bin/deploy".into(),
            source: std::io::Error::from_raw_os_error(10),
        });
        assert_eq!(failure.kind(), FailureKind::OutcomeLost);
        let lines = failure.lines();
        assert!(
            lines[0].starts_with("`/usr/bin/deploy` was started; how it ended is not known: "),
            "{lines:?}"
        );
        assert_eq!(
            lines[1],
            "it may have done its work: look at its effects first"
        );
    }
}
