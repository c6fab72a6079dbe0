//! `[database]`: where the tables are, if not in a file of the data folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::SettingsError;
use crate::identity::Secret;

/// A `PostgreSQL` database. Its password is in none of these fields.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `postgres://USER@HOST:PORT/NAME`, or `postgres:///NAME?host=/run/postgresql` for a socket.
    pub url: String,
    /// A file whose first line is the password, read once at the start. Without it the
    /// environment's `PGPASSWORD` or libpq's password file counts, if there is one.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Certificates in PEM that vouch for the database, in place of the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A standby of it that history is read from.
    #[serde(default)]
    pub standby: Option<StandbyDatabase>,
}

/// A standby of the database, which is only read from. Its password is in none of these fields.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandbyDatabase {
    /// As the database's own.
    pub url: String,
    /// As the database's own, which counts where this is not said.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// As the database's own, which counts where this is not said.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How old the oldest record that it lacks may be; beyond that the database itself is read.
    #[serde(default = "max_lag_seconds")]
    pub max_lag_seconds: u64,
}

const fn max_lag_seconds() -> u64 {
    30
}

/// Why the database's settings can't be used at the start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The file of the password can't be read, or everybody can read it.
    #[error("`{table}.password_file` can't be used: {why}")]
    Password {
        /// The table of the settings.
        table: &'static str,
        /// What is wrong with the file.
        why: String,
    },
    /// The URL is none.
    #[error("`{table}.url` is not a URL of a PostgreSQL database")]
    Url {
        /// The table of the settings.
        table: &'static str,
    },
}

/// The table of the database, and that of its standby.
const PRIMARY: &str = "database";
const STANDBY: &str = "database.standby";

impl Database {
    /// Refuses what can't be connected by.
    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        refuse_url(PRIMARY, &self.url)?;
        let Some(standby) = &self.standby else {
            return Ok(());
        };
        if standby.max_lag_seconds == 0 {
            return Err(SettingsError::Value {
                field: "database.standby.max_lag_seconds",
                why: "must be at least 1",
            });
        }
        refuse_url(STANDBY, &standby.url)
    }

    /// Returns how to connect.
    pub(crate) fn options(&self) -> Result<PgConnectOptions, DatabaseError> {
        let files = (self.password_file.as_deref(), self.ca_file.as_deref());
        options_of(PRIMARY, &self.url, files)
    }

    /// Returns how to connect to the standby, where there is one, and how far it may lag.
    pub(crate) fn standby(&self) -> Result<Option<(PgConnectOptions, Duration)>, DatabaseError> {
        let Some(standby) = &self.standby else {
            return Ok(None);
        };
        let password = standby.password_file.as_ref();
        let ca = standby.ca_file.as_ref();
        let files = (
            password
                .or(self.password_file.as_ref())
                .map(PathBuf::as_path),
            ca.or(self.ca_file.as_ref()).map(PathBuf::as_path),
        );
        let options = options_of(STANDBY, &standby.url, files)?;
        let max_lag = Duration::from_secs(standby.max_lag_seconds);
        Ok(Some((options, max_lag)))
    }
}

