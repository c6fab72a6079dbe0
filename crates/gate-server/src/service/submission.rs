//! What a submission must be, before anything is stored: sound in itself, and
//! at least as strict as the server.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use gate_protocol::approver::Approver;
use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInput, BoundInvocation};
use gate_protocol::limits::APPROVERS_LIMIT;
use gate_protocol::masked::{MaskedText, Segment};
use gate_protocol::preview::{PREVIEW_LINE_LIMIT, Preview};
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::{CIRCUMSTANCE_LIMIT, Requirement, SubmitRequest, TERM_LIMIT, Terms};

use super::line;
use crate::identity::Actor;
use crate::problem::Failure;
use crate::settings::{Approving, Floor};

/// More people than this approve nothing.
const MAX_COUNT: u32 = 100;
/// How many requirements one request has: each can tell people of an escalation of its own.
const MOST_REQUIREMENTS: usize = 16;

/// Nobody is reminded more often.
const LEAST_REMINDER_SECONDS: u64 = 60;

/// Tells whether what was asked under `standing` answers what would be asked under `wanted`: the
/// same people, and no more time. Which rules say so, and in which words, may differ: a new rule
/// that asks for the same asks nobody twice.
pub(super) fn covers(standing: &Terms, wanted: &Terms) -> bool {
    let are_in =
        |some: &[Requirement], all: &[Requirement]| some.iter().all(|one| all.contains(one));
    are_in(&wanted.requirements, &standing.requirements)
        && are_in(&standing.requirements, &wanted.requirements)
        && standing.request_ttl_seconds <= wanted.request_ttl_seconds
        && standing.permit_ttl_seconds <= wanted.permit_ttl_seconds
}

/// Refuses a submission that is not sound.
pub(super) fn validate(submission: &SubmitRequest) -> Result<(), Failure> {
    if let Some(excess) = submission.excess() {
        return Err(Failure::bad_request(excess.to_string()));
    }
    validate_invocation(submission)?;
    validate_contents(&submission.invocation.inputs)?;
    validate_terms(&submission.terms)?;
    validate_texts(submission)?;
    if !submission
        .invocation
        .preview
        .as_ref()
        .is_none_or(Preview::is_bounded)
    {
        return Err(Failure::bad_request(format!(
            "`invocation.preview` has a line of more than {PREVIEW_LINE_LIMIT} characters"
        )));
    }
    let digest = submission.invocation.digest()?;
    if digest != submission.digest {
        let detail = format!(
            "`digest` is {}, and `invocation` has the digest {digest}",
            submission.digest
        );
        return Err(Failure::new(ProblemCode::DigestMismatch, detail));
    }
    Ok(())
}

/// Refuses a token that is for some tools where the first word of the command is another than the
/// tool that it names: people would be told that it runs what it may.
pub(super) fn refuse_another_tool(
    actor: &Actor,
    invocation: &BoundInvocation,
) -> Result<(), Failure> {
    if actor.tools.is_empty() {
        return Ok(());
    }
    let first = invocation.argv.first().map(line::word).unwrap_or_default();
    let first = Path::new(&first).file_name().unwrap_or_default();
    if first.to_str() == Some(invocation.tool.name.as_str()) {
        return Ok(());
    }
    Err(Failure::new(
        ProblemCode::Forbidden,
        "this token is for some tools only, and the first word of the command is not the tool that \
         the request names",
    ))
}

/// Bounds each text that is shown and that the body's size alone would bound: a page of requests
/// is to be read by people.
fn validate_texts(submission: &SubmitRequest) -> Result<(), Failure> {
    let circumstances = submission.circumstances.texts();
    let circumstances = circumstances.map(|(field, text)| {
        let field = format!("circumstances.{field}");
        (field, text, CIRCUMSTANCE_LIMIT)
    });
    let terms = &submission.terms;
    let rules = terms.rules.iter().map(|text| ("terms.rules", text));
    let reasons = terms.reasons.iter().map(|text| ("terms.reasons", text));
    let terms = rules
        .chain(reasons)
        .map(|(field, text)| (field.to_owned(), text.as_str(), TERM_LIMIT));
    for (field, text, limit) in circumstances.chain(terms) {
        let found = text.chars().count();
        if found > limit {
            return Err(Failure::bad_request(format!(
                "`{field}` has {found} characters, and may have {limit}"
            )));
        }
    }
    Ok(())
}

