//! From the code that a browser brought back to a proven person.

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::groups::groups_of;
use super::{OidcError, OpenIdProvider, ProvenPerson};
use crate::clock;
use crate::identity::Secret;
use crate::identity::issuer::{Description, IssuerError};
use crate::identity::jwt::{Claims, Expected, LEEWAY_SECONDS};

/// What a browser brought back, and what the sign-in was begun with.
pub(crate) struct Answer<'a> {
    pub(crate) code: &'a str,
    /// The issuer that sent it back, where it says so (RFC 9207).
    pub(crate) issuer: Option<&'a str>,
    pub(crate) nonce: &'a str,
    pub(crate) verifier: &'a str,
    pub(crate) redirect_uri: &'a str,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
    access_token: Option<String>,
}

impl OpenIdProvider {
    /// Turns the code into a proven person.
    pub(crate) async fn finish(&self, answer: &Answer<'_>) -> Result<ProvenPerson, OidcError> {
        let description = self.issuer.description().await?;
        let needs_issuer = description.authorization_response_iss_parameter_supported;
        match answer.issuer {
            Some(issuer) if issuer != self.issuer.name() => return Err(OidcError::MixUp),
            None if needs_issuer => return Err(OidcError::MixUp),
            Some(_) | None => {}
        }
        let tokens = self.exchange(&description, answer).await?;
        let claims = self.believed(&tokens.id_token, answer.nonce).await?;
        let subject = claims.subject()?.to_owned();
        let more = self.user_info(&description, &claims, &tokens).await?;
        let more = more.as_ref();
        let settings = self.settings();
        let text = |name: &str| {
            let told = claims
                .get(name)
                .or_else(|| more.and_then(|more| more.get(name)));
            told.and_then(Value::as_str).map(str::to_owned)
        };
        let is_verified = claims
            .get("email_verified")
            .or_else(|| more.and_then(|more| more.get("email_verified")))
            .is_some_and(|claim| claim == &Value::Bool(true));
        Ok(ProvenPerson {
            name: text(&settings.name_claim),
            verified_email: text("email").filter(|_| is_verified),
            groups: groups_of(settings, &claims, more)?,
            subject,
        })
    }

    async fn exchange(
        &self,
        description: &Description,
        answer: &Answer<'_>,
    ) -> Result<TokenAnswer, OidcError> {
        let endpoint = description
            .token_endpoint
            .as_deref()
            .ok_or(OidcError::Unfit)?;
        let client = &self.settings().client_id;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", answer.code),
            ("redirect_uri", answer.redirect_uri),
            ("code_verifier", answer.verifier),
        ];
        // As RFC 6749 section 2.3.1 has it, both parts are form-encoded first.
        let secret = self.secret.as_ref().map(Secret::reveal);
        let basic = secret.map(|secret| (encoded(client), encoded(secret)));
        let is_basic = match &description.token_endpoint_auth_methods_supported {
            Some(methods) => methods.iter().any(|method| method == "client_secret_basic"),
            None => true,
        };
        let basic = basic.as_ref().filter(|_| is_basic);
        if basic.is_none() {
            form.push(("client_id", client));
            form.extend(secret.map(|secret| ("client_secret", secret)));
        }
        let basic = basic.map(|(user, password)| (user.as_str(), password.as_str()));
        let body = self
            .fetcher()
            .post(endpoint, basic, &form_of(&form))
            .await
            .map_err(OidcError::Exchange)?;
        serde_json::from_slice(&body).map_err(|_| OidcError::Form)
    }

    /// Returns the claims of an ID token that is this provider's, for us, good
    /// now, and the answer to our own question.
    async fn believed(&self, token: &str, nonce: &str) -> Result<Claims, OidcError> {
        let settings = self.settings();
        let claims = self.issuer.verify(token, &settings.algorithms).await?;
        claims.expect(&Expected {
            issuer: self.issuer.name(),
            audience: &settings.client_id,
            now: clock::now(),
            leeway_seconds: LEEWAY_SECONDS,
        })?;
        claims.expect_made_for(&settings.client_id)?;
        if claims.text("nonce") != Some(nonce) {
            return Err(OidcError::Nonce);
        }
        Ok(claims)
    }

    /// Asks for the rest where the ID token does not say it all, as strict
    /// providers keep it short.
    async fn user_info(
        &self,
        description: &Description,
        claims: &Claims,
        tokens: &TokenAnswer,
    ) -> Result<Option<Value>, OidcError> {
        let settings = self.settings();
        let has_groups = settings.groups.is_empty()
            || claims.get(&settings.groups_claim).is_some()
            || claims.get("_claim_names").is_some();
        let has_name = claims.get(&settings.name_claim).is_some() || !settings.auto_create;
        let endpoint = description.userinfo_endpoint.as_deref();
        let (Some(endpoint), Some(access)) = (endpoint, tokens.access_token.as_deref()) else {
            return Ok(None);
        };
        if has_groups && has_name {
            return Ok(None);
        }
        let body = self
            .fetcher()
            .get_as(endpoint, access)
            .await
            .map_err(OidcError::UserInfo)?;
        let more: Value = serde_json::from_slice(&body).map_err(|_| OidcError::Form)?;
        // An access token that was swapped for another's would tell of them.
        // Source: OpenID Connect Core, 5.3.2.
        if more.get("sub").and_then(Value::as_str) != claims.text("sub") {
            return Err(OidcError::OtherSubject);
        }
        Ok(Some(more))
    }
}

impl From<crate::identity::jwt::JwtError> for OidcError {
    fn from(error: crate::identity::jwt::JwtError) -> Self {
        Self::Issuer(IssuerError::Token(error))
    }
}

/// Returns pairs as a form, by the one encoder of URLs.
fn form_of(pairs: &[(&str, &str)]) -> String {
    let Ok(mut url) = Url::parse("https://form.invalid/") else {
        return String::new();
    };
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

/// Returns one text as it stands in a form.
fn encoded(text: &str) -> String {
    form_of(&[(text, "")]).trim_end_matches('=').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded_and_one_text_too() {
        assert_eq!(
            form_of(&[("a", "1 2&3"), ("b", "ü+")]),
            "a=1+2%263&b=%C3%BC%2B"
        );
        assert_eq!(encoded("se=c:ret/ö"), "se%3Dc%3Aret%2F%C3%B6");
    }
}
