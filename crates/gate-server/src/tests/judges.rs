//! The served description against judges that are not ours: the schema of `OpenAPI`
//! 3.1, and schemathesis, which makes calls out of the description and holds the
//! answers of a real server against it.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gate_testkit::real::{RealError, run, testbed};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::bench::{Bench, submission};

/// Whether the description is one, by the schema of `OpenAPI` 3.1 and JSON Schema 2020-12,
/// and whether each example is an instance of its schema.
const VALID: &str = r##"
import json, sys, jsonschema
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
document = json.load(sys.stdin)
OPENAPI_31_VALIDATOR.validate(document)
schemas = document["components"]["schemas"]
count, wrong = 0, {}
for name, schema in schemas.items():
    jsonschema.Draft202012Validator.check_schema(schema)
    for example in schema.get("examples", []):
        whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        faults = list(jsonschema.Draft202012Validator(whole).iter_errors(example))
        if faults:
            wrong[name] = [(fault.json_path, fault.message[:300]) for fault in faults][:3]
        count += 1
assert not wrong, wrong
print(count)
"##;

/// Operations that refuse some of what their schema takes with 400 or 428, each with what no schema
/// can say of it. There alone `positive_data_acceptance` takes these for an answer.
const REFUSED: &[(&str, &str)] = &[
    (
        "GET /v1/audit/inclusion",
        "the index is below the size that the log has then",
    ),
    (
        "GET /v1/audit/proof/inclusion",
        "the index is below the size, and that no more than the log has",
    ),
    (
        "GET /v1/audit/proof/consistency",
        "the sizes are in order, and no more than the log has",
    ),
    (
        "PATCH /v1/principals/{name}",
        "only a user has a person; groups are named as principals are",
    ),
    (
        "POST /v1/accounts",
        "a part of an account has at most 512 bytes and no control character; the user is there",
    ),
    (
        "GET /v1/requests",
        "what waits for somebody is pending, and a search has so many words and bytes",
    ),
    (
        "POST /v1/audit/erasures",
        "one of request and person is named, and not both",
    ),
    ("POST /v1/audit/prunings", "the sizes are those of the log"),
    (
        "POST /v1/channels",
        "which secrets there must be depends on the settings, and each is tried",
    ),
    (
        "POST /v1/events",
        "events are in the order of their numbers, as a chain, of facts that exist",
    ),
    (
        "POST /v1/invitations",
        "the principal is a user who is not disabled",
    ),
    (
        "POST /v1/principals",
        "who owns what depends on its kind, and is there",
    ),
    (
        "POST /v1/requests",
        "the digest is that of the body, and so is the hash of each text in it",
    ),
    (
        "POST /v1/requests/{id}/break-glass-review",
        "letters that are seen are in the comment",
    ),
    (
        "POST /v1/requests/{id}/claim",
        "the signature is the runner key's over the other fields",
    ),
    (
        "POST /v1/standing-grants",
        "principal and rule are there, and the limits are the server's settings",
    ),
    (
        "POST /v1/tokens",
        "the principal is there, may have the role, and tools are a requester's",
    ),
    (
        "PUT /v1/rules",
        "the text is one that the rules' own parser reads, and names by tag or number what it replaces",
    ),
];

/// A cursor is good where a page of the same list gave it, and a tag where the thing itself did:
/// a schema has their form only. So what is meant to be taken comes without them, and what is
/// meant to be refused with any. And no poll waits longer than the judge waits for an answer. What
/// is called is noted: the judge stops without a word where its time is over.
const HOOKS: &str = r#"
import schemathesis

@schemathesis.hook
def before_call(context, case, kwargs):
    with open("called", "a") as called:
        print(case.operation.label, file=called)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.query:
        case.query.pop("cursor", None)
        if "wait" in case.query:
            case.query["wait"] = 1
    if case.headers:
        case.headers.pop("If-Match", None)
"#;

/// How schemathesis calls for `user`: with all checks. The agent and carol have nothing of each
/// other, so what one is shown and the other is too is a hole.
fn configuration(user: &str) -> String {
    let mut text = format!(
        "hooks = 'hooks.py'\n[auth.wfc]\npath = 'users.json'\nuser = '{user}'\n\
         peers = ['agent', 'carol']\n"
    );
    for (operation, why) in REFUSED {
        text += "\n# ";
        text += why;
        text += "\n[[operations]]\ninclude-name = '";
        text += operation;
        text += "'\n[operations.checks.positive_data_acceptance]\nexpected-statuses = \
                 ['2xx', '3xx', '400', '401', '403', '404', '409', '428', '429', '5xx']\n";
    }
    text
}

