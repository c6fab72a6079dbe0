//! The server as a program meets it: a listener, settings, a stop.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gate_protocol::canonical::Digest;
use gate_protocol::id::Nonce;
use gate_protocol::server::ServerIdentity;
use gate_protocol::server_proof::SignedServerProof;
use gate_protocol::signed_note::VerifierKey;
use gate_server::settings::TlsFiles;
use gate_server::{DevSetup, InitialiseError, ServeError, Settings, initialise_dev, serve_on};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Far beyond what any of this takes.
const SOON: Duration = Duration::from_secs(30);

struct Running {
    address: SocketAddr,
    setup: DevSetup,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ServeError>>,
    dir: tempfile::TempDir,
}

async fn run(adjust: impl FnOnce(&mut Settings)) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let setup = initialise_dev(&data, "http://127.0.0.1:1").await.unwrap();
    let mut settings = Settings::new(&data, "http://127.0.0.1:1");
    adjust(&mut settings);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(serve_on(listener, settings, async {
        let _dropped = stopped.await;
    }));
    Running {
        address,
        setup,
        stop,
        serving,
        dir,
    }
}

/// Sends `head` (and what follows it) and returns all that comes back.
fn exchange(stream: &mut (impl Read + Write), request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A peer that closes without a word of TLS or with a reset has answered.
    let _closed = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

async fn ask(address: SocketAddr, request: String) -> String {
    tokio::task::spawn_blocking(move || exchange(&mut connect(address), &request))
        .await
        .unwrap()
}

fn get(path: &str, token: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\n\r\n"
    )
}

