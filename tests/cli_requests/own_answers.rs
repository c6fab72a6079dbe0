//! THREATS 6A.3 by `gate approve`: whoever had a hand in a request is refused, and on the record.

use serde_json::Value;

use crate::asked::submit;
use crate::server::{Live, run};
use crate::status;

/// Makes an account that belongs to alice too, and returns its token.
fn second_account(live: &Live) -> String {
    let create = [
        "admin",
        "principals",
        "create",
        "alice-second",
        "--kind",
        "user",
        "--person",
        "alice",
        "--group",
        "approvers",
    ];
    let created = run(&mut live.gate("admin", &create));
    assert_eq!(created.code, Some(0), "{created:?}");
    let create = [
        "admin",
        "tokens",
        "create",
        "--principal",
        "alice-second",
        "--role",
        "approver",
        "--ttl",
        "1h",
    ];
    let made = run(&mut live.gate("admin", &create));
    assert_eq!(made.code, Some(0), "{made:?}");
    made.stdout.trim().to_owned()
}

/// Returns who was refused a review, and why, as the log says.
fn refused_reviews(live: &Live) -> Vec<(String, String)> {
    let args = [
        "audit",
        "log",
        "--json",
        "--type",
        "request.rejected_review",
    ];
    let log = run(&mut live.gate("auditor", &args));
    let of = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        let text = |at: &str| record.pointer(at).unwrap().as_str().unwrap().to_owned();
        (text("/body/reviewer"), text("/body/why"))
    };
    log.stdout.lines().map(of).collect()
}

#[test]
fn nobody_reviews_their_own_request_nor_that_of_their_agent() {
    let live = Live::start();
    let second = second_account(&live);
    let asked = submit(&live, "web", "test");
    let (id, digest) = (asked.id.to_string(), asked.digest.to_string());
    let own = "nobody reviews their own request";
    let mut recorded = Vec::new();
    for (who, name, code, word, why) in [
        ("alice_approver", "alice", 78, own, Some("self_review")),
        ("second", "alice-second", 78, own, Some("self_review")),
        ("agent", "demo-agent", 78, "refused", Some("role")),
        ("admin", "admin", 78, "refused", Some("role")),
        ("auditor", "auditor", 78, "refused", Some("role")),
        // A requester sees its own requests only, and so sends no answer.
        (
            "alice_requester",
            "alice",
            64,
            "no request has the id",
            None,
        ),
    ] {
        let bearer = if who == "second" {
            "alice_approver"
        } else {
            who
        };
        let mut approve = live.gate(bearer, &["approve", &id, "--yes", "--digest", &digest]);
        if who == "second" {
            approve.env("GATE_TOKEN", &second);
        }
        let refused = run(&mut approve);
        assert_eq!(refused.code, Some(code), "{who}: {refused:?}");
        assert!(refused.stderr.contains(word), "{who}: {refused:?}");
        recorded.extend(why.map(|why| (name.to_owned(), why.to_owned())));
        assert_eq!(refused_reviews(&live), recorded, "{who}");
    }
    assert_eq!(status(&live, &id), "pending");
}