fn validate_invocation(submission: &SubmitRequest) -> Result<(), Failure> {
    let invocation = &submission.invocation;
    let known = BoundInvocation::VERSION;
    if invocation.v != known {
        let detail = format!(
            "`invocation.v` is {}, and only {known} is known",
            invocation.v
        );
        return Err(Failure::bad_request(detail));
    }
    if invocation.argv.is_empty() {
        return Err(Failure::bad_request("`invocation.argv` is empty"));
    }
    let words = invocation.argv.iter().map(|word| (word, "invocation.argv"));
    let values = invocation
        .environment
        .iter()
        .filter_map(|variable| variable.value.as_ref())
        .map(|value| (value, "invocation.environment"));
    let names = invocation
        .inputs
        .iter()
        .map(|input| (&input.name, "invocation.inputs"));
    let places = [
        (&invocation.cwd, "invocation.cwd"),
        (&invocation.tool.path, "invocation.tool.path"),
    ];
    match words
        .chain(values)
        .chain(names)
        .chain(places)
        .find(|(text, _)| !is_sound(text))
    {
        Some((_, field)) => Err(Failure::bad_request(format!(
            "`{field}` has a segment that is not what it says: bytes are standard base64, \
             a commitment is 32 lowercase hex digits"
        ))),
        None => Ok(()),
    }
}

/// With more masks than make so many lengths possible, a length says nothing.
const MOST_SIZES: usize = 1_000;

/// Inputs whose text says what is done, as the client names them: it sends that text where it can.
const TELLING: [&str; 7] = [
    "compose file",
    "manifest",
    "patch",
    "playbook",
    "script",
    "stdin",
    "values",
];

/// Tells whether an input decides what is done and nothing shows what it says: its text is absent,
/// or has masks, so that it can't be held against the hash.
pub(crate) fn is_unseen(input: &BoundInput) -> bool {
    match &input.content {
        None => TELLING.contains(&input.role.as_str()),
        Some(text) => !is_hashed(input, text),
    }
}

/// Refuses a text that is not that of its input: people would be shown one thing, and another
/// would run.
fn validate_contents(inputs: &[BoundInput]) -> Result<(), Failure> {
    let is_other = |input: &&BoundInput| {
        let other = |text: &String| !is_hashed(input, text) && !may_be_masked(input, text);
        input.content.as_ref().is_some_and(other)
    };
    match inputs.iter().find(is_other) {
        Some(input) => Err(Failure::bad_request(format!(
            "`invocation.inputs.content` of {} is not the text that has its `sha256` and \
             `size_bytes`",
            input.name.shown()
        ))),
        None => Ok(()),
    }
}

fn is_hashed(input: &BoundInput, text: &str) -> bool {
    let sha256 = Digest::of_bytes(text.as_bytes());
    let hashed = BoundInput::hash_of(&sha256, input.delivery);
    hashed == input.sha256 && text.len() as u64 == input.size_bytes
}

/// Tells whether a text with masks can be that of an input of this size: each mask says how many
/// bytes it stands for, and one that stands in the text itself stands for itself.
fn may_be_masked(input: &BoundInput, text: &str) -> bool {
    let mut sizes = BTreeSet::from([text.len() as u64]);
    let mut has_mask = false;
    for piece in text.split("[secret ").skip(1) {
        let Some((digits, _)) = piece.split_once(" bytes]") else {
            continue;
        };
        let Ok(stands_for) = digits.parse::<u32>() else {
            continue;
        };
        has_mask = true;
        let length = ("[secret ".len() + digits.len() + " bytes]".len()) as u64;
        let masked: Vec<u64> = sizes
            .iter()
            .map(|size| size.saturating_sub(length) + u64::from(stands_for))
            .collect();
        sizes.extend(masked);
        if sizes.len() > MOST_SIZES {
            return true;
        }
    }
    has_mask && sizes.contains(&input.size_bytes)
}

fn is_sound(text: &MaskedText) -> bool {
    text.0.iter().all(|segment| match segment {
        Segment::Text(_) => true,
        Segment::Bytes(encoded) => base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .is_ok(),
        Segment::Secret(secret) => {
            let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            secret.commitment.len() == 32 && secret.commitment.bytes().all(is_hex)
        }
    })
}

fn validate_terms(terms: &Terms) -> Result<(), Failure> {
    if terms.request_ttl_seconds == 0 || terms.permit_ttl_seconds == 0 {
        return Err(Failure::bad_request(
            "`terms.request_ttl_seconds` and `terms.permit_ttl_seconds` must be at least 1",
        ));
    }
    if terms
        .remind_seconds
        .is_some_and(|every| every < LEAST_REMINDER_SECONDS)
    {
        return Err(Failure::bad_request(format!(
            "`terms.remind_seconds` must be at least {LEAST_REMINDER_SECONDS}"
        )));
    }
    if terms.requirements.len() > MOST_REQUIREMENTS {
        return Err(Failure::bad_request(format!(
            "`terms.requirements` has {}, and may have {MOST_REQUIREMENTS}",
            terms.requirements.len()
        )));
    }
    for requirement in &terms.requirements {
        validate_requirement(requirement)?;
    }
    Ok(())
}

