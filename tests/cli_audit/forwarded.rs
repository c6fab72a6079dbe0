//! The log as it is sent to other systems: to rsyslog, and to a collector that reads by the messages
//! of OpenTelemetry.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gate_testkit::home::Home;
use gate_testkit::real::{Daemon, locate, testbed};

use crate::archived;
use crate::asked::submit;
use crate::live_with_history;
use crate::server::{Live, Ran, run};

/// A real rsyslog that writes each message that it took to a file, as it read it.
struct Rsyslog {
    daemon: Option<Daemon>,
    folder: PathBuf,
    port: u16,
    is_tls: bool,
}

impl Rsyslog {
    fn start(folder: &Path, is_tls: bool) -> Self {
        let folder = folder.to_owned();
        fs::create_dir_all(&folder).unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let mut rsyslog = Self {
            daemon: None,
            folder,
            port: 0,
            is_tls,
        };
        rsyslog.resume();
        rsyslog
    }

    /// Starts it at the port that it had before.
    fn resume(&mut self) {
        let at = |name: &str| self.folder.join(name).to_str().unwrap().to_owned();
        let (driver, mode) = if self.is_tls {
            let files = ["CA:cert", "Cert:cert", "Key:key"].map(|pair| {
                let (kind, name) = pair.split_once(':').unwrap();
                format!(" defaultNetstreamDriver{kind}File=\"{}.pem\"", at(name))
            });
            let mode = " streamDriver.name=\"gtls\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\"";
            (files.concat(), mode)
        } else {
            (String::new(), "")
        };
        let settings = format!(
            "global(workDirectory=\"{}\" maxMessageSize=\"2m\" net.enableDNS=\"off\"{driver})\n\
             module(load=\"imtcp\"{mode})\n\
             template(name=\"as-read\" type=\"string\" string=\"<%pri%>%protocol-version% \
             %timereported:::date-rfc3339% %app-name% %msgid% %msg%\\n\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{}\" listenPortFileName=\"{}\")\n\
             action(type=\"omfile\" file=\"{}\" template=\"as-read\")\n",
            self.folder.display(),
            self.port,
            at("port"),
            at("messages"),
        );
        fs::write(self.folder.join("conf"), settings).unwrap();
        let mut command = Command::new(locate("rsyslogd").unwrap());
        command.args(["-n", "-iNONE", "-f", &at("conf")]);
        let log = self.folder.join("log");
        let mut daemon = Daemon::start("rsyslog", &mut command, Stdio::null(), &log).unwrap();
        let (mut port, known) = (String::new(), self.port);
        let is_ready = || {
            // It writes down a port that it was left to choose, and no other.
            if known != 0 {
                return Ok(TcpStream::connect(("127.0.0.1", known)).is_ok());
            }
            port = fs::read_to_string(self.folder.join("port")).unwrap_or_default();
            Ok(!port.is_empty())
        };
        daemon
            .wait_until(Duration::from_secs(30), is_ready)
            .unwrap();
        if known == 0 {
            self.port = port.trim().parse().unwrap();
        }
        self.daemon = Some(daemon);
    }

    fn url(&self) -> String {
        if self.is_tls {
            format!("syslog+tls://localhost:{}", self.port)
        } else {
            format!("syslog+tcp://127.0.0.1:{}", self.port)
        }
    }

    /// What it took, once that is so many messages.
    fn messages(&self, count: usize) -> Vec<String> {
        lines_once(&self.folder.join("messages"), count)
    }
}

