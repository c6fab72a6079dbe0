//! Finding requests again by what was asked, for the page's history and for `GET /v1/requests`.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gate_protocol::problem::ProblemCode;
use gate_protocol::request::ApprovalStatus;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::history::{AsOf, Past, Reading};
use crate::identity::Actor;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::requests::Listed;
use crate::store::search::{self, Wanted};
use crate::store::{Connection, StoreError};

/// The longest word of a search, in bytes; a field has no longer ones.
pub(crate) const MOST_BYTES: usize = 400;
/// How many words are looked for at a time; each is looked for in every request.
pub(crate) const MOST_WORDS: usize = 8;

/// A search reads every request, and holds one of the store's few readers while it does; the others
/// are left to those who wait.
static AT_A_TIME: Semaphore = Semaphore::const_new(1);
/// How long a search waits for those before it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Whose search waits in line: one of each caller, so that nobody fills it. By the server too, as
/// tests have several in one process.
static IN_LINE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A caller's place in the line, until this is dropped.
struct InLine(String);

impl InLine {
    /// Takes the caller's only place; none where a search of theirs waits already.
    fn take(caller: String) -> Option<Self> {
        let mut line = IN_LINE.lock().unwrap_or_else(PoisonError::into_inner);
        // Made where it is kept alone: one that is dropped here would wait for the line it holds.
        line.insert(caller.clone()).then(|| Self(caller))
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        let mut line = IN_LINE.lock().unwrap_or_else(PoisonError::into_inner);
        line.remove(&self.0);
    }
}

impl Reading for Wanted {
    type Found = Listed;

    fn past(&self) -> Past {
        Past::Ended
    }

    async fn read(&self, connection: &mut Connection) -> Result<Listed, StoreError> {
        search::search(connection, self).await
    }
}

impl Wanted {
    /// Refuses what takes too long to be looked for, as a sentence.
    pub(crate) fn refuse_long(&self) -> Result<(), String> {
        let texts = [
            &self.text,
            &self.principal,
            &self.tool,
            &self.target,
            &self.effect,
        ];
        if texts.iter().any(|text| text.contains('\0')) {
            // PostgreSQL knows no text with it.
            return Err("A field has no NUL.".to_owned());
        }
        if texts.iter().any(|text| text.len() > MOST_BYTES) {
            return Err(format!("A field has at most {MOST_BYTES} bytes."));
        }
        if self.text.split_whitespace().count() > MOST_WORDS {
            return Err(format!("At most {MOST_WORDS} words can be looked for."));
        }
        Ok(())
    }
}

/// Waits for the searches before this one, each of which reads every request.
async fn turn(caller: String) -> Result<SemaphorePermit<'static>, Failure> {
    let Some(_place) = InLine::take(caller) else {
        let waits = Failure::new(
            ProblemCode::TooMany,
            "another search of yours waits already",
        );
        return Err(waits.retry_after(5));
    };
    let turn = tokio::time::timeout(PATIENCE, AT_A_TIME.acquire()).await;
    if let Ok(Ok(turn)) = turn {
        return Ok(turn);
    }
    let busy = Failure::new(ProblemCode::Unavailable, "other searches are running");
    Err(busy.retry_after(5))
}

impl Server {
    /// Waits for the caller's turn, where every request is read for it.
    pub(crate) async fn turn_of(
        &self,
        caller: &Actor,
        reads_all: bool,
    ) -> Result<Option<SemaphorePermit<'static>>, Failure> {
        if !reads_all {
            return Ok(None);
        }
        let caller = format!("{} {}", self.keys.print(), caller.name());
        Ok(Some(turn(caller).await?))
    }

    /// Returns what is found: of the standby, but for what can still change and for the newest of
    /// all, which cost little.
    pub(crate) async fn search(
        &self,
        caller: &Actor,
        wanted: &Wanted,
    ) -> Result<(Listed, Option<AsOf>), Failure> {
        let _turn = self.turn_of(caller, !wanted.is_everything()).await?;
        let can_change = |status: ApprovalStatus| !status.is_terminal();
        if wanted.status.is_some_and(can_change) || wanted.is_everything() {
            let mut reader = self.store.read().await?;
            return Ok((wanted.read(reader.connection()).await?, None));
        }
        Ok(self.past(wanted).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_one_place_in_line() {
        let take = || InLine::take("print user:zoe".to_owned());
        let first = take();
        assert!(first.is_some());
        assert!(take().is_none());
        assert!(take().is_none());
        assert!(InLine::take("print user:yan".to_owned()).is_some());
        drop(first);
        assert!(take().is_some());
    }
}
