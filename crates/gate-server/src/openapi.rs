//! The description of the API, generated from the handlers themselves. What holds
//! for every call is added here, once: who may call, how a refusal looks, which
//! headers come, and an example of each message, which is its golden file.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::api;
use crate::state::Server;

/// Names the messages of which there is an example.
macro_rules! examples {
    ($($schema:literal: $file:literal;)+) => {
        &[$((
            $schema,
            include_str!(concat!("../../gate-protocol/tests/golden/", $file, ".json")),
        )),+]
    };
}

const EXAMPLES: &[(&str, &str)] = examples! {
    "AccountEntry": "account_entry";
    "AccountName": "account_name";
    "AccountPage": "account_page";
    "ApprovalRequest": "approval_request";
    "Archivable": "archivable";
    "BatchReceipt": "batch_receipt";
    "BreakGlassPage": "break_glass_page";
    "ChangePrincipal": "change_principal";
    "ChannelEntry": "channel_entry";
    "ChannelPage": "channel_page";
    "ClaimRequest": "claim_request";
    "CreateChannel": "create_channel";
    "CreateInvitation": "create_invitation";
    "CreateToken": "create_token";
    "CreatedInvitation": "created_invitation";
    "CreatedToken": "created_token";
    "DeliveryEntry": "delivery_entry";
    "DeliveryPage": "delivery_page";
    "Erase": "erase";
    "Erased": "erased";
    "EventBatch": "event_batch";
    "ExchangeWorkloadToken": "exchange_workload_token";
    "Group": "group";
    "GroupPage": "group_page";
    "Health": "health";
    "LinkAccount": "link_account";
    "LogProof": "log_proof";
    "LogStart": "log_start";
    "LoginCode": "login_code";
    "PollDevice": "poll_device";
    "PolledDevice": "polled_device";
    "Principal": "principal";
    "PrincipalChange": "principal_change";
    "PrincipalChanges": "principal_changes";
    "PrincipalPage": "principal_page";
    "Problem": "problem";
    "ProposeStandingGrant": "propose_standing_grant";
    "Prune": "prune";
    "Pruned": "pruned";
    "ProposedRules": "proposed_rules";
    "PutRules": "put_rules";
    "RecordPage": "record_page";
    "RequestPage": "request_page";
    "ReviewBreakGlass": "review_break_glass";
    "RulesText": "rules_text";
    "RulesVersionPage": "rules_version_page";
    "ServerIdentity": "server_identity";
    "SignedGrant": "signed_grant";
    "SignedRules": "signed_rules";
    "SignedServerProof": "signed_server_proof";
    "StandingGrant": "standing_grant";
    "StandingGrantPage": "standing_grant_page";
    "StartDevice": "start_device";
    "StartedDevice": "started_device";
    "SubmitRequest": "submit_request";
    "SubmitReview": "submit_review";
    "TestedChannel": "tested_channel";
    "TokenPage": "token_page";
    "Whoami": "whoami";
};

/// Returns the routes and their description.
pub(crate) fn router() -> (axum::Router<Server>, Value) {
    let (router, mut document) = OpenApiRouter::new().merge(api::routes()).split_for_parts();
    "gate".clone_into(&mut document.info.title);
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    document.info.description = Some(
        "Asks a person before a command runs. Every refusal is `application/problem+json`. \
         Lists come in pages: `next` of one is the `cursor` of the following one."
            .to_owned(),
    );
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
    );
    (router, whole(&document))
}

