//! Writes one profile as Rust tables, sorted and checked.

use std::collections::BTreeMap;
use std::path::Path;

use crate::listed;
use crate::source::{Command, Flag, Found, Neutral, Operand, Profile, Runs, Shows, Stdin};

/// From the mildest to the strictest.
const EFFECTS: [&str; 8] = [
    "read", "local", "write", "destroy", "access", "secret", "execute", "unknown",
];

/// A node of the subcommand tree before it has a place in the table.
struct Node<'p> {
    name: String,
    canonical: String,
    command: Option<&'p Command>,
    children: BTreeMap<String, Node<'p>>,
}

pub(crate) fn profile(name: &str, profile: &Profile, folder: &Path) -> Result<String, String> {
    let groups = groups(profile);
    let names: Vec<&str> = groups.iter().map(|(name, _)| name.as_str()).collect();
    let group_tables: Vec<String> = groups
        .iter()
        .map(|(name, flags)| {
            let flags = flags.iter().map(flag).collect::<Result<Vec<_>, _>>()?;
            Ok(format!(
                "FlagGroup {{ name: {}, flags: {} }}",
                text(name),
                table(&flags)
            ))
        })
        .collect::<Result<_, String>>()?;
    let mut commands = flatten(&tree(profile)?, &names)?;
    let listed = match &profile.listed {
        Some(listed) => {
            let groups = indexes(&listed.flags, &names)?;
            commands.extend(listed::rows(&table(&groups)));
            listed::text_of(listed, folder)?
        }
        None => "None".to_owned(),
    };
    let variables = crate::variables::rows(profile)?;
    Ok(format!(
        "static {name}: ToolSpec = ToolSpec {{ name: {}, aliases: {}, style: Style::{}, \
         groups: {}, commands: {}, listed: {listed}, environment: {}, moved_by: {}, literal: {}, implicit: {}, \
         operations: {}, can_be_python: {}, reader: Reader::{} }};\n",
        text(&profile.name),
        texts(&profile.aliases),
        one_of(
            &profile.style,
            &[
                "Pflag", "Clap", "Nopt", "Goflag", "Argparse", "Python", "Getopt", "Git", "Redis",
                "Sqlite"
            ]
        )?,
        table(&group_tables),
        table(&commands),
        table(&variables),
        texts(&profile.moved_by),
        texts(&literal(profile)),
        table(&crate::implicit::rows(profile)?),
        crate::operations::constant(profile),
        profile.python,
        one_of(
            &profile.reader,
            &[
                "Tables", "Psql", "Shell", "Find", "Sftp", "Redis", "Mysql", "Sqlite", "Mongo",
                "Ansible",
            ]
        )?,
    ))
}

/// Sorted, so that a parameter is found by halving.
fn literal(profile: &Profile) -> Vec<String> {
    let paths = profile.literal.iter();
    let mut literal: Vec<String> = paths.flat_map(|path| expand(path)).collect();
    literal.sort();
    literal
}

type Flags<'p> = Vec<(&'p String, &'p Flag)>;

