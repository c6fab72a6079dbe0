//! What the pages of CI systems show: the summary of a job, and that text from outside is text there.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use gate_testkit::real::locate;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::agent::{Running, status};
use crate::github::{Job, inputs};
use crate::machine::{Machine, answered, assert_code};
use crate::server::{Live, run};

/// What HTML, Markdown and GitHub's own rendering would make something of.
const HOSTILE: &str = "</code></td></tr></table><script>alert(1)</script> <img src=x onerror=y> \
    **bold** [link](https://evil.example) ![](https://evil.example/x.png) @acme/team #7 \
    https://evil.example `tick` | cell |\n\n# heading\n- [x] done\n```\n::error::x\n\u{202e}\u{1b}[2J &lt;b&gt;";

/// The tags that a summary of ours is made of.
const OURS: [&str; 8] = ["table", "tr", "th", "td", "code", "a", "thead", "tbody"];

/// A tag with its attributes.
type Tag = (String, BTreeMap<String, String>);

/// Returns each tag that is opened in HTML, and the text beside them.
fn read(html: &str) -> (Vec<String>, String) {
    const READ: &str = "
import html.parser, json, sys
class Reader(html.parser.HTMLParser):
    tags, text = [], []
    def handle_starttag(self, tag, attrs): self.tags.append([tag, dict(attrs)])
    def handle_data(self, data): self.text.append(data)
reader = Reader()
reader.feed(sys.argv[1])
json.dump([reader.tags, ''.join(reader.text)], sys.stdout)";
    let mut python = Command::new(locate("python3").unwrap());
    let ran = run(python.args(["-c", READ, html]));
    let (tags, text): (Vec<Tag>, String) = serde_json::from_str(&ran.stdout).unwrap();
    for (_, attributes) in &tags {
        for (name, value) in attributes {
            let is_link = name == "href" && value.starts_with("http://127.0.0.1");
            assert!(
                is_link || name == "colspan" || name == "align",
                "{name}={value}"
            );
        }
    }
    (tags.into_iter().map(|(tag, _)| tag).collect(), text)
}

#[test]
fn hostile_text_in_a_summary_is_text() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let mut job = Job::begin(&machine, 1);
    assert_code(&job.action(&inputs(&live)), 0);
    let env = BTreeMap::from([
        (
            "GATE_REASON".to_owned(),
            HOSTILE.chars().take(400).collect(),
        ),
        ("WORD".to_owned(), HOSTILE.to_owned()),
    ]);
    let ended = answered(&live, &mut job.step("deploy \"$WORD\"", &env), "approve");
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let summary = job.summary();
    let (tags, text) = read(&summary);
    for tag in &tags {
        assert!(OURS.contains(&tag.as_str()), "{tag}: {summary}");
    }
    assert!(
        text.contains("<script>alert(1)</script> <img"),
        "it is shown: {text}"
    );
    assert!(text.contains("\\u{202e}\\u{1b}[2J &lt;b&gt;"), "{text}");
    // Markdown begins again at an empty line; there is none within a table, and no mark of it.
    for table in summary.split("\n\n").filter(|part| !part.trim().is_empty()) {
        assert!(
            table.starts_with("<table>") && table.ends_with("</table>"),
            "{table}"
        );
        let text: String = table
            .split('<')
            .filter_map(|part| part.split_once('>'))
            .map(|(_, text)| text)
            .collect();
        for mark in ["*", "[", "`", "@", "|", "://", "_"] {
            assert!(!text.contains(mark), "{mark}: {table}");
        }
    }
}

#[test]
fn a_rules_no_is_in_the_summary_and_is_an_error() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let rule = "[[rule]]\nid = \"no\"\ntool = \"deploy\"\ndecision = \"deny\"\nmessage = \"<b> ##[x] **no**\"\n";
    machine
        .home
        .write(".config/gate/rules.d/a.toml", rule)
        .unwrap();
    let mut job = Job::begin(&machine, 1);
    assert_code(&job.action(&inputs(&live)), 0);
    let ran = job.runs("deploy web");
    assert_code(&ran, 77);
    let error = ran.stderr.lines().find(|line| line.starts_with("::error"));
    assert!(error.unwrap().contains("denied by rule `no`"), "{ran:?}");
    assert!(!ran.stderr.contains("##["), "{ran:?}");
    let (_, text) = read(&job.summary());
    assert!(
        text.contains("denied by rule `no` of the user: <b> ##[x] **no**"),
        "{text}"
    );
    assert!(text.contains("deploy web"), "{text}");
    // An allowed command has nothing to tell.
    assert_code(&job.runs("gate run -- ls"), 0);
    assert_eq!(job.summary(), "");
}

#[test]
fn a_wait_that_a_signal_ended_is_told_as_that_and_the_request_is_taken_back() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let mut job = Job::begin(&machine, 1);
    assert_code(&job.action(&inputs(&live)), 0);
    let mut step = job.step("exec deploy web", &BTreeMap::new());
    let mut waiting = Running::start(&mut step);
    let id = waiting.asked();
    waiting.signal(Signal::SIGINT);
    let ended = waiting.finish();
    assert_eq!(ended.signal, Some(Signal::SIGINT as i32), "{ended:?}");
    let (_, text) = read(&job.summary());
    assert!(
        text.contains("interrupted before anybody answered; the request is taken back"),
        "{text}"
    );
    assert!(!text.contains("nobody has answered yet"), "{text}");
    assert_eq!(status(&live, &id), "cancelled");
}

/// Denies `deploy` by a rule with the summary at `path`, and returns whether gate ended well.
fn denied_with(machine: &Machine<'_>, job: &Job<'_>, path: &Path) {
    let script = format!("GITHUB_STEP_SUMMARY={} deploy web", path.display());
    let ran = job.runs(&script);
    assert_code(&ran, 77);
    assert!(!machine.home.path().join("elsewhere/made").exists());
}

#[test]
fn a_summary_goes_into_the_file_of_the_runner_and_nowhere_else() {
    let live = Live::start();
    let machine = Machine::new(&live);
    let rule = "[[rule]]\nid = \"no\"\ntool = \"deploy\"\ndecision = \"deny\"\n";
    machine
        .home
        .write(".config/gate/rules.d/a.toml", rule)
        .unwrap();
    let mut job = Job::begin(&machine, 1);
    assert_code(&job.action(&inputs(&live)), 0);
    let other = machine.home.write("elsewhere/other", "mine\n").unwrap();
    let folder = other.parent().unwrap().to_owned();
    let link = folder.join("link");
    symlink(&other, &link).unwrap();
    let pipe = folder.join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let full = folder.join("full");
    fs::File::create(&full)
        .unwrap()
        .set_len(1024 * 1024)
        .unwrap();
    for path in [
        &link,
        &pipe,
        &full,
        &folder,
        &folder.join("made"),
        Path::new("relative"),
    ] {
        denied_with(&machine, &job, path);
    }
    assert_eq!(fs::read_to_string(&other).unwrap(), "mine\n");
    assert_eq!(fs::metadata(&full).unwrap().len(), 1024 * 1024);
    assert!(!machine.home.work().join("relative").exists());
    // What was there stays before it; and outside of GitHub there is no summary.
    denied_with(&machine, &job, &other);
    let told = fs::read_to_string(&other).unwrap();
    assert!(told.starts_with("mine\n\n\n<table>"), "{told}");
    job.set("GITHUB_ACTIONS", "");
    denied_with(&machine, &job, &other);
    assert_eq!(fs::read_to_string(&other).unwrap(), told);
}
