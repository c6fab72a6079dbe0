//! The pages of what is past, read from a standby.

use gate_testkit::real::Postgres;

use super::bench::Bench;
use super::postgres::{database_on, url_of};
use super::web::Browser;
use crate::settings::StandbyDatabase;

/// How a page says that it is of a standby.
const SAID: &str = "Read from a standby of the database";

async fn on_a_pair() -> (Postgres, Postgres, Bench) {
    let primary = Postgres::start().unwrap();
    let standby = primary.standby(primary.port()).unwrap();
    let mut database = database_on(&url_of(&primary)).await;
    let name = database.url.rsplit('/').next().unwrap();
    database.standby = Some(StandbyDatabase {
        url: format!("{}/{name}", url_of(&standby)),
        password_file: None,
        ca_file: None,
        max_lag_seconds: 300,
    });
    let bench = Bench::on(database).await;
    (primary, standby, bench)
}

impl Bench {
    /// Waits until the standby has all that there is.
    async fn caught_up(&self) {
        let standby = self.server.standby.as_ref().unwrap();
        loop {
            let found = standby.examine(&self.server.store).await;
            if found.is_ok_and(|as_of| as_of.behind() == 0) {
                return;
            }
        }
    }
}

#[tokio::test]
async fn pages_of_the_past_say_that_they_are_of_a_standby_and_how_far_it_is() {
    let (_primary, standby, bench) = on_a_pair().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let auditor = Browser::signed_in(&bench, &bench.setup.auditor).await;
    let shop = bench.asked("shop").await;
    // Nobody has looked at it yet.
    assert!(!bob.page("/history?text=shop").await.contains(SAID));
    bench.caught_up().await;
    let page = bob.page("/history?text=shop").await;
    assert!(
        page.contains(SAID) && page.contains(&shop.id.to_string()),
        "{page}"
    );
    assert!(!page.contains("is not here yet"), "{page}");
    // The newest of all, what is open, and what is shown to who answers.
    for path in ["/history", "/history?status=pending", "/"] {
        assert!(!bob.page(path).await.contains(SAID), "{path}");
    }
    let older = auditor.get("/audit?before=3").await;
    assert!(older.headers.contains_key("gate-standby"));
    let whole = auditor.page("/audit/records").await;

    standby.sql("SELECT pg_wal_replay_pause()").unwrap();
    while standby
        .sql("SELECT pg_get_wal_replay_pause_state()")
        .unwrap()
        .trim()
        != "paused"
    {
        tokio::task::yield_now().await;
    }
    let cellar = bench.asked("cellar").await;
    let page = bob.page("/history?text=cellar").await;
    assert!(
        page.contains("Nothing fits.") && page.contains("is not here yet"),
        "{page}"
    );
    assert!(bob.page("/history").await.contains(&cellar.id.to_string()));
    assert!(bob.page("/").await.contains(&cellar.id.to_string()));
    let newest = auditor.get("/audit").await;
    assert!(!newest.headers.contains_key("gate-standby"));
    assert!(newest.text().contains(&cellar.id.to_string()));
    let older = auditor.get("/audit?before=3").await;
    assert!(older.headers.contains_key("gate-standby"));
    // The download has all, whichever told which part.
    let longer = auditor.page("/audit/records").await;
    assert!(longer.len() > whole.len() && longer.starts_with(&whole));
}
