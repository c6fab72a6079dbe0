//! The environment has no say: an agent that controls it can't reroute the
//! connection or add a root of trust.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use gate_client::{ClientError, ServerUrl, ServerUrlError, TlsFault};
use gate_protocol::id::RequestId;

use crate::sample::{ok, pending};
use crate::stub::Stub;
use crate::tls::{Authority, client};

/// Tells the test below that it is the process with the hostile environment.
const CERTIFICATES: &str = "SSL_CERT_FILE";
const CHILD: &str = "GATE_CLIENT_TEST_CHILD";

#[test]
fn proxies_and_trust_roots_of_the_environment_are_ignored() {
    if std::env::var_os(CHILD).is_some() {
        return in_the_hostile_environment();
    }
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let certificates =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("roots-{}.pem", std::process::id()));
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args([
            "--exact",
            "environment::proxies_and_trust_roots_of_the_environment_are_ignored",
        ])
        .args(["--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .env(CERTIFICATES, &certificates)
        .env("SSL_CERT_DIR", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        child
            .env(name, &proxy_url)
            .env(name.to_lowercase(), &proxy_url);
    }
    let output = child.output().unwrap();
    std::fs::remove_file(&certificates).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.contains("1 passed"),
        "the child ran another test: {said}"
    );
    assert_eq!(
        proxy.accept().unwrap_err().kind(),
        ErrorKind::WouldBlock,
        "the proxy was used"
    );
}

fn in_the_hostile_environment() {
    let (authority, id) = (Authority::new(), RequestId::generate());
    std::fs::write(std::env::var_os(CERTIFICATES).unwrap(), authority.pem()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (plain, _) = Stub::answering(vec![ok(&pending(id))]);
        assert_eq!(plain.client().show(id).await.unwrap().id, id);

        let secure = authority.start("127.0.0.1", 2100, ok(&pending(id)));
        let error = client(&secure, None).show(id).await.unwrap_err();
        let is_untrusted = matches!(
            error,
            ClientError::Tls {
                fault: TlsFault::Untrusted,
                ..
            }
        );
        assert!(is_untrusted, "{error:?}");
        // The same server, trusted by the settings: nothing else was wrong with it.
        assert_eq!(
            client(&secure, Some(&authority)).show(id).await.unwrap().id,
            id
        );
    });
}

#[test]
fn plain_http_to_another_machine_cannot_even_be_set() {
    // An address of the local machine that is not loopback would do for a test
    // of packets; that no client can be made for it is stronger.
    for url in [
        "http://192.0.2.1:8080",
        "http://gate.example.com",
        "http://[2001:db8::1]",
    ] {
        let error = url.parse::<ServerUrl>().unwrap_err();
        assert!(matches!(error, ServerUrlError::PlainHttp(_)), "{error:?}");
    }
}
