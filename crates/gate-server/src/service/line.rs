//! A command line as this server reads it by the built-in profiles. It has the words alone, and
//! neither files nor environment of the machine that asks: effect and target of a request are the
//! client's word. What the server finds in the words it holds against a milder word.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use gate_policy::{CommandLine, Effect, Environment, Invocation, MapFiles, Profiles, Stdin};
use gate_protocol::inert::inert;
use gate_protocol::invocation::{BoundInvocation, Delivery, Treatment};
use gate_protocol::masked::{MaskedText, Segment};

/// Stands for a secret: of a length and letters that no tool takes for anything.
const PLACEHOLDER: &str = "SECRET";

/// Reads a line by the built-in profiles, without anything around it.
pub(crate) fn read(argv: &[OsString], cwd: &Path) -> Invocation {
    Profiles::built_in().read_invocation(&CommandLine {
        argv,
        env: &Environment::default(),
        cwd,
        stdin: Stdin::Absent,
        files: &MapFiles::default().among_others(),
    })
}

/// Returns a word's bytes, with a placeholder for each secret.
pub(crate) fn word(text: &MaskedText) -> OsString {
    let mut bytes = Vec::new();
    for segment in &text.0 {
        match segment {
            Segment::Text(text) => bytes.extend_from_slice(text.as_bytes()),
            Segment::Bytes(encoded) => {
                let decoded = base64::engine::general_purpose::STANDARD.decode(encoded);
                bytes.extend(decoded.unwrap_or_default());
            }
            Segment::Secret(_) => bytes.extend_from_slice(PLACEHOLDER.as_bytes()),
        }
    }
    OsString::from_vec(bytes)
}

/// Reads what a request says as far as it can be read here: the words with the variables and inputs
/// that came with them. What the client read itself, from files that are not here, is taken from
/// its word where nothing here says otherwise: the target, the subcommand of a tool without a
/// profile here, and the effect. That something is not understood without those files says nothing.
pub(crate) fn read_bound(bound: &BoundInvocation) -> Invocation {
    let argv: Vec<OsString> = bound.argv.iter().map(word).collect();
    let cwd = PathBuf::from(word(&bound.cwd));
    let seen = bound.environment.iter();
    let seen = seen.filter(|variable| variable.treatment != Treatment::Stripped);
    let env: Environment = seen
        .filter_map(|variable| Some((&variable.name, word(variable.value.as_ref()?))))
        .collect();
    let (stdin, named): (Vec<_>, Vec<_>) = bound
        .inputs
        .iter()
        .filter_map(|input| Some((input, input.content.as_ref()?.as_bytes())))
        .partition(|(input, _)| input.delivery == Delivery::Stdin);
    let files = named.into_iter().filter_map(|(input, content)| {
        let name = word(&input.name).into_string().ok()?;
        Some((name, content.to_vec()))
    });
    let mut read = Profiles::built_in().read_invocation(&CommandLine {
        argv: &argv,
        env: &env,
        cwd: &cwd,
        stdin: stdin
            .first()
            .map_or(Stdin::Absent, |(_, content)| Stdin::Content(content)),
        files: &MapFiles::new(&cwd, files).among_others(),
    });
    for (field, value) in &bound.target {
        let there = read.target.entry(field.clone());
        there.or_insert_with(|| value.clone());
    }
    if !read.known {
        read.command = bound.command.iter().cloned().map(Into::into).collect();
    }
    let said = bound.effect.parse().unwrap_or(Effect::Unknown);
    read.effects = read.effects.without(Effect::Unknown);
    read.effects.insert(said);
    read
}

/// What a tool's file is called that does not bear its name, by those who package it.
const OTHER_FILES: [(&str, &str); 1] = [("psql", "pg_wrapper")];

/// Says where the title and the tool of a request are others than its own words say: people read the
/// title first, and the words are what runs. Nothing that the client said stands in it.
pub(crate) fn differences(invocation: &BoundInvocation) -> Vec<String> {
    let argv: Vec<OsString> = invocation.argv.iter().map(word).collect();
    let read = read(&argv, &PathBuf::from(word(&invocation.cwd)));
    let tool = invocation.tool.name.as_str();
    let file_name = |path: &OsString| {
        let name = Path::new(path).file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let mut found = Vec::new();
    let first = argv.first().map(file_name).unwrap_or_default();
    // A tool without a profile is called as it was typed, which can be by its path.
    let is_path = tool.contains('/');
    let typed = argv.first().and_then(|word| word.to_str());
    let is_first = typed == Some(tool) || (!is_path && first == tool);
    if !is_first && *read.tool != *tool {
        found.push("The title names another tool than the first word of the command.".to_owned());
    }
    let file = file_name(&word(&invocation.tool.path));
    let tool = if is_path { first.as_str() } else { tool };
    if !file.starts_with(tool) && !OTHER_FILES.contains(&(tool, file.as_str())) {
        found.push("The file that runs has another name than the tool of the title.".to_owned());
    }
    let own: Vec<&str> = read.command.iter().map(|step| &**step).collect();
    if read.known && !read.effects.contains(Effect::Unknown) {
        if own != invocation.command {
            let own = inert(&own.join(" ")).into_owned();
            found.push(format!(
                "The title has another subcommand than this server reads in the words of the \
                 command: there it is `{own}`."
            ));
        }
    } else {
        // An alias, or a profile of that machine: then at least these words are among the command's.
        let mut words = argv.iter().skip(1);
        let mut said = invocation.command.iter();
        if !said.all(|step| words.any(|word| word.to_str() == Some(step))) {
            found.push("The title has words that the command has not.".to_owned());
        }
    }
    found
}

/// What a command can do, by the client's word and by the server's own reading.
#[derive(Clone, Debug)]
pub(crate) struct Effects {
    words: Vec<&'static str>,
    /// Whether the client's word is one that gate has.
    pub(crate) is_known: bool,
    /// Whether title and tool are what the words say.
    pub(crate) is_titled_so: bool,
}

impl Effects {
    /// Returns what a request's words can do. That the server does not understand a line says
    /// nothing: it lacks the files that the client had.
    pub(crate) fn of(invocation: &BoundInvocation) -> Self {
        let argv: Vec<OsString> = invocation.argv.iter().map(word).collect();
        let read = read(&argv, &PathBuf::from(word(&invocation.cwd)));
        let said: Result<Effect, _> = invocation.effect.parse();
        let found = |effect: &Effect| {
            said == Ok(*effect) || (*effect != Effect::Unknown && read.effects.contains(*effect))
        };
        let words = Effect::ALL.iter().filter(|effect| found(effect));
        Self {
            words: words.map(|effect| effect.as_str()).collect(),
            is_known: said.is_ok(),
            is_titled_so: differences(invocation).is_empty(),
        }
    }

    /// Tells whether one of these is among what it can do, or the client has a word for it that
    /// gate does not know: that is no way around a list.
    pub(crate) fn are_among<'a>(&self, mut list: impl Iterator<Item = &'a str>) -> bool {
        !self.is_known || list.any(|one| self.words.contains(&one))
    }

    pub(crate) fn has(&self, effect: Effect) -> bool {
        self.words.contains(&effect.as_str())
    }
}
