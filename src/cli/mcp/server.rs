//! The server's side of the protocol.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};

use super::call::Call;
use super::{told, tools};
use crate::failure::{Failure, FailureKind};
use crate::report;

/// What an agent is told of the server as a whole.
const INSTRUCTIONS: &str = "gate puts a human decision between a command and its consequences. Use \
    `check` to see what would be decided about a command, and `request_approval` to ask for one \
    that needs a person. Nothing is run and nothing is approved here: people answer elsewhere, and \
    an approved command is run by `gate run -- COMMAND`. When the answer is no, do not look for \
    another way to do the same.";

/// Answers one agent.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// The folder that it was started in.
    cwd: PathBuf,
    /// Held by whoever works in a folder: a process has one, and commands are read in theirs.
    turn: Arc<Mutex<()>>,
}

impl Server {
    /// Returns a server for the folder that this process is in.
    ///
    /// # Errors
    /// There is no such folder any more.
    pub(super) fn here() -> Result<Self, Failure> {
        let cwd = std::env::current_dir().map_err(|error| {
            let text = "cannot tell the folder that this was started in";
            Failure::new(FailureKind::Usage, text).caused_by(error)
        })?;
        Ok(Self {
            cwd,
            turn: Arc::default(),
        })
    }

    /// Does a call. What it needs may wait for a keyring, a server or people.
    fn work(&self, call: &Call) -> CallToolResult {
        match call.work_in(&self.cwd, &self.turn) {
            Ok(value) => CallToolResult::structured(value),
            Err(failure) => {
                let lines = report::told(&told::with_advice(failure)).join("\n");
                CallToolResult::error(vec![ContentBlock::text(lines)])
            }
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("gate", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::all().into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let call = Call::parse(&request.name, arguments)
            .map_err(|why| ErrorData::invalid_params(why, None))?;
        let server = self.clone();
        let worked = tokio::task::spawn_blocking(move || server.work(&call)).await;
        let result = worked.unwrap_or_else(|_| {
            let text =
                "gate itself failed; nothing was run, and whether anybody was asked is not known";
            CallToolResult::error(vec![ContentBlock::text(text)])
        });
        Ok(CallToolResponse::from(result))
    }
}
