//! Who may act: principals are made, disabled and enabled, tokens made, listed
//! and revoked, by an admin and on the record.

use serde_json::Value;

use crate::server::{Live, Ran, run};

fn admin(live: &Live, words: &str) -> Ran {
    let args: Vec<&str> = words.split(' ').collect();
    run(&mut live.gate("admin", &[&["admin"], args.as_slice()].concat()))
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn a_disabled_principal_is_refused_with_what_it_owns_until_it_is_enabled() {
    let live = Live::start();
    let disabled = admin(&live, "principals disable alice");
    assert_eq!(
        (disabled.code, disabled.stdout.as_str()),
        (Some(0), "user alice, in approvers, disabled\n"),
        "{disabled:?}"
    );
    for who in ["alice_approver", "agent"] {
        let refused = run(&mut live.gate(who, &["whoami"]));
        assert_eq!(refused.code, Some(78), "{who}: {refused:?}");
    }
    let listed = admin(&live, "principals list");
    assert!(
        listed
            .stdout
            .contains("user alice, in approvers, disabled\n"),
        "{listed:?}"
    );
    let enabled = admin(&live, "principals enable alice --json");
    assert_eq!(json(&enabled)["disabled"], false, "{enabled:?}");
    // Her own token is gone for good; what she owns goes on with the tokens that it had.
    for (who, code) in [("alice_approver", 78), ("agent", 0)] {
        let after = run(&mut live.gate(who, &["whoami"]));
        assert_eq!(after.code, Some(code), "{who}: {after:?}");
    }
    for record_type in ["principal.disabled", "principal.enabled"] {
        let args = ["audit", "log", "--type", record_type];
        let log = run(&mut live.gate("auditor", &args));
        assert_eq!(log.stdout.matches(record_type).count(), 1, "{log:?}");
    }
}

#[test]
fn a_token_is_listed_without_itself_and_revoked_by_its_id() {
    let live = Live::start();
    let made = admin(
        &live,
        "tokens create --principal bob --role approver --ttl 1h --json",
    );
    let made = json(&made);
    let (id, token) = (
        made["id"].as_str().unwrap(),
        made["token"].as_str().unwrap(),
    );
    let ids = |line: &str| -> Vec<String> {
        let listed = admin(&live, line);
        assert!(!listed.stdout.contains("gate_"), "no token: {listed:?}");
        let listed = json(&listed);
        let entries = listed.as_array().unwrap().iter();
        entries
            .map(|entry| entry["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(ids("tokens list --json").len() > 5);
    assert_eq!(ids("tokens list --principal bob --json").len(), 2);
    let table = admin(&live, "tokens list --principal bob");
    let row = table.stdout.lines().find(|line| line.contains(id)).unwrap();
    assert!(row.contains("bob") && row.contains("approver"), "{row}");

    let whoami = |token: &str| {
        run(live
            .gate("bob_approver", &["whoami"])
            .env("GATE_TOKEN", token))
    };
    assert_eq!(whoami(token).code, Some(0));
    let revoked = admin(&live, &format!("tokens revoke {id}"));
    assert_eq!(
        (revoked.code, revoked.stdout),
        (Some(0), format!("revoked {id}\n"))
    );
    assert_eq!(whoami(token).code, Some(78));
    assert_eq!(ids("tokens list --principal bob --json").len(), 1);
    assert!(ids("tokens list --all --json").contains(&id.to_owned()));
}

#[test]
fn who_is_not_there_and_who_may_not_are_different_refusals() {
    let live = Live::start();
    for (line, code, word) in [
        ("principals disable nobody", 64, "no such thing"),
        ("principals enable nobody", 64, "no such thing"),
        ("principals disable admin", 64, "another admin can"),
        ("principals disable ..", 64, "a name has"),
        ("principals disable a/../../tokens", 64, "a name has"),
        ("principals create carol --kind robot", 64, "workload"),
        ("principals create Carol --kind user", 64, "a-z"),
        (
            "tokens revoke 019b2000-0000-7000-8000-000000000007",
            64,
            "no such thing",
        ),
        ("tokens revoke gate_user_hunter2", 64, "an id is"),
        (
            "tokens create --principal nobody --role admin --ttl 1h",
            64,
            "not disabled",
        ),
    ] {
        let refused = admin(&live, line);
        assert_eq!(refused.code, Some(code), "{line}: {refused:?}");
        assert!(refused.stderr.contains(word), "{line}: {refused:?}");
    }
    for line in [
        "principals list",
        "principals disable bob",
        "principals enable bob",
        "tokens list",
        "tokens revoke 019b2000-0000-7000-8000-000000000007",
    ] {
        let args: Vec<&str> = line.split(' ').collect();
        let args = [&["admin"], args.as_slice()].concat();
        let refused = run(&mut live.gate("auditor", &args));
        assert_eq!(refused.code, Some(78), "{line}: {refused:?}");
        assert!(refused.stderr.contains("gate whoami"), "{refused:?}");
    }
}
