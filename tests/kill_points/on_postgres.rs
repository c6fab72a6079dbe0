//! The same kills with the database on `PostgreSQL`.

use crate::scene::{KillPoint, Scene, roomy, rounds_or};
use crate::{client, postgres, server};

/// What needs no lease to end.
const CALM: [KillPoint; 11] = [
    client::before_the_submission,
    client::after_the_submission,
    client::while_it_waits,
    client::before_the_claim,
    client::around_the_outcome,
    server::around_the_submission,
    server::while_it_is_waited_for,
    server::after_the_approval,
    server::around_the_claim,
    server::while_the_tool_runs,
    server::around_the_outcome,
];

/// What ends as `unknown` once its lease is over.
const LOST: [KillPoint; 3] = [
    client::after_the_claim,
    client::before_the_tool_is_started,
    client::while_the_tool_runs,
];

const SHORT_LEASES: &str = "grant_seconds = 2\nstart_report_seconds = 1\nrun_lease_seconds = 1\n";

#[test]
fn every_kill_of_client_and_server_ends_the_same_on_postgres() {
    let (postgres, relay) = postgres::start();
    for (name, settings, points) in [("calm", "", &CALM[..]), ("lost", SHORT_LEASES, &LOST[..])] {
        let server = postgres::server(&postgres, &relay, name, &roomy(settings));
        let mut scene = Scene::of(server);
        for word in rounds_or(1) {
            for (number, point) in points.iter().enumerate() {
                point(&mut scene, &format!("{word}-{number}"));
            }
        }
        scene.assert_verified();
    }
}
