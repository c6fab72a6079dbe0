//! How the server is watched, how many may connect, and how it stops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::SettingsError;
use crate::identity::fetch::admitted;

/// How the server is watched and stopped.
#[derive(Clone, Debug)]
pub struct Operations {
    /// Where Prometheus finds what is measured; nowhere, where it is not said.
    pub metrics: Option<Metrics>,
    /// The form of the log.
    pub log: LogFormat,
    /// Whether each call has a line in the log, also where it is not said to show everything.
    pub logs_calls: bool,
    /// Where spans are sent.
    pub telemetry: Option<Telemetry>,
    /// How many connections are open at the same time.
    pub max_connections: u32,
    /// How long a server that was told to stop still takes calls while it says that it is not
    /// ready, so that a balancer sends it none any more.
    pub drain: Duration,
}

/// Where Prometheus finds what is measured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// An address of its own, without TLS.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// A file whose first line is the token that is asked for; with it `/metrics` is also there
    /// where the server listens.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

/// Where spans are sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// The address for traces of a collector that takes OTLP by HTTP, as
    /// `https://collector.example.com/v1/traces`.
    pub endpoint: String,
    /// A file whose first line is the token that the collector wants.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// The TOML form of `[log]`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogFile {
    format: Option<LogFormat>,
    calls: Option<bool>,
}

impl Default for Operations {
    fn default() -> Self {
        Self {
            metrics: None,
            log: LogFormat::Text,
            logs_calls: false,
            telemetry: None,
            max_connections: 20_000,
            drain: Duration::ZERO,
        }
    }
}

impl Operations {
    pub(super) fn read_log(&mut self, file: LogFile) {
        self.log = file.format.unwrap_or(self.log);
        self.logs_calls = file.calls.unwrap_or(self.logs_calls);
    }

    /// Refuses what can't be served by.
    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        let value = |field, why| Err(SettingsError::Value { field, why });
        if self.max_connections == 0 {
            return value("max_connections", "must be at least 1");
        }
        if let Some(Metrics { listen, token_file }) = &self.metrics {
            match listen {
                None if token_file.is_none() => {
                    return value("metrics", "must have `listen`, `token_file`, or both");
                }
                Some(address) if !address.ip().is_loopback() && token_file.is_none() => {
                    return value(
                        "metrics",
                        "must have a `token_file` where `listen` is not a loopback address",
                    );
                }
                Some(_) | None => {}
            }
        }
        if let Some(telemetry) = &self.telemetry
            && admitted(&telemetry.endpoint).is_err()
        {
            return value(
                "telemetry",
                "must have an https URL as `endpoint`; http is for loopback only",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    fn refused(text: &str) -> String {
        let settings = Settings::new("data", "http://127.0.0.1:1");
        match settings.with_toml(text) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_measured_is_for_this_machine_or_for_who_has_a_token() {
        assert_eq!(refused("[metrics]\nlisten = '127.0.0.1:9480'"), "");
        assert_eq!(
            refused("[metrics]\nlisten = '0.0.0.0:9480'\ntoken_file = '/x'"),
            ""
        );
        let bare = refused("[metrics]\nlisten = '0.0.0.0:9480'");
        assert!(bare.contains("token_file"), "{bare}");
        assert!(refused("[metrics]").contains("listen"));
    }

    #[test]
    fn spans_go_by_tls_or_stay_on_this_machine() {
        assert_eq!(
            refused("[telemetry]\nendpoint = 'http://127.0.0.1:4318/v1/traces'"),
            ""
        );
        assert!(refused("[telemetry]\nendpoint = 'http://a.example/v1/traces'").contains("https"));
        assert!(refused("max_connections = 0").contains("max_connections"));
    }
}
