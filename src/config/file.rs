//! One configuration file: its fields, and errors that name the place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gate_client::ServerUrl;
use gate_protocol::signed_note::VerifierKey;
use serde::Deserialize;
use toml::Spanned;

use super::mistake::Faulty;
use super::{Source, Sourced};
use crate::failure::Failure;
use crate::trust;

/// The fields of `config.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default)]
    server: ServerFields,
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    approval: ApprovalFields,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerFields {
    url: Option<Spanned<String>>,
    ca_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    rules: RulesField,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RulesField {
    #[default]
    Optional,
    Required,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalFields {
    timeout: Option<Spanned<String>>,
}

/// A parsed file that can point at each of its lines.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    text: String,
    fields: Fields,
}

impl ConfigFile {
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let fields = toml::from_str(text).map_err(|error| faulty(path, text).form(&error))?;
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            fields,
        })
    }

    /// Returns the server that the file names.
    pub(super) fn server(&self, source: &Source) -> Result<Option<Sourced<ServerUrl>>, Failure> {
        let parsed = self.fields.server.url.as_ref().map(|url| {
            url.get_ref()
                .parse()
                .map_err(|error| self.bad(url, "server.url", &format!("{error}")))
        });
        Ok(sourced(parsed.transpose()?, source))
    }

    /// Returns the key that the file pins for `server`.
    pub(super) fn key_of(
        &self,
        server: &ServerUrl,
        source: &Source,
    ) -> Result<Option<Sourced<VerifierKey>>, Failure> {
        for (url, key) in &self.fields.keys {
            let named: ServerUrl = url
                .get_ref()
                .parse()
                .map_err(|error| self.bad(url, "keys", &format!("{error}")))?;
            let parsed: VerifierKey = key
                .get_ref()
                .parse()
                .map_err(|error| self.bad(key, "keys", &format!("{error}")))?;
            if named == *server {
                return Ok(sourced(Some(parsed), source));
            }
        }
        Ok(None)
    }

    /// Returns the content of the file of certificate authorities.
    pub(super) fn ca_certificates(
        &self,
        source: &Source,
    ) -> Result<Option<Sourced<Vec<u8>>>, Failure> {
        let Some(field) = &self.fields.server.ca_file else {
            return Ok(None);
        };
        // Whose certificate it is would be whatever server a caller names.
        if self.fields.server.url.is_none() {
            let mend = "it is for the server of the same file: write `url` beside it";
            return Err(self.bad(field, "server.ca_file", mend));
        }
        let owner = match source {
            Source::Machine(_) => trust::Owner::Root,
            Source::Environment(_) | Source::User(_) | Source::Login(_) => trust::Owner::Caller,
        };
        if !field.get_ref().is_absolute() {
            return Err(self.bad(field, "server.ca_file", "write an absolute path"));
        }
        match trust::read(field.get_ref(), owner)? {
            Some(text) => Ok(sourced(Some(text.into_bytes()), source)),
            None => Err(self.bad(field, "server.ca_file", "there is no such file")),
        }
    }

    /// Returns the longest wait that the file allows.
    pub(super) fn timeout(&self) -> Result<Option<Duration>, Failure> {
        let parsed = self.fields.approval.timeout.as_ref().map(|text| {
            gate_policy::parse_duration(text.get_ref())
                .map_err(|error| self.bad(text, "approval.timeout", &error.to_string()))
        });
        parsed.transpose()
    }

    /// Tells whether the file wants the server's rules to be in force.
    pub(super) fn requires_server_rules(&self) -> bool {
        self.fields.server.rules == RulesField::Required
    }

    fn bad<T>(&self, at: &Spanned<T>, field: &str, why: &str) -> Failure {
        faulty(&self.path, &self.text).value(at.span().start, field, why)
    }
}

fn faulty<'a>(path: &'a Path, text: &'a str) -> Faulty<'a> {
    Faulty {
        path,
        text,
        hint: "mend the file; nothing runs before",
    }
}

fn sourced<T>(value: Option<T>, source: &Source) -> Option<Sourced<T>> {
    value.map(|value| Sourced {
        value,
        source: source.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, Failure> {
        ConfigFile::parse(Path::new("/c/config.toml"), text)
    }

    #[test]
    fn a_mistake_names_file_line_and_field() {
        let unknown = parse("[server]\nurll = 'x'\n").unwrap_err().to_string();
        assert!(unknown.starts_with("/c/config.toml:2:1: "), "{unknown}");
        assert!(unknown.contains("urll"), "{unknown}");
        let file = parse("\n[approval]\ntimeout = 'soon'\n").unwrap();
        let bad = file.timeout().unwrap_err().to_string();
        assert!(
            bad.starts_with("/c/config.toml:3:11: field `approval.timeout`"),
            "{bad}"
        );
    }

    #[test]
    fn a_server_without_a_scheme_is_refused_by_name() {
        let file = parse("[server]\nurl = 'gate.example'\n").unwrap();
        let source = Source::User("/c/config.toml".into());
        let bad = file.server(&source).unwrap_err().to_string();
        assert!(bad.contains("field `server.url`"), "{bad}");
    }
}
