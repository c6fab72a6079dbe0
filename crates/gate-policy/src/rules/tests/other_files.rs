//! Rules and settings files that a caller names.

use super::*;

/// A command by a settings file that its caller chose.
const CHOSEN: [&str; 6] = [
    "kubectl",
    "--kubeconfig=k",
    "--context=dev",
    "delete",
    "pod",
    "x",
];

#[test]
fn a_rule_that_allows_by_a_name_of_a_file_names_the_file_too() {
    for (file, decision) in [
        ("", Decision::RequireApproval),
        (", kubeconfig = \"other\"", Decision::RequireApproval),
        (", kubeconfig = \"k\"", Decision::Allow),
    ] {
        let text = format!(
            "[[rule]]\nid = \"dev\"\ntool = \"kubectl\"\neffect = [\"destroy\", \"unknown\"]\n\
             target = {{ context = \"dev\"{file} }}\ndecision = \"allow\"\n"
        );
        assert_eq!(evaluate(&text, &CHOSEN).decision, decision, "{file}");
    }
}

#[test]
fn a_file_that_a_rule_does_not_name_is_told_with_what_to_write() {
    let rules = "[[rule]]\nid = \"dev\"\ntool = \"kubectl\"\neffect = [\"destroy\", \"unknown\"]\n\
                 target = { context = \"dev\" }\ndecision = \"allow\"\n";
    let considered = machine(rules).consider(&invocation(&CHOSEN), Path::new("/"), &occasion());
    let said = format!("{considered:?}");
    assert!(said.contains("target.kubeconfig"), "{said}");
    assert!(
        said.contains("the rule to name the file that the caller chose, too"),
        "{said}"
    );
}
