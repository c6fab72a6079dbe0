//! What a believed token says, held against what we expect of one.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// By how much the clocks of an issuer and of this server may differ, in seconds,
/// where the issuer does not say more.
pub(crate) const LEEWAY_SECONDS: i64 = 60;

/// The claims of a token whose signature is good.
#[derive(Clone, Debug)]
pub(crate) struct Claims(pub(super) Map<String, Value>);

/// Whom a token must come from and be for, at which time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) leeway_seconds: i64,
}

/// Why a token with a good signature is still refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is for another audience")]
    Audience,
    #[error("it is for several audiences and was not made for us (`azp`)")]
    AuthorizedParty,
    #[error("it has ended")]
    Ended,
    #[error("it is not valid yet")]
    NotYet,
    #[error("it does not say when it ends or was made")]
    Timeless,
    #[error("it does not say who it is about")]
    Subject,
}

impl Claims {
    /// Returns a claim that is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns whom the token is about.
    ///
    /// # Errors
    /// It does not say, or not in at most 255 characters (`OpenID` Connect Core, 2).
    pub(crate) fn subject(&self) -> Result<&str, Refused> {
        let is_sound = |text: &&str| !text.is_empty() && text.chars().count() <= 255;
        self.text("sub").filter(is_sound).ok_or(Refused::Subject)
    }

    /// Returns when the token ends, in seconds since 1970.
    pub(crate) fn ends(&self) -> Option<i64> {
        self.seconds("exp")
    }

    /// Refuses a token that is of another issuer, for another audience, over or
    /// not good yet. A token without an end or a beginning is never good.
    pub(crate) fn expect(&self, expected: &Expected<'_>) -> Result<(), Refused> {
        if self.text("iss") != Some(expected.issuer) {
            return Err(Refused::Issuer);
        }
        if !self.audiences().any(|one| one == expected.audience) {
            return Err(Refused::Audience);
        }
        let now = expected.now.as_second();
        let ends = self.ends().ok_or(Refused::Timeless)?;
        let made = self.seconds("iat").or(self.seconds("nbf"));
        let made = made.ok_or(Refused::Timeless)?;
        if now >= ends.saturating_add(expected.leeway_seconds) {
            return Err(Refused::Ended);
        }
        let begins = self.seconds("nbf").unwrap_or(made).max(made);
        if begins > now.saturating_add(expected.leeway_seconds) {
            return Err(Refused::NotYet);
        }
        Ok(())
    }

    /// Refuses an ID token that was made for another client, though it names us
    /// among its audiences (`OpenID` Connect Core, 3.1.3.7, 4 and 5).
    pub(crate) fn expect_made_for(&self, client: &str) -> Result<(), Refused> {
        let is_ours = match self.get("azp") {
            Some(party) => party.as_str() == Some(client),
            None => self.audiences().count() == 1,
        };
        if is_ours {
            Ok(())
        } else {
            Err(Refused::AuthorizedParty)
        }
    }

    fn audiences(&self) -> impl Iterator<Item = &str> {
        let one = self.text("aud").into_iter();
        let many = self.get("aud").and_then(Value::as_array);
        one.chain(many.into_iter().flatten().filter_map(Value::as_str))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a fraction of a second is dropped, and what is beyond i64 saturates"
    )]
    fn seconds(&self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        value.as_i64().or_else(|| value.as_f64().map(|s| s as i64))
    }
}
