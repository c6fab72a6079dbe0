//! THREATS 6A.3, one step further: whoever has no say has none by an account that they made, or
//! could act as, and nobody is two people by two of them. Each way is played as it was found.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use gate_protocol::id::Nonce;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::Answer;
use serde_json::{Value, json};

use super::bench::{Answered, Bench, call, submission};
use super::web::Browser;

impl Bench {
    /// Makes an admin by the trusted one, and returns their token.
    async fn new_admin(&self, name: &str) -> String {
        self.made_by(&self.setup.admin, name, &[]).await;
        self.token_of(name, "admin").await
    }

    /// Makes a user by an admin of their own.
    async fn made_by(&self, admin: &str, name: &str, groups: &[&str]) {
        let user = json!({ "name": name, "kind": "user", "groups": groups });
        let made = self.post(admin, "/v1/principals", &user).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    }

    /// Makes a token by an admin of their own.
    async fn token_by(&self, admin: &str, name: &str, role: &str) -> String {
        let wanted = json!({ "principal": name, "role": role, "ttl_seconds": 600 });
        let made = self.post(admin, "/v1/tokens", &wanted).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        made.json()["token"].as_str().unwrap().to_owned()
    }

    /// Makes an approver and their token by an admin of their own.
    async fn puppet_of(&self, admin: &str, name: &str) -> String {
        self.made_by(admin, name, &["approvers"]).await;
        self.token_by(admin, name, "approver").await
    }

    /// Makes an agent and its token by an admin of their own.
    async fn agent_by(&self, admin: &str, name: &str, owner: &str) -> String {
        let agent = json!({ "name": name, "kind": "agent", "owner": owner });
        let made = self.post(admin, "/v1/principals", &agent).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        self.token_by(admin, name, "requester").await
    }

    async fn patch(&self, token: &str, name: &str, body: &Value) -> Answered {
        let path = format!("/v1/principals/{name}");
        let body = serde_json::to_vec(body).unwrap();
        self.send(call(Method::PATCH, &path, token, body.into()))
            .await
    }

    async fn ask_with(&self, token: &str, word: &str) -> ApprovalRequest {
        self.submit(token, &submission(word)).await.request()
    }

    /// Tries by the API and on the page: refused, and on the record as an account of somebody
    /// who has no say.
    async fn refuses_puppet(&self, token: &str, request: &ApprovalRequest, why: &str) {
        let before = self.count("request.rejected_review").await;
        let refused = self.review(token, request, Answer::Approve).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
        let page = Browser::signed_in(self, token).await;
        let refused = page.answer(request, "approve").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
        let mut rejected = self.records().await;
        rejected.retain(|one| one.record_type().as_str() == "request.rejected_review");
        assert_eq!(rejected.len(), before + 2);
        assert_eq!(rejected.last().unwrap().body()["why"], why);
        let stays = self.seen(request).await;
        assert_eq!(stays.status, ApprovalStatus::Pending);
    }

    async fn seen(&self, request: &ApprovalRequest) -> ApprovalRequest {
        let path = format!("/v1/requests/{}", request.id);
        self.get(&self.setup.auditor, &path).await.request()
    }

