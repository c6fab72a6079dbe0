//! Disks that are full or broken, clocks that are wrong, networks that lose things, a database that
//! is killed, locked or silent, and restarts under many who wait: real faults, each made from outside.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

#[path = "endurance/clocks.rs"]
mod clocks;
#[path = "endurance/cut.rs"]
mod cut;
#[path = "endurance/database.rs"]
mod database;
#[path = "endurance/disk.rs"]
mod disk;
#[path = "endurance/drain.rs"]
mod drain;
#[path = "endurance/failover.rs"]
mod failover;
#[expect(dead_code, reason = "other tests answer too")]
#[path = "fail_closed/http.rs"]
mod http;
#[expect(dead_code, reason = "other tests hide files")]
#[path = "live/namespace.rs"]
mod namespace;
#[path = "endurance/network.rs"]
mod network;
#[path = "endurance/order.rs"]
mod order;
#[path = "kill_points/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "other tests on this proxy use the rest of it")]
#[path = "fail_closed/proxy.rs"]
mod proxy;
#[expect(dead_code, reason = "the kill points use the rest of it")]
#[path = "kill_points/scene.rs"]
mod scene;
#[expect(dead_code, reason = "other tests on this stage use the rest of it")]
#[path = "fail_closed/stage.rs"]
mod stage;
#[path = "endurance/standby.rs"]
mod standby;
#[path = "kill_points/story.rs"]
mod story;
