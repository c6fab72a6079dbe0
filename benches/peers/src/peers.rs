//! The peers, each with the rules as its own users would write them and with
//! requests that are parsed already: tool, command, target and effect are what
//! gate found in the words.

use std::fmt::Write as _;
use std::time::Duration;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression,
};
use nix::sys::resource::UsageWho;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use serde_json::{Value, json};

use crate::questions::Rule;
use crate::spent;

/// A request as gate read it.
pub struct Parsed {
    pub tool: String,
    pub command: String,
    pub target: String,
    pub effect: String,
}

/// One peer that is ready to answer.
pub struct Peer {
    pub name: &'static str,
    pub load: Duration,
    decide: Box<dyn FnMut(usize) -> &'static str>,
}

impl Peer {
    pub fn decide(&mut self, question: usize) -> &'static str {
        (self.decide)(question)
    }

    /// Returns the time of one decision: of all questions, or of as many as a
    /// second holds.
    pub fn time(&mut self, questions: usize) -> Duration {
        let begun = spent(UsageWho::RUSAGE_SELF);
        let mut decided: u32 = 0;
        loop {
            // The clock is looked at once for some of the quick ones.
            for _ in 0..16 {
                std::hint::black_box((self.decide)(decided as usize % questions));
                decided += 1;
            }
            let used = spent(UsageWho::RUSAGE_SELF) - begun;
            if decided as usize >= questions || used > Duration::from_secs(1) {
                return used / decided;
            }
        }
    }
}

fn uid(kind: &str, name: &str) -> EntityUid {
    let id = cedar_policy::EntityId::new(name);
    EntityUid::from_type_name_and_id(kind.parse().unwrap(), id)
}

fn action(tool: &str, command: &str) -> String {
    format!("{tool} {command}").trim_end().to_owned()
}

/// A `forbid` for each rule, whose scope says all: `action ==` and `resource ==`.
/// What only reads is permitted by its context.
pub fn cedar(rules: &[Rule], parsed: &[Parsed]) -> Peer {
    let begun = spent(UsageWho::RUSAGE_SELF);
    let mut text = String::new();
    for rule in rules {
        let action = action(rule.tool.name, &rule.command);
        let target = &rule.target;
        writeln!(
            text,
            "forbid(principal, action == Action::\"{action}\", resource == Target::\"{target}\");"
        )
        .unwrap();
    }
    text.push_str("permit(principal, action, resource) when { context.reads };\n");
    let policies: PolicySet = text.parse().unwrap();
    let load = spent(UsageWho::RUSAGE_SELF) - begun;
    let requests: Vec<Request> = parsed
        .iter()
        .map(|one| {
            let action = uid("Action", &action(&one.tool, &one.command));
            let target = uid("Target", &one.target);
            let reads = matches!(one.effect.as_str(), "read" | "local");
            let reads = RestrictedExpression::new_bool(reads);
            let context = Context::from_pairs([("reads".to_owned(), reads)]).unwrap();
            Request::new(uid("User", "agent"), action, target, context, None).unwrap()
        })
        .collect();
    let entities = Entities::empty();
    let authorizer = Authorizer::new();
    let decide = move |question: usize| {
        let answer = authorizer.is_authorized(&requests[question], &policies, &entities);
        match answer.decision() {
            Decision::Allow => "allow",
            Decision::Deny if answer.diagnostics().reason().next().is_some() => "deny",
            Decision::Deny => "require_approval",
        }
    };
    Peer {
        name: "cedar-policy",
        load,
        decide: Box::new(decide),
    }
}

const REST: &str = "else := \"allow\" if input.effect in {\"read\", \"local\"}\n\
                    else := \"require_approval\"\n";

/// The rules as an object in an object in an object: three look-ups.
const BY_OBJECT: &str =
    "decision := said if said := data.rules[input.tool][input.command][input.target]\n";

/// The rules as a list, of which each is looked at.
const BY_LIST: &str = "denied if {\n  some rule in data.rules\n  rule.tool == input.tool\n  \
                       rule.command == input.command\n  rule.target == input.target\n}\n\
                       decision := \"deny\" if denied\n";

/// How rego is evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The interpreter of the tree.
    Interpreter,
    /// The virtual machine, kept between decisions.
    Machine,
}

/// Rego with the rules as data: as objects, or as a list.
pub fn rego(rules: &[Rule], parsed: &[Parsed], is_object: bool, by: By) -> Peer {
    let begun = spent(UsageWho::RUSAGE_SELF);
    let data = if is_object {
        let mut data = json!({});
        for rule in rules {
            data[rule.tool.name][&rule.command][&rule.target] = json!("deny");
        }
        data
    } else {
        let each = rules.iter().map(|rule| {
            json!({ "tool": rule.tool.name, "command": rule.command, "target": rule.target })
        });
        each.collect()
    };
    let data = regorus::Value::from(json!({ "rules": data }));
    let head = if is_object { BY_OBJECT } else { BY_LIST };
    let policy = format!("package gate\nimport rego.v1\n{head}{REST}");
    let mut engine = regorus::Engine::new();
    engine.add_policy("gate.rego".to_owned(), policy).unwrap();
    engine.add_data(data.clone()).unwrap();
    let name = "data.gate.decision";
    let inputs: Vec<regorus::Value> = parsed.iter().map(input).collect();
    let decide: Box<dyn FnMut(usize) -> &'static str> = if by == By::Interpreter {
        engine.set_input(inputs[0].clone());
        engine.eval_rule(name.to_owned()).unwrap();
        Box::new(move |question| {
            engine.set_input(inputs[question].clone());
            word(&engine.eval_rule(name.to_owned()).unwrap())
        })
    } else {
        let compiled = engine.compile_with_entrypoint(&name.into()).unwrap();
        let program = Compiler::compile_from_policy(&compiled, &[name]).unwrap();
        let mut machine = RegoVM::new();
        machine.load_program(program);
        machine.set_data(data).unwrap();
        Box::new(move |question| {
            machine.set_input(inputs[question].clone());
            // It gives up after so many instructions.
            machine.execute().map_or("no decision", |said| word(&said))
        })
    };
    Peer {
        name: match (is_object, by) {
            (true, By::Interpreter) => "regorus, objects",
            (true, By::Machine) => "regorus, objects, machine",
            (false, By::Interpreter) => "regorus, list",
            (false, By::Machine) => "regorus, list, machine",
        },
        load: spent(UsageWho::RUSAGE_SELF) - begun,
        decide,
    }
}

fn input(parsed: &Parsed) -> regorus::Value {
    let input: Value = json!({
        "tool": parsed.tool,
        "command": parsed.command,
        "target": parsed.target,
        "effect": parsed.effect,
    });
    regorus::Value::from(input)
}

fn word(value: &regorus::Value) -> &'static str {
    match value.as_string().map(AsRef::as_ref) {
        Ok("allow") => "allow",
        Ok("deny") => "deny",
        Ok("require_approval") => "require_approval",
        Ok(_) | Err(_) => "no decision",
    }
}
