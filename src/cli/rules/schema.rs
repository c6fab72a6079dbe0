//! `gate rules schema`.

use crate::failure::Failure;
use crate::show::answer;

/// The schemas as they are published in the repository.
const RULES: &str = include_str!("../../../schemas/rules.schema.json");
const PROFILE: &str = include_str!("../../../schemas/profile.schema.json");

/// Print the JSON Schema of rule files, or of tool profiles
///
/// For editors: the line `#:schema ./rules.schema.json` at the top of a rule file tells
/// them where it is. What only gate knows, as the names of commands and flags, is checked by
/// `gate rules check` alone.
#[derive(Debug, clap::Args)]
pub(super) struct Schema {
    /// Of which files.
    #[arg(value_name = "OF", default_value = "rules")]
    of: Of,
}

/// The files that have a schema.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Of {
    Rules,
    Profile,
}

impl Schema {
    pub(super) fn run(&self) -> Result<(), Failure> {
        answer::text(match self.of {
            Of::Rules => RULES,
            Of::Profile => PROFILE,
        })
    }
}
