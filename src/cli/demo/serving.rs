//! The approval server of the demo, inside this process.

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread::JoinHandle;

use gate_client::{Client, ClientSettings, ServerUrl, Token};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::{Answer, SubmitReview};
use gate_protocol::server::ServerIdentity;
use gate_server::{DevSetup, Settings};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::place::{Place, cannot};
use crate::failure::{Failure, FailureKind};
use crate::session::from_client;

/// A running server, with everybody's tokens.
pub(super) struct Serving {
    url: ServerUrl,
    identity: ServerIdentity,
    setup: DevSetup,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    failed: mpsc::Receiver<String>,
}

impl Serving {
    /// Starts a server with keys, people, tokens and starter rules.
    pub(super) fn start(place: &Place) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| cannot("listen on 127.0.0.1", error))?;
        let address = listener
            .local_addr()
            .map_err(|error| cannot("listen", error))?;
        let url = format!("http://{address}");
        let mut settings = Settings::new(place.server_data(), url.clone());
        // One command is denied and then approved, for another reason.
        settings.approving.flood.reason_lifts = true;
        let url: ServerUrl = url
            .parse()
            .map_err(|error| cannot("name its server", error))?;
        let (stop, stopped) = oneshot::channel();
        let (tell_setup, setup) = mpsc::channel();
        let (tell_failure, failed) = mpsc::channel();
        let server = runtime()?;
        let serve = move || {
            server.block_on(async move {
                let made =
                    gate_server::initialise_dev(&settings.data_dir, &settings.public_url).await;
                let is_made = made.is_ok();
                // The other end waits for it; if it is gone, so is the demo.
                drop(tell_setup.send(made));
                if !is_made {
                    return;
                }
                let shutdown = async { stopped.await.unwrap_or(()) };
                if let Err(error) = gate_server::serve_on(listener, settings, shutdown).await {
                    drop(tell_failure.send(error.to_string()));
                }
            });
        };
        let thread = std::thread::Builder::new()
            .spawn(serve)
            .map_err(|error| cannot("start a thread for its server", error))?;
        let setup = setup
            .recv()
            .map_err(|error| cannot("start its server", error))?
            .map_err(|error| cannot("set up its server", error))?;
        let runtime = runtime()?;
        let anyone = Client::new(ClientSettings::new(url.clone())).map_err(from_client)?;
        let identity = runtime
            .block_on(anyone.server_identity())
            .map_err(|error| match failed.try_recv() {
                Ok(why) => Failure::new(FailureKind::Internal, format!("the demo's server: {why}")),
                Err(_) => from_client(error),
            })?;
        Ok(Self {
            url,
            identity,
            setup,
            runtime,
            stop,
            thread,
            failed,
        })
    }

    /// Where it is.
    pub(super) fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// The key to pin.
    pub(super) fn key(&self) -> &str {
        &self.identity.grant_key
    }

    /// The key of its audit log.
    pub(super) fn log_key(&self) -> &str {
        &self.identity.log_key
    }

    /// The token of the agent whose commands are wrapped.
    pub(super) fn agent(&self) -> &str {
        &self.setup.agent
    }

    /// The token of bob, who may approve.
    pub(super) fn bob(&self) -> &str {
        &self.setup.bob_approver
    }

    /// Where bob signs in on the page.
    pub(super) fn login_url(&self) -> Result<String, Failure> {
        let client = self.client(self.bob())?;
        let code = self
            .runtime
            .block_on(client.create_login_code())
            .map_err(from_client)?;
        Ok(code.url)
    }

    /// The token of the auditor.
    pub(super) fn auditor(&self) -> &str {
        &self.setup.auditor
    }

    /// Waits as bob until a request is pending, and answers it.
    pub(super) fn answer_next(
        &self,
        answer: Answer,
        comment: &str,
        is_over: &mut dyn FnMut() -> bool,
    ) -> Result<ApprovalRequest, Failure> {
        let client = self.client(self.bob())?;
        let pending = gate_client::ListQuery {
            status: Some(ApprovalStatus::Pending),
            ..gate_client::ListQuery::default()
        };
        self.runtime.block_on(async {
            loop {
                let page = client.list(&pending).await.map_err(from_client)?;
                if let Some(request) = page.requests.first() {
                    let review = SubmitReview {
                        answer,
                        digest: request.digest,
                        comment: Some(comment.to_owned()),
                    };
                    return client
                        .review(request.id, &review)
                        .await
                        .map_err(from_client);
                }
                if is_over() {
                    return Err(Failure::new(
                        FailureKind::Internal,
                        "the command ended without having asked",
                    ));
                }
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            }
        })
    }

    fn client(&self, token: &str) -> Result<Client, Failure> {
        let token: Token = token
            .parse()
            .map_err(|error| cannot("use its token", error))?;
        let settings = ClientSettings::new(self.url.clone()).with_token(token);
        Client::new(settings).map_err(from_client)
    }

    /// Stops the server and waits for it.
    pub(super) fn stop(self) {
        // It may have failed before; then there is nobody to tell and nothing to wait for.
        let _ = self.stop.send(());
        drop(self.runtime);
        drop(self.thread.join());
        if let Ok(why) = self.failed.try_recv() {
            crate::report::line(&format!("the demo's server: {why}"));
        }
    }
}

fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| cannot("start a runtime", error))
}
