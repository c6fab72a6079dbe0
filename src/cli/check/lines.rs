//! `gate check --jsonl`: one question a line, one answer a line, in order.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use gate_policy::{CommandLine, Environment, MapFiles, Occasion, Policy, Profiles, Stdin};
use jiff::Timestamp;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::checked::Checked;
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::show::json::{Json, member};

/// The longest line that is read, in bytes; a longer one is answered with an error.
const LINE_LIMIT_BYTES: usize = 16 << 20;

/// Most commands have no more words.
const USUAL_WORDS: usize = 16;

/// One question. What is not given does not exist.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question<'a> {
    #[serde(borrow, default, deserialize_with = "given")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    argv: Words<'a>,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default)]
    cwd: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

impl Question<'_> {
    /// Returns the field that holds a NUL byte: `execve(2)` takes none, and what stands behind it
    /// would be read by gate alone.
    fn with_nul(&self) -> Option<&'static str> {
        let has = |text: &str| text.contains('\0');
        let mut variables = self.env.iter();
        if self.argv.0.iter().any(|word| has(&word.0)) {
            Some("argv")
        } else if variables.any(|(name, value)| has(name) || has(value)) {
            Some("env")
        } else if self.cwd.as_deref().is_some_and(has) {
            Some("cwd")
        } else {
            self.files.keys().any(|name| has(name)).then_some("files")
        }
    }
}

/// The words of argv, as they stand in the line where they can.
struct Words<'a>(Vec<Word<'a>>);

/// One word.
#[derive(Deserialize)]
struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(Self(Vec::with_capacity(USUAL_WORDS)))
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Words<'a> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut words: A) -> Result<Self, A::Error> {
        while let Some(word) = words.next_element()? {
            self.0.push(word);
        }
        Ok(self)
    }
}

impl Words<'_> {
    /// Writes them into the form that is read. The words of the lines before give their memory.
    fn write<'m>(&self, memory: &'m mut Vec<OsString>) -> &'m [OsString] {
        memory.resize_with(self.0.len().max(USUAL_WORDS), OsString::new);
        for (to, word) in memory.iter_mut().zip(&self.0) {
            to.clear();
            to.push(&*word.0);
        }
        memory.get(..self.0.len()).unwrap_or_default()
    }
}

/// The id of a line that is otherwise not a question, so that the answer finds its way back.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default, deserialize_with = "given")]
    id: Option<&'a RawValue>,
}

/// Reads an id that is there: `null` is one too, and is echoed.
fn given<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Answers every line of stdin.
///
/// # Errors
/// stdin can't be read or stdout can't be written; a closed stdout ends it quietly.
pub(super) fn answer_all(profiles: &Profiles, policy: &Policy) -> Result<(), Failure> {
    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match answer_each((profiles, policy), &mut input, &mut output).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(FailureKind::Internal, "cannot go on answering").caused_by(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn answer_each<R: io::Read>(
    judge: (&Profiles, &Policy),
    input: &mut BufReader<R>,
    output: &mut impl io::Write,
) -> io::Result<()> {
    let mut line = Vec::new();
    let mut answers = Answers::of(judge);
    loop {
        if input.buffer().is_empty() {
            // Nothing more is waiting: whoever asks may be waiting for us.
            output.flush()?;
        }
        line.clear();
        let mut limited = io::Read::take(&mut *input, LINE_LIMIT_BYTES as u64);
        if limited.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        answers.json.clear();
        if line.len() == LINE_LIMIT_BYTES && !line.ends_with(b"\n") {
            skip_rest(input)?;
            answers.refuse(None, "the line is longer than 16 MiB");
        } else {
            answers.write(&line);
        }
        let json = report::without_commands(answers.json.as_str(), report::JSON_BRACKET);
        output.write_all(json.as_bytes())?;
        output.write_all(b"\n")?;
    }
}

/// Writes one answer after the other, all into the same memory.
struct Answers<'p> {
    profiles: &'p Profiles,
    policy: &'p Policy,
    argv: Vec<OsString>,
    json: Json,
}

impl<'p> Answers<'p> {
    fn of((profiles, policy): (&'p Profiles, &'p Policy)) -> Self {
        Self {
            profiles,
            policy,
            argv: Vec::new(),
            json: Json::default(),
        }
    }

    /// Writes the answer to a line.
    fn write(&mut self, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            self.refuse(None, "the line is empty; give a question or no line");
            return;
        }
        match serde_json::from_slice::<Question<'_>>(line) {
            Ok(question) if question.argv.0.is_empty() => {
                let why = "field `argv`: it is empty; give the tool's name first";
                self.refuse(question.id, why);
            }
            Ok(question) => match question.with_nul() {
                Some(field) => {
                    let why = format!(
                        "field `{field}`: it holds a NUL byte, which no system can hand to a program"
                    );
                    self.refuse(question.id, &why);
                }
                None => self.decide(question),
            },
            Err(error) => {
                let named = serde_json::from_slice::<Named<'_>>(line).ok();
                let why = format!("the line is not a question: {error}");
                self.refuse(named.and_then(|named| named.id), &why);
            }
        }
    }

    /// Answers a line that is not a question.
    fn refuse(&mut self, id: Option<&RawValue>, why: &str) {
        self.json.object(|json| {
            if let Some(id) = id {
                member!(json, "id").raw(id.get());
            }
            member!(json, "error").text(why);
        });
    }

    fn decide(&mut self, question: Question<'_>) {
        let argv = question.argv.write(&mut self.argv);
        let cwd = Path::new(question.cwd.as_deref().unwrap_or("/"));
        let files = question.files.into_iter();
        let files = MapFiles::new(
            cwd,
            files.map(|(name, content)| (name, content.into_bytes())),
        );
        let env: Environment = question.env.into_iter().collect();
        let stdin = question.stdin.as_deref();
        let invocation = self.profiles.read_invocation(&CommandLine {
            argv,
            env: &env,
            cwd,
            stdin: stdin.map_or(Stdin::Absent, |text| Stdin::Content(text.as_bytes())),
            files: &files,
        });
        let occasion = Occasion::of_nobody(Timestamp::now());
        let evaluation = self.policy.evaluate(&invocation, cwd, &occasion);
        Checked::new(&invocation, &evaluation).write(question.id, &mut self.json);
    }
}

fn skip_rest<R: io::Read>(input: &mut BufReader<R>) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |at| at + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}
