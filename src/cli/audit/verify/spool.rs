//! `gate audit verify --spool`: what this machine has not delivered.

use std::error::Error as _;

use super::finding::does_not_verify;
use crate::audit;
use crate::failure::Failure;
use crate::show::answer;
use crate::spool::{Held, Verified};
use crate::world::World;

pub(super) fn verify(world: &World) -> Result<(), Failure> {
    match audit::verify_spool(world)? {
        Verified::Nothing => {
            answer::line("verified: there is no queue here, nothing was ever recorded")
        }
        Verified::Sound(held) => answer::text(&words(&held)),
        Verified::Unsound(fault) => {
            let place = fault.place().unwrap_or_else(|| "not known".to_owned());
            let cause = fault.source().map(|cause| format!(": {cause}"));
            let words = format!("{fault}{}", cause.unwrap_or_default());
            Err(does_not_verify(&place, &words))
        }
    }
}

fn words(held: &Held) -> String {
    let torn = if held.torn {
        "; the last write was cut off before it counted"
    } else {
        ""
    };
    let damaged = match held.older.damaged {
        0 => String::new(),
        count => format!("damaged queues that were set aside before it, undelivered: {count}\n"),
    };
    let forked = match held.older.forked {
        0 => String::new(),
        count => {
            format!("older queues whose undelivered events went on in the next one: {count}\n")
        }
    };
    let of_shims = match held.of_shims {
        0 => String::new(),
        count => format!("allowed by shims and not taken into the chain yet: {count}\n"),
    };
    format!(
        "verified: {} events in one chain, {} not confirmed by the server yet{torn}\n\
         {of_shims}{damaged}{forked}",
        held.events, held.undelivered
    )
}
