//! What would happen: a command line, read and decided here by the rules in
//! force, without the files and the environment of the machine it would run on.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::Path;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate_policy::{Decision, Layer, Occasion, PolicyBuilder};
use gate_protocol::span;
use serde::Deserialize;

use super::form::{Posted, Tokened};
use super::page::{Refused, render};
use super::question::{self, ShownEffect};
use super::reading::Reading;
use super::session::Visitor;
use super::shown::Shown;
use crate::clock;
use crate::problem::Failure;
use crate::service::line;
use crate::settings::Floor;
use crate::state::Server;
use crate::store::rules;

/// The longest line that is read, in bytes.
const LINE_LIMIT: usize = 8_000;
/// Marks of a shell outside of quotes: a line with one is read as `sh -c` reads it.
const OF_A_SHELL: &str = "|&;<>()$`\n*?[]{}~#!";

/// What would happen.
struct Outlook {
    decision: &'static str,
    class: &'static str,
    sentence: String,
    effect: ShownEffect,
    rule: Shown,
    reasons: Vec<Shown>,
    target: Vec<(Shown, Shown)>,
    needs: Vec<String>,
    messages: Vec<Shown>,
    words: Vec<Shown>,
    reading: Reading,
    is_of_a_shell: bool,
}

#[derive(Template)]
#[template(path = "what_if.html")]
struct WhatIfPage {
    visitor: Option<Visitor>,
    csrf: String,
    line: String,
    limit: usize,
    version: u64,
    complaint: Option<String>,
    outlook: Option<Outlook>,
}

