//! Who may approve, past what the rules say: the mode, exclusions, escalation,
//! standing grants, break-glass and the limits of a flood.

use std::time::Duration;

use gate_policy::Effect;
use gate_protocol::approver::Approver;
use gate_protocol::principal::is_name;
use gate_protocol::request::{Escalation, Requirement};
use gate_protocol::standing_grant::STANDING_USES;
use serde::Deserialize;

use super::SettingsError;

/// Whether the server's answers decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerMode {
    /// People decide.
    #[default]
    Enforce,
    /// What would be asked is recorded and approved by the server itself: to see
    /// what rules would do before they do it. Only these settings choose it.
    Observe,
}

/// Who may approve, past what the rules say.
#[derive(Clone, Debug)]
pub struct Approving {
    /// Whether the server's answers decide.
    pub mode: ServerMode,
    /// For how long whoever changed a rule has no say in what it decides; zero
    /// where that does not matter.
    pub rule_editor: Duration,
    /// For how long whoever changed an agent or workload, or its tokens, has no
    /// say in what it asks; zero where that does not matter.
    pub agent_editor: Duration,
    /// For how long an account counts for nothing that one admin alone made or changed, and only in
    /// what is asked after that; zero where that does not matter.
    pub approver_rest: Duration,
    /// The admins who may make both who asks and who answers, by the names of their accounts: an
    /// account that one of them made, or gave a token to, answers all the same what they only had
    /// a hand in.
    pub trusted_admins: Vec<String>,
    /// Who joins the server's own approvers, and after how long.
    pub escalation: Option<Escalation>,
    /// How often people are reminded where no rule says.
    pub remind_every: Option<Duration>,
    /// Standing grants; none where the server has no such thing.
    pub standing_grants: Option<StandingGrants>,
    /// Who is asked for break-glass; none where the server has no such thing.
    pub break_glass: Option<Requirement>,
    /// What one caller, and all of them, can ask.
    pub flood: Flood,
}

const EFFECTS: &str = "must be a list of effects, as `destroy`: read, local, write, destroy, access, secret, execute, unknown";
const PEOPLE: &str = "must be a list of `group:NAME` and `user:NAME`, and name somebody";

/// What a standing grant can be at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingGrants {
    /// How long it holds.
    pub max_ttl: Duration,
    /// How many uses it has.
    pub max_uses: u32,
    /// Commands with these effects are always asked about.
    pub not_for_effects: Vec<String>,
}

/// What callers can ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flood {
    /// How many requests of everybody can be open.
    pub open_requests: u32,
    /// How many submissions of one principal are taken at once.
    pub burst: u32,
    /// How many more each minute.
    pub per_minute: u32,
    /// Whether another reason makes another question of what was denied.
    pub reason_lifts: bool,
}

impl Default for Approving {
    fn default() -> Self {
        let effects = ["access", "secret", "execute", "unknown"];
        Self {
            mode: ServerMode::Enforce,
            rule_editor: Duration::from_hours(24 * 7),
            agent_editor: Duration::from_hours(24 * 7),
            approver_rest: Duration::from_hours(24),
            trusted_admins: Vec::new(),
            escalation: None,
            remind_every: None,
            standing_grants: Some(StandingGrants {
                max_ttl: Duration::from_hours(8),
                max_uses: 100,
                not_for_effects: effects.map(str::to_owned).to_vec(),
            }),
            break_glass: None,
            flood: Flood {
                open_requests: 1_000,
                burst: 120,
                per_minute: 60,
                reason_lifts: false,
            },
        }
    }
}

/// `[approving]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ApprovingFile {
    rule_editor_seconds: Option<u64>,
    agent_editor_seconds: Option<u64>,
    approver_rest_seconds: Option<u64>,
    trusted_admins: Vec<String>,
    escalate_after_seconds: Option<u64>,
    escalate_to: Option<Vec<String>>,
    remind_seconds: Option<u64>,
}

