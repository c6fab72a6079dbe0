//! `gate check --jsonl`: one question a line, one answer a line, in order.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use gate_policy::{CommandLine, Environment, MapFiles, Occasion, Policy, Profiles, Stdin};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::checked::Checked;
use crate::failure::{Failure, FailureKind};

/// The longest line that is read, in bytes; a longer one is answered with an error.
const LINE_LIMIT_BYTES: usize = 16 << 20;

/// One question. What is not given does not exist.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question<'a> {
    #[serde(borrow, default, deserialize_with = "given")]
    id: Option<&'a RawValue>,
    argv: Vec<OsWord>,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default)]
    cwd: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// A word of argv, straight into the form that is read.
#[derive(Deserialize)]
#[serde(from = "String")]
struct OsWord(OsString);

impl From<String> for OsWord {
    fn from(word: String) -> Self {
        Self(word.into())
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

/// The answer to a line that is not a question.
#[derive(Serialize)]
struct BadLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    error: String,
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
        if line.len() == LINE_LIMIT_BYTES && !line.ends_with(b"\n") {
            skip_rest(input)?;
            write_line(
                output,
                &bad(None, "the line is longer than 16 MiB".to_owned()),
            )?;
            continue;
        }
        answer(judge, &line, output)?;
    }
}

fn answer(
    (profiles, policy): (&Profiles, &Policy),
    line: &[u8],
    output: &mut impl io::Write,
) -> io::Result<()> {
    if line.trim_ascii().is_empty() {
        let why = "the line is empty; give a question or no line".to_owned();
        return write_line(output, &bad(None, why));
    }
    let question: Question<'_> = match serde_json::from_slice(line) {
        Ok(question) => question,
        Err(error) => {
            let id = serde_json::from_slice::<Named<'_>>(line).ok();
            return write_line(
                output,
                &bad(
                    id.and_then(|named| named.id),
                    format!("the line is not a question: {error}"),
                ),
            );
        }
    };
    if question.argv.is_empty() {
        return write_line(
            output,
            &bad(
                question.id,
                "field `argv`: it is empty; give the tool's name first".to_owned(),
            ),
        );
    }
    let argv: Vec<OsString> = question.argv.into_iter().map(|word| word.0).collect();
    let cwd = Path::new(question.cwd.as_deref().unwrap_or("/"));
    let files = question.files.into_iter();
    let files = MapFiles::new(
        cwd,
        files.map(|(name, content)| (name, content.into_bytes())),
    );
    let env: Environment = question.env.into_iter().collect();
    let stdin = question.stdin.as_deref();
    let invocation = profiles.read_invocation(&CommandLine {
        argv: &argv,
        env: &env,
        cwd,
        stdin: stdin.map_or(Stdin::Absent, |text| Stdin::Content(text.as_bytes())),
        files: &files,
    });
    let evaluation = policy.evaluate(&invocation, cwd, &Occasion::of_nobody(Timestamp::now()));
    let checked = Checked::new(&invocation, &evaluation);
    write_line(output, &checked.to(question.id))
}

fn bad(id: Option<&RawValue>, error: String) -> BadLine<'_> {
    BadLine { id, error }
}

fn write_line(output: &mut impl io::Write, line: &impl Serialize) -> io::Result<()> {
    let encoded = serde_json::to_string(line)?;
    output.write_all(crate::show::answer::printable(&encoded).as_bytes())?;
    output.write_all(b"\n")
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
