//! Mail, to a real mail server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel as channel_of_lines};
use std::time::Duration;

use gate_protocol::channel::{ChannelSettings, MailSecurity, MailSettings};
use gate_protocol::review::Answer;
use gate_testkit::display::{is_unseen, loads};
use gate_testkit::real::testbed;
use serde_json::{Value, json};

use super::display::{self, assert_shown, told, told_at_length};
use super::stage::{Stage, channel};

/// `aiosmtpd` on a free port: it says which, and then each mail as JSON on a line.
const SERVER: &str = r"
import asyncio, email, email.policy, json, sys
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP
from html.parser import HTMLParser
class Seen(HTMLParser):
    # What a reader of mail makes of the HTML: its tags, and the text between them.
    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ''
        self.feed(html)
        self.close()
    def handle_starttag(self, tag, attributes):
        self.tags.append([tag, attributes])
    def handle_data(self, data):
        self.text += data
class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        html = mail.get_body(('html',)).get_content()
        seen = Seen(html)
        print(json.dumps({
            'raw': envelope.content.decode('latin-1'),
            'seen': {'tags': seen.tags, 'text': seen.text},
            'from': envelope.mail_from, 'to': envelope.rcpt_tos,
            'headers': {key.lower(): value for key, value in mail.items()},
            'text': mail.get_body(('plain',)).get_content(),
            'html': html,
            'auth': session.authenticated,
        }), flush=True)
        return '250 taken'
def check(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b'gate' and data.password == b'hunter2')
import socket
with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0)); port = probe.getsockname()[1]
tls = None
is_implicit = 'implicit' in sys.argv
if len(sys.argv) >= 3:
    import ssl
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
controller = Controller(Handler(), hostname='127.0.0.1', port=port, authenticator=check,
                        auth_require_tls=False, auth_required='auth' in sys.argv,
                        ssl_context=tls if is_implicit else None,
                        tls_context=None if is_implicit else tls,
                        require_starttls=tls is not None and not is_implicit)
controller.start()
print(port, flush=True)
sys.stdin.read()
controller.stop()
";

/// All headers that the first mail about a request has.
const HEADERS: [&str; 8] = [
    "auto-submitted",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "subject",
    "to",
];

/// How long a mail may take.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct MailServer {
    child: Child,
    lines: Receiver<String>,
    pub(super) port: u16,
}

