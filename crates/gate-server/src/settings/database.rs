//! `[database]`: where the tables are, if not in a file of the data folder.

use std::path::PathBuf;

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
}

/// Why the database's settings can't be used at the start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The file of the password can't be read, or everybody can read it.
    #[error("`database.password_file` can't be used: {0}")]
    Password(String),
    /// The URL is none.
    #[error("`database.url` is not a URL of a PostgreSQL database")]
    Url,
}

impl Database {
    /// Refuses what can't be connected by.
    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        let refuse = |why| {
            Err(SettingsError::Value {
                field: "database",
                why,
            })
        };
        let Some(rest) = after_scheme(&self.url) else {
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
        match self.url.parse::<PgConnectOptions>() {
            Ok(_) => Ok(()),
            Err(_) => refuse("must have a `url` such as postgres://gate@db.example.com/gate"),
        }
    }

    /// Returns how to connect.
    pub(crate) fn options(&self) -> Result<PgConnectOptions, DatabaseError> {
        let mut options: PgConnectOptions = self.url.parse().map_err(|_| DatabaseError::Url)?;
        if let Some(path) = &self.password_file {
            let password = Secret::read(path).map_err(DatabaseError::Password)?;
            options = options.password(password.reveal());
        }
        if let Some(path) = &self.ca_file {
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
