//! Mail with a link, by SMTP. It only tells: nothing is answered by mail.

use std::fmt::Write as _;
use std::time::Duration;

use gate_protocol::channel::{MailSecurity, MailSettings};
use gate_protocol::id::RequestId;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use uuid::Uuid;

use super::lane::Telling;
use super::pace::{self, Turn};
use super::{Attempt, Channel};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::deliveries;

/// How long the mail server may take for one command.
const PATIENCE: Duration = Duration::from_secs(15);

/// Writes about a request.
pub(crate) async fn tell(
    telling: &Telling<'_>,
    settings: &MailSettings,
) -> Result<Attempt, Failure> {
    let notice = telling.notice;
    if telling.is_overtaken() {
        // A mail that asks for what is decided would only mislead.
        let answer = "not sent: it was overtaken".to_owned();
        return Ok(Attempt::Delivered(answer));
    }
    if notice.is_pending()
        && let Turn::Counted { count, .. } = telling.turn()
    {
        if count > 1 {
            let answer = format!("counted: {count} have no mail of their own");
            return Ok(Attempt::Delivered(answer));
        }
        let of = pace::what(notice.is_break_glass);
        let letter = Letter {
            subject: &format!("[gate] more requests{of} than fit in a mail each"),
            id: own_id(telling),
            first: None,
            text: format!(
                "More requests{of} came in. They wait in the inbox:\n{}\n",
                telling.inbox()
            ),
        };
        return Ok(send(telling.server, telling.channel, settings, &letter).await);
    }
    let mut reader = telling.server.store.read().await?;
    let name = telling.channel.name();
    let found = deliveries::first_of(reader.connection(), name, notice.id).await?;
    drop(reader);
    let first = first_id(notice.id, name);
    let (id, first) = if found.as_deref() == Some(telling.id) {
        (first, None)
    } else {
        (own_id(telling), Some(first))
    };
    let subject = format!("[gate] {}: {}", heading(telling), notice.title);
    let letter = Letter {
        subject: &subject,
        id,
        first,
        text: text(telling),
    };
    Ok(send(telling.server, telling.channel, settings, &letter).await)
}

/// Returns the `Message-ID` of the first mail about a request by a channel, which all others name.
/// Whoever gets mail by two channels has two first ones. Source: RFC 5322, section 3.6.4.
fn first_id(request: RequestId, channel: &str) -> String {
    let mut id = format!("<{request}.");
    for sign in channel.chars() {
        match sign {
            'a'..='z' | '0'..='9' | '-' | '_' | '+' => id.push(sign),
            // A dot or an `@` may not stand everywhere in an id.
            sign => {
                let _ = write!(id, "%{:x}", u32::from(sign));
            }
        }
    }
    id.push_str("@gate>");
    id
}

/// Returns the `Message-ID` of one delivery: the same where it is tried again.
fn own_id(telling: &Telling<'_>) -> String {
    format!("<{}.{}@gate>", telling.id, telling.version)
}

/// Returns what a list of mails shows first.
fn heading(telling: &Telling<'_>) -> String {
    match telling.word() {
        "break_glass" => "BREAK-GLASS".to_owned(),
        "break_glass_used" => "BREAK-GLASS used".to_owned(),
        word if telling.notice.is_break_glass => format!("BREAK-GLASS {word}"),
        word => word.to_owned(),
    }
}

/// Writes a test.
pub(crate) async fn test(server: &Server, channel: &Channel, settings: &MailSettings) -> Attempt {
    let letter = Letter {
        subject: "[gate] a test",
        id: format!("<{}@gate>", Uuid::now_v7()),
        first: None,
        text: "A test of gate. Nothing waits for an answer.\n".to_owned(),
    };
    send(server, channel, settings, &letter).await
}

struct Letter<'a> {
    subject: &'a str,
    /// Its `Message-ID`.
    id: String,
    /// That of the first mail about the same request, where this one is another.
    first: Option<String>,
    text: String,
}

/// Returns the text of a mail: facts first, the link, and then what nobody checked.
fn text(telling: &Telling<'_>) -> String {
    let notice = telling.notice;
    let said = telling.aside().map(|aside| aside.sentence(notice));
    let mut lines: Vec<String> = said.into_iter().collect();
    lines.extend([
        notice.standing.clone(),
        String::new(),
        format!("{} asks to run:", notice.asker),
        String::new(),
        format!("    {}", notice.command),
        String::new(),
        format!("Effect: {} ({})", notice.effect, notice.meaning),
    ]);
    for line in &notice.target {
        let mark = if line.is_production {
            "  PRODUCTION"
        } else {
            ""
        };
        lines.push(format!("Target: {}{mark}", line.text));
    }
    let preview = notice.preview.iter();
    lines.extend(preview.map(|line| format!("It would do: {line}")));
    lines.extend(notice.details.iter().map(|line| format!("It runs {line}")));
    lines.push(format!("Rule: {}", notice.rule));
    lines.extend(notice.needs.iter().map(|line| format!("Needs: {line}")));
    lines.extend(notice.answers.iter().map(|line| format!("Answer: {line}")));
    lines.extend(notice.warnings.iter().map(|line| format!("! {line}")));
    if let Some(reason) = &notice.reason {
        lines.push(String::new());
        lines.push(format!("Unverified text from the requester: {reason}"));
    }
    lines.push(String::new());
    lines.push("Look at it and answer, signed in, at:".to_owned());
    lines.push(notice.url.clone());
    lines.push(String::new());
    lines.join("\n")
}