/// `[standing_grants]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StandingGrantsFile {
    enabled: Option<bool>,
    max_seconds: Option<u64>,
    max_uses: Option<u32>,
    not_for_effects: Option<Vec<String>>,
}

/// `[break_glass]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BreakGlassFile {
    approvers: Vec<String>,
    #[serde(default)]
    count: Option<u32>,
}

/// `[flood]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FloodFile {
    open_requests: Option<u32>,
    burst: Option<u32>,
    per_minute: Option<u32>,
    reason_lifts: Option<bool>,
}

impl Approving {
    /// Takes what the tables of a file say.
    pub(super) fn read(
        &mut self,
        mode: Option<ServerMode>,
        approving: Option<ApprovingFile>,
        standing_grants: Option<StandingGrantsFile>,
        others: (Option<BreakGlassFile>, Option<FloodFile>),
    ) -> Result<(), SettingsError> {
        self.mode = mode.unwrap_or(self.mode);
        if let Some(file) = approving {
            self.read_approving(file)?;
        }
        if let Some(file) = standing_grants {
            self.read_standing_grants(file);
        }
        if let Some(file) = others.0 {
            let count = file.count.unwrap_or(2);
            self.break_glass = Some(Requirement::of(file.approvers, count));
        }
        if let Some(file) = others.1 {
            let flood = &mut self.flood;
            flood.open_requests = file.open_requests.unwrap_or(flood.open_requests);
            flood.burst = file.burst.unwrap_or(flood.burst);
            flood.per_minute = file.per_minute.unwrap_or(flood.per_minute);
            flood.reason_lifts = file.reason_lifts.unwrap_or(flood.reason_lifts);
        }
        Ok(())
    }

    fn read_approving(&mut self, file: ApprovingFile) -> Result<(), SettingsError> {
        let seconds = |field: &mut Duration, value: Option<u64>| {
            *field = value.map_or(*field, Duration::from_secs);
        };
        seconds(&mut self.rule_editor, file.rule_editor_seconds);
        seconds(&mut self.agent_editor, file.agent_editor_seconds);
        seconds(&mut self.approver_rest, file.approver_rest_seconds);
        self.trusted_admins = file.trusted_admins;
        self.remind_every = file.remind_seconds.map(Duration::from_secs);
        self.escalation = match (file.escalate_after_seconds, file.escalate_to) {
            (Some(after_seconds), Some(to)) => Some(Escalation { after_seconds, to }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(SettingsError::Value {
                    field: "approving.escalate_to",
                    why: "and `approving.escalate_after_seconds` stand together",
                });
            }
        };
        Ok(())
    }

    fn read_standing_grants(&mut self, file: StandingGrantsFile) {
        let defaults = Self::default().standing_grants;
        self.standing_grants = self.standing_grants.take().or(defaults);
        if file.enabled == Some(false) {
            self.standing_grants = None;
        }
        if let Some(grants) = &mut self.standing_grants {
            let max_ttl = file.max_seconds.map(Duration::from_secs);
            grants.max_ttl = max_ttl.unwrap_or(grants.max_ttl);
            grants.max_uses = file.max_uses.unwrap_or(grants.max_uses);
            if let Some(effects) = file.not_for_effects {
                grants.not_for_effects = effects;
            }
        }
    }

