//! A rule in force holds whether or not the client says that it matched, where the words that run
//! bring it up.

use axum::http::StatusCode;
use gate_protocol::invocation::{BoundVariable, Treatment};
use gate_protocol::masked::MaskedText;
use gate_protocol::request::{ApprovalStatus, Requirement, SubmitRequest};
use gate_protocol::review::Answer;

use super::bench::{Bench, submission};
use crate::settings::ServerMode;

const DBA: &str = "[[rule]]\nid = 'team/dba'\ntool = 'kubectl'\ncommand = 'delete'\n\
                   target.namespace = 'prod'\ndecision = 'require_approval'\n\
                   approval.approvers = 'group:dba'\n";
const NEVER: &str = "[[rule]]\nid = 'team/never'\ntool = 'kubectl'\ncommand = 'delete'\n\
                     target.namespace = 'prod'\ndecision = 'deny'\n";

/// Returns `kubectl WORDS`, said to be a delete in this namespace by no rule but the baseline.
fn said(words: &[&str], namespace: &str) -> SubmitRequest {
    let mut wanted = submission(namespace);
    let argv = ["kubectl"].iter().chain(words);
    wanted.invocation.argv = argv
        .map(|word| MaskedText::plain(word.as_bytes()))
        .collect();
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted
}

fn has_dba(wanted: &[Requirement]) -> bool {
    let dba = ["group:dba".to_owned()];
    wanted.iter().any(|one| one.approvers == dba)
}

#[tokio::test]
async fn a_rule_that_the_client_leaves_out_holds_where_the_words_bring_it_up() {
    let bench = Bench::new().await;
    bench.push_rules(&bench.setup.admin, DBA).await;
    // The last two name another namespace than the words do, or hide the command in another one.
    let lies = [
        said(&["delete", "pod", "web"], "prod"),
        said(&["-n", "prod", "delete", "pod", "web"], "dev"),
        {
            let mut hidden = said(&[], "dev");
            let words = ["sh", "-c", "true; kubectl delete pod web -n prod"];
            hidden.invocation.argv = words
                .map(|word| MaskedText::plain(word.as_bytes()))
                .to_vec();
            hidden.digest = hidden.invocation.digest().unwrap();
            hidden
        },
    ];
    for wanted in lies {
        let asked = bench.submit(&bench.setup.agent, &wanted).await.request();
        let terms = &asked.terms;
        assert!(terms.rules.contains(&"team/dba".to_owned()), "{terms:?}");
        assert!(has_dba(&terms.requirements), "{terms:?}");
        let bob = &bench.setup.bob_approver;
        let answered = bench.review(bob, &asked, Answer::Approve).await.request();
        assert_eq!(answered.status, ApprovalStatus::Pending);
    }
}

#[tokio::test]
async fn a_rule_that_is_about_something_else_or_has_no_answer_here_is_not_added() {
    let bench = Bench::new().await;
    let others = [
        "target.namespace = 'dev'",
        "effect = 'access'",
        "effect = 'unknown'",
        "caller.name = 'somebody-else'",
        "when = 'target.cluster == \"x\"'",
        "time.from = '00:00'",
    ];
    let rules: Vec<String> = others
        .iter()
        .enumerate()
        .map(|(at, other)| {
            format!(
                "[[rule]]\nid = 'team/{at}'\ntool = 'kubectl'\n{other}\n\
                 decision = 'require_approval'\napproval.approvers = 'group:dba'\n"
            )
        })
        .collect();
    bench.push_rules(&bench.setup.admin, &rules.concat()).await;
    let wanted = said(&["delete", "pod", "web"], "prod");
    let asked = bench.submit(&bench.setup.agent, &wanted).await.request();
    assert_eq!(asked.terms.rules, wanted.terms.rules);
    assert!(!has_dba(&asked.terms.requirements), "{:?}", asked.terms);
}

