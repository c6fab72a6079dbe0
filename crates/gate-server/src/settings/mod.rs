//! What an operator can set, with the defaults, and its TOML form.

mod approving;
mod channels;
mod database;
mod identity;
mod operations;
mod production;
mod rate;
mod summary;
mod witness;

pub use channels::{ChannelFile, OutboundSettings};
pub use database::{Database, DatabaseError, StandbyDatabase};
pub use identity::{Algorithm, Identity, Provider, SignIn, Workload};
pub use operations::{LogFormat, Metrics, Operations, Telemetry};

pub use crate::outbound::Network;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use gate_protocol::approver::Approver;
use gate_protocol::event::BATCH_LIMIT_BYTES;
use gate_protocol::request::Requirement;
use serde::Deserialize;

pub use approving::{Approving, Flood, ServerMode, StandingGrants};
use approving::{ApprovingFile, BreakGlassFile, FloodFile, StandingGrantsFile};
pub(crate) use production::Known;
pub use production::Production;
use rate::RateFile;
pub use rate::{Rate, Rates};
pub(crate) use summary::{Summary, changed};
pub use witness::Witness;

/// How a server runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where keys are, and the database where that is a file: a folder that only the server's user
    /// can read.
    pub data_dir: PathBuf,
    /// Where the tables are, if not in a file of the data folder.
    pub database: Option<Database>,
    /// Where people reach the server, without a slash at the end.
    pub public_url: String,
    /// Where to listen, if the file says so. Who binds the listener asks for it.
    pub listen: Option<SocketAddr>,
    /// Certificate and key; without them the server listens on loopback only.
    pub tls: Option<TlsFiles>,
    /// What the server asks of every request, whatever the client's rules say.
    pub floor: Floor,
    /// What one caller can use up.
    pub limits: Limits,
    /// How long things live.
    pub leases: Leases,
    /// Who may approve, past what the rules say.
    pub approving: Approving,
    /// Where people hear of requests besides the page.
    pub channels: Vec<ChannelFile>,
    /// Where the server may connect to.
    pub outbound: OutboundSettings,
    /// Which targets are production.
    pub production: Production,
    /// Who people and machines are.
    pub identity: Identity,
    /// Who else signs the log's head.
    pub witnesses: Vec<Witness>,
    /// How the server is watched and stopped.
    pub operations: Operations,
}

/// The files that TLS needs, both PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate with its chain, the server's own first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What every request must meet, at least.
#[derive(Clone, Debug)]
pub struct Floor {
    /// Who approves: where a rule names nobody, and beside whom it names.
    pub approvers: Vec<String>,
    /// How many different people, at least.
    pub min_count: u32,
    /// The longest that a request waits.
    pub max_request_ttl: Duration,
    /// The longest that an approval can be claimed.
    pub max_permit_ttl: Duration,
}

impl Floor {
    /// Returns the floor as a requirement.
    pub(crate) fn requirement(&self) -> Requirement {
        Requirement::of(self.approvers.clone(), self.min_count.max(1))
    }
}

/// What one caller can use up.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many of a principal's requests can be pending, or approved and unclaimed.
    pub open_requests: u32,
    /// How long a denial answers the same command, asked again.
    pub denial_stands: Duration,
    /// The largest body, in bytes; [`BATCH_LIMIT_BYTES`] at least, or a client
    /// could not deliver what it has to.
    pub body_bytes: usize,
    /// How long a client may take to send the head of a request.
    pub header_timeout: Duration,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// How long a client may take nothing of an answer.
    pub stall_timeout: Duration,
    /// How fast and how much at once one may call.
    pub rates: Rates,
}

/// How long things live.
#[derive(Clone, Debug)]
pub struct Leases {
    /// How long a grant is good after the claim.
    pub grant: Duration,
    /// How long after a grant's end the start of the run may still be reported.
    pub start_report: Duration,
    /// How long a run may last before its outcome counts as unknown.
    pub run: Duration,
    /// How long a signed copy of the rules is good.
    pub rules: Duration,
    /// How often the log's head is signed.
    pub checkpoint: Duration,
    /// After how many records the log's head is signed, if that is sooner.
    pub checkpoint_records: u64,
    /// How long the body of a record is kept at least: younger ones can't be dropped, archived
    /// or not.
    pub records: Duration,
    /// How long a stop waits for what is running.
    pub shutdown: Duration,
}

