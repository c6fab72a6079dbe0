//! Several servers on one database: each answers for all.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use gate_protocol::canonical::Digest;
use gate_protocol::claim::SignedGrant;
use gate_protocol::id::{Nonce, RequestId};
use gate_protocol::log::{RecordType, TILE_WIDTH};
use gate_protocol::request::{ApprovalStatus, Escalation, Requirement};
use gate_protocol::review::Answer;
use gate_testkit::real::Postgres;
use serde_json::json;

use super::bench::{Bench, submission};
use super::postgres::{database_on, url_of};
use crate::clock;
use crate::settings::{Database, Settings};

/// Far beyond what any of this takes.
const SOON: Duration = Duration::from_secs(30);

impl Bench {
    /// Makes a server on this database.
    pub(super) async fn on(database: Database) -> Self {
        Self::on_with(database, |_| {}).await
    }

    /// Makes a server on this database, with other settings.
    pub(super) async fn on_with(database: Database, adjust: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(dir.path().join("data"), "http://127.0.0.1:1");
        settings.database = Some(database);
        settings.limits.open_requests = 10_000;
        settings.approving.flood.burst = 100_000;
        let setup = crate::dev::make_for_trial(&settings).await.unwrap();
        adjust(&mut settings);
        Self::open(dir, settings, setup).await
    }

    /// Starts another server on the same database, with a folder of its own and the same keys.
    pub(super) async fn replica(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        crate::keys::prepare_dir(&data).unwrap();
        for key in ["grant.key", "log.key", "channels.key"] {
            std::fs::copy(self.data().join(key), data.join(key)).unwrap();
        }
        let mut settings = (*self.server.settings).clone();
        settings.data_dir = data;
        Self::open(dir, settings, self.setup.clone()).await
    }

    /// Has it follow what the others do.
    async fn follow(&self) -> tokio::task::JoinHandle<()> {
        let seen = self.server.log_size().await.unwrap();
        tokio::spawn(self.server.clone().follow_replicas(seen))
    }
}

async fn three_servers() -> (Postgres, Arc<[Bench; 3]>) {
    let postgres = Postgres::start().unwrap();
    let first = Bench::on(database_on(&url_of(&postgres)).await).await;
    let (second, third) = (first.replica().await, first.replica().await);
    (postgres, Arc::new([first, second, third]))
}

