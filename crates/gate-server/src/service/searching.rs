//! Finding requests again by what was asked, for the page's history and for `GET /v1/requests`.

use std::time::Duration;

use gate_protocol::problem::ProblemCode;
use gate_protocol::request::ApprovalStatus;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::history::{AsOf, Past, Reading};
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
pub(super) async fn turn() -> Result<SemaphorePermit<'static>, Failure> {
    let turn = tokio::time::timeout(PATIENCE, AT_A_TIME.acquire()).await;
    if let Ok(Ok(turn)) = turn {
        return Ok(turn);
    }
    let busy = Failure::new(ProblemCode::Unavailable, "other searches are running");
    Err(busy.retry_after(5))
}

impl Server {
    /// Returns what is found: of the standby, but for what can still change and for the newest of
    /// all, which cost little.
    pub(crate) async fn search(&self, wanted: &Wanted) -> Result<(Listed, Option<AsOf>), Failure> {
        let _turn = turn().await?;
        let can_change = |status: ApprovalStatus| !status.is_terminal();
        if wanted.status.is_some_and(can_change) || wanted.is_everything() {
            let mut reader = self.store.read().await?;
            return Ok((wanted.read(reader.connection()).await?, None));
        }
        Ok(self.past(wanted).await?)
    }
}
