//! Who fills which place, who has no say, and what that does to an approval.

use gate_protocol::request::Escalation;
use proptest::prelude::*;

use super::*;

fn apart(approvers: &[&str], count: u32) -> Requirement {
    Requirement {
        apart: Some("team/two-groups".to_owned()),
        ..requirement(approvers, count)
    }
}

fn yes(name: &str, groups: &[&str]) -> Answered {
    answered(name, groups, Answer::Approve)
}

fn unmet(requirements: &[Requirement], answers: &[Answered]) -> usize {
    let mut state = state(S::Pending);
    state.requirements = requirements.to_vec();
    state.unmet_by(at(1), answers).len()
}

#[test]
fn one_person_fills_one_place_of_a_rule_with_several_groups() {
    let rule = [apart(&["group:sre"], 1), apart(&["group:dba"], 1)];
    let both = yes("alice", &["sre", "dba"]);
    assert_eq!(
        unmet(&rule, std::slice::from_ref(&both)),
        1,
        "one click fills one place"
    );
    let sre = yes("bob", &["sre"]);
    assert_eq!(
        unmet(&rule, &[both.clone(), sre.clone()]),
        0,
        "alice moves over to dba"
    );
    assert_eq!(
        unmet(&rule, &[sre, yes("carol", &["sre"])]),
        1,
        "nobody is a dba"
    );
    let of_two_rules = [
        requirement(&["group:sre"], 1),
        requirement(&["group:dba"], 1),
    ];
    assert_eq!(
        unmet(&of_two_rules, &[both]),
        0,
        "each rule is met by itself"
    );
}

#[test]
fn two_accounts_of_one_person_are_one_person() {
    let two = [requirement(&["group:approvers"], 2)];
    let mut second = yes("alice-admin", &["approvers"]);
    "alice".clone_into(&mut second.person);
    let first = yes("alice", &["approvers"]);
    assert_eq!(unmet(&two, &[first.clone(), second.clone()]), 1);
    assert_eq!(unmet(&two, &[first, second, yes("bob", &["approvers"])]), 0);
}

#[test]
fn whoever_has_no_say_approves_by_no_account_and_denies_by_each() {
    let state = state(S::Pending);
    let groups = groups();
    let mut electorate = everybody();
    for (why, expected) in [
        (
            Exclusion::EditedRule,
            Refusal::Excluded(Exclusion::EditedRule),
        ),
        (
            Exclusion::MadeToken,
            Refusal::Excluded(Exclusion::MadeToken),
        ),
        (Exclusion::Owns, Refusal::SelfReview),
        (Exclusion::Asked, Refusal::SelfReview),
    ] {
        electorate.exclude("the-human".to_owned(), why);
        let answers = |answer| {
            let event = Event::Review {
                reviewer: Reviewer {
                    name: "second-account",
                    person: "the-human",
                    groups: &groups,
                },
                answer,
                digest: state.digest,
                electorate: &electorate,
            };
            apply(&state, &event, at(1))
        };
        assert_eq!(answers(Answer::Approve), Err(expected));
        // A no is everybody's who is named, whatever they had a hand in.
        assert_eq!(answers(Answer::Deny).unwrap().status, S::Denied);
    }
}

#[test]
fn a_second_group_joins_after_its_time_and_not_before() {
    let mut state = state(S::Pending);
    state.requirements = vec![Requirement {
        escalation: Some(Escalation {
            after_seconds: 30,
            to: vec!["group:leads".to_owned()],
        }),
        ..requirement(&["group:sre"], 1)
    }];
    let lead = |now| {
        let groups = ["leads".to_owned()];
        let event = Event::Review {
            reviewer: Reviewer {
                name: "eve",
                person: "eve",
                groups: &groups,
            },
            answer: Answer::Approve,
            digest: state.digest,
            electorate: &everybody(),
        };
        apply(&state, &event, at(now)).map(|transition| transition.status)
    };
    assert_eq!(lead(29), Err(Refusal::NotAReviewer));
    assert_eq!(lead(30), Ok(S::Approved));
}

fn recounted(state: &RequestState, electorate: &Electorate, now: i64) -> Transition {
    let event = Event::Recount {
        electorate,
        is_observing: false,
    };
    apply(state, &event, at(now)).unwrap()
}

