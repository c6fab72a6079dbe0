#![expect(
    clippy::disallowed_methods,
    reason = "how long an answer takes is what is tested"
)]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::{
    Caller, CallerKind, CommandLine, Environment, Evaluation, Layer, NoFiles, PolicyBuilder, Stdin,
    read_invocation,
};

fn read(argv: &[OsString]) -> Invocation {
    read_invocation(&CommandLine {
        argv,
        env: &Environment::default(),
        cwd: Path::new("/srv/app"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
}

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn occasion() -> Occasion {
    Occasion {
        caller: Caller {
            kind: CallerKind::Agent,
            name: "alice".to_owned(),
            host: "laptop".to_owned(),
            ci: false,
            terminal: true,
        },
        // A Monday.
        now: "2026-01-05T22:30:00Z".parse().unwrap(),
        local_offset: |_| jiff::tz::Offset::constant(2),
    }
}

fn condition_of(
    source: &str,
    tools: &[String],
    decision: Option<Decision>,
) -> Result<Condition, Fault> {
    let known = (Layer::Machine, crate::Profiles::built_in());
    let report = crate::rules::error::Report::new("rules.toml", source, known);
    Condition::read(source, &Scope::of(&report, tools, decision))
}

fn answer(source: &str, line: &str) -> Result<bool, NoAnswer> {
    let read_condition =
        condition_of(source, &[], None).unwrap_or_else(|fault| panic!("{source}: {fault:?}"));
    read_condition.holds(&read(&words(line)), Path::new("/srv/app"), &occasion())
}

const DELETE: &str = "kubectl -n prod-eu delete pod web-1 --grace-period=0 --force";

#[test]
fn a_condition_speaks_of_all_that_was_read() {
    for condition in [
        "tool == 'kubectl' && known",
        "command == ['delete'] && command[0] == 'delete'",
        "effect == 'destroy' && 'destroy' in effects",
        "target.namespace.like('prod-*') && target['namespace'].startsWith('prod')",
        "has(target.namespace) && !has(target.context)",
        "'web-1' in operands && operands.exists(o, o.like('web-*')) && size(operands) == 2",
        "options['grace-period'] == ['0'] && 'force' in options && options.force == ['true']",
        "int(options['grace-period'][0]) < 30",
        "inputs.exists(i, i.role == 'kubeconfig' && i.kind == 'file') || size(inputs) == 0",
        "caller.kind == 'agent' && caller.name == 'alice' && caller.host != 'x' && !caller.ci",
        "caller.terminal",
        "time.utc.day == 'mon' && time.utc.clock >= '22:00' && time.utc.date == '2026-01-05'",
        "time.local.day == 'tue' && time.local.hour == 0 && time.local.minute == 30",
        "cwd.startsWith('/srv/') && cwd == '/srv/' + 'app'",
        "reasons.exists(r, r.contains('destroy'))",
        "effects.all(e, e in ['write', 'destroy'])",
        "operands.exists_one(o, o == 'pod')",
        "operands.filter(o, o.endsWith('-1')).map(o, size(o)) == [5]",
        "operands.exists(o, command.exists(c, c != o))",
        "size(environment) >= 0",
        "effect == 'read' ? false : true",
    ] {
        assert_eq!(answer(condition, DELETE), Ok(true), "{condition}");
    }
}

#[test]
fn a_condition_without_an_answer_says_so() {
    for (condition, why) in [
        ("target.context == 'prod'", NoAnswer::Absent),
        ("operands[7] == 'x'", NoAnswer::Absent),
        ("options.image == ['x']", NoAnswer::Absent),
        ("tool + 1 == 'x'", NoAnswer::Types),
        ("int(tool) > 1", NoAnswer::Types),
        ("size(operands) / 0 == 1", NoAnswer::Number),
        ("9223372036854775807 + size(operands) > 0", NoAnswer::Number),
    ] {
        assert_eq!(answer(condition, DELETE), Err(why), "{condition}");
    }
    // As the language has it: what decides alone decides.
    assert_eq!(
        answer("target.context == 'x' || tool == 'kubectl'", DELETE),
        Ok(true)
    );
    assert_eq!(
        answer("target.context == 'x' && tool == 'git'", DELETE),
        Ok(false)
    );
}

#[test]
fn a_word_that_is_no_text_is_not_taken_for_another() {
    let exists = condition_of("operands.exists(o, o.like('web*'))", &[], None).unwrap();
    let argv = [
        OsString::from("kubectl"),
        OsString::from("delete"),
        OsString::from_vec(b"web\xff".to_vec()),
    ];
    let answer = exists.holds(&read(&argv), Path::new("/"), &occasion());
    assert_eq!(answer, Err(NoAnswer::NotText));
}

fn fault(source: &str, decision: Decision) -> Fault {
    let tools = ["kubectl".to_owned()];
    match condition_of(source, &tools, Some(decision)) {
        Ok(_) => panic!("{source} is taken"),
        Err(fault) => fault,
    }
}

#[test]
fn every_mistake_says_where_it_is_and_how_to_mend_it() {
    let long = format!("tool == '{}'", "x".repeat(LONGEST_BYTES));
    let many = vec!["1"; MOST_PARTS].join("-");
    let deep = format!("{}known{}", "size(".repeat(40), ")".repeat(40));
    for (condition, at, said) in [
        ("tol == 'x'", 0, "did you mean `tool`?"),
        ("tool = 'x'", 5, "write == to compare"),
        (
            "time.utc['dya'] == 'mon'",
            10,
            "write one of clock, date, day",
        ),
        ("inputs.exists(i, i.pth == 'x')", 19, "did you mean `path`?"),
        ("inputs[0].pth == 'x'", 10, "did you mean `path`?"),
        ("tool", 0, "compare it with something"),
        ("known && operands", 6, "compare it with something"),
        ("time.utc.hour > '3'", 14, "numbers with numbers"),
        ("operands == 'x'", 9, "numbers with numbers"),
        ("operands.like('x')", 9, "ask it of a text"),
        ("known && nobody == 'x'", 9, "`nobody` is no variable"),
        ("target.namespcae == 'x'", 7, "did you mean `namespace`?"),
        ("target['namespcae'] == 'x'", 8, "did you mean `namespace`?"),
        ("caller.nane == 'x'", 7, "did you mean `name`?"),
        ("time.hour > 3", 5, "write one of local, utc"),
        ("time.utc.houre > 3", 9, "did you mean `hour`?"),
        ("tool.name == 'x'", 5, "`tool` has no fields"),
        ("tool.matches('x')", 5, "`matches` is no function"),
        ("operands.exist(o, o == 'x')", 9, "did you mean `exists`?"),
        ("operands.exists(o)", 9, "write as in operands.exists"),
        ("tool ==", 7, "is no condition"),
        ("'x'", 0, "no question"),
        ("[1, size(tool)] == [1]", 0, "more than constants"),
        ("{'a': 1}.a == 1", 0, "makes an object"),
        ("tool.like(cwd)", 5, "write the pattern itself"),
        (
            "operands.all(a, operands.all(b, operands.all(c, a == b)))",
            0,
            "2 loops",
        ),
        (
            "size(tool+tool+tool+tool+tool+tool) == 1",
            9,
            "adds more than 4 times",
        ),
        (&*long, 0, "longer than 1000 bytes"),
        (&*many, 0, "more than 200 parts"),
        (&*deep, 0, "recursion limit"),
    ] {
        let fault = fault(condition, Decision::Deny);
        let shown = format!("{}; {}", fault.problem, fault.mend);
        assert!(shown.contains(said), "{condition}: {shown}");
        assert_eq!(fault.at, at, "{condition}: {shown}");
    }
}

#[test]
fn what_whoever_asks_can_pretend_allows_nothing() {
    for condition in [
        "caller.kind == 'user'",
        "caller['kind'] == 'user'",
        "!caller.ci",
        "caller.terminal",
        "caller == caller",
        "size(caller) == 5",
        "'HOME' in environment",
    ] {
        let fault = fault(condition, Decision::Allow);
        assert!(
            fault.problem.contains("can't allow"),
            "{condition}: {fault:?}"
        );
        assert!(
            condition_of(condition, &[], Some(Decision::Deny)).is_ok(),
            "{condition}"
        );
    }
    let named = condition_of("caller.name == 'alice'", &[], Some(Decision::Allow));
    assert!(named.is_ok());
}

fn decided(decision: &str, condition: &str, line: &str) -> Evaluation {
    let text = format!(
        "[[rule]]\nid = \"team/when\"\ntool = \"kubectl\"\neffect = [\"write\", \"destroy\"]\n\
         when = '''\n{condition}'''\ndecision = \"{decision}\"\n"
    );
    let mut builder = PolicyBuilder::new();
    builder.layer(Layer::Machine, "rules.toml", &text).unwrap();
    let policy = builder.build();
    policy.evaluate(&read(&words(line)), Path::new("/srv/app"), &occasion())
}

#[test]
fn without_an_answer_an_allow_does_not_match_and_a_deny_does() {
    let no_context = "kubectl delete pod web-1";
    let unanswered = "target.context != 'prod'";
    assert_eq!(
        decided("allow", unanswered, no_context).decision,
        Decision::RequireApproval
    );
    assert_eq!(
        decided("deny", unanswered, no_context).decision,
        Decision::Deny
    );
    let asked = decided("require_approval", unanswered, no_context);
    assert_eq!(asked.deciding.id, "team/when");
    let in_dev = "kubectl --context=dev delete pod web-1";
    assert_eq!(
        decided("allow", unanswered, in_dev).decision,
        Decision::Allow
    );
    assert_eq!(decided("deny", unanswered, in_dev).decision, Decision::Deny);
    let in_prod = "kubectl --context=prod delete pod web-1";
    assert_eq!(
        decided("allow", unanswered, in_prod).decision,
        Decision::RequireApproval
    );
    assert_eq!(
        decided("deny", unanswered, in_prod).deciding.id,
        "baseline/kubectl-destroy"
    );
}

#[test]
fn a_mistake_stands_at_its_own_line_and_column() {
    let mistake = |text: &str| {
        let mut builder = PolicyBuilder::new();
        builder.layer(Layer::Machine, "r", text).unwrap_err()[0].to_string()
    };
    let head = "[[rule]]\nid = \"a\"\ndecision = \"deny\"\n";
    let shown = mistake(&format!("{head}when = 'known && tol == \"x\"'\n"));
    assert!(
        shown.starts_with("r:4:18: field `rule.when`: `tol` is no variable"),
        "{shown}"
    );
    let shown = mistake(&format!("{head}when = '''\nknown\n  && tol == \"x\"'''\n"));
    assert!(shown.starts_with("r:6:6: "), "{shown}");
    let shown = mistake(&format!("{head}when = \"tol == \\\"x\\\"\"\n"));
    assert!(
        shown.starts_with("r:4:8: "),
        "with escapes, where it begins: {shown}"
    );
    let shown = mistake(&format!("{head}when = true\n"));
    assert!(
        shown.contains("field `rule.when`: is of type boolean; write a text"),
        "{shown}"
    );
}

#[test]
fn a_command_of_many_words_is_answered_soon_or_not_at_all() {
    let twice = condition_of(
        "operands.all(a, operands.all(b, a == b || a.contains(b) || a.like('*x*y*z*')))",
        &[],
        None,
    )
    .unwrap();
    for count in [10, 200, 9_000] {
        let mut argv = words("git add");
        argv.extend((0..count).map(|at| OsString::from(format!("some/folder/file-{at}.txt"))));
        let invocation = read(&argv);
        let begun = Instant::now();
        let answer = twice.holds(&invocation, Path::new("/"), &occasion());
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{count}: {:?}",
            begun.elapsed()
        );
        if count == 9_000 {
            assert_eq!(answer, Err(NoAnswer::TooMuch));
        }
    }
}

/// Parts of which conditions are made, well formed and not.
fn text() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "tool",
        "known",
        "operands",
        "effects",
        "target",
        "caller.name",
        "time.utc.hour",
        "'x'",
        "'prod-*'",
        "1",
        "-1",
        "1u",
        "2.5",
        "true",
        "null",
        "b'x'",
        "options",
        "inputs",
        "reasons",
        "['a', 'b']",
        "target.namespace",
        "command[0]",
        "e",
        "o",
        "9223372036854775807",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let operator = prop::sample::select(vec![
            "==", "!=", "<", ">=", "&&", "||", "+", "-", "*", "/", "%", "in", "=",
        ]);
        prop_oneof![
            (inner.clone(), operator, inner.clone())
                .prop_map(|(one, operator, other)| format!("({one} {operator} {other})")),
            inner.clone().prop_map(|one| format!("!({one})")),
            inner.clone().prop_map(|one| format!("-({one})")),
            inner.clone().prop_map(|one| format!("size({one})")),
            inner.clone().prop_map(|one| format!("int({one})")),
            inner.clone().prop_map(|one| format!("string({one})")),
            (inner.clone(), inner.clone())
                .prop_map(|(one, other)| format!("{one}.contains({other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one}[{other}]")),
            (inner.clone(), inner.clone())
                .prop_map(|(one, other)| format!("{one}.exists(e, {other})")),
            (inner.clone(), inner.clone())
                .prop_map(|(one, other)| format!("{one}.map(o, {other})")),
            (inner.clone(), inner.clone())
                .prop_map(|(one, other)| format!("{one}.exists_one(o, {other})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(one, yes, no)| format!("({one} ? {yes} : {no})")),
            inner.prop_map(|one| format!("has({one}.x)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn no_condition_panics_or_hangs(condition in text()) {
        if let Ok(condition) = condition_of(&condition, &[], None) {
            let begun = Instant::now();
            let _answer = condition.holds(&read(&words(DELETE)), Path::new("/srv/app"), &occasion());
            prop_assert!(begun.elapsed() < Duration::from_secs(5));
        }
    }

    #[test]
    fn no_text_panics(condition in "[a-z '\"\\\\(){}\\[\\].,?:!&|=<>+*/%0-9\\n\u{e9}-]{0,80}") {
        drop(condition_of(&condition, &[], None));
    }

    /// The parser that is bounded against the one that is generated from the language's grammar.
    /// That one takes stack for each bracket, so it gets a large one.
    #[test]
    fn the_bounded_parser_reads_as_the_grammar_does(condition in text()) {
        let source = condition.clone();
        let by_grammar = std::thread::Builder::new()
            .stack_size(256 << 20)
            .spawn(move || cel::parser::Parser::new().parse(&source).ok())
            .unwrap()
            .join()
            .unwrap();
        let bounded = PrattParser::new().parse(&condition).ok();
        let without_ids = |tree: Option<Expression>| {
            let text = format!("{:?}", tree.map(|tree| tree.expr));
            text.split("id: ")
                .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned())
                .collect::<String>()
        };
        prop_assert_eq!(without_ids(bounded), without_ids(by_grammar), "{}", condition);
    }
}
