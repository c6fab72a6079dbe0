//! Linking an account of a chat to a user: a code that a signed-in browser
//! shows and the chat's own callback brings back. The browser proves the user,
//! the signed callback proves the account; no address is compared with another.

use gate_protocol::channel::ChannelSource;
use gate_protocol::log::RecordType;
use serde_json::json;

use super::Channel;
use super::callback::{ChatRefusal, Uncounted};
use crate::clock;
use crate::identity::{Actor, TokenHash};
use crate::lifecycle::{Answered, Void};
use crate::problem::Failure;
use crate::refusals::Refused;
use crate::state::Server;
use crate::store::accounts::{self, Account, Linked, LinkedAccount, NewCode, Proof};
use crate::store::web_session;

/// How long a code is good, in seconds.
pub(crate) const LINK_CODE_LIFE_SECONDS: u64 = 5 * 60;
/// Letters and digits that nobody takes for each other (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 12 of them carry 60 bits.
const CODE_CHARS: usize = 12;

/// A code that links an account. Has neither `Debug` nor `Display`.
pub(crate) struct LinkCode(String);

impl LinkCode {
    fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; CODE_CHARS];
        getrandom::fill(&mut bytes)?;
        let characters = bytes
            .iter()
            .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
        Ok(Self(characters.map(|byte| char::from(*byte)).collect()))
    }

    /// Returns the code that a person typed: case, blanks and dashes don't
    /// count, and neither do letters that look like digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let code: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            })
            .collect();
        let is_code = code.len() == CODE_CHARS && code.bytes().all(|b| ALPHABET.contains(&b));
        is_code.then_some(Self(code))
    }

    fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Hands the code out as people read it, in groups of four.
    pub(crate) fn reveal(&self) -> String {
        let characters: Vec<char> = self.0.chars().collect();
        let groups: Vec<String> = characters
            .chunks(4)
            .map(|group| group.iter().collect())
            .collect();
        groups.join("-")
    }
}

impl Server {
    /// Makes a code with which `actor` links an account of `provider`: an account
    /// that answers as long as what signed this session in is good.
    pub(crate) async fn create_link_code(
        &self,
        actor: &Actor,
        session: TokenHash,
        provider: &str,
    ) -> Result<LinkCode, Failure> {
        let code = LinkCode::generate()?;
        let mut writer = self.store.write().await?;
        let proof = Proof {
            means: web_session::means_of(writer.connection(), session).await?,
            token: actor.token.clone(),
        };
        let new = NewCode {
            hash: code.hash(),
            provider,
            principal: actor.name(),
            proof: &proof,
            expires_at: clock::after(clock::now(), LINK_CODE_LIFE_SECONDS),
        };
        accounts::insert_code(writer.connection(), &new).await?;
        writer.commit().await?;
        Ok(code)
    }

    /// Links the account to whom the code is of, and returns the user's name.
    pub(crate) async fn link_typed(
        &self,
        channel: &Channel,
        account: Account<'_>,
        typed: &str,
    ) -> Result<String, Uncounted> {
        match self.use_link_code(channel, account, typed).await? {
            Ok(name) => Ok(name),
            Err(refusal) => {
                let body = json!({
                    "channel": channel.name(),
                    "provider": account.provider,
                    "tenant": account.tenant,
                    "subject": account.subject,
                    "why": refusal.why,
                });
                self.record_refused_callback(Refused::Member, body).await?;
                Err(refusal.into())
            }
        }
    }

    async fn use_link_code(
        &self,
        channel: &Channel,
        account: Account<'_>,
        typed: &str,
    ) -> Result<Result<String, ChatRefusal>, Failure> {
        if channel.source == ChannelSource::Api {
            // Whoever made it says whose callback it is: that proves no account.
            return Ok(Err(ChatRefusal::new(
                "not_here",
                "Accounts are linked through a channel of the server's settings only.",
            )));
        }
        let wrong = ChatRefusal::new(
            "link_code",
            "This code is not good: it was mistyped, was used, or is older than five minutes. \
             Get a new one on the page.",
        );
        let Some(code) = LinkCode::parse(typed) else {
            return Ok(Err(wrong));
        };
        let mut change = self.change().await?;
        let now = change.now();
        let provider = account.provider;
        let used = accounts::use_code(change.connection(), code.hash(), provider, now).await?;
        let Some((name, proof)) = used else {
            return Ok(Err(wrong));
        };
        match accounts::link(change.connection(), account, &name, &name, now).await? {
            // Who links theirs again says by what it is proven from now on.
            linked @ (Linked::New | Linked::Before) => {
                accounts::prove(change.connection(), account, &proof).await?;
                let body = json!({
                    "provider": provider,
                    "tenant": account.tenant,
                    "subject": account.subject,
                    "principal": name,
                    "by": name,
                    "channel": channel.name(),
                    "means": proof.means,
                    "token": proof.token,
                    "again": linked == Linked::Before,
                });
                change.record(&RecordType::IdentityLinked, &body).await?;
            }
            Linked::OfAnother(_) => {
                // The code is used up all the same.
                change.commit().await?;
                return Ok(Err(ChatRefusal::new(
                    "linked_to_another",
                    "This account is linked to another user of gate. That user, or an admin, \
                     has to unlink it first.",
                )));
            }
        }
        change.commit().await?;
        Ok(Ok(name))
    }

    /// Returns the accounts of a user.
    pub(crate) async fn accounts_of(&self, name: &str) -> Result<Vec<LinkedAccount>, Failure> {
        let mut reader = self.store.read().await?;
        Ok(accounts::of_principal(reader.connection(), name).await?)
    }

    /// Ends the link of an account that is the actor's own.
    pub(crate) async fn unlink_own(
        &self,
        actor: &Actor,
        account: Account<'_>,
    ) -> Result<(), Failure> {
        let mut change = self.change().await?;
        let owner = accounts::principal_of(change.connection(), account).await?;
        if owner.as_deref() != Some(actor.name()) {
            return Err(Failure::not_found());
        }
        accounts::unlink(change.connection(), account).await?;
        let body = json!({
            "provider": account.provider,
            "tenant": account.tenant,
            "subject": account.subject,
            "principal": actor.name(),
            "by": actor.name(),
        });
        change.record(&RecordType::IdentityUnlinked, &body).await?;
        // Which account of that chat answered is not kept.
        let falls = |one: &Answered| one.review.channel == account.provider;
        change
            .void_votes_of(actor.name(), Void::Unlinked, falls)
            .await?;
        change.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = LinkCode::generate().unwrap();
        let shown = code.reveal();
        assert_eq!(shown.len(), CODE_CHARS + 2);
        let typed = format!(" {} ", shown.to_lowercase().replace('-', " "));
        assert_eq!(LinkCode::parse(&typed).unwrap().0, code.0);
        assert_eq!(LinkCode::parse("oil0-oil0-oil0").unwrap().0, "011001100110");
        for text in ["", "0123-4567-89A", "0123-4567-89AU", "0123-4567-89AB-C"] {
            assert!(LinkCode::parse(text).is_none(), "{text}");
        }
    }
}
