//! The settings as a flat list of values without secrets: what differs from one start to the next is
//! recorded, so that nobody loosens them unseen.

use std::collections::BTreeMap;
use std::time::Duration;

use gate_protocol::canonical::Digest;
use gate_protocol::request::Requirement;
use serde_json::{Value, json};

use super::{Approving, ChannelFile, Provider, ServerMode, Settings, Workload};

/// The settings by their names in the file.
pub(crate) type Summary = BTreeMap<String, Value>;

/// One setting that is another than before. What is not said before or now is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) setting: String,
    pub(crate) old: Value,
    pub(crate) new: Value,
}

/// Returns what differs, by name.
pub(crate) fn changed(old: &Summary, new: &Summary) -> Vec<Changed> {
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let of = |all: &Summary, name: &String| all.get(name).cloned().unwrap_or(Value::Null);
    let pairs = names.into_iter().map(|name| Changed {
        setting: name.clone(),
        old: of(old, name),
        new: of(new, name),
    });
    pairs.filter(|one| one.old != one.new).collect()
}

impl Settings {
    /// Returns all that decides who may do what, and how fast; where secrets are, but none of them.
    /// Not the address: a server to try things on has another one at each start.
    pub(crate) fn summary(&self) -> Summary {
        let mut all = Summary::new();
        let mut put = |name: &str, value: Value| {
            all.insert(name.to_owned(), value);
        };
        put("tls", json!(self.tls.is_some()));
        put("approvers", json!(self.floor.approvers));
        put("min_count", json!(self.floor.min_count));
        put(
            "max_request_ttl_seconds",
            seconds(self.floor.max_request_ttl),
        );
        put("max_permit_ttl_seconds", seconds(self.floor.max_permit_ttl));
        put("open_requests", json!(self.limits.open_requests));
        put("denial_stands_seconds", seconds(self.limits.denial_stands));
        put("grant_seconds", seconds(self.leases.grant));
        put("start_report_seconds", seconds(self.leases.start_report));
        put("run_lease_seconds", seconds(self.leases.run));
        put("rules_seconds", seconds(self.leases.rules));
        put("production", json!(self.production.patterns()));
        let rates = self.limits.rates;
        put("rate.caller_burst", json!(rates.caller.burst));
        put("rate.caller_per_minute", json!(rates.caller.per_minute));
        put("rate.address_burst", json!(rates.address.burst));
        put("rate.address_per_minute", json!(rates.address.per_minute));
        put("rate.waits", json!(rates.waits));
        let networks = self.outbound.allow_private.iter();
        let networks: Vec<String> = networks.map(|one| format!("{one:?}")).collect();
        put("outbound.allow_private", json!(networks));
        put("outbound.ca_file", json!(self.outbound.ca_file));
        let witnesses = self.witnesses.iter();
        let witnesses: Vec<String> = witnesses
            .map(|one| format!("{} {}", one.key.label(), one.url))
            .collect();
        put("witness", json!(witnesses));
        let sign_in = &self.identity.sign_in;
        put("sign_in.passwords", json!(sign_in.passwords));
        put("sign_in.tokens", json!(sign_in.tokens));
        put("sign_in.session_seconds", json!(sign_in.session_seconds));
        put("sign_in.idle_seconds", json!(sign_in.idle_seconds));
        put(
            "sign_in.device_token_seconds",
            json!(sign_in.device_token_seconds),
        );
        put("sign_in.trusted_proxies", json!(sign_in.trusted_proxies));
        all.extend(approving(&self.approving));
        all.extend(self.identity.providers.iter().map(provider));
        let workloads = self.identity.workloads.iter().enumerate();
        all.extend(workloads.map(|(at, one)| workload(at, one)));
        all.extend(self.channels.iter().map(channel));
        all
    }
}

fn seconds(span: Duration) -> Value {
    json!(span.as_secs())
}

fn people(requirement: &Requirement) -> Value {
    json!({ "approvers": requirement.approvers, "count": requirement.count })
}

