//! `gate approve`.

use gate_protocol::canonical::Digest;
use gate_protocol::inert::inert;
use gate_protocol::request::ApprovalRequest;
use gate_protocol::review::Answer;
use nix::sys::termios::{FlushArg, tcflush};

use super::requests::find;
use super::review;
use crate::failure::{Failure, FailureKind};
use crate::prompt;
use crate::report;
use crate::session;
use crate::world::World;

/// The fewest digits that name what was read.
const SHORTEST_DIGEST: usize = 8;

/// Approve a request, after showing it in full
///
/// At a terminal you are asked; what destroys, touches production or has other weight is approved
/// by typing the first digits of its digest, or a name of its target. Without one, or to skip the question, give
/// `--yes` and the beginning of the digest of what you have read.
#[derive(Debug, clap::Args)]
pub(crate) struct Approve {
    /// The request's id; its first or last 6 digits or more will do.
    #[arg(value_name = "ID")]
    id: String,
    /// A word to the requester, at most 500 characters.
    #[arg(long, value_name = "TEXT", value_parser = review::parse_comment)]
    comment: Option<String>,
    /// Do not ask. Needs --digest.
    #[arg(long, requires = "digest")]
    yes: bool,
    /// The first 8 digits or more of the digest that you have read.
    #[arg(long, value_name = "HEX", value_parser = parse_digest_prefix)]
    digest: Option<String>,
}

fn parse_digest_prefix(text: &str) -> Result<String, String> {
    let is_hex = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let longest = Digest::ZERO.to_string().len();
    if is_hex && (SHORTEST_DIGEST..=longest).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "give the first {SHORTEST_DIGEST} to {longest} lowercase hex digits"
    ))
}

impl Approve {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let request = find(&session, &self.id)?;
        review::present(world, &request)?;
        self.refuse_another_digest(&request)?;
        if !self.yes && !ask(&request)? {
            report::line("not approved; the request goes on waiting");
            return Ok(());
        }
        review::send(
            world,
            &session,
            &request,
            Answer::Approve,
            self.comment.as_deref(),
        )
    }

    fn refuse_another_digest(&self, request: &ApprovalRequest) -> Result<(), Failure> {
        let digest = request.digest.to_string();
        match &self.digest {
            Some(read) if !digest.starts_with(read.as_str()) => Err(Failure::new(
                FailureKind::Usage,
                format!(
                    "what you have read has the digest {}..., this request has {digest}",
                    inert(read)
                ),
            )
            .hint("read what is shown above; nothing was answered")),
            Some(_) | None => Ok(()),
        }
    }
}

/// Asks at the terminal. What was typed before the question is thrown away: it
/// was no answer to what is shown.
fn ask(request: &ApprovalRequest) -> Result<bool, Failure> {
    if !prompt::is_possible() {
        return Err(
            Failure::new(FailureKind::Usage, "there is no terminal to ask at").hint(
                "give --yes and --digest with the first digits of the digest that you have read",
            ),
        );
    }
    tcflush(std::io::stdin(), FlushArg::TCIFLUSH).map_err(|error| {
        Failure::new(FailureKind::Internal, "cannot clear what was typed before").caused_by(error)
    })?;
    if request.typed.is_empty() {
        return prompt::confirm(&format!("approve request {} as shown above?", request.id));
    }
    for reason in &request.typed {
        report::line(&inert(reason));
    }
    let prefix = digest_start(request);
    let name = offered(request).map(|name| format!(" or `{name}`"));
    let typed = prompt::text(&format!(
        "to approve it, type `{prefix}`{}, or nothing to leave it",
        name.unwrap_or_default()
    ))?;
    let typed = typed.trim();
    if typed.is_empty() || typed.eq_ignore_ascii_case("n") || typed.eq_ignore_ascii_case("no") {
        return Ok(false);
    }
    if is_met_by(request, typed) {
        return Ok(true);
    }
    report::line("what you typed is something else");
    Ok(false)
}

/// How much of the digest is typed, in characters.
const TYPED_DIGITS: usize = 6;
/// The shortest name of a target that can be typed, in characters.
const SHORTEST_NAME: usize = 3;

/// Returns how the digest begins.
fn digest_start(request: &ApprovalRequest) -> String {
    request
        .digest
        .to_string()
        .chars()
        .take(TYPED_DIGITS)
        .collect()
}

/// Returns the name of the target that can be typed instead: production where it is known. One
/// that is not plain is not offered: nobody should have to type an escape.
fn offered(request: &ApprovalRequest) -> Option<&str> {
    let is_plain = |name: &String| {
        (SHORTEST_NAME..=80).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let target = request.invocation.target.iter();
    let names: Vec<_> = target.filter(|(_, value)| is_plain(value)).collect();
    let mut known = names.iter();
    let production = known.find(|(field, value)| request.is_production(field, value));
    production.or(names.first()).map(|(_, name)| name.as_str())
}

/// Tells whether what was typed is what was asked for, as the page judges it.
fn is_met_by(request: &ApprovalRequest, typed: &str) -> bool {
    let mut names = request.invocation.target.values();
    typed.eq_ignore_ascii_case(&digest_start(request))
        || names.any(|name| name.chars().count() >= SHORTEST_NAME && name == typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_named_by_eight_digits_or_more() {
        assert!(parse_digest_prefix("e3b0c442").is_ok());
        for bad in ["", "e3b0c44", "E3B0C442", "e3b0c44g", &"a".repeat(65)] {
            assert!(parse_digest_prefix(bad).is_err(), "{bad}");
        }
    }
}
