//! Which stories a request may tell.

use serde_json::json;

use super::super::{
    BadRecord, Frontier, Illegality, LogFault, LogVerifier, RecordFault, RecordType, Stage,
    leaf_hash,
};
use super::{append, log_of, verify};
use crate::canonical::Digest;

const CREATED: (&str, &str, &str) = ("request.created", "r", "");
const APPROVED: (&str, &str, &str) = ("decision.recorded", "r", "approved");
const DENIED: (&str, &str, &str) = ("decision.recorded", "r", "denied");
const WAITING: (&str, &str, &str) = ("decision.recorded", "r", "pending");
const VOIDED: (&str, &str, &str) = ("decision.voided", "r", "pending");
const STILL_APPROVED: (&str, &str, &str) = ("decision.voided", "r", "approved");
const OBSERVED: (&str, &str, &str) = ("request.observed", "r", "");
const REFUSED: (&str, &str, &str) = ("request.rejected_review", "r", "");
const CANCELLED: (&str, &str, &str) = ("request.cancelled", "r", "");
const EXPIRED: (&str, &str, &str) = ("request.expired", "r", "");
const CLAIMED: (&str, &str, &str) = ("grant.claimed", "r", "");
const STARTED: (&str, &str, &str) = ("run.started", "r", "");
const FINISHED: (&str, &str, &str) = ("run.finished", "r", "");
const UNKNOWN: (&str, &str, &str) = ("run.unknown", "r", "");
const ABANDONED: (&str, &str, &str) = ("run.abandoned", "r", "");

fn illegal(records: &[(&str, &str, &str)]) -> (u64, Illegality) {
    match verify(&log_of(records), Vec::new()) {
        Err(LogFault::Record(BadRecord {
            index,
            linked_by: None,
            fault: RecordFault::Illegal(illegality),
        })) => (index, illegality),
        other => panic!("{records:?}: {other:?}"),
    }
}

#[test]
fn every_story_of_the_design_is_legal() {
    let stories: [&[_]; 18] = [
        &[CREATED],
        &[CREATED, DENIED],
        &[CREATED, EXPIRED],
        &[CREATED, CANCELLED],
        &[CREATED, WAITING, REFUSED, DENIED],
        &[CREATED, APPROVED, EXPIRED, REFUSED],
        &[CREATED, APPROVED, CANCELLED],
        &[CREATED, WAITING, APPROVED, CLAIMED, STARTED, FINISHED],
        &[CREATED, APPROVED, CLAIMED, STARTED, UNKNOWN],
        &[CREATED, APPROVED, CLAIMED, UNKNOWN],
        &[CREATED, APPROVED, DENIED],
        &[CREATED, APPROVED, CLAIMED, ABANDONED],
        &[CREATED, APPROVED, CLAIMED, STARTED, ABANDONED],
        &[CREATED, APPROVED, CLAIMED, STARTED, UNKNOWN, FINISHED],
        &[CREATED, APPROVED, VOIDED, APPROVED, CLAIMED, ABANDONED],
        &[CREATED, WAITING, VOIDED, VOIDED, EXPIRED],
        &[CREATED, OBSERVED, CLAIMED, STARTED, FINISHED],
        &[CREATED, OBSERVED, VOIDED, DENIED],
    ];
    for story in stories {
        let verified = verify(&log_of(story), Vec::new());
        assert!(
            verified.as_ref().is_ok_and(|log| log.open_claims == 0),
            "{story:?}: {verified:?}"
        );
    }
}

#[test]
fn claims_without_an_outcome_are_counted() {
    let log = log_of(&[
        CREATED,
        APPROVED,
        CLAIMED,
        ("request.created", "s", ""),
        ("decision.recorded", "s", "approved"),
        ("grant.claimed", "s", ""),
        ("run.started", "s", ""),
        ("request.created", "t", ""),
    ]);
    assert_eq!(verify(&log, Vec::new()).unwrap().open_claims, 2);
}

#[test]
fn a_second_claim_is_named_as_such_whatever_lies_between() {
    for story in [
        &[CREATED, APPROVED, CLAIMED, CLAIMED][..],
        &[CREATED, APPROVED, CLAIMED, STARTED, CLAIMED],
        &[CREATED, APPROVED, CLAIMED, STARTED, FINISHED, CLAIMED],
        &[CREATED, APPROVED, CLAIMED, UNKNOWN, CLAIMED],
    ] {
        let last = story.len() as u64 - 1;
        assert_eq!(illegal(story), (last, Illegality::ClaimedTwice));
    }
}

