//! Random stories: whatever happens in whatever order, the promises hold.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// One step of a random story.
#[derive(Clone, Copy, Debug)]
enum Step {
    Review(usize, bool, bool),
    Cancel,
    Claim(bool, bool),
    Start(bool),
    Finish(bool),
    Abandon(bool),
    Pass,
    Recount,
    Exclude(usize),
    Disable(usize),
}

fn step() -> impl Strategy<Value = (Step, i64)> {
    let step = prop_oneof![
        (0..5_usize, any::<bool>(), any::<bool>()).prop_map(|(n, a, d)| Step::Review(n, a, d)),
        Just(Step::Cancel),
        (any::<bool>(), any::<bool>()).prop_map(|(n, d)| Step::Claim(n, d)),
        any::<bool>().prop_map(Step::Start),
        any::<bool>().prop_map(Step::Finish),
        any::<bool>().prop_map(Step::Abandon),
        Just(Step::Pass),
        Just(Step::Recount),
        (2..5_usize).prop_map(Step::Exclude),
        (2..5_usize).prop_map(Step::Disable),
    ];
    (step, 0..30_i64)
}

const PEOPLE: [&str; 5] = ["agent", "owner", "bob", "carol", "dave"];

/// Who has lost their say so far.
#[derive(Clone, Default)]
struct World {
    excluded: [bool; 5],
    disabled: [bool; 5],
}

impl World {
    fn electorate(&self) -> Electorate {
        let mut electorate = Electorate::default();
        electorate.exclude("agent".to_owned(), Exclusion::Asked);
        electorate.exclude("owner".to_owned(), Exclusion::Owns);
        for (index, name) in PEOPLE.iter().enumerate() {
            if self.excluded[index] {
                electorate.exclude((*name).to_owned(), Exclusion::EditedRule);
            }
            if !self.disabled[index] {
                admit(&mut electorate, name, &["approvers"]);
            }
        }
        electorate
    }

    fn after(&mut self, step: Step) {
        if let Step::Exclude(person) = step {
            self.excluded[person] = true;
        }
        if let Step::Disable(person) = step {
            self.disabled[person] = true;
        }
    }

    fn has_say(&self, name: &str) -> bool {
        let index = PEOPLE.iter().position(|known| *known == name).unwrap();
        index > 1 && !self.excluded[index] && !self.disabled[index]
    }
}

/// Applies a step as the services do, and returns what happened.
fn play(state: &mut RequestState, world: &mut World, step: Step, now: i64) -> Option<Happened> {
    let pick = |first| nonce(if first { 'a' } else { 'b' });
    let groups = groups();
    world.after(step);
    let electorate = &world.electorate();
    let digest = |right| if right { state.digest } else { Digest::ZERO };
    let event = match step {
        Step::Review(person, is_yes, right) => Event::Review {
            reviewer: Reviewer {
                name: PEOPLE[person],
                person: PEOPLE[person],
                groups: &groups,
            },
            answer: if is_yes {
                Answer::Approve
            } else {
                Answer::Deny
            },
            digest: digest(right),
            electorate,
        },
        Step::Recount | Step::Exclude(_) | Step::Disable(_) => Event::Recount {
            electorate,
            is_observing: false,
        },
        Step::Cancel => Event::Cancel,
        Step::Claim(first, right) => Event::Claim {
            nonce: pick(first),
            digest: digest(right),
            runner_key: state.runner_key,
            electorate,
            is_observing: false,
            report_by: at(now + 40),
        },
        Step::Start(first) => Event::Start {
            nonce: pick(first),
            report_by: at(now + 40),
        },
        Step::Finish(first) => Event::Finish { nonce: pick(first) },
        Step::Abandon(first) => Event::Abandon { nonce: pick(first) },
        Step::Pass => Event::Pass,
    };
    void(state, electorate, now);
    let transition = apply(state, &event, at(now)).ok()?;
    keep(state, &event, transition, now);
    Some(transition.happened)
}

/// As the services do: what does not count any more is void before anything else.
fn void(state: &mut RequestState, electorate: &Electorate, now: i64) {
    for (name, why) in state.voided(electorate, at(now)) {
        let of_them = state.reviews.iter_mut();
        for one in of_them.filter(|one| one.review.reviewer == name) {
            one.review.void = Some(why.words());
        }
    }
}

/// Writes down what a transition says, as the services do.
fn keep(state: &mut RequestState, event: &Event<'_>, transition: Transition, now: i64) {
    if let Event::Review {
        reviewer, answer, ..
    } = event
        && transition.happened == Happened::Reviewed
    {
        let reviews = &mut state.reviews;
        reviews.retain(|other| other.review.reviewer != reviewer.name);
        reviews.push(answered(reviewer.name, &["approvers"], *answer));
    }
    if let Event::Claim { nonce, .. } = event
        && transition.happened == Happened::Claimed
    {
        state.claim = Some(Claimed {
            nonce: *nonce,
            not_after: at(now + 20),
        });
    }
    state.has_outcome |= transition.happened == Happened::OutcomeAfterAll;
    state.status = transition.status;
    state.expires_at = transition.expires_at;
    state.deadline_at = transition.deadline_at;
}

proptest! {
    #[test]
    fn no_story_leaves_an_end_or_is_granted_twice(
        steps in proptest::collection::vec(step(), 1..60),
        count in 1..3_u32,
    ) {
        let mut state = state(S::Pending);
        state.requirements = vec![requirement(&["group:approvers"], count)];
        let (mut now, mut grants) = (1, 0);
        let mut world = World::default();
        for (step, wait) in steps {
            now += wait;
            let before = state.clone();
            let happened = play(&mut state, &mut world, step, now);
            if before.status.is_terminal() {
                prop_assert_eq!(state.status, before.status);
            }
            prop_assert_eq!(state.deadline_at.is_none(), state.status.is_terminal());
            if happened == Some(Happened::Claimed) {
                grants += 1;
                let yes: BTreeSet<&str> = before.reviews.iter()
                    .filter(|a| a.is_yes() && world.has_say(&a.review.reviewer))
                    .map(|a| a.review.reviewer.as_str())
                    .collect();
                prop_assert!(yes.len() >= count as usize);
            }
        }
        prop_assert!(grants <= 1);
    }
}
