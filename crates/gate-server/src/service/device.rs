//! A terminal is signed in from a browser.
//!
//! Every provider works, because the terminal never meets one: it waits for a
//! person who is signed in to the page and types its code there. What it gets
//! can ask for approvals and can never give one.

use gate_protocol::inert::inert;
use gate_protocol::log::RecordType;
use gate_protocol::principal::{CreatedToken, Role};
use gate_protocol::problem::ProblemCode;
use gate_protocol::sign_in::{DeviceState, HOST_LIMIT, PolledDevice, StartedDevice};
use jiff::Timestamp;
use serde_json::json;

use super::change::Change;
use super::tokens::TokenWish;
use crate::clock;
use crate::identity::network_of;
use crate::identity::{Actor, Secret, TokenHash};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::device::{self, Device, DeviceStatus, NewDevice};
use crate::store::{principals, web_session};

/// How long both codes are good, in seconds.
const LIFE_SECONDS: u64 = 600;
/// How long a terminal waits between two questions, in seconds.
const INTERVAL_SECONDS: u64 = 2;
/// By how much longer where it does not (RFC 8628, 3.5).
const SLOWER_SECONDS: u64 = 5;
/// The most terminals of one network (of IPv6, a /64), and of all, that wait at a time.
const MOST_OF_NETWORK: usize = 20;
const MOST: usize = 1_000;
/// How long the end of a code is remembered, in seconds.
const REMEMBERED_SECONDS: i64 = 3600;

/// Letters that are not mistaken for one another and make no words (RFC 8628, 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Eight of twenty are 34 bits: with ten guesses in as many minutes for each
/// person who is signed in, nobody finds one.
const LETTERS_SHOWN: usize = 8;

/// Where a terminal's question came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    /// The machine's name, as it says itself.
    pub(crate) host: &'a str,
    /// The address that the question came from.
    pub(crate) address: &'a str,
    /// The program, as it says itself.
    pub(crate) agent: &'a str,
}

/// A code that a person types.
#[derive(Clone)]
pub(crate) struct UserCode(String);

impl UserCode {
    fn generate() -> Result<Self, getrandom::Error> {
        let mut letters = String::new();
        let mut bytes = [0; 32];
        while letters.len() < LETTERS_SHOWN {
            getrandom::fill(&mut bytes)?;
            // 240 is 12 × 20: above it the first letters would be more likely.
            let fair = bytes.iter().filter(|byte| **byte < 240);
            let some = fair.filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()));
            letters.extend(some.map(|byte| char::from(*byte)));
        }
        letters.truncate(LETTERS_SHOWN);
        Ok(Self(letters))
    }

    /// Returns the code that `text` could be: case, spaces and dashes are as typed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let letters: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let is_code =
            letters.len() == LETTERS_SHOWN && letters.bytes().all(|byte| LETTERS.contains(&byte));
        is_code.then_some(Self(letters))
    }

    fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl std::fmt::Display for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, second) = self.0.split_at(LETTERS_SHOWN / 2);
        write!(f, "{first}-{second}")
    }
}

impl Server {
    /// Begins to wait for a person who lets a terminal in.
    pub(crate) async fn start_device(&self, asker: &Asker<'_>) -> Result<StartedDevice, Failure> {
        let shown = |text: &str| -> String { text.chars().take(HOST_LIMIT).collect() };
        let (host, agent) = (shown(asker.host), shown(asker.agent));
        let (secret, code) = (Secret::generate()?, UserCode::generate()?);
        let mut change = self.change().await?;
        let now = change.now();
        forget(&mut change, now).await?;
        let now = change.now();
        let waiting = device::waiting(change.connection(), now).await?;
        let network = network_of(asker.address);
        let of_network = waiting.iter().filter(|one| network_of(one) == network);
        if of_network.count() >= MOST_OF_NETWORK || waiting.len() >= MOST {
            let detail = "too many terminals wait to be signed in; try again in a few minutes";
            return Err(Failure::new(ProblemCode::TooMany, detail).retry_after(60));
        }
        let new = NewDevice {
            device: secret.hash(),
            user_code: code.hash(),
            host: &host,
            address: asker.address,
            agent: &agent,
            interval_seconds: INTERVAL_SECONDS,
            expires_at: clock::after(now, LIFE_SECONDS),
        };
        device::insert(change.connection(), &new, now).await?;
        change.commit().await?;
        Ok(StartedDevice {
            device_code: secret.reveal().to_owned(),
            user_code: code.to_string(),
            verification_url: format!("{}/device", self.settings.public_url),
            expires_in_seconds: LIFE_SECONDS,
            interval_seconds: INTERVAL_SECONDS,
        })
    }

