//! Who calls: tokens, and extractors without which no handler gets an actor.

mod address;
mod authorities;
mod backoff;
mod extract;
pub(crate) mod fetch;
pub(crate) mod issuer;
pub(crate) mod jwt;
pub(crate) mod oidc;
pub(crate) mod password;
mod secret;
mod token;
pub(crate) mod workload;

pub(crate) use address::{CallerAddress, Ending, network_of};
pub(crate) use authorities::Authorities;
pub(crate) use authorities::AuthoritiesError;
pub(crate) use backoff::{Backoff, Limit};
pub(crate) use extract::{
    AnyRole, Approver, Caller, Keeper, Operator, Requester, Reviewing, Watching, bearer_token,
};
pub(crate) use secret::Secret;
pub(crate) use token::{Token, TokenHash};

use gate_protocol::principal::{Principal, PrincipalKind, Role};
use jiff::Timestamp;

/// A principal in the one role of its token. Made from a good token only.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) principal: Principal,
    /// The one human behind it: of a user themselves, of an agent its owner.
    pub(crate) person: String,
    pub(crate) role: Role,
    pub(crate) expires_at: Option<Timestamp>,
    /// The id of the token; of a browser, of the one that signed it in, if one did.
    pub(crate) token: Option<String>,
    /// The tools that its token may be used to ask for; empty: any.
    pub(crate) tools: Vec<String>,
}

impl Actor {
    pub(crate) fn name(&self) -> &str {
        &self.principal.name
    }

    /// Tells whether the actor's token may be used to ask for this tool.
    pub(crate) fn may_ask_for(&self, tool: &str) -> bool {
        self.tools.is_empty() || self.tools.iter().any(|one| one == tool)
    }

    /// Tells whether the actor may see what `requester` asked for: its own, or
    /// everything in a role that reads.
    pub(crate) fn sees_requests_of(&self, requester: &str) -> bool {
        match self.role {
            Role::Requester => requester == self.name(),
            Role::Approver | Role::Admin | Role::Auditor => true,
        }
    }
}

/// Tells whether two names of persons are one human. Distinctness, self-review
/// and every exclusion ask this and never compare accounts: who has two of them
/// is still one.
pub(crate) fn is_same_person(one: &str, other: &str) -> bool {
    one == other
}

/// Tells whether a principal of this kind can have a token of this role: only
/// a person reviews, and only a person administers.
pub(crate) fn may_have(kind: PrincipalKind, role: Role) -> bool {
    match role {
        Role::Requester | Role::Auditor => true,
        Role::Approver | Role::Admin => kind == PrincipalKind::User,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_person_reviews_or_administers() {
        for kind in [PrincipalKind::Agent, PrincipalKind::Workload] {
            assert!(!may_have(kind, Role::Approver));
            assert!(!may_have(kind, Role::Admin));
            assert!(may_have(kind, Role::Requester));
        }
        assert!(may_have(PrincipalKind::User, Role::Approver));
    }
}