fn approving(approving: &Approving) -> Summary {
    let mode = match approving.mode {
        ServerMode::Enforce => "enforce",
        ServerMode::Observe => "observe",
    };
    let escalation = approving.escalation.as_ref();
    let grants = approving.standing_grants.as_ref();
    let flood = &approving.flood;
    let all = [
        ("mode", json!(mode)),
        (
            "approving.rule_editor_seconds",
            seconds(approving.rule_editor),
        ),
        (
            "approving.agent_editor_seconds",
            seconds(approving.agent_editor),
        ),
        (
            "approving.approver_rest_seconds",
            seconds(approving.approver_rest),
        ),
        ("approving.trusted_admins", json!(approving.trusted_admins)),
        (
            "approving.escalate_after_seconds",
            json!(escalation.map(|one| one.after_seconds)),
        ),
        (
            "approving.escalate_to",
            json!(escalation.map(|one| &one.to)),
        ),
        (
            "approving.remind_seconds",
            json!(approving.remind_every.map(|every| every.as_secs())),
        ),
        ("standing_grants.enabled", json!(grants.is_some())),
        (
            "standing_grants.max_seconds",
            json!(grants.map(|one| one.max_ttl.as_secs())),
        ),
        (
            "standing_grants.max_uses",
            json!(grants.map(|one| one.max_uses)),
        ),
        (
            "standing_grants.not_for_effects",
            json!(grants.map(|one| &one.not_for_effects)),
        ),
        (
            "break_glass",
            json!(approving.break_glass.as_ref().map(people)),
        ),
        ("flood.open_requests", json!(flood.open_requests)),
        ("flood.burst", json!(flood.burst)),
        ("flood.per_minute", json!(flood.per_minute)),
        ("flood.reason_lifts", json!(flood.reason_lifts)),
    ];
    all.map(|(name, value)| (name.to_owned(), value)).into()
}

fn provider(one: &Provider) -> (String, Value) {
    let algorithms: Vec<String> = one.algorithms.iter().map(|it| format!("{it:?}")).collect();
    let value = json!({
        "issuer": one.issuer,
        "client_id": one.client_id,
        "client_secret_file": one.client_secret_file,
        "ca_file": one.ca_file,
        "algorithms": algorithms,
        "scopes": one.scopes,
        "groups_claim": one.groups_claim,
        "groups": one.groups,
        "auto_create": one.auto_create,
        "groups_seconds": one.groups_seconds,
        "name_claim": one.name_claim,
        "email_domains": one.email_domains,
        "auto_create_groups": one.auto_create_groups,
        "approver_groups": one.approver_groups,
        "admin_groups": one.admin_groups,
        "auditor_groups": one.auditor_groups,
    });
    (format!("provider.{}", one.name), value)
}

/// The first that fits a job counts, so the place is part of what it says.
fn workload(at: usize, one: &Workload) -> (String, Value) {
    let algorithms: Vec<String> = one.algorithms.iter().map(|it| format!("{it:?}")).collect();
    let value = json!({
        "issuer": one.issuer,
        "audience": one.audience,
        "principal": one.principal,
        "claims": one.claims,
        "algorithms": algorithms,
        "jwks_file": one.jwks_file,
        "ca_file": one.ca_file,
        "token_seconds": one.token_seconds,
        "once": one.once,
        "tools": one.tools,
    });
    (format!("workload.{}", at + 1), value)
}

/// A channel by its hash: an address can be a secret in itself.
fn channel(one: &ChannelFile) -> (String, Value) {
    let spec = serde_json::to_vec(&one.spec).unwrap_or_default();
    let value = json!({ "sha256": Digest::of_bytes(&spec) });
    (format!("channel.{}", one.spec.name), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(text: &str) -> Summary {
        let settings = Settings::new("data", "http://127.0.0.1:1").with_toml(text);
        settings.unwrap().summary()
    }

    #[test]
    fn each_loosening_of_the_file_is_named_with_old_and_new() {
        let before = summary("min_count = 2\n");
        let after = summary(
            "mode = 'observe'\nproduction = ['cluster x-*']\n[approving]\n\
             trusted_admins = ['mallory']\napprover_rest_seconds = 0\n[flood]\nburst = 9\n",
        );
        let found = changed(&before, &after);
        let names: Vec<&str> = found.iter().map(|one| one.setting.as_str()).collect();
        assert_eq!(
            names,
            [
                "approving.approver_rest_seconds",
                "approving.trusted_admins",
                "flood.burst",
                "min_count",
                "mode",
                "production"
            ]
        );
        assert_eq!(found[3].old, 2);
        assert_eq!(found[3].new, 1);
        assert_eq!(changed(&after, &after), []);
    }

    #[test]
    fn no_address_of_a_channel_is_told() {
        let text = "[[channel]]\nname = 'ops'\nkind = 'webhook'\n\
             url = 'https://hooks.example/secret-in-the-path'\nsigning_secret_file = '/etc/x'\n";
        let told = serde_json::to_string(&summary(text)).unwrap();
        assert!(!told.contains("secret-in-the-path"), "{told}");
        assert!(told.contains("channel.ops"), "{told}");
    }
}
