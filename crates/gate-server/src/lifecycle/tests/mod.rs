//! Every event in every status.

mod counting;
mod stories;

use super::*;
use gate_protocol::principal::PrincipalKind;
use gate_protocol::runner_key::RunnerSecret;

const STATUSES: [ApprovalStatus; 9] = [
    ApprovalStatus::Pending,
    ApprovalStatus::Approved,
    ApprovalStatus::Denied,
    ApprovalStatus::Expired,
    ApprovalStatus::Cancelled,
    ApprovalStatus::Claimed,
    ApprovalStatus::Started,
    ApprovalStatus::Finished,
    ApprovalStatus::Unknown,
];

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn nonce(digit: char) -> Nonce {
    digit.to_string().repeat(32).parse().unwrap()
}

fn requirement(approvers: &[&str], count: u32) -> Requirement {
    Requirement::of(approvers.iter().map(ToString::to_string).collect(), count)
}

fn answered(name: &str, groups: &[&str], answer: Answer) -> Answered {
    Answered {
        review: Review {
            reviewer: name.to_owned(),
            answer,
            comment: None,
            at: at(10),
            channel: "api".to_owned(),
            void: None,
        },
        person: name.to_owned(),
        groups: groups.iter().map(ToString::to_string).collect(),
        token: None,
    }
}

/// A request in a status, as the events that lead there would leave it.
fn state(status: ApprovalStatus) -> RequestState {
    let is_claimed = matches!(
        status,
        ApprovalStatus::Claimed
            | ApprovalStatus::Started
            | ApprovalStatus::Finished
            | ApprovalStatus::Unknown
    );
    let was_approved = is_claimed || status == ApprovalStatus::Approved;
    RequestState {
        status,
        requester: Requester {
            name: "agent".to_owned(),
            kind: PrincipalKind::Agent,
            owner: Some("owner".to_owned()),
            person: None,
        },
        digest: Digest::of_bytes(b"request"),
        runner_key: RunnerSecret::from_seed(&[1; 32]).public(),
        requirements: vec![requirement(&["group:approvers"], 1)],
        permit_ttl_seconds: 50,
        reviews: if was_approved {
            vec![answered("carol", &["approvers"], Answer::Approve)]
        } else {
            Vec::new()
        },
        created_at: at(0),
        answer_by: at(100),
        is_observed: false,
        expires_at: at(100),
        deadline_at: (!status.is_terminal()).then(|| at(100)),
        claim: is_claimed.then(|| Claimed {
            nonce: nonce('a'),
            not_after: at(60),
        }),
        has_outcome: status == ApprovalStatus::Finished,
    }
}

fn groups() -> Vec<String> {
    vec!["approvers".to_owned()]
}

/// Applies a review by `name`, who is in the group `approvers`. An account
/// `alice/2` is a second one of alice.
fn reviewed(
    state: &RequestState,
    name: &str,
    answer: Answer,
    now: i64,
) -> Result<Transition, Refusal> {
    let groups = groups();
    let event = Event::Review {
        reviewer: Reviewer {
            name,
            person: name.split('/').next().unwrap(),
            groups: &groups,
        },
        answer,
        digest: state.digest,
        electorate: &everybody(),
    };
    apply(state, &event, at(now))
}

/// Returns the electorate in which all who appear here may act, in their group.
fn everybody() -> Electorate {
    let mut electorate = Electorate::default();
    for name in ["bob", "carol", "dave", "eve"] {
        admit(&mut electorate, name, &["approvers"]);
    }
    electorate
}

fn admit(electorate: &mut Electorate, name: &str, groups: &[&str]) {
    let voter = Voter {
        person: name.to_owned(),
        groups: groups.iter().map(ToString::to_string).collect(),
        rests: Rests::default(),
        kin: std::collections::BTreeSet::new(),
    };
    electorate.admit(name.to_owned(), voter);
}

