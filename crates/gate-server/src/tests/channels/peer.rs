//! A server on loopback that records what it is sent and answers as a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use serde_json::Value;
use tokio::task::JoinHandle;

/// What was sent.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Call {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

type Answer = dyn Fn(&Call) -> Response<Body> + Send + Sync;

struct Shared {
    calls: Mutex<Vec<Call>>,
    answer: Mutex<Arc<Answer>>,
}

/// The server; it ends when dropped.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Answers with JSON.
pub(super) fn json(status: u16, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

impl Peer {
    pub(super) async fn start(
        answer: impl Fn(&Call) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            calls: Mutex::default(),
            answer: Mutex::new(Arc::new(answer)),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self {
            address,
            shared,
            serving,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers differently from now on.
    pub(super) fn answer(&self, answer: impl Fn(&Call) -> Response<Body> + Send + Sync + 'static) {
        *self.shared.answer.lock().unwrap() = Arc::new(answer);
    }

    /// Returns what was sent since the last time.
    pub(super) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.calls.lock().unwrap())
    }

    /// Returns what was sent to a path since the last time; the rest is dropped.
    pub(super) fn take_of(&self, path: &str) -> Vec<Call> {
        let mut calls = self.take();
        calls.retain(|call| call.path.ends_with(path));
        calls
    }
}

async fn take(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let call = Call {
        method,
        path: uri.path().to_owned(),
        headers,
        body: body.to_vec(),
    };
    let answer = Arc::clone(&shared.answer.lock().unwrap());
    let response = answer(&call);
    shared.calls.lock().unwrap().push(call);
    response
}