async fn stopped(running: Running) -> Result<(), ServeError> {
    running.stop.send(()).unwrap();
    tokio::time::timeout(SOON, running.serving)
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_until_it_is_stopped_and_closes_its_store() {
    let running = run(|_| {}).await;
    let answer = ask(running.address, get("/v1/whoami", &running.setup.agent)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("demo-agent"), "{answer}");
    let (address, data) = (running.address, running.dir.path().join("data"));
    running.stop.send(()).unwrap();
    tokio::time::timeout(SOON, running.serving)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(address).is_err());
    assert!(
        !data.join("gate.db-wal").exists(),
        "the write-ahead log is folded in"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_slow_is_not_waited_for() {
    let running = run(|settings| {
        settings.limits.header_timeout = Duration::from_millis(200);
        settings.limits.body_timeout = Duration::from_millis(200);
    })
    .await;
    let begun = Instant::now();
    let head = ask(
        running.address,
        "GET /v1/health HTTP/1.1\r\nHost: ga".to_owned(),
    )
    .await;
    assert!(!head.starts_with("HTTP/1.1 200"), "{head}");
    let silent = ask(running.address, String::new()).await;
    assert_eq!(silent, "");
    let agent = &running.setup.agent;
    let body = format!(
        "POST /v1/events HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {agent}\r\n\
         Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
    );
    let body = ask(running.address, body).await;
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    assert!(body.contains("application/problem+json"), "{body}");
    assert!(begun.elapsed() < SOON);
    stopped(running).await.unwrap();
}

/// Sends `head` at once and then a byte every now and then, until the other side has enough.
fn trickle(address: SocketAddr, head: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(head.as_bytes()).unwrap();
    let mut reader = stream.try_clone().unwrap();
    let reading = std::thread::spawn(move || {
        let mut answer = Vec::new();
        // A reset after the answer is as good as an end.
        let _closed = reader.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    while !reading.is_finished() && stream.write_all(b"x").is_ok() {
        std::thread::sleep(Duration::from_millis(20));
    }
    reading.join().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_now_and_then_is_not_enough() {
    let running = run(|settings| {
        settings.limits.header_timeout = Duration::from_millis(300);
        settings.limits.body_timeout = Duration::from_millis(300);
    })
    .await;
    let (address, agent) = (running.address, running.setup.agent.clone());
    let (head, body) = tokio::task::spawn_blocking(move || {
        let head = trickle(address, "GET /v1/health HTTP/1.1\r\nX-Slow: ");
        let body = format!(
            "POST /v1/events HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {agent}\r\n\
             Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
        );
        (head, trickle(address, &body))
    })
    .await
    .unwrap();
    assert!(!head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    stopped(running).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_nothing_of_an_answer_is_cut_off() {
    let running = run(|settings| settings.limits.stall_timeout = Duration::from_millis(300)).await;
    let address = running.address;
    let ended = tokio::task::spawn_blocking(move || {
        let mut stream = connect(address);
        stream.set_write_timeout(Some(SOON)).unwrap();
        let request = "GET /v1/openapi.json HTTP/1.1\r\nHost: gate\r\n\r\n";
        // Nothing is read, so the answers fill every buffer on the way.
        loop {
            if let Err(error) = stream.write_all(request.as_bytes()) {
                return error.kind();
            }
        }
    });
    let ended = ended.await.unwrap();
    let is_cut = matches!(
        ended,
        std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
    );
    assert!(is_cut, "{ended:?}");
    stopped(running).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_connections_are_open_and_one_more_is_told_to_come_again() {
    let running = run(|settings| settings.operations.max_connections = 2).await;
    let address = running.address;
    let told = tokio::task::spawn_blocking(move || {
        let stay = || {
            let mut stream = connect(address);
            let request = "GET /v1/health HTTP/1.1\r\nHost: gate\r\n\r\n";
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200");
            stream
        };
        let (first, _second) = (stay(), stay());
        let refused = exchange(&mut connect(address), "");
        drop(first);
        let begun = Instant::now();
        while begun.elapsed() < SOON {
            let again = exchange(&mut connect(address), &get("/v1/health", ""));
            if again.starts_with("HTTP/1.1 200") {
                return refused;
            }
        }
        String::new()
    });
    let told = told.await.unwrap();
    assert!(told.starts_with("HTTP/1.1 503"), "{told}");
    assert!(told.contains("Retry-After: 1"), "{told}");
    stopped(running).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_or_a_body_without_an_end_is_refused() {
    let running = run(|_| {}).await;
    let long = "x".repeat(1 << 20);
    let head = format!("GET /v1/health HTTP/1.1\r\nHost: gate\r\nX-Long: {long}\r\n\r\n");
    let answer = ask(running.address, head).await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    let agent = &running.setup.agent;
    let body = format!(
        "POST /v1/requests HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {agent}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{long}{long}",
        2 * long.len()
    );
    let answer = ask(running.address, body).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    stopped(running).await.unwrap();
}

#[tokio::test]
async fn plain_http_is_served_on_loopback_only() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    initialise_dev(&data, "http://127.0.0.1:1").await.unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let settings = Settings::new(&data, "http://127.0.0.1:1");
    let refused = serve_on(listener, settings, std::future::pending()).await;
    assert!(
        matches!(refused, Err(ServeError::PlainHttp(_))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_holds_one_server_that_was_made_before() {
    let loopback = || TcpListener::bind("127.0.0.1:0").unwrap();
    let empty = tempfile::tempdir().unwrap();
    let settings = Settings::new(empty.path().join("data"), "http://127.0.0.1:1");
    let refused = serve_on(loopback(), settings, std::future::pending()).await;
    assert!(
        matches!(refused, Err(ServeError::NotInitialised(_))),
        "{refused:?}"
    );
    assert!(!empty.path().join("data").exists());

    let running = run(|_| {}).await;
    ask(running.address, get("/v1/health", "")).await;
    let data = running.dir.path().join("data");
    let settings = Settings::new(&data, "http://127.0.0.1:1");
    let second = serve_on(loopback(), settings, std::future::pending()).await;
    assert!(matches!(second, Err(ServeError::InUse(_))), "{second:?}");
    let again = initialise_dev(&data, "http://127.0.0.1:1").await;
    assert!(matches!(again, Err(InitialiseError::InUse(_))));
    stopped(running).await.unwrap();
}

#[tokio::test]
async fn a_real_server_is_made_once_with_one_admin() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let token = gate_server::initialise(&Settings::new(&data, "http://127.0.0.1:1"))
        .await
        .unwrap();
    assert!(token.starts_with("gate_user_"));
    let again = gate_server::initialise(&Settings::new(&data, "http://127.0.0.1:1")).await;
    assert!(matches!(again, Err(InitialiseError::Exists(_))));
}

#[tokio::test]
async fn a_dev_server_that_is_made_again_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let first = initialise_dev(&data, "http://127.0.0.1:1").await.unwrap();
    let second = initialise_dev(&data, "http://127.0.0.1:1").await.unwrap();
    assert_ne!(first.agent, second.agent);
    assert!(
        !format!("{second:?}").contains("gate_"),
        "no token in a debug print"
    );
}

fn certify(dir: &Path) -> (TlsFiles, rustls::pki_types::CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        certificate: dir.join("cert.pem"),
        key: dir.join("key.pem"),
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.der().clone())
}

/// Asks over TLS by whom this certificate is trusted.
async fn ask_over_tls(
    address: SocketAddr,
    certificate: rustls::pki_types::CertificateDer<'static>,
    request: String,
) -> String {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tokio::task::spawn_blocking(move || {
        let name = "localhost".try_into().unwrap();
        let session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = rustls::StreamOwned::new(session, connect(address));
        exchange(&mut stream, &request)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_served_to_who_trusts_the_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (files, certificate) = certify(dir.path());
    let running = run(|settings| settings.tls = Some(files)).await;
    let address = running.address;
    let answer = ask_over_tls(address, certificate, get("/v1/health", "")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let plain = ask(address, get("/v1/health", "")).await;
    assert!(!plain.starts_with("HTTP/1.1 200"), "{plain}");
    stopped(running).await.unwrap();
}

/// Returns what is after the head of an answer.
fn body<T: serde::de::DeserializeOwned>(answer: &str) -> T {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_proves_its_key_for_the_certificate_that_it_shows() {
    for is_behind_a_proxy in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (files, certificate) = certify(dir.path());
        let running = run(|settings| {
            settings.tls = Some(files);
            if is_behind_a_proxy {
                let proxy = "127.0.0.1".parse().unwrap();
                settings.identity.sign_in.trusted_proxies = vec![proxy];
            }
        })
        .await;
        let ask = |path: String| {
            let request = get(&path, "");
            ask_over_tls(running.address, certificate.clone(), request)
        };
        let identity: ServerIdentity = body(&ask("/v1/server".to_owned()).await);
        let key: VerifierKey = identity.grant_key.parse().unwrap();
        let nonce = Nonce::generate().unwrap();
        let path = format!("/v1/server/proof?nonce={nonce}");
        let signed: SignedServerProof = body(&ask(path).await);
        let shown = Digest::of_bytes(&certificate);
        assert_eq!(signed.verify(&key, &nonce, Some(&shown)), Ok(()));
        assert_eq!(signed.proof.certificate.is_none(), is_behind_a_proxy);
        let other = Digest::of_bytes(b"that of a proxy");
        let through = signed.verify(&key, &nonce, Some(&other));
        assert_eq!(through.is_ok(), is_behind_a_proxy, "{through:?}");
        for path in ["/v1/server/proof", "/v1/server/proof?nonce=1"] {
            let refused = ask(path.to_owned()).await;
            assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
        }
        stopped(running).await.unwrap();
    }
}

#[tokio::test]
async fn a_certificate_that_is_none_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (mut files, _) = certify(dir.path());
    std::fs::write(dir.path().join("empty.pem"), "").unwrap();
    files.certificate = dir.path().join("empty.pem");
    let mut settings = Settings::new(dir.path().join("data"), "https://localhost");
    settings.tls = Some(files);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = serve_on(listener, settings, std::future::pending()).await;
    let Err(error @ ServeError::Tls { .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(error.to_string().contains("`tls.certificate`"), "{error}");
}
