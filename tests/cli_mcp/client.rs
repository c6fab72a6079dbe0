//! The SDK's own client, over pipes to `gate mcp`.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::process::{Child, Stdio};

use gate_testkit::home::Home;
use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RoleClient, RunningService, ServiceError};
use serde_json::Value;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::server::GATE;

/// A `gate mcp` that has been greeted. It ends when its standard input does.
pub(crate) struct Mcp {
    child: Child,
    client: Option<RunningService<RoleClient, ()>>,
    runtime: Runtime,
}

/// What became of a call.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It worked.
    Told(Value),
    /// The tool says why not.
    Failed(String),
    /// The call was none.
    Wrong,
}

/// Starts `gate mcp`.
pub(crate) fn start(home: &Home) -> Child {
    let mut gate = home.command(GATE);
    gate.arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped());
    gate.spawn().unwrap()
}

type Called = Result<CallToolResult, ServiceError>;

impl Mcp {
    #[track_caller]
    pub(crate) fn start(home: &Home) -> Self {
        let mut child = start(home);
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let client = runtime.block_on(async {
            let reader = Receiver::from_owned_fd(stdout.into()).unwrap();
            let writer = Sender::from_owned_fd(stdin.into()).unwrap();
            ().serve((reader, writer)).await.unwrap()
        });
        Self {
            child,
            client: Some(client),
            runtime,
        }
    }

    fn client(&self) -> &RunningService<RoleClient, ()> {
        self.client.as_ref().unwrap()
    }

    /// Returns the names of the tools, sorted.
    pub(crate) fn tools(&self) -> Vec<String> {
        let tools = self
            .runtime
            .block_on(self.client().list_all_tools())
            .unwrap();
        let mut names: Vec<String> = tools.iter().map(|tool| tool.name.to_string()).collect();
        names.sort();
        names
    }

    pub(crate) fn instructions(&self) -> String {
        let server = self.client().peer_info().unwrap();
        server.instructions.clone().unwrap()
    }

    /// Calls a tool and waits for its answer.
    #[track_caller]
    pub(crate) fn call(&self, name: &str, arguments: Value) -> Answer {
        let waiting = self.begin(name, arguments);
        self.end(waiting)
    }

    /// Calls a tool.
    #[track_caller]
    pub(crate) fn begin(&self, name: &str, arguments: Value) -> JoinHandle<Called> {
        let peer = self.client().peer().clone();
        let mut call = CallToolRequestParams::new(name.to_owned());
        if let Value::Object(arguments) = arguments {
            call.arguments = Some(arguments);
        }
        self.runtime
            .spawn(async move { peer.call_tool(call).await })
    }

    /// Returns the answer to a call.
    #[track_caller]
    pub(crate) fn end(&self, waiting: JoinHandle<Called>) -> Answer {
        match self.runtime.block_on(waiting).unwrap() {
            Err(_) => Answer::Wrong,
            Ok(result) => {
                let text = result.content.iter().filter_map(|block| block.as_text());
                let text: String = text.map(|block| block.text.clone()).collect();
                if result.is_error == Some(true) {
                    return Answer::Failed(text);
                }
                let told = result.structured_content.unwrap();
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), told);
                Answer::Told(told)
            }
        }
    }
}

impl Drop for Mcp {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(self.runtime.block_on(client.cancel()));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
