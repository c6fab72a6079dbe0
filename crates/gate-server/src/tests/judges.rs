//! The served description against judges that are not ours: the schema of `OpenAPI`
//! 3.1, and schemathesis, which makes calls out of the description and holds the
//! answers of a real server against it.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use gate_testkit::real::{run, testbed};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::settings::Settings;

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

/// Checks that do not hold, each for what the description can't say: which valid values
/// the server refuses all the same (a name that is taken, a digest of other bytes), and
/// whose things a token sees (asked by tests of our own, cell by cell).
const NOT_HELD: &str = "positive_data_acceptance,object_level_authorization";

async fn described() -> Value {
    let bench = super::bench::Bench::new().await;
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
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let setup = crate::initialise_dev(&data, "http://127.0.0.1:1")
        .await
        .unwrap();
    let mut settings = Settings::new(&data, "http://127.0.0.1:1");
    settings.limits.rates.caller.burst = 1_000_000;
    settings.limits.rates.address.burst = 1_000_000;
    settings.approving.flood.burst = 1_000_000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/openapi.json", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(crate::serve_on(listener, settings, async {
        drop(stopped.await);
    }));
    for token in [setup.admin, setup.bob_approver, setup.agent] {
        let (url, dir) = (url.clone(), dir.path().to_owned());
        let judged = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(testbed().join("judges/bin/schemathesis"));
            command
                .current_dir(dir)
                .args(["run", &url, "--checks", "all"]);
            command.args([
                "--exclude-checks",
                NOT_HELD,
                "--phases",
                "examples,coverage,fuzzing",
            ]);
            command.args(["--max-examples", "8", "--max-time", "40", "--seed", "1"]);
            command.args(["--suppress-health-check", "all", "--no-shrink"]);
            command
                .arg("--header")
                .arg(format!("Authorization: Bearer {token}"));
            run(&mut command, Duration::from_secs(170))
                .unwrap()
                .success()
        });
        if let Err(error) = judged.await.unwrap() {
            panic!("{error}");
        }
    }
    drop(stop);
    serving.await.unwrap().unwrap();
}
