//! TLS: whom the client trusts, and what it says where it does not.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use gate_client::{Client, ClientError, TlsFault};
use gate_protocol::id::RequestId;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::sample::{ok, pending};
use crate::stub::{Stub, read_request, settings};

/// A certificate authority of one test.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Returns how a server speaks TLS, and the certificate that it shows.
    fn server(&self, name: &str, last_year: i32) -> (ServerConfig, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let shown = certificate.der().to_vec();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        (config, shown)
    }

    /// Starts a server that does so over TLS with whoever trusts it; it is told its certificate.
    pub(crate) fn start_with(
        &self,
        name: &str,
        last_year: i32,
        serve: impl Fn(&mut StreamOwned<ServerConnection, TcpStream>, &[u8]) + Send + Sync + 'static,
    ) -> Stub {
        let (config, certificate) = self.server(name, last_year);
        let config = Arc::new(config);
        Stub::start(move |stream, _| {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(session, stream);
            if stream.conn.complete_io(&mut stream.sock).is_ok() {
                serve(&mut stream, &certificate);
            }
        })
    }

    /// Starts a server that gives `answer` over TLS to whoever trusts it.
    pub(crate) fn start(&self, name: &str, last_year: i32, answer: Vec<u8>) -> Stub {
        let config = Arc::new(self.server(name, last_year).0);
        Stub::start(move |stream, _| serve(stream, &config, &answer))
    }
}

fn serve(stream: TcpStream, config: &Arc<ServerConfig>, answer: &[u8]) {
    let session = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut stream = StreamOwned::new(session, stream);
    // A client that does not trust the certificate leaves in the handshake.
    if stream.conn.complete_io(&mut stream.sock).is_ok() {
        read_request(&mut stream);
        drop(stream.write_all(answer));
        stream.conn.send_close_notify();
        drop(stream.flush());
    }
}

pub(crate) fn client(stub: &Stub, ca: Option<&Authority>) -> Client {
    let mut settings = settings(&format!("https://{}", stub.address));
    settings.ca_certificates_pem = ca.map(|ca| ca.pem().into_bytes());
    Client::new(settings).unwrap()
}

async fn fault(stub: &Stub, ca: Option<&Authority>) -> TlsFault {
    let error = client(stub, ca)
        .show(RequestId::generate())
        .await
        .unwrap_err();
    let ClientError::Tls { fault, .. } = error else {
        panic!("{error:?} is not about TLS");
    };
    assert!(!error.is_retryable());
    if fault != TlsFault::Other {
        assert_eq!(
            stub.connections(),
            1,
            "a certificate does not get better by asking again"
        );
    }
    fault
}

#[tokio::test]
async fn a_certificate_of_the_configured_authority_is_trusted() {
    let (authority, id) = (Authority::new(), RequestId::generate());
    let stub = authority.start("127.0.0.1", 2100, ok(&pending(id)));
    assert_eq!(
        client(&stub, Some(&authority)).show(id).await.unwrap().id,
        id
    );
}

#[tokio::test]
async fn each_bad_certificate_is_named_by_what_is_wrong_with_it() {
    let authority = Authority::new();
    let stub = authority.start("127.0.0.1", 2100, Vec::new());
    assert_eq!(fault(&stub, None).await, TlsFault::Untrusted);
    let stub = authority.start("127.0.0.1", 2100, Vec::new());
    assert_eq!(
        fault(&stub, Some(&Authority::new())).await,
        TlsFault::Untrusted
    );
    let stub = authority.start("gate.example.com", 2100, Vec::new());
    assert_eq!(fault(&stub, Some(&authority)).await, TlsFault::Name);
    let stub = authority.start("127.0.0.1", 2001, Vec::new());
    assert_eq!(fault(&stub, Some(&authority)).await, TlsFault::Clock);
}

#[tokio::test]
async fn an_expired_certificate_says_to_check_the_clock() {
    let authority = Authority::new();
    let stub = authority.start("127.0.0.1", 2001, Vec::new());
    let error = client(&stub, Some(&authority)).whoami().await.unwrap_err();
    assert!(error.hint().contains("clock"), "{}", error.hint());
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_an_error_of_tls() {
    let stub = Stub::start(|mut stream, _| {
        drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        drop(std::io::copy(&mut stream, &mut std::io::sink()));
    });
    assert_eq!(fault(&stub, None).await, TlsFault::Other);
}

#[tokio::test]
async fn a_handshake_that_breaks_off_is_a_lost_connection() {
    let stub = Stub::start(|stream, _| drop(stream));
    let error = client(&stub, None)
        .poll(RequestId::generate(), 1, Duration::ZERO)
        .await;
    assert!(
        matches!(error, Err(ClientError::Unreachable { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_handshake_without_an_end_is_given_up() {
    let stub = Stub::start(|mut stream, _| {
        // Returns when the client closes, having read all that it sent.
        drop(std::io::copy(&mut stream, &mut std::io::sink()));
    });
    let error = client(&stub, None)
        .poll(RequestId::generate(), 1, Duration::ZERO)
        .await;
    assert!(
        matches!(error, Err(ClientError::Timeout { .. })),
        "{error:?}"
    );
}
