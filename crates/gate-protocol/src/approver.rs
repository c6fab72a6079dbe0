//! Who is asked, as rules, settings and requests name them.

use std::fmt;
use std::str::FromStr;

use crate::principal::is_name;

/// A group, or one user.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Approver {
    /// Everybody in it: `group:NAME`.
    Group(String),
    /// This account: `user:NAME`.
    User(String),
}

/// A text that names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither `group:NAME` nor `user:NAME`")]
pub struct ApproverError;

impl FromStr for Approver {
    type Err = ApproverError;

    /// Reads `group:NAME` or `user:NAME`, with a name as [`is_name`] has it: nobody can be in a
    /// group of any other name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("group", name)) if is_name(name) => Ok(Self::Group(name.to_owned())),
            Some(("user", name)) if is_name(name) => Ok(Self::User(name.to_owned())),
            Some(_) | None => Err(ApproverError),
        }
    }
}

impl fmt::Display for Approver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group:{name}"),
            Self::User(name) => write!(f, "user:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_a_group_or_a_user_by_a_name_that_can_be_one() {
        for text in ["group:sre", "user:bob@example.com"] {
            assert_eq!(text.parse::<Approver>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "sre",
            "group:",
            "user:",
            "group:SRE",
            "Group:sre",
            "group:a b",
            "x:sre",
        ] {
            assert_eq!(text.parse::<Approver>(), Err(ApproverError), "{text}");
        }
    }
}
