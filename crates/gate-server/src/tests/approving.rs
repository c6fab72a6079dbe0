//! Who may approve: exclusions, escalation, and answers that stop to count.

use axum::http::StatusCode;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, Escalation, Requirement};
use gate_protocol::review::Answer;
use serde_json::json;

use super::bench::{Bench, submission};
use crate::clock;
use crate::store::sql::query;

impl Bench {
    /// Makes a user in these groups, and returns an approver's token.
    pub(super) async fn approver(&self, name: &str, groups: &[&str]) -> String {
        let user = json!({ "name": name, "kind": "user", "groups": groups });
        self.post(&self.setup.admin, "/v1/principals", &user).await;
        self.token_of(name, "approver").await
    }

    pub(super) async fn token_of(&self, name: &str, role: &str) -> String {
        let wanted = json!({ "principal": name, "role": role, "ttl_seconds": 600 });
        let made = self.post(&self.setup.admin, "/v1/tokens", &wanted).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        made.json()["token"].as_str().unwrap().to_owned()
    }

    /// Runs SQL as a change of the tables that no call makes.
    pub(super) async fn sql(&self, sql: &'static str) {
        let mut writer = self.server.store.write().await.unwrap();
        query(sql).execute(writer.connection()).await.unwrap();
        writer.commit().await.unwrap();
    }

    /// Has two accounts belong to one person.
    pub(super) async fn one_person(&self, name: &str, person: &str) {
        let mut writer = self.server.store.write().await.unwrap();
        query("UPDATE principals SET person = ? WHERE name = ?")
            .bind(person)
            .bind(name)
            .execute(writer.connection())
            .await
            .unwrap();
        writer.commit().await.unwrap();
    }

    pub(super) async fn push_rules(&self, token: &str, text: &str) {
        let body = serde_json::to_vec(&json!({ "text": text })).unwrap();
        let mut put = super::bench::call(axum::http::Method::PUT, "/v1/rules", token, body.into());
        let any = "*".parse().unwrap();
        put.headers_mut().insert(axum::http::header::IF_MATCH, any);
        let answer = self.send(put).await;
        assert!(answer.status.is_success(), "{}", answer.text());
        if answer.status == StatusCode::CREATED {
            // They let more pass; a second admin is of one mind with the first.
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            let path = format!("/v1/rules/proposal/{id}/confirm");
            let confirmed = self.post(&self.setup.admin, &path, &json!(null)).await;
            assert_eq!(confirmed.status, StatusCode::OK, "{}", confirmed.text());
        }
    }

    async fn version_of(&self, request: &ApprovalRequest) -> u64 {
        self.show(request).await.version
    }
}

#[tokio::test]
async fn a_vote_of_a_disabled_person_is_gone_at_once_and_does_not_come_back() {
    let bench = Bench::new().await;
    let carol = bench.approver("carol", &["approvers"]).await;
    let request = bench.approved("prod").await;
    let admin = &bench.setup.admin;
    bench.post(admin, "/v1/principals/bob/disable", &()).await;
    let open = bench.show(&request).await;
    assert_eq!(open.status, ApprovalStatus::Pending);
    assert!(open.reviews[0].void.as_ref().unwrap().contains("disabled"));
    bench.post(admin, "/v1/principals/bob/enable", &()).await;
    assert_eq!(bench.show(&request).await.status, ApprovalStatus::Pending);
    let again = bench.review(&carol, &request, Answer::Approve).await;
    assert_eq!(again.request().status, ApprovalStatus::Approved);
    assert_eq!(
        bench.story(&request).await,
        [
            "request.created",
            "decision.recorded",
            "decision.voided",
            "decision.recorded"
        ]
    );
    bench.verified().await;
}

#[tokio::test]
async fn who_leaves_the_group_before_the_claim_does_not_count_at_it() {
    let bench = Bench::new().await;
    let request = bench.approved("prod").await;
    bench
        .sql("UPDATE principals SET groups = '[]' WHERE name = 'bob'")
        .await;
    let nonce = gate_protocol::id::Nonce::generate().unwrap();
    let refused = bench.claim(&request, nonce).await;
    assert_eq!(refused.problem(), "lapsed");
    let open = bench.show(&request).await;
    assert_eq!(
        open.status,
        ApprovalStatus::Pending,
        "people are asked again"
    );
    assert_eq!(bench.count("grant.claimed").await, 0);
    bench.verified().await;
}

#[tokio::test]
async fn whoever_changed_the_rule_has_no_say_for_a_while_and_others_have() {
    let bench = Bench::with(|settings| {
        settings.approving.rule_editor = std::time::Duration::from_hours(1);
    })
    .await;
    bench.approver("carol", &["approvers"]).await;
    let carol = bench.token_of("carol", "approver").await;
    let carol_admin = bench.token_of("carol", "admin").await;
    let rule = |message: &str| {
        format!(
            "[[rule]]\nid = \"team/a\"\ntool = \"kubectl\"\ndecision = \"require_approval\"\n\
             message = \"{message}\"\n[[rule]]\nid = \"team/b\"\ntool = \"psql\"\n\
             decision = \"require_approval\"\n"
        )
    };
    bench.push_rules(&bench.setup.admin, &rule("first")).await;
    let mut asked = submission("prod");
    asked.terms.rules = vec!["team/a".to_owned()];
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    // Before the edit she may, and after it that answer does not count.
    let approved = bench.review(&carol, &request, Answer::Approve).await;
    assert_eq!(approved.request().status, ApprovalStatus::Approved);
    bench.push_rules(&carol_admin, &rule("milder")).await;
    let nonce = gate_protocol::id::Nonce::generate().unwrap();
    assert_eq!(bench.claim(&request, nonce).await.problem(), "lapsed");
    let refused = bench.review(&carol, &request, Answer::Approve).await;
    assert_eq!(refused.problem(), "excluded");
    assert!(
        refused.text().contains("changed the rules"),
        "{}",
        refused.text()
    );
    let bob = bench
        .review(&bench.setup.bob_approver, &request, Answer::Approve)
        .await;
    assert_eq!(bob.request().status, ApprovalStatus::Approved);
    // After the time she may again.
    bench.sql("UPDATE rule_edits SET at = at - 3600000").await;
    let other = bench.asked("dev").await;
    let late = bench.review(&carol, &other, Answer::Approve).await;
    assert_eq!(late.status, StatusCode::OK, "{}", late.text());
    bench.verified().await;
}

