//! What a browser posts: from our own page, in our own form.

use axum::extract::{Form, FromRequest, Request};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::page::Refused;
use super::session::Visitor;
use crate::state::Server;

/// A form of somebody who is signed in: the page it came from is ours, and it
/// carries the token of that session.
pub(super) struct Posted<T> {
    pub(super) visitor: Visitor,
    pub(super) form: T,
}

/// A form that carries the session's token.
pub(super) trait Tokened {
    fn csrf(&self) -> &str;
}

/// A form of our own page, from somebody who need not be signed in.
pub(super) struct Fields<T>(pub(super) T);

impl<T: DeserializeOwned + Tokened> FromRequest<Server> for Posted<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, server: &Server) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        refuse_strangers(&parts.headers, server)?;
        let visitor = Visitor::from_parts(&mut parts, server)
            .await?
            .ok_or_else(Refused::signed_out)?;
        let form: T = read(Request::from_parts(parts, body), server).await?;
        if !visitor.wrote(form.csrf()) {
            return Err(Refused::new(
                StatusCode::FORBIDDEN,
                "This form is not of your session",
                "You have signed in anew since the page was opened, or the form was not made by \
                 gate. Nothing was changed. Open the page again and answer there.",
            )
            .signed_in(visitor));
        }
        Ok(Self { visitor, form })
    }
}

impl<T: DeserializeOwned> FromRequest<Server> for Fields<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, server: &Server) -> Result<Self, Refused> {
        refuse_strangers(request.headers(), server)?;
        read(request, server).await.map(Self)
    }
}

async fn read<T: DeserializeOwned>(request: Request, server: &Server) -> Result<T, Refused> {
    let reading = Form::<T>::from_request(request, server);
    match tokio::time::timeout(server.settings.limits.body_timeout, reading).await {
        Ok(Ok(Form(form))) => Ok(form),
        Ok(Err(rejection)) => Err(Refused::new(
            rejection.status(),
            "The form is malformed",
            "It does not have the fields that gate's own page sends, or is too large. \
             Nothing was changed.",
        )),
        Err(_) => Err(Refused::new(
            StatusCode::REQUEST_TIMEOUT,
            "The form did not come in time",
            "Nothing was changed. Try again.",
        )),
    }
}

/// Refuses a form that another site sends, or one of which that can't be told.
/// Every browser of today names the origin with each POST.
fn refuse_strangers(headers: &HeaderMap, server: &Server) -> Result<(), Refused> {
    let own = origin_of(&server.settings.public_url);
    let mut origins = headers.get_all(ORIGIN).iter();
    let is_own = match (origins.next(), origins.next()) {
        (Some(origin), None) => own
            .as_ref()
            .is_some_and(|own| origin.as_bytes() == own.as_bytes()),
        _ => false,
    };
    if is_own {
        return Ok(());
    }
    Err(Refused::new(
        StatusCode::FORBIDDEN,
        "This form came from another page",
        format!(
            "gate takes answers from its own page only. Nothing was changed. \
             Open {} and answer there.",
            own.as_deref().unwrap_or("its address")
        ),
    ))
}

/// Returns the origin of a URL as a browser writes it.
fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
    let host = authority.strip_suffix(default_port).unwrap_or(&authority);
    Some(format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        for (url, origin) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://Gate.Example:443/x", "https://gate.example"),
            ("http://gate.example:80", "http://gate.example"),
            ("https://gate.example:80/?a#b", "https://gate.example:80"),
            ("http://[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(origin_of(url).as_deref(), Some(origin));
        }
        assert_eq!(origin_of("ftp://x"), None);
    }
}
