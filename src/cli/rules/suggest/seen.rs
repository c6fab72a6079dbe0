//! An approved command, read again from its record.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gate_policy::{
    CommandLine, EffectSet, Environment, InputKind, Invocation, NoFiles, Profiles, Stdin, WordRole,
};
use gate_protocol::invocation::{BoundInvocation, Treatment};
use gate_protocol::masked::{MaskedText, Segment};

/// Why nothing is proposed.
#[derive(Debug)]
pub(super) struct WhyNot(pub(super) String);

impl WhyNot {
    pub(super) fn of(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// One approved command: as it is read without the files of the machine that asked for it.
pub(super) struct Seen {
    pub(super) invocation: Invocation,
    pub(super) cwd: PathBuf,
    /// What tells it from every other command of its subject, as a condition of a rule.
    pub(super) condition: String,
}

impl Seen {
    /// Reads a recorded command again.
    ///
    /// # Errors
    /// It stands for more than its words say, so that a rule about words would be wider than what
    /// people have approved.
    pub(super) fn read(profiles: &Profiles, bound: &BoundInvocation) -> Result<Self, WhyNot> {
        let argv = bound
            .argv
            .iter()
            .map(plain)
            .collect::<Option<Vec<OsString>>>();
        let argv = argv.ok_or_else(|| WhyNot::of("its words are not whole on record"))?;
        let cwd =
            plain(&bound.cwd).ok_or_else(|| WhyNot::of("its folder is not whole on record"))?;
        let cwd = PathBuf::from(cwd);
        let variables = bound
            .environment
            .iter()
            .filter(|variable| variable.treatment != Treatment::Stripped);
        let env: Environment = variables
            .filter_map(|variable| Some((variable.name.clone(), plain(variable.value.as_ref()?)?)))
            .collect();
        let mut invocation = read(profiles, &argv, &env, &cwd);
        refuse_more_than_words(&invocation)?;
        refuse_other_reading(&invocation, bound)?;
        // What the machine's files said of the target was approved with it; a rule names it too.
        invocation.target.clone_from(&bound.target);
        let condition = condition(&invocation, &cwd.to_string_lossy())
            .ok_or_else(|| WhyNot::of("a word of it is not UTF-8"))?;
        Ok(Self {
            invocation,
            cwd,
            condition,
        })
    }

    pub(super) fn effects(&self) -> EffectSet {
        self.invocation.effects
    }
}

/// Returns the tool's own name.
pub(super) fn canonical_tool(profiles: &Profiles, name: &str) -> String {
    let argv = [OsString::from(name)];
    read(profiles, &argv, &Environment::default(), Path::new("/"))
        .tool
        .into_owned()
}

fn read(profiles: &Profiles, argv: &[OsString], env: &Environment, cwd: &Path) -> Invocation {
    profiles.read_invocation(&CommandLine {
        argv,
        env,
        cwd,
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
}

/// People approved the content of what a command reads; a rule would let any content pass.
fn refuse_more_than_words(invocation: &Invocation) -> Result<(), WhyNot> {
    if !invocation.merged.is_empty() {
        return Err(WhyNot::of("a variable adds words to it"));
    }
    let is_setting =
        |input: &gate_policy::Input| input.kind == InputKind::File && input.argv_index.is_none();
    if let Some(input) = invocation.inputs.iter().find(|input| !is_setting(input)) {
        let text = format!(
            "people approved the content of what it reads ({})",
            input.role
        );
        return Err(WhyNot(text));
    }
    let is_told =
        |word: &gate_policy::Word| !matches!(word.role, WordRole::Passed | WordRole::Unknown);
    if invocation.words.iter().all(is_told) {
        return Ok(());
    }
    Err(WhyNot::of("it hands words on to another command"))
}

/// The record says what the machine that asked had made of the command, with its files: these may
/// say more of the target. Where they say something else than the words alone, a rule about the
/// words is about something else.
fn refuse_other_reading(invocation: &Invocation, bound: &BoundInvocation) -> Result<(), WhyNot> {
    if invocation.command != bound.command || invocation.effect.as_str() != bound.effect {
        return Err(WhyNot::of(
            "its words alone say something else than the record does",
        ));
    }
    let mut named = invocation.target.iter();
    match named.find(|(field, value)| bound.target.get(*field) != Some(*value)) {
        None => Ok(()),
        Some((field, _)) => Err(WhyNot(format!(
            "its words alone name another {field} than the record does"
        ))),
    }
}

/// Returns a condition that holds for these options, operands and folder, and for no others.
fn condition(invocation: &Invocation, cwd: &str) -> Option<String> {
    let mut names: Vec<&str> = invocation.options.iter().map(|used| &*used.name).collect();
    names.sort_unstable();
    names.dedup();
    let mut parts = vec![
        format!("cwd == {}", quoted(cwd)),
        format!("size(options) == {}", names.len()),
    ];
    for name in names {
        let uses = invocation.options.iter().filter(|used| used.name == name);
        let values = uses.map(|used| used.value.as_deref().unwrap_or(b"true"));
        parts.push(format!("options[{}] == {}", quoted(name), list(values)?));
    }
    let operands = invocation.operands.iter().map(Vec::as_slice);
    parts.push(format!("operands == {}", list(operands)?));
    Some(parts.join(" && "))
}

fn list<'w>(words: impl Iterator<Item = &'w [u8]>) -> Option<String> {
    let words = words.map(|word| std::str::from_utf8(word).ok().map(quoted));
    Some(format!(
        "[{}]",
        words.collect::<Option<Vec<_>>>()?.join(", ")
    ))
}

/// JSON's texts are texts of the language of conditions too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns a text in which nothing is masked.
fn plain(masked: &MaskedText) -> Option<OsString> {
    let parts = masked.0.iter().map(|part| match part {
        Segment::Text(text) => Some(text.as_str()),
        Segment::Bytes(_) | Segment::Secret(_) => None,
    });
    parts.collect::<Option<String>>().map(OsString::from)
}