/// How many rounds are played: a few, or as many as `GATE_TEST_ROUNDS` says.
fn rounds() -> usize {
    std::env::var("GATE_TEST_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_200_claims_at_three_servers_one_wins_in_every_round() {
    let (_postgres, servers) = three_servers().await;
    for round in 0..rounds() {
        let request = servers[round % 3].approved(&format!("round-{round}")).await;
        let claims: Vec<_> = (0..200)
            .map(|number| {
                let (servers, request) = (servers.clone(), request.clone());
                tokio::spawn(async move {
                    let server = &servers[number % 3];
                    // A server with too much to do says so, and the client comes again.
                    loop {
                        let answer = server.claim(&request, Nonce::generate().unwrap()).await;
                        if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                            return answer;
                        }
                    }
                })
            })
            .collect();
        let mut grants = Vec::new();
        for claim in claims {
            let answer = claim.await.unwrap();
            match answer.status {
                StatusCode::OK => {
                    grants.push(serde_json::from_slice::<SignedGrant>(&answer.body).unwrap());
                }
                status => assert_eq!(status, StatusCode::CONFLICT, "{}", answer.text()),
            }
        }
        assert_eq!(grants.len(), 1, "round {round}");
        assert_eq!(
            servers[0].show(&request).await.status,
            ApprovalStatus::Claimed
        );
        let mut reader = servers[1].server.store.read().await.unwrap();
        let wanted = crate::store::log::WantedRecords {
            record_type: Some("grant.claimed".to_owned()),
            request: Some(request.id.to_string()),
            before: None,
            limit: 10,
        };
        let claimed = crate::store::log::search(reader.connection(), &wanted)
            .await
            .unwrap();
        assert_eq!(claimed.len(), 1, "round {round}");
    }
    servers[2].verified().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn any_server_releases_a_waiter_of_any_other_also_when_nobody_tells_it() {
    let (postgres, servers) = three_servers().await;
    let mut tasks = Vec::new();
    for server in servers.iter() {
        tasks.push(server.follow().await);
    }
    for is_cut in [false, true] {
        let request = servers[0].asked(&format!("cut-{is_cut}")).await;
        let path = format!("/v1/requests/{}?wait=60&after=1", request.id);
        let waiting = servers.clone();
        let poll = tokio::spawn(async move {
            let waiter = &waiting[1];
            waiter.get(&waiter.setup.agent, &path).await.request()
        });
        while !servers[1].server.waiters.is_waited_for(request.id) {
            tokio::task::yield_now().await;
        }
        if is_cut {
            // Every connection of every server: listeners, readers, writers.
            postgres
                .sql(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE application_name = 'gate'",
                )
                .unwrap();
        }
        let bob = &servers[2].setup.bob_approver;
        let mut reviewed = servers[2].review(bob, &request, Answer::Approve).await;
        // What is asked while connections are made anew may be asked again.
        for _ in 0..5 {
            if reviewed.status == StatusCode::SERVICE_UNAVAILABLE {
                reviewed = servers[2].review(bob, &request, Answer::Approve).await;
            }
        }
        assert!(reviewed.status.is_success(), "{}", reviewed.text());
        let released = tokio::time::timeout(SOON, poll).await.unwrap().unwrap();
        assert_eq!(released.status, ApprovalStatus::Approved, "cut: {is_cut}");
    }
    for task in tasks {
        task.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_nobody_tells_of_a_change_finds_it_by_itself() {
    let (postgres, servers) = three_servers().await;
    let request = servers[0].asked("prod").await;
    let database = servers[0].server.settings.database.clone().unwrap();
    let (_, name) = database.url.rsplit_once('/').unwrap();
    let silence = "ALTER TABLE log_head DISABLE TRIGGER log_head_tells";
    postgres.sql_in(name, silence).unwrap();
    let following = servers[1].follow().await;
    let mut waiter = servers[1].server.waiters.subscribe(request.id);
    // It hears on a connection, and looks once when it has it: what comes later nobody tells it.
    let listens = "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%gate_log%'";
    while postgres.sql(listens).unwrap().trim() == "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let bob = &servers[2].setup.bob_approver;
    let reviewed = servers[2].review(bob, &request, Answer::Approve).await;
    assert!(reviewed.status.is_success(), "{}", reviewed.text());
    let woken = tokio::time::timeout(SOON, waiter.changed()).await;
    assert!(woken.is_ok(), "nobody told it, and it did not look");
    following.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn heads_that_servers_sign_at_the_same_time_are_one() {
    let (postgres, servers) = three_servers().await;
    for round in 0..5 {
        append(&servers[round % 3], "more").await.unwrap();
        let signing = (0..3).map(|number| {
            let server = servers[number].server.clone();
            tokio::spawn(async move { server.checkpoint().await })
        });
        for signed in signing.collect::<Vec<_>>() {
            signed.await.unwrap().unwrap();
        }
    }
    let database = servers[0].server.settings.database.clone().unwrap();
    let (_, name) = database.url.rsplit_once('/').unwrap();
    let twice = "SELECT count(*) FROM (SELECT size FROM log_checkpoints GROUP BY size
        HAVING count(*) > 1) AS twice";
    assert_eq!(postgres.sql_in(name, twice).unwrap().trim(), "0");
    for server in servers.iter() {
        server.verified().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_time_does_is_done_once_whoever_looks() {
    let (_postgres, servers) = three_servers().await;
    let mut wanted = submission("prod");
    wanted.terms.requirements = vec![Requirement {
        escalation: Some(Escalation {
            after_seconds: 60,
            to: vec!["group:leads".to_owned()],
        }),
        ..Requirement::of(vec!["user:bob".to_owned()], 1)
    }];
    let answer = servers[0].submit(&servers[0].setup.agent, &wanted).await;
    let request = answer.request();
    let settle_at = |seconds| {
        let servers = servers.clone();
        let at = clock::after(request.created_at, seconds);
        async move {
            let settling: Vec<_> = (0..3)
                .map(|number| {
                    let server = servers[number].server.clone();
                    tokio::spawn(async move { server.settle_due(at).await })
                })
                .collect();
            for settled in settling {
                settled.await.unwrap().unwrap();
            }
        }
    };
    settle_at(61).await;
    settle_at(601).await;
    assert_eq!(
        servers[1].story(&request).await,
        ["request.created", "request.escalated", "request.expired"]
    );
    servers[2].verified().await;
}

#[tokio::test]
async fn a_server_with_other_keys_is_refused() {
    let (_postgres, servers) = three_servers().await;
    let first = &servers[0];
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    crate::keys::prepare_dir(&data).unwrap();
    for key in ["grant.key", "log.key", "channels.key"] {
        std::fs::copy(first.data().join(key), data.join(key)).unwrap();
    }
    std::fs::copy(first.data().join("grant.key"), data.join("log.key")).unwrap();
    let mut settings = (*first.server.settings).clone();
    settings.data_dir = data.clone();
    let error = crate::serve::open(settings.clone()).await.err().unwrap();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("holds the keys of another server"), "{why}");
    std::fs::copy(first.data().join("log.key"), data.join("log.key")).unwrap();
    std::fs::remove_file(data.join("channels.key")).unwrap();
    let error = crate::serve::open(settings).await.err().unwrap();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("channels.key` is gone"), "{why}");
}

/// Puts a record into the log that says nothing else than this.
async fn append(bench: &Bench, said: &str) -> Result<(), crate::problem::Failure> {
    let mut change = bench.server.change().await?;
    let body = json!({ "said": said });
    change.record(&RecordType::ClientGap, &body).await?;
    change.commit().await
}

/// A database that goes back, as by a failover to one that lagged.
struct Lagging<'a> {
    postgres: &'a Postgres,
    name: String,
    /// How many records the log will have again.
    size: u64,
}

impl<'a> Lagging<'a> {
    /// What is recorded from now on will be lost.
    async fn from_now(postgres: &'a Postgres, bench: &Bench) -> Self {
        let database = bench.server.settings.database.clone().unwrap();
        let (_, name) = database.url.rsplit_once('/').unwrap();
        let lagging = Self {
            postgres,
            name: name.to_owned(),
            size: bench.server.log_size().await.unwrap(),
        };
        lagging.run("CREATE TABLE kept AS SELECT * FROM log_head");
        lagging
    }

    fn go_back(&self) {
        let size = self.size;
        self.run(&format!(
            "SET session_replication_role = replica;
             DELETE FROM log_records WHERE seq >= {size};
             DELETE FROM log_checkpoints WHERE size > {size};
             UPDATE log_head SET (prev, frontier) = (SELECT prev, frontier FROM kept)"
        ));
    }

    fn run(&self, statements: &str) {
        self.postgres.sql_in(&self.name, statements).unwrap();
    }
}

async fn begin_epoch(bench: &Bench) {
    let mut change = bench.server.change().await.unwrap();
    let why = json!({ "why": "operator" });
    change.begin_epoch(why).await.unwrap();
    change.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_saw_records_that_are_gone_changes_nothing_though_others_went_on() {
    let (postgres, servers) = three_servers().await;
    let [first, second, third] = &*servers;
    append(first, "kept").await.unwrap();
    let lagging = Lagging::from_now(&postgres, first).await;
    for said in ["lost", "lost too"] {
        append(second, said).await.unwrap();
    }
    lagging.go_back();
    let refused = append(second, "shorter").await.unwrap_err();
    assert!(refused.detail().contains("new-epoch"), "{refused:?}");
    assert!(second.server.checkpoint().await.is_err());
    assert!(!second.server.readiness().await.is_ready());
    // These two have not seen what is lost, and go on past where it was.
    for said in ["other", "other too", "more"] {
        append(third, said).await.unwrap();
    }
    append(first, "and more").await.unwrap();
    assert!(append(second, "longer").await.is_err());
    begin_epoch(first).await;
    for bench in [first, second, third] {
        append(bench, "anew").await.unwrap();
    }
}

/// Returns the root of the first full tile of the log, as this server has it.
async fn root_of_tile(bench: &Bench) -> Digest {
    let mut reader = bench.server.store.read().await.unwrap();
    let subtrees = &bench.server.subtrees;
    let tree = subtrees.tree(reader.connection(), u64::from(TILE_WIDTH));
    tree.await.unwrap().root()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_first_hears_of_lost_records_by_a_new_epoch_looks_anew_too() {
    let (postgres, servers) = three_servers().await;
    let [first, second, third] = &*servers;
    let mut change = first.server.change().await.unwrap();
    let size = first.server.log_size().await.unwrap();
    for number in size + 1..u64::from(TILE_WIDTH) {
        let body = json!({ "said": number });
        change.record(&RecordType::ClientGap, &body).await.unwrap();
    }
    change.commit().await.unwrap();
    let lagging = Lagging::from_now(&postgres, first).await;
    for said in ["lost", "lost too"] {
        append(second, said).await.unwrap();
    }
    let lost = root_of_tile(second).await;
    let seen = second.server.log_size().await.unwrap();
    lagging.go_back();
    begin_epoch(first).await;
    let id = RequestId::generate();
    let mut waiter = second.server.waiters.subscribe(id);
    second.server.checkpoint().await.unwrap();
    let woken = tokio::time::timeout(SOON, waiter.changed()).await;
    assert!(woken.is_ok(), "who waits looks anew");
    append(first, "where one was lost").await.unwrap();
    assert_eq!(second.server.log_size().await.unwrap(), seen);
    let root = root_of_tile(second).await;
    assert_ne!(root, lost);
    assert_eq!(root, root_of_tile(third).await);
    // Who follows has not read what stands where the lost ones were.
    let following = tokio::spawn(second.server.clone().follow_replicas(seen));
    let woken = tokio::time::timeout(SOON, waiter.changed()).await;
    assert!(woken.is_ok(), "who follows goes on anew");
    following.abort();
}