#[test]
fn impossible_stories_are_told_at_their_first_impossible_record() {
    use RecordType::{DecisionRecorded, GrantClaimed, RunFinished, RunStarted, RunUnknown};
    for (story, record_type, stage) in [
        (&[CREATED, CLAIMED][..], GrantClaimed, Stage::Pending),
        (&[CREATED, WAITING, CLAIMED], GrantClaimed, Stage::Pending),
        (&[CREATED, DENIED, CLAIMED], GrantClaimed, Stage::Ended),
        (&[CREATED, EXPIRED, CLAIMED], GrantClaimed, Stage::Ended),
        (&[CREATED, CANCELLED, CLAIMED], GrantClaimed, Stage::Ended),
        (&[CREATED, DENIED, APPROVED], DecisionRecorded, Stage::Ended),
        (
            &[CREATED, APPROVED, APPROVED],
            DecisionRecorded,
            Stage::Approved,
        ),
        (&[CREATED, APPROVED, STARTED], RunStarted, Stage::Approved),
        (
            &[CREATED, APPROVED, CLAIMED, FINISHED],
            RunFinished,
            Stage::Claimed,
        ),
        (
            &[CREATED, APPROVED, WAITING],
            DecisionRecorded,
            Stage::Approved,
        ),
        (
            &[CREATED, APPROVED, CLAIMED, UNKNOWN, STARTED],
            RunStarted,
            Stage::Unknown,
        ),
        (
            &[CREATED, APPROVED, ABANDONED],
            RecordType::RunAbandoned,
            Stage::Approved,
        ),
        (&[CREATED, APPROVED, UNKNOWN], RunUnknown, Stage::Approved),
        (
            &[CREATED, APPROVED, CLAIMED, STARTED, STARTED],
            RunStarted,
            Stage::Started,
        ),
        (
            &[CREATED, APPROVED, CLAIMED, UNKNOWN, FINISHED, FINISHED],
            RunFinished,
            Stage::Ended,
        ),
        (
            &[CREATED, APPROVED, CLAIMED, CANCELLED],
            RecordType::RequestCancelled,
            Stage::Claimed,
        ),
        (
            &[CREATED, APPROVED, CLAIMED, EXPIRED],
            RecordType::RequestExpired,
            Stage::Claimed,
        ),
    ] {
        let last = story.len() as u64 - 1;
        let expected = Illegality::OutOfTurn { record_type, stage };
        assert_eq!(illegal(story), (last, expected), "{story:?}");
    }
}

#[test]
fn what_does_not_count_any_more_makes_no_approval_and_ends_nothing() {
    use RecordType::{DecisionVoided, GrantClaimed, RequestObserved};
    for (story, record_type, stage) in [
        (
            &[CREATED, APPROVED, VOIDED, CLAIMED][..],
            GrantClaimed,
            Stage::Pending,
        ),
        (&[CREATED, STILL_APPROVED], DecisionVoided, Stage::Pending),
        (
            &[CREATED, APPROVED, CLAIMED, VOIDED],
            DecisionVoided,
            Stage::Claimed,
        ),
        (
            &[CREATED, APPROVED, OBSERVED],
            RequestObserved,
            Stage::Approved,
        ),
    ] {
        let last = story.len() as u64 - 1;
        let expected = Illegality::OutOfTurn { record_type, stage };
        assert_eq!(illegal(story), (last, expected), "{story:?}");
    }
}

#[test]
fn a_request_is_created_once_and_first() {
    assert_eq!(illegal(&[CREATED, CREATED]), (1, Illegality::CreatedTwice));
    assert_eq!(
        illegal(&[CREATED, CANCELLED, CREATED]),
        (2, Illegality::CreatedTwice)
    );
    for orphan in [
        APPROVED, REFUSED, CANCELLED, EXPIRED, CLAIMED, STARTED, FINISHED, UNKNOWN,
    ] {
        let record_type = orphan.0.parse().unwrap();
        assert_eq!(
            illegal(&[("request.created", "other", ""), orphan]),
            (1, Illegality::NeverCreated(record_type))
        );
    }
}

#[test]
fn a_review_says_which_status_it_leads_to() {
    for status in ["claimed", ""] {
        assert_eq!(
            illegal(&[CREATED, ("decision.recorded", "r", status)]),
            (1, Illegality::Status(RecordType::DecisionRecorded)),
            "{status:?}"
        );
    }
    // The form of the published vectors.
    let mut log = Vec::new();
    for record_type in [CREATED.0, "decision.recorded", CLAIMED.0, STARTED.0] {
        append(&mut log, record_type, &json!({"request_id": "r"}));
    }
    assert_eq!(verify(&log, Vec::new()).unwrap().open_claims, 1);
}

#[test]
fn a_request_is_named_by_one_member() {
    for body in [
        json!({}),
        json!({"request": 1}),
        json!({"request": "r", "request_id": "r"}),
    ] {
        let mut log = Vec::new();
        append(&mut log, "request.created", &body);
        assert!(
            matches!(
                verify(&log, Vec::new()),
                Err(LogFault::Record(bad)) if matches!(bad.fault, RecordFault::Illegal(_))
            ),
            "{body}"
        );
    }
    let mut log = Vec::new();
    append(&mut log, "request.created", &json!({"request_id": "r"}));
    append(&mut log, "request.cancelled", &json!({"request": "r"}));
    assert!(verify(&log, Vec::new()).is_ok());
}

