//! Requests made and decided in a second, and the same rows in the plain store, block by block in
//! turn, so that what disturbs the machine disturbs both.

use std::path::PathBuf;

use serde_json::Value;

use crate::light::send_all;
use crate::plain::Plain;
use crate::report::quantile;
use crate::submission::{approve, submit};

/// How many connections ask at once: more than the processors of a small machine.
pub(crate) const AT_ONCE: usize = 4;

/// Seconds that blocks took the server and the plain store.
pub(crate) type Blocks = Vec<(f64, f64)>;

/// The server on a file that is measured, and who asks and answers there.
pub(crate) struct Measured {
    pub(crate) port: u16,
    pub(crate) database: PathBuf,
    pub(crate) agent: String,
    pub(crate) bob: String,
}

/// Measures so many blocks of so many requests: how long they took to be made, and to be decided.
pub(crate) async fn measure(at: &Measured, blocks: usize, size: usize) -> [Blocks; 2] {
    let copy = at.database.with_file_name("plain.db");
    let mut plain = Plain::copy(&at.database, &copy).await;
    let (mut made, mut created) = (Vec::new(), Blocks::new());
    for block in 0..blocks {
        let calls = (0..size).map(|number| submit(&at.agent, &format!("rate-{block}-{number}")));
        let (some, server) = send_all(at.port, calls.collect(), AT_ONCE).await;
        created.push((server, plain.create(&at.database, &some).await));
        made.push(some);
    }
    let mut decided = Blocks::new();
    for some in made {
        let calls = some.iter().map(|request| approve(&at.bob, request));
        let (approved, server) = send_all(at.port, calls.collect(), AT_ONCE).await;
        decided.push((server, plain.decide(&at.database, &some).await));
        let is_approved = |request: &Value| request["status"] == "approved";
        assert!(approved.iter().all(is_approved), "not all are approved");
    }
    [created, decided]
}

/// The median rates of both, and the median of the ratios of each block.
pub(crate) fn cells(blocks: &Blocks, size: usize) -> [String; 3] {
    let count = f64::from(u32::try_from(size).unwrap());
    let median = |value: fn(&(f64, f64)) -> f64| quantile(blocks.iter().map(value).collect(), 0.5);
    [
        format!("{:.0}", count / median(|block| block.0)),
        format!("{:.0}", count / median(|block| block.1)),
        format!("{:.3}", median(|(server, plain)| plain / server)),
    ]
}
