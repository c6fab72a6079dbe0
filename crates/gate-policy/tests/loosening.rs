//! Adding a rule never loosens without saying so: over random rules and commands.

#![expect(
    clippy::disallowed_methods,
    reason = "the corpus is files of this crate"
)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test whose stage can't be set has failed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::sync::LazyLock;

use gate_policy::{
    Caller, CallerKind, CommandLine, Decision, Environment, Invocation, Layer, MapFiles, Occasion,
    Policy, PolicyBuilder, Stdin, profile, read_invocation,
};
use proptest::prelude::*;

/// Commands of the corpus: of each tool the first with each effect, as they stand there. Of a
/// tool without one, a command with one word.
static COMMANDS: LazyLock<Vec<(String, Invocation)>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    paths.sort();
    let mut found = BTreeMap::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let corpus: toml::Table = toml::from_str(&text).unwrap();
        for case in corpus["case"].as_array().unwrap() {
            let (line, invocation) = read(case);
            let key = (invocation.tool.to_string(), invocation.effect);
            found.entry(key).or_insert((line, invocation));
        }
    }
    for tool in profile::builtin() {
        let argv = vec![tool.name.to_string(), "x".to_owned()];
        let case = toml::Table::from_iter([("argv".to_owned(), argv.into())]);
        let (line, invocation) = read(&case.into());
        let key = (invocation.tool.to_string(), invocation.effect);
        found.entry(key).or_insert((line, invocation));
    }
    found.into_values().collect()
});

/// Reads the words of a case with its variables and files.
fn read(case: &toml::Value) -> (String, Invocation) {
    let words = case["argv"].as_array().unwrap().iter();
    let words: Vec<&str> = words.filter_map(toml::Value::as_str).collect();
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    let pairs = |key: &str| {
        let table = case.get(key).and_then(toml::Value::as_table);
        let pairs = table.into_iter().flatten();
        pairs.filter_map(|(name, text)| Some((name.as_str(), text.as_str()?)))
    };
    let cwd = Path::new("/srv/app");
    let files = pairs("files").map(|(name, text)| (name, text.as_bytes().to_vec()));
    let stdin = case.get("stdin").and_then(toml::Value::as_str);
    let invocation = read_invocation(&CommandLine {
        argv: &argv,
        env: &pairs("env").collect::<Environment>(),
        cwd,
        stdin: stdin.map_or(Stdin::Absent, |text| Stdin::Content(text.as_bytes())),
        files: &MapFiles::new(cwd, files),
    });
    (words.join(" "), invocation)
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
        now: "2026-01-05T10:00:00Z".parse().unwrap(),
        local_offset: |_| jiff::tz::Offset::UTC,
    }
}

/// The matchers of a rule, and its decision, without its id.
fn rule() -> impl Strategy<Value = String> {
    let matcher = prop::sample::subsequence(
        vec![
            "tool = [\"kubectl\", \"git\"]",
            "command = \"delete\"",
            "effect = [\"write\", \"destroy\"]",
            "target = { namespace = \"prod\" }",
            "flags = { force = true }",
            "operands = \"web-*\"",
            "cwd = \"/srv/**\"",
            "time = { days = \"mon\", zone = \"UTC\" }",
            "when = 'size(operands) > 1 && target.namespace != \"x\"'",
        ],
        1..=3,
    );
    let single = prop::sample::select(vec![
        "tool = \"*\"",
        "tool = \"kubectl\"",
        "tool = \"deploy\"",
        "effect = [\"read\", \"local\"]",
        "effect = [\"read\", \"secret\", \"unknown\"]",
        "effect = \"destroy\"",
        "when = 'effects.exists(e, e == \"destroy\")'",
        "when = 'target.context == \"prod\"'",
        "everything = true",
    ]);
    let tools: Vec<&str> = profile::builtin()
        .iter()
        .map(|tool| tool.name.as_ref())
        .collect();
    let effects = [
        "read", "local", "write", "destroy", "access", "secret", "execute", "unknown",
    ];
    let effects = prop::sample::subsequence(effects.to_vec(), 1..=3);
    let of_a_tool = (prop::sample::select(tools), effects)
        .prop_map(|(tool, effects)| format!("tool = \"{tool}\"\neffect = {effects:?}"));
    let matchers = prop_oneof![
        matcher.prop_map(|all| all.join("\n")),
        single.prop_map(str::to_owned),
        of_a_tool,
    ];
    let decision = prop::sample::select(vec!["allow", "require_approval", "deny"]);
    (matchers, decision).prop_map(|(matchers, decision)| {
        // Such flags are of these tools only; without a tool any name is taken.
        format!("{matchers}\ndecision = \"{decision}\"\n")
    })
}

