//! The server's own look at its log.

use jiff::Timestamp;

use crate::store::sql::query;
use crate::tests::bench::Bench;
use crate::web::chain::{follow, verified};

#[tokio::test]
async fn a_check_goes_on_where_the_last_one_ended_and_one_runs_at_a_time() {
    let bench = Bench::new().await;
    let chain = &bench.server.pages.chain;
    // A page waits for 2 s only, which a busy machine may need.
    let found = loop {
        if let Some(found) = verified(&bench.server).await {
            break found;
        }
    };
    assert!(found.fault.is_none() && found.size > 0, "{found:?}");
    let first = chain.followed.lock().await.verifier.records();
    assert_eq!(first, found.size);
    bench.asked("shop").await;
    let mut followed = chain.followed.lock().await;
    let grown = follow(&bench.server, &mut followed).await.unwrap();
    assert!(
        grown.size > found.size && grown.fault.is_none(),
        "{grown:?}"
    );
    assert_eq!(followed.verifier.records(), grown.size);
    drop(followed);
    // The records so far are not read again: one that is changed now is found
    // only when all of them are.
    let mut writer = bench.server.store.write().await.unwrap();
    for sql in [
        "DROP TRIGGER log_records_are_never_changed",
        "UPDATE log_records SET record = CAST('{}' AS BLOB) WHERE seq = 0",
    ] {
        query(sql).execute(writer.connection()).await.unwrap();
    }
    writer.commit().await.unwrap();
    let mut followed = chain.followed.lock().await;
    let again = follow(&bench.server, &mut followed).await.unwrap();
    assert_eq!((again.size, again.fault), (grown.size, None));
    // Whoever comes while one runs starts none, and is shown the page without.
    chain.found.send_replace(None);
    assert!(verified(&bench.server).await.is_none());
    followed.since = Some(Timestamp::UNIX_EPOCH);
    let whole = follow(&bench.server, &mut followed).await.unwrap();
    assert!(whole.fault.is_some());
}

#[tokio::test]
async fn what_is_read_again_anyway_is_forgotten_and_nothing_else() {
    let bench = Bench::new().await;
    let chain = &bench.server.pages.chain;
    let mut followed = chain.followed.lock().await;
    let found = follow(&bench.server, &mut followed).await.unwrap();
    drop(followed);
    bench.server.forget().await.unwrap();
    let kept = chain.followed.lock().await.verifier.records();
    assert!(kept == found.size && kept > 0, "{kept} of {found:?}");
    chain.followed.lock().await.since = Some(Timestamp::UNIX_EPOCH);
    bench.server.forget().await.unwrap();
    let followed = chain.followed.lock().await;
    assert_eq!((followed.verifier.records(), followed.since), (0, None));
}
