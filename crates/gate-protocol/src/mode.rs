//! The mode that gate runs in: what an approval made in it can promise.

use serde::{Deserialize, Serialize};

/// What this way of running gate can promise.
///
/// Closed on purpose: a word that this version does not know is refused where it
/// is read, so nobody can name a mode whose warning is then not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// gate stands before the tool: it stops mistakes, not somebody who goes around it.
    #[default]
    Advisory,
}

impl Mode {
    /// Every mode.
    pub const ALL: &[Self] = &[Self::Advisory];

    /// Returns the wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Advisory => "advisory",
        }
    }
}
