//! A server proves that it has the key that was pinned, before it gets a token.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::{Arc, Barrier, Mutex};

use gate_client::{Client, ClientError};
use gate_protocol::canonical::Digest;
use gate_protocol::id::{Nonce, RequestId};
use gate_protocol::problem::{Problem, ProblemCode};
use gate_protocol::server_proof::{ServerProof, SignedServerProof};
use gate_protocol::signed_note::SigningKey;

use crate::sample::{json, pending};
use crate::stub::{Seen, Stub, read_request, settings};
use crate::tls::Authority;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed("gate-x", &[seed; 32]).unwrap()
}

/// What a server answers for its key.
#[derive(Clone, Copy, Debug)]
enum Word {
    /// A proof by the key of this seed.
    By(u8),
    /// The proof of a question of before.
    Replayed,
    /// A proof for a connection with this certificate.
    Naming(Digest),
    /// That it knows no such path.
    Nothing,
    /// That too many come from there.
    Busy,
    /// The proof; and to all else nothing before so many calls are there.
    Together,
}

/// How many calls are there at the same time.
const TOGETHER: usize = 12;
static ALL_THERE: Barrier = Barrier::new(TOGETHER);

type Log = Arc<Mutex<Vec<(usize, Seen)>>>;

fn proof(word: Word, call: &Seen) -> String {
    let asked = call.target().split_once("nonce=").unwrap().1;
    let nonce: Nonce = match word {
        Word::Replayed => Nonce::generate().unwrap(),
        Word::By(_) | Word::Naming(_) | Word::Nothing | Word::Busy | Word::Together => {
            asked.parse().unwrap()
        }
    };
    let (seed, certificate) = match word {
        Word::By(seed) => (seed, None),
        Word::Naming(certificate) => (1, Some(certificate)),
        Word::Replayed | Word::Nothing | Word::Busy | Word::Together => (1, None),
    };
    let proof = ServerProof { nonce, certificate };
    json(&SignedServerProof::sign(proof, &key(seed), vec![]).unwrap())
}

/// Answers so many calls on one connection, and then ends it.
fn serve(stream: &mut (impl Read + Write), word: Word, calls: usize, mut log: impl FnMut(Seen)) {
    for _ in 0..calls {
        let seen = read_request(stream);
        if seen.head.is_empty() {
            return;
        }
        let target = seen.target().to_owned();
        let (status, kind, body) = match (target.starts_with("GET /v1/server/proof?"), word) {
            (true, Word::Nothing) => {
                let problem = Problem::new(ProblemCode::NotFound, "no such path");
                (404, "problem+json", json(&problem))
            }
            (true, Word::Busy) => {
                let problem = Problem::new(ProblemCode::TooMany, "this address calls too fast");
                (429, "problem+json", json(&problem))
            }
            (true, word) => (200, "json", proof(word, &seen)),
            (false, word) => {
                if matches!(word, Word::Together) {
                    ALL_THERE.wait();
                }
                let id: RequestId = target.rsplit_once('/').unwrap().1.parse().unwrap();
                (200, "json", json(&pending(id)))
            }
        };
        log(seen);
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} Any\r\ncontent-type: application/{kind}\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        // The client may have left, which is what some tests are about.
        drop(stream.write_all(answer.as_bytes()));
        drop(stream.flush());
    }
}

/// Starts a server whose n-th connection has the n-th word, and takes so many calls.
fn server(words: Vec<(Word, usize)>) -> (Stub, Log) {
    let log = Log::default();
    let seen = Arc::clone(&log);
    let stub = Stub::start(move |mut stream, number| {
        let (word, calls) = *words.get(number).or(words.last()).unwrap();
        serve(&mut stream, word, calls, |call| {
            seen.lock().unwrap().push((number, call));
        });
    });
    (stub, log)
}

fn client(url: &str) -> Client {
    let settings = settings(url);
    Client::new(settings.with_server_key(Some(key(1).verifier()))).unwrap()
}

fn of(stub: &Stub) -> Client {
    client(&format!("http://{}", stub.address))
}

/// Returns the connection of each call, and whether it was about the proof; no call about a proof
/// has a token.
fn calls(log: &Log) -> Vec<(usize, bool)> {
    let log = log.lock().unwrap();
    let calls = log.iter().map(|(number, seen)| {
        let is_proof = seen.target().starts_with("GET /v1/server/proof?");
        assert_eq!(seen.header("authorization").is_some(), !is_proof);
        (*number, is_proof)
    });
    calls.collect()
}