fn claimed(state: &RequestState, digit: char, now: i64) -> Result<Transition, Refusal> {
    let event = Event::Claim {
        nonce: nonce(digit),
        digest: state.digest,
        runner_key: state.runner_key,
        electorate: &everybody(),
        is_observing: false,
        report_by: at(now + 30),
    };
    apply(state, &event, at(now))
}

type Row = (ApprovalStatus, Result<(ApprovalStatus, Happened), Refusal>);

/// Holds an event against every status; statuses that are not named are too late.
fn table(named: &[Row], event: impl Fn(&RequestState) -> Result<Transition, Refusal>) {
    for status in STATUSES {
        let found = event(&state(status)).map(|t| (t.status, t.happened));
        let expected = named
            .iter()
            .find(|(named, _)| *named == status)
            .map_or(Err(Refusal::TooLate(status)), |(_, expected)| *expected);
        assert_eq!(found, expected, "{status:?}");
    }
}

use ApprovalStatus as S;
use Happened as H;

#[test]
fn an_approval_counts_while_pending_only() {
    table(&[(S::Pending, Ok((S::Approved, H::Reviewed)))], |state| {
        reviewed(state, "bob", Answer::Approve, 50)
    });
    let approved = reviewed(&state(S::Pending), "bob", Answer::Approve, 50).unwrap();
    assert_eq!(approved.expires_at, at(100));
    assert_eq!(approved.deadline_at, Some(at(100)));
}

#[test]
fn a_denial_wins_until_the_claim_and_is_final() {
    table(
        &[
            (S::Pending, Ok((S::Denied, H::Reviewed))),
            (S::Approved, Ok((S::Denied, H::Reviewed))),
        ],
        |state| reviewed(state, "bob", Answer::Deny, 50),
    );
    // The same person may turn a yes into a no, never back.
    let changed = reviewed(&state(S::Approved), "carol", Answer::Deny, 50).unwrap();
    assert_eq!((changed.status, changed.deadline_at), (S::Denied, None));
    let mut denied = state(S::Denied);
    denied.reviews = vec![answered("carol", &["approvers"], Answer::Deny)];
    assert_eq!(
        reviewed(&denied, "carol", Answer::Approve, 50),
        Err(Refusal::TooLate(S::Denied))
    );
}

#[test]
fn the_same_answer_again_changes_nothing_in_any_status() {
    for status in STATUSES {
        let mut state = state(status);
        state.reviews = vec![answered("carol", &["approvers"], Answer::Approve)];
        let again = reviewed(&state, "carol", Answer::Approve, 50).unwrap();
        assert_eq!((again.status, again.happened), (status, H::Nothing));
    }
}

#[test]
fn cancelling_works_until_the_claim_and_twice_is_as_once() {
    table(
        &[
            (S::Pending, Ok((S::Cancelled, H::Cancelled))),
            (S::Approved, Ok((S::Cancelled, H::Cancelled))),
            (S::Cancelled, Ok((S::Cancelled, H::Nothing))),
        ],
        |state| apply(state, &Event::Cancel, at(50)),
    );
}

#[test]
fn a_claim_is_granted_once() {
    table(
        &[
            (S::Pending, Err(Refusal::NotApproved)),
            (S::Approved, Ok((S::Claimed, H::Claimed))),
            (S::Claimed, Ok((S::Claimed, H::ClaimedBefore))),
        ],
        |state| claimed(state, 'a', 50),
    );
    table(
        &[
            (S::Pending, Err(Refusal::NotApproved)),
            (S::Approved, Ok((S::Claimed, H::Claimed))),
            (S::Claimed, Err(Refusal::ClaimedByOther)),
        ],
        |state| claimed(state, 'b', 50),
    );
    assert_eq!(
        claimed(&state(S::Approved), 'a', 50).unwrap().deadline_at,
        Some(at(80))
    );
    // The grant that it would be answered with has ended.
    assert_eq!(claimed(&state(S::Claimed), 'a', 60), Err(Refusal::Expired));
}

