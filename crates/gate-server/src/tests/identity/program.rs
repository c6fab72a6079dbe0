//! Programs beside the server that vouch for people and jobs: a real provider, and
//! an issuer that signs whatever it is told to.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::settings::{Provider, Workload};

/// A program that ends with the test.
pub(super) struct Program {
    child: Child,
    pub(super) issuer: String,
    http: reqwest::Client,
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn testbed() -> PathBuf {
    if let Some(own) = std::env::var_os("GATE_TESTBED") {
        return own.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let cache = cache.or_else(|| home.map(|home| home.join(".cache")));
    cache.unwrap().join("gate-testbed")
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/identity")
        .join(name)
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; see tests/run --setup-only"));
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        // What else it says is of no interest, and without a reader it would end.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let said: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{command:?}: {error}: {line:?}"));
        Self {
            child,
            issuer: said["issuer"].as_str().unwrap().to_owned(),
            http: crate::outbound::test_client(),
        }
    }

    /// Starts the provider, which sends browsers back to `callback`.
    pub(super) fn provider(callback: &str, is_strict: bool) -> Self {
        let mut command = Command::new("node");
        command
            .arg(script("provider.mjs"))
            .arg(testbed().join("node/node_modules"))
            .arg(callback)
            .env("IN_USERINFO", if is_strict { "1" } else { "0" });
        Self::start(&mut command)
    }

    /// Starts the issuer that signs whatever it is told to.
    pub(super) fn issuer() -> Self {
        let python = testbed().join("judges/bin/python");
        Self::start(Command::new(python).arg(script("issuer.py")))
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> String {
        let request = self.http.post(format!("{}{path}", self.issuer));
        let response = request.body(body.to_string()).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {response:?}");
        response.text().await.unwrap()
    }

    /// Has a token made and signed in some way.
    pub(super) async fn make(&self, how: &str, claims: &Value, header: &Value) -> String {
        let wanted = json!({ "how": how, "claims": claims, "header": header });
        self.post("/make", &wanted).await
    }

    /// Returns how often an address was asked.
    pub(super) async fn asked(&self, path: &str) -> u64 {
        let request = self.http.get(format!("{}/asked", self.issuer));
        let text = request.send().await.unwrap().text().await.unwrap();
        let asked: Value = serde_json::from_str(&text).unwrap();
        asked[path].as_u64().unwrap_or(0)
    }

    /// Returns the settings of a provider with this issuer.
    pub(super) fn provider_settings(&self, more: &str) -> Provider {
        let issuer = &self.issuer;
        let text = format!(
            "name = 'test'\nlabel = 'Test'\nissuer = '{issuer}'\nclient_id = 'gate'\n{more}"
        );
        toml::from_str(&text).unwrap()
    }

    /// Returns the settings of jobs of this issuer.
    pub(super) fn workload_settings(&self, more: &str) -> Workload {
        let issuer = &self.issuer;
        let text = format!("issuer = '{issuer}'\nprincipal = 'deploy'\n{more}");
        toml::from_str(&text).unwrap()
    }
}