    /// Tells a terminal where its question stands, and hands out its token once.
    pub(crate) async fn poll_device(&self, code: &Secret) -> Result<PolledDevice, Failure> {
        let mut change = self.change().await?;
        let now = change.now();
        let found = device::find(change.connection(), code.hash()).await?;
        let Some(found) = found.filter(|found| found.expires_at > now) else {
            return Ok(told(DeviceState::Expired, INTERVAL_SECONDS));
        };
        let interval = found.interval_seconds;
        let is_early = found.polled_at.is_some_and(|before| {
            // A network may bring two questions nearer together than they were asked.
            clock::after(before, interval.saturating_sub(1)) > now
        });
        if is_early && found.status == DeviceStatus::Pending {
            let longer = interval + SLOWER_SECONDS;
            device::polled(change.connection(), code.hash(), longer, now).await?;
            change.commit().await?;
            return Ok(told(DeviceState::SlowDown, longer));
        }
        match (found.status, &found.principal) {
            (DeviceStatus::Pending, _) => {
                device::polled(change.connection(), code.hash(), interval, now).await?;
                change.commit().await?;
                Ok(told(DeviceState::Pending, interval))
            }
            (DeviceStatus::Denied, _) => Ok(told(DeviceState::Denied, interval)),
            (DeviceStatus::Approved, Some(principal)) => {
                let token = hand_out(&mut change, code, principal, &found).await?;
                change.commit().await?;
                Ok(PolledDevice {
                    token: Some(token),
                    ..told(DeviceState::Approved, interval)
                })
            }
            (DeviceStatus::Approved | DeviceStatus::Used, _) => {
                Ok(told(DeviceState::Expired, interval))
            }
        }
    }

    /// Returns the terminal that shows this code and waits.
    pub(crate) async fn waiting_device(&self, code: &UserCode) -> Result<Option<Device>, Failure> {
        let mut reader = self.store.read().await?;
        Ok(device::shown(reader.connection(), code.hash(), clock::now()).await?)
    }

    /// Lets the terminal that shows this code act as `actor`, or not; false where
    /// it does not wait any more.
    pub(crate) async fn answer_device(
        &self,
        (actor, session): (&Actor, TokenHash),
        code: &UserCode,
        is_let_in: bool,
    ) -> Result<bool, Failure> {
        let mut change = self.change().await?;
        let now = change.now();
        let found = device::shown(change.connection(), code.hash(), now).await?;
        let Some(found) = found else {
            return Ok(false);
        };
        if is_let_in {
            change.refuse_old_word(actor, session).await?;
        }
        let by = (is_let_in.then(|| actor.name()), actor.token.as_deref());
        if !device::answer(change.connection(), code.hash(), by, now).await? {
            return Ok(false);
        }
        let record_type = if is_let_in {
            RecordType::DeviceApproved
        } else {
            RecordType::DeviceDenied
        };
        let body = json!({
            "by": actor.name(),
            "host": found.host,
            "address": found.address,
            "agent": found.agent,
        });
        change.record(&record_type, &body).await?;
        change.commit().await?;
        Ok(true)
    }
}

impl Change<'_> {
    /// Refuses who signed in at a provider so long ago that its word is not believed any more: what
    /// they let in would have no end that comes of it.
    async fn refuse_old_word(&mut self, actor: &Actor, session: TokenHash) -> Result<(), Failure> {
        let means = web_session::means_of(self.connection(), session).await?;
        let authorities = &self.server().authorities;
        let is_by_provider = means.is_some_and(|means| authorities.provider(&means).is_some());
        let now = self.now();
        let until = principals::provider_until(self.connection(), actor.name()).await?;
        if is_by_provider && until <= now {
            return Err(Failure::new(
                ProblemCode::Forbidden,
                "you signed in at your provider too long ago to let a terminal in; sign out and \
                 in again",
            ));
        }
        Ok(())
    }
}

async fn forget(change: &mut Change<'_>, now: Timestamp) -> Result<(), Failure> {
    let span = jiff::SignedDuration::from_secs(REMEMBERED_SECONDS);
    let before = now.checked_sub(span).unwrap_or(now);
    Ok(device::forget(change.connection(), before).await?)
}

fn told(state: DeviceState, interval_seconds: u64) -> PolledDevice {
    PolledDevice {
        state,
        interval_seconds,
        token: None,
    }
}

async fn hand_out(
    change: &mut Change<'_>,
    code: &Secret,
    principal: &str,
    found: &Device,
) -> Result<CreatedToken, Failure> {
    if !device::use_up(change.connection(), code.hash()).await? {
        return Err(Failure::not_found());
    }
    let life = change
        .server()
        .settings
        .identity
        .sign_in
        .device_token_seconds;
    let mut expires_at = clock::after(change.now(), life);
    let until = principals::provider_until(change.connection(), principal).await?;
    // Who is gone at the provider signs in there no more, and this ends with what it said last. A
    // little time may have passed since it was let in.
    if found.token.is_none() && clock::after(until, LIFE_SECONDS) > change.now() {
        expires_at = expires_at.min(until);
    }
    let note = format!("gate login on {}", inert(&found.host));
    let wish = TokenWish {
        principal,
        role: Role::Requester,
        expires_at: Some(expires_at),
        tools: &[],
        note: Some(&note),
        parent: found.token.as_deref(),
    };
    let (id, token) = change.make_token(principal, &wish).await?;
    Ok(CreatedToken {
        id,
        token: token.reveal(),
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it_and_nothing_else_is_one() {
        let code = UserCode::generate().unwrap();
        let shown = code.to_string();
        assert_eq!(shown.len(), 9);
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            format!(" {} ", shown.replace('-', " - ")),
        ] {
            assert_eq!(UserCode::parse(&typed).unwrap().0, code.0, "{typed}");
        }
        for wrong in [
            "",
            "BCDF",
            "BCDF-GHJ1",
            "BCDF-GHJA",
            "BCDF-GHJKL",
            "BCDF-GHJ\u{212a}",
        ] {
            assert!(UserCode::parse(wrong).is_none(), "{wrong}");
        }
    }
}
