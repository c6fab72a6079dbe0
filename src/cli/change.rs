//! A change at the server that may come too late.

use gate_client::ClientError;
use gate_protocol::problem::ProblemCode;

use crate::failure::{Failure, FailureKind};
use crate::session::{self, Session};

/// Asks for a change. Where the server refuses because something else came
/// first, the answer is a no and not a failure of gate's.
///
/// # Errors
/// The server refuses or does not answer.
pub(super) fn ask<T>(
    session: &Session,
    change: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, Failure> {
    session.block_on(change).map_err(|error| {
        if let ClientError::Refused(problem) = &error
            && matches!(
                problem.code,
                ProblemCode::Conflict | ProblemCode::DigestMismatch
            )
        {
            return Failure::new(FailureKind::Denied, error.to_string());
        }
        session::from_client(error)
    })
}
