//! The same questions and the same rules for everybody.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// A tool, the field of its target that rules are about, and commands with
/// what stands before and behind the name of that target.
pub struct Tool {
    pub name: &'static str,
    pub field: &'static str,
    /// Commands that rules are about.
    acting: &'static [&'static str],
    /// Commands that no rule is about.
    reading: &'static [&'static str],
}

/// `TARGET` stands for the target, `_` for a space inside of a word.
pub const TOOLS: [Tool; 4] = [
    Tool {
        name: "kubectl",
        field: "namespace",
        acting: &[
            "delete pod web -n TARGET",
            "--namespace=TARGET scale deployment/web --replicas=3",
            "rollout restart deployment/web -n TARGET",
            "label -n TARGET pods web-1 tier=x",
            "annotate -n TARGET pods web-1 note=x",
        ],
        reading: &[
            "get pods -n TARGET -o wide",
            "logs -f web-1 --since=5m -n TARGET",
        ],
    },
    Tool {
        name: "terraform",
        field: "folder",
        acting: &[
            "-chdir=TARGET destroy -auto-approve",
            "-chdir=TARGET apply -auto-approve -target=module.net",
            "-chdir=TARGET state rm module.net",
            "-chdir=TARGET taint module.net",
        ],
        reading: &[
            "-chdir=TARGET state list module.net",
            "-chdir=TARGET show -json",
        ],
    },
    Tool {
        name: "aws",
        field: "profile",
        acting: &[
            "ec2 terminate-instances --instance-ids i-1 --profile TARGET",
            "--profile TARGET s3 rm s3://bucket/key --recursive",
            "rds delete-db-instance --db-instance-identifier d --profile=TARGET",
            "sqs purge-queue --queue-url q --profile TARGET",
        ],
        reading: &[
            "ec2 describe-instances --instance-ids i-1 --profile TARGET",
            "--profile TARGET s3 ls s3://bucket",
        ],
    },
    Tool {
        name: "psql",
        field: "host",
        acting: &["-h TARGET -c DELETE_FROM_items_WHERE_id_=_7"],
        reading: &["-h TARGET -d shop -c SELECT_id,_name_FROM_items_WHERE_id_=_7"],
    },
];

/// One rule: such a command of a tool on such a target is denied.
pub struct Rule {
    pub tool: &'static Tool,
    acting: &'static str,
    pub target: String,
    /// The subcommand as gate reads it; empty where there is none.
    pub command: String,
}

/// How rules are spread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Over all tools and their commands.
    Even,
    /// All of them are for one command of one tool.
    OneCommand,
}

/// Returns the rule of this number.
pub fn rule(number: usize, spread: Spread) -> Rule {
    let (tool, acting) = match spread {
        Spread::Even => {
            let tool = &TOOLS[number % TOOLS.len()];
            (tool, tool.acting[number / TOOLS.len() % tool.acting.len()])
        }
        Spread::OneCommand => (&TOOLS[0], TOOLS[0].acting[0]),
    };
    Rule {
        tool,
        acting,
        target: short(number),
        command: String::new(),
    }
}

/// Returns a name of few letters: a file of rules has at most 8 MiB.
fn short(mut number: usize) -> String {
    let mut name = String::new();
    loop {
        name.push(char::from_digit(u32::try_from(number % 36).unwrap(), 36).unwrap());
        number /= 36;
        if number == 0 {
            return name;
        }
    }
}

/// Returns the rules of gate. What a tool's command is called there, gate said
/// itself.
pub fn gate_rules(rules: &[Rule]) -> String {
    let mut text = String::from("rule = [\n");
    for (number, rule) in rules.iter().enumerate() {
        let command = match rule.command.as_str() {
            "" => String::new(),
            command => format!("command=\"{command}\","),
        };
        let (id, tool, field) = (short(number), rule.tool.name, rule.tool.field);
        let target = &rule.target;
        // No line ends: with them 100,000 rules are larger than a file of rules may be.
        write!(
            text,
            "{{id=\"{id}\",tool=\"{tool}\",{command}target.{field}=\"{target}\",decision=\"deny\"}},"
        )
        .unwrap();
    }
    text.push_str("]\n");
    text
}

/// Returns a question about a rule's own command and target.
pub fn acting(rule: &Rule) -> Value {
    question(rule.tool, rule.acting, &rule.target)
}

/// Returns `count` questions about a tool: every other one only reads, and of
/// the rest every other one is about a target that no rule names.
pub fn about(tool: &'static Tool, rules: usize, count: usize) -> Vec<Value> {
    let at = TOOLS.iter().position(|one| one.name == tool.name).unwrap();
    let one = |number: usize| {
        // Spread over all the rules of the tool, in no order that a cache would like.
        let turn = number.wrapping_mul(7_919) % rules.div_ceil(TOOLS.len()).max(1);
        let of_rule = turn * TOOLS.len() + at;
        let target = match number % 4 {
            1 => short(of_rule),
            _ => format!("other-{}", short(of_rule)),
        };
        let commands = if number % 2 == 0 {
            tool.reading
        } else {
            tool.acting
        };
        question(tool, commands[turn % commands.len()], &target)
    };
    (0..count).map(one).collect()
}

fn question(tool: &Tool, command: &str, target: &str) -> Value {
    let words = command.split(' ');
    let words = words.map(|word| word.replace("TARGET", target).replace('_', " "));
    let argv: Vec<String> = std::iter::once(tool.name.to_owned()).chain(words).collect();
    json!({ "argv": argv })
}