    /// Refuses what a server can't be served by.
    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        let value = |field, why| Err(SettingsError::Value { field, why });
        if !self.trusted_admins.iter().all(|name| is_name(name)) {
            return value(
                "approving.trusted_admins",
                "must be a list of names of users",
            );
        }
        if let Some(escalation) = &self.escalation {
            if !names_people(&escalation.to) {
                return value("approving.escalate_to", PEOPLE);
            }
            if escalation.after_seconds == 0 {
                return value("approving.escalate_after_seconds", "must be at least 1");
            }
        }
        if self.remind_every.is_some_and(|every| every.as_secs() < 60) {
            return value("approving.remind_seconds", "must be at least 60");
        }
        if let Some(requirement) = &self.break_glass {
            if !names_people(&requirement.approvers) {
                return value("break_glass.approvers", PEOPLE);
            }
            if !(1..=100).contains(&requirement.count) {
                return value("break_glass.count", "must be from 1 to 100");
            }
        }
        if let Some(grants) = &self.standing_grants {
            if !grants
                .not_for_effects
                .iter()
                .all(|one| one.parse::<Effect>().is_ok())
            {
                return value("standing_grants.not_for_effects", EFFECTS);
            }
            if grants.max_ttl.as_secs() < 60 {
                return value("standing_grants.max_seconds", "must be at least 60");
            }
            if !STANDING_USES.contains(&grants.max_uses) {
                return value("standing_grants.max_uses", "must be from 1 to 1000");
            }
        }
        let flood = &self.flood;
        if flood.burst == 0 || flood.per_minute == 0 || flood.open_requests == 0 {
            return value("flood", "must let at least 1 request of each kind through");
        }
        Ok(())
    }
}

fn names_people(approvers: &[String]) -> bool {
    let is_approver = |approver: &String| approver.parse::<Approver>().is_ok();
    !approvers.is_empty() && approvers.iter().all(is_approver)
}

#[cfg(test)]
mod tests {
    use crate::settings::{ServerMode, Settings};

    fn read(text: &str) -> Result<Settings, String> {
        let settings = Settings::new("data", "http://127.0.0.1:1").with_toml(text);
        settings.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error}: {}", cause.unwrap_or_default())
        })
    }

    #[test]
    fn what_is_not_said_is_strict() {
        let approving = read("").unwrap().approving;
        assert_eq!(approving.mode, ServerMode::Enforce);
        assert!(approving.break_glass.is_none());
        assert_eq!(approving.rule_editor.as_secs(), 7 * 24 * 3600);
        let grants = approving.standing_grants.unwrap();
        assert!(grants.not_for_effects.contains(&"secret".to_owned()));
        assert!(!approving.flood.reason_lifts);
    }

    #[test]
    fn a_file_changes_what_it_names() {
        let text = "mode = 'observe'\n[approving]\nrule_editor_seconds = 0\n\
             escalate_after_seconds = 600\nescalate_to = ['group:leads']\n\
             [break_glass]\napprovers = ['group:on-call']\n\
             [standing_grants]\nenabled = false\n[flood]\nburst = 5\n";
        let approving = read(text).unwrap().approving;
        assert_eq!(approving.mode, ServerMode::Observe);
        assert!(approving.rule_editor.is_zero());
        assert_eq!(approving.escalation.unwrap().to, ["group:leads"]);
        assert_eq!(
            approving.break_glass.unwrap().count,
            2,
            "two people, unless it says one"
        );
        assert!(approving.standing_grants.is_none());
        assert_eq!(approving.flood.burst, 5);
    }

    #[test]
    fn a_mistake_names_its_field() {
        for (text, word) in [
            ("mode = 'monitor'", "observe"),
            (
                "[approving]\nescalate_to = ['group:a']",
                "escalate_after_seconds",
            ),
            (
                "[approving]\nescalate_after_seconds = 0\nescalate_to = ['group:a']",
                "at least 1",
            ),
            (
                "[approving]\nescalate_after_seconds = 9\nescalate_to = []",
                "escalate_to",
            ),
            ("[approving]\nremind_seconds = 1", "remind_seconds"),
            ("[break_glass]\napprovers = []", "break_glass.approvers"),
            ("[break_glass]\ncount = 2", "approvers"),
            (
                "[break_glass]\napprovers = ['group:a']\ncount = 0",
                "break_glass.count",
            ),
            (
                "[standing_grants]\nmax_uses = 0",
                "standing_grants.max_uses",
            ),
            ("[flood]\nburst = 0", "flood"),
            ("[flood]\nbrust = 1", "brust"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
