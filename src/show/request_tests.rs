//! A request as a person reads it.

use gate_protocol::masked::MaskedText;

use super::*;

/// A request with a bit of everything, some of it hostile.
fn request() -> ApprovalRequest {
    let text = |words: &str| serde_json::json!([{ "text": words }]);
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    serde_json::from_value(serde_json::json!({
        "id": "0199a3c0-1111-7000-8000-0000deadbeef",
        "status": "pending",
        "version": 1,
        "digest": hash,
        "requester": { "name": "deploy-bot", "kind": "agent", "owner": "alice" },
        "invocation": {
            "v": 1,
            "tool": { "name": "kubectl", "path": text("/usr/bin/kubectl"), "sha256": hash, "size_bytes": 48 },
            "argv": [text("kubectl"), text("delete"), text("ns"), text("a\u{1b}[2J b"),
                     [{ "text": "--token=" }, { "secret": { "kind": "token", "length_bytes": 20, "commitment": "9f3a0000" } }]],
            "cwd": text("/srv/app"),
            "command": ["delete"],
            "effect": "destroy",
            "target": { "cluster": "eu-prod-1", "namespace": "web" },
            "environment": [
                { "name": "KUBECONFIG", "treatment": "bound", "value": text("/home/a/.kube/config"), "why": "selects the cluster" },
                { "name": "KUBECTL_EXTERNAL_DIFF", "treatment": "stripped", "why": "names a program to run" }
            ],
            "inputs": [{ "role": "manifest", "name": text("ns.yaml"), "sha256": hash, "size_bytes": 12, "delivery": "snapshot" }],
            "runner_key": "ab".repeat(32)
        },
        "circumstances": {
            "host": "ci-7", "os_user": "runner", "terminal": false, "mode": "advisory", "client_version": "0.1.0",
            "agent": "claude-code",
            "ci": { "provider": "github", "url": "https://ci.example/run/7", "actor": "mallory\nWHY approved" },
            "git": { "commit": "0123abc", "branch": "main", "dirty": true }
        },
        "terms": {
            "rules": ["baseline/kubectl-destroy"], "reasons": ["it deletes a namespace"],
            "requirements": [{ "approvers": ["group:sre"], "count": 2 }],
            "request_ttl_seconds": 900, "permit_ttl_seconds": 300
        },
        "reason": "clean up\n\u{202e}doog si",
        "created_at": "2026-11-22T17:36:04Z",
        "expires_at": "2026-11-22T17:51:04Z",
        "expires_in_seconds": 690,
        "reviews": [{ "reviewer": "bob", "answer": "approve", "comment": "ok", "at": "2026-11-22T17:38:34Z", "channel": "api" }],
        "may_review": ["group:sre"],
        "url": "http://127.0.0.1:1/requests/x"
    }))
    .unwrap()
}

#[test]
fn everything_an_approver_needs_is_on_the_sheet() {
    let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
    insta::assert_snapshot!(sheet(&screen, &request()));
}

#[test]
fn on_a_narrow_screen_nothing_is_lost_and_no_value_starts_a_line() {
    let screen = Screen::for_test(Some(50), "2026-11-22T17:39:34Z");
    let text = sheet(&screen, &request());
    insta::assert_snapshot!(text);
    let joined: String = text
        .lines()
        .map(|line| line.strip_prefix("            ").unwrap_or(line))
        .collect();
    assert!(
        joined.contains(&request().invocation.shown_command()),
        "{joined}"
    );
    assert!(joined.contains(&request().digest.to_string()));
}

#[test]
fn production_is_marked_where_the_server_says_so_and_the_name_does_not() {
    let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
    let mut request = request();
    request.invocation.target = [
        ("cluster".to_owned(), "blue".to_owned()),
        ("namespace".to_owned(), "web".to_owned()),
    ]
    .into();
    assert!(!sheet(&screen, &request).contains("PRODUCTION"));
    assert!(!table(&screen, &[request.clone()]).contains("! destroy"));
    request.production = vec!["cluster".to_owned()];
    let shown = sheet(&screen, &request);
    assert!(shown.contains("cluster = blue   ! PRODUCTION"), "{shown}");
    assert!(!shown.contains("web   ! PRODUCTION"), "{shown}");
    assert!(table(&screen, &[request]).contains("! destroy"));
}

#[test]
fn no_byte_of_the_requester_moves_the_cursor() {
    let screen = Screen::for_test(Some(80), "2026-11-22T17:39:34Z");
    let text =
        sheet(&screen, &request()) + &table(&screen, &[request()]) + &line(&screen, &request());
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{202e}'),
        "{text:?}"
    );
}

#[test]
fn the_text_of_an_input_is_on_the_sheet_whole_and_inert() {
    let mut request = request();
    let text = "drop table users;\r\nselect '\u{1b}[2J\u{202e}' from сосо\n";
    request.invocation.inputs[0].content = Some(text.to_owned());
    let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
    let shown = sheet(&screen, &request);
    for line in [
        "                 1 │ drop table users;\\r\n",
        "                 2 │ select '\\u{1b}[2J\\u{202e}' from сосо\n",
        "! letters of another alphabet, as imitations have: \\u{441}\\u{43e}\\u{441}\\u{43e}",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(!shown.contains("its text is not here"));
}

#[test]
fn what_it_would_do_is_on_the_sheet_inert_and_as_the_clients_word() {
    let mut request = request();
    request.invocation.preview = Some(gate_protocol::preview::Preview {
        source: "the plan file release.plan".to_owned(),
        summary: "1 to add, 0 to change, 1 to destroy".to_owned(),
        text: "DESTROY db\ncreate web\u{1b}[2J\u{202e}".to_owned(),
        left_out: 3,
    });
    let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
    let text = sheet(&screen, &request);
    for line in [
        "1 to add, 0 to change, 1 to destroy",
        "as the requester's gate read the plan file release.plan, not verified",
        "   1 │ DESTROY db",
        "   2 │ create web\\u{1b}[2J\\u{202e}",
        "! 3 more lines are left out",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn a_command_that_imitates_another_is_marked_by_the_rule_of_the_page() {
    let mut request = request();
    let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
    let warning = "! letters of another alphabet, as imitations have: ";
    for (word, is_marked) in [("team-\u{430}", true), ("--label=имя", false)] {
        request.invocation.argv[2] = MaskedText::plain(word.as_bytes());
        assert_eq!(
            sheet(&screen, &request).contains(warning),
            is_marked,
            "{word}"
        );
    }
}

#[test]
fn a_list_has_a_line_for_each_request() {
    let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
    insta::assert_snapshot!(table(&screen, &[request()]));
}

#[test]
fn variables_of_which_nothing_is_known_are_one_field_with_all_their_names() {
    let mut request = request();
    let unlisted = |name: &str| {
        serde_json::from_value(serde_json::json!({
            "name": name, "treatment": "bound", "why": "a provider can read it",
            "value": [{ "secret": { "kind": "variable", "length_bytes": 9, "commitment": "9f3a0000" } }]
        }))
        .unwrap()
    };
    let masked = request.invocation.secrets_masked();
    request
        .invocation
        .environment
        .push(unlisted("HCLOUD_TOKEN"));
    request
        .invocation
        .environment
        .push(unlisted("MY\u{1b}VARIABLE"));
    let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
    let text = sheet(&screen, &request);
    assert!(
        text.contains("2 that gate does not know, bound and masked: HCLOUD_TOKEN, MY"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");
    assert_eq!(request.invocation.secrets_masked(), masked);
}
