//! One command that is asked about, approved and ends.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use gate_client::{Client, ClientSettings};
use gate_protocol::id::RequestId;
use gate_protocol::invocation::BoundInvocation;
use gate_protocol::review::{Answer, SubmitReview};
use tokio::runtime::{Builder, Runtime};

use crate::server::Live;

/// Approves whatever is asked.
pub(crate) struct Approver {
    client: Client,
    runtime: Runtime,
}

/// A command that ran: what was approved, and what it said.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) invocation: BoundInvocation,
    pub(crate) stdout: String,
}

impl Approver {
    pub(crate) fn new(live: &Live) -> Self {
        let url = live.said("/url").parse().unwrap();
        let token = live.said("/tokens/bob_approver").parse().unwrap();
        Self {
            client: Client::new(ClientSettings::new(url).with_token(token)).unwrap(),
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
        }
    }

    /// Approves a request once some time has gone by, and returns what it is for.
    fn approve(&self, id: RequestId, after: Duration) -> BoundInvocation {
        let asked = self.runtime.block_on(self.client.show(id)).unwrap();
        std::thread::sleep(after);
        let review = SubmitReview {
            answer: Answer::Approve,
            digest: asked.digest,
            comment: None,
        };
        let answered = self.client.review(id, &review);
        self.runtime.block_on(answered).unwrap();
        asked.invocation
    }
}

/// Plays one round. Returns nothing where the command was refused, before or
/// after it was approved, with the words that say that something changed.
pub(crate) fn play(approver: &Approver, command: &mut Command, after: Duration) -> Option<Seen> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut invocation = None;
    while stderr.read_line(&mut said).unwrap() > 0 {
        let before = "gate requests cancel ";
        if invocation.is_none()
            && let Some((_, id)) = said.split_once(before)
        {
            let id = id.trim_end().trim_end_matches('`').parse().unwrap();
            invocation = Some(approver.approve(id, after));
        }
    }
    let mut stdout = String::new();
    let mut output = child.stdout.take().unwrap();
    output.read_to_string(&mut stdout).unwrap();
    let code = child.wait().unwrap().code();
    if code == Some(0) {
        let invocation = invocation.unwrap_or_else(|| panic!("it ran unasked: {said}"));
        return Some(Seen { invocation, stdout });
    }
    assert_eq!(stdout, "", "nothing ran: {said}");
    let is_told = ["changed", "replaced", "cannot read", "cannot bind"];
    assert!(
        matches!(code, Some(125 | 126)) && is_told.iter().any(|words| said.contains(words)),
        "{code:?}: {said}"
    );
    None
}
