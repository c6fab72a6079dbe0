//! A change at the server that is asked for on the command line.

use gate_client::ClientError;
use gate_protocol::problem::ProblemCode;

use crate::failure::{Failure, FailureKind};
use crate::session::{self, Session};

/// Asks for a change. Where what was named is not there, or something else came
/// first, the command line asks for what can't be done: that is no failure of
/// gate's, and nobody has said no to a command.
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
                ProblemCode::Conflict
                    | ProblemCode::DigestMismatch
                    | ProblemCode::Stale
                    | ProblemCode::NotFound
                    | ProblemCode::BadRequest
                    | ProblemCode::TooLarge
            )
        {
            return Failure::new(FailureKind::Usage, error.to_string()).hint(error.hint());
        }
        session::from_client(error)
    })
}
