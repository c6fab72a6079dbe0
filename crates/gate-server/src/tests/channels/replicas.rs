//! Deliveries where several servers are on one database: each once, and none is lost with a server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use gate_protocol::channel::{ChannelSettings, WebhookSettings};
use gate_testkit::real::Postgres;
use jiff::SignedDuration;
use serde_json::json;

use super::peer::{self, Call, Peer};
use super::stage::{allow_loopback, channel};
use crate::clock;
use crate::store::deliveries;
use crate::tests::bench::Bench;
use crate::tests::postgres::{database_on, url_of};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Far beyond what any of this takes.
const SOON: Duration = Duration::from_secs(30);

fn answered(_: &Call) -> Response<Body> {
    peer::json(204, &json!({}))
}

/// Three servers on one database, with one channel to what listens at `url`.
struct Three {
    servers: Arc<[Bench; 3]>,
    _secrets: tempfile::TempDir,
    _postgres: Postgres,
}

impl Three {
    async fn to(url: String) -> Self {
        let postgres = Postgres::start().unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let settings = ChannelSettings::Webhook(WebhookSettings { url });
        let signing = [("signing_secret", SECRET)];
        let hook = channel(secrets.path(), "hook", settings, &signing);
        let database = database_on(&url_of(&postgres)).await;
        let first = Bench::on_with(database, |settings| {
            allow_loopback(settings);
            settings.channels = vec![hook];
        })
        .await;
        let (second, third) = (first.replica().await, first.replica().await);
        Self {
            servers: Arc::new([first, second, third]),
            _secrets: secrets,
            _postgres: postgres,
        }
    }

    /// Has all three carry out at the same time what is due.
    async fn deliver(&self) {
        let delivering = (0..3).map(|number| {
            let server = self.servers[number].server.clone();
            tokio::spawn(async move {
                server.spread().await.unwrap();
                for channel in server.channels.list().iter() {
                    while server.deliver_next(channel).await.unwrap() {}
                }
            })
        });
        for delivered in delivering.collect::<Vec<_>>() {
            delivered.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_servers_tell_a_channel_of_each_change_once() {
    let peer = Peer::start(answered).await;
    let three = Three::to(peer.url()).await;
    for round in 0..3 {
        for number in 0..5 {
            three.servers[number % 3]
                .asked(&format!("{round}-{number}"))
                .await;
        }
        three.deliver().await;
    }
    let calls = peer.take();
    let ids: BTreeSet<&str> = calls.iter().map(|call| call.header("webhook-id")).collect();
    assert_eq!((calls.len(), ids.len()), (15, 15));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_server_took_that_is_gone_is_delivered_by_another_when_its_time_is_over() {
    let peer = Peer::start(answered).await;
    let three = Three::to(peer.url()).await;
    let [first, second, _] = &*three.servers;
    let telling = tokio::spawn(second.server.clone().notify_regularly());
    let request = first.asked("before").await;
    second.server.channels.wake();
    until(|| !peer.take().is_empty()).await;
    // The first takes the next one, and is gone.
    let mut writer = first.server.store.write().await.unwrap();
    let now = clock::now();
    let due = now + SignedDuration::from_mins(10);
    let put = deliveries::NewDelivery {
        id: "taken",
        channel: "hook",
        slot: "taken",
        request: request.id,
        version: 1,
        event: "request.pending",
    };
    deliveries::put(writer.connection(), &put, now)
        .await
        .unwrap();
    let taken = deliveries::take(writer.connection(), "hook", now, due).await;
    assert_eq!(taken.unwrap().unwrap().id, "taken");
    writer.commit().await.unwrap();
    second.server.channels.wake();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(peer.take().is_empty(), "it is the first one's");
    first
        .sql("UPDATE deliveries SET next_at = 0 WHERE id = 'taken'")
        .await;
    until(|| {
        peer.take()
            .iter()
            .any(|call| call.header("webhook-id") == "taken")
    })
    .await;
    telling.abort();
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let begun = tokio::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
