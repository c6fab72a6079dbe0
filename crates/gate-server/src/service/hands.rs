//! Who could act as an account: whoever made it, a token, a link or a password of it, and whoever
//! could act as those. Nobody answers by such an account what they had a part in, and nobody fills
//! two places by two of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::Channel;
use crate::settings::Approving;
use crate::store::edits::{self, Hand};
use crate::store::{Connection, StoreError, principals};

/// An account that answers, and the token that it answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Voice {
    pub(crate) name: String,
    pub(crate) proof: Proof,
    /// When it answered; none where it is about to.
    pub(crate) at: Option<Timestamp>,
}

/// How it is known who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By a token, or in a browser that it signed in.
    Token(String),
    /// By a password or a provider.
    SignIn,
    /// By the word of a chat.
    Chat,
    /// It is nobody's answer: what matters is who could act as the account.
    None,
}

impl Proof {
    /// Returns how an answer was proven that came so.
    pub(crate) fn of(token: Option<&String>, channel: &str) -> Self {
        let is_chat = [Channel::Slack, Channel::Teams].map(Channel::as_str);
        match token {
            Some(token) => Self::Token(token.clone()),
            None if is_chat.contains(&channel) => Self::Chat,
            None => Self::SignIn,
        }
    }
}

/// From when on it counts who changed what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spans {
    pub(crate) agents: Option<Timestamp>,
    pub(crate) rules: Option<Timestamp>,
}

impl Spans {
    pub(crate) fn at(now: Timestamp, approving: &Approving) -> Self {
        Self {
            agents: since(now, approving.agent_editor),
            rules: since(now, approving.rule_editor),
        }
    }

    /// From when on it counts whose account an account was.
    fn persons(self) -> Option<Timestamp> {
        // None is no span at all, and so never the earlier one.
        [self.agents, self.rules].into_iter().flatten().min()
    }
}

/// Returns when a span that ends now began; none where it is empty.
fn since(now: Timestamp, span: std::time::Duration) -> Option<Timestamp> {
    if span.is_zero() {
        return None;
    }
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    Some(now.checked_sub(span).unwrap_or(Timestamp::MIN))
}

/// Somebody who had a hand in something, with everybody who that is or was.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    hand: Hand,
    pub(crate) persons: BTreeSet<String>,
    /// Whether there is such an account: the server itself and a provider have none.
    is_account: bool,
}

impl Known {
    /// Tells whether one of these accounts did it.
    pub(crate) fn is_by(&self, accounts: &BTreeSet<String>) -> bool {
        accounts.contains(&self.hand.editor)
    }

    /// Tells whether there is somebody who can act by what they made.
    pub(crate) fn acts_as_account(&self) -> bool {
        self.hand.acts && self.is_account
    }
}

/// What was looked up for one electorate; each account once.
#[derive(Debug)]
pub(crate) struct Hands {
    spans: Spans,
    persons: BTreeMap<String, BTreeSet<String>>,
    editors: BTreeMap<String, Vec<Hand>>,
}

impl Hands {
    pub(crate) fn of(spans: Spans) -> Self {
        Self {
            spans,
            persons: BTreeMap::new(),
            editors: BTreeMap::new(),
        }
    }

    /// Returns everybody whose account this is, or lately was.
    pub(crate) async fn persons_of(
        &mut self,
        connection: &mut Connection,
        name: &str,
    ) -> Result<BTreeSet<String>, StoreError> {
        if let Some(known) = self.persons.get(name) {
            return Ok(known.clone());
        }
        let found = edits::persons_of(connection, name, self.spans.persons()).await?;
        let found: BTreeSet<String> = found.into_iter().collect();
        self.persons.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    /// Returns everybody who a hand was and is.
    pub(crate) async fn persons_of_hand(
        &mut self,
        connection: &mut Connection,
        hand: &Hand,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut persons = self.persons_of(connection, &hand.editor).await?;
        persons.extend(hand.person.clone());
        Ok(persons)
    }

    async fn editors_of(
        &mut self,
        connection: &mut Connection,
        name: &str,
    ) -> Result<Vec<Hand>, StoreError> {
        let Some(since) = self.spans.agents else {
            return Ok(Vec::new());
        };
        if let Some(known) = self.editors.get(name) {
            return Ok(known.clone());
        }
        let found = edits::editors_of(connection, name, since).await?;
        self.editors.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    /// Tells whether somebody of these persons lately put this account, which is theirs, in groups or
    /// made it another's: by itself, or by an account that they could act as.
    pub(crate) async fn raised_itself(
        &mut self,
        connection: &mut Connection,
        name: &str,
        selves: &BTreeSet<String>,
    ) -> Result<bool, StoreError> {
        for hand in self.editors_of(connection, name).await? {
            if !hand.changes {
                continue;
            }
            if !self
                .persons_of_hand(connection, &hand)
                .await?
                .is_disjoint(selves)
            {
                return Ok(true);
            }
            let voice = Voice {
                name: hand.editor,
                proof: Proof::None,
                at: None,
            };
            let behind = self.in_voice(connection, &voice).await?;
            if behind
                .iter()
                .any(|one| one.acts_as_account() && !one.persons.is_disjoint(selves))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns who had a hand in an account, or could act as somebody who had one. Who made that by
    /// which it answers counts however long ago that was: they may have kept it.
    pub(crate) async fn in_voice(
        &mut self,
        connection: &mut Connection,
        voice: &Voice,
    ) -> Result<Vec<Known>, StoreError> {
        let mut waiting = self.editors_of(connection, &voice.name).await?;
        waiting.extend(match &voice.proof {
            Proof::Token(token) => edits::makers_of_token(connection, token).await?,
            Proof::SignIn => edits::makers_of_sign_in(connection, &voice.name, false).await?,
            Proof::Chat => edits::makers_of_sign_in(connection, &voice.name, true).await?,
            Proof::None => Vec::new(),
        });
        let mut seen: BTreeSet<Hand> = BTreeSet::new();
        let mut found = Vec::new();
        while let Some(hand) = waiting.pop() {
            if hand.editor == voice.name || !seen.insert(hand.clone()) {
                continue;
            }
            if hand.acts {
                let theirs = self.editors_of(connection, &hand.editor).await?;
                waiting.extend(theirs.into_iter().filter(|hand| hand.acts));
            }
            found.push(Known {
                persons: self.persons_of_hand(connection, &hand).await?,
                is_account: principals::find(connection, &hand.editor).await?.is_some(),
                hand,
            });
        }
        Ok(found)
    }
}
