//! Mistakes in rule files.

use crate::stage::{Machine, Server, assert_told, run};

/// One mistake in a rule that is good but for it: the line that stands third in
/// `[[rule]]`, after a good `id`; the field; a word of the mend.
const FIELDS: [(&str, &str, &str); 37] = [
    ("desicion = 'deny'", "desicion", "`decision`"),
    ("decision = 'perhaps'", "decision", "allow"),
    ("decision = 7", "decision", "quotes"),
    ("decision = ['deny']", "decision", "quotes"),
    ("tool = 7", "tool", "text"),
    ("tool = ''", "tool", "without a folder"),
    ("tool = '/usr/bin/git'", "tool", "without a folder"),
    ("tool = 'kubctl'", "tool", "kubectl"),
    ("tool = []", "tool", "leave the field out"),
    ("tool = ['git', 7]", "tool", "quotes"),
    ("command = ''", "command", "words"),
    ("command = 7", "command", "text"),
    ("command = 'pussh'", "command", "`push`"),
    ("effect = 'delete'", "effect", "destroy"),
    ("effect = [7]", "effect", "quotes"),
    ("flags = 7", "flags", "table"),
    ("flags = { force = 7 }", "flags", "pattern"),
    ("operands = 7", "operands", "text"),
    ("target = 'prod'", "target", "table"),
    ("target = { remoet = 'prod' }", "target", "remote"),
    ("target = { zebra = 'prod' }", "target", "write one of"),
    ("caller = 'agent'", "caller", "table"),
    ("caller = { kind = 'robot' }", "kind", "agent"),
    ("cwd = 7", "cwd", "text"),
    ("cwd = 'srv'", "cwd", "begin it with `/`"),
    ("caller = {}", "caller", "leave the field out"),
    ("flags = {}", "flags", "leave the field out"),
    ("reason = 'required'", "reason", "require_approval"),
    ("record = 'outcome'", "record", "allow"),
    ("time = 'noon'", "time", "table"),
    ("time = { from = '25:00', to = '26:00' }", "from", "09:30"),
    ("time = { from = '+9:30' }", "from", "09:30"),
    (
        "time = { from = '09:00', to = '17:00', zone = 'Mars/Base' }",
        "zone",
        "write \"local\", \"UTC\" or an offset",
    ),
    ("everything = 'yes'", "everything", "true or false"),
    ("message = 7", "message", "quotes"),
    ("reason = 'maybe'", "reason", "required"),
    ("record = 'all'", "record", "outcome"),
];

/// One mistake in what is asked of people.
const APPROVAL: [(&str, &str, &str); 8] = [
    ("approvers = ['alice']", "approvers", "group:NAME"),
    ("approvers = 'group:'", "approvers", "group:NAME"),
    ("count = 0", "count", "out of range"),
    ("count = 'two'", "count", "number"),
    ("request_ttl = 'soon'", "request_ttl", "30m"),
    ("request_ttl = '1h30m'", "request_ttl", "30m"),
    ("permit_ttl = 15", "permit_ttl", "quotes"),
    ("nonsense = 1", "nonsense", "write one of approvers"),
];

/// Whole files: the text, the line (of the rule, where it is the rule that is
/// wrong), a word.
const FILES: [(&str, usize, &str); 12] = [
    (
        "[[rule]]\nid = 'a'\neverything = false\ndecision = 'deny'\n",
        3,
        "say what the rule is about",
    ),
    ("[[rule]\n", 1, "TOML"),
    ("[[rule]]\nid = \"a\"\nid = \"b\"\n", 3, "TOML"),
    ("[[rule]]\nid = 'unterminated\n", 2, "TOML"),
    ("rule = 7\n", 1, "[[rule]]"),
    ("rule = [7]\n", 1, "[[rule]]"),
    ("[[rules]]\nid = 'a'\n", 1, "rule"),
    (
        "[[rule]]\ntool = 'git'\ndecision = 'deny'\n",
        1,
        "give the rule an id",
    ),
    (
        "[[rule]]\nid = 'a'\ntool = 'git'\n",
        1,
        "allow, require_approval or deny",
    ),
    ("[[rule]]\nid = 'a'\ndecision = 'deny'\n", 1, "matcher"),
    (
        "[[rule]]\nid = 'a'\ntool = 'git'\ndecision = 'allow'\ncaller = { kind = 'user' }\n",
        5,
        "ask or deny by a rule for the others",
    ),
    (
        "[[rule]]\nid = 'a'\ntool = 'git'\ndecision = 'deny'\n\n\
         [[rule]]\nid = 'a'\ntool = 'git'\ndecision = 'deny'\n",
        7,
        "its own id",
    ),
];

/// Ids that no rule can have.
const IDS: [&str; 6] = [
    "",
    "two words",
    "baseline/mine",
    "gate/mine",
    "a\\u001b[2J",
    "ä",
];

struct Rules {
    machine: Machine,
}

impl Rules {
    /// The file has a mistake at `line`, and all of `words` are said of it.
    fn assert_mistake(&self, text: &str, line: usize, words: &[&str]) {
        let path = self.machine.home.config().join("gate/rules.d/mine.toml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let place = format!("{}:{line}:", path.display());
        let ran = run(&mut self.machine.deploy("5s", "now"));
        assert_eq!(ran.code, Some(78), "{text}: {ran:?}");
        assert_told(text, &ran, "until that is mended");
        assert!(!ran.stderr.contains('\u{1b}'), "{text}: {ran:?}");
        let checked = run(&mut self.machine.gate(&["rules", "check"]));
        assert_eq!(checked.code, Some(78), "{text}: {checked:?}");
        let mistake = checked.stdout.lines().find(|said| said.starts_with(&place));
        let mistake = mistake.unwrap_or_default();
        for word in words {
            assert!(
                mistake.contains(word),
                "{text}: no `{word}` at {place} {checked:?}"
            );
        }
    }
}

#[test]
fn every_mistake_in_a_rule_names_file_line_field_and_mend() {
    let server = Server::start("");
    let rules = Rules {
        machine: Machine::of(&server, server.address),
    };
    for (line, field, mend) in FIELDS {
        assert!(!mend.is_empty(), "{line}: every mistake has a mend");
        let has = |name: &str| line.starts_with(name);
        let mut text = format!("[[rule]]\nid = 'mine/rule'\n{line}\n");
        if !has("decision") {
            text.push_str("decision = 'deny'\n");
        }
        if !has("tool") && !has("everything") {
            text.push_str("tool = 'git'\n");
        }
        rules.assert_mistake(&text, 3, &[field, mend]);
    }
    for (line, field, mend) in APPROVAL {
        assert!(!mend.is_empty(), "{line}: every mistake has a mend");
        let text = format!(
            "[[rule]]\nid = 'mine/rule'\ntool = 'git'\ndecision = 'require_approval'\n\
             [rule.approval]\n{line}\n"
        );
        rules.assert_mistake(&text, 6, &[field, mend]);
    }
    for (text, line, word) in FILES {
        rules.assert_mistake(text, line, &[word]);
    }
    for id in IDS {
        let text = format!("[[rule]]\nid = \"{id}\"\ntool = 'git'\ndecision = 'deny'\n");
        rules.assert_mistake(&text, 2, &["id"]);
    }
    assert_eq!(rules.machine.canary(), [""; 0]);
}
