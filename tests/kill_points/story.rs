//! One command from the question to its end, while the server dies and comes back.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::http::Message;
use crate::proxy::{Point, Script, Upstream};
use crate::scene::{Scene, WHOLE};
use crate::stage::{Approver, Ran, run};

/// What no kill may leave on record: each would say that something was lost or came twice.
const NEVER: [&str; 5] = [
    "client.gap",
    "client.fork",
    "client.epoch_reset",
    "run.misreported",
    "run.unknown",
];

/// How often the death of the server is looked for.
const LOOK: Duration = Duration::from_millis(2);

/// The requests whose approval the server has confirmed.
pub(crate) type Confirmed = Arc<Mutex<BTreeSet<String>>>;

/// Has bob approve whatever is waited for, wherever the server is by then.
pub(crate) fn approving(bob: Approver, confirmed: Confirmed) -> Script {
    Arc::new(move |asked: &Message, upstream: Upstream| {
        let (_, target) = asked.line();
        let path = target.split('?').next().unwrap_or_default();
        if Point::POLL.matches(asked)
            && let Some(id) = path.strip_prefix("/v1/requests/")
        {
            // A server that is gone is asked again by the next poll; one that is busy, or does not
            // know whether it was done, at once.
            let mut status = 503;
            while status == 503 {
                status = bob.approve_at(upstream.address(), id).unwrap_or(0);
                std::thread::sleep(LOOK);
            }
            if status == 200 {
                confirmed.lock().unwrap().insert(id.to_owned());
            }
        }
        upstream.pass(asked)
    })
}

/// Asks for the command, has it approved and run, and starts the server again whenever it has died.
/// Then the whole story is on record, each part once, and the tool ran once. Returns whether the
/// server has died.
pub(crate) fn survive(scene: &mut Scene, word: &str) -> bool {
    let confirmed = Confirmed::default();
    let script = approving(scene.server.bob(), Arc::clone(&confirmed));
    scene.proxy.set(script);
    let mut has_died = false;
    let (machine, server, proxy) = (&scene.machine, &mut scene.server, &scene.proxy);
    let ran = std::thread::scope(|scope| {
        let client = scope.spawn(|| until_answered(|| run(&mut machine.deploy("60s", word))));
        while !client.is_finished() {
            if server.has_ended() {
                has_died = true;
                server.restart();
                proxy.redirect(server.address);
            }
            std::thread::sleep(LOOK);
        }
        client.join().unwrap()
    });
    if server.has_ended() {
        has_died = true;
        scene.restart();
    }
    let log = || scene.server.log();
    assert_eq!(ran.code, Some(0), "{word}: {ran:?} {}", log());
    assert_eq!(scene.runs(word), 1, "{word}: {ran:?}");
    scene.flush();
    let confirmed = confirmed.lock().unwrap().clone();
    assert_eq!(confirmed.len(), 1, "{word}: {confirmed:?}");
    for id in confirmed {
        assert_eq!(scene.server.history(&id), WHOLE, "{word}");
        assert_eq!(scene.server.request(&id)["status"], "finished", "{word}");
    }
    has_died
}

/// Where the server was away for longer than a question is repeated, nothing ran and the command is
/// run again, as its user would.
fn until_answered(command: impl Fn() -> Ran) -> Ran {
    let mut ran = command();
    for _ in 0..4 {
        if ran.code != Some(69) {
            break;
        }
        ran = command();
    }
    ran
}

/// Nothing on record says that something was lost or came twice.
pub(crate) fn assert_nothing_lost(scene: &Scene) {
    let records = scene.server.records();
    let types = records
        .iter()
        .map(|record| record["type"].as_str().unwrap());
    let found: Vec<&str> = types.filter(|kind| NEVER.contains(kind)).collect();
    assert!(found.is_empty(), "{found:?}");
    scene.assert_verified();
}