/// The group of the global flags stands first.
fn groups(profile: &Profile) -> Vec<(String, Flags<'_>)> {
    let mut groups: Vec<_> = profile
        .flags
        .iter()
        .map(|(name, flags)| (name.clone(), flags.0.iter().collect::<Flags<'_>>()))
        .collect();
    groups.sort_by_key(|(name, _)| (name != "global", name.clone()));
    if groups.first().is_none_or(|(name, _)| name != "global") {
        groups.insert(0, ("global".to_owned(), Vec::new()));
    }
    groups
}

fn flag((name, flag): &(&String, &Flag)) -> Result<String, String> {
    let fail = |problem: String| format!("flag `{name}`: {problem}");
    let values = flag
        .values
        .iter()
        .map(|(glob, word)| {
            let word = (word != "none").then_some(word.as_str());
            Ok(format!(
                "ValueEffect {{ glob: {}, effect: {} }}",
                text(glob),
                optional_effect(word)?
            ))
        })
        .collect::<Result<Vec<_>, String>>()
        .map_err(fail)?;
    let neutral = match &flag.neutral {
        None => "Neutral::Never".to_owned(),
        Some(Neutral::Present) => "Neutral::Present".to_owned(),
        Some(Neutral::Values(values)) => format!("Neutral::Values({})", texts(values)),
    };
    let short = match flag.short.as_bytes() {
        [] => 0,
        [letter] => *letter,
        _ => return Err(fail("a short name is one letter".to_owned())),
    };
    Ok(format!(
        "FlagSpec {{ name: {}, short: {short}, arity: Arity::{}, negates: {}, neutral: {neutral}, \
         effect: {}, values: {}, is_beyond_read: {}, unless: {}, target: {}, input: {}, not_input: {}, is_behind_at: {}, in_place: {}, \
         copied: {}, follows: {}, secret: {}, runs: FlagRuns::{}, changes: Changes::{}, why: {} }}",
        text(name),
        one_of(&flag.value, &["Switch", "Required", "Optional", "Many"]).map_err(fail)?,
        text(&flag.negates),
        optional_effect(flag.effect.as_deref()).map_err(fail)?,
        table(&values),
        flag.beyond_read,
        texts(&flag.unless),
        text(&flag.target),
        text(&flag.input),
        texts(&flag.not_input),
        flag.behind_at,
        texts(&flag.in_place),
        texts(&flag.copied),
        follows(&flag.follows).map_err(fail)?,
        text(&flag.secret),
        one_of(or_nothing(&flag.runs), &["Nothing", "Shell", "Split"]).map_err(fail)?,
        one_of(or_nothing(&flag.changes), &["Nothing", "Clears", "Unsets"]).map_err(fail)?,
        text(&flag.why),
    ))
}

fn tree(profile: &Profile) -> Result<Node<'_>, String> {
    let mut root = Node::new("");
    for command in &profile.command {
        if !command.class.is_empty() {
            let words = crate::operations::class_path(&command.class);
            let shown = vec!["*"; words.len()];
            root.insert(&words, &shown, command)?;
        }
        for path in command.paths.iter().flat_map(|path| expand(path)) {
            let words: Vec<&str> = path.split_whitespace().collect();
            root.insert(&words, &words, command)?;
            for alias in &command.aliases {
                let mut other = words.clone();
                if let Some(last) = other.last_mut() {
                    *last = alias;
                }
                root.insert(&other, &words, command)?;
            }
        }
    }
    Ok(root)
}

impl<'p> Node<'p> {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            canonical: name.to_owned(),
            command: None,
            children: BTreeMap::new(),
        }
    }

    fn insert(
        &mut self,
        path: &[&str],
        canonical: &[&str],
        command: &'p Command,
    ) -> Result<(), String> {
        let (Some((first, rest)), Some((name, names))) =
            (path.split_first(), canonical.split_first())
        else {
            // Two entries can name one path, as patterns overlap: the stricter
            // effect holds.
            let rank = |one: &Command| EFFECTS.iter().position(|word| *word == one.effect);
            if self.command.is_none_or(|known| rank(known) < rank(command)) {
                self.command = Some(command);
            }
            return Ok(());
        };
        let child = self
            .children
            .entry((*first).to_owned())
            .or_insert_with(|| Self::new(first));
        (*name).clone_into(&mut child.canonical);
        child.insert(rest, names, command)
    }
}

