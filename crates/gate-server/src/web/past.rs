//! What was asked before: by the same requester, and for the same command.

use jiff::Timestamp;

use super::request::pass;
use super::row::Row;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::requests::Request;
use crate::store::search::{self, Wanted};

/// How many are shown of each.
const SHOWN: u64 = 5;
/// How much of each command is shown, in bytes.
const COMMAND_LIMIT: usize = 160;
/// How much of them is read, in bytes.
const READ_BYTES: u64 = 256 << 10;

/// What was asked before.
pub(super) struct Past {
    pub(super) requester: Vec<Row>,
    pub(super) command: Vec<Row>,
}

impl Past {
    pub(super) async fn of(
        server: &Server,
        request: &Request,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let before = Wanted {
            before: Some(request.id),
            limit: SHOWN,
            limit_bytes: READ_BYTES,
            ..Wanted::default()
        };
        let of_requester = Wanted {
            requester: Some(request.state.requester.name.clone()),
            ..before.clone()
        };
        let of_command = Wanted {
            tool: request.invocation.tool.name.clone(),
            command: Some(request.invocation.command.clone()),
            ..before
        };
        Ok(Self {
            requester: rows(server, &of_requester, now).await?,
            command: rows(server, &of_command, now).await?,
        })
    }
}

async fn rows(server: &Server, wanted: &Wanted, now: Timestamp) -> Result<Vec<Row>, Failure> {
    let mut reader = server.store.read().await?;
    let mut found = search::search(reader.connection(), wanted).await?.requests;
    let row = |request: &mut Request| {
        pass(request, now);
        let mut row = Row::of(request, now, &server.settings.production);
        row.cut_bytes += row.command.keep(COMMAND_LIMIT);
        row
    };
    Ok(found.iter_mut().map(row).collect())
}
