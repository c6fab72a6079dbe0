//! The tools, as an agent reads of them.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::call::{LONGEST_LIST, LONGEST_WAIT_SECONDS};

/// Returns every tool. None of them runs or approves anything.
pub(super) fn all() -> Vec<Tool> {
    let argv = json!({
        "type": "array",
        "items": { "type": "string" },
        "minItems": 1,
        "description": "The command, each word by itself, the tool's name first. It is no shell: \
                        for a script, give [\"bash\", \"-c\", SCRIPT]",
    });
    let cwd = json!({
        "type": "string",
        "description": "The folder that it would run in, absolute; without it, the one that this \
                        server was started in",
    });
    let reason = json!({
        "type": "string",
        "description": "Why it is needed, for the people who are asked",
    });
    let looks = ToolAnnotations::new().read_only(true).open_world(false);
    let asks = ToolAnnotations::new()
        .read_only(false)
        .destructive(false)
        .idempotent(true);
    vec![
        tool(
            "check",
            "Says what gate would decide about a command (allow, require_approval, deny), its \
             effect, its target and the rule. Runs nothing, asks nobody, touches no network.",
            &json!({ "argv": argv, "cwd": cwd }),
            &["argv"],
        )
        .with_annotations(looks.clone()),
        tool(
            "request_approval",
            "Asks people to approve a command, and returns at once with the request's id and what \
             to do next. Runs nothing. The same command is asked for once, however often this is \
             called. It can't approve: whoever asks never answers.",
            &json!({ "argv": argv, "cwd": cwd, "reason": reason }),
            &["argv"],
        )
        .with_annotations(asks),
        tool(
            "list_requests",
            "Lists your newest requests, with where each stands and what to do next.",
            &json!({ "limit": { "type": "integer", "minimum": 1, "maximum": LONGEST_LIST } }),
            &[],
        )
        .with_annotations(looks.clone()),
        tool(
            "wait_for_request",
            "Waits until a request is answered, for a while, and returns where it stands then. Call \
             it again to go on waiting.",
            &json!({
                "id": { "type": "string", "description": "The request's id" },
                "seconds": { "type": "integer", "minimum": 0, "maximum": LONGEST_WAIT_SECONDS },
            }),
            &["id"],
        )
        .with_annotations(looks),
    ]
}

fn tool(name: &'static str, about: &'static str, fields: &Value, required: &[&str]) -> Tool {
    let schema = json!({
        "type": "object",
        "properties": fields,
        "required": required,
        "additionalProperties": false,
    });
    let schema: JsonObject = schema.as_object().cloned().unwrap_or_default();
    Tool::new(name, about, Arc::new(schema))
}