#[test]
fn a_start_is_told_once_by_who_holds_the_claim() {
    let start = |digit| Event::Start {
        nonce: nonce(digit),
        report_by: at(900),
    };
    for status in STATUSES {
        let found = apply(&state(status), &start('a'), at(50)).map(|t| (t.status, t.happened));
        let expected = match status {
            S::Claimed => Ok((S::Started, H::Started)),
            S::Started | S::Finished | S::Unknown => Err(Refusal::TooLate(status)),
            S::Pending | S::Approved | S::Denied | S::Expired | S::Cancelled => {
                Err(Refusal::OtherClaim)
            }
        };
        assert_eq!(found, expected, "{status:?}");
        assert_eq!(
            apply(&state(status), &start('b'), at(50)),
            Err(Refusal::OtherClaim)
        );
    }
    let started = apply(&state(S::Claimed), &start('a'), at(50)).unwrap();
    assert_eq!(started.deadline_at, Some(at(900)));
}

#[test]
fn an_end_is_told_once_and_late_changes_no_status() {
    for (event, happened) in [
        (Event::Finish { nonce: nonce('a') }, H::Finished),
        (Event::Abandon { nonce: nonce('a') }, H::Abandoned),
    ] {
        for status in STATUSES {
            let found = apply(&state(status), &event, at(50)).map(|t| (t.status, t.happened));
            let expected = match status {
                S::Claimed if happened == H::Finished => Ok((S::Finished, H::StartedAndFinished)),
                S::Claimed | S::Started => Ok((S::Finished, happened)),
                S::Unknown => Ok((S::Unknown, H::OutcomeAfterAll)),
                S::Finished => Err(Refusal::TooLate(status)),
                S::Pending | S::Approved | S::Denied | S::Expired | S::Cancelled => {
                    Err(Refusal::OtherClaim)
                }
            };
            assert_eq!(found, expected, "{status:?}");
        }
        let mut known = state(S::Unknown);
        known.has_outcome = true;
        assert_eq!(
            apply(&known, &event, at(50)),
            Err(Refusal::TooLate(S::Unknown))
        );
    }
    let other = Event::Finish { nonce: nonce('b') };
    assert_eq!(
        apply(&state(S::Started), &other, at(50)),
        Err(Refusal::OtherClaim)
    );
}

#[test]
fn time_ends_what_waits_and_gives_up_what_runs() {
    for status in STATUSES {
        let passed = |now| {
            let transition = apply(&state(status), &Event::Pass, at(now)).unwrap();
            (transition.status, transition.happened)
        };
        assert_eq!(passed(99), (status, H::Nothing));
        let expected = match status {
            S::Pending | S::Approved => (S::Expired, H::Expired),
            S::Claimed | S::Started => (S::Unknown, H::LostTrack),
            S::Denied | S::Expired | S::Cancelled | S::Finished | S::Unknown => {
                (status, H::Nothing)
            }
        };
        assert_eq!(passed(100), expected, "{status:?}");
    }
}

#[test]
fn after_its_end_a_request_can_be_neither_answered_nor_claimed_nor_cancelled() {
    for status in [S::Pending, S::Approved] {
        let state = state(status);
        assert_eq!(
            reviewed(&state, "bob", Answer::Deny, 100),
            Err(Refusal::Expired)
        );
        assert_eq!(
            apply(&state, &Event::Cancel, at(100)),
            Err(Refusal::Expired)
        );
    }
    let pending = reviewed(&state(S::Pending), "bob", Answer::Approve, 100);
    assert_eq!(pending, Err(Refusal::Expired));
    assert_eq!(
        claimed(&state(S::Approved), 'a', 100),
        Err(Refusal::Expired)
    );
}

#[test]
fn nobody_approves_what_is_their_own() {
    for status in STATUSES {
        for name in ["owner", "owner/2"] {
            let own = reviewed(&state(status), name, Answer::Approve, 50);
            assert_eq!(own, Err(Refusal::SelfReview));
        }
    }
}

