//! What the scenarios ask for.

use std::collections::BTreeMap;

use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{
    BoundInput, BoundInvocation, BoundTool, BoundVariable, Delivery, Treatment,
};
use gate_protocol::masked::{MaskedSecret, MaskedText};
use gate_protocol::mode::Mode;
use gate_protocol::preview::Preview;
use gate_protocol::request::{
    CiJob, Circumstances, GitState, PullRequest, Requirement, SubmitRequest, Terms,
};
use gate_protocol::runner_key::RunnerSecret;
use gate_testkit::display::{REASON, Row};

/// The rules that come after those of a new server.
pub(crate) const RULES: &str = "\
[[rule]]
id = \"starter/destroy\"
effect = [\"destroy\"]
decision = \"require_approval\"
message = \"this can't be undone\"

[rule.approval]
approvers = [\"group:approvers\"]
request_ttl = \"30m\"

[[rule]]
id = \"shop/changes\"
tool = \"kubectl\"
effect = [\"write\"]
decision = \"require_approval\"
message = \"changes of the shop are looked at by two eyes more\"

[[rule]]
id = \"shop/never\"
tool = \"terraform\"
command = [\"destroy\"]
decision = \"deny\"
message = \"nobody destroys the shop\"
";

/// Text that wants to be markup.
pub(crate) const HOSTILE: [&str; 5] = [
    "<script>window.pwned=1</script>",
    "\"><img src=x onerror=window.pwned=1>",
    "' autofocus onfocus='window.pwned=1",
    "</textarea></title><svg onload=window.pwned=1>",
    "javascript:window.pwned=1//https://x",
];

fn plain(text: &str) -> MaskedText {
    MaskedText::plain(text.as_bytes())
}

fn request(words: &[&str], effect: &str, namespace: &str, reason: &str) -> SubmitRequest {
    let (tool, command) = (*words.first().unwrap(), *words.get(1).unwrap());
    let path = format!("/usr/bin/{tool}");
    let invocation = BoundInvocation {
        v: 1,
        tool: BoundTool {
            name: tool.to_owned(),
            path: plain(&path),
            sha256: Digest::of_bytes(tool.as_bytes()),
            size_bytes: 57_712_640,
        },
        argv: words.iter().map(|word| plain(word)).collect(),
        cwd: plain("/home/ci/shop"),
        command: vec![command.to_owned()],
        effect: effect.to_owned(),
        target: BTreeMap::from([
            ("cluster".to_owned(), "eu-west-1".to_owned()),
            ("namespace".to_owned(), namespace.to_owned()),
        ]),
        environment: vec![BoundVariable {
            name: "KUBECONFIG".to_owned(),
            treatment: Treatment::Bound,
            value: Some(plain("/home/ci/.kube/config")),
            why: "it says which cluster is meant".to_owned(),
        }],
        inputs: Vec::new(),
        preview: None,
        runner_key: RunnerSecret::from_seed(&[7; 32]).public(),
    };
    let rule = match effect {
        "destroy" => "starter/destroy",
        _ => "shop/changes",
    };
    let mut submission = SubmitRequest {
        digest: Digest::of_bytes(b""),
        invocation,
        circumstances: circumstances(),
        terms: Terms {
            rules: vec![rule.to_owned()],
            reasons: vec![format!("`{tool} {command}` has the effect {effect}")],
            requirements: vec![Requirement {
                approvers: Vec::new(),
                count: 1,
                apart: None,
                escalation: None,
            }],
            request_ttl_seconds: 1_800,
            permit_ttl_seconds: 300,
            remind_seconds: None,
        },
        reason: Some(reason.to_owned()),
        break_glass: false,
    };
    seal(&mut submission);
    submission
}

fn circumstances() -> Circumstances {
    Circumstances {
        host: "runner-7".to_owned(),
        os_user: "ci".to_owned(),
        mode: Mode::Advisory,
        client_version: "0.1.0".to_owned(),
        agent: Some("claude-code".to_owned()),
        ci: Some(CiJob {
            provider: "github".to_owned(),
            url: Some("https://github.com/acme/shop/actions/runs/812".to_owned()),
            repository: Some("acme/shop".to_owned()),
            workflow: Some("release".to_owned()),
            job: Some("deploy".to_owned()),
            commit: Some("79dc7881f0c5e6f3b1f7a0c1d0a2f3c4b5d6e7f8".to_owned()),
            branch: Some("main".to_owned()),
            actor: Some("alice".to_owned()),
            pull_request: Some(PullRequest {
                number: "418".to_owned(),
                url: Some("https://github.com/acme/shop/pull/418".to_owned()),
            }),
        }),
        git: Some(GitState {
            commit: Some("79dc7881f0c5e6f3b1f7a0c1d0a2f3c4b5d6e7f8".to_owned()),
            branch: Some("main".to_owned()),
            dirty: Some(false),
        }),
        ..Circumstances::default()
    }
}

fn seal(submission: &mut SubmitRequest) {
    submission.digest = submission.invocation.digest().unwrap();
}

fn token() -> MaskedText {
    let mut word = plain("--token=");
    word.push_secret(MaskedSecret {
        kind: "token".to_owned(),
        length_bytes: 40,
        commitment: "9f3a00112233445566778899aabbccdd".to_owned(),
    });
    word
}

fn manifest(replicas: u32) -> SubmitRequest {
    let text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: prod-shop\n\
         spec:\n  replicas: {replicas}\n  template:\n    spec:\n      containers:\n      - name: web\n\
         \x20       image: registry.acme.example/shop/web:2.14.0\n        ports:\n\
         \x20       - containerPort: 8080\n"
    );
    let words = [
        "kubectl",
        "apply",
        "-f",
        "deploy/web.yaml",
        "-n",
        "prod-shop",
    ];
    let reason = "release 14: the sale starts at noon";
    let mut asked = request(&words, "write", "prod-shop", reason);
    asked.invocation.argv.push(token());
    asked.invocation.inputs = vec![BoundInput {
        role: "manifest".to_owned(),
        name: plain("deploy/web.yaml"),
        sha256: Digest::of_bytes(text.as_bytes()),
        size_bytes: text.len() as u64,
        delivery: Delivery::Snapshot,
        content: Some(text),
    }];
    seal(&mut asked);
    asked
}

/// Returns a plan that is applied, with what it would do.
fn plan() -> SubmitRequest {
    let words = ["terraform", "apply", "-input=false", "release.plan"];
    let reason = "release 14: a bigger database, made anew";
    let mut asked = request(&words, "destroy", "prod-shop", reason);
    let lines = [
        "DESTROY aws_db_instance.shop_replica[1]",
        "REPLACE aws_db_instance.shop",
        "update aws_security_group.shop",
        "update module.web.aws_ecs_service.web",
        "create aws_cloudwatch_metric_alarm.db_cpu",
        "create aws_db_parameter_group.shop",
        "update the output db_address",
    ];
    asked.invocation.preview = Some(Preview {
        source: "the plan file release.plan".to_owned(),
        summary: "3 to add, 2 to change, 2 to destroy".to_owned(),
        text: lines.join("\n"),
        left_out: 0,
    });
    asked.invocation.inputs = vec![BoundInput {
        role: "plan".to_owned(),
        name: plain("release.plan"),
        sha256: Digest::of_bytes(b"plan"),
        size_bytes: 48_213,
        delivery: Delivery::Snapshot,
        content: None,
    }];
    seal(&mut asked);
    asked
}

/// Returns what a shop's agent asks for, by name.
pub(crate) fn ordinary() -> Vec<(String, SubmitRequest)> {
    let scale = |name: &str| {
        let deployment = format!("deployment/{name}");
        let words = [
            "kubectl",
            "scale",
            &deployment,
            "--replicas=1",
            "-n",
            "staging",
        ];
        request(&words, "write", "staging", "nobody is there at night")
    };
    let delete = |namespace: &str| {
        let words = ["kubectl", "delete", "namespace", namespace];
        request(&words, "destroy", namespace, "the old shop is moved")
    };
    let mut all = vec![
        ("scale".to_owned(), scale("web")),
        ("destroy".to_owned(), delete("prod-shop")),
        ("destroy2".to_owned(), delete("prod-billing")),
        ("apply-before".to_owned(), manifest(2)),
        ("apply".to_owned(), manifest(5)),
        ("long".to_owned(), delete(&"n".repeat(70_000))),
        ("lookalike".to_owned(), delete("pr\u{43e}d-shop")),
    ];
    all.push(("plan".to_owned(), plan()));
    all.push(("at-length".to_owned(), at_length()));
    let mut loud = delete("prod-cellar");
    loud.break_glass = true;
    all.push(("break-glass".to_owned(), loud));
    for at in 0..3 {
        all.push((format!("flood{at}"), scale(&format!("batch-{at}"))));
    }
    all
}

/// Puts `text` wherever a requester can put text.
pub(crate) fn everywhere(text: &str) -> SubmitRequest {
    let mut asked = request(&["kubectl", "annotate", text], "write", text, text);
    let invocation = &mut asked.invocation;
    invocation.tool.path = plain(text);
    invocation.cwd = plain(text);
    invocation.command = vec![text.to_owned()];
    invocation.target.insert(text.to_owned(), text.to_owned());
    invocation.environment.push(BoundVariable {
        name: text.to_owned(),
        treatment: Treatment::Set,
        value: Some(plain(text)),
        why: text.to_owned(),
    });
    let content = format!("{text}\n{text}");
    invocation.inputs = vec![BoundInput {
        role: text.to_owned(),
        name: plain(text),
        sha256: Digest::of_bytes(content.as_bytes()),
        size_bytes: content.len() as u64,
        delivery: Delivery::Stdin,
        content: Some(content),
    }];
    invocation.preview = Some(Preview {
        source: text.to_owned(),
        summary: text.to_owned(),
        text: format!("{text}\n{text}"),
        left_out: 1,
    });
    let circumstances = &mut asked.circumstances;
    text.clone_into(&mut circumstances.host);
    text.clone_into(&mut circumstances.os_user);
    circumstances.agent = Some(text.to_owned());
    circumstances.ci = Some(CiJob {
        provider: text.to_owned(),
        url: Some(text.to_owned()),
        branch: Some(text.to_owned()),
        ..CiJob::default()
    });
    asked.terms.rules = vec![text.to_owned()];
    asked.terms.reasons = vec![text.to_owned()];
    seal(&mut asked);
    asked
}

/// Puts some of the table of THREATS 2.6 wherever a requester can put text: as words of the
/// command with a secret behind them, and together in every other place.
pub(crate) fn with_load(load: &[Row]) -> SubmitRequest {
    let words: Vec<String> = load
        .iter()
        .map(|row| String::from_utf8_lossy(&row.word).replace('\u{fffd}', "?"))
        .collect();
    let together = words.join(" ");
    let short: String = together.chars().take(250).collect();
    let mut asked = everywhere(&short);
    let invocation = &mut asked.invocation;
    let words = ["kubectl", "delete", "namespace"].map(plain);
    invocation.argv = words.to_vec();
    let rows = load.iter().map(|row| MaskedText::plain(&row.word));
    invocation.argv.extend(rows);
    invocation.argv.push(token());
    "destroy".clone_into(&mut invocation.effect);
    let reason: String = together.chars().take(400).collect();
    asked.reason = Some(format!("{REASON} {reason}"));
    seal(&mut asked);
    asked
}

/// Returns a command that is harmless as far as anybody reads.
pub(crate) fn at_length() -> SubmitRequest {
    let word = format!("{}; rm -rf /", "n".repeat(20_000));
    let words = ["kubectl", "delete", "namespace", &word];
    request(&words, "destroy", "shop", "the old shop is moved")
}