/// Shows the empty box.
pub(super) async fn ask(
    State(server): State<Server>,
    visitor: Visitor,
) -> Result<Response, Refused> {
    let mut reader = server.store.read().await?;
    let page = WhatIfPage {
        csrf: visitor.csrf(),
        line: String::new(),
        limit: LINE_LIMIT,
        version: rules::version(reader.connection()).await?,
        complaint: None,
        outlook: None,
        visitor: Some(visitor),
    };
    Ok(render(StatusCode::OK, &page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineForm {
    csrf: String,
    line: String,
}

impl Tokened for LineForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Reads and decides a line. A form and not an address, so that no line stays
/// in a history; nothing is changed by it.
pub(super) async fn decide(
    State(server): State<Server>,
    posted: Posted<LineForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    let line = form.line.replace("\r\n", "\n").trim().to_owned();
    let mut reader = server.store.read().await?;
    let stored = rules::current(reader.connection()).await?;
    drop(reader);
    let version = stored.as_ref().map_or(0, |stored| stored.version);
    let (mut complaint, mut outlook) = (None, None);
    if line.len() > LINE_LIMIT {
        complaint = Some(format!("The line has more than {LINE_LIMIT} bytes."));
    } else {
        match split(&line) {
            Err(why) => complaint = Some(why.to_owned()),
            Ok(words) => {
                let text = stored.map(|stored| stored.text).unwrap_or_default();
                let floor = server.settings.floor.clone();
                let judged =
                    tokio::task::spawn_blocking(move || judge(&words, &text, &floor)).await;
                outlook = Some(judged.map_err(|error| Failure::internal(&error))?);
            }
        }
    }
    let status = match complaint {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = WhatIfPage {
        csrf: visitor.csrf(),
        line,
        limit: LINE_LIMIT,
        version,
        complaint,
        outlook,
        visitor: Some(visitor),
    };
    Ok(render(status, &page))
}

/// The words of a line.
#[derive(Debug, PartialEq, Eq)]
struct Words {
    words: Vec<String>,
    is_of_a_shell: bool,
}

/// Splits a line as a shell would where it has nothing but words and quotes,
/// and hands it to a shell as a whole where it has more.
fn split(line: &str) -> Result<Words, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut left: VecDeque<char> = line.chars().collect();
    while let Some(c) = left.pop_front() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '\'' | '"' => {
                let quoted = quoted(&mut left, c)?;
                let Some(quoted) = quoted else {
                    return Ok(of_a_shell(line));
                };
                word.get_or_insert_default().push_str(&quoted);
            }
            '\\' => match left.pop_front() {
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err("The line ends in the middle of a word."),
            },
            c if OF_A_SHELL.contains(c) => return Ok(of_a_shell(line)),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match words.first() {
        None => Err("There is no command in it."),
        // `A=b tool` sets a variable for the tool, as a shell does.
        Some(first) if first.contains('=') => Ok(of_a_shell(line)),
        Some(_) => Ok(Words {
            words,
            is_of_a_shell: false,
        }),
    }
}

/// Takes what stands up to the closing quote; none where a shell would expand it.
fn quoted(left: &mut VecDeque<char>, quote: char) -> Result<Option<String>, &'static str> {
    let mut text = String::new();
    while let Some(c) = left.pop_front() {
        match c {
            c if c == quote => return Ok(Some(text)),
            '$' | '`' if quote == '"' => return Ok(None),
            '\\' if quote == '"' => match left.pop_front() {
                Some(c @ ('"' | '\\' | '$' | '`')) => text.push(c),
                Some(c) => text.extend(['\\', c]),
                None => break,
            },
            c => text.push(c),
        }
    }
    Err("A quote is not closed.")
}

fn of_a_shell(line: &str) -> Words {
    Words {
        words: ["sh", "-c", line].map(ToOwned::to_owned).to_vec(),
        is_of_a_shell: true,
    }
}

fn judge(words: &Words, rules: &str, floor: &Floor) -> Outlook {
    let mut builder = PolicyBuilder::new();
    // A policy of which a part can't be read allows nothing.
    drop(builder.layer(Layer::Server, "server", rules));
    let policy = builder.build();
    let argv: Vec<OsString> = words.words.iter().map(OsString::from).collect();
    let cwd = Path::new("/");
    let invocation = line::read(&argv, cwd);
    let occasion = Occasion::of_nobody(clock::now());
    let evaluation = policy.evaluate(&invocation, cwd, &occasion);
    let (class, sentence) = match evaluation.decision {
        Decision::Allow => ("calm", "It would run at once, and nobody would be asked."),
        Decision::RequireApproval => ("warn", "It would wait until people have approved it."),
        Decision::Deny => ("alarm", "It would be refused, and nobody could approve it."),
    };
    let needs = match evaluation.decision {
        Decision::RequireApproval => needs(&evaluation.obligations, floor),
        Decision::Allow | Decision::Deny => Vec::new(),
    };
    let shown = |texts: &[String]| texts.iter().map(|text| Shown::of(text)).collect();
    Outlook {
        decision: match evaluation.decision {
            Decision::Allow => "allowed",
            Decision::RequireApproval => "asks",
            Decision::Deny => "denied",
        },
        class,
        sentence: sentence.to_owned(),
        effect: question::effect(evaluation.effect.as_str()),
        rule: Shown::of(&evaluation.deciding.id),
        reasons: shown(&evaluation.reasons),
        target: invocation
            .target
            .iter()
            .map(|(name, value)| (Shown::of(name), Shown::of(value)))
            .collect(),
        needs,
        messages: evaluation
            .messages
            .iter()
            .map(|message| Shown::of(&message.text))
            .collect(),
        words: words.words.iter().map(|word| Shown::of(word)).collect(),
        reading: Reading::from_invocation(&invocation),
        is_of_a_shell: words.is_of_a_shell,
    }
}

/// Says who would be asked, the server's own demand included.
fn needs(obligations: &gate_policy::Obligations, floor: &Floor) -> Vec<String> {
    let people = |approvers: &[String]| match approvers {
        [] => "every approver".to_owned(),
        names => names.join(" or "),
    };
    let mut needs: Vec<String> = obligations
        .requirements
        .iter()
        .filter(|one| !one.approvers.is_empty())
        .map(|one| format!("{} of {}", one.count, people(&one.approvers)))
        .collect();
    let least = floor.requirement();
    needs.push(format!(
        "{} of {}, as this server asks of every request",
        least.count,
        people(&least.approvers)
    ));
    needs.push(format!(
        "they have {} to answer",
        span::seconds(obligations.request_ttl.as_secs())
    ));
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line).unwrap().words
    }

    #[test]
    fn a_line_is_split_as_a_shell_splits_it() {
        assert_eq!(
            words("psql -c 'drop table t' \"a b\\\"c\" d\\ e ''"),
            ["psql", "-c", "drop table t", "a b\"c", "d e", ""]
        );
        for line in [
            "a | b", "a $x", "a \"$x\"", "A=1 b", "a > f", "a; b", "a\nb",
        ] {
            let read = split(line).unwrap();
            assert!(read.is_of_a_shell, "{line}");
            assert_eq!(read.words, ["sh", "-c", line]);
        }
        assert!(!split("a '$x'").unwrap().is_of_a_shell);
        for line in ["", "  ", "a 'b", "a \"b", "a \\"] {
            assert!(split(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_line_is_decided_by_the_rules_in_force() {
        let floor = crate::settings::Settings::new("", "http://x").floor;
        let judged = |line: &str, rules: &str| judge(&split(line).unwrap(), rules, &floor);
        assert_eq!(judged("kubectl get pods", "").decision, "allowed");
        assert_eq!(judged("kubectl delete ns prod", "").decision, "asks");
        assert_eq!(judged("true; kubectl delete ns prod", "").decision, "asks");
        let deny = "[[rule]]\nid = \"no\"\ntool = \"kubectl\"\ndecision = \"deny\"\n";
        assert_eq!(judged("kubectl get pods", deny).decision, "denied");
        let unreadable = "[[rule]]\nid = 3";
        assert_ne!(judged("kubectl get pods", unreadable).decision, "allowed");
    }
}