/// Adds what holds for every call.
fn whole(document: &OpenApi) -> Value {
    // It is made of texts and numbers, so it has a form; a test reads it whole.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(components) = document
        .get_mut("components")
        .and_then(Value::as_object_mut)
    {
        components.insert("responses".to_owned(), refusals());
        components.insert("headers".to_owned(), headers());
    }
    for (name, example) in EXAMPLES {
        let schema = document.pointer_mut(&format!("/components/schemas/{name}"));
        if let Some(schema) = schema.and_then(Value::as_object_mut)
            && let Ok(example) = serde_json::from_str::<Value>(example)
        {
            schema.insert("examples".to_owned(), json!([example]));
        }
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas") {
        without_nul(schemas);
        let is_closed = |schema: &Value| schema.get("additionalProperties") == Some(&false.into());
        let named = schemas.as_object().into_iter().flatten();
        let closed = named.filter(|(_, schema)| is_closed(schema));
        let closed = closed.map(|(name, _)| name.clone()).collect();
        let mut parts = Vec::new();
        close_wholes(schemas, &closed, &mut parts);
        for name in parts {
            let part = schemas.get_mut(&name).and_then(Value::as_object_mut);
            part.and_then(|part| part.remove("additionalProperties"));
        }
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for item in paths.into_iter().flat_map(Map::values_mut) {
        let operations = item.as_object_mut().into_iter().flat_map(Map::values_mut);
        for operation in operations.filter_map(Value::as_object_mut) {
            complete(operation);
        }
    }
    document
}

/// What every text here is, where nothing narrower is said of it: one that holds NUL is refused.
const TEXT: &str = r"^[^\u0000]*$";

fn without_nul(schema: &mut Value) {
    match schema {
        Value::Array(inner) => inner.iter_mut().for_each(without_nul),
        Value::Object(members) => {
            let types = members.get("type");
            let is_text = types.is_some_and(|types| {
                let all = types.as_array().map_or(&[][..], Vec::as_slice);
                types == "string" || all.iter().any(|one| one == "string")
            });
            let narrower = ["pattern", "format", "enum", "const"];
            if is_text && !narrower.iter().any(|name| members.contains_key(*name)) {
                members.insert("pattern".to_owned(), TEXT.into());
            }
            let inner = members.iter_mut();
            let inner = inner.filter(|(name, _)| !["examples", "enum"].contains(&name.as_str()));
            inner.for_each(|(_, value)| without_nul(value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Closes what is put together of parts, and notes which these are: a part that is
/// closed itself refuses what stands in another one, and the whole could never be.
fn close_wholes(schema: &mut Value, closed: &BTreeSet<String>, parts: &mut Vec<String>) {
    if let Some(inner) = schema.as_array_mut() {
        return inner
            .iter_mut()
            .for_each(|one| close_wholes(one, closed, parts));
    }
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    let all_of = members.get("allOf").and_then(Value::as_array);
    let named = all_of.into_iter().flatten().filter_map(|part| {
        let at = part.get("$ref")?.as_str()?;
        closed.get(at.rsplit('/').next()?).cloned()
    });
    let before = parts.len();
    parts.extend(named);
    if parts.len() > before {
        members.insert("unevaluatedProperties".to_owned(), false.into());
    }
    members
        .values_mut()
        .for_each(|one| close_wholes(one, closed, parts));
}

/// Adds to one operation who may call it and how it refuses.
fn complete(operation: &mut Map<String, Value>) {
    // An empty requirement is one that everybody meets.
    let is_open = operation
        .get("security")
        .is_some_and(|one| *one == json!([{}]));
    let has_body = operation.contains_key("requestBody");
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    parameters.into_iter().flatten().for_each(never_null);
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let has_parameters = parameters.is_some_and(|parameters| !parameters.is_empty());
    let is_tagged = parameters.into_iter().flatten().any(|one| {
        let name = one.get("name").and_then(Value::as_str);
        name == Some("If-None-Match")
    });
    if !is_open {
        operation.insert("security".to_owned(), json!([{ "token": [] }]));
    }
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else {
        return;
    };
    for (status, response) in responses.iter_mut() {
        if let Some(response) = response.as_object_mut() {
            answer(status, response, is_tagged);
        }
    }
    let mut refusals = vec!["429", "503", "default"];
    if !is_open {
        refusals.extend(["401", "403"]);
    }
    if has_body {
        refusals.extend(["400", "408", "413", "415"]);
    } else if has_parameters {
        refusals.push("400");
    }
    for status in refusals {
        let refusal = json!({ "$ref": format!("#/components/responses/{}", refusal_name(status)) });
        responses.entry(status).or_insert(refusal);
    }
}

/// Says of a parameter that it is there or is not: nothing in an address or a header is null.
fn never_null(parameter: &mut Value) {
    let Some(schema) = parameter.get_mut("schema").and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = &types[..] {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(forms)) = schema.get_mut("oneOf") {
        forms.retain(|one| one.get("type") != Some(&"null".into()));
    }
}

/// Completes one answer: its words, its media type, its headers.
fn answer(status: &str, response: &mut Map<String, Value>, is_tagged: bool) {
    let code = status.parse::<u16>().unwrap_or_default();
    let words = axum::http::StatusCode::from_u16(code)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Refused");
    let description = response.entry("description").or_insert(Value::Null);
    if description.as_str().is_none_or(str::is_empty) {
        *description = words.into();
    }
    if code >= 400
        && let Some(content) = response.get_mut("content").and_then(Value::as_object_mut)
        && let Some(problem) = content.remove("application/json")
    {
        content.insert("application/problem+json".to_owned(), problem);
    }
    let mut names = vec!["RateLimit", "RateLimit-Policy"];
    if is_tagged && matches!(code, 200 | 304) {
        names.push("ETag");
    }
    if matches!(code, 429 | 503) {
        names.push("Retry-After");
    }
    response.insert("headers".to_owned(), header_references(&names));
}

fn header_references(names: &[&str]) -> Value {
    let reference = |name: &&str| {
        let at = format!("#/components/headers/{name}");
        ((*name).to_owned(), json!({ "$ref": at }))
    };
    Value::Object(names.iter().map(reference).collect())
}

fn refusal_name(status: &str) -> String {
    if status == "default" {
        "Refused".to_owned()
    } else {
        format!("Refused{status}")
    }
}

/// Returns the refusals that every operation, or many of them, can answer with.
fn refusals() -> Value {
    let told = [
        ("400", "A parameter or the body is malformed"),
        (
            "401",
            "No token, or one that is unknown, ended or of a disabled principal",
        ),
        ("403", "The role of the token does not cover this"),
        ("408", "The body did not come in time"),
        ("413", "The body is too large"),
        ("415", "The body is not `application/json`"),
        ("429", "Too many calls, or too much at once"),
        (
            "503",
            "The store does not answer in time; nothing was changed",
        ),
        ("default", "Any other refusal"),
    ];
    let refusal = |(status, description): &(&str, &str)| {
        let mut names = vec!["RateLimit", "RateLimit-Policy"];
        if matches!(*status, "429" | "503") {
            names.push("Retry-After");
        }
        let refusal = json!({
            "description": description,
            "headers": header_references(&names),
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
        (refusal_name(status), refusal)
    };
    Value::Object(told.iter().map(refusal).collect())
}

fn headers() -> Value {
    let header =
        |description: &str, schema: Value| json!({ "description": description, "schema": schema });
    json!({
        "RateLimit": header(
            "What is left: `r` units, all of them again after `t` seconds. A look is one unit, \
             a change ten and one more for each 4 KiB of its body",
            json!({ "type": "string", "examples": ["\"caller\";r=1990;t=1"] })),
        "RateLimit-Policy": header(
            "How many units come: `q` in `w` seconds, for the caller or, where nobody is known \
             to call, for the address",
            json!({ "type": "string", "examples": ["\"caller\";q=6000;w=60"] })),
        "Retry-After": header(
            "After how many seconds to come again",
            json!({ "type": "integer", "minimum": 1, "examples": [1] })),
        "ETag": header(
            "The tag of what is shown, for `If-None-Match` and `If-Match`",
            json!({ "type": "string", "examples": ["\"Zm9vYmFyYmF6cXV4MTIzNA\""] })),
    })
}

/// Returns the `OpenAPI` 3.1 description of the API as JSON.
///
/// # Errors
/// The description has no JSON form, which a test rules out.
pub fn document() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&router().1)
}