impl Settings {
    /// Tells whether browsers come by TLS, ended here or before this server.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some() || self.public_url.starts_with("https://")
    }

    /// Returns the defaults for a data folder.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, public_url: impl Into<String>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database: None,
            public_url: public_url.into().trim_end_matches('/').to_owned(),
            listen: None,
            tls: None,
            floor: Floor {
                approvers: vec!["group:approvers".to_owned()],
                min_count: 1,
                max_request_ttl: Duration::from_hours(24),
                max_permit_ttl: Duration::from_hours(1),
            },
            limits: Limits {
                open_requests: 10,
                denial_stands: Duration::from_mins(10),
                body_bytes: BATCH_LIMIT_BYTES,
                header_timeout: Duration::from_secs(30),
                body_timeout: Duration::from_secs(15),
                stall_timeout: Duration::from_mins(1),
                rates: Rates::default(),
            },
            leases: Leases {
                grant: Duration::from_mins(1),
                start_report: Duration::from_mins(5),
                run: Duration::from_hours(24),
                rules: Duration::from_hours(24 * 7),
                checkpoint: Duration::from_mins(1),
                checkpoint_records: 1_000,
                records: Duration::from_hours(24 * 30),
                shutdown: Duration::from_secs(10),
            },
            approving: Approving::default(),
            channels: Vec::new(),
            outbound: OutboundSettings::default(),
            production: Production::default(),
            identity: Identity::default(),
            witnesses: Vec::new(),
            operations: Operations::default(),
        }
    }

    /// Returns these settings with what `text` (TOML) says.
    ///
    /// # Errors
    /// [`SettingsError::Form`] where it is not TOML, has a field that does not
    /// exist, or one of another type; [`SettingsError::Value`] where a value
    /// can't be served by.
    pub fn with_toml(mut self, text: &str) -> Result<Self, SettingsError> {
        let file: SettingsFile =
            toml::from_str(text).map_err(|error| SettingsError::Form(Box::new(error)))?;
        let seconds = |field: &mut Duration, value: Option<u64>| {
            if let Some(value) = value {
                *field = Duration::from_secs(value);
            }
        };
        if let Some(url) = file.public_url {
            url.trim_end_matches('/').clone_into(&mut self.public_url);
        }
        if let Some(approvers) = file.approvers {
            self.floor.approvers = approvers;
        }
        if let Some(patterns) = &file.production {
            self.production = Production::parse(patterns)?;
        }
        self.listen = file.listen.or(self.listen);
        self.tls = file.tls.or(self.tls);
        self.database = file.database.or(self.database);
        self.identity = Identity {
            providers: file.provider,
            workloads: file.workload,
            sign_in: file.sign_in,
        };
        self.witnesses = file.witness;
        let operations = &mut self.operations;
        operations.metrics = file.metrics.or(operations.metrics.take());
        operations.telemetry = file.telemetry.or(operations.telemetry.take());
        operations.read_log(file.log);
        operations.max_connections = file.max_connections.unwrap_or(operations.max_connections);
        seconds(&mut operations.drain, file.drain_seconds);
        self.floor.min_count = file.min_count.unwrap_or(self.floor.min_count);
        self.limits.open_requests = file.open_requests.unwrap_or(self.limits.open_requests);
        seconds(&mut self.limits.denial_stands, file.denial_stands_seconds);
        seconds(
            &mut self.floor.max_request_ttl,
            file.max_request_ttl_seconds,
        );
        seconds(&mut self.floor.max_permit_ttl, file.max_permit_ttl_seconds);
        seconds(&mut self.leases.grant, file.grant_seconds);
        seconds(&mut self.leases.start_report, file.start_report_seconds);
        seconds(&mut self.leases.run, file.run_lease_seconds);
        seconds(&mut self.leases.rules, file.rules_seconds);
        let keep_seconds = file.keep_records_days.map(|days| u64::from(days) * 86_400);
        seconds(&mut self.leases.records, keep_seconds);
        self.approving.read(
            file.mode,
            file.approving,
            file.standing_grants,
            (file.break_glass, file.flood),
        )?;
        self.limits.rates = self.limits.rates.read(&file.rate);
        self.outbound = file.outbound.read()?;
        let tables = file.channel.into_iter();
        self.channels = tables.map(channels::channel).collect::<Result<_, _>>()?;
        self.validate()?;
        Ok(self)
    }

    /// Refuses what a server can't be served by.
    pub(crate) fn validate(&self) -> Result<(), SettingsError> {
        let value = |field, why| Err(SettingsError::Value { field, why });
        if !(self.public_url.starts_with("http://") || self.public_url.starts_with("https://")) {
            return value("public_url", "must start with http:// or https://");
        }
        if self.limits.body_bytes < BATCH_LIMIT_BYTES {
            return value("body_bytes", "must hold the longest batch of events");
        }
        if self.floor.min_count == 0 {
            return value("min_count", "must be at least 1");
        }
        let names_somebody = |approver: &String| approver.parse::<Approver>().is_ok();
        if !self.floor.approvers.iter().all(names_somebody) {
            return value(
                "approvers",
                "must be a list of `group:NAME` and `user:NAME`",
            );
        }
        self.identity.validate()?;
        witness::validate(&self.witnesses)?;
        self.operations.validate()?;
        self.limits.rates.validate()?;
        if let Some(database) = &self.database {
            database.validate()?;
        }
        let lives = [
            (self.floor.max_request_ttl, "max_request_ttl_seconds"),
            (self.floor.max_permit_ttl, "max_permit_ttl_seconds"),
            (self.leases.grant, "grant_seconds"),
            (self.leases.run, "run_lease_seconds"),
            (self.leases.rules, "rules_seconds"),
        ];
        let names: std::collections::BTreeSet<&str> = self
            .channels
            .iter()
            .map(|channel| channel.spec.name.as_str())
            .collect();
        if names.len() < self.channels.len() {
            return value("channel", "must have a name of its own each");
        }
        match lives.iter().find(|(life, _)| life.as_secs() == 0) {
            Some((_, field)) => value(field, "must be at least 1"),
            None => self.approving.validate(),
        }
    }
}

