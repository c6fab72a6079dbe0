//! Which statements act on what belongs to the whole server, and not to the database of the
//! session.

use super::Judge;
use crate::sql::grammar::{Node, token};

/// What stands in no database, or leads to another server, behind a verb that makes, changes
/// or removes it.
const OF_SERVER: &[u16] = &[
    token::DATABASE,
    token::FOREIGN,
    token::GROUP_P,
    token::OWNED,
    token::PARAMETER,
    token::ROLE,
    token::SERVER,
    token::SUBSCRIPTION,
    token::SYSTEM_P,
    token::TABLESPACE,
    token::USER,
];

/// Relations that all databases of a server share. Source: `IsSharedRelation` of `catalog.c`.
const SHARED: &[&str] = &[
    "pg_auth_members",
    "pg_authid",
    "pg_database",
    "pg_db_role_setting",
    "pg_parameter_acl",
    "pg_replication_origin",
    "pg_shdepend",
    "pg_shdescription",
    "pg_shseclabel",
    "pg_subscription",
    "pg_tablespace",
];

/// Words of statements that change rows.
const CHANGES: &[u16] = &[
    token::COPY,
    token::DELETE_P,
    token::INSERT,
    token::MERGE,
    token::TRUNCATE,
    token::UPDATE,
];

impl Judge<'_> {
    /// Tells whether a whole statement acts outside of the database. Functions that do are for
    /// whoever looks at calls.
    pub(super) fn leaves_database(&self, top: Node) -> bool {
        let mut kinds = self.tokens(top).iter().map(|token| token.kind);
        let (first, second) = (kinds.next(), kinds.next());
        let is_of_server = |kind: Option<u16>| kind.is_some_and(|kind| OF_SERVER.contains(&kind));
        let own = match first {
            // The body of a `DO` is not read.
            Some(token::CHECKPOINT | token::DO) => true,
            Some(token::ALTER | token::DROP | token::IMPORT_P | token::REASSIGN) => {
                is_of_server(second)
            }
            Some(token::CREATE) if second == Some(token::SCHEMA) => self.is_on_server(top),
            Some(token::CREATE) => is_of_server(second),
            Some(token::COMMENT | token::SECURITY) => self.is_on_server(top),
            // Without `ON` it is about roles.
            Some(token::GRANT | token::REVOKE) => {
                !self.has(top, token::ON) || self.is_on_server(top)
            }
            _ => false,
        };
        own || self.changes_shared(top)
    }

    /// Tells whether what stands behind an `ON` is of the whole server.
    fn is_on_server(&self, top: Node) -> bool {
        let mut pairs = self.tokens(top).windows(2);
        pairs.any(|pair| match pair {
            [on, what] => on.kind == token::ON && OF_SERVER.contains(&what.kind),
            _ => false,
        })
    }

    fn changes_shared(&self, top: Node) -> bool {
        CHANGES.iter().any(|kind| self.has(top, *kind))
            && SHARED.iter().any(|name| self.names(top, name))
    }
}
