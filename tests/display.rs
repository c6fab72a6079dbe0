//! THREATS 2.6 at a terminal: text that wants to be seen as something else, in front of the
//! person who approves by `gate requests`, `gate approve` and `gate deny`, and in front of who
//! reads the log.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/asked.rs"]
#[expect(dead_code, reason = "the words here are the table's")]
mod asked;
#[path = "live/server.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod server;
#[path = "web/submissions.rs"]
#[expect(dead_code, reason = "the pages use the rest of it")]
mod submissions;

use std::time::Duration;

use asked::ask;
use gate_testkit::display::{REASON, Row, is_unseen, loads};
use gate_testkit::pty::{Size, Terminal};
use server::Live;

const PATIENCE: Duration = Duration::from_secs(30);
/// A window in which no line of the table goes on below itself.
const WIDE: Size = Size {
    rows: 60,
    columns: 12_000,
};
/// How much of the table stands in one request.
const ROOM: usize = 1_500;
/// What is seen of a secret.
const MASK: &str = "\u{2039}secret 40 bytes, hmac 9f3a\u{203a}";
/// All that gate itself sends to a terminal beside text.
const OWN: [&str; 5] = [
    "\u{1b}[0m",
    "\u{1b}[1m",
    "\u{1b}[2m",
    "\u{1b}[32m",
    "\u{1b}[1;31m",
];

/// Runs `gate` in a terminal to its end and returns what the terminal was sent, without what
/// gate itself may send to one.
fn seen(live: &Live, who: &str, args: &[&str], size: Size) -> String {
    let terminal = Terminal::spawn(live.gate(who, args), size).unwrap();
    let status = terminal.exit_status(PATIENCE).unwrap();
    let sent = sent_to(&terminal);
    assert!(status.success(), "{args:?}: {sent}");
    sent
}

/// Returns what the terminal was sent, in lines, without the colours.
fn sent_to(terminal: &Terminal) -> String {
    let sent = String::from_utf8(terminal.transcript()).unwrap();
    let lines = sent.replace("\r\n", "\n");
    OWN.iter().fold(lines, |sent, own| sent.replace(own, ""))
}

fn assert_read(sent: &str, load: &[Row], surface: &str) {
    let unseen: Vec<char> = sent.chars().filter(|c| is_unseen(*c)).collect();
    assert!(unseen.is_empty(), "{surface}: {unseen:?} in {sent:?}");
    for row in load {
        // A list has no room for the host that a word would name.
        let parts = row
            .shown
            .iter()
            .filter(|part| surface != "requests list" || !part.starts_with("xn--"));
        for part in parts {
            assert!(sent.contains(part), "{surface}: {row:?} is not in {sent}");
        }
    }
    let masks = sent.matches('\u{2039}').count();
    assert!(masks > 0, "{surface}: {sent}");
    assert_eq!(masks, sent.matches(MASK).count(), "{surface}: {sent}");
}

/// What nobody checked is called so, and stands behind who asks, what would run and on what.
fn assert_in_order(sheet: &str, load: &[Row]) {
    let at = |text: &str| {
        sheet
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {sheet}"))
    };
    let places = ["WHO", "WHAT", "effect", "target", "WHY"].map(|label| at(&format!("\n{label} ")));
    assert!(places.is_sorted(), "{places:?}: {sheet}");
    let [.., why] = places;
    assert!(why < at(REASON), "{sheet}");
    assert!(at("(the requester's own words, not verified)") > at(REASON));
    let is_odd = load.iter().any(|row| row.sentence == "imitation");
    let warned = sheet.contains("! letters of another alphabet, as imitations have: ");
    assert_eq!(warned, is_odd, "{sheet}");
}

#[test]
fn at_a_terminal_what_wants_to_deceive_is_read_as_what_it_is() {
    let live = Live::start();
    for load in loads(ROOM) {
        let asked = ask(&live, &submissions::with_load(&load));
        let id = asked.id.to_string();
        let sheet = seen(&live, "bob_approver", &["requests", "show", &id], WIDE);
        assert_read(&sheet, &load, "requests show");
        assert_in_order(&sheet, &load);
        let list = seen(&live, "bob_approver", &["requests", "list"], WIDE);
        assert_read(&list, &load, "requests list");
        let denied = ["deny", &id, "--comment", REASON];
        let denied = seen(&live, "bob_approver", &denied, WIDE);
        assert_read(&denied, &load, "deny");
        // In a window that is too small it goes on below itself, and nothing is lost.
        let narrow = Size {
            rows: 24,
            columns: 60,
        };
        let small = seen(&live, "bob_approver", &["requests", "show", &id], narrow);
        let joined: String = small
            .lines()
            .map(|line| line.strip_prefix(&" ".repeat(12)).unwrap_or(line))
            .collect();
        assert!(!small.chars().any(is_unseen), "{small:?}");
        for part in load.iter().flat_map(|row| &row.shown) {
            assert!(joined.contains(part), "{part} is not in {joined}");
        }
    }
    let log = seen(&live, "auditor", &["audit", "log"], WIDE);
    assert!(!log.chars().any(is_unseen), "{log:?}");
}

/// The question is asked after all of it, however much that is, and what was typed before is
/// no answer.
#[test]
fn at_a_terminal_the_end_of_a_long_command_is_shown_before_it_is_approved() {
    let live = Live::start();
    let asked = ask(&live, &submissions::at_length());
    let id = asked.id.to_string();
    let terminal = Terminal::spawn(live.gate("bob_approver", &["approve", &id]), WIDE).unwrap();
    terminal.wait_for("to approve it, type", PATIENCE).unwrap();
    let joined = sent_to(&terminal).replace("\n            ", "");
    let (shown, _) = joined.split_once("to approve it, type").unwrap();
    assert!(shown.contains(&"n".repeat(20_000)), "all of it is there");
    assert!(shown.contains("; rm -rf /"), "with its end");
    terminal.send("\r").unwrap();
    assert!(terminal.exit_status(PATIENCE).unwrap().success());
    let left = seen(&live, "bob_approver", &["requests", "show", &id], WIDE);
    assert!(left.contains("PENDING"), "{left}");
}