async fn described() -> Value {
    let bench = Bench::new().await;
    bench.get("", "/v1/openapi.json").await.json()
}

#[tokio::test]
async fn the_description_is_valid_and_its_examples_are_instances() {
    let document = described().await;
    let judged = super::channels::judged(VALID, &document);
    assert!(judged.trim().parse::<u32>().unwrap() >= 48, "{judged}");
}

#[tokio::test]
async fn every_operation_says_who_may_call_and_how_it_refuses_and_shows_an_example() {
    let document = described().await;
    let schemas = &document["components"]["schemas"];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            let security = operation["security"].as_array().unwrap();
            let is_open = security[0] == serde_json::json!({});
            assert!(is_open || responses.contains_key("401"), "{place}");
            for status in ["429", "503", "default"] {
                assert!(responses.contains_key(status), "{place}: {status}");
            }
            let (_, answer) = responses
                .iter()
                .find(|(code, _)| code.starts_with('2'))
                .unwrap();
            let bodies = [
                &answer["content"]["application/json"],
                &operation["requestBody"]["content"]["application/json"],
            ];
            for body in bodies {
                let Some(at) = body["schema"]["$ref"].as_str() else {
                    continue;
                };
                let name = at.rsplit('/').next().unwrap();
                assert!(schemas[name]["examples"].is_array(), "{place}: {name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_no_failure_of_the_server_and_no_drift() {
    let bench = Bench::new().await;
    bench.approver("carol", &[]).await;
    let carol = bench.token_of("carol", "requester").await;
    bench.asked("of-the-agent").await;
    let asked = bench.submit(&carol, &submission("of-carol")).await;
    assert!(asked.status.is_success(), "{}", asked.text());
    let (dir, settings, setup) = bench.closed();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/openapi.json", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(crate::serve_on(listener, settings, async {
        drop(stopped.await);
    }));
    let users = [
        ("admin", &setup.admin),
        ("bob", &setup.bob_approver),
        ("agent", &setup.agent),
        ("carol", &carol),
    ];
    let header =
        |token: &str| json!({ "name": "Authorization", "value": format!("Bearer {token}") });
    let users: Vec<Value> = users
        .iter()
        .map(|(name, token)| json!({ "name": name, "fixedHeaders": [header(token)] }))
        .collect();
    let users = json!({ "auth": users });
    std::fs::write(dir.path().join("users.json"), users.to_string()).unwrap();
    std::fs::write(dir.path().join("hooks.py"), HOOKS).unwrap();
    let operations = operations(&described().await);
    for user in ["admin", "bob", "agent", "carol"] {
        std::fs::write(dir.path().join("schemathesis.toml"), configuration(user)).unwrap();
        let (url, dir) = (url.clone(), dir.path().to_owned());
        let judged = tokio::task::spawn_blocking(move || judge(&url, &dir));
        match judged.await.unwrap() {
            Ok(called) => assert_eq!(called, operations, "{user}"),
            Err(error) => panic!("{user}: {error}"),
        }
    }
    drop(stop);
    serving.await.unwrap().unwrap();
}

/// Returns every operation of the description, as schemathesis names them.
fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap().keys();
        let named = methods.map(|method| format!("{} {path}", method.to_uppercase()));
        named.collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// Has schemathesis make its calls, with every check that it has. Returns what it called.
fn judge(url: &str, dir: &Path) -> Result<BTreeSet<String>, RealError> {
    let called = dir.join("called");
    std::fs::write(&called, "").unwrap();
    let mut command = Command::new(testbed().join("judges/bin/schemathesis"));
    command
        .current_dir(dir)
        .args(["run", url, "--checks", "all"]);
    command.args(["--phases", "examples,coverage,fuzzing"]);
    command.args(["--max-examples", "8", "--max-time", "40", "--seed", "1"]);
    command.args(["--suppress-health-check", "all", "--no-shrink"]);
    run(&mut command, Duration::from_secs(170))?.success()?;
    let called = std::fs::read_to_string(called).unwrap();
    Ok(called.lines().map(str::to_owned).collect())
}
