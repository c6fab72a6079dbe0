//! Whether each witness has signed the log's head, and what the last one said that did not.

use jiff::Timestamp;

use super::Finding;
use crate::clock;
use crate::refused_heads::{self, RefusedHead};
use crate::settings::{Settings, Witness};
use crate::store::standing::{Standing, Witnessed};

/// How long a witness may lack newer heads, in milliseconds, before that is told.
const LATE_MS: i64 = 600_000;
/// For how long it may before what it signed is no use to those who demand it.
const TOO_LATE_MS: i64 = 3_600_000;
/// The same in records.
const TOO_FAR: u64 = 1_000;

/// Looks at each witness of the settings.
pub(super) fn examine(settings: &Settings, standing: &Standing) -> Vec<Finding> {
    let refused = refused_heads::read(&settings.data_dir);
    let newest = standing.checkpoint.map_or(0, |(size, _)| size);
    let finding = |witness: &Witness| {
        let label = witness.key.label();
        let signed = standing.witnesses.iter().find(|one| one.label == label);
        let refused = refused.get(&label);
        found(witness, signed, newest, refused)
    };
    settings.witnesses.iter().map(finding).collect()
}

fn found(
    witness: &Witness,
    signed: Option<&Witnessed>,
    newest: u64,
    refused: Option<&RefusedHead>,
) -> Finding {
    let name = &format!("witness {}", witness.key.name());
    let mend = format!(
        "look whether {} answers, and knows this log's key",
        witness.url
    );
    let had = signed.map_or("it never signed".to_owned(), |one| {
        format!(
            "it signed {} of {newest} records, last at {}",
            one.size, one.at
        )
    });
    // Where servers share a log, one may have been refused a head that another has got signed since.
    let refused = refused.filter(|refused| signed.is_none_or(|one| one.at <= refused.at));
    if let Some(refused) = refused {
        let said = format!("{had}; at {} it refused: {}", refused.at, refused.why);
        let mend = "see \"Witnesses after a restore\" and \"New keys\" in docs/operations.md";
        return Finding::fail(name, said, mend);
    }
    let Some(one) = signed else {
        return Finding::fail(name, had, mend);
    };
    let behind = newest.saturating_sub(one.size);
    let late_ms = if behind == 0 { 0 } else { age_ms(one.at) };
    if (behind > TOO_FAR && late_ms > LATE_MS) || late_ms > TOO_LATE_MS {
        return Finding::fail(name, had, mend);
    }
    if late_ms > LATE_MS {
        return Finding::warn(name, had, mend);
    }
    Finding::ok(name, format!("over {} records, of {}", one.size, one.at))
}

fn age_ms(at: Timestamp) -> i64 {
    clock::now().as_millisecond() - at.as_millisecond()
}

#[cfg(test)]
mod tests {
    use gate_protocol::signed_note::Cosigner;
    use jiff::SignedDuration;

    use super::super::State;
    use super::*;

    fn state(behind: u64, minutes: i64, refused: bool) -> State {
        let key = Cosigner::from_seed("w.example", &[7; 32]).unwrap();
        let witness = Witness {
            url: "https://w.example".to_owned(),
            key: key.verifier().clone(),
        };
        let signed = Witnessed {
            label: witness.key.label(),
            size: 19,
            at: clock::now() - SignedDuration::from_mins(minutes),
        };
        let refused = refused.then(|| RefusedHead {
            at: clock::now(),
            why: "it signed other records".to_owned(),
        });
        found(&witness, Some(&signed), 19 + behind, refused.as_ref()).state
    }

    #[test]
    fn a_witness_that_lags_or_refuses_is_told() {
        assert_eq!(state(0, 6_000, false), State::Ok);
        assert_eq!(state(38, 5, false), State::Ok);
        assert_eq!(state(38, 11, false), State::Warn);
        assert_eq!(state(38, 61, false), State::Fail);
        assert_eq!(state(1_001, 0, false), State::Ok);
        assert_eq!(state(1_001, 11, false), State::Fail);
        assert_eq!(state(1, 1, true), State::Fail);
        // Signed since.
        assert_eq!(state(1, -1, true), State::Ok);
    }
}