fn validate_requirement(requirement: &Requirement) -> Result<(), Failure> {
    if !(1..=MAX_COUNT).contains(&requirement.count) {
        return Err(Failure::bad_request(format!(
            "`terms.requirements.count` is {}, and must be from 1 to {MAX_COUNT}",
            requirement.count
        )));
    }
    if requirement
        .apart
        .as_ref()
        .is_some_and(|apart| apart.chars().count() > TERM_LIMIT)
    {
        return Err(Failure::bad_request(format!(
            "`terms.requirements.apart` has more than {TERM_LIMIT} characters"
        )));
    }
    validate_approvers("terms.requirements.approvers", &requirement.approvers)?;
    let Some(escalation) = &requirement.escalation else {
        return Ok(());
    };
    if escalation.after_seconds == 0 || !(1..=APPROVERS_LIMIT).contains(&escalation.to.len()) {
        return Err(Failure::bad_request(format!(
            "`terms.requirements.escalation` must wait for a second at least, and name 1 to \
             {APPROVERS_LIMIT}"
        )));
    }
    validate_approvers("terms.requirements.escalation.to", &escalation.to)
}

fn validate_approvers(field: &str, approvers: &[String]) -> Result<(), Failure> {
    let is_nobody = |approver: &&String| approver.parse::<Approver>().is_err();
    match approvers.iter().find(is_nobody) {
        Some(approver) => Err(Failure::bad_request(format!(
            "`{field}` has `{}`, which is neither `group:NAME` nor `user:NAME`",
            gate_protocol::inert::inert(approver)
        ))),
        None => Ok(()),
    }
}

/// Tells whether whoever meets `one` meets `wanted` too, now and later. Nobody
/// named means everybody who may approve.
pub(super) fn meets(one: &Requirement, wanted: &Requirement) -> bool {
    let are_among = |all: &[String]| one.approvers.iter().all(|name| all.contains(name));
    one.count >= wanted.count
        && (wanted.apart.is_none() || one.apart == wanted.apart)
        && (one.escalation.is_none() || one.escalation == wanted.escalation)
        && (wanted.approvers.is_empty()
            || (!one.approvers.is_empty() && are_among(&wanted.approvers)))
}

/// Adds what a rule wants to what is there. Each that is there meets one of them only: a rule that
/// asks two groups asks for two, though whoever is in both would meet either.
pub(super) fn add_unmet(there: &mut Vec<Requirement>, wanted: &[Requirement]) {
    let mut is_taken = vec![false; there.len()];
    // What is there to the letter first, so that nothing milder takes its place.
    let exactly = |one: &Requirement, wanted: &Requirement| one == wanted;
    let mut lacking: Vec<&Requirement> = wanted.iter().collect();
    for fits in [exactly, meets] {
        lacking.retain(|wanted| {
            let mut free = there
                .iter()
                .zip(&mut is_taken)
                .filter(|(_, taken)| !**taken);
            let found = free.find(|(one, _)| fits(one, wanted));
            found.map(|(_, taken)| *taken = true).is_none()
        });
    }
    there.extend(lacking.into_iter().cloned());
}

/// Returns the terms with the server's own demands: nobody named means the
/// floor's approvers, nothing lives longer than the floor says, and the floor
/// is met beside whatever the client's rules ask for.
pub(super) fn with_floor(mut terms: Terms, floor: &Floor, approving: &Approving) -> Terms {
    let mut least = floor.requirement();
    least.escalation.clone_from(&approving.escalation);
    for requirement in &mut terms.requirements {
        if requirement.approvers.is_empty() {
            requirement.approvers.clone_from(&least.approvers);
            requirement.count = requirement.count.max(least.count);
        }
    }
    if !terms.requirements.iter().any(|one| meets(one, &least)) {
        terms.requirements.push(least);
    }
    let at_most = |seconds: u64, limit: Duration| seconds.min(limit.as_secs());
    terms.request_ttl_seconds = at_most(terms.request_ttl_seconds, floor.max_request_ttl);
    terms.permit_ttl_seconds = at_most(terms.permit_ttl_seconds, floor.max_permit_ttl);
    let reminders = [
        terms.remind_seconds,
        approving.remind_every.map(|every| every.as_secs()),
    ];
    terms.remind_seconds = reminders.into_iter().flatten().min();
    terms
}

#[cfg(test)]
mod tests {
    use gate_protocol::invocation::Delivery;

    use super::*;
    use crate::settings::Settings;

    fn requirement(approvers: &[&str], count: u32) -> Requirement {
        Requirement::of(approvers.iter().map(ToString::to_string).collect(), count)
    }