#[test]
fn records_that_concern_no_request_tell_no_story() {
    let log = log_of(&[
        ("server.epoch", "", ""),
        ("allow.recorded", "", ""),
        ("client.gap", "r", ""),
        ("some.future_type", "", ""),
    ]);
    assert_eq!(verify(&log, Vec::new()).unwrap().records, 4);
}

#[test]
fn who_asked_approves_nothing_and_a_claim_names_those_who_did() {
    use Illegality::{SelfApproved, Status, Unapproved};
    use RecordType::{DecisionRecorded, GrantClaimed};
    let created = json!({"request": "r", "requester":
        {"name": "ann", "kind": "user", "person": "Ann"}});
    let yes = |who: &str, person: &str| {
        json!({"request": "r", "reviewer": who, "person": person, "answer": "approve",
            "status": "approved"})
    };
    let claim = |names: &[&str]| json!({"request": "r", "approved_by": names});
    let observed = json!({"request": "r", "approved_by": [], "observed": true});
    let no = json!({"request": "r", "reviewer": "bob", "answer": "deny", "status": "approved"});
    let itself = Some((1, SelfApproved(DecisionRecorded)));
    let by_nobody = Some((2, Unapproved(GrantClaimed)));
    for (review, claimed, expected) in [
        (yes("bob", "Bob"), claim(&["bob"]), None),
        (yes("ann", "x"), claim(&["ann"]), itself.clone()),
        (yes("ann2", "Ann"), claim(&["ann2"]), itself.clone()),
        (no, claim(&["bob"]), Some((1, Status(DecisionRecorded)))),
        (yes("bob", "Bob"), claim(&[]), by_nobody.clone()),
        (yes("bob", "Bob"), claim(&["eve"]), by_nobody.clone()),
        (yes("bob", "Bob"), claim(&["bob", "eve"]), by_nobody.clone()),
        (
            yes("bob", "Bob"),
            json!({"request": "r"}),
            by_nobody.clone(),
        ),
        (yes("bob", "Bob"), observed, by_nobody.clone()),
    ] {
        let mut log = Vec::new();
        append(&mut log, "request.created", &created);
        append(&mut log, "decision.recorded", &review);
        append(&mut log, "grant.claimed", &claimed);
        let found = match verify(&log, Vec::new()) {
            Ok(_) => None,
            Err(LogFault::Record(BadRecord {
                index,
                fault: RecordFault::Illegal(illegality),
                ..
            })) => Some((index, illegality)),
            other => panic!("{review} {claimed}: {other:?}"),
        };
        assert_eq!(found, expected, "{review} {claimed}");
    }
}

#[test]
fn an_approval_that_was_taken_back_counts_for_no_claim() {
    let mut log = log_of(&[CREATED, WAITING]);
    let body = |more: serde_json::Value| {
        let mut body = json!({"request": "r"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    append(
        &mut log,
        "decision.voided",
        &body(json!({"reviewer": "bob", "status": "pending"})),
    );
    let eve = json!({"reviewer": "eve", "answer": "approve", "status": "approved"});
    append(&mut log, "decision.recorded", &body(eve));
    let mut good = log.clone();
    append(
        &mut good,
        "grant.claimed",
        &body(json!({"approved_by": ["eve"]})),
    );
    assert!(verify(&good, Vec::new()).is_ok());
    append(
        &mut log,
        "grant.claimed",
        &body(json!({"approved_by": ["bob", "eve"]})),
    );
    let expected = Illegality::Unapproved(RecordType::GrantClaimed);
    assert!(matches!(verify(&log, Vec::new()),
        Err(LogFault::Record(bad)) if bad.index == 4 && bad.fault == RecordFault::Illegal(expected)));
}

#[test]
fn a_log_behind_an_archive_goes_on_with_stories_that_began_there() {
    let whole = log_of(&[CREATED, APPROVED, CLAIMED, STARTED, FINISHED, FINISHED]);
    for at in 1..whole.len() {
        let (before, behind) = whole.split_at(at);
        let mut tree = Frontier::default();
        for record in before {
            tree.append(leaf_hash(record));
        }
        let last = Digest::of_bytes(&before[at - 1]);
        let mut verifier = LogVerifier::after(tree, last, Vec::new());
        let fed: Vec<bool> = behind
            .iter()
            .map(|record| verifier.feed(record).is_ok())
            .collect();
        // The second end is impossible, wherever the first one that is here stands.
        let (end, good) = fed.split_last().unwrap();
        assert!(good.iter().all(|is_good| *is_good), "{at}: {fed:?}");
        assert_eq!(*end, at == whole.len() - 1, "{at}: {fed:?}");
    }
}
