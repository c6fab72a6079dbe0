//! Whether the server can do its work: `GET /healthz` says that the process answers, `GET /readyz`
//! that it should be sent calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::Instant;

use crate::state::Server;
use crate::store::server;

/// How long a look at the store may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a task may be busy with one round beyond its own pause.
const ROUND: Duration = Duration::from_mins(1);

/// The server's own tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Writes down what time has done.
    Deadlines,
    /// Signs the log's head, and asks witnesses.
    Checkpoints,
    /// Tells channels.
    Channels,
    /// Follows the other servers on the same database.
    Replicas,
}

impl Task {
    const ALL: [Self; 4] = [
        Self::Deadlines,
        Self::Checkpoints,
        Self::Channels,
        Self::Replicas,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Deadlines => "deadlines",
            Self::Checkpoints => "checkpoints",
            Self::Channels => "channels",
            Self::Replicas => "replicas",
        }
    }
}

/// When each task last did what it is there for. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Beats {
    start: Instant,
    /// Milliseconds since the start, and 1 more; 0 where it was never seen.
    at: Arc<[AtomicU64; Task::ALL.len()]>,
}

impl Default for Beats {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            at: Arc::default(),
        }
    }
}

impl Beats {
    /// A task has come to the end of a round in which everything went well.
    pub(crate) fn beat(&self, task: Task) {
        if let Some(at) = self.at.get(task as usize) {
            at.store(self.passed_ms() + 1, Ordering::Relaxed);
        }
    }

    /// Returns how long ago a round of a task went well; none where none did.
    fn since(&self, task: Task) -> Option<Duration> {
        let at = self.at.get(task as usize)?.load(Ordering::Relaxed);
        let at = at.checked_sub(1)?;
        Some(Duration::from_millis(self.passed_ms().saturating_sub(at)))
    }

    fn passed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// How the parts of the server are.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Readiness {
    status: &'static str,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Serialize)]
struct Part {
    #[serde(rename = "part")]
    name: &'static str,
    is_ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

impl Readiness {
    pub(crate) fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

impl Server {
    /// Looks whether the server can do its work.
    pub(crate) async fn readiness(&self) -> Readiness {
        let mut parts = vec![self.draining()];
        parts.extend(self.store_and_keys().await);
        parts.push(self.log());
        let pause = self.settings.leases.checkpoint;
        for task in Task::ALL {
            if task == Task::Replicas && !self.store.is_shared() {
                continue;
            }
            let longest = match task {
                Task::Checkpoints => pause + ROUND,
                Task::Deadlines | Task::Channels | Task::Replicas => ROUND,
            };
            let is_at_work = self.beats.since(task).is_some_and(|since| since <= longest);
            parts.push(Part {
                name: task.name(),
                is_ready: is_at_work,
                why: (!is_at_work).then_some("the task does not succeed"),
            });
        }
        let is_ready = parts.iter().all(|part| part.is_ready);
        Readiness {
            status: if is_ready { "ready" } else { "not ready" },
            parts,
        }
    }

    fn draining(&self) -> Part {
        let is_stopping = self.is_draining();
        Part {
            name: "serving",
            is_ready: !is_stopping,
            why: is_stopping.then_some("the server is stopping"),
        }
    }

    fn log(&self) -> Part {
        let is_lacking = self.known_head.is_lacking();
        Part {
            name: "log",
            is_ready: !is_lacking,
            why: is_lacking.then_some("the database lacks records that this server has seen"),
        }
    }

    /// The store answers, and says that the keys are those which this server signs by.
    async fn store_and_keys(&self) -> [Part; 2] {
        let asking = async {
            let mut reader = self.store.look_up().await?;
            server::names(reader.connection()).await
        };
        let names = match tokio::time::timeout(PATIENCE, asking).await {
            Ok(Ok(names)) => names,
            Ok(Err(_)) | Err(_) => None,
        };
        let has_store = names.is_some();
        let has_keys = names.is_some_and(|names| {
            let known = names.keys;
            known.is_none_or(|known| known == self.keys.print())
        });
        [
            Part {
                name: "store",
                is_ready: has_store,
                why: (!has_store).then_some("the store does not answer"),
            },
            Part {
                name: "keys",
                is_ready: has_keys,
                why: (!has_keys).then_some("the keys are not known to be the server's"),
            },
        ]
    }
}

/// Answers that the process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Answers whether the server should be sent calls.
pub(crate) async fn readyz(State(server): State<Server>) -> Response {
    let readiness = server.readiness().await;
    let status = if readiness.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness)).into_response()
}
