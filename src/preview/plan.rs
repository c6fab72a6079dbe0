//! A plan file of Terraform or `OpenTofu`: what would be done to which resource. Values are not read:
//! they can be secret, and only a provider's program knows which are.
//!
//! Source: `internal/plans/planfile` and `planfile.proto` of Terraform: a ZIP whose file `tfplan`
//! is a message of version 3.

use super::protobuf::{Value, fields};
use super::{Found, Seen, counted, named, zip};

/// The version of the message that is read.
const VERSION: u64 = 3;

/// Fields of `Plan`.
mod field {
    pub(super) const VERSION: u64 = 1;
    pub(super) const RESOURCE_CHANGES: u64 = 3;
    pub(super) const OUTPUT_CHANGES: u64 = 4;
    pub(super) const TARGETS: u64 = 5;
    pub(super) const MODE: u64 = 17;
    pub(super) const DEFERRED: u64 = 27;
    pub(super) const ACTIONS: u64 = 30;
}

/// What is planned for one resource, by the number of `Action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Create,
    Read,
    Update,
    Delete,
    Replace,
    Forget,
    Unknown,
}

impl Action {
    fn of(number: u64) -> Self {
        match number {
            0 => Self::Nothing,
            1 => Self::Create,
            2 => Self::Read,
            3 => Self::Update,
            5 => Self::Delete,
            6 | 7 => Self::Replace,
            8 => Self::Forget,
            _ => Self::Unknown,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Nothing => "leave",
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "DESTROY",
            Self::Replace => "REPLACE",
            Self::Forget => "forget",
            Self::Unknown => "do what gate does not know to",
        }
    }

    /// Where it stands in the list: what is lost first.
    fn rank(self) -> u8 {
        match self {
            Self::Delete => 0,
            Self::Replace => 1,
            Self::Unknown => 2,
            Self::Forget => 3,
            Self::Update => 4,
            Self::Create => 5,
            Self::Read => 6,
            Self::Nothing => 7,
        }
    }
}

/// Returns what the plan that is applied or shown would do.
pub(super) fn of(seen: &Seen<'_>) -> Option<Found> {
    let mut inputs = seen.invocation.inputs.iter();
    let input = inputs.find(|input| input.role == "plan")?;
    let archive = (seen.bytes)(input)?;
    let message = zip::file(&archive, "tfplan")?;
    found(&message, &named(&input.path))
}

fn found(message: &[u8], name: &str) -> Option<Found> {
    let all = fields(message)?;
    if number(&all, field::VERSION) != VERSION {
        return None;
    }
    let mut resources = Vec::new();
    let mut rest = Vec::new();
    let (mut targets, mut deferred, mut actions) = (0, 0, 0);
    for (field, value) in &all {
        let Value::Bytes(bytes) = value else { continue };
        match *field {
            field::RESOURCE_CHANGES => resources.push(resource(bytes)?),
            field::OUTPUT_CHANGES => rest.push(output(bytes)?),
            field::TARGETS => targets += 1,
            field::DEFERRED => deferred += 1,
            field::ACTIONS => actions += 1,
            _ => {}
        }
    }
    resources.sort_by(|one, other| (one.0.rank(), &one.1).cmp(&(other.0.rank(), &other.1)));
    let summary = summary(&resources, number(&all, field::MODE));
    let changed = resources.iter().filter(|one| one.0 != Action::Nothing);
    let mut lines: Vec<String> = changed
        .map(|(action, address)| format!("{} {address}", action.word()))
        .collect();
    lines.extend(rest.into_iter().filter(|line| !line.is_empty()));
    for (count, unit) in [(deferred, "change"), (actions, "action")] {
        if count > 0 {
            lines.push(format!(
                "and {} that gate does not read",
                counted(count, unit)
            ));
        }
    }
    if targets > 0 {
        lines.push("only what the plan was limited to by -target".to_owned());
    }
    Some(Found {
        source: format!("the plan file {name}"),
        summary,
        lines,
    })
}

