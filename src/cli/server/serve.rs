//! `gate server`: from flags to a server that listens, and its end.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use gate_protocol::inert::inert;
use gate_server::settings::{LogFormat, TlsFiles};
use gate_server::{ServeError, Settings};
use tokio::signal::unix::{SignalKind, signal};

use super::{data_folder, init, ready, runtime, settings};
use crate::failure::{Failure, FailureKind};
use crate::world::World;

/// Where a server listens that is not told where.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4280);

/// How many heaps the server's threads share: with one for each of them, most of its memory is free in
/// a heap that nobody else can use.
const HEAPS: u8 = 2;

/// Stands for the server's URL until it is known. No name ends so.
const NOT_YET: &str = "http://not-yet.invalid";

/// How to serve.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// A file of settings, in TOML. Flags win over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder with keys and database.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to listen, if not on 127.0.0.1:4280; port 0 takes any free one. Only
    /// loopback without TLS.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where people reach the server, if not at the address it listens on.
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    url: Option<String>,
    /// The certificate with its chain, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Make a server to try things on, and print its tokens. Never in production.
    #[arg(long)]
    dev: bool,
    /// Print one JSON object when it is ready.
    #[arg(long)]
    json: bool,
}

fn parse_url(text: &str) -> Result<String, String> {
    text.parse::<gate_client::ServerUrl>()
        .map(|url| url.to_string())
        .map_err(|error| error.to_string())
}

impl Serve {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let mut settings = self.settings(world)?;
        let listen = self.listen.or(settings.listen).unwrap_or(LISTEN);
        let cannot_listen = |error| cannot_listen(listen, error);
        let listener = bind(listen).map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        if settings.public_url == NOT_YET {
            // A browser compares the scheme too: it would be told that our own
            // page is a stranger's.
            let scheme = settings.tls.as_ref().map_or("http", |_| "https");
            settings.public_url = format!("{scheme}://{address}");
        }
        log(world, settings.operations.log)?;
        gate_exec::share_heaps(HEAPS);
        let runtime = runtime()?;
        let served = runtime.block_on(self.serve(listener, address, settings));
        // What does not end by itself has had its time in the graceful stop.
        runtime.shutdown_background();
        served
    }

    /// Returns what flags and file say; the URL is [`NOT_YET`] where neither says it.
    fn settings(&self, world: &World) -> Result<Settings, Failure> {
        let data = match (&self.data, self.dev) {
            (None, true) => world.layout.dev_server_data()?,
            (named, _) => data_folder(world, named.as_ref())?,
        };
        let mut settings = Settings::new(data, NOT_YET);
        if let Some(file) = &self.config {
            settings = settings::read(settings, &world.cwd.join(file))?;
        }
        if self.dev {
            // One admin makes everybody there, to try things.
            let trusted = &mut settings.approving.trusted_admins;
            trusted.push("admin".to_owned());
            settings.approving.approver_rest = Duration::ZERO;
        }
        if let Some(url) = &self.url {
            settings.public_url.clone_from(url);
        }
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            settings.tls = Some(TlsFiles {
                certificate: world.cwd.join(certificate),
                key: world.cwd.join(key),
            });
        }
        Ok(settings)
    }

    async fn serve(
        &self,
        listener: TcpListener,
        address: SocketAddr,
        settings: Settings,
    ) -> Result<(), Failure> {
        if self.dev && settings.database.is_some() {
            return Err(Failure::new(
                FailureKind::Configuration,
                "a server to try things on keeps a database of its own",
            )
            .hint("leave [database] out of the settings, or --dev"));
        }
        let tokens = if self.dev {
            let (data, url) = (&settings.data_dir, &settings.public_url);
            let made = gate_server::initialise_dev(data, url).await;
            Some(made.map_err(|error| init::cannot_initialise(error, self.data.as_deref()))?)
        } else {
            None
        };
        let started = ready::Started {
            url: settings.public_url.clone(),
            address,
            data: settings.data_dir.clone(),
            is_plain: settings.tls.is_none(),
            tokens,
        };
        let stop = stop_signal()?;
        let serving = gate_server::serve_on(listener, settings, stop);
        tokio::pin!(serving);
        // Whoever reads that it is ready can connect: it answers before it says so.
        tokio::select! {
            biased;
            ended = &mut serving => return ended.map_err(cannot_serve),
            told = started.tell(self.json) => told?,
        }
        serving.await.map_err(cannot_serve)
    }
}

pub(in crate::cli) fn bind(listen: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

pub(in crate::cli) fn cannot_listen(listen: SocketAddr, error: std::io::Error) -> Failure {
    Failure::new(
        FailureKind::Configuration,
        format!("cannot listen on {listen}"),
    )
    .caused_by(error)
    .hint("name another address with --listen; port 0 takes any free one")
}

/// Returns a future that ends with the first SIGTERM or SIGINT.
pub(in crate::cli) fn stop_signal() -> Result<impl Future<Output = ()> + Send, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| {
            Failure::new(FailureKind::Internal, "cannot wait for signals").caused_by(error)
        })
    };
    let (mut terminate, mut interrupt) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Sends the server's log to stderr, as much as `GATE_LOG` asks for.
pub(in crate::cli) fn log(world: &World, format: LogFormat) -> Result<(), Failure> {
    let wanted = world
        .env("GATE_LOG")
        .unwrap_or_else(|| "info,sqlx=error".to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(&wanted).map_err(|error| {
        Failure::new(
            FailureKind::Configuration,
            format!("GATE_LOG is `{}`", inert(&wanted)),
        )
        .caused_by(error)
        .hint("set it to error, warn, info or debug")
    })?;
    // A second subscriber is refused; the first one then goes on.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    drop(match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines
            .json()
            .with_current_span(true)
            .with_span_list(false)
            .try_init(),
    });
    Ok(())
}

fn cannot_serve(error: ServeError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "ServeError is non-exhaustive"
    )]
    let (kind, hint) = match &error {
        ServeError::NotInitialised(_) => (
            FailureKind::Configuration,
            Some("run `gate server init` first, or try things with `gate server --dev`"),
        ),
        ServeError::PlainHttp(_) => (
            FailureKind::Configuration,
            Some("give --tls-cert and --tls-key, or listen on 127.0.0.1"),
        ),
        ServeError::InUse(_) => (FailureKind::Configuration, Some("stop that server first")),
        ServeError::Settings(_)
        | ServeError::TrustedAdmin(_)
        | ServeError::Keys(_)
        | ServeError::Database(_)
        | ServeError::MetricsToken(_)
        | ServeError::MetricsListen { .. }
        | ServeError::Telemetry(_)
        | ServeError::Tls { .. } => (FailureKind::Configuration, None),
        _ => (FailureKind::Internal, None),
    };
    let failure = Failure::new(kind, "cannot serve").caused_by(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
