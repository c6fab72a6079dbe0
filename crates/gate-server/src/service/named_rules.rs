//! What the rules in force ask for: a client that names a rule is held to it, though its own copy is
//! older or its word is another, and so is one that names none where the words say which.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gate_policy::{
    AskingRule, Caller, CallerKind, Decision, Invocation, Layer, Occasion, Policy, PolicyBuilder,
};
use gate_protocol::principal::PrincipalKind;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::{
    Escalation, Requirement, SubmitRequest, TERM_LIMIT, Terms, shortened,
};

use super::break_glass::says_something;
use super::line;
use super::submission::add_unmet;
use crate::clock;
use crate::identity::Actor;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::rules::{self, StoredRules};

/// The rules that ask, of the version that was last read. Reading them takes
/// time that grows with their number, so it is done when they come into force and
/// when the server starts, and no request waits for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamedRules {
    read: Arc<Mutex<Arc<Version>>>,
}

#[derive(Debug, Default)]
struct Version {
    /// 0 where none was ever activated.
    number: u64,
    rules: HashMap<String, Asked>,
    /// None where no version is in force.
    policy: Option<Policy>,
}

/// What one rule wants met.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    requirements: Vec<Requirement>,
    request_ttl_seconds: Option<u64>,
    permit_ttl_seconds: Option<u64>,
    remind_seconds: Option<u64>,
    reason_required: bool,
}

impl Asked {
    fn by(rule: AskingRule<'_>) -> Self {
        Self {
            requirements: rule.requirements.iter().map(on_the_wire).collect(),
            request_ttl_seconds: rule.request_ttl.map(|ttl| ttl.as_secs()),
            permit_ttl_seconds: rule.permit_ttl.map(|ttl| ttl.as_secs()),
            remind_seconds: rule.remind_every.map(|every| every.as_secs()),
            reason_required: rule.reason_required,
        }
    }

    fn tighten(&self, terms: &mut Terms) {
        add_unmet(&mut terms.requirements, &self.requirements);
        let shorter = |seconds: &mut u64, limit: Option<u64>| {
            *seconds = limit.map_or(*seconds, |limit| limit.min(*seconds));
        };
        shorter(&mut terms.request_ttl_seconds, self.request_ttl_seconds);
        shorter(&mut terms.permit_ttl_seconds, self.permit_ttl_seconds);
        let reminders = [terms.remind_seconds, self.remind_seconds];
        terms.remind_seconds = reminders.into_iter().flatten().min();
    }
}

/// Returns what a rule asks for as it is said on the wire.
pub(super) fn on_the_wire(one: &gate_policy::Requirement) -> Requirement {
    Requirement {
        approvers: one.approvers.clone(),
        count: u32::from(one.count),
        apart: one.apart.clone(),
        escalation: one.escalation.as_ref().map(|later| Escalation {
            after_seconds: later.after_seconds,
            to: later.to.clone(),
        }),
    }
}

impl Server {
    /// Returns the terms of a submission, at least as strict as each rule in force that they name,
    /// and as each that is about the command by its words as they were `read` here.
    ///
    /// # Errors
    /// As [`Self::with_named_rules`]; and a rule in force denies the command.
    pub(super) async fn with_rules_in_force(
        &self,
        actor: &Actor,
        submission: &SubmitRequest,
        read: &Invocation,
    ) -> Result<Terms, Failure> {
        let version = self.version_in_force().await?;
        let mut terms = submission.terms.clone();
        for (decision, id) in version.certain(actor, submission, read) {
            match decision {
                Decision::Deny => return Err(denied(&id)),
                Decision::RequireApproval if !terms.rules.contains(&id) => terms.rules.push(id),
                Decision::RequireApproval | Decision::Allow => {}
            }
        }
        self.with_named_rules(terms, submission.reason.as_deref())
            .await
    }

