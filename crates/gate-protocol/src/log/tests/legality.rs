//! Which stories a request may tell.

use serde_json::json;

use super::super::{
    BadRecord, Checkpoint, Frontier, Illegality, LogFault, LogVerifier, RecordFault, RecordType,
    Stage, leaf_hash, root,
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

/// Feeds records behind those that went into an archive, and returns which were good.
fn behind_archive(records: &[(&str, &str, &str)]) -> Vec<bool> {
    let whole = log_of(&[&[("request.created", "gone", "")], records].concat());
    let (before, behind) = whole.split_at(1);
    let mut tree = Frontier::default();
    tree.append(leaf_hash(&before[0]));
    let last = Digest::of_bytes(&before[0]);
    let mut verifier = LogVerifier::after(tree, last, Vec::new());
    let fed = behind.iter().map(|record| verifier.feed(record).is_ok());
    fed.collect()
}

/// The record by which the first record was dropped.
const DROPPED: (&str, &str, &str) = ("log.pruned", "", "");
const OPEN: [(&str, &str, &str); 8] = [
    CLAIMED,
    STARTED,
    OBSERVED,
    APPROVED,
    WAITING,
    VOIDED,
    STILL_APPROVED,
    UNKNOWN,
];

#[test]
fn what_is_told_of_a_request_behind_the_drop_of_its_archive_can_only_end_it() {
    for first in [FINISHED, ABANDONED, DENIED, CANCELLED, EXPIRED] {
        assert_eq!(behind_archive(&[DROPPED, REFUSED, first]), [true; 3]);
        // It has ended there.
        for story in [[DROPPED, first, FINISHED], [first, DROPPED, FINISHED]] {
            assert_eq!(behind_archive(&story), [true, true, false], "{story:?}");
        }
    }
    let whole = [DROPPED, CREATED, APPROVED, CLAIMED, STARTED, FINISHED];
    assert_eq!(behind_archive(&whole), [true; 6]);
    // No request that is open is dropped: nobody created or approved what these go on with.
    for first in OPEN {
        assert_eq!(
            behind_archive(&[DROPPED, first]),
            [true, false],
            "{first:?}"
        );
    }
}

#[test]
fn a_story_that_an_archive_cut_goes_on_until_that_is_dropped() {
    for first in OPEN {
        assert_eq!(behind_archive(&[first, DROPPED]), [true; 2], "{first:?}");
    }
    let cut = [APPROVED, CLAIMED, STARTED, FINISHED, DROPPED];
    for start in 0..cut.len() {
        let behind = &cut[start..];
        assert_eq!(behind_archive(behind), vec![true; behind.len()]);
    }
    assert_eq!(behind_archive(&[CLAIMED, CLAIMED]), [true, false]);
}

#[test]
fn a_checkpoint_below_the_first_record_that_is_here_is_refused_and_not_passed_over() {
    let log = log_of(&[CREATED, DENIED, ("request.created", "s", "")]);
    let checkpoint = |size: usize| Checkpoint {
        origin: "gate.example/log".to_owned(),
        size: size as u64,
        root: root(log[..size].iter().map(|record| leaf_hash(record))),
    };
    let after = |checkpoints: Vec<Checkpoint>| {
        let mut tree = Frontier::default();
        for record in &log[..2] {
            tree.append(leaf_hash(record));
        }
        LogVerifier::after(tree, Digest::of_bytes(&log[1]), checkpoints)
    };
    let mut good = after(vec![checkpoint(2), checkpoint(3)]);
    good.feed(&log[2]).unwrap();
    good.finish().unwrap();
    let mut refused = after(vec![checkpoint(3), checkpoint(1)]);
    let fault = LogFault::Before { size: 1, start: 2 };
    assert_eq!(refused.feed(&log[2]), Err(fault.clone()));
    assert_eq!(refused.finish(), Err(fault));
}

/// Returns what is wrong with the last of some records about one request.
fn last_fault(records: &[(&str, serde_json::Value)]) -> Option<RecordFault> {
    let mut log = Vec::new();
    for (record_type, rest) in records {
        let mut body = rest.clone();
        body["request"] = "r".into();
        append(&mut log, record_type, &body);
    }
    match verify(&log, Vec::new()) {
        Ok(_) => None,
        Err(LogFault::Record(bad)) => {
            assert_eq!(bad.index, records.len() as u64 - 1, "{bad:?}");
            Some(bad.fault)
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// THREATS, "decision carries digest": what is granted is what was asked for and approved.
#[test]
fn a_claim_and_an_answer_are_about_the_digest_that_was_asked_for() {
    let created = ("request.created", json!({"digest": "aa"}));
    let decided = |digest: &str| {
        let body = json!({"reviewer": "bob", "answer": "approve", "status": "approved",
            "digest": digest});
        ("decision.recorded", body)
    };
    let claimed = |digest: &str| {
        let body = json!({"approved_by": ["bob"], "digest": digest, "claim_nonce": "n"});
        ("grant.claimed", body)
    };
    let good = [created.clone(), decided("aa"), claimed("aa")];
    assert_eq!(last_fault(&good), None);
    let other = |kind| Some(RecordFault::Illegal(Illegality::OtherDigest(kind)));
    let wrong = [created.clone(), decided("bb")];
    assert_eq!(last_fault(&wrong), other(RecordType::DecisionRecorded));
    let wrong = [created, decided("aa"), claimed("bb")];
    assert_eq!(last_fault(&wrong), other(RecordType::GrantClaimed));
}

#[test]
fn a_run_is_of_the_claim_that_was_granted() {
    let before = [
        ("request.created", json!({})),
        (
            "decision.recorded",
            json!({"reviewer": "bob", "answer": "approve", "status": "approved"}),
        ),
        (
            "grant.claimed",
            json!({"approved_by": ["bob"], "claim_nonce": "n"}),
        ),
    ];
    let told = |more: &[(&'static str, &str)]| {
        let more = more
            .iter()
            .map(|(kind, nonce)| (*kind, json!({"claim_nonce": nonce})));
        let records: Vec<_> = before.iter().cloned().chain(more).collect();
        last_fault(&records)
    };
    assert_eq!(told(&[("run.started", "n"), ("run.finished", "n")]), None);
    let other = |kind| Some(RecordFault::Illegal(Illegality::OtherClaim(kind)));
    let started = told(&[("run.started", "m")]);
    assert_eq!(started, other(RecordType::RunStarted));
    let finished = told(&[("run.started", "n"), ("run.finished", "m")]);
    assert_eq!(finished, other(RecordType::RunFinished));
    let abandoned = told(&[("run.abandoned", "m")]);
    assert_eq!(abandoned, other(RecordType::RunAbandoned));
}
