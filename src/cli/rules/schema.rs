//! `gate rules schema`.

use crate::failure::Failure;
use crate::show::answer;

/// Print the JSON Schema of rule files, or of another file that gate reads
///
/// For editors: the line `#:schema ./rules.schema.json` at the top of a rule file tells
/// them where it is. What only gate knows, as the names of commands and flags, is checked by
/// gate alone: by `gate rules check` for rules and profiles, and by whatever reads the others.
#[derive(Debug, clap::Args)]
pub(super) struct Schema {
    /// Of which files.
    #[arg(value_name = "OF", default_value = "rules")]
    of: Of,
}

/// The files that have a schema.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Of {
    /// Rule files.
    Rules,
    /// Tool profiles.
    Profile,
    /// The cases of `gate rules test`.
    Cases,
    /// config.toml.
    Config,
    /// The settings of `gate server`.
    Server,
}

impl Of {
    /// Returns the schema as it is published in the repository.
    fn schema(self) -> &'static str {
        match self {
            Self::Rules => include_str!("../../../schemas/rules.schema.json"),
            Self::Profile => include_str!("../../../schemas/profile.schema.json"),
            Self::Cases => include_str!("../../../schemas/cases.schema.json"),
            Self::Config => include_str!("../../../schemas/config.schema.json"),
            Self::Server => include_str!("../../../schemas/server.schema.json"),
        }
    }
}

impl Schema {
    pub(super) fn run(&self) -> Result<(), Failure> {
        answer::text(self.of.schema())
    }
}
