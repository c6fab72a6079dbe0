//! Who a rule asks, who joins when they are silent, and what of it is a mistake.

use super::*;

fn asking(approval: &str) -> String {
    format!(
        "[[rule]]\nid = \"team/x\"\ntool = \"kubectl\"\ndecision = \"require_approval\"\n\
         [rule.approval]\n{approval}\n"
    )
}

fn obligations(approval: &str) -> Obligations {
    evaluate(&asking(approval), DELETE).obligations
}

#[test]
fn several_groups_of_one_rule_stand_apart_and_bear_its_id() {
    let asked = obligations(
        "all_of = [{ approvers = \"group:sre\", count = 2 }, { approvers = \"group:dba\" }]",
    );
    let [sre, dba] = asked.requirements.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!((sre.approvers[0].as_str(), sre.count), ("group:sre", 2));
    assert_eq!((dba.approvers[0].as_str(), dba.count), ("group:dba", 1));
    for one in [sre, dba] {
        assert_eq!(one.apart.as_deref(), Some("team/x"));
    }
    let alone = obligations("approvers = \"group:sre\"");
    assert_eq!(alone.requirements[0].apart, None);
}

#[test]
fn a_second_group_joins_every_place_of_the_rule() {
    let asked = obligations(
        "all_of = [{ approvers = \"group:a\" }, { approvers = \"group:b\" }]\n\
         escalate_after = \"20m\"\nescalate_to = \"group:leads\"\nremind_every = \"5m\"",
    );
    for one in &asked.requirements {
        let escalation = one.escalation.as_ref().unwrap();
        assert_eq!(escalation.after_seconds, 1_200);
        assert_eq!(escalation.to, ["group:leads"]);
    }
    assert_eq!(asked.remind_every, Some(Duration::from_mins(5)));
    assert_eq!(obligations("count = 1").remind_every, None);
}

#[test]
fn what_does_not_fit_together_is_named_with_its_mend() {
    for (approval, words) in [
        (
            "all_of = [{ approvers = \"group:a\" }]",
            "is not a list of two tables or more",
        ),
        (
            "all_of = \"group:a\"",
            "is not a list of two tables or more",
        ),
        (
            "count = 2\nall_of = [{ approvers = \"group:a\" }, { approvers = \"group:b\" }]",
            "field `rule.approval.count`: stands beside `all_of`",
        ),
        (
            "all_of = [{ approvers = \"group:a\" }, { count = 2 }]",
            "field `rule.approval.all_of.approvers`: is missing",
        ),
        (
            "all_of = [{ approvers = \"group:a\" }, { approvers = \"b\" }]",
            "`b` names nobody",
        ),
        (
            "all_of = [{ approvers = \"group:a\", who = 1 }, { approvers = \"group:b\" }]",
            "field `rule.approval.all_of.who`: is no field that gate knows",
        ),
        (
            "escalate_after = \"5m\"",
            "field `rule.approval.escalate_to`: is missing",
        ),
        (
            "escalate_to = \"group:a\"",
            "field `rule.approval.escalate_after`: is missing",
        ),
        (
            "escalate_after = \"5m\"\nescalate_to = \"a\"",
            "field `rule.approval.escalate_to`: `a` names nobody",
        ),
        ("remind_every = \"30s\"", "is more often than once a minute"),
    ] {
        let found = errors(&asking(approval));
        assert!(
            found.iter().any(|one| one.contains(words)),
            "{approval}: {found:?}"
        );
    }
}