#[tokio::test]
async fn what_a_rule_of_the_server_denies_is_asked_of_nobody_whatever_the_client_says() {
    for is_observing in [false, true] {
        let bench = Bench::with(|settings| {
            let people = vec!["group:approvers".to_owned()];
            settings.approving.break_glass = Some(Requirement::of(people, 1));
            if is_observing {
                settings.approving.mode = ServerMode::Observe;
            }
        })
        .await;
        bench.push_rules(&bench.setup.admin, NEVER).await;
        for break_glass in [false, true] {
            let mut wanted = said(&["-n", "prod", "delete", "pod", "web"], "dev");
            wanted.break_glass = break_glass;
            let refused = bench.submit(&bench.setup.agent, &wanted).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
            assert_eq!(refused.problem(), "denied");
            assert!(refused.text().contains("team/never"), "{}", refused.text());
        }
        let fine = said(&["-n", "dev", "delete", "pod", "web"], "dev");
        let taken = bench.submit(&bench.setup.agent, &fine).await;
        assert_eq!(taken.status, StatusCode::CREATED, "{}", taken.text());
    }
}

/// Returns a command with these variables, of which the client says that it can do this and is
/// about that.
fn honest(
    argv: &[&str],
    variables: &[(&str, &str)],
    effect: &str,
    target: &[(&str, &str)],
) -> SubmitRequest {
    let mut wanted = submission("dev");
    let plain = |word: &str| MaskedText::plain(word.as_bytes());
    let invocation = &mut wanted.invocation;
    invocation.tool.name = argv[0].to_owned();
    invocation.tool.path = plain(&format!("/usr/bin/{}", argv[0]));
    invocation.argv = argv.iter().copied().map(plain).collect();
    invocation.command = match argv {
        ["terraform", verb, ..] => vec![(*verb).to_owned()],
        _ => Vec::new(),
    };
    invocation.effect = effect.to_owned();
    let fields = target.iter();
    invocation.target = fields
        .map(|(field, value)| ((*field).to_owned(), (*value).to_owned()))
        .collect();
    let bound = |(name, value): &(&str, &str)| BoundVariable {
        name: (*name).to_owned(),
        treatment: Treatment::Bound,
        value: Some(plain(value)),
        why: "it says where".to_owned(),
    };
    invocation.environment = variables.iter().map(bound).collect();
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted
}

/// Returns a rule that denies a tool where this holds.
fn denying(tool: &str, field: &str, value: &str) -> String {
    let id: String = value
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .collect();
    format!(
        "[[rule]]\nid = 'team/{tool}-{id}'\ntool = '{tool}'\n{field} = '{value}'\n\
         decision = 'deny'\n"
    )
}

/// A command, its variables, what the client says that it can do, and what about.
type Said = (
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static [(&'static str, &'static str)],
);

const PLAN: &[&str] = &["terraform", "plan"];
const SELECT: &[&str] = &["psql", "-c", "select 1"];
const BY_STRING: &[&str] = &["psql", "service=main user=app", "-c", "select 1"];
const LIST: &[&str] = &["aws", "s3api", "list-buckets"];
const OF_SERVICE: &[(&str, &str)] = &[("host", "db.dev"), ("database", "dev")];
const ROLE: (&str, &str) = ("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/x");

/// Files that only the client has can say otherwise than the rules.
const FINE: &[Said] = &[
    (PLAN, &[], "access", &[("workspace", "dev")]),
    (BY_STRING, &[], "read", OF_SERVICE),
    (
        SELECT,
        &[
            ("PGSERVICE", "main"),
            ("PGHOST", "db.prod"),
            ("PGUSER", "app"),
        ],
        "read",
        OF_SERVICE,
    ),
    (
        &["kubectl", "get", "pods"],
        &[("KUBECONFIG", "/home/a/.kube/config")],
        "read",
        &[],
    ),
    (LIST, &[ROLE], "read", &[("account", "222222222222")]),
    (
        LIST,
        &[("AWS_ENDPOINT_URL", "http://localhost:1")],
        "read",
        &[],
    ),
];

