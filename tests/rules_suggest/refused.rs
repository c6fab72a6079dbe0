//! What people approved often enough and what still gets no rule, each with why.

use serde_json::{Value, json};

use super::{
    Agent, KUBECTL, Live, RESTART, answered, approvals, decision, decisions, from_lines, remembered,
};

fn stage(live: &Live) -> Agent<'_> {
    let agent = Agent::new(live);
    agent.home.script("kubectl", KUBECTL).unwrap();
    agent
}

/// Fails unless three approvals of the request make no rule, for this reason.
#[track_caller]
fn assert_refused(agent: &Agent<'_>, request: &Value, why: &str) {
    let (suggested, told) = from_lines(agent, &approvals(request));
    assert_eq!(suggested["rules"], json!([]), "{suggested}");
    let skipped = suggested["skipped"][0]["why"].as_str().unwrap();
    assert!(skipped.contains(why), "{suggested}");
    assert!(told.stderr.contains(why), "{told:?}");
    assert!(told.stderr.contains("(approved 3, denied 0)"), "{told:?}");
}

#[test]
fn what_words_can_not_tell_gets_no_rule() {
    let live = Live::start();
    let agent = stage(&live);
    agent.home.write("m.yaml", "a: 1\n").unwrap();
    let in_staging = |words: &[&'static str]| [&["kubectl", "-n", "staging"], words].concat();
    let set = in_staging(&["set", "env", "deployment/web", "PASSWORD=hunter22hunter"]);
    let cases = [
        (set, "its words are not whole on record"),
        (
            in_staging(&["apply", "-f", "m.yaml"]),
            "the content of what it reads (manifest)",
        ),
        (
            vec![
                "kubectl",
                "-n",
                "a*",
                "rollout",
                "restart",
                "deployment/web",
            ],
            "`*`",
        ),
        (
            vec![
                "kubectl",
                "-n",
                "a?",
                "rollout",
                "restart",
                "deployment/web",
            ],
            "`?`",
        ),
        (
            in_staging(&["rollout", "restart", "deployment/w\u{202e}b"]),
            "signs that can't be shown",
        ),
        (
            vec![
                "timeout",
                "5",
                "kubectl",
                "-n",
                "staging",
                "rollout",
                "restart",
                "deployment/web",
            ],
            "it hands words on to another command",
        ),
    ];
    for (words, why) in cases {
        assert_refused(&agent, &remembered(&agent, &words), why);
    }
}

#[test]
fn a_record_that_says_something_else_than_its_words_gets_no_rule() {
    let live = Live::start();
    let agent = stage(&live);
    let request = remembered(&agent, RESTART);
    let otherwise = "its words alone say something else than the record does";
    let elsewhere = "its words alone name another namespace than the record does";
    for (field, value, why) in [
        ("command", json!(["rollout", "undo"]), otherwise),
        ("effect", json!("local"), otherwise),
        ("target", json!({ "namespace": "dev" }), elsewhere),
        ("target", json!({ "server": "https://h" }), elsewhere),
    ] {
        let mut other = request.clone();
        other["invocation"][field] = value;
        assert_refused(&agent, &other, why);
    }
    let mut elsewhere = request;
    elsewhere["invocation"]["cwd"] = json!([{ "bytes": "/w==" }]);
    assert_refused(&agent, &elsewhere, "its folder is not whole on record");
}

#[test]
fn a_rule_that_could_not_let_it_pass_is_not_proposed() {
    let live = Live::start();
    let agent = stage(&live);
    let shell = |line| remembered(&agent, &["bash", "-c", line]);
    let named = shell("kubectl -n staging rollout restart deployment/web");
    let why = "no rule can say it: `namespace` is no field of the target";
    assert_refused(&agent, &named, why);
    // A rule for a shell is not enough for what it starts.
    let started = shell("kubectl rollout restart deployment/web");
    let why = "a rule of its own could not let it pass";
    assert_refused(&agent, &started, why);
}

#[test]
fn more_commands_than_one_condition_tells_get_several_rules() {
    let live = Live::start();
    let agent = stage(&live);
    let scale = |replicas: &'static str| {
        [
            "kubectl",
            "-n",
            "staging",
            "scale",
            "deployment/web",
            replicas,
        ]
    };
    let replicas = [
        "--replicas=1",
        "--replicas=2",
        "--replicas=3",
        "--replicas=4",
        "--replicas=5",
    ];
    let asked = replicas.map(|replicas| remembered(&agent, &scale(replicas)));
    let asked = asked.iter().map(|request| answered(request, "finished", 0));
    let (suggested, told) = from_lines(&agent, &asked.collect::<Vec<Value>>());
    assert_eq!(decisions(&suggested), ["allow", "allow"], "{suggested}");
    let ids = [0, 1].map(|at| suggested["rules"][at]["id"].as_str().unwrap());
    assert_eq!(format!("{}-2", ids[0]), ids[1]);
    let rules = agent.home.write("suggested.toml", &told.stdout).unwrap();
    let rules = rules.to_str().unwrap();
    for replicas in replicas {
        assert_eq!(
            decision(&agent, rules, &scale(replicas)).0,
            "allow",
            "{replicas}"
        );
    }
    assert_ne!(decision(&agent, rules, &scale("--replicas=6")).0, "allow");
}
