//! The mixed load: each lane does one thing again and again, with a pause, until the end.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gate_client::{Client, ClientError, IdempotencyKey, ListQuery, RecordRange};
use gate_protocol::canonical::Digest;
use gate_protocol::claim::ClaimRequest;
use gate_protocol::event::{
    ClientEvent, DecidedFact, EventBatch, Fact, RunFinishedFact, RunOutcome, RunStartedFact,
};
use gate_protocol::id::{ClientId, EpochId, Nonce};
use gate_protocol::mode::Mode;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::{Answer, SubmitReview};
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use crate::asked::{runner, submission};
use crate::run;
use crate::stage::Stage;
use crate::tally::Tally;

/// What is done; each at least once.
pub(crate) const ALL: [&str; 10] = [
    "asked",
    "approved",
    "denied",
    "cancelled",
    "claimed",
    "events delivered",
    "polls parked and left",
    "lists and log pages read",
    "connections broken off",
    "gate run",
];

/// Those who ask, at the same time.
const ASKERS: usize = 4;
/// Those who wait and are never answered.
const PARKED: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);
/// What these ask is not answered.
const PARKED_WORD: &str = "parked";

/// Who does something, and until when.
#[derive(Clone)]
struct Lane {
    client: Client,
    tally: Tally,
    end: Instant,
    /// As many of it as there are lanes.
    running: Arc<()>,
}

impl Lane {
    fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }
}

/// Plays all of them to their end.
pub(crate) fn play(stage: &Stage, tally: &Tally, parked: Vec<ApprovalRequest>, end: Instant) {
    let lanes = LocalSet::new();
    let running = Arc::new(());
    let lane = |who| Lane {
        client: stage.client(0, who),
        tally: tally.clone(),
        end,
        running: running.clone(),
    };
    for number in 0..ASKERS {
        lanes.spawn_local(ask(lane("agent"), number));
    }
    lanes.spawn_local(answer(lane("bob_approver")));
    lanes.spawn_local(park(lane("agent"), parked));
    lanes.spawn_local(read(lane("auditor")));
    lanes.spawn_local(report(lane("agent")));
    lanes.spawn_local(break_off(lane("agent"), stage.said("/listen").to_owned()));
    // As many as there can be in this time.
    let most = end.saturating_duration_since(Instant::now()).as_secs() + 1;
    let commands = (0..most).map(|number| run::deploy(stage, number));
    lanes.spawn_local(run_gate(lane("agent"), commands.collect()));
    drop(running);
    runtime().block_on(lanes);
}