#[tokio::test]
async fn to_take_a_rule_away_is_to_have_a_hand_in_what_it_was_about() {
    let bench = Bench::new().await;
    let carol = bench.approver("carol", &["approvers"]).await;
    let carol_admin = bench.token_of("carol", "admin").await;
    let only_kube =
        "[[rule]]\nid = \"team/kube\"\ntool = \"kubectl\"\ndecision = \"require_approval\"\n";
    let sql = "[[rule]]\nid = \"team/sql\"\ntool = \"psql\"\ndecision = \"deny\"\n";
    let both = format!("{only_kube}{sql}");
    bench.push_rules(&bench.setup.admin, &both).await;
    bench.push_rules(&carol_admin, only_kube).await;
    let request = bench.asked("one").await;
    let fine = bench.review(&carol, &request, Answer::Approve).await;
    assert_eq!(
        fine.status,
        StatusCode::OK,
        "psql is another tool: {}",
        fine.text()
    );
    bench.push_rules(&carol_admin, "").await;
    let request = bench.asked("two").await;
    let refused = bench.review(&carol, &request, Answer::Approve).await;
    assert_eq!(refused.problem(), "excluded");
}

#[tokio::test]
async fn several_groups_of_one_rule_are_met_by_different_people() {
    let bench = Bench::new().await;
    let carol = bench.approver("carol", &["sre", "dba"]).await;
    let dave = bench.approver("dave", &["dba"]).await;
    let rules = "[[rule]]\nid = \"team/two\"\ntool = \"kubectl\"\n\
         decision = \"require_approval\"\n[rule.approval]\n\
         all_of = [{ approvers = \"group:sre\" }, { approvers = \"group:dba\" }]\n";
    bench.push_rules(&bench.setup.admin, rules).await;
    let mut asked = submission("prod");
    asked.terms.rules = vec!["team/two".to_owned()];
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    let bob = &bench.setup.bob_approver;
    bench.review(bob, &request, Answer::Approve).await;
    let one = bench
        .review(&carol, &request, Answer::Approve)
        .await
        .request();
    assert_eq!(one.status, ApprovalStatus::Pending, "carol fills one place");
    let two = bench
        .review(&dave, &request, Answer::Approve)
        .await
        .request();
    assert_eq!(
        two.status,
        ApprovalStatus::Approved,
        "carol is the sre then"
    );
    bench.verified().await;
}

#[tokio::test]
async fn too_few_people_are_told_of_when_it_is_asked() {
    let bench = Bench::new().await;
    let mut asked = submission("prod");
    asked.terms.requirements = vec![Requirement::of(vec!["group:approvers".to_owned()], 2)];
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    let warnings = &request.particulars.warnings;
    assert!(
        warnings[0].contains("2 of group:approvers"),
        "alice owns the agent: {warnings:?}"
    );
    assert_eq!(bench.show(&request).await.particulars, request.particulars);
    let fine = bench.asked("dev").await;
    assert!(fine.particulars.is_ordinary());
}

#[tokio::test]
async fn a_second_group_joins_by_the_servers_clock_and_once() {
    let bench = Bench::new().await;
    let lead = bench.approver("lead", &["leads"]).await;
    let mut asked = submission("prod");
    let escalation = Escalation {
        after_seconds: 60,
        to: vec!["group:leads".to_owned()],
    };
    asked.terms.requirements = vec![Requirement {
        escalation: Some(escalation.clone()),
        ..Requirement::of(vec!["user:bob".to_owned()], 1)
    }];
    asked.terms.remind_seconds = Some(60);
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    let early = bench.review(&lead, &request, Answer::Approve).await;
    assert_eq!(early.problem(), "forbidden");
    let bench = bench.reopened().await;
    let before = bench.version_of(&request).await;
    for _ in 0..2 {
        let later = clock::after(clock::now(), 61);
        bench.server.settle_due(later).await.unwrap();
    }
    assert_eq!(bench.count("request.escalated").await, 1);
    assert!(
        bench.version_of(&request).await > before,
        "whoever waits is told"
    );
    let request_at = bench.show(&request).await;
    assert_eq!(request_at.status, ApprovalStatus::Pending);
    bench.verified().await;
}

#[tokio::test]
async fn a_client_cannot_let_in_whom_the_server_does_not_name() {
    let bench = Bench::new().await;
    let eve = bench.approver("eve", &["friends"]).await;
    let mut asked = submission("prod");
    asked.terms.requirements = vec![Requirement {
        escalation: Some(Escalation {
            after_seconds: 1,
            to: vec!["group:friends".to_owned()],
        }),
        ..Requirement::of(Vec::new(), 1)
    }];
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    bench
        .sql("UPDATE requests SET created_at = created_at - 5000")
        .await;
    let friend = bench
        .review(&eve, &request, Answer::Approve)
        .await
        .request();
    assert_eq!(
        friend.status,
        ApprovalStatus::Pending,
        "the server's own people are missing"
    );
}
