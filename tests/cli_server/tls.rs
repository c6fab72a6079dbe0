//! A server that speaks TLS because its settings file says so: its own address,
//! its page and its API are all those of https.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use gate_testkit::home::Home;
use nix::sys::signal::Signal;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::server::{GATE, Ran, run};
use crate::{start, stop};

/// Far longer than an answer takes.
const SOON: Duration = Duration::from_secs(30);

/// A server with a certificate of its own, and a machine that trusts it.
struct Secure {
    home: Home,
    child: Option<Child>,
    ready: Value,
    certificate: CertificateDer<'static>,
}

impl Secure {
    fn start() -> Self {
        let home = Home::new().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let pem = home.write("work/cert.pem", made.cert.pem()).unwrap();
        home.write("work/key.pem", made.signing_key.serialize_pem())
            .unwrap();
        home.write(
            "work/server.toml",
            "[tls]\ncertificate = 'cert.pem'\nkey = 'key.pem'\n",
        )
        .unwrap();
        let (child, ready) = start(&home, &["--dev", "--config", "server.toml"]);
        let secure = Self {
            home,
            child: Some(child),
            ready,
            certificate: made.cert.der().clone(),
        };
        let identity =
            secure.exchange("GET /v1/server HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n");
        let (_, identity) = identity.split_once("\r\n\r\n").unwrap();
        let identity: Value = serde_json::from_str(identity).unwrap();
        let key = identity.pointer("/grant_key").and_then(Value::as_str);
        let (url, key) = (secure.said("/url"), key.unwrap());
        let trusted = format!(
            "[server]\nurl = '{url}'\nca_file = '{}'\n[keys]\n'{url}' = '{key}'\n",
            pem.display()
        );
        secure
            .home
            .write(".config/gate/config.toml", trusted)
            .unwrap();
        secure
    }

    fn said(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    fn gate(&self, who: &str, args: &[&str]) -> Ran {
        let mut command = self.home.command(GATE);
        run(command
            .args(args)
            .env("GATE_TOKEN", self.said(&format!("/tokens/{who}"))))
    }

    /// Sends one HTTP message over TLS and returns the whole answer.
    fn exchange(&self, message: &str) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "127.0.0.1".try_into().unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let socket = TcpStream::connect(self.said("/listen")).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        let mut stream = StreamOwned::new(session, socket);
        stream.write_all(message.as_bytes()).unwrap();
        let mut answer = Vec::new();
        BufReader::new(stream).read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Posts a form as a browser does that shows the server's own page.
    fn post(&self, path: &str, cookie: &str, form: &str) -> String {
        self.exchange(&format!(
            "POST {path} HTTP/1.1\r\nHost: gate\r\nOrigin: {}\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{form}",
            self.said("/url"),
            form.len()
        ))
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Returns what stands between `before` and the next `after`.
#[track_caller]
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}

#[test]
fn a_server_with_tls_by_its_settings_file_is_answered_on_its_page_and_by_its_api() {
    let mut secure = Secure::start();
    assert_eq!(
        secure.said("/url"),
        format!("https://{}", secure.said("/listen"))
    );
    let whoami = secure.gate("bob_approver", &["whoami"]);
    assert_eq!(whoami.code, Some(0), "{whoami:?}");

    secure.home.script("kubectl", "exit 7").unwrap();
    let deploy = ["run", "--no-wait", "--", "kubectl", "delete", "pod", "web"];
    let asked = secure.gate("agent", &deploy);
    assert_eq!(asked.code, Some(75), "{asked:?}");
    let listed = secure.gate("bob_approver", &["requests", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let request = &listed["requests"][0];
    let id = request["id"].as_str().unwrap();
    assert!(
        request["url"].as_str().unwrap().starts_with("https://"),
        "{request}"
    );

    let token = format!("token={}", secure.said("/tokens/bob_approver"));
    let signed_in = secure.post("/login", "", &token);
    assert!(signed_in.starts_with("HTTP/1.1 303"), "{signed_in}");
    let cookie = between(&signed_in, "set-cookie: ", ";").to_owned();
    let page = secure.exchange(&format!(
        "GET /requests/{id} HTTP/1.1\r\nHost: gate\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    ));
    let digest = request["digest"].as_str().unwrap();
    // What can do harm is approved by typing how its digest begins.
    let form = format!(
        "csrf={}&digest={digest}&answer=approve&confirm={}",
        between(&page, "name=\"csrf\" value=\"", "\""),
        digest.get(..6).unwrap()
    );
    let answered = secure.post(&format!("/requests/{id}/review"), &cookie, &form);
    assert!(answered.starts_with("HTTP/1.1 303"), "{answered}");
    let ran = secure.gate("agent", &deploy);
    assert_eq!(ran.code, Some(7), "the command's own exit code: {ran:?}");
    let child = secure.child.take().unwrap();
    assert_eq!(stop(child, Signal::SIGTERM), Some(0));
}