#[test]
fn who_owns_the_agent_may_deny_what_it_asks_and_so_end_it() {
    for status in [S::Pending, S::Approved] {
        let denied = reviewed(&state(status), "owner", Answer::Deny, 50).unwrap();
        assert_eq!(denied.status, S::Denied);
    }
}

#[test]
fn who_asks_by_one_account_does_not_review_by_another() {
    let mut state = state(S::Pending);
    state.requester = Requester {
        name: "alice-ops".to_owned(),
        kind: PrincipalKind::User,
        owner: None,
        person: Some("alice".to_owned()),
    };
    // The account itself too, whatever it is said to be.
    for name in ["alice", "alice/2", "alice-ops"] {
        let own = reviewed(&state, name, Answer::Approve, 50);
        assert_eq!(own, Err(Refusal::SelfReview));
        let own = reviewed(&state, name, Answer::Deny, 50);
        assert_eq!(own, Err(Refusal::OwnDenial));
    }
    assert!(reviewed(&state, "bob", Answer::Approve, 50).is_ok());
}

#[test]
fn only_who_is_named_reviews() {
    let mut state = state(S::Pending);
    state.requirements = vec![requirement(&["user:dave", "group:dba"], 1)];
    assert_eq!(
        reviewed(&state, "bob", Answer::Approve, 1),
        Err(Refusal::NotAReviewer)
    );
    assert_eq!(
        reviewed(&state, "bob", Answer::Deny, 1),
        Err(Refusal::NotAReviewer)
    );
    assert_eq!(
        reviewed(&state, "dave", Answer::Approve, 1).unwrap().status,
        S::Approved
    );
    state.requirements = vec![requirement(&[], 1)];
    assert_eq!(
        reviewed(&state, "eve", Answer::Approve, 1).unwrap().status,
        S::Approved
    );
}

#[test]
fn n_of_m_counts_different_people_for_each_requirement() {
    let mut state = state(S::Pending);
    state.requirements = vec![
        requirement(&["group:approvers"], 2),
        requirement(&["user:dave"], 1),
    ];
    let first = reviewed(&state, "bob", Answer::Approve, 1).unwrap();
    assert_eq!((first.status, first.happened), (S::Pending, H::Reviewed));
    state.reviews = vec![answered("bob", &["approvers", "dba"], Answer::Approve)];
    let same = reviewed(&state, "bob", Answer::Approve, 1).unwrap();
    assert_eq!((same.status, same.happened), (S::Pending, H::Nothing));
    let same = reviewed(&state, "bob/2", Answer::Approve, 1).unwrap();
    assert_eq!(same.status, S::Pending, "two accounts are one person");
    let second = reviewed(&state, "carol", Answer::Approve, 1).unwrap();
    assert_eq!(second.status, S::Pending, "dave is missing");
    let dave = reviewed(&state, "dave", Answer::Approve, 1).unwrap();
    assert_eq!(dave.status, S::Approved, "dave is in the group and is dave");
}

#[test]
fn a_claim_needs_approvals_of_people_who_may_still_act() {
    let state = state(S::Approved);
    let nobody = Electorate::default();
    let claim = |digest, runner_key, electorate| {
        let event = Event::Claim {
            nonce: nonce('a'),
            digest,
            runner_key,
            electorate,
            is_observing: false,
            report_by: at(80),
        };
        apply(&state, &event, at(50))
    };
    let (digest, runner) = (state.digest, state.runner_key);
    assert_eq!(claim(digest, runner, &nobody), Err(Refusal::Lapsed));
    let carol = everybody();
    let other = RunnerSecret::from_seed(&[2; 32]).public();
    assert_eq!(
        claim(Digest::of_bytes(b"x"), runner, &carol),
        Err(Refusal::OtherDigest)
    );
    assert_eq!(claim(digest, other, &carol), Err(Refusal::OtherRunner));
    assert!(claim(digest, runner, &carol).is_ok());
}