/// The TOML form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SettingsFile {
    public_url: Option<String>,
    listen: Option<SocketAddr>,
    database: Option<Database>,
    tls: Option<TlsFiles>,
    approvers: Option<Vec<String>>,
    min_count: Option<u32>,
    max_request_ttl_seconds: Option<u64>,
    max_permit_ttl_seconds: Option<u64>,
    open_requests: Option<u32>,
    denial_stands_seconds: Option<u64>,
    grant_seconds: Option<u64>,
    start_report_seconds: Option<u64>,
    run_lease_seconds: Option<u64>,
    rules_seconds: Option<u64>,
    keep_records_days: Option<u32>,
    mode: Option<ServerMode>,
    approving: Option<ApprovingFile>,
    standing_grants: Option<StandingGrantsFile>,
    break_glass: Option<BreakGlassFile>,
    flood: Option<FloodFile>,
    rate: RateFile,
    channel: Vec<toml::Table>,
    outbound: channels::OutboundFile,
    production: Option<Vec<String>>,
    provider: Vec<Provider>,
    workload: Vec<Workload>,
    sign_in: SignIn,
    witness: Vec<Witness>,
    max_connections: Option<u32>,
    drain_seconds: Option<u64>,
    metrics: Option<Metrics>,
    log: operations::LogFile,
    telemetry: Option<Telemetry>,
}

/// Why settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not TOML, or not these fields.
    #[error("the settings are malformed")]
    Form(#[source] Box<toml::de::Error>),
    /// A value that can't be served by.
    #[error("the setting `{field}` {why}")]
    Value {
        /// The field.
        field: &'static str,
        /// What it must be.
        why: &'static str,
    },
    /// A channel that can't be served by.
    #[error("the channel `{channel}`: {why}")]
    Channel {
        /// Its name.
        channel: String,
        /// What is wrong with it.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Settings {
        Settings::new("data", "http://127.0.0.1:1/")
    }

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let settings = defaults()
            .with_toml(
                "min_count = 2\nrun_lease_seconds = 60\napprovers = ['group:sre']\nlisten = '[::1]:80'",
            )
            .unwrap();
        assert_eq!(settings.floor.min_count, 2);
        assert_eq!(settings.listen, Some("[::1]:80".parse().unwrap()));
        assert_eq!(settings.leases.run, Duration::from_mins(1));
        assert_eq!(settings.floor.approvers, ["group:sre"]);
        assert_eq!(settings.leases.grant, Duration::from_mins(1));
        assert_eq!(settings.public_url, "http://127.0.0.1:1");
    }

    #[test]
    fn a_mistake_names_its_field() {
        for (text, word) in [
            ("min_count = 0", "min_count"),
            ("min_cuont = 1", "min_cuont"),
            ("approvers = ['alice']", "approvers"),
            ("approvers = ['group:']", "approvers"),
            ("grant_seconds = 0", "grant_seconds"),
            ("public_url = 'ftp://x'", "public_url"),
            ("min_count = -1", "min_count"),
            ("listen = 'gate.example.com'", "socket address"),
            ("production = ['a b c']", "production"),
            ("[", ""),
        ] {
            let error = defaults().with_toml(text).unwrap_err();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let whole = format!("{error}: {}", cause.unwrap_or_default());
            assert!(whole.contains(word), "{text}: {whole}");
        }
    }
}
