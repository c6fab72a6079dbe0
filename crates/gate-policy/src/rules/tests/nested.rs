//! Rules and commands inside commands.

use super::*;

#[test]
fn who_lets_a_wrapper_through_lets_through_nothing_that_it_starts() {
    let rules = r#"
[[rule]]
id = "wrappers"
tool = ["env", "bash", "timeout"]
decision = "allow"
"#;
    for words in [
        &["env", "kubectl", "delete", "ns", "p"][..],
        &["bash", "-c", "kubectl delete ns p"],
        &["timeout", "5", "bash", "-c", "env kubectl delete ns p"],
    ] {
        let evaluation = evaluate(rules, words);
        assert_eq!(evaluation.decision, Decision::RequireApproval, "{words:?}");
        assert_eq!(evaluation.deciding.id, "baseline/kubectl-destroy");
    }
    let evaluation = evaluate(rules, &["env", "kubectl", "get", "pods"]);
    assert_eq!(evaluation.decision, Decision::Allow);
}

#[test]
fn a_rule_for_a_tool_is_heard_wherever_the_tool_is_started() {
    let rules = r#"
[[rule]]
id = "no-delete"
tool = "kubectl"
command = "delete"
decision = "deny"

[[rule]]
id = "may-exec"
tool = "kubectl"
command = "exec"
decision = "allow"
effect = ["execute", "destroy", "write"]
"#;
    for words in [
        &["bash", "-c", "true && kubectl delete ns p"][..],
        &["env", "-S", "kubectl delete ns p"],
        &["sudo", "kubectl", "delete", "ns", "p"],
        &["ssh", "host", "kubectl delete ns p"],
        &["kubectl", "exec", "p", "--", "kubectl", "delete", "ns", "p"],
        &["find", ".", "-exec", "kubectl", "delete", "-f", "{}", ";"],
        &["bash", "-c", "kubectl delete ns $X"],
    ] {
        let evaluation = evaluate(rules, words);
        assert_eq!(evaluation.decision, Decision::Deny, "{words:?}");
        assert_eq!(evaluation.deciding.id, "no-delete", "{words:?}");
    }
    let exec = |words: &[&str]| {
        let before = ["kubectl", "exec", "p", "--"];
        evaluate(rules, &[&before, words].concat()).decision
    };
    // What nothing is known of is part of running anything there.
    assert_eq!(exec(&["./x"]), Decision::Allow);
    assert_eq!(exec(&["ls"]), Decision::Allow);
    assert_eq!(
        exec(&["psql", "-c", "drop table t"]),
        Decision::RequireApproval
    );
}

#[test]
fn an_owners_rule_that_allows_what_is_inside_is_enough_where_the_wrapper_only_starts_it() {
    let rules = r#"
[[rule]]
id = "scale"
tool = "kubectl"
command = "scale"
decision = "allow"
effect = ["write"]
"#;
    let scale = [
        "timeout",
        "5",
        "kubectl",
        "scale",
        "deploy/x",
        "--replicas=2",
    ];
    assert_eq!(evaluate(rules, &scale).decision, Decision::Allow);
    let both = "kubectl scale deploy/x --replicas=2; kubectl delete ns p";
    assert_eq!(
        evaluate(rules, &["bash", "-c", both]).decision,
        Decision::RequireApproval
    );
    let writes = "kubectl scale deploy/x --replicas=2 > x";
    assert_eq!(
        evaluate(rules, &["bash", "-c", writes]).decision,
        Decision::RequireApproval
    );
}