/// Asks, waits, claims and reports the run; takes back every seventh.
async fn ask(lane: Lane, number: usize) {
    let mut events = Events::default();
    let mut round = 0_u64;
    while !lane.is_over() {
        round += 1;
        let word = format!("lane-{number}-{round}");
        let key = IdempotencyKey::generate().unwrap();
        let asked = lane.client.submit(&submission(&word), &key).await;
        let Some(asked) = lane.tally.count("asked", asked) else {
            continue;
        };
        if round.is_multiple_of(7) {
            // Who answers may be quicker; it is taken back all the same until it is claimed.
            let cancelled = lane.client.cancel(asked.request.id).await;
            let is_answered = cancelled.as_ref().is_err_and(is_too_late);
            if !is_answered {
                lane.tally.count("cancelled", cancelled);
            }
        } else {
            let finished = finish(&lane, asked.request, &mut events).await;
            if let Err(error) = finished {
                lane.tally.count::<(), _>("a run", Err(error));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Somebody else was quicker.
fn is_too_late(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(problem) if problem.code == ProblemCode::Conflict)
}

async fn finish(
    lane: &Lane,
    request: ApprovalRequest,
    events: &mut Events,
) -> Result<(), ClientError> {
    let id = request.id;
    let on = &mut |_: gate_client::WaitNotice<'_>| {};
    let verdict = lane.client.wait_for_verdict(id, request, None, on).await?;
    if verdict.status != ApprovalStatus::Approved {
        return Ok(());
    }
    let nonce = Nonce::generate().unwrap();
    let claim = ClaimRequest::sign(id, verdict.digest, nonce, &runner()).unwrap();
    lane.client.claim(id, &claim).await?;
    lane.tally.count("claimed", Ok::<_, ClientError>(()));
    let started = Fact::RunStarted(RunStartedFact {
        request: id,
        claim_nonce: nonce,
    });
    let finished = Fact::RunFinished(RunFinishedFact {
        request: id,
        claim_nonce: nonce,
        outcome: RunOutcome {
            exit_code: Some(0),
            signal: None,
            not_run: None,
            duration_ms: 1,
            user_ms: 0,
            system_ms: 0,
            max_rss_bytes: 0,
        },
    });
    let batch = events.batch([started, finished]);
    lane.client.deliver(&batch).await?;
    Ok(())
}

/// Answers whatever is pending, as long as anybody else is there: no to every third.
async fn answer(lane: Lane) {
    let mut count = 0_u64;
    while Arc::strong_count(&lane.running) > 1 {
        let query = ListQuery {
            status: Some(ApprovalStatus::Pending),
            limit: Some(20),
            ..ListQuery::default()
        };
        let page = lane.client.list(&query).await;
        let requests = lane.tally.count("pending ones listed", page);
        for request in requests.map(|page| page.requests).unwrap_or_default() {
            let text = format!("{:?}", request.invocation.argv);
            if text.contains(PARKED_WORD) {
                continue;
            }
            count += 1;
            let is_no = count.is_multiple_of(3) && !text.contains("deployer");
            let (what, answer) = if is_no {
                ("denied", Answer::Deny)
            } else {
                ("approved", Answer::Approve)
            };
            let review = SubmitReview {
                answer,
                digest: request.digest,
                comment: None,
            };
            let answered = lane.client.review(request.id, &review).await;
            // Who asked may have taken it back.
            if !answered.as_ref().is_err_and(is_too_late) {
                lane.tally.count(what, answered);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Makes the requests that are never answered. It is done before the others begin: who answers looks
/// at the newest ones only.
pub(crate) fn ask_parked(stage: &Stage, tally: &Tally) -> Vec<ApprovalRequest> {
    let client = stage.client(0, "agent");
    runtime().block_on(async {
        let mut waiting = Vec::new();
        for number in 0..PARKED {
            let key = IdempotencyKey::generate().unwrap();
            let word = format!("{PARKED_WORD}-{number}");
            let asked = client.submit(&submission(&word), &key).await;
            waiting.extend(tally.count("asked", asked).map(|asked| asked.request));
        }
        waiting
    })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Lets many wait who are never answered, of whom one leaves and another comes, again and again.
async fn park(lane: Lane, waiting: Vec<ApprovalRequest>) {
    let wait = |request: ApprovalRequest| {
        let client = lane.client.clone();
        tokio::task::spawn_local(async move {
            let id = request.id;
            let on = &mut |_: gate_client::WaitNotice<'_>| {};
            drop(client.wait_for_verdict(id, request, None, on).await);
        })
    };
    let mut parked: Vec<_> = waiting.iter().cloned().map(wait).collect();
    for place in (0..waiting.len()).cycle() {
        if lane.is_over() {
            break;
        }
        parked[place].abort();
        parked[place] = wait(waiting[place].clone());
        lane.tally
            .count("polls parked and left", Ok::<_, ClientError>(()));
        tokio::time::sleep(PAUSE).await;
    }
    for one in parked {
        one.abort();
    }
}

/// Reads what auditors read.
async fn read(lane: Lane) {
    let mut from = 0;
    while !lane.is_over() {
        let range = RecordRange { from, limit: 500 };
        let page = lane.client.audit_records(range).await;
        let page = lane.tally.count("lists and log pages read", page);
        let read = page.map_or(0, |page| page.records.len() as u64);
        from = if read == 0 { 0 } else { from + read };
        let head = lane.client.checkpoint().await;
        lane.tally.count("lists and log pages read", head);
        tokio::time::sleep(PAUSE * 2).await;
    }
}

/// Delivers what rules decided elsewhere.
async fn report(lane: Lane) {
    let mut events = Events::default();
    while !lane.is_over() {
        let batch = events.batch((0..20).map(|number| {
            Fact::Decided(DecidedFact {
                decision: "allow".to_owned(),
                tool: "kubectl".to_owned(),
                command: vec!["get".to_owned()],
                effect: "read".to_owned(),
                rule: "baseline/kubectl-read".to_owned(),
                shown: format!("kubectl get pods -n team-{number}"),
                whole: None,
                cwd: "/srv/app".to_owned(),
                mode: Mode::Advisory,
            })
        }));
        let delivered = lane.client.deliver(&batch).await;
        lane.tally.count("events delivered", delivered);
        tokio::time::sleep(PAUSE * 2).await;
    }
}

/// Connects, sends half of a head or nothing, and hangs up.
async fn break_off(lane: Lane, address: String) {
    for half in [
        &b""[..],
        b"GET /v1/req",
        b"POST /v1/events HTTP/1.1\r\nhost: x\r\n",
    ]
    .iter()
    .cycle()
    {
        if lane.is_over() {
            return;
        }
        let broken = TcpStream::connect(&address).and_then(|mut stream| stream.write_all(half));
        lane.tally.count("connections broken off", broken);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Runs commands by gate itself, one after the other.
async fn run_gate(lane: Lane, commands: Vec<std::process::Command>) {
    for mut command in commands {
        if lane.is_over() {
            return;
        }
        let ran = tokio::task::spawn_blocking(move || command.output());
        let output = ran.await.unwrap().unwrap();
        let is_so = match output.status.code() {
            Some(3) => Ok(()),
            _ => Err(output),
        };
        lane.tally.count("gate run", is_so);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The events of one client, each of which names the one before.
struct Events {
    client: ClientId,
    epoch: EpochId,
    seq: u64,
    prev: Digest,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            client: ClientId::generate(),
            epoch: EpochId::generate(),
            seq: 0,
            prev: Digest::ZERO,
        }
    }
}

impl Events {
    fn batch(&mut self, facts: impl IntoIterator<Item = Fact>) -> EventBatch {
        let mut events = Vec::new();
        for fact in facts {
            self.seq += 1;
            let event = ClientEvent {
                seq: self.seq,
                prev: self.prev,
                at: Timestamp::now(),
                fact,
            };
            self.prev = event.hash().unwrap();
            events.push(event);
        }
        EventBatch {
            client: self.client,
            epoch: self.epoch,
            events,
        }
    }
}
