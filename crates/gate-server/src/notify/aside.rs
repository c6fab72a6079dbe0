//! What is said beside the message of a request. A message that is brought up to date makes nobody
//! look at it; an answer in its thread, a mail or a card of its own does.

use super::Attempt;
use super::lane::Telling;
use super::notice::Notice;
use crate::problem::Failure;
use crate::store::channel_messages::{self, ChatMessage};

/// What is said by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aside {
    /// Others may answer too.
    Escalated,
    /// It still waits.
    Reminded,
    /// It waits again.
    Reopened,
    /// A break-glass was used.
    BreakGlassUsed,
}

impl Aside {
    /// Returns what is said by itself for an occasion, by its word in the outbox; most are not.
    pub(crate) fn of(word: &str) -> Option<Self> {
        match word {
            "escalated" => Some(Self::Escalated),
            "reminded" => Some(Self::Reminded),
            "reopened" => Some(Self::Reopened),
            "break_glass_used" => Some(Self::BreakGlassUsed),
            _ => None,
        }
    }

    /// Returns it as one sentence.
    pub(crate) fn sentence(self, notice: &Notice) -> String {
        match self {
            Self::Escalated => match notice.joined.as_str() {
                "" => "It has waited so long that others may answer too.".to_owned(),
                joined => format!("It has waited so long that {joined} may answer too."),
            },
            Self::Reminded => "A reminder: it still waits for an answer.".to_owned(),
            Self::Reopened => {
                "An approval of it does not count any more: it waits for an answer again."
                    .to_owned()
            }
            Self::BreakGlassUsed => "BREAK-GLASS was used, past the people whom the rules name. \
                                     Somebody without a part in it has to review it."
                .to_owned(),
        }
    }

    /// Returns it as lines of a thread, with how the request stands.
    pub(crate) fn lines(self, notice: &Notice) -> String {
        let mut lines = vec![self.sentence(notice), notice.standing.clone()];
        match self {
            Self::Escalated | Self::Reminded | Self::Reopened => {
                lines.extend(notice.needs.iter().map(|need| format!("Needs {need}")));
            }
            Self::BreakGlassUsed => lines.extend(notice.answers.iter().map(ToString::to_string)),
        }
        lines.join("\n")
    }
}

/// Where something is said, or why it is not.
pub(crate) enum Thread {
    Of(ChatMessage),
    None(Attempt),
}

impl Telling<'_> {
    /// Returns the message of the request, in whose thread something is said.
    pub(crate) async fn thread(&self) -> Result<Thread, Failure> {
        let not_sent = |why: &str| Thread::None(Attempt::Delivered(format!("not sent: {why}")));
        if self.is_overtaken() {
            return Ok(not_sent("it was overtaken"));
        }
        let mut reader = self.server.store.read().await?;
        let (channel, request) = (self.channel.name(), self.notice.id);
        let known = channel_messages::find(reader.connection(), channel, request).await?;
        Ok(match known {
            Some(message) => Thread::Of(message),
            // The message that comes says all of it, and is new to everybody.
            None => not_sent("there is no message yet"),
        })
    }
}
