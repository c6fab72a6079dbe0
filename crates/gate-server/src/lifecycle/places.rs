//! Whether the people who said yes fill the places that the requirements have.
//!
//! A place is filled by a person, whatever accounts they have. Requirements that
//! stand apart, as those of one rule with several groups, share their people out:
//! nobody fills two of their places. That is a matching of people to places; who
//! fits in two groups is moved to where nobody else fits.

use std::collections::BTreeMap;

use gate_protocol::request::Requirement;

use super::{Answered, names_at};

/// A person, with the places of a set of requirements that they fit in.
struct Person {
    fits: Vec<usize>,
    /// The requirement that they fill a place of.
    at: Option<usize>,
}

/// Returns the requirements that these approvals leave unmet, where the request
/// has waited for so many seconds.
pub(super) fn unmet<'r>(
    requirements: &'r [Requirement],
    approvals: &[&Answered],
    waited_seconds: u64,
) -> Vec<&'r Requirement> {
    let mut lacking = vec![false; requirements.len()];
    for set in sets(requirements) {
        let set: Vec<(usize, &Requirement)> = set
            .into_iter()
            .filter_map(|index| Some((index, requirements.get(index)?)))
            .collect();
        for index in unmet_of_set(&set, approvals, waited_seconds) {
            if let Some(lacks) = lacking.get_mut(index) {
                *lacks = true;
            }
        }
    }
    let both = requirements.iter().zip(lacking);
    both.filter_map(|(one, lacks)| lacks.then_some(one))
        .collect()
}

/// Returns the requirements as sets that share their people out, by index.
fn sets(requirements: &[Requirement]) -> Vec<Vec<usize>> {
    let mut sets: Vec<Vec<usize>> = Vec::new();
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, requirement) in requirements.iter().enumerate() {
        let known = requirement
            .apart
            .as_deref()
            .map(|name| *by_name.entry(name).or_insert(sets.len()));
        match known.and_then(|known| sets.get_mut(known)) {
            Some(set) => set.push(index),
            None => sets.push(vec![index]),
        }
    }
    sets
}

fn unmet_of_set(
    set: &[(usize, &Requirement)],
    approvals: &[&Answered],
    waited_seconds: u64,
) -> Vec<usize> {
    let mut people = people(set, approvals, waited_seconds);
    let room =
        |requirement: &Requirement| usize::try_from(requirement.count.max(1)).unwrap_or(usize::MAX);
    let rooms: Vec<usize> = set.iter().map(|(_, one)| room(one)).collect();
    for person in 0..people.len() {
        let mut seen = vec![false; set.len()];
        seat(&mut people, &rooms, person, &mut seen);
    }
    let filled = |place: usize| {
        people
            .iter()
            .filter(|person| person.at == Some(place))
            .count()
    };
    set.iter()
        .zip(&rooms)
        .enumerate()
        .filter(|(place, (_, room))| filled(*place) < **room)
        .map(|(_, ((index, _), _))| *index)
        .collect()
}

/// Returns each person once, with all that any of their accounts fits in.
fn people(
    set: &[(usize, &Requirement)],
    approvals: &[&Answered],
    waited_seconds: u64,
) -> Vec<Person> {
    let mut people: BTreeMap<&str, Person> = BTreeMap::new();
    for answered in approvals {
        let person = people.entry(&answered.person).or_insert_with(|| Person {
            fits: Vec::new(),
            at: None,
        });
        for (place, (_, requirement)) in set.iter().enumerate() {
            let name = &answered.review.reviewer;
            let fits = names_at(requirement, name, &answered.groups, waited_seconds);
            if fits && !person.fits.contains(&place) {
                person.fits.push(place);
            }
        }
    }
    people.into_values().collect()
}

/// Gives a person a place, where need be by moving others: an augmenting path.
fn seat(people: &mut [Person], rooms: &[usize], person: usize, seen: &mut [bool]) -> bool {
    let fits = people.get(person).map(|one| one.fits.clone());
    for place in fits.unwrap_or_default() {
        let Some(was_seen) = seen.get_mut(place) else {
            continue;
        };
        if std::mem::replace(was_seen, true) {
            continue;
        }
        let sitting: Vec<usize> = (0..people.len())
            .filter(|other| people.get(*other).is_some_and(|one| one.at == Some(place)))
            .collect();
        let is_free = rooms.get(place).is_some_and(|room| sitting.len() < *room);
        let mut others = sitting.into_iter();
        if is_free || others.any(|other| seat(people, rooms, other, seen)) {
            if let Some(one) = people.get_mut(person) {
                one.at = Some(place);
            }
            return true;
        }
    }
    false
}
