//! `gate __complete`: what can stand at the cursor, for the scripts of the shells.
//!
//! The first line of the answer says what the rest is: `words`, and a line for each with what it
//! is behind a tab; `files`; `folders`; or `command N`, where a command of its own begins behind
//! the first N words. It changes nothing, asks nobody, is silent on stderr and never waits long.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::Shell;
use super::line::{self, Candidate, Wanted};
use super::names;
use super::subject::Subject;
use crate::cli::definition;
use crate::failure::Failure;
use crate::show::answer;
use crate::world::World;

/// How long anything outside of this process may take: who waits for a completion has the cursor
/// still, and half a second is as long as that may be.
const PATIENCE: Duration = Duration::from_millis(400);

/// Say what can stand at the cursor
#[derive(Debug, clap::Args)]
pub(crate) struct Complete {
    /// The shell that asks.
    shell: Shell,
    /// The word at the cursor is still empty, and not among the words: some shells drop such ones.
    #[arg(long)]
    empty: bool,
    /// The words behind `gate`, up to the one at the cursor.
    #[arg(last = true)]
    words: Vec<OsString>,
}

impl Complete {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut root = definition();
        root.build();
        let mut words = self.words.clone();
        if self.empty {
            words.push(OsString::new());
        }
        let wanted = line::wanted(&root, &words, self.shell == Shell::Bash);
        answer::text(&match wanted {
            Wanted::Words(words) => listed(&words),
            Wanted::Command(from) => format!("command {from}\n"),
            Wanted::Value {
                subject: Subject::File,
                ..
            } => "files\n".to_owned(),
            Wanted::Value {
                subject: Subject::Folder,
                ..
            } => "folders\n".to_owned(),
            Wanted::Value {
                subject,
                before,
                begun,
            } => listed(&fitting(subject, &before, &begun)),
        })
    }
}

fn fitting(subject: Subject, before: &str, begun: &str) -> Vec<Candidate> {
    let names = in_time(subject).into_iter();
    let fitting = names.filter(|name| name.word.starts_with(begun) && names::is_plain(&name.word));
    let whole = fitting.map(|name| Candidate {
        word: format!("{before}{}", name.word),
        about: name.about,
    });
    whole.collect()
}

/// Looks for names, and gives up when it takes too long, whatever it is that takes so long. What
/// still goes on then ends with this process.
fn in_time(subject: Subject) -> Vec<Candidate> {
    if subject == Subject::Free {
        return Vec::new();
    }
    let (found, names) = mpsc::channel();
    let search = move || {
        // Nobody listens any more when it took too long.
        drop(found.send(names::of(subject, &World::capture(), PATIENCE)));
    };
    let started = thread::Builder::new()
        .name("names".to_owned())
        .spawn(search);
    match started {
        Ok(_) => names.recv_timeout(PATIENCE).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

fn listed(words: &[Candidate]) -> String {
    let mut text = "words\n".to_owned();
    for Candidate { word, about } in words {
        // Writing to a String can't fail.
        let _ = if about.is_empty() {
            writeln!(text, "{word}")
        } else {
            writeln!(text, "{word}\t{about}")
        };
    }
    text
}
