//! From a listener to answers: the router and its limits, TLS, start and stop.

mod connection;
mod headers;
mod middleware;
mod operations;
mod tls;

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsAcceptor;
use tokio::task::{JoinHandle, JoinSet};

use crate::folder::{self, Folder, FolderError};
use crate::history::Standby;
use crate::identity::{Authorities, AuthoritiesError};
use crate::keys::KeysError;
use crate::notify::LoadError;
use crate::outbound::Outbound;
use crate::settings::{DatabaseError, Settings, SettingsError, TlsFiles};
use crate::state::Server;
use crate::store::{StoreError, server_keys};
use crate::telemetry::{Collector, CollectorError, Telemetry};
use crate::{clock, keys, notify, openapi, web};

use self::connection::Door;
use self::tls::Tls;

/// How many connections of those who watch are open at the same time.
const WATCHERS: u32 = 64;

/// Why the server does not serve, or stopped serving.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A setting can't be served by.
    #[error("the settings can't be served by")]
    Settings(#[from] SettingsError),
    /// Tokens would cross the network in the clear.
    #[error("`{0}` is not a loopback address, and without TLS the server listens on loopback only")]
    PlainHttp(SocketAddr),
    /// The data folder holds no server.
    #[error("`{}` holds no server yet; initialise it first", .0.display())]
    NotInitialised(std::path::PathBuf),
    /// Another server has the data folder.
    #[error("another server runs on `{}`", .0.display())]
    InUse(std::path::PathBuf),
    /// The data folder or a key can't be used.
    #[error("the data folder can't be used")]
    Keys(#[from] KeysError),
    /// The database can't be used.
    #[error("the store can't be used")]
    Store(#[from] StoreError),
    /// What the settings say of the database can't be used.
    #[error("the settings of the database can't be used")]
    Database(#[from] DatabaseError),
    /// A channel can't be used.
    #[error("the channels can't be used")]
    Channels(#[from] LoadError),
    /// What fell due while the server was down was not written down.
    #[error("requests were not settled at the start: {0}")]
    Settle(String),
    /// Witnesses can't be asked.
    #[error("witnesses can't be asked: {0}")]
    Witnesses(String),
    /// A provider or an issuer of the settings can't be used.
    #[error("the settings name who can't vouch for anybody")]
    Authorities(#[from] AuthoritiesError),
    /// Certificate or key can't be used.
    #[error("the setting `tls.{field}` names `{}`, by which TLS can't be set up", .path.display())]
    Tls {
        /// The setting.
        field: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The token for what is measured can't be read.
    #[error("`metrics.token_file` can't be used: {0}")]
    MetricsToken(String),
    /// What is measured can't be shown where the settings say.
    #[error("cannot listen on {address} for what is measured")]
    MetricsListen {
        /// The address of the settings.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Spans can't be sent.
    #[error("spans can't be sent")]
    Telemetry(#[from] CollectorError),
    /// The settings trust somebody who is not there.
    #[error(
        "the setting `approving.trusted_admins` names `{0}`, which is no user here who may act; \
         take the name out, start the server, make or enable the user, and put the name back"
    )]
    TrustedAdmin(String),
    /// The rules in force can't be read, and who names one of them could not be held
    /// to it.
    #[error("the rules in force can't be read: {0}")]
    Rules(String),
    /// One of the server's own tasks ended, which none should before the server does.
    #[error("a task of the server ended; its log says which")]
    Task,
    /// The listener failed.
    #[error("the listener failed")]
    Listen(#[source] std::io::Error),
}

impl From<FolderError> for ServeError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Keys(error) => Self::Keys(error),
            FolderError::Store(error) => Self::Store(error),
            FolderError::Database(error) => Self::Database(error),
        }
    }
}

/// Serves on `listener` until `shutdown` ends, on the caller's runtime.
///
/// A stop answers parked polls with the current state at once, finishes what
/// runs for at most [`Leases::shutdown`](crate::settings::Leases), signs the
/// log's head and closes the store.
///
/// # Errors
/// Each [`ServeError`] as its name says; all but the last two before any answer.
pub async fn serve_on(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let tls = admit(&listener, &settings)?;
    let watched = operations::bind(&settings)?;
    let (mut server, _lock) = open(settings).await?;
    server.certificate = tls.as_ref().map(|tls| tls.certificate);
    let exporting = export_spans(&mut server)?;
    // What time did while the server was down comes first.
    if let Err(failure) = server.settle_due(clock::now()).await {
        return Err(ServeError::Settle(failure.detail().to_owned()));
    }
    if let Err(failure) = server.read_rules_in_force().await {
        return Err(ServeError::Rules(failure.detail().to_owned()));
    }
    if let Some(nobody) = server.trusted_nobody().await? {
        return Err(ServeError::TrustedAdmin(nobody));
    }
    if let Err(failure) = server.note_settings().await {
        return Err(ServeError::Settle(failure.detail().to_owned()));
    }
    // Before anybody waits: what another server changes from here on is looked for.
    let seen = match server.log_size().await {
        Ok(seen) => seen,
        Err(failure) => return Err(ServeError::Settle(failure.detail().to_owned())),
    };
    let mut tasks = JoinSet::new();
    if server.store.is_shared() {
        tasks.spawn(server.clone().follow_replicas(seen));
    }
    if server.standby.is_some() {
        tasks.spawn(server.clone().watch_standby());
    }
    tasks.spawn(server.clone().settle_regularly());
    tasks.spawn(server.clone().forget_regularly());
    tasks.spawn(server.clone().checkpoint_regularly());
    tasks.spawn(server.clone().notify_regularly());
    if let Some(watched) = watched {
        tasks.spawn(watch(watched, server.clone()));
    }
    let mut has_lost_a_task = false;
    let ending = async {
        tokio::select! {
            () = drained(shutdown, &server) => {}
            // None of them ends: without one, nothing would expire or be told any more.
            Some(ended) = tasks.join_next() => {
                tracing::error!(?ended, "a task of the server ended");
                has_lost_a_task = true;
            }
        }
    };
    let result = answer_until(ending, listener, &server, tls).await;
    tasks.abort_all();
    close(server, exporting).await;
    result.map_err(ServeError::Listen)?;
    if has_lost_a_task {
        return Err(ServeError::Task);
    }
    Ok(())
}

/// Ends with `shutdown`, and after the time in which the server says that it is not ready.
async fn drained(shutdown: impl Future<Output = ()> + Send, server: &Server) {
    shutdown.await;
    server.drain();
    tokio::time::sleep(server.settings.operations.drain).await;
}

/// Starts to send spans, where the settings say to whom.
fn export_spans(server: &mut Server) -> Result<Option<JoinHandle<()>>, ServeError> {
    let Some(telemetry) = &server.settings.operations.telemetry else {
        return Ok(None);
    };
    let collector = Collector::new(telemetry, &server.settings.outbound)?;
    let (taking, waiting) = Telemetry::new();
    // It takes none itself, or the last would never be the last.
    let exporter = server.clone();
    server.telemetry = taking;
    Ok(Some(tokio::spawn(
        exporter.export_spans(collector, waiting),
    )))
}

/// Shows what is measured on an address of its own, until dropped.
async fn watch(listener: TcpListener, server: Server) {
    let timeout = server.settings.limits.header_timeout;
    let service = operations::router(server.clone()).into_make_service();
    let door = Door::new(WATCHERS, timeout, true, server.metrics.clone());
    let watching = async {
        let mut listening = axum_server::from_tcp(listener)?.acceptor(door).http1_only();
        listening
            .http_builder()
            .http1()
            .header_read_timeout(timeout);
        listening.serve(service).await
    };
    if let Err(error) = watching.await {
        tracing::error!(%error, "what is measured is not shown any more");
    }
}

/// Tries a certificate with its key.
pub(crate) fn can_serve_by(files: &TlsFiles) -> Result<(), ServeError> {
    tls::configure(files).map(drop)
}

/// Refuses a listener on which tokens would be read by others.
fn admit(listener: &TcpListener, settings: &Settings) -> Result<Option<Tls>, ServeError> {
    settings.validate()?;
    let address = listener.local_addr().map_err(ServeError::Listen)?;
    if settings.tls.is_none() && !address.ip().is_loopback() {
        return Err(ServeError::PlainHttp(address));
    }
    settings.tls.as_ref().map(tls::configure).transpose()
}

/// Answers until `shutdown` ends, and then finishes what runs.
async fn answer_until(
    shutdown: impl Future<Output = ()> + Send,
    listener: TcpListener,
    server: &Server,
    tls: Option<Tls>,
) -> std::io::Result<()> {
    let handle = Handle::new();
    let answering = listen(listener, server, tls, handle.clone());
    tokio::pin!(answering);
    tokio::select! {
        ended = &mut answering => return ended,
        () = shutdown => {}
    }
    tracing::info!("stopping");
    server.stop();
    handle.graceful_shutdown(Some(server.settings.leases.shutdown));
    answering.await
}

/// Opens the server that is in the data folder. The lock on it ends when dropped.
pub(crate) async fn open(settings: Settings) -> Result<(Server, keys::FolderLock), ServeError> {
    let dir = settings.data_dir.clone();
    if !folder::has_database(&settings) {
        return Err(ServeError::NotInitialised(dir));
    }
    let authorities = Authorities::of(&settings)?;
    let folder = Folder::open(&settings)
        .await?
        .ok_or_else(|| ServeError::InUse(dir.clone()))?;
    let names = folder
        .names
        .clone()
        .ok_or(ServeError::NotInitialised(dir))?;
    let (mut server, lock) = folder.into_server(settings, authorities, names)?;
    if !server.settings.witnesses.is_empty() {
        let outbound = &server.settings.outbound;
        let calls = Outbound::new(&outbound.allow_private, outbound.ca_file.as_deref());
        server.witness_calls =
            Some(calls.map_err(|error| ServeError::Witnesses(error.to_string()))?);
    }
    let mut reader = server.store.read().await?;
    server.key_statements = server_keys::statements(reader.connection()).await?.into();
    drop(reader);
    if let Some(database) = &server.settings.database {
        server.standby = database.standby()?.map(Standby::new);
    }
    server.metrics_token = operations::token(&server.settings)?;
    server.load_channels().await?;
    Ok((server, lock))
}

async fn listen(
    listener: TcpListener,
    server: &Server,
    tls: Option<Tls>,
    handle: Handle<SocketAddr>,
) -> std::io::Result<()> {
    let service = router(server.clone()).into_make_service_with_connect_info::<SocketAddr>();
    // HTTP/1 from the first byte: where the version is found out first, the timeout does not
    // hold yet, and a connection that never says a word would stay for ever.
    let timeout = server.settings.limits.header_timeout;
    let door = Door::new(
        server.settings.operations.max_connections,
        server.settings.limits.stall_timeout,
        tls.is_none(),
        server.metrics.clone(),
    );
    let listening = axum_server::from_tcp(listener)?.handle(handle).http1_only();
    if let Some(tls) = tls {
        let mut listening = listening.acceptor(RustlsAcceptor::new(tls.config).acceptor(door));
        let mut http = listening.http_builder().http1();
        http.header_read_timeout(timeout);
        listening.serve(service).await
    } else {
        let mut listening = listening.acceptor(door);
        let mut http = listening.http_builder().http1();
        http.header_read_timeout(timeout);
        listening.serve(service).await
    }
}

/// Signs the last head, sends the last spans and closes the files, within a bound.
async fn close(server: Server, exporting: Option<JoinHandle<()>>) {
    let shutdown = server.settings.leases.shutdown;
    let closing = async {
        if let Err(error) = server.checkpoint().await {
            tracing::error!(%error, "the log's last head was not signed");
        }
        if let Some(standby) = &server.standby {
            standby.close().await;
        }
        server.store.close().await;
        // Its last span came with the last copy of the server: it ends by itself.
        drop(server);
        if let Some(exporting) = exporting {
            drop(exporting.await);
        }
    };
    if tokio::time::timeout(shutdown, closing).await.is_err() {
        tracing::warn!("the store did not close in time; nothing committed is lost");
    }
}

/// Returns everything that is answered.
pub(crate) fn router(server: Server) -> Router {
    let (api, document) = openapi::router();
    // A text that is empty would describe nothing: a test reads it whole.
    let document = Bytes::from(serde_json::to_string(&document).unwrap_or_default());
    let describe = move || async move { ([(CONTENT_TYPE, "application/json")], document.clone()) };
    api.route("/v1/openapi.json", get(describe))
        .merge(web::routes())
        .merge(notify::routes())
        .merge(operations::routes(&server))
        .layer(DefaultBodyLimit::max(server.settings.limits.body_bytes))
        .fallback(web::nowhere)
        .method_not_allowed_fallback(middleware::no_such_method)
        .layer(axum::middleware::from_fn_with_state(
            server.clone(),
            middleware::frame,
        ))
        .layer(axum::middleware::from_fn_with_state(
            server.clone(),
            headers::harden,
        ))
        .with_state(server)
}