fn refuse_url(table: &'static str, url: &str) -> Result<(), SettingsError> {
    let refuse = |why| Err(SettingsError::Value { field: table, why });
    let Some(rest) = after_scheme(url) else {
        return refuse("must have a `url` that starts with postgres://");
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    if user.contains(':') || rest.contains("password=") {
        return refuse(
            "has a password in its `url`: put it in a file and name that as `password_file`, \
             or set PGPASSWORD",
        );
    }
    if rest.contains("sslmode=") || rest.contains("ssl-mode=") {
        return refuse(
            "has `sslmode` in its `url`: TLS is verified in full wherever the database is not \
             on this machine; name its certificates as `ca_file`",
        );
    }
    match url.parse::<PgConnectOptions>() {
        Ok(_) => Ok(()),
        Err(_) => refuse("must have a `url` such as postgres://gate@db.example.com/gate"),
    }
}

fn options_of(
    table: &'static str,
    url: &str,
    (password_file, ca_file): (Option<&Path>, Option<&Path>),
) -> Result<PgConnectOptions, DatabaseError> {
    let mut options: PgConnectOptions = url.parse().map_err(|_| DatabaseError::Url { table })?;
    if let Some(path) = password_file {
        let password = Secret::read(path);
        let password = password.map_err(|why| DatabaseError::Password { table, why })?;
        options = options.password(password.reveal());
    }
    if let Some(path) = ca_file {
        options = options.ssl_root_cert(path);
    }
    // On this machine nobody is in between. Elsewhere the name and the chain are verified:
    // whoever stands in for the database could approve anything.
    let mode = if is_here(&options) {
        PgSslMode::Prefer
    } else {
        PgSslMode::VerifyFull
    };
    Ok(options.ssl_mode(mode))
}

fn after_scheme(url: &str) -> Option<&str> {
    url.strip_prefix("postgres://")
        .or_else(|| url.strip_prefix("postgresql://"))
}

fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn database(url: &str) -> Database {
        Database {
            url: url.to_owned(),
            password_file: None,
            ca_file: None,
            standby: None,
        }
    }

    fn with_standby(url: &str) -> Database {
        let standby = StandbyDatabase {
            url: url.to_owned(),
            password_file: None,
            ca_file: None,
            max_lag_seconds: max_lag_seconds(),
        };
        Database {
            standby: Some(standby),
            ..database("postgres://gate@db/gate")
        }
    }

    #[test]
    fn tls_is_verified_in_full_wherever_the_database_is_elsewhere() {
        let mode = |url: &str| database(url).options().unwrap().get_ssl_mode();
        for here in [
            "postgres://gate@127.0.0.1:5432/gate",
            "postgres://gate@[::1]/gate",
            "postgres://gate@localhost/gate",
            "postgres:///gate?host=/run/postgresql",
        ] {
            assert!(matches!(mode(here), PgSslMode::Prefer), "{here}");
        }
        for elsewhere in [
            "postgres://gate@db.example.com/gate",
            "postgres://10.0.0.1/g",
        ] {
            assert!(
                matches!(mode(elsewhere), PgSslMode::VerifyFull),
                "{elsewhere}"
            );
        }
    }

    #[test]
    fn a_url_with_a_password_or_weaker_tls_is_refused_with_what_to_do() {
        for (url, word) in [
            ("mysql://gate@db/gate", "postgres://"),
            ("postgres://gate:hunter2@db/gate", "password_file"),
            ("postgres://gate@db/gate?password=hunter2", "password_file"),
            ("postgres://gate@db/gate?sslmode=disable", "ca_file"),
            ("postgres://gate@db:port/gate", "postgres://gate@"),
        ] {
            let error = database(url).validate().unwrap_err().to_string();
            assert!(error.contains(word), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(
            database("postgres://gate@db.example.com/gate")
                .validate()
                .is_ok()
        );
    }

    #[test]
    fn a_standby_is_held_to_the_same_and_has_the_databases_files_where_it_names_none() {
        let mut database = with_standby("postgres://gate:hunter2@db2/gate");
        let error = database.validate().unwrap_err().to_string();
        assert!(error.contains("database.standby"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        database = with_standby("postgres://gate@db2/gate");
        let dir = tempfile::tempdir().unwrap();
        database.password_file = Some(dir.path().join("none"));
        let error = database.standby().unwrap_err().to_string();
        assert!(error.contains("database.standby.password_file"), "{error}");
        database.password_file = None;
        let (options, max_lag) = database.standby().unwrap().unwrap();
        assert!(matches!(options.get_ssl_mode(), PgSslMode::VerifyFull));
        assert_eq!((options.get_host(), max_lag.as_secs()), ("db2", 30));
        assert!(database.validate().is_ok());
        if let Some(standby) = &mut database.standby {
            standby.max_lag_seconds = 0;
        }
        assert!(database.validate().is_err());
    }

    #[test]
    fn the_password_comes_from_its_file_and_is_in_no_debug_output() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let mut database = database("postgres://gate@db/gate");
        database.password_file = Some(path.clone());
        let error = database.options().unwrap_err().to_string();
        assert!(error.contains("password`"), "{error}");
        std::fs::write(&path, "hunter2\n").unwrap();
        let of_mode = |mode| {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            database.options()
        };
        let error = of_mode(0o644).unwrap_err().to_string();
        assert!(error.contains("make it 0600"), "{error}");
        assert!(of_mode(0o600).is_ok());
        assert!(!format!("{database:?}").contains("hunter2"));
    }
}
