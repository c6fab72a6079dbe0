use super::*;
use crate::circumstances::Provider;
use crate::failure::FailureKind;
use gate_protocol::review::Review;

/// A request for a hostile command, pending, with `seconds` left.
fn request(seconds: u64) -> ApprovalRequest {
    let text = |words: &str| serde_json::json!([{ "text": words }]);
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    serde_json::from_value(serde_json::json!({
        "id": "0199a3c0-1111-7000-8000-0000deadbeef",
        "status": "pending",
        "version": 1,
        "digest": hash,
        "requester": { "name": "ada", "kind": "user" },
        "invocation": {
            "v": 1,
            "tool": { "name": "kubectl", "path": text("/usr/bin/kubectl"), "sha256": hash, "size_bytes": 48 },
            "argv": [text("kubectl"), text("delete"), text("ns"), text("a\u{1b}[2J##[stop-commands]x\n::error::%")],
            "cwd": text("/"), "command": ["delete"], "effect": "destroy",
            "target": {}, "environment": [], "inputs": [], "runner_key": "ab".repeat(32)
        },
        "circumstances": {
            "host": "h", "os_user": "u", "terminal": false, "mode": "advisory", "client_version": "0.1.0"
        },
        "terms": {
            "rules": [], "reasons": [], "requirements": [{ "approvers": ["group:sre"], "count": 1 }],
            "request_ttl_seconds": 900, "permit_ttl_seconds": 300
        },
        "created_at": "2026-11-22T17:36:04Z",
        "expires_at": "2026-11-22T17:51:04Z",
        "expires_in_seconds": seconds,
        "reviews": [],
        "may_review": ["group:sre", "user:b\u{202e}ob"],
        "url": "https://gate.example.com/requests/0199a3c0-1111-7000-8000-0000deadbeef"
    }))
    .unwrap()
}

fn review(answer: &str, comment: Option<&str>) -> Review {
    serde_json::from_value(serde_json::json!({
        "reviewer": "bo\u{1b}b", "answer": answer, "comment": comment,
        "at": "2026-11-22T17:38:34Z", "channel": "web"
    }))
    .unwrap()
}

/// Returns what a log is told: its lines, and the mark behind them.
fn whole(told: &log::Told) -> String {
    let mark = told.mark.as_ref().map_or("", Mark::as_str);
    format!("{}{mark}", told.lines)
}

fn at(request: &ApprovalRequest, elapsed: u64) -> Moment<'_> {
    Moment {
        request,
        elapsed: Duration::from_secs(elapsed),
        left: Duration::from_secs(request.expires_in_seconds - elapsed),
    }
}

#[test]
fn a_log_is_told_at_once_what_is_asked_of_whom_where_until_when_and_how_to_cancel() {
    let request = request(900);
    let told = log::Log::new(None).submitted(at(&request, 0), false);
    assert_eq!(
        whole(&told),
        "gate: waiting for group:sre, user:b\\u{202e}ob to approve \
         `kubectl delete ns 'a\\u{1b}[2J##[stop-commands]x\\n::error::%'` (destroy) at \
         https://gate.example.com/requests/0199a3c0-1111-7000-8000-0000deadbeef; ends in 15 min; \
         cancel with Ctrl-C or `gate requests cancel 0199a3c0-1111-7000-8000-0000deadbeef`\n"
    );
}

#[test]
fn a_log_gets_one_line_a_minute_and_no_more() {
    let request = request(900);
    let mut log = log::Log::new(None);
    let lines: Vec<String> = (0..=180)
        .map(|second| log.tick(at(&request, second)))
        .filter(|line| !line.is_empty())
        .collect();
    let url = &request.url;
    let line = |minute: u64| {
        let left = 15 - minute;
        format!(
            "gate: still waiting for group:sre, user:b\\u{{202e}}ob after {minute} min, {left} min left: {url}\n"
        )
    };
    assert_eq!(lines, [line(1), line(2), line(3)]);
}