fn layer() -> impl Strategy<Value = Layer> {
    prop::sample::select(vec![
        Layer::Server,
        Layer::Machine,
        Layer::User,
        Layer::Project,
    ])
}

type Rules = Vec<(Layer, String)>;

fn builder(rules: &Rules) -> PolicyBuilder {
    let mut builder = PolicyBuilder::new();
    for (at, (layer, rule)) in rules.iter().enumerate() {
        let text = format!("[[rule]]\nid = \"r{at}\"\n{rule}");
        let read = builder.layer(*layer, &format!("f{at}"), &text);
        read.unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    }
    builder
}

fn decide(policy: &Policy, invocation: &Invocation) -> Decision {
    let evaluation = policy.evaluate(invocation, Path::new("/srv/app"), &occasion());
    evaluation.decision
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn adding_a_rule_never_loosens_without_saying_so(
        before in prop::collection::vec((layer(), rule()), 0..6),
        added in (layer(), rule()),
        at in any::<prop::sample::Index>(),
    ) {
        let mut after = before.clone();
        let at = at.index(before.len() + 1);
        after.insert(at, added.clone());
        let (old, new) = (builder(&before).build(), builder(&after));
        let (notes, warnings) = (new.notes(), new.warnings().to_vec());
        let new = new.build();
        let (layer, rule) = added;
        let tightens = !rule.contains("decision = \"allow\"");
        let named = format!("f{at}:1: rule `r{at}` allows what the baseline asks about");
        for (line, invocation) in COMMANDS.iter() {
            let (was, is) = (decide(&old, invocation), decide(&new, invocation));
            if layer.only_tightens() || tightens {
                prop_assert!(is >= was, "{line}: {was} became {is} by {layer} {rule}");
            }
            if is < was {
                prop_assert!(
                    notes.iter().any(|note| note.starts_with(&named)),
                    "{line}: {was} became {is} by {layer} {rule}, and only this is said: {notes:?}"
                );
            }
        }
        if layer.only_tightens() && !tightens {
            prop_assert!(warnings.iter().any(|warning| warning.contains("can only tighten")));
        }
    }

    #[test]
    fn what_is_said_to_allow_nothing_allows_nothing(
        rules in prop::collection::vec((layer(), rule()), 1..8),
    ) {
        let all = builder(&rules);
        let notes = all.notes();
        let policy = all.build();
        for (line, invocation) in COMMANDS.iter() {
            let evaluation = policy.evaluate(invocation, Path::new("/srv/app"), &occasion());
            let by = format!("rule `{}` allows nothing", evaluation.deciding.id);
            let is_said = notes.iter().any(|note| note.contains(&by));
            prop_assert!(
                !(is_said && evaluation.decision == Decision::Allow),
                "{line}: {notes:?}"
            );
        }
    }
}

#[test]
fn commands_of_every_tool_with_a_profile_are_asked_about() {
    let tools: BTreeSet<&str> = COMMANDS.iter().map(|(_, read)| &*read.tool).collect();
    let missing: Vec<&str> = profile::builtin()
        .iter()
        .map(|tool| tool.name.as_ref())
        .filter(|name| *name != "every" && !tools.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?} has no command here");
    assert!(COMMANDS.len() > 200, "{} commands", COMMANDS.len());
}

#[test]
fn an_allow_behind_a_wider_deny_is_said_to_allow_nothing() {
    let notes = |deny: &str, allow: &str| {
        let rules = vec![
            (Layer::Machine, format!("{deny}\ndecision = \"deny\"")),
            (Layer::Server, format!("{allow}\ndecision = \"allow\"")),
        ];
        builder(&rules).notes()
    };
    let shadowed = notes(
        "tool = \"kubectl\"",
        "tool = \"kubectl\"\ncommand = \"delete\"",
    );
    assert_eq!(
        shadowed,
        ["f1:1: rule `r1` allows nothing: rule `r0` in line 1 is about all that it is about"]
    );
    let free = notes(
        "tool = \"kubectl\"\neffect = \"destroy\"",
        "tool = \"kubectl\"\neffect = [\"write\", \"destroy\"]",
    );
    assert_eq!(
        free,
        ["f1:1: rule `r1` allows what the baseline asks about: write, destroy"]
    );
    assert_eq!(
        notes("tool = \"git\"", "tool = \"kubectl\"\neffect = \"read\""),
        [""; 0]
    );
}
