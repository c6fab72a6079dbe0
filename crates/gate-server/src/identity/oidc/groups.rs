//! Which of our groups somebody is in, as the provider says.

use std::collections::BTreeSet;

use serde_json::Value;

use super::OidcError;
use crate::identity::jwt::Claims;
use crate::settings::Provider;

/// Returns those of our groups that the settings name for what the provider
/// lists. A group that they do not name says nothing here.
///
/// # Errors
/// [`OidcError::Overage`] where the provider says that the list is elsewhere:
/// the groups are then unknown, which is something else than none.
pub(super) fn groups_of(
    settings: &Provider,
    claims: &Claims,
    more: Option<&Value>,
) -> Result<Vec<String>, OidcError> {
    if settings.groups.is_empty() {
        return Ok(Vec::new());
    }
    let claim = &settings.groups_claim;
    let listed = claims
        .get(claim)
        .or_else(|| more.and_then(|more| more.get(claim)));
    let elsewhere = |names: Option<&Value>| names.and_then(|names| names.get(claim)).is_some();
    let is_elsewhere = elsewhere(claims.get("_claim_names"))
        || elsewhere(more.and_then(|more| more.get("_claim_names")));
    // Entra ID has a second way to say the same, in the implicit flow.
    let has_more = claims.get("hasgroups") == Some(&Value::Bool(true));
    let Some(listed) = listed else {
        return if is_elsewhere || has_more {
            Err(OidcError::Overage)
        } else {
            Ok(Vec::new())
        };
    };
    let names: Vec<&str> = match listed {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return Err(OidcError::Form);
        }
    };
    let ours: BTreeSet<&String> = names
        .iter()
        .filter_map(|name| settings.groups.get(*name))
        .collect();
    Ok(ours.into_iter().cloned().collect())
}