impl MailServer {
    /// `auth` asks for a password; a certificate and its key ask for STARTTLS, and with
    /// `implicit` for TLS from the first byte.
    pub(super) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(testbed().join("judges/bin/python"));
        command.args(["-c", SERVER]).args(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, lines) = channel_of_lines();
        std::thread::spawn(move || {
            // It ends with the server, or with who listens.
            for line in said.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let port = lines.recv_timeout(PATIENCE).unwrap().parse().unwrap();
        Self { child, lines, port }
    }

    pub(super) fn next(&mut self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        if let Some(mut stdin) = self.child.stdin.take() {
            let _flushed = stdin.flush();
        }
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

pub(super) fn settings(port: u16, username: Option<&str>) -> MailSettings {
    MailSettings {
        host: "127.0.0.1".to_owned(),
        port,
        security: MailSecurity::None,
        username: username.map(str::to_owned),
        from: "gate <gate@example.com>".to_owned(),
        to: vec!["ops@example.com".to_owned(), "dba@example.com".to_owned()],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_answer_is_written_to_and_told_the_end_with_nothing_but_a_link() {
    let mut server = MailServer::start(&["auth"]);
    let settings = ChannelSettings::Mail(settings(server.port, Some("gate")));
    let stage = Stage::with(
        |dir| vec![channel(dir, "mail", settings, &[("password", "hunter2")])],
        |_| {},
    )
    .await;
    let request = stage.asks("<b>\r\nBcc: eve@example.com\u{202e}").await;
    stage.deliver().await;
    let mail = server.next();
    assert_eq!(mail["auth"], true);
    assert_eq!(
        mail["to"],
        serde_json::json!(["ops@example.com", "dba@example.com"])
    );
    let headers = &mail["headers"];
    assert_eq!(headers["subject"], "[gate] pending: kubectl delete");
    assert_eq!(headers["auto-submitted"], "auto-generated");
    assert!(headers.get("bcc").is_none());
    let (text, html) = (
        mail["text"].as_str().unwrap(),
        mail["html"].as_str().unwrap(),
    );
    assert!(text.contains(&format!("/requests/{}", request.id)));
    assert!(
        text.contains(r"<b>\r\nBcc: eve@example.com\u{202e}"),
        "{text}"
    );
    assert!(html.contains("&lt;b&gt;") && !html.contains("<b>") && !html.contains("<a"));
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Deny)
        .await;
    stage.deliver().await;
    let end = server.next();
    assert_eq!(end["headers"]["subject"], "[gate] denied: kubectl delete");
    assert_named(&end, &mail);
    assert!(
        headers.get("in-reply-to").is_none() && headers.get("references").is_none(),
        "the first answers to nothing: {headers}"
    );
    let admin = &stage.setup.admin;
    let tested = stage
        .post(admin, "/v1/channels/mail/test", &())
        .await
        .json();
    assert_eq!(tested["delivered"], true, "{tested}");
    assert_eq!(server.next()["headers"]["subject"], "[gate] a test");
}

/// Returns a server with two channels to one of mail: it has asked bob, after a minute the leads too,
/// by a channel of this name, and bob has denied it.
pub(super) async fn denied_after_the_leads_joined(server: &MailServer, leads: &str) -> Stage {
    let settings = ChannelSettings::Mail(settings(server.port, None));
    let stage = Stage::with(|dir| vec![channel(dir, "mail", settings, &[])], |_| {}).await;
    stage.add_for("mail", leads, "group:leads");
    let request = stage.asks_bob_and_then_the_leads("web").await;
    stage.deliver().await;
    stage.pass_a_minute().await;
    stage.deliver().await;
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Deny)
        .await;
    stage.deliver().await;
    stage
}

/// Looks at a later mail: it names the first, and is another.
fn assert_named(later: &Value, first: &Value) {
    let (later, first) = (&later["headers"], &first["headers"]["message-id"]);
    assert!(first.as_str().unwrap().ends_with("@gate>"), "{first}");
    for name in ["in-reply-to", "references"] {
        assert_eq!(&later[name], first, "{name}: {later}");
    }
    assert_ne!(&later["message-id"], first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_mails_about_a_request_name_the_first_one_of_their_channel_and_have_ids_of_their_own() {
    let mut server = MailServer::start(&[]);
    // Who joins later has another first mail.
    let _stage = denied_after_the_leads_joined(&server, "mail.leads@b").await;
    let mails: Vec<Value> = (0..5).map(|_| server.next()).collect();
    let of = |to: &str| -> Vec<&Value> {
        let found = mails.iter().filter(|mail| mail["to"][0] == to);
        found.collect()
    };
    let (ops, leads) = (of("ops@example.com"), of("second@example.com"));
    assert_eq!((ops.len(), leads.len()), (3, 2));
    for thread in [&ops, &leads] {
        for later in &thread[1..] {
            assert_named(later, thread[0]);
        }
    }
    let ids = mails
        .iter()
        .map(|mail| mail["headers"]["message-id"].to_string());
    let ids: std::collections::BTreeSet<String> = ids.collect();
    assert_eq!(ids.len(), 5, "{ids:?}");
}

/// The whole table of THREATS 2.6, through a real server of mail and a parser of HTML.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_wants_to_deceive_is_read_as_what_it_is_in_both_forms_of_a_mail() {
    let mut server = MailServer::start(&[]);
    let settings = ChannelSettings::Mail(settings(server.port, None));
    let stage = Stage::with(|dir| vec![channel(dir, "mail", settings, &[])], |_| {}).await;
    let form = json!([
        ["html", []],
        ["body", []],
        ["pre", [["style", "white-space:pre-wrap"]]],
    ]);
    for load in loads(display::ROOM) {
        told(&stage, &load).await;
        let mail = server.next();
        let seen = &mail["seen"];
        assert_eq!(seen["tags"], form, "{mail}");
        for text in [&mail["text"], &seen["text"]] {
            assert_shown(&text.as_str().unwrap().replace('\r', ""), &load, "mail");
        }
        // Nothing of it is a header, and none has more lines than its own.
        let mut names: Vec<&String> = mail["headers"].as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, HEADERS, "{mail}");
        let subject = mail["headers"]["subject"].as_str().unwrap();
        assert!(
            !subject.contains('\n') && !subject.chars().any(is_unseen),
            "{subject}"
        );
        let raw = mail["raw"].as_str().unwrap();
        let is_wire = |c: char| c == '\r' || c == '\t' || !is_unseen(c);
        assert!(raw.is_ascii() && raw.chars().all(is_wire), "{raw}");
    }
    let asked = told_at_length(&stage).await;
    let text = server.next()["text"].as_str().unwrap().to_owned();
    assert!(
        text.contains("more characters are not shown here"),
        "{text}"
    );
    assert!(text.contains("approved on its page only"), "{text}");
    assert!(text.contains(&format!("/requests/{}", asked.id)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tls_a_mail_server_that_is_not_here_gets_nothing() {
    let server = MailServer::start(&[]);
    let mut starttls = settings(server.port, None);
    starttls.security = MailSecurity::Starttls;
    let stage = Stage::with(
        |dir| vec![channel(dir, "mail", ChannelSettings::Mail(starttls), &[])],
        |_| {},
    )
    .await;
    // It offers no STARTTLS, so there is no mail.
    let admin = &stage.setup.admin;
    let tested = stage
        .post(admin, "/v1/channels/mail/test", &())
        .await
        .json();
    assert_eq!(tested["delivered"], false, "{tested}");
}

/// Makes a certificate for `localhost`, and returns the files of it and of its key.
fn certificate(dir: &Path) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

/// Sends a test by TLS to what calls itself `host`, and says whether it was taken.
async fn is_taken(
    (port, host): (u16, &str),
    security: MailSecurity,
    ca_file: Option<&Path>,
) -> bool {
    let mut secure = settings(port, Some("gate"));
    secure.security = security;
    host.clone_into(&mut secure.host);
    let password = [("password", "hunter2")];
    let stage = Stage::with(
        |dir| {
            vec![channel(
                dir,
                "mail",
                ChannelSettings::Mail(secure),
                &password,
            )]
        },
        |settings| {
            let here = "::1/128".parse().unwrap();
            settings.outbound.allow_private.push(here);
            settings.outbound.ca_file = ca_file.map(Path::to_owned);
        },
    )
    .await;
    let admin = &stage.setup.admin;
    let tested = stage.post(admin, "/v1/channels/mail/test", &()).await;
    tested.json()["delivered"] == true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_starttls_mail_goes_to_the_server_whose_certificate_is_trusted_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(dir.path());
    let mut server = MailServer::start(&[certificate.to_str().unwrap(), key.to_str().unwrap()]);
    let (here, starttls) = ((server.port, "localhost"), MailSecurity::Starttls);
    assert!(is_taken(here, starttls, Some(&certificate)).await);
    assert!(!is_taken(here, starttls, None).await, "nobody trusts it");
    assert_eq!(server.next()["headers"]["subject"], "[gate] a test");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_tls_from_the_first_byte_it_is_the_same_and_neither_is_taken_for_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(dir.path());
    let files = [certificate.to_str().unwrap(), key.to_str().unwrap()];
    let mut server = MailServer::start(&[files[0], files[1], "implicit"]);
    let here = (server.port, "localhost");
    let trusted = Some(certificate.as_path());
    assert!(is_taken(here, MailSecurity::Tls, trusted).await);
    let mail = server.next();
    assert_eq!(mail["headers"]["subject"], "[gate] a test");
    assert_eq!(mail["auth"], true, "the password went by TLS");
    assert!(!is_taken(here, MailSecurity::Tls, None).await, "untrusted");
    let by_address = (server.port, "127.0.0.1");
    assert!(
        !is_taken(by_address, MailSecurity::Tls, trusted).await,
        "the certificate is for another name"
    );
    // One that speaks first without TLS gets nothing by TLS.
    let plain = MailServer::start(&[]);
    let plain = (plain.port, "localhost");
    assert!(!is_taken(plain, MailSecurity::Tls, trusted).await);
}