/// Says it in one line, in the words that terraform itself ends a plan with.
fn summary(resources: &[(Action, String)], mode: u64) -> String {
    let count = |wanted: &[Action]| {
        let counted = resources.iter().filter(|one| wanted.contains(&one.0));
        counted.count()
    };
    let mut summary = format!(
        "{} to add, {} to change, {} to destroy",
        count(&[Action::Create, Action::Replace]),
        count(&[Action::Update]),
        count(&[Action::Delete, Action::Replace]),
    );
    for (action, words) in [
        (Action::Forget, "to forget"),
        (Action::Unknown, "that gate does not know"),
    ] {
        let count = count(&[action]);
        if count > 0 {
            summary.extend([", ", &count.to_string(), " ", words]);
        }
    }
    match mode {
        1 => summary.push_str(": made to destroy everything"),
        2 => summary.push_str(": made to take over what changed outside"),
        _ => {}
    }
    summary
}

/// Reads a `ResourceInstanceChange`.
fn resource(message: &[u8]) -> Option<(Action, String)> {
    const DEPOSED: u64 = 7;
    const CHANGE: u64 = 9;
    const ADDRESS: u64 = 13;
    const BEFORE: u64 = 14;
    let all = fields(message)?;
    let mut address = text(&all, ADDRESS)?;
    if let Some(key) = text(&all, DEPOSED).filter(|key| !key.is_empty()) {
        address.extend([" (the deposed object ", &key, ")"]);
    }
    if let Some(before) = text(&all, BEFORE).filter(|before| !before.is_empty()) {
        address.extend([" (was ", &before, ")"]);
    }
    Some((change(&all, CHANGE)?, address))
}

/// Reads an `OutputChange`; of one that changes nothing the text is empty.
fn output(message: &[u8]) -> Option<String> {
    const NAME: u64 = 1;
    const CHANGE: u64 = 2;
    let all = fields(message)?;
    let (name, action) = (text(&all, NAME)?, change(&all, CHANGE)?);
    let is_change = action != Action::Nothing;
    Some(if is_change {
        format!("{} the output {name}", action.word())
    } else {
        String::new()
    })
}

/// Reads the `Action` of a `Change`: the first value is not written where it is the default.
fn change(all: &[(u64, Value<'_>)], field: u64) -> Option<Action> {
    const ACTION: u64 = 1;
    let mut changes = all.iter().filter(|(at, _)| *at == field);
    let Some((_, Value::Bytes(change))) = changes.next_back() else {
        return None;
    };
    Some(Action::of(number(&fields(change)?, ACTION)))
}

fn number(all: &[(u64, Value<'_>)], field: u64) -> u64 {
    let mut found = all.iter().filter(|(at, _)| *at == field);
    match found.next_back() {
        Some((_, Value::Number(number))) => *number,
        Some((_, Value::Bytes(_))) | None => 0,
    }
}

fn text(all: &[(u64, Value<'_>)], field: u64) -> Option<String> {
    let mut found = all.iter().filter(|(at, _)| *at == field);
    match found.next_back()? {
        (_, Value::Bytes(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
        (_, Value::Number(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
        let mut all = Vec::new();
        for (field, bytes) in fields {
            all.extend([field << 3 | 2, u8::try_from(bytes.len()).unwrap()]);
            all.extend_from_slice(bytes);
        }
        all
    }

    #[test]
    fn what_is_lost_stands_first_and_what_is_not_known_is_said() {
        let change = |address: &str, action: u8| {
            message(&[(9, &[1 << 3, action]), (13, address.as_bytes())])
        };
        let mut plan = vec![1 << 3, 3];
        for (address, action) in [("a.a", 1), ("b.b", 5), ("c.c", 77), ("d.d", 0), ("e.e", 7)] {
            plan.extend(message(&[(3, &change(address, action))]));
        }
        let found = found(&plan, "p").unwrap();
        assert_eq!(
            found.lines,
            [
                "DESTROY b.b",
                "REPLACE e.e",
                "do what gate does not know to c.c",
                "create a.a"
            ]
        );
        assert_eq!(
            found.summary,
            "2 to add, 0 to change, 2 to destroy, 1 that gate does not know"
        );
        assert_eq!(found.source, "the plan file p");
    }

    #[test]
    fn another_version_of_the_file_has_no_preview() {
        assert!(found(&[1 << 3, 4], "p").is_none());
        assert!(found(&[], "p").is_none());
        assert!(found(b"no plan at all", "p").is_none());
    }
}
