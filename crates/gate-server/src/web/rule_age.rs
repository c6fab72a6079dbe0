//! When each rule in force was last changed, and by whom: found once for each
//! version of the rules, from the versions that are stored.

use std::collections::HashMap;
use std::sync::Arc;

use gate_protocol::canonical::Digest;
use gate_protocol::request::{TERM_LIMIT, shortened};
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::moment;
use super::shown::Shown;
use crate::clock;
use crate::problem::Failure;
use crate::service::rules_by_id;
use crate::state::Server;
use crate::store::rules;

/// How many versions are looked at, at most, the newest ones.
const LOOKED_AT: u64 = 100;
/// How long a change is worth a second look, in seconds: a day.
const FRESH_SECONDS: u64 = 24 * 3600;

/// What is known of the rules of the versions so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleAges(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    through: u64,
    rules: HashMap<String, Rule>,
}

/// One rule as it stands, and the version since which it does.
#[derive(Clone, Debug)]
struct Rule {
    sha256: Digest,
    /// None where it has stood since before what was looked at.
    since: Option<Since>,
}

#[derive(Clone, Debug)]
struct Since {
    version: u64,
    by: String,
    at: Timestamp,
}

/// When a rule was last changed.
pub(super) struct Age {
    pub(super) version: u64,
    pub(super) by: Shown,
    pub(super) iso: String,
    pub(super) ago: String,
    pub(super) is_fresh: bool,
}

/// Returns when the server's rule of this id was last changed, where it has one
/// and that is known.
pub(super) async fn ages(
    server: &Server,
    ids: &[String],
    now: Timestamp,
) -> Result<Vec<Option<Age>>, Failure> {
    let mut known = server.pages.rule_ages.0.lock().await;
    known.read_on(server).await?;
    let age = |id: &String| {
        let since = known.rules.get(id)?.since.as_ref()?;
        Some(Age {
            version: since.version,
            by: Shown::of(&since.by),
            iso: since.at.to_string(),
            ago: moment::ago(now, since.at),
            is_fresh: clock::after(since.at, FRESH_SECONDS) > now,
        })
    };
    Ok(ids.iter().map(age).collect())
}

impl Known {
    /// Looks at the versions that came since the last time.
    async fn read_on(&mut self, server: &Server) -> Result<(), Failure> {
        let mut reader = server.store.read().await?;
        let current = rules::version(reader.connection()).await?;
        let first = (self.through + 1).max((current + 1).saturating_sub(LOOKED_AT));
        for version in first..=current {
            let stored = rules::find(reader.connection(), version).await?;
            let made = rules::activations(reader.connection(), version, 1).await?;
            let (Some(stored), Some(made)) = (stored, made.into_iter().next()) else {
                continue;
            };
            let hashes = tokio::task::spawn_blocking(move || hashes(&stored.text))
                .await
                .map_err(|error| Failure::internal(&error))?;
            let since = Since {
                version,
                by: made.by,
                at: made.at,
            };
            // Before the first of all there was nothing, so all of it is new there.
            let is_known = version == 1 || self.through > 0;
            self.take(hashes, is_known.then_some(&since));
            self.through = version;
        }
        Ok(())
    }

    fn take(&mut self, hashes: HashMap<String, Digest>, since: Option<&Since>) {
        let mut rules = HashMap::with_capacity(hashes.len());
        for (id, sha256) in hashes {
            let rule = match self.rules.remove(&id) {
                Some(rule) if rule.sha256 == sha256 => rule,
                Some(_) | None => Rule {
                    sha256,
                    since: since.cloned(),
                },
            };
            rules.insert(id, rule);
        }
        self.rules = rules;
    }
}

/// Returns a hash of each rule, by the id that a request names it by.
fn hashes(text: &str) -> HashMap<String, Digest> {
    let rules = rules_by_id(text).unwrap_or_default();
    let hash = |(id, rule): (String, toml::Value)| {
        let written = toml::to_string(&rule).ok()?;
        let id = shortened(&id, TERM_LIMIT).into_owned();
        Some((id, Digest::of_bytes(written.as_bytes())))
    };
    rules.into_iter().filter_map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, decision: &str) -> String {
        format!("[[rule]]\nid = \"{id}\"\neffect = [\"write\"]\ndecision = \"{decision}\"\n")
    }

    fn since(version: u64) -> Since {
        Since {
            version,
            by: format!("admin{version}"),
            at: clock::now(),
        }
    }

    #[test]
    fn a_rule_is_as_old_as_its_words() {
        let mut known = Known::default();
        let texts = [
            rule("a", "deny") + &rule("b", "deny"),
            // The order and the blanks are not the rule.
            rule("b", "deny") + "\n\n" + &rule("a", "allow"),
            rule("a", "allow"),
            rule("a", "allow") + &rule("b", "deny"),
        ];
        for (at, text) in texts.iter().enumerate() {
            known.take(hashes(text), Some(&since(at as u64 + 1)));
        }
        let version = |id: &str| known.rules[id].since.as_ref().unwrap().version;
        assert_eq!((version("a"), version("b")), (2, 4));
    }
}
