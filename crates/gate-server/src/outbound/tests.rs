//! Names with several addresses, and names that have others the next time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::names::Names;
use super::{Exchange, Outbound, OutboundError, parse_url};

fn outbound(allow_private: &[&str]) -> Outbound {
    let allowed: Vec<_> = allow_private
        .iter()
        .map(|net| net.parse().unwrap())
        .collect();
    Outbound::new(&allowed, None).unwrap()
}

/// Returns a way out for which names have these addresses, one list for each time.
fn told(allow_private: &[&str], answers: Vec<Vec<SocketAddr>>) -> Outbound {
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    Outbound {
        names: Names::Told(answers),
        ..outbound(allow_private)
    }
}

fn at(addresses: &[&str]) -> Vec<SocketAddr> {
    let address = |text: &&str| SocketAddr::new(text.parse().unwrap(), 443);
    addresses.iter().map(address).collect()
}

#[test]
fn a_name_with_one_address_that_may_not_be_connected_to_is_not_connected_to_at_all() {
    let (closed, open) = (outbound(&[]), outbound(&["10.0.0.0/8"]));
    for found in [
        &["8.8.8.8", "10.0.0.1"][..],
        &["10.0.0.1", "8.8.8.8"],
        &["8.8.8.8", "1.1.1.1", "127.0.0.1"],
        &["8.8.8.8", "169.254.169.254"],
        &["8.8.8.8", "::ffff:10.0.0.1"],
        &["2606:4700::1111", "fe80::1"],
        &["2606:4700::1111", "64:ff9b::a00:1"],
    ] {
        let judged = closed.judge("hook.test", &at(found));
        assert!(
            matches!(judged, Err(OutboundError::Refused(_))),
            "{found:?}: {judged:?}"
        );
    }
    let both = at(&["8.8.8.8", "10.0.0.1"]);
    assert_eq!(open.judge("hook.test", &both).unwrap(), both[0]);
    let other = open.judge("hook.test", &at(&["10.0.0.1", "192.168.0.1"]));
    assert!(matches!(other, Err(OutboundError::Refused(_))), "{other:?}");
    let public = at(&["8.8.8.8", "1.1.1.1"]);
    assert_eq!(closed.judge("hook.test", &public).unwrap(), public[0]);
    let none = closed.judge("hook.test", &[]);
    assert!(matches!(none, Err(OutboundError::Failed(_))), "{none:?}");
    // Whom the settings name themselves may be inside; nobody else may by that.
    let own = closed.towards("issuer.test");
    assert!(own.judge("issuer.test", &both).is_ok());
    assert!(own.judge("hook.test", &both).is_err());
}

/// Listens, and answers whoever comes; returns where.
async fn listening() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn send(outbound: &Outbound, scheme: &str, port: u16) -> Result<u16, OutboundError> {
    let sent = outbound.send(Exchange {
        method: Method::POST,
        url: parse_url(&format!("{scheme}://rebound.test:{port}/")).unwrap(),
        headers: HeaderMap::new(),
        body: Vec::new(),
    });
    sent.await.map(|reply| reply.status)
}

#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_judged_and_the_name_is_not_asked_again() {
    let (listener, address) = listening().await;
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let length = stream.read(&mut head).await.unwrap();
        let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        String::from_utf8_lossy(&head[..length]).to_lowercase()
    });
    // Another time the name would lead elsewhere: nobody gets to ask.
    let elsewhere = "127.0.0.2:9".parse().unwrap();
    let out = told(&["127.0.0.1/32"], vec![vec![address], vec![elsewhere]]);
    assert_eq!(send(&out, "http", address.port()).await.unwrap(), 204);
    let head = answering.await.unwrap();
    assert!(head.contains("host: rebound.test"), "{head}");
    let Names::Told(left) = &out.names else {
        panic!("it is told");
    };
    assert_eq!(*left.lock().unwrap(), [vec![elsewhere]]);
    // The next time is judged by itself.
    let refused = send(&out, "http", address.port()).await.unwrap_err();
    assert!(matches!(refused, OutboundError::Refused(_)), "{refused:?}");
}

#[tokio::test]
async fn nobody_is_connected_to_behind_a_name_that_has_a_public_address_too() {
    let (listener, inside) = listening().await;
    let public = SocketAddr::new("8.8.8.8".parse().unwrap(), inside.port());
    for found in [vec![public, inside], vec![inside, public]] {
        // By HTTPS, as only the address keeps it from being connected to.
        let refused = send(&told(&[], vec![found]), "https", inside.port()).await;
        assert!(
            matches!(refused, Err(OutboundError::Refused(_))),
            "{refused:?}"
        );
    }
    let connected = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(connected.is_err(), "somebody came");
}
