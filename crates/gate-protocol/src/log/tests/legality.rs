//! Which stories a request may tell.

use serde_json::json;

use super::super::{BadRecord, Illegality, LogFault, RecordFault, RecordType, Stage};
use super::{append, log_of, verify};

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