    /// Returns `terms` at least as strict as each rule in force that they name. An escalation that
    /// none of these has comes no sooner than the server's own.
    ///
    /// # Errors
    /// A rule among them wants a reason, and there is none.
    pub(super) async fn with_named_rules(
        &self,
        mut terms: Terms,
        reason: Option<&str>,
    ) -> Result<Terms, Failure> {
        let version = self.version_in_force().await?;
        let named = terms.rules.clone();
        let named = named
            .iter()
            .filter_map(|id| Some((id, version.rules.get(id)?)));
        let mut known: Vec<&Requirement> = Vec::new();
        for (id, asked) in named {
            if asked.reason_required && !says_something(reason.unwrap_or_default()) {
                return Err(Failure::bad_request(format!(
                    "the rule `{id}` wants a reason, with letters that are seen: say why with \
                     `--reason`"
                )));
            }
            asked.tighten(&mut terms);
            known.extend(&asked.requirements);
        }
        if let Some(own) = &self.settings.approving.escalation {
            for one in &mut terms.requirements {
                let is_known = known.contains(&&*one);
                if let Some(later) = one.escalation.as_mut().filter(|_| !is_known) {
                    later.after_seconds = later.after_seconds.max(own.after_seconds);
                }
            }
        }
        Ok(terms)
    }

    /// Reads the rules in force where that was not done yet.
    pub(crate) async fn read_rules_in_force(&self) -> Result<(), Failure> {
        self.version_in_force().await.map(drop)
    }

    async fn version_in_force(&self) -> Result<Arc<Version>, Failure> {
        let mut reader = self.store.read().await?;
        let number = rules::version(reader.connection()).await?;
        let known = self.named_rules.get();
        if known.number == number {
            return Ok(known);
        }
        let Some(stored) = rules::current(reader.connection()).await? else {
            let lost = format!("version {number} of the rules is in force and not stored");
            return Err(Failure::internal(&std::io::Error::other(lost)));
        };
        drop(reader);
        let version = tokio::task::spawn_blocking(move || read(&stored))
            .await
            .map_err(|error| Failure::internal(&error))??;
        self.named_rules.set(Arc::clone(&version));
        Ok(version)
    }
}

/// Refuses what a rule denies of which the client does not know, or does not say.
fn denied(id: &str) -> Failure {
    let detail = format!(
        "the rule `{id}` of this server denies it, and nobody can approve it; `gate rules pull` \
         fetches the rules in force"
    );
    Failure::new(ProblemCode::Denied, detail)
}

impl Version {
    /// Returns the rules that ask or deny and are about a command by its words, with their ids.
    fn certain(
        &self,
        actor: &Actor,
        submission: &SubmitRequest,
        read: &Invocation,
    ) -> Vec<(Decision, String)> {
        let Some(policy) = &self.policy else {
            return Vec::new();
        };
        let cwd = PathBuf::from(line::word(&submission.invocation.cwd));
        let circumstances = &submission.circumstances;
        let occasion = Occasion {
            caller: Caller {
                kind: match actor.principal.kind {
                    PrincipalKind::User => CallerKind::User,
                    PrincipalKind::Agent => CallerKind::Agent,
                    PrincipalKind::Workload => CallerKind::Workload,
                },
                name: actor.name().to_owned(),
                host: circumstances.host.clone(),
                ci: circumstances.ci.is_some(),
                terminal: circumstances.terminal,
            },
            ..Occasion::of_nobody(clock::now())
        };
        let certain = policy.certain(read, &cwd, &occasion).into_iter();
        certain
            .map(|(decision, rule)| (decision, shortened(&rule.id, TERM_LIMIT).into_owned()))
            .collect()
    }
}

impl NamedRules {
    fn get(&self) -> Arc<Version> {
        Arc::clone(&self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, version: Arc<Version>) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = version;
    }
}

fn read(stored: &StoredRules) -> Result<Arc<Version>, Failure> {
    let mut builder = PolicyBuilder::new();
    builder
        .layer(Layer::Server, "server", &stored.text)
        .map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::internal(&std::io::Error::other(lines.join("; ")))
        })?;
    let policy = builder.build();
    let rules: HashMap<String, Asked> = policy
        .asking()
        .map(|rule| {
            let id = shortened(rule.id, TERM_LIMIT).into_owned();
            (id, Asked::by(rule))
        })
        .collect();
    Ok(Arc::new(Version {
        number: stored.version,
        rules,
        policy: Some(policy),
    }))
}