/// The lines of a file, once there are so many.
fn lines_once(file: &Path, count: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(Instant::now() < deadline, "{} of {count}", lines.len());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What the export in this format prints.
fn exported(live: &Live, format: &str) -> Vec<String> {
    let ran = run(&mut live.gate("auditor", &["audit", "export", "--format", format]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.lines().map(str::to_owned).collect()
}

/// The same as rsyslog reads it: it knows the fields of the frame, and the message behind them.
fn as_read(live: &Live) -> Vec<String> {
    let lines = exported(live, "cef").into_iter();
    let read = lines.map(|line| {
        let [priority, time, _host, app, _process, kind, rest] =
            line.splitn(7, ' ').collect::<Vec<_>>()[..]
        else {
            unreachable!("{line}");
        };
        let (structured, event) = rest.split_once(' ').unwrap();
        assert_eq!(structured, "-");
        format!("{priority} {time} {app} {kind} {event}")
    });
    read.collect()
}

fn forward(live: &Live, to: &str, more: &[&str]) -> Command {
    let args = [&["audit", "forward", "--to", to], more].concat();
    live.gate("auditor", &args)
}

fn once(live: &Live, to: &str, more: &[&str]) -> Ran {
    run(&mut forward(live, to, &[&["--once"], more].concat()))
}

/// A forwarder that goes on until it is killed.
struct Going(Child);

impl Going {
    fn start(live: &Live, to: &str, more: &[&str]) -> Self {
        Self(
            forward(live, to, more)
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn rsyslog_reads_each_record_once_and_in_order_whoever_was_away_meanwhile() {
    let (live, _) = live_with_history();
    let home = Home::new().unwrap();
    let mut rsyslog = Rsyslog::start(&home.path().join("rsyslog"), false);
    let url = rsyslog.url();
    let first = once(&live, &url, &[]);
    let count = as_read(&live).len();
    let said = format!("forwarded {count} records, up to {count}\n");
    assert_eq!((first.code, &*first.stdout), (Some(0), &*said), "{first:?}");
    assert_eq!(rsyslog.messages(count), as_read(&live));
    let again = once(&live, &url, &[]);
    assert!(again.stdout.starts_with("forwarded 0 records"), "{again:?}");

    // The receiver is away when the forwarder starts, and comes back.
    rsyslog.daemon = None;
    submit(&live, "while it is away", "test");
    let away = once(&live, &url, &[]);
    assert_eq!(away.code, Some(69), "{away:?}");
    let going = Going::start(&live, &url, &[]);
    rsyslog.resume();
    assert_eq!(rsyslog.messages(count + 1), as_read(&live));
    let second = once(&live, &url, &[]);
    assert_eq!(second.code, Some(78), "one is at work already: {second:?}");
    // Killed without a word, and started again.
    drop(going);
    submit(&live, "while nobody forwards: a=b|c\\d\u{1b}[0m ä", "test");
    let _going = Going::start(&live, &url, &[]);
    submit(&live, "as it comes", "test");
    assert_eq!(rsyslog.messages(count + 3), as_read(&live));
}

#[test]
fn over_tls_the_receiver_is_who_it_should_be_or_gets_nothing() {
    let (live, _) = live_with_history();
    let home = Home::new().unwrap();
    let rsyslog = Rsyslog::start(&home.path().join("rsyslog"), true);
    let ca = rsyslog.folder.join("cert.pem");
    let sent = once(&live, &rsyslog.url(), &["--ca", ca.to_str().unwrap()]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    let read = as_read(&live);
    assert_eq!(rsyslog.messages(read.len()), read);

    submit(&live, "one more", "test");
    let unknown = once(&live, &rsyslog.url(), &[]);
    assert_eq!(unknown.code, Some(69), "{unknown:?}");
    assert!(unknown.stderr.contains("certificate"), "{unknown:?}");
    assert_eq!(rsyslog.messages(read.len()), read);
    let plain = format!("syslog+tcp://192.0.2.1:{}", rsyslog.port);
    assert_eq!(once(&live, &plain, &[]).code, Some(64));
}

/// A collector on this machine that gives these answers, one after another.
fn collector(home: &Home, answers: &[&str]) -> (Going, String, PathBuf) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receive_otlp.py");
    let taken = home.path().join("taken");
    let mut python = Command::new(testbed().join("judges/bin/python3"))
        .arg(script)
        .arg(&taken)
        .args(answers)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(python.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    let url = format!("http://127.0.0.1:{}", port.trim());
    (Going(python), url, taken)
}

#[test]
fn a_collector_gets_each_record_at_least_once_and_after_it_said_to_wait() {
    let (live, _) = live_with_history();
    let home = Home::new().unwrap();
    let secret = home.path().join("token");
    fs::write(&secret, "a-token\n").unwrap();
    let shown = ["--token-file", secret.to_str().unwrap()];
    let records = exported(&live, "jsonl");
    let (_collector, url, taken) = collector(&home, &["503", "lose", "take"]);
    let begun = Instant::now();
    let sent = once(&live, &url, &shown);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert!(begun.elapsed() >= Duration::from_secs(1), "it said to wait");
    // What was taken and not answered is sent once more, and nothing else is.
    let twice = [records.clone(), records.clone()].concat();
    assert_eq!(lines_once(&taken, twice.len()), twice);
    let again = once(&live, &url, &shown);
    assert!(again.stdout.starts_with("forwarded 0 records"), "{again:?}");
    assert_eq!(lines_once(&taken, twice.len()), twice);
}

#[test]
fn what_a_collector_refuses_is_told_and_stays_where_it_is() {
    let (live, _) = live_with_history();
    let home = Home::new().unwrap();
    let secret = home.path().join("token");
    fs::write(&secret, "a-token\n").unwrap();
    let cursor = home.path().join("cursor.json");
    let more = with_cursor(&secret, &cursor);
    let records = exported(&live, "jsonl");
    let (_collector, url, taken) = collector(&home, &["400", "part"]);
    let refused = once(&live, &url, &more);
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains("400 Bad Request"), "{refused:?}");
    assert!(!taken.exists() && !cursor.exists());
    let partly = once(&live, &url, &more);
    assert_eq!(partly.code, Some(0), "{partly:?}");
    let said = "gate: warning: 1 records not taken: one is too old";
    assert!(partly.stderr.contains(said), "{partly:?}");
    assert_eq!(lines_once(&taken, records.len()), records);

    // Another log, or one whose end is gone, is none that goes on from what was sent.
    let text = fs::read_to_string(&cursor).unwrap();
    let (_, hash) = text.split_once("\"last\":\"").unwrap();
    let other = text.replacen(hash.split('"').next().unwrap(), &"ab".repeat(32), 1);
    fs::write(&cursor, other).unwrap();
    submit(&live, "one more", "test");
    let another = once(&live, &url, &more);
    assert_eq!(another.code, Some(1), "{another:?}");
    assert!(another.stderr.contains("does not follow"), "{another:?}");
    let beyond = text.replacen("\"next\":", "\"next\":9", 1);
    fs::write(&cursor, beyond).unwrap();
    let shorter = once(&live, &url, &more);
    assert_eq!(shorter.code, Some(1), "{shorter:?}");
    assert!(
        shorter.stderr.contains("its end was removed"),
        "{shorter:?}"
    );
    assert_eq!(lines_once(&taken, records.len()), records);
}

/// A cursor in a file of its own, with what else a forwarder to a collector needs.
fn with_cursor<'a>(secret: &'a Path, cursor: &'a Path) -> [&'a str; 4] {
    let (secret, cursor) = (secret.to_str().unwrap(), cursor.to_str().unwrap());
    ["--token-file", secret, "--cursor", cursor]
}

#[test]
fn a_cursor_that_can_not_be_used_says_with_which_record_it_goes_on_without_it() {
    let (live, _) = live_with_history();
    let home = Home::new().unwrap();
    let (secret, cursor) = (home.path().join("token"), home.path().join("cursor.json"));
    fs::write(&secret, "a-token\n").unwrap();
    let more = with_cursor(&secret, &cursor);
    let (_collector, url, taken) = collector(&home, &["take"]);
    let sent = once(&live, &url, &more);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    let count = exported(&live, "jsonl").len();
    let good = fs::read_to_string(&cursor).unwrap();

    // One of another receiver, and one that a stranger has written in.
    let elsewhere = "http://127.0.0.1:9";
    let other = once(&live, elsewhere, &more);
    assert_eq!(other.code, Some(78), "{other:?}");
    for part in [
        format!("it is that of what goes from {}", live.said("/url")),
        format!("to {url}"),
        format!("name another file with --cursor; --from {count} goes on"),
    ] {
        assert!(other.stderr.contains(&part), "{part}: {other:?}");
    }
    // Its place in the log of another server says nothing.
    let stranger = once(&Live::start(), &url, &more);
    assert_eq!(stranger.code, Some(78), "{stranger:?}");
    let hint = "name another file with --cursor\n";
    assert!(stranger.stderr.contains(hint), "{stranger:?}");
    for (damaged, hint) in [
        (
            good.replacen("\"server\"", "\"sender\"", 1),
            format!("remove it, and go on with --from {count}, which it says"),
        ),
        (
            good.split_once(',').unwrap().0.to_owned(),
            "remove it to begin anew, with --from where".to_owned(),
        ),
    ] {
        fs::write(&cursor, &damaged).unwrap();
        let refused = once(&live, &url, &more);
        assert_eq!(refused.code, Some(78), "{damaged}: {refused:?}");
        assert!(refused.stderr.contains(&hint), "{damaged}: {refused:?}");
        assert_eq!(fs::read_to_string(&cursor).unwrap(), damaged);
    }
    // It goes on as the hint says, and nothing is sent twice.
    fs::remove_file(&cursor).unwrap();
    submit(&live, "one more", "test");
    let from = count.to_string();
    let again = once(&live, &url, &[&more[..], &["--from", &from]].concat());
    assert_eq!(again.code, Some(0), "{again:?}");
    let records = exported(&live, "jsonl");
    assert!(records.len() > count);
    assert_eq!(lines_once(&taken, records.len()), records);
}

#[test]
fn what_was_archived_before_it_was_forwarded_is_told_once() {
    let (live, archived) = archived::live_with_archive();
    let home = Home::new().unwrap();
    let (secret, cursor) = (home.path().join("token"), home.path().join("cursor.json"));
    fs::write(&secret, "a-token\n").unwrap();
    let more = with_cursor(&secret, &cursor);
    let (_collector, url, taken) = collector(&home, &["503", "take"]);
    let first = once(&live, &url, &more);
    assert_eq!(first.code, Some(0), "{first:?}");
    let warning = format!(
        "warning: records 0 to {} were archived before they were forwarded",
        archived - 1
    );
    assert_eq!(first.stderr.matches(&warning).count(), 1, "{first:?}");
    let left = exported(&live, "jsonl");
    assert_eq!(lines_once(&taken, left.len()), left);
    // With nothing new, and with something.
    for word in [None, Some("one more")] {
        if let Some(word) = word {
            submit(&live, word, "test");
        }
        let again = once(&live, &url, &more);
        assert_eq!((again.code, &*again.stderr), (Some(0), ""), "{again:?}");
    }
    let left = exported(&live, "jsonl");
    assert_eq!(lines_once(&taken, left.len()), left);
}
