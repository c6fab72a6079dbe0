//! What earlier statements of one session leave for later ones, and whether a
//! server could keep the session to reading.

use std::collections::BTreeSet;

/// What is known of one session.
///
/// A server that is told `default_transaction_read_only` keeps each transaction
/// to reading that does not begin otherwise. Code that runs in one can't change
/// that any more, but it can say how the next one begins: where gate does not
/// know the code, nothing may come behind its transaction.
#[derive(Debug, Default)]
pub(in crate::sql) struct Session {
    /// The names of prepared statements, each of which was judged.
    pub(super) prepared: BTreeSet<String>,
    /// Whether a `COPY` takes its rows from where the statement came from.
    pub(in crate::sql) takes_rows: bool,
    /// Whether each statement of a text is sent alone, as psql does with a
    /// script, and not all of them as one transaction.
    pub(in crate::sql) sends_each: bool,
    /// What its statements act on.
    pub(in crate::sql) reach: Reach,
    code: Code,
    leads_out: Option<&'static str>,
}

/// How far statements reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sql) enum Reach {
    /// The database of the session.
    #[default]
    Database,
    /// A file or program that a `COPY` names: the server's, unless psql itself sends the rows.
    File,
    /// What belongs to the whole server, or to another one.
    Server,
}

/// Where code of the database runs that gate does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Code {
    #[default]
    Nowhere,
    /// In this transaction.
    Here,
    /// In one that can be over.
    Before,
}

impl Session {
    /// Notes how far a statement reaches.
    pub(in crate::sql) fn reaches(&mut self, reach: Reach) {
        self.reach = self.reach.max(reach);
    }

    /// Notes what a session that may only read would not survive.
    pub(super) fn lead_out(&mut self, by: &'static str) {
        self.leads_out.get_or_insert(by);
    }

    /// Returns what leads out of a session that may only read.
    pub(in crate::sql) fn leads_out(&self) -> Option<&'static str> {
        self.leads_out
    }

    /// Notes that code runs which gate does not know.
    pub(super) fn code_runs(&mut self) {
        if self.code == Code::Nowhere {
            self.code = Code::Here;
        }
    }

    pub(super) fn statement_begins(&mut self, is_bound: bool) {
        if is_bound {
            self.transaction_ends();
        } else {
            self.goes_on();
        }
    }

    pub(super) fn statement_ends(&mut self) {
        if self.sends_each {
            self.transaction_ends();
        }
    }

    pub(super) fn text_ends(&mut self) {
        self.transaction_ends();
    }

    /// Whatever opens or ends a transaction counts as an end: to follow blocks
    /// over scripts would gain little.
    fn transaction_ends(&mut self) {
        if self.code == Code::Here {
            self.code = Code::Before;
        }
    }

    /// Notes that something else is sent.
    pub(in crate::sql) fn goes_on(&mut self) {
        if self.code == Code::Before {
            self.lead_out("code that gate does not know runs before its last transaction");
        }
    }
}
