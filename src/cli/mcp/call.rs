//! One call of a tool: its arguments, and what is done for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gate_client::{ClientError, WaitNotice};
use gate_protocol::inert::inert;
use gate_protocol::request::ApprovalStatus;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::told;
use crate::approval::Patience;
use crate::cli::{check, requests};
use crate::failure::{Failure, FailureKind};
use crate::pipeline::{self, Asked, Run};
use crate::progress::Voice;
use crate::session;
use crate::world::World;

/// How long one call waits for people at most, in seconds: agents end calls that take longer than
/// a minute.
pub(super) const LONGEST_WAIT_SECONDS: u64 = 50;
/// How long it waits where the agent does not say.
const USUAL_WAIT_SECONDS: u64 = 25;
/// How many requests a list has where the agent does not say.
const USUAL_LIST: u32 = 20;
/// The most that a list has.
pub(super) const LONGEST_LIST: u32 = 100;

/// What an agent wants.
#[derive(Debug)]
pub(super) enum Call {
    Check(Command),
    RequestApproval(Request),
    ListRequests(Page),
    WaitForRequest(Wait),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Command {
    argv: Vec<String>,
    cwd: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    argv: Vec<String>,
    cwd: Option<PathBuf>,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    id: String,
    seconds: Option<u64>,
}

impl Call {
    /// Reads a call.
    ///
    /// # Errors
    /// There is no such tool, or its arguments are others.
    pub(super) fn parse(name: &str, arguments: Map<String, Value>) -> Result<Self, String> {
        let call = match name {
            "check" => Self::Check(read(arguments)?),
            "request_approval" => Self::RequestApproval(read(arguments)?),
            "list_requests" => Self::ListRequests(read(arguments)?),
            "wait_for_request" => Self::WaitForRequest(read(arguments)?),
            other => return Err(format!("there is no tool `{}`", inert(other))),
        };
        let (argv, cwd) = match &call {
            Self::Check(Command { argv, cwd })
            | Self::RequestApproval(Request { argv, cwd, .. }) => (argv, cwd),
            Self::ListRequests(_) | Self::WaitForRequest(_) => return Ok(call),
        };
        if argv.first().is_none_or(String::is_empty) {
            return Err("`argv` is empty: give the tool's name first, then each word".to_owned());
        }
        if argv.iter().any(|word| word.contains('\0')) {
            return Err("a word of `argv` holds a NUL byte".to_owned());
        }
        if cwd.as_ref().is_some_and(|cwd| !cwd.is_absolute()) {
            return Err("`cwd` is not an absolute path".to_owned());
        }
        Ok(call)
    }

    /// Does the call in its folder, or in `usual`. A process has one folder, so who works in one
    /// has the turn; who waits for people has let it go.
    ///
    /// # Errors
    /// As for the subcommand that does the same.
    pub(super) fn work_in(&self, usual: &Path, turn: &Mutex<()>) -> Result<Value, Failure> {
        // Whoever panicked in a turn has left nothing of it behind.
        let turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        match self {
            Self::Check(Command { argv, cwd }) => {
                let world = world_in(cwd.as_deref().unwrap_or(usual))?;
                check::checked(&world, &words(argv))
            }
            Self::RequestApproval(request) => request.submit(usual),
            Self::ListRequests(page) => page.list(usual),
            Self::WaitForRequest(wait) => {
                let world = world_in(usual)?;
                drop(turn);
                wait.work(&world)
            }
        }
    }
}

impl Wait {
    /// Waits for a request, for as long as a call may take.
    fn work(&self, world: &World) -> Result<Value, Failure> {
        let seconds = self.seconds.unwrap_or(USUAL_WAIT_SECONDS);
        let seconds = seconds.min(LONGEST_WAIT_SECONDS);
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let session = session::connect(world)?;
        let first = requests::find(&session, &self.id)?;
        let seen = first.clone();
        let request = if first.status == ApprovalStatus::Pending {
            let client = session.client();
            let mut on = |_: WaitNotice<'_>| {};
            let answer = client.wait_for_verdict(first.id, first, Some(deadline), &mut on);
            match session.block_on(answer) {
                Err(ClientError::Unanswered) => seen,
                answer => answer.map_err(session::from_client)?,
            }
        } else {
            first
        };
        Ok(told::request(&request))
    }
}

impl Request {
    fn submit(&self, usual: &Path) -> Result<Value, Failure> {
        let world = world_in(self.cwd.as_deref().unwrap_or(usual))?;
        let argv = words(&self.argv);
        let run = Run {
            name: argv.first().cloned().unwrap_or_default(),
            search: pipeline::Search::AtTheStart,
            argv,
            reason: self.reason.clone(),
            break_glass: false,
            patience: Patience::AskOnly,
            voice: Voice::Json,
        };
        Ok(match pipeline::ask(&world, run)? {
            Asked::Allowed => json!({
                "decision": "allow",
                "next": "nobody has to be asked: run it as it is, or with `gate run --` before it",
            }),
            Asked::Submitted(submitted) => {
                let mut told = told::request(&submitted.request);
                if let Some(told) = told.as_object_mut() {
                    told.insert("decision".to_owned(), json!("require_approval"));
                    told.insert("asked_before".to_owned(), json!(submitted.reattached));
                }
                told
            }
        })
    }
}

impl Page {
    fn list(&self, usual: &Path) -> Result<Value, Failure> {
        let limit = self.limit.unwrap_or(USUAL_LIST).clamp(1, LONGEST_LIST);
        let session = session::connect(&world_in(usual)?)?;
        let page = requests::own(&session, limit)?;
        let requests: Vec<Value> = page.requests.iter().map(told::request).collect();
        Ok(json!({ "requests": requests, "more": page.next.is_some() }))
    }
}

/// Returns the world as it is seen from a folder: what `gate run` would see that is started there.
fn world_in(cwd: &Path) -> Result<World, Failure> {
    std::env::set_current_dir(cwd).map_err(|error| {
        let cwd = cwd.to_string_lossy();
        let text = format!("cannot work in the folder `{}`", inert(&cwd));
        Failure::new(FailureKind::Usage, text).caused_by(error)
    })?;
    Ok(World::capture())
}

fn words(argv: &[String]) -> Vec<OsString> {
    argv.iter().map(OsString::from).collect()
}

fn read<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, String> {
    let read = serde_json::from_value(Value::Object(arguments));
    read.map_err(|error| inert(&error.to_string()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_are_none_of_the_tools_are_refused() {
        for (name, arguments) in [
            ("approve", json!({ "id": "x" })),
            ("check", json!({})),
            ("check", json!({ "argv": [] })),
            ("check", json!({ "argv": [""] })),
            ("check", json!({ "argv": "ls" })),
            ("check", json!({ "argv": ["ls", 1] })),
            ("check", json!({ "argv": ["ls\u{0}"] })),
            ("check", json!({ "argv": ["ls"], "cwd": "here" })),
            ("check", json!({ "argv": ["ls"], "env": {} })),
            (
                "request_approval",
                json!({ "argv": ["ls"], "approve": true }),
            ),
            ("wait_for_request", json!({})),
            ("wait_for_request", json!({ "id": "x", "seconds": -1 })),
            ("list_requests", json!({ "limit": "all" })),
        ] {
            let Value::Object(given) = arguments else {
                unreachable!("each is an object");
            };
            assert!(
                Call::parse(name, given.clone()).is_err(),
                "{name} {given:?}"
            );
        }
    }
}
