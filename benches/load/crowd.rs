//! Those who wait: as many of gate's own clients as there are requests, each with a long poll on a
//! connection of its own, spread over the servers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gate_client::{Client, ClientError, IdempotencyKey, WaitNotice};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::{Answer, SubmitReview};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet};

use crate::asked::submission;
use crate::stage::Stage;

/// How many ask at once: more than the processors of a small machine.
const AT_ONCE: usize = 8;
/// Who comes within so short a time comes together.
const TOGETHER: Duration = Duration::from_millis(100);

/// What became of those who wait.
#[derive(Debug, Default)]
struct Seen {
    /// Who was released, by the number of the request, how and when; each time.
    released: Vec<(usize, Result<ApprovalStatus, ClientError>, Instant)>,
    /// When those who lost the server try again.
    tries: Vec<Instant>,
}

/// All of them, and what they wait for.
pub(crate) struct Crowd {
    pub(crate) requests: Vec<ApprovalRequest>,
    seen: Arc<Mutex<Seen>>,
    /// They wait until they are released, or until this is dropped.
    _waiting: oneshot::Sender<()>,
}

/// When an answer was sent, and when the server said that it counts.
pub(crate) type Decided = BTreeMap<usize, (Instant, Instant)>;

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes requests, several at once, and returns them.
pub(crate) fn ask(stage: &Stage, count: u32) -> Vec<ApprovalRequest> {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(ask_at_once(stage, count))
}

async fn ask_at_once(stage: &Stage, count: u32) -> Vec<ApprovalRequest> {
    let mut asking = JoinSet::new();
    for lane in 0..AT_ONCE {
        let client = stage.client(lane % stage.servers.len(), "agent");
        asking.spawn(async move {
            let mut made = Vec::new();
            for number in (lane..count as usize).step_by(AT_ONCE) {
                let key = IdempotencyKey::generate().unwrap();
                let submitted = client.submit(&submission(&format!("{number}")), &key).await;
                made.push((number, submitted.unwrap().request));
            }
            made
        });
    }
    let mut made = asking.join_all().await.concat();
    made.sort_by_key(|(number, _)| *number);
    made.into_iter().map(|(_, request)| request).collect()
}

impl Crowd {
    /// Lets one client wait for each request, one after the other within `spread`, on a thread of
    /// their own.
    pub(crate) fn gather(stage: &Stage, requests: Vec<ApprovalRequest>, spread: Duration) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        // As many clients as servers: each has a connection for each poll that is out.
        let clients: Vec<Client> = (0..stage.servers.len())
            .map(|server| stage.client(server, "agent"))
            .collect();
        let pause = spread / u32::try_from(requests.len()).unwrap();
        let (all, told) = (requests.clone(), seen.clone());
        let (waiting, over) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let waits = LocalSet::new();
            let mut after = Duration::ZERO;
            for (number, request) in all.into_iter().enumerate() {
                let client = clients[number % clients.len()].clone();
                let told = told.clone();
                after += pause;
                waits.spawn_local(async move {
                    tokio::time::sleep(after).await;
                    wait(client, number, request, told).await;
                });
            }
            // Its sender is dropped, which is what ends it.
            drop(waits.block_on(&runtime, over));
        });
        Self {
            requests,
            seen,
            _waiting: waiting,
        }
    }

    /// Approves some of the requests, one after the other, and returns when each was.
    pub(crate) fn decide(&self, stage: &Stage, numbers: &[usize]) -> Decided {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.decide_in_turn(stage, numbers))
    }

    async fn decide_in_turn(&self, stage: &Stage, numbers: &[usize]) -> Decided {
        let servers = stage.servers.len();
        let bobs: Vec<Client> = (0..servers)
            .map(|server| stage.client(server, "bob_approver"))
            .collect();
        let mut decided = Decided::new();
        for number in numbers {
            let request = &self.requests[*number];
            let review = SubmitReview {
                answer: Answer::Approve,
                digest: request.digest,
                comment: None,
            };
            // At another server than the one where it is waited for, where there is one.
            let bob = &bobs[(number + 1) % servers];
            let sent = Instant::now();
            while let Err(error) = bob.review(request.id, &review).await {
                // A server that is busy says that nothing was changed.
                assert!(error.is_retryable(), "{error:?}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            decided.insert(*number, (sent, Instant::now()));
        }
        decided
    }

    /// Returns how long after each answer was sent, and after it was confirmed, its waiter was
    /// released, in milliseconds. Fails unless just those were, each of them once.
    pub(crate) fn latencies(&self, decided: &Decided) -> [Vec<f64>; 2] {
        let seen = lock(&self.seen);
        let mut latencies = [Vec::new(), Vec::new()];
        let mut released = BTreeMap::new();
        for (number, how, at) in &seen.released {
            assert!(
                matches!(how, Ok(ApprovalStatus::Approved)),
                "{number}: {how:?}"
            );
            assert!(
                released.insert(*number, *at).is_none(),
                "{number} was released twice"
            );
        }
        for (number, (sent, confirmed)) in decided {
            let at = released.remove(number).unwrap();
            for (each, since) in latencies.iter_mut().zip([sent, confirmed]) {
                // Who waits can hear of it before who answered does.
                each.push(at.saturating_duration_since(*since).as_secs_f64() * 1e3);
            }
        }
        assert!(released.is_empty(), "nobody answered {:?}", released.keys());
        latencies
    }

    /// Returns how many were released.
    pub(crate) fn released(&self) -> usize {
        lock(&self.seen).released.len()
    }

    /// Forgets who was released, so that the next of them are looked at alone.
    pub(crate) fn forget_released(&self) {
        lock(&self.seen).released.clear();
    }

    /// Returns how many lost the server, and the most of their tries after `from` that came
    /// together.
    pub(crate) fn tries_after(&self, from: Instant) -> (usize, usize) {
        let mut tries = lock(&self.seen).tries.clone();
        let lost = tries.len();
        tries.retain(|at| *at >= from);
        tries.sort();
        let herd = tries.iter().enumerate().map(|(place, first)| {
            let end = tries.partition_point(|at| *at < *first + TOGETHER);
            end - place
        });
        (lost, herd.max().unwrap_or_default())
    }
}

/// Waits as gate does, through whatever happens to the server.
async fn wait(client: Client, number: usize, request: ApprovalRequest, seen: Arc<Mutex<Seen>>) {
    let id = request.id;
    let mut on = |notice: WaitNotice<'_>| {
        if let WaitNotice::Disconnected { retry_in, .. } = notice {
            lock(&seen).tries.push(Instant::now() + retry_in);
        }
    };
    let verdict = client.wait_for_verdict(id, request, None, &mut on).await;
    let how = verdict.map(|request| request.status);
    lock(&seen).released.push((number, how, Instant::now()));
}