#[test]
fn a_log_says_each_review_once_and_who_approved() {
    let mut request = request(900);
    let mut log = log::Log::new(None);
    request
        .reviews
        .push(review("approve", Some(" fine\nby me ")));
    assert_eq!(
        log::Log::changed(at(&request, 5), 0),
        "gate: bo\\u{1b}b approved: \"fine\\nby me\"\n"
    );
    assert_eq!(log::Log::changed(at(&request, 6), 1), "");
    request.status = ApprovalStatus::Approved;
    assert_eq!(
        whole(&log.ended(at(&request, 65))),
        "gate: approved by bo\\u{1b}b after 1 min 5 s: \"fine\\nby me\"\n"
    );
}

#[test]
fn what_several_approvers_said_is_told_with_their_names() {
    let mut request = request(900);
    request.status = ApprovalStatus::Approved;
    request
        .reviews
        .push(review("approve", Some("mind the gap")));
    request.reviews.push(review("approve", Some("  ")));
    request.reviews[1].reviewer = "eve".to_owned();
    assert_eq!(
        words::approved(at(&request, 1)),
        "approved by bo\\u{1b}b, eve after 1 s: bo\\u{1b}b says \"mind the gap\""
    );
}

#[test]
fn a_log_does_not_wait_for_what_was_answered_before() {
    let mut request = request(900);
    request.status = ApprovalStatus::Denied;
    for provider in [None, Some(Provider::GitHub), Some(Provider::GitLab)] {
        let mut log = log::Log::new(provider);
        assert_eq!(
            whole(&log.submitted(at(&request, 0), true)),
            "gate: asked before and denied: \
             `kubectl delete ns 'a\\u{1b}[2J##[stop-commands]x\\n::error::%'` (destroy) at \
             https://gate.example.com/requests/0199a3c0-1111-7000-8000-0000deadbeef\n"
        );
        assert_eq!(whole(&log.ended(at(&request, 0))), "");
    }
}

#[test]
fn a_lost_connection_is_told_once_and_its_return_once() {
    let mut log = log::Log::new(None);
    let retry = Duration::from_secs(3);
    assert_eq!(
        log.disconnected("reset\u{7}", retry),
        "gate: no answer from the server (reset\\u{7}), trying again in 3 s\n"
    );
    assert_eq!(log.disconnected("reset", retry), "");
    assert_eq!(
        words::disconnected("reset", Duration::from_millis(400)),
        "no answer from the server (reset), trying again now"
    );
    assert_eq!(log.reconnected(), "gate: the server answers again\n");
    assert_eq!(log.reconnected(), "");
}

#[test]
fn github_gets_an_annotation_in_which_nothing_acts() {
    let mut request = request(900);
    let mut log = log::Log::new(Some(Provider::GitHub));
    let told = whole(&log.submitted(at(&request, 0), true));
    let (line, notice) = told.split_once('\n').unwrap();
    assert!(line.starts_with("gate: already asked, waiting again for group:sre"));
    assert!(notice.starts_with("::notice title=gate%3A waiting for approval::already asked"));
    assert!(notice.contains("\\n::error::%25'"), "{notice}");
    assert!(notice.contains("##\\u{5b}stop-commands]"), "{notice}");
    assert_eq!(notice.matches('\n').count(), 1);
    request.status = ApprovalStatus::Approved;
    request
        .reviews
        .push(review("approve", Some("100%\n::error::x")));
    assert_eq!(
        whole(&log.ended(at(&request, 2))),
        "gate: approved by bo\\u{1b}b after 2 s: \"100%\\n::error::x\"\n\
         ::notice title=gate%3A approved::approved by bo\\u{1b}b after 2 s: \"100%25\\n::error::x\"\n"
    );
}

