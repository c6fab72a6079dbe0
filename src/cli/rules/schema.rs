//! `gate rules schema`.

use crate::failure::Failure;
use crate::show::answer;

/// The schema as it is published in the repository.
const RULES: &str = include_str!("../../../schemas/rules.schema.json");

/// Print the JSON Schema of rule files
///
/// For editors: the line `#:schema ./rules.schema.json` at the top of a rule file tells
/// them where it is. What only gate knows, as the names of commands and flags, is checked by
/// `gate rules check` alone.
#[derive(Debug, clap::Args)]
pub(super) struct Schema {}

impl Schema {
    #[expect(clippy::unused_self, reason = "every verb runs the same way")]
    pub(super) fn run(&self) -> Result<(), Failure> {
        answer::text(RULES)
    }
}