#[test]
fn an_approval_that_does_not_count_any_more_opens_the_question_again() {
    let approved = state(S::Approved);
    assert_eq!(recounted(&approved, &everybody(), 50).happened, H::Nothing);
    let mut excluded = everybody();
    excluded.exclude("carol".to_owned(), Exclusion::EditedRequester);
    let mut left = everybody();
    admit(&mut left, "carol", &["others"]);
    for (electorate, why) in [
        (excluded, Void::Excluded(Exclusion::EditedRequester)),
        (left, Void::NotNamed),
        (Electorate::default(), Void::Disabled),
    ] {
        let voided = approved.voided(&electorate, at(50));
        assert_eq!(voided, [("carol".to_owned(), why)]);
        let mut void = approved.clone();
        void.reviews[0].review.void = Some(why.words());
        let again = recounted(&void, &electorate, 50);
        assert_eq!((again.status, again.happened), (S::Pending, H::Reopened));
        assert_eq!(again.deadline_at, Some(approved.answer_by));
        let mut late = void.clone();
        late.answer_by = at(40);
        let ended = recounted(&late, &electorate, 50);
        assert_eq!((ended.status, ended.deadline_at), (S::Expired, None));
        void.status = S::Pending;
        let once_more = reviewed(&void, "carol", Answer::Approve, 50).unwrap();
        assert_eq!(
            once_more.status,
            S::Approved,
            "a void answer may be given again"
        );
    }
}

#[test]
fn what_is_claimed_or_over_is_not_counted_again() {
    for status in STATUSES {
        let transition = recounted(&state(status), &Electorate::default(), 50);
        let expected = match status {
            S::Approved => S::Pending,
            S::Pending
            | S::Denied
            | S::Expired
            | S::Cancelled
            | S::Claimed
            | S::Started
            | S::Finished
            | S::Unknown => status,
        };
        assert_eq!(transition.status, expected);
    }
}

#[test]
fn an_observed_request_can_be_claimed_as_long_as_the_server_only_observes() {
    let observed = apply(&state(S::Pending), &Event::Observe, at(1)).unwrap();
    assert_eq!(
        (observed.status, observed.happened),
        (S::Approved, H::Observed)
    );
    let mut state = state(S::Approved);
    state.reviews.clear();
    state.is_observed = true;
    let claim = |is_observing| {
        let event = Event::Claim {
            nonce: nonce('a'),
            digest: state.digest,
            runner_key: state.runner_key,
            electorate: &everybody(),
            is_observing,
            report_by: at(80),
        };
        apply(&state, &event, at(50)).map(|transition| transition.status)
    };
    assert_eq!(claim(true), Ok(S::Claimed));
    assert_eq!(claim(false), Err(Refusal::Lapsed));
    state.is_observed = false;
    let unanswered = Event::Recount {
        electorate: &everybody(),
        is_observing: true,
    };
    let transition = apply(&state, &unanswered, at(50)).unwrap();
    assert_eq!(
        transition.status,
        S::Pending,
        "the mode approves nothing that it did not"
    );
}

#[test]
fn a_standing_grant_approves_what_those_who_confirmed_it_could() {
    let pending = state(S::Pending);
    let confirm = |answers: &[Answered], electorate: &Electorate| {
        let event = Event::Confirm {
            answers,
            electorate,
        };
        apply(&pending, &event, at(50)).unwrap().status
    };
    let bob = [yes("bob", &["approvers"])];
    assert_eq!(confirm(&bob, &everybody()), S::Approved);
    assert_eq!(confirm(&[], &everybody()), S::Pending);
    assert_eq!(confirm(&bob, &Electorate::default()), S::Pending);
    let mut excluded = everybody();
    excluded.exclude("bob".to_owned(), Exclusion::Owns);
    assert_eq!(confirm(&bob, &excluded), S::Pending);
}

/// Tells by trying every way whether the people fill the places.
fn fits(people: &[Vec<bool>], rooms: &mut [u32]) -> bool {
    let Some((person, others)) = people.split_first() else {
        return rooms.iter().all(|room| *room == 0);
    };
    if fits(others, rooms) {
        return true;
    }
    (0..rooms.len()).any(|place| {
        if !person[place] || rooms[place] == 0 {
            return false;
        }
        rooms[place] -= 1;
        let found = fits(others, rooms);
        rooms[place] += 1;
        found
    })
}

proptest! {
    #[test]
    fn places_are_filled_exactly_where_some_way_fills_them(
        people in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 3), 0..6),
        mut rooms in proptest::collection::vec(1..3_u32, 3),
    ) {
        const GROUPS: [&str; 3] = ["a", "b", "c"];
        let requirements: Vec<Requirement> = GROUPS
            .iter()
            .zip(&rooms)
            .map(|(group, count)| apart(&[&format!("group:{group}")], *count))
            .collect();
        let answers: Vec<Answered> = people
            .iter()
            .enumerate()
            .map(|(number, is_in)| {
                let groups: Vec<&str> = GROUPS
                    .iter()
                    .zip(is_in)
                    .filter_map(|(group, is)| is.then_some(*group))
                    .collect();
                yes(&format!("person-{number}"), &groups)
            })
            .collect();
        prop_assert_eq!(unmet(&requirements, &answers) == 0, fits(&people, &mut rooms));
    }
}