/// What the client read of its files counts, and so does what the words and variables say.
const HIT: &[Said] = &[
    (PLAN, &[], "access", &[("workspace", "prod")]),
    (BY_STRING, &[], "read", &[("host", "db.prod")]),
    (
        PLAN,
        &[("TF_WORKSPACE", "prod")],
        "access",
        &[("workspace", "dev")],
    ),
    (
        &["psql", "-h", "db.prod", "service=main", "-c", "select 1"],
        &[],
        "read",
        OF_SERVICE,
    ),
    (SELECT, &[("PGUSER", "app")], "read", &[("database", "dev")]),
    (
        &[
            "kubectl",
            "get",
            "pods",
            "--kubeconfig",
            "/home/a/.kube/config",
        ],
        &[],
        "read",
        &[("kubeconfig", "/home/a/.kube/config")],
    ),
];

#[tokio::test]
async fn a_file_that_the_server_does_not_have_is_not_taken_for_one_that_is_not_there() {
    let rules = [
        denying("terraform", "target.workspace", "default"),
        denying("terraform", "target.workspace", "prod"),
        denying("psql", "target.database", "app"),
        denying("psql", "target.host", "db.prod"),
        denying("kubectl", "target.kubeconfig", "/home/a/.kube/config"),
        denying("aws", "target.account", "111111111111"),
        denying("aws", "target.endpoint", "http://localhost:1"),
    ];
    let bench = Bench::new().await;
    bench.push_rules(&bench.setup.admin, &rules.concat()).await;
    let fine = FINE.iter().map(|said| (said, StatusCode::CREATED));
    let hit = HIT.iter().map(|said| (said, StatusCode::FORBIDDEN));
    for ((argv, variables, effect, target), expected) in fine.chain(hit) {
        let wanted = honest(argv, variables, effect, target);
        let answer = bench.submit(&bench.setup.agent, &wanted).await;
        assert_eq!(answer.status, expected, "{argv:?} {}", answer.text());
    }
}

#[tokio::test]
async fn a_workspace_that_may_be_there_is_not_said_to_be_made() {
    let bench = Bench::new().await;
    let never = denying("terraform", "effect", "write");
    bench.push_rules(&bench.setup.admin, &never).await;
    let variable = [("TF_WORKSPACE", "dev")];
    let alone = honest(&["terraform", "plan"], &variable, "access", &[]);
    let inside = ["sh", "-c", "TF_WORKSPACE=dev terraform plan"];
    for wanted in [alone, honest(&inside, &[], "unknown", &[])] {
        let taken = bench.submit(&bench.setup.agent, &wanted).await;
        assert_eq!(taken.status, StatusCode::CREATED, "{}", taken.text());
    }
    let making = honest(&["terraform", "plan"], &variable, "write", &[]);
    let refused = bench.submit(&bench.setup.agent, &making).await;
    assert_eq!(refused.problem(), "denied");
}

#[tokio::test]
async fn a_command_inside_another_one_is_in_no_workspace_that_nobody_named() {
    let bench = Bench::new().await;
    let never = denying("terraform", "target.workspace", "default");
    bench.push_rules(&bench.setup.admin, &never).await;
    let inside = ["sh", "-c", "true; terraform plan"];
    let wanted = honest(&inside, &[], "access", &[]);
    let taken = bench.submit(&bench.setup.agent, &wanted).await;
    assert_eq!(taken.status, StatusCode::CREATED, "{}", taken.text());
    let inside = ["sh", "-c", "true; TF_WORKSPACE=default terraform plan"];
    let wanted = honest(&inside, &[], "access", &[]);
    let refused = bench.submit(&bench.setup.agent, &wanted).await;
    assert_eq!(refused.problem(), "denied");
}
