//! `gate deny`.

use gate_protocol::review::Answer;

use super::requests::find;
use super::review;
use crate::failure::Failure;
use crate::session;
use crate::world::World;

/// Deny a request, after showing it in full
///
/// It will not run. Its requester is told your comment.
#[derive(Debug, clap::Args)]
pub(crate) struct Deny {
    /// The request's id; its first or last 6 digits or more will do.
    #[arg(value_name = "ID")]
    id: String,
    /// A word to the requester, at most 500 characters.
    #[arg(long, value_name = "TEXT", value_parser = review::parse_comment)]
    comment: Option<String>,
}

impl Deny {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let request = find(&session, &self.id)?;
        review::present(world, &request)?;
        review::send(
            world,
            &session,
            &request,
            Answer::Deny,
            self.comment.as_deref(),
        )
    }
}