/// Returns what the CI system that `variable` names is told of a failure.
fn mark_of(variable: &str, kind: FailureKind) -> Option<String> {
    let failure = Failure::new(kind, "denied by bo\\u{1b}b: 100%, ##vso[task.complete]a;b]")
        .hint("next\n::set-env name=A::b\r##[add-path]/tmp");
    let env = |name: &str| (name == variable).then(|| "true".to_owned());
    Mark::of_failure(&env, &failure).map(|mark| mark.as_str().to_owned())
}

#[test]
fn a_failure_is_an_annotation_in_which_nothing_acts() {
    let hints = "%0Anext%0A::set-env name=A::b\\r##\\u{5b}add-path]/tmp\n";
    let text = "denied by bo\\u{1b}b: 100%25, ##vso\\u{5b}task.complete]a;b]";
    for (kind, weight, title) in [
        (FailureKind::Denied, "error", "denied"),
        (FailureKind::NoAnswer, "warning", "no answer yet"),
        (FailureKind::Unreachable, "error", "nobody was reached"),
    ] {
        assert_eq!(
            mark_of("GITHUB_ACTIONS", kind).unwrap(),
            format!("::{weight} title=gate%3A {title}::{text}{hints}")
        );
        assert_eq!(
            mark_of("TF_BUILD", kind).unwrap(),
            format!("##vso[task.logissue type={weight}]gate: {title}: {text}{hints}")
                .replace("%25", "%AZP25")
        );
        for other in [
            "GITLAB_CI",
            "BUILDKITE",
            "CIRCLECI",
            "TEAMCITY_VERSION",
            "CI",
            "HOME",
        ] {
            assert_eq!(mark_of(other, kind), None, "{other}");
        }
    }
    for kind in [
        FailureKind::Usage,
        FailureKind::NotFound,
        FailureKind::Interrupted(2),
    ] {
        assert_eq!(mark_of("GITHUB_ACTIONS", kind), None, "{kind:?}");
    }
}

#[test]
fn gitlab_gets_a_section_that_is_closed_once() {
    let request = request(900);
    let mut log = log::Log::new(Some(Provider::GitLab));
    let told = whole(&log.submitted(at(&request, 0), false));
    let (mark, rest) = told.split_once("\r\u{1b}[0K").unwrap();
    let name = mark.strip_prefix("\u{1b}[0Ksection_start:").unwrap();
    let (time, name) = name.split_once(':').unwrap();
    assert!(time.parse::<u64>().unwrap() > 1_700_000_000);
    assert_eq!(name, "gate_wait");
    assert!(rest.starts_with("gate: waiting for approval\ngate: waiting for group:sre"));
    let end = whole(&log.ended(at(&request, 3)));
    assert!(end.starts_with("\u{1b}[0Ksection_end:") && end.ends_with(":gate_wait\r\u{1b}[0K\n"));
    assert_eq!(log.close(), "");
}

#[test]
fn the_live_text_never_cuts_the_link_and_never_wraps_by_itself() {
    let request = request(900);
    let wide = words::live(at(&request, 12), None, 300);
    let shown = "`kubectl delete ns 'a\\u{1b}[2J##[stop-commands]x\\n::error::%'`";
    assert_eq!(
        wide,
        format!(
            "gate: waiting for group:sre, user:b\\u{{202e}}ob to approve {shown} · 12 s, 14 min 48 s \
             left · {}",
            request.url
        )
    );
    let narrow = words::live(at(&request, 12), None, 80);
    let lines: Vec<_> = narrow.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[1],
        r"gate: to run `kubectl delete ns 'a\u{1b}[2J##[stop-commands]x\n::error::%'`"
    );
    assert_eq!(lines[2], format!("gate: {}", request.url));
    let between = words::live(at(&request, 12), None, 100);
    let lines: Vec<_> = between.lines().collect();
    assert_eq!(lines.len(), 2, "{between}");
    assert!(lines[0].contains("to approve `kubectl del") && lines[0].contains("…` · 12 s"));
    assert!(lines[0].chars().count() < 100, "{between}");
    let trouble = words::live(at(&request, 12), Some("no answer"), 200);
    assert!(trouble.starts_with("gate: no answer · 12 s"));
}