#[tokio::test]
async fn a_server_proves_its_key_once_for_each_connection_before_it_gets_the_token() {
    let (stub, log) = server(vec![(Word::By(1), 3), (Word::By(1), 9)]);
    let client = of(&stub);
    for _ in 0..4 {
        client.show(RequestId::generate()).await.unwrap();
    }
    let expected = [
        (0, true),
        (0, false),
        (0, false),
        (1, true),
        (1, false),
        (1, false),
    ];
    assert_eq!(calls(&log), expected);
}

#[tokio::test]
async fn who_does_not_prove_the_key_gets_no_token() {
    let other = Digest::of_bytes(b"the certificate of the real one");
    for word in [
        Word::By(2),
        Word::Replayed,
        Word::Naming(other),
        Word::Nothing,
    ] {
        let (stub, log) = server(vec![(word, 9)]);
        let error = of(&stub).show(RequestId::generate()).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Unproven { .. }),
            "{word:?}: {error:?}"
        );
        assert!(!error.is_retryable());
        assert!(
            calls(&log).iter().all(|(_, is_proof)| *is_proof),
            "{word:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_asked_too_often_for_its_proof_says_so() {
    let (stub, log) = server(vec![(Word::Busy, 9)]);
    let error = of(&stub).show(RequestId::generate()).await.unwrap_err();
    let ClientError::Refused(problem) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(problem.code, ProblemCode::TooMany);
    assert!(calls(&log).iter().all(|(_, is_proof)| *is_proof));
}

#[tokio::test]
async fn whoever_takes_the_place_of_a_server_later_proves_the_key_again_or_gets_nothing() {
    let (stub, log) = server(vec![(Word::By(1), 2), (Word::By(2), 9)]);
    let client = of(&stub);
    client.show(RequestId::generate()).await.unwrap();
    let error = client.show(RequestId::generate()).await.unwrap_err();
    assert!(matches!(error, ClientError::Unproven { .. }), "{error:?}");
    assert_eq!(calls(&log), [(0, true), (0, false), (1, true)]);
}

/// Each of them has a connection on which the key was proven, and none gives up because others are
/// quicker.
#[tokio::test]
async fn calls_at_the_same_time_each_have_a_connection_with_a_proof() {
    let (stub, log) = server(vec![(Word::Together, 9)]);
    let client = of(&stub);
    let all = (0..TOGETHER).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.show(RequestId::generate()).await })
    });
    for call in all.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    let mut proven = BTreeSet::new();
    for (number, is_proof) in calls(&log) {
        assert!(is_proof || proven.contains(&number), "{number}");
        proven.insert(number);
    }
    let answered = calls(&log).iter().filter(|(_, is_proof)| !is_proof).count();
    assert_eq!((answered, proven.len()), (TOGETHER, TOGETHER));
}

#[tokio::test]
async fn a_client_without_a_key_asks_for_no_proof() {
    let (stub, log) = server(vec![(Word::By(2), 9)]);
    let client = Client::new(settings(&format!("http://{}", stub.address))).unwrap();
    client.show(RequestId::generate()).await.unwrap();
    assert_eq!(calls(&log), [(0, false)]);
}

#[tokio::test]
async fn a_proof_is_of_the_certificate_that_came_on_the_same_connection() {
    let authority = Authority::new();
    let own = |log: Log, relayed: bool| {
        authority.start_with("127.0.0.1", 2099, move |stream, certificate| {
            let named = if relayed {
                Digest::of_bytes(b"the certificate of the real one")
            } else {
                Digest::of_bytes(certificate)
            };
            serve(stream, Word::Naming(named), 2, |call| {
                log.lock().unwrap().push((0, call));
            });
        })
    };
    for relayed in [false, true] {
        let log = Log::default();
        let stub = own(Arc::clone(&log), relayed);
        let mut settings = settings(&format!("https://{}", stub.address));
        settings.ca_certificates_pem = Some(authority.pem().into_bytes());
        let client = Client::new(settings.with_server_key(Some(key(1).verifier()))).unwrap();
        let shown = client.show(RequestId::generate()).await;
        if relayed {
            let error = shown.unwrap_err();
            assert!(matches!(error, ClientError::Unproven { .. }), "{error:?}");
            assert_eq!(calls(&log), [(0, true)]);
        } else {
            shown.unwrap();
            assert_eq!(calls(&log), [(0, true), (0, false)]);
        }
    }
}
