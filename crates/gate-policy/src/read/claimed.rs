//! What a profile says of whom gate believes only what is stricter: of a user.
//!
//! The command stays what it is without that profile, and what the profile makes of it is heard
//! as if it were a command inside it. So whoever is allowed to let the tool run as it is lets
//! nothing more run, and rules that ask or deny see both.

use super::inner::{Nesting, add_environment, masked_words};
use super::words::shown;
use super::{base_name, blank, read_whole};
use crate::command_line::CommandLine;
use crate::invocation::{InnerCommand, InputKind, Invocation, Nested, Place, Placement};
use crate::profile::OwnProfile;

pub(super) fn read(
    line: &CommandLine<'_>,
    own: &OwnProfile,
    nesting: Nesting<'_>,
    invocation: &mut Invocation,
) {
    // Without it the command is unknown all the same.
    let Some(nesting) = nesting.deeper() else {
        return;
    };
    let name = line.argv.first().map(|name| name.as_encoded_bytes());
    let mut said = blank(shown(base_name(name.unwrap_or_default())).into());
    read_whole(line, &own.tool, nesting, &mut said);
    said.profile = Some(own.used.clone());
    for reason in &said.reasons {
        if !invocation.reasons.contains(reason) {
            invocation.reasons.push(reason.clone());
        }
    }
    invocation.secrets.extend(said.secrets.iter().cloned());
    for input in &said.inputs {
        let mut input = input.clone();
        // A word is never rewritten on the word of a user's profile.
        if input.kind != InputKind::Stdin && input.placement != Placement::Unsure {
            input.placement = Placement::InPlace;
        }
        invocation.add_input(input);
    }
    add_environment(line, &said, invocation);
    let argv = masked_words(line.argv, &said.secrets);
    invocation.nested.push(Nested {
        language: "profile".into(),
        text: argv.join(" "),
        effect: said.effect,
        inner: Some(Box::new(InnerCommand {
            invocation: said,
            argv,
            cwd: line.cwd.to_owned(),
            place: Place::Here,
        })),
    });
}