#[test]
fn a_very_long_command_is_cut_where_one_can_see_it() {
    let mut request = request(900);
    request.invocation.argv =
        vec![serde_json::from_value(serde_json::json!([{ "text": "x".repeat(20_000) }])).unwrap()];
    let told = words::asked(at(&request, 0), false);
    assert!(told.contains("xxx… [20000 characters in all]`"), "{told}");
    assert!(told.len() < 1000);
}

#[test]
fn a_program_gets_one_object_a_line_with_everything_in_it() {
    let mut request = request(900);
    let mut events = event::Events::default();
    let submitted = events.submitted(at(&request, 0), true);
    request.reviews.push(review("deny", Some("no\u{1b}")));
    request.status = ApprovalStatus::Denied;
    let gone = events.disconnected(at(&request, 7), "reset", Duration::from_millis(1500));
    let back = events.reconnected(at(&request, 8));
    let ended = events.ended(at(&request, 9));
    let names = ["submitted", "disconnected", "reconnected", "ended"];
    for (line, name) in [&submitted, &gone, &back, &ended].into_iter().zip(names) {
        assert_eq!(line.matches('\n').count(), 1);
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["event"], name);
        assert_eq!(event["request"], "0199a3c0-1111-7000-8000-0000deadbeef");
        assert_eq!(event["reattached"], true);
        assert_eq!(event["may_review"][1], "user:b\\u{202e}ob");
        assert_eq!(event["url"], request.url);
    }
    let first: serde_json::Value = serde_json::from_str(&submitted).unwrap();
    assert_eq!(
        (&first["status"], &first["expires_in_seconds"]),
        (&"pending".into(), &900.into())
    );
    assert!(first.get("error").is_none());
    let lost: serde_json::Value = serde_json::from_str(&gone).unwrap();
    assert_eq!(
        (&lost["error"], &lost["retry_in_seconds"]),
        (&"reset".into(), &2.into())
    );
    let answer: serde_json::Value = serde_json::from_str(&ended).unwrap();
    assert_eq!(
        (&answer["status"], &answer["elapsed_seconds"]),
        (&"denied".into(), &9.into())
    );
    assert_eq!(answer["reviews"][0]["reviewer"], "bo\\u{1b}b");
    assert_eq!(answer["reviews"][0]["comment"], "no\\u{1b}");
    assert_eq!(answer["reviews"][0]["answer"], "deny");
}

#[test]
fn a_program_hears_from_a_wait_once_a_minute() {
    let request = request(900);
    let mut events = event::Events::default();
    let told = (0..=130)
        .filter(|second| !events.tick(at(&request, *second)).is_empty())
        .count();
    assert_eq!(told, 2);
}

/// The contract with programs is the page: what it shows is what is written.
#[test]
fn the_events_are_those_of_the_page_about_them() {
    let page = include_str!("../../docs/events.md");
    let (_, block) = page.split_once("```json\n").unwrap();
    let (shown, _) = block.split_once("```").unwrap();
    let mut request = request(900);
    request.invocation.argv.truncate(3);
    request.may_review = vec!["group:sre".to_owned(), "user:bob".to_owned()];
    let mut events = event::Events::default();
    let mut told = events.submitted(at(&request, 0), false);
    told.push_str(&events.tick(at(&request, 60)));
    told.push_str(&events.disconnected(
        at(&request, 70),
        "connection refused",
        Duration::from_millis(1500),
    ));
    told.push_str(&events.reconnected(at(&request, 72)));
    let mut denial = review("deny", Some("not on a Friday"));
    denial.reviewer = "bob".to_owned();
    request.reviews.push(denial);
    request.status = ApprovalStatus::Denied;
    told.push_str(&events.ended(at(&request, 150)));
    assert_eq!(told, shown);
    for line in told.lines() {
        let event: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        for member in event.keys() {
            assert!(page.contains(&format!("| `{member}` |")), "{member}");
        }
    }
}