/// Lays the tree out breadth first: parents before children, siblings
/// together and sorted, so that (parent, name) is sorted as a whole.
fn flatten(root: &Node<'_>, groups: &[&str]) -> Result<Vec<String>, String> {
    let mut queue: Vec<(&Node<'_>, usize)> = vec![(root, 0)];
    let mut rows = Vec::new();
    let mut next = 0;
    while let Some((node, parent)) = queue.get(next).copied() {
        rows.push(node_row(node, parent, groups)?);
        queue.extend(node.children.values().map(|child| (child, next)));
        next += 1;
    }
    Ok(rows)
}

fn node_row(node: &Node<'_>, parent: usize, groups: &[&str]) -> Result<String, String> {
    let fail = |problem: String| format!("command `{}`: {problem}", node.name);
    let Some(command) = node.command else {
        return Ok(format!(
            "CommandSpec {{ parent: {parent}, name: {}, canonical: {}, effect: Effect::Unknown, \
             groups: Borrowed(&[]), is_group: true, is_open: false, can_be_neutral: true, \
             order: Order::Free, passed: Passed::Operands, runs: RunsSpec::ELSEWHERE, operands: Borrowed(&[]), \
             found: Borrowed(&[]), shows: None, stdin: None, why: Borrowed(\"\") }}",
            text(&node.name),
            text(&node.canonical),
        ));
    };
    let indexes = indexes(&command.flags, groups).map_err(fail)?;
    let operands = command
        .operands
        .iter()
        .map(operand)
        .collect::<Result<Vec<_>, _>>()
        .map_err(fail)?;
    let found = command.found.iter().map(found);
    let found = found.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    Ok(format!(
        "CommandSpec {{ parent: {parent}, name: {}, canonical: {}, effect: {}, groups: {}, \
         is_group: {}, is_open: {}, can_be_neutral: {}, order: Order::{}, passed: Passed::{}, runs: {}, operands: {}, \
         found: {}, shows: {}, stdin: {}, why: {} }}",
        text(&node.name),
        text(&node.canonical),
        effect(&command.effect).map_err(fail)?,
        table(&indexes),
        !node.children.is_empty(),
        command.open,
        command.neutral,
        one_of(&command.order, &["Free", "First", "Words"]).map_err(fail)?,
        passed(command),
        runs(command.runs.as_ref()).map_err(fail)?,
        table(&operands),
        table(&found),
        shows(command.shows.as_ref()),
        stdin(command.stdin.as_ref()),
        text(&command.why),
    ))
}

fn runs(spec: Option<&Runs>) -> Result<String, String> {
    let Some(spec) = spec else {
        return Ok("RunsSpec::ELSEWHERE".to_owned());
    };
    Ok(format!(
        "RunsSpec {{ place: Place::{}, reading: RunsReading::{}, takes_assignments: {}, \
         clears_environment: {}, alone: {} }}",
        one_of(&spec.place, &["Here", "Elsewhere"])?,
        one_of(&spec.reading, &["Words", "Shell", "Appended"])?,
        spec.assignments,
        spec.clears_environment,
        optional_effect(spec.alone.as_deref())?,
    ))
}

fn indexes(flags: &[String], groups: &[&str]) -> Result<Vec<String>, String> {
    let index_of = |name: &String| {
        let index = groups.iter().position(|group| group == name);
        let index = index.map(|index| index.to_string());
        index.ok_or_else(|| format!("no group of flags `{name}`"))
    };
    flags.iter().map(index_of).collect()
}

fn passed(command: &Command) -> String {
    match (command.passed, command.passed_from) {
        (_, Some(operand)) => format!("From({operand})"),
        (true, None) => "Command".to_owned(),
        (false, None) => "Operands".to_owned(),
    }
}

fn shows(spec: Option<&Shows>) -> String {
    spec.map_or_else(
        || "None".to_owned(),
        |spec| {
            format!(
                "Some(ShowsSpec {{ operands: {}, globs: {} }})",
                spec.operands,
                texts(&spec.globs)
            )
        },
    )
}

fn found(rule: &Found) -> Result<String, String> {
    Ok(format!(
        "FoundRule {{ files: {}, is_hidden_folder: {}, given: {}, unless_off: {}, effect: {}, why: {} }}",
        texts(&rule.files),
        rule.hidden_folder,
        texts(&rule.given),
        texts(&rule.unless_off),
        effect(&rule.effect)?,
        text(&rule.why),
    ))
}

fn operand(rule: &Operand) -> Result<String, String> {
    let at = match rule.at.as_str() {
        "any" => "Any".to_owned(),
        "last" => "Last".to_owned(),
        "sources" => "Sources".to_owned(),
        "--" => "Separated".to_owned(),
        at => match at.strip_suffix('+') {
            Some(from) => format!("From({})", number(from)?),
            None => format!("At({})", number(at)?),
        },
    };
    let pattern = pattern(rule)?;
    Ok(format!(
        "OperandRule {{ at: Position::{at}, pattern: OperandPattern::{pattern}, given: {}, except: {}, \
         not_given: {}, unless: {}, is_behind_at: {}, effect: {}, secret: {}, input: {}, in_place: {}, copied: {}, follows: {}, target: {}, why: {} }}",
        texts(&rule.given),
        texts(&rule.except),
        texts(&rule.not_given),
        texts(&rule.unless),
        rule.behind_at,
        optional_effect(rule.effect.as_deref())?,
        text(&rule.secret),
        text(&rule.input),
        texts(&rule.in_place),
        texts(&rule.copied),
        follows(&rule.follows)?,
        text(&rule.target),
        text(&rule.why),
    ))
}

fn stdin(spec: Option<&Stdin>) -> String {
    spec.map_or_else(
        || "None".to_owned(),
        |spec| {
            format!(
                "Some(StdinSpec {{ role: {}, given: {}, unless: {}, is_without_operands: {} }})",
                text(&spec.role),
                texts(&spec.given),
                texts(&spec.unless),
                spec.without_operands
            )
        },
    )
}

/// Plain flags are made without the defaults of the file.
fn or_nothing(word: &str) -> &str {
    if word.is_empty() { "nothing" } else { word }
}

fn follows(word: &str) -> Result<String, String> {
    let word = or_nothing(word);
    let variants = ["Nothing", "Kustomization", "Template"];
    Ok(format!("Follows::{}", one_of(word, &variants)?))
}

fn pattern(rule: &Operand) -> Result<String, String> {
    let words = (
        &*rule.globs,
        &*rule.folded_globs,
        &*rule.not_globs,
        &*rule.resource,
    );
    if let Some(is_remote) = rule.remote {
        let variant = if is_remote { "Remote" } else { "Here" };
        return Ok(variant.to_owned());
    }
    if rule.secret_file == Some(true) {
        return Ok("SecretFile".to_owned());
    }
    if rule.wild {
        return Ok("Wild".to_owned());
    }
    let is_hidden = (rule.hidden, rule.hidden_name);
    Ok(match (words, &rule.present, is_hidden) {
        (([], [], [], []), None, (false, false)) => {
            "Globs(Borrowed(&[Borrowed(\"*\")]))".to_owned()
        }
        (([], [], [], []), Some(elsewhere), (false, false)) => {
            format!("Present({})", texts(elsewhere))
        }
        (([], [], [], []), None, (true, false)) => "Hidden".to_owned(),
        (([], [], [], []), None, (false, true)) => "HiddenName".to_owned(),
        ((_, [], [], []), None, (false, false)) => format!("Globs({})", texts(&rule.globs)),
        (([], [_, ..], _, []), None, (false, false)) => format!(
            "Folded({}, {})",
            texts(&rule.folded_globs),
            texts(&rule.not_globs)
        ),
        (([], [], _, []), None, (false, false)) => format!("NotGlobs({})", texts(&rule.not_globs)),
        ((_, [], _, []), None, (false, false)) => {
            format!("Except({}, {})", texts(&rule.globs), texts(&rule.not_globs))
        }
        (([], [], [], _), None, (false, false)) => format!("Resource({})", texts(&rule.resource)),
        _ => return Err("an operand has one kind of pattern".to_owned()),
    })
}

/// Expands each `{a,b}` of a path.
pub(crate) fn expand(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else {
        return vec![path.to_owned()];
    };
    let Some((inside, after)) = rest.split_once('}') else {
        return vec![path.to_owned()];
    };
    inside
        .split(',')
        .flat_map(|word| expand(&format!("{before}{}{after}", word.trim())))
        .collect()
}

pub(crate) fn text(value: &str) -> String {
    format!("Borrowed({value:?})")
}

pub(crate) fn texts(values: &[String]) -> String {
    let mut values: Vec<String> = values.iter().map(|value| text(value)).collect();
    values.dedup();
    table(&values)
}

pub(crate) fn table(rows: &[String]) -> String {
    format!("Borrowed(&[{}])", rows.join(",\n"))
}

fn number(digits: &str) -> Result<u8, String> {
    digits
        .parse()
        .map_err(|_| format!("`{digits}` is no position"))
}

fn optional_effect(word: Option<&str>) -> Result<String, String> {
    word.map_or_else(
        || Ok("None".to_owned()),
        |word| Ok(format!("Some({})", effect(word)?)),
    )
}

fn effect(word: &str) -> Result<String, String> {
    let variants = [
        "Read", "Local", "Write", "Destroy", "Access", "Secret", "Execute", "Unknown",
    ];
    Ok(format!("Effect::{}", one_of(word, &variants)?))
}

pub(crate) fn one_of(word: &str, variants: &[&str]) -> Result<String, String> {
    variants
        .iter()
        .find(|variant| variant.to_lowercase() == word)
        .map(|variant| (*variant).to_owned())
        .ok_or_else(|| format!("`{word}` is none of {}", variants.join(", ").to_lowercase()))
}