/// Returns the text as HTML that can't do anything. Only the last line that is
/// an address of ours is a link.
fn html(text: &str) -> String {
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    format!(
        "<!doctype html><html><body><pre style=\"white-space:pre-wrap\">{escaped}</pre>\
         </body></html>"
    )
}

async fn send(
    server: &Server,
    channel: &Channel,
    settings: &MailSettings,
    letter: &Letter<'_>,
) -> Attempt {
    let message = match message(settings, letter) {
        Ok(message) => message,
        Err(why) => return Attempt::Failed(why),
    };
    let transport = match transport(server, channel, settings).await {
        Ok(transport) => transport,
        Err(attempt) => return attempt,
    };
    match transport.send(message).await {
        Ok(answer) => {
            let text: Vec<&str> = answer.message().collect();
            Attempt::Delivered(format!("answered {} {}", answer.code(), text.join(" ")))
        }
        Err(error) if error.is_permanent() => Attempt::Failed(error.to_string()),
        Err(error) => Attempt::Later(None, error.to_string()),
    }
}

fn message(settings: &MailSettings, letter: &Letter<'_>) -> Result<Message, String> {
    let mailbox = |text: &str| -> Result<Mailbox, String> {
        text.parse()
            .map_err(|_| format!("`{text}` is no mail address"))
    };
    let mut builder = Message::builder()
        .from(mailbox(&settings.from)?)
        .message_id(Some(letter.id.clone()))
        .subject(letter.subject);
    for to in &settings.to {
        builder = builder.to(mailbox(to)?);
    }
    if let Some(first) = &letter.first {
        builder = builder.in_reply_to(first.clone()).references(first.clone());
    }
    // Nobody's vacation answers it. Source: RFC 3834, section 5.
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    builder = builder.raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
    let part = |kind: ContentType, body: String| SinglePart::builder().header(kind).body(body);
    builder
        .multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, letter.text.clone()))
                .singlepart(part(ContentType::TEXT_HTML, html(&letter.text))),
        )
        .map_err(|error| error.to_string())
}

/// Returns the way to the mail server, whose address was judged.
async fn transport(
    server: &Server,
    channel: &Channel,
    settings: &MailSettings,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, Attempt> {
    let outbound = server
        .channels
        .outbound()
        .ok_or_else(|| Attempt::Later(None, "not started yet".to_owned()))?;
    let address = outbound.resolve(&settings.host, settings.port).await?;
    let tls = match settings.security {
        MailSecurity::None if address.ip().is_loopback() => Tls::None,
        MailSecurity::None => {
            return Err(Attempt::Failed(
                "without TLS only a mail server on this machine is spoken to".to_owned(),
            ));
        }
        MailSecurity::Starttls => Tls::Required(parameters(settings, outbound.ca_pem())?),
        MailSecurity::Tls => Tls::Wrapper(parameters(settings, outbound.ca_pem())?),
    };
    let mut builder =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
            .port(settings.port)
            .tls(tls)
            .timeout(Some(PATIENCE));
    if let Some(username) = &settings.username {
        let password = channel.secret("password").to_owned();
        builder = builder.credentials(Credentials::new(username.clone(), password));
    }
    Ok(builder.build())
}

/// Returns how TLS is done: the certificate must be for the server's name.
fn parameters(settings: &MailSettings, ca_pem: Option<&[u8]>) -> Result<TlsParameters, Attempt> {
    let failed = |error: lettre::transport::smtp::Error| Attempt::Failed(error.to_string());
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(pem) = ca_pem {
        builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(failed)?);
    }
    builder.build_rustls().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mail_of_a_request_has_an_id_of_its_channel_whatever_that_is_called() {
        let request = RequestId::generate();
        let id = |channel: &str| first_id(request, channel);
        assert_eq!(id("ops"), format!("<{request}.ops@gate>"));
        assert_eq!(id(".a..b@c"), format!("<{request}.%2ea%2e%2eb%40c@gate>"));
        assert_ne!(id("a.b"), id("a@b"));
    }
}
