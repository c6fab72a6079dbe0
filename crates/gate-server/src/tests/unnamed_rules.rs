//! A rule in force holds whether or not the client says that it matched, where the words that run
//! bring it up.

use axum::http::StatusCode;
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