    async fn why_voided(&self) -> String {
        let mut records = self.records().await;
        records.retain(|one| one.record_type().as_str() == "decision.voided");
        let body = records.last().unwrap().body().clone();
        body["why"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_puppet_of_a_puppet_is_a_puppet() {
    let bench = Bench::new().await;
    let mallory = bench.new_admin("mallory").await;
    let asks = bench.token_of("mallory", "requester").await;
    bench.made_by(&mallory, "m2", &[]).await;
    let m2 = bench.token_by(&mallory, "m2", "admin").await;
    bench.made_by(&m2, "m3", &[]).await;
    let m3 = bench.token_by(&m2, "m3", "admin").await;
    let pup = bench.puppet_of(&m3, "pup").await;
    let request = bench.ask_with(&asks, "own").await;
    bench.refuses_puppet(&pup, &request, "made_by_asker").await;
    bench.verified().await;
}

#[tokio::test]
async fn an_account_that_is_said_to_be_a_trusted_admins_is_not_trusted() {
    let bench = Bench::new().await;
    let mallory = bench.new_admin("mallory").await;
    let asks = bench.token_of("mallory", "requester").await;
    let posing = json!({ "name": "posing", "kind": "user", "groups": [], "person": "admin" });
    let made = bench.post(&mallory, "/v1/principals", &posing).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let posing = bench.token_by(&mallory, "posing", "admin").await;
    let pup = bench.puppet_of(&posing, "pup").await;
    let request = bench.ask_with(&asks, "own").await;
    bench.refuses_puppet(&pup, &request, "made_by_asker").await;
}

/// By what mallory made long ago, others make what answers today.
#[tokio::test]
async fn a_hand_does_not_wear_off_by_waiting_or_by_another_token() {
    let bench = Bench::new().await;
    let mallory = bench.new_admin("mallory").await;
    let asks = bench.token_of("mallory", "requester").await;
    bench.made_by(&mallory, "m2", &[]).await;
    let m2 = bench.token_by(&mallory, "m2", "admin").await;
    let as_bob = bench.token_by(&mallory, "bob", "admin").await;
    let minted = bench.token_by(&as_bob, "bob", "approver").await;
    // Beyond the span in which it counts who changed what.
    bench
        .sql("UPDATE principal_edits SET at = at - 864000000")
        .await;
    let pup = bench.puppet_of(&m2, "pup").await;
    let request = bench.ask_with(&asks, "own").await;
    for token in [&minted, &pup] {
        bench.refuses_puppet(token, &request, "made_by_asker").await;
    }
    // What nobody of them made is as good as ever.
    let answered = bench
        .review(&bench.setup.bob_approver, &request, Answer::Approve)
        .await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
}

#[tokio::test]
async fn who_made_the_agent_or_its_token_has_no_puppet_in_what_it_asks() {
    let bench = Bench::new().await;
    let mallory = bench.new_admin("mallory").await;
    bench.approver("carol", &["others"]).await;
    let pup = bench.puppet_of(&mallory, "pup").await;
    let as_bob = bench.token_by(&mallory, "bob", "approver").await;
    let made = bench.agent_by(&mallory, "made-bot", "carol").await;
    let given = bench.token_by(&mallory, "demo-agent", "requester").await;
    for (asks, word) in [(&made, "made"), (&given, "given")] {
        let request = bench.ask_with(asks, word).await;
        for token in [&pup, &as_bob] {
            bench.refuses_puppet(token, &request, "made_by_asker").await;
        }
    }
    bench.verified().await;
}

#[tokio::test]
async fn who_stands_behind_the_asker_at_any_distance_has_no_say() {
    let bench = Bench::new().await;
    bench
        .made_by(&bench.setup.admin, "mallory", &["approvers"])
        .await;
    let mallory = bench.token_of("mallory", "admin").await;
    let votes = bench.token_of("mallory", "approver").await;
    bench.approver("carol", &["others"]).await;
    bench.made_by(&mallory, "m2", &[]).await;
    let m2 = bench.token_by(&mallory, "m2", "admin").await;
    let by_puppet = bench.agent_by(&m2, "bot", "carol").await;
    bench.made_by(&mallory, "owner", &[]).await;
    let of_puppet = bench.agent_by(&bench.setup.admin, "bot2", "owner").await;
    let rule = "[[rule]]\nid = 'team/by-m2'\ntool = 'helm'\ndecision = 'require_approval'\n";
    // What the puppet made by a token of hers is as good as made by her.
    for (asks, word, why) in [
        (&by_puppet, "made", "made_requester"),
        (&of_puppet, "owned", "behind_them"),
    ] {
        let request = bench.ask_with(asks, word).await;
        bench.refuses_puppet(&votes, &request, why).await;
    }
    bench.push_rules(&m2, rule).await;
    let mut ruled = submission("ruled");
    ruled.terms.rules = vec!["team/by-m2".to_owned()];
    let request = bench.submit(&bench.setup.agent, &ruled).await.request();
    bench.refuses_puppet(&votes, &request, "behind_them").await;
    let fine = bench
        .review(&bench.setup.bob_approver, &request, Answer::Approve)
        .await;
    assert_eq!(fine.request().status, ApprovalStatus::Approved);
}

#[tokio::test]
async fn who_changed_the_rule_has_no_puppet_in_what_it_decides() {
    let bench = Bench::new().await;
    let mallory = bench.new_admin("mallory").await;
    let pup = bench.puppet_of(&mallory, "pup").await;
    let rule = "[[rule]]\nid = 'team/kubectl'\ntool = 'kubectl'\n\
                decision = 'require_approval'\n";
    bench.push_rules(&mallory, rule).await;
    let mut wanted = submission("ruled");
    wanted.terms.rules = vec!["team/kubectl".to_owned()];
    let request = bench.submit(&bench.setup.agent, &wanted).await.request();
    bench.refuses_puppet(&pup, &request, "made_by_asker").await;
}

#[tokio::test]
async fn an_admin_whom_the_settings_trust_may_make_both_sides_and_no_other() {
    let play = async |trusted: &[&str]| {
        let bench = Bench::with(|settings| {
            settings.approving.trusted_admins = trusted.iter().map(ToString::to_string).collect();
        })
        .await;
        let carol = bench.approver("carol", &["approvers"]).await;
        let bot = bench.agent_by(&bench.setup.admin, "bot", "alice").await;
        let request = bench.ask_with(&bot, "both").await;
        bench.review(&carol, &request, Answer::Approve).await.status
    };
    assert_eq!(Box::pin(play(&["admin"])).await, StatusCode::OK);
    assert_eq!(Box::pin(play(&[])).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn nobody_fills_two_places_by_accounts_that_they_made() {
    let bench = Bench::with(|settings| settings.floor.min_count = 2).await;
    let carol = bench.approver("carol", &["approvers"]).await;
    bench.made_by(&bench.setup.admin, "carol-admin", &[]).await;
    bench.one_person("carol-admin", "carol").await;
    let carol_admin = bench.token_of("carol-admin", "admin").await;
    let first = bench.puppet_of(&carol_admin, "pup1").await;
    let second = bench.puppet_of(&carol_admin, "pup2").await;
    for (word, tokens) in [
        ("herself", [&carol, &first]),
        ("turned", [&first, &carol]),
        ("two-puppets", [&first, &second]),
    ] {
        let request = bench.asked(word).await;
        for token in tokens {
            let counted = bench.review(token, &request, Answer::Approve).await;
            assert_eq!(counted.request().status, ApprovalStatus::Pending, "{word}");
        }
        let claimed = bench.claim(&request, Nonce::generate().unwrap()).await;
        assert_eq!(claimed.problem(), "conflict", "{word}");
        let bob = &bench.setup.bob_approver;
        let fine = bench.review(bob, &request, Answer::Approve).await;
        assert_eq!(fine.request().status, ApprovalStatus::Approved, "{word}");
    }
}

#[tokio::test]
async fn to_split_oneself_into_two_people_gives_no_say() {
    let bench = Bench::new().await;
    let setup = &bench.setup;
    for (name, groups) in [
        ("dave", &[][..]),
        ("dave-ops", &["approvers"]),
        ("dave-admin", &[]),
    ] {
        bench.made_by(&setup.admin, name, groups).await;
        bench.one_person(name, "dave").await;
    }
    let asks = bench.token_of("dave", "requester").await;
    let ops = bench.token_of("dave-ops", "approver").await;
    let dave_admin = bench.token_of("dave-admin", "admin").await;
    let request = bench.ask_with(&asks, "split").await;
    for name in ["dave-ops", "dave-admin"] {
        let own = bench
            .patch(&dave_admin, name, &json!({ "person": name }))
            .await;
        assert_eq!(own.status, StatusCode::CONFLICT, "{}", own.text());
    }
    // Another admin, who is taken in or helps: what they were counts on.
    for name in ["dave-ops", "dave-admin"] {
        let split = bench
            .patch(&setup.admin, name, &json!({ "person": name }))
            .await;
        assert_eq!(split.status, StatusCode::OK, "{}", split.text());
    }
    bench.refuses_puppet(&ops, &request, "self_review").await;
    let fine = bench
        .review(&setup.bob_approver, &request, Answer::Approve)
        .await;
    assert_eq!(fine.request().status, ApprovalStatus::Approved);
}

#[tokio::test]
async fn a_hand_stays_the_hand_of_who_its_owner_was() {
    let bench = Bench::new().await;
    let setup = &bench.setup;
    bench.made_by(&setup.admin, "eve", &[]).await;
    let eve_admin = bench.new_admin("eve-admin").await;
    bench.one_person("eve-admin", "eve").await;
    let pup = bench.puppet_of(&eve_admin, "pup").await;
    // As if long ago, and never noted as a change.
    bench.one_person("eve-admin", "eve-admin").await;
    let asks = bench.token_of("eve", "requester").await;
    let request = bench.ask_with(&asks, "then").await;
    bench.refuses_puppet(&pup, &request, "made_by_asker").await;
}

#[tokio::test]
async fn a_standing_grant_looks_at_who_made_the_token_that_confirms_it() {
    // However long ago: nothing else counts here.
    let bench = Bench::with(|settings| settings.approving.agent_editor = Duration::ZERO).await;
    let alice = bench.token_of("alice", "admin").await;
    let as_bob = bench.token_by(&alice, "bob", "approver").await;
    let refused = bench.propose(&as_bob, "prod", 3).await;
    assert_eq!(refused.problem(), "excluded");
    assert_eq!(bench.count("standing_grant.rejected").await, 1);
    let request = bench.asked("prod").await;
    assert_eq!(request.status, ApprovalStatus::Pending);
    bench
        .refuses_puppet(&as_bob, &request, "made_by_asker")
        .await;
    let own = bench.propose(&bench.setup.bob_approver, "dev", 3).await;
    assert_eq!(own.status, StatusCode::CREATED, "{}", own.text());
}

#[tokio::test]
async fn who_invited_counts_from_when_the_password_is_set() {
    let bench = Bench::new().await;
    let alice = bench.token_of("alice", "admin").await;
    bench
        .made_by(&bench.setup.admin, "eve", &["approvers"])
        .await;
    let wanted = json!({ "principal": "eve", "roles": ["approver"] });
    let made = bench.post(&alice, "/v1/invitations", &wanted).await.json();
    let url = made["url"].as_str().unwrap().to_owned();
    bench
        .sql("UPDATE principal_edits SET at = at - 864000000")
        .await;
    let code = url.split_once("code=").unwrap().1;
    let password = "three small words";
    let fields = [("code", code), ("password", password), ("again", password)];
    let set = Browser::new(&bench).post("/invitation", &fields).await;
    assert_eq!(set.status, StatusCode::SEE_OTHER, "{}", set.text());
    let mut eve = Browser::new(&bench);
    let fields = [("username", "eve"), ("password", password)];
    let entered = eve.post("/login", &fields).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.text());
    eve.keep_cookie(&entered);
    let request = bench.asked("invited").await;
    let refused = eve.answer(&request, "approve").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    assert_eq!(bench.count("request.rejected_review").await, 1);
    assert!(
        eve.page(&format!("/requests/{}", request.id))
            .await
            .contains("had a hand in")
    );
}

#[tokio::test]
async fn what_a_token_approved_falls_with_it() {
    let bench = Bench::new().await;
    let setup = &bench.setup;
    let other = bench.token_of("bob", "approver").await;
    let request = bench.asked("stolen").await;
    bench
        .review(&other, &request, Answer::Approve)
        .await
        .request();
    let kept = bench.approved("kept").await;
    let grant = bench.propose(&other, "standing", 3).await.grant();
    let tokens = bench.get(&setup.admin, "/v1/tokens").await.json();
    let mut of_bob = tokens["tokens"].as_array().unwrap().iter();
    let id = of_bob.rfind(|one| one["principal"] == "bob").unwrap()["id"].clone();
    let path = format!("/v1/tokens/{}", id.as_str().unwrap());
    let revoked = bench
        .send(call(
            Method::DELETE,
            &path,
            &setup.admin,
            axum::body::Body::empty(),
        ))
        .await;
    assert!(revoked.status.is_success(), "{}", revoked.text());
    assert_eq!(bench.show(&request).await.status, ApprovalStatus::Pending);
    assert!(
        bench.why_voided().await.contains("token"),
        "{}",
        bench.why_voided().await
    );
    let claimed = bench.claim(&request, Nonce::generate().unwrap()).await;
    assert_eq!(claimed.problem(), "conflict");
    assert_eq!(bench.show(&kept).await.status, ApprovalStatus::Approved);
    let listed = bench
        .get(&setup.auditor, "/v1/standing-grants")
        .await
        .json();
    assert_eq!(listed["standing_grants"][0]["id"], grant.id.to_string());
    assert_eq!(listed["standing_grants"][0]["status"], "revoked");
}

#[tokio::test]
async fn the_record_says_why_an_approval_does_not_suffice_any_more() {
    let bench = Bench::with(|settings| settings.floor.min_count = 2).await;
    let carol = bench.approver("carol", &["approvers"]).await;
    let request = bench.approved("merged").await;
    let both = bench
        .review(&carol, &request, Answer::Approve)
        .await
        .request();
    assert_eq!(both.status, ApprovalStatus::Approved);
    let merged = json!({ "person": "bob" });
    bench.patch(&bench.setup.admin, "carol", &merged).await;
    assert_eq!(bench.show(&request).await.status, ApprovalStatus::Pending);
    let why = bench.why_voided().await;
    assert!(why.contains("2 of group:approvers"), "{why}");
}

#[tokio::test]
async fn a_way_to_sign_in_stays_the_hand_of_who_made_it_however_long_ago() {
    let bench = Bench::with(|settings| settings.approving.agent_editor = Duration::ZERO).await;
    let alice = bench.token_of("alice", "admin").await;
    let wanted = json!({ "principal": "bob", "roles": ["approver"] });
    let made = bench.post(&alice, "/v1/invitations", &wanted).await.json();
    let code = made["url"]
        .as_str()
        .unwrap()
        .split_once("code=")
        .unwrap()
        .1
        .to_owned();
    let password = "three small words";
    let fields = [
        ("code", code.as_str()),
        ("password", password),
        ("again", password),
    ];
    Browser::new(&bench).post("/invitation", &fields).await;
    let mut as_bob = Browser::new(&bench);
    let fields = [("username", "bob"), ("password", password)];
    let entered = as_bob.post("/login", &fields).await;
    as_bob.keep_cookie(&entered);
    let request = bench.asked("kept").await;
    let refused = as_bob.answer(&request, "approve").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    assert_eq!(bench.count("request.rejected_review").await, 1);
    // His own token is nobody's but the server's.
    let own = bench
        .review(&bench.setup.bob_approver, &request, Answer::Approve)
        .await;
    assert_eq!(own.request().status, ApprovalStatus::Approved);
}

#[tokio::test]
async fn who_puts_themselves_in_a_group_has_no_say_by_it_for_a_while() {
    let bench = Bench::new().await;
    let mallory = bench.new_admin("mallory").await;
    let groups = json!({ "add_groups": ["approvers"] });
    bench.patch(&mallory, "mallory", &groups).await;
    let votes = bench.token_of("mallory", "approver").await;
    bench.approver("eve", &[]).await;
    let eve = bench.token_of("eve", "admin").await;
    bench.made_by(&eve, "e2", &[]).await;
    let e2 = bench.token_by(&eve, "e2", "admin").await;
    bench.patch(&e2, "eve", &groups).await;
    let by_puppet = bench.token_of("eve", "approver").await;
    let request = bench.asked("raised").await;
    for token in [&votes, &by_puppet] {
        bench
            .refuses_puppet(token, &request, "raised_themselves")
            .await;
    }
    bench.approver("carol", &[]).await;
    bench.patch(&bench.setup.admin, "carol", &groups).await;
    let carol = bench.token_of("carol", "approver").await;
    let fine = bench.review(&carol, &request, Answer::Approve).await;
    assert_eq!(fine.request().status, ApprovalStatus::Approved);
}

#[tokio::test]
async fn a_token_for_some_tools_asks_for_no_other_by_its_name() {
    let bench = Bench::new().await;
    let wanted = json!({
        "principal": "demo-agent", "role": "requester", "ttl_seconds": 600, "tools": ["kubectl"],
    });
    let made = bench
        .post(&bench.setup.admin, "/v1/tokens", &wanted)
        .await
        .json();
    let token = made["token"].as_str().unwrap().to_owned();
    assert_eq!(
        bench.submit(&token, &submission("fine")).await.status,
        StatusCode::CREATED
    );
    let mut lie = submission("lie");
    lie.invocation.argv[0] = gate_protocol::masked::MaskedText::plain(b"/usr/bin/terraform");
    lie.digest = lie.invocation.digest().unwrap();
    assert_eq!(bench.submit(&token, &lie).await.problem(), "forbidden");
}
