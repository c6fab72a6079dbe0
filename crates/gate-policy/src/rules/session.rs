//! `postgres = { read_only = true }`: a rule that allows psql, and has the server
//! hold its session to reading.
//!
//! What a function or a view does, no text shows; a server that was told to let
//! the session read alone refuses what else they would do. libpq hands it what
//! `PGOPTIONS` says, before anything runs.

use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

use super::decision::Decision;
use super::evaluation::{Evaluation, MatchedRule, Occasion};
use super::fields::Fields;
use super::policy::built_in;
use super::rule::Rule;
use crate::effect::Effect;
use crate::invocation::{EnvironmentAction, EnvironmentNote, Invocation};

/// The variable that libpq takes options of the session from.
const VARIABLE: &str = "PGOPTIONS";
/// The effects that such a rule can allow. Of the others the server refuses
/// most, and what it lets pass, as a `COPY` to a program, is no read.
const EFFECTS: [Effect; 3] = [Effect::Read, Effect::Local, Effect::Secret];
/// The longest name of a role, in bytes: `NAMEDATALEN` less its end.
const LONGEST_ROLE_BYTES: usize = 63;

/// What the server is told of the session that psql opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// The role that it begins as, where the rule names one.
    pub(super) role: Option<String>,
}

impl Session {
    /// Returns what is set for psql, so that the session is as the rule `named`
    /// wants it. A name of a role is plain, so that nothing has to be escaped.
    pub(super) fn note(&self, named: &str) -> EnvironmentNote {
        let mut value = "-c default_transaction_read_only=on".to_owned();
        if let Some(role) = &self.role {
            value.push_str(" -c role=");
            value.push_str(role);
        }
        EnvironmentNote {
            name: VARIABLE.into(),
            why: format!("{named} holds the session to reading, by `{value}`").into(),
            action: EnvironmentAction::Set(value.into()),
        }
    }
}

/// The rules that match a command, and those that would allow it in a session
/// that can't be had, each with the reason.
pub(super) struct Sorted<'p> {
    pub(super) matching: Vec<&'p Rule>,
    pub(super) unkept: Vec<Unkept<'p>>,
}

/// A rule, and why no session can be as it wants.
pub(super) type Unkept<'p> = (&'p Rule, &'static str);

impl<'p> Sorted<'p> {
    pub(super) fn of(
        rules: impl Iterator<Item = &'p Rule>,
        (invocation, cwd, occasion): (&Invocation, &Path, &Occasion),
    ) -> Self {
        let (mut matching, mut unkept) = (Vec::new(), Vec::new());
        for rule in rules {
            if let Some(why) = rule.unkept(invocation, cwd, occasion) {
                unkept.push((rule, why));
            } else if rule.matches(invocation, cwd, occasion) {
                matching.push(rule);
            }
        }
        let is_holding = |rule: &&Rule| rule.session.is_some() && !rule.place.layer.only_tightens();
        if has_two_roles(matching.iter().copied().filter(is_holding)) {
            let why = "another rule wants another role";
            let holding = matching.extract_if(.., |rule| is_holding(rule));
            unkept.extend(holding.map(|rule| (rule, why)));
        }
        Self { matching, unkept }
    }
}

impl Evaluation {
    /// Tells whether a rule has the server hold the session to reading, so that what is unknown
    /// of it counts as that.
    #[must_use]
    pub fn holds_session(&self) -> bool {
        !self.obligations.environment.is_empty()
    }
}

fn role_of(rule: &Rule) -> Option<&String> {
    rule.session.as_ref()?.role.as_ref()
}

fn has_two_roles<'p>(rules: impl Iterator<Item = &'p Rule>) -> bool {
    let mut named = rules.filter_map(role_of);
    let first = named.next();
    named.any(|role| Some(role) != first)
}

/// Decides where a rule wants a session that can't be had: if the baseline
/// alone had its say then, whatever leads out of the session would be a way
/// around the rule.
pub(super) fn unkept() -> (Decision, MatchedRule) {
    let rule = built_in("gate/unheld-session".to_owned());
    (Decision::RequireApproval, rule)
}

/// Returns what is set for psql where one of these rules wants it, with the
/// role of the one that names one. People who are asked on top of that change
/// nothing of it.
pub(super) fn note(matching: &[&Rule]) -> Option<EnvironmentNote> {
    let holding = || matching.iter().filter(|rule| rule.session.is_some());
    let rule = holding()
        .find(|rule| role_of(rule).is_some())
        .or_else(|| holding().next())?;
    let session = rule.session.as_ref()?;
    Some(session.note(&rule.place.named()))
}

/// Returns what is to be said of sessions, those that can't be had too.
pub(super) fn said(matching: &[&Rule], unkept: &[Unkept<'_>]) -> Vec<String> {
    let held = note(matching).map(|note| note.why.into_owned());
    let unkept = unkept.iter().map(|(rule, why)| {
        let named = rule.place.named();
        format!("{named} allows only what it can hold to reading: {why}")
    });
    held.into_iter().chain(unkept).collect()
}

/// Reads the table of a rule, and says where the rule around it is none that it
/// can stand in.
pub(super) fn read(fields: &mut Fields<'_, '_, '_>, rule: &Rule) -> Option<Session> {
    let at = fields.get("postgres")?.span().start;
    if rule.tools != ["psql"] {
        let problem = "is for psql alone, and the rule is not";
        fields.error(at, "postgres", problem, "set tool = \"psql\"");
    }
    if fields.has("command") {
        let problem = "stands beside `command`, and psql has no commands";
        fields.error(at, "postgres", problem, "leave `command` out");
    }
    let mut effects = rule.effects.iter();
    if rule.effects.is_empty() || !effects.all(|effect| EFFECTS.contains(&effect)) {
        let problem = "can allow `read`, `local` and `secret` alone";
        fields.error(at, "postgres", problem, "set effect = \"read\"");
    }
    let table = fields.table("postgres")?;
    Some(read_table(fields, table))
}

fn read_table(fields: &mut Fields<'_, '_, '_>, table: Spanned<&DeTable<'_>>) -> Session {
    let known = &["read_only", "role"];
    let mut fields = Fields::new(fields.report, table, "rule.postgres.", known);
    let at = fields.offset;
    if fields.truth("read_only") != Some(true) {
        let problem = "is not true, and code of the database can give a role back";
        fields.error(at, "read_only", problem, "set read_only = true");
    }
    let role = fields.text("role").map(|role| {
        if !is_plain_role(role.value) {
            let mend = "write letters, digits, `-` and `_`";
            fields.error(role.offset, "role", "is no plain name of a role", mend);
        }
        role.value.to_owned()
    });
    Session { role }
}

/// `none` is the server's word for giving a role back.
fn is_plain_role(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty()
        && name.len() <= LONGEST_ROLE_BYTES
        && name.bytes().all(is_plain)
        && !name.eq_ignore_ascii_case("none")
}