    fn merged(requirements: Vec<Requirement>, floor: &Floor) -> Vec<Requirement> {
        let terms = Terms {
            rules: vec![],
            reasons: vec![],
            requirements,
            request_ttl_seconds: u64::MAX,
            permit_ttl_seconds: 5,
            remind_seconds: None,
        };
        let merged = with_floor(terms, floor, &Approving::default());
        assert_eq!(merged.request_ttl_seconds, floor.max_request_ttl.as_secs());
        assert_eq!(merged.permit_ttl_seconds, 5);
        merged.requirements
    }

    #[test]
    fn the_floor_holds_whatever_the_client_asks_for() {
        let mut floor = Settings::new("", "http://x").floor;
        let least = requirement(&["group:approvers"], 1);
        assert_eq!(merged(vec![], &floor), std::slice::from_ref(&least));
        assert_eq!(
            merged(vec![requirement(&[], 1)], &floor),
            std::slice::from_ref(&least)
        );
        assert_eq!(
            merged(vec![requirement(&["user:bob"], 3)], &floor),
            [requirement(&["user:bob"], 3), least.clone()]
        );
        let two = requirement(&[], 2);
        assert_eq!(
            merged(vec![two], &floor),
            [requirement(&["group:approvers"], 2)]
        );
        floor.approvers.clear();
        floor.min_count = 2;
        assert_eq!(
            merged(vec![requirement(&["user:bob"], 1)], &floor),
            [requirement(&["user:bob"], 1), requirement(&[], 2)]
        );
        assert_eq!(
            merged(vec![requirement(&["group:sre"], 2)], &floor),
            [requirement(&["group:sre"], 2)]
        );
    }

    #[test]
    fn only_as_many_of_the_same_people_meet_a_requirement() {
        let wanted = requirement(&["group:sre", "user:bob"], 2);
        for (one, does) in [
            (requirement(&["group:sre", "user:bob"], 2), true),
            (requirement(&["group:sre"], 3), true),
            (requirement(&["group:sre"], 1), false),
            (requirement(&["group:dev"], 2), false),
            (requirement(&["group:sre", "group:dev"], 2), false),
            (requirement(&[], 2), false),
        ] {
            assert_eq!(meets(&one, &wanted), does, "{one:?}");
        }
        assert!(meets(&requirement(&["group:dev"], 1), &requirement(&[], 1)));
    }

    #[test]
    fn a_rule_that_asks_two_groups_asks_for_two_whoever_is_in_both() {
        let apart = |approvers: &[&str]| {
            let mut one = requirement(approvers, 1);
            one.apart = Some("two".to_owned());
            one
        };
        let (sre, either) = (apart(&["group:sre"]), apart(&["group:sre", "group:dba"]));
        for wanted in [[sre.clone(), either.clone()], [either.clone(), sre.clone()]] {
            let mut there = Vec::new();
            add_unmet(&mut there, &wanted);
            assert_eq!(there, wanted);
            add_unmet(&mut there, &wanted);
            assert_eq!(there, wanted, "what is there is not asked twice");
            let mut there = vec![sre.clone()];
            add_unmet(&mut there, &wanted);
            assert_eq!(there, [sre.clone(), either.clone()]);
        }
    }

    #[test]
    fn a_text_is_that_of_its_input_by_its_hash_or_by_the_length_of_its_masks() {
        let input = |text: &str, bytes: &[u8], delivery| BoundInput {
            role: "script".to_owned(),
            name: MaskedText::plain(b"q.sql"),
            sha256: BoundInput::hash_of(&Digest::of_bytes(bytes), delivery),
            size_bytes: bytes.len() as u64,
            delivery,
            content: Some(text.to_owned()),
        };
        for delivery in [Delivery::Snapshot, Delivery::Rechecked] {
            for (text, bytes, (is_taken, unseen)) in [
                ("select 1;", "select 1;", (true, false)),
                ("select 1;", "drop x y;", (false, true)),
                ("a [secret 7 bytes] b", "a hunter2 b", (true, true)),
                ("a [secret 7 bytes] b", "drop table users", (false, true)),
                (
                    "a [secret 7 bytes] b",
                    "a [secret 7 bytes] b",
                    (true, false),
                ),
            ] {
                let one = input(text, bytes.as_bytes(), delivery);
                assert_eq!(is_unseen(&one), unseen, "{text} {bytes}");
                assert_eq!(
                    validate_contents(&[one]).is_ok(),
                    is_taken,
                    "{text} {bytes}"
                );
            }
        }
        let mut absent = input("", b"", Delivery::Snapshot);
        absent.content = None;
        assert!(is_unseen(&absent));
        "kubeconfig".clone_into(&mut absent.role);
        assert!(!is_unseen(&absent));
    }
}
