//! `/events`: tells an open page that something changed, so that it looks again.
//! What changed is not in the message but for the request's id: the page that is
//! fetched then is made for its visitor as any other.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::stream::unfold;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::page::Refused;
use super::session::Visitor;
use crate::clock;
use crate::feed::Changed;
use crate::identity::TokenHash;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::web_session;

/// How often a stream says that it is alive; the session is looked at then too.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a look at the session holds while changes come thick and fast: they
/// say nothing but that there is something to fetch.
const LOOK_HOLDS: Duration = Duration::from_secs(1);
/// How many streams one session can hold: so many windows.
const MOST_OF_A_SESSION: usize = 8;
/// How many streams there can be at all.
const MOST: usize = 2_000;

/// The streams that are open, by session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats(Arc<Mutex<HashMap<Vec<u8>, usize>>>);

/// One open stream; free again when dropped.
#[derive(Debug)]
struct Seat {
    session: Vec<u8>,
    seats: Seats,
}

impl Seats {
    fn take(&self, session: TokenHash) -> Option<Seat> {
        let session = session.as_bytes().to_vec();
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.values().sum::<usize>();
        let own = seats.entry(session.clone()).or_default();
        if *own >= MOST_OF_A_SESSION || taken >= MOST {
            return None;
        }
        *own += 1;
        Some(Seat {
            session,
            seats: self.clone(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = seats.get_mut(&self.session) {
            *own -= 1;
        }
        seats.retain(|_, own| *own > 0);
    }
}

/// One stream.
struct Stream {
    server: Server,
    session: TokenHash,
    changes: Receiver<Changed>,
    /// What is said before anything else.
    first: Option<String>,
    is_over: bool,
    /// When the session was last looked at.
    looked_at: Instant,
    _seat: Seat,
}

/// Answers with a stream of events that ends with the session or the server.
pub(super) async fn events(
    State(server): State<Server>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let session = visitor.secret().hash();
    let Some(seat) = server.pages.seats.take(session) else {
        return Err(Refused::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many open windows",
            "This browser listens from as many windows as it may. Close some; the pages \
             themselves work as before.",
        )
        .signed_in(visitor));
    };
    let (changes, last) = server.waiters.feed.listen();
    let mark = server.waiters.feed.mark(last);
    let known = headers.get("last-event-id");
    let is_behind = known.is_some_and(|known| known.as_bytes() != mark.as_bytes());
    let name = if is_behind { "reset" } else { "ready" };
    let stream = Stream {
        server,
        session,
        changes,
        first: Some(format!(
            "retry: 2000\nevent: {name}\nid: {mark}\ndata: {{}}\n\n"
        )),
        is_over: false,
        looked_at: Instant::now(),
        _seat: seat,
    };
    let body = Body::from_stream(unfold(stream, |mut stream| async {
        let text = stream.next().await?;
        Some((Ok::<_, Infallible>(text), stream))
    }));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // A proxy that gathers the answer would keep it from the page.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    Ok(response)
}

impl Stream {
    /// Returns the next text of the stream, or nothing where it ends.
    async fn next(&mut self) -> Option<String> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.is_over {
            return None;
        }
        let text = tokio::select! {
            changed = self.changes.recv() => self.told(&changed)?,
            () = tokio::time::sleep(HEARTBEAT) => ":\n\n".to_owned(),
            () = self.server.stopped() => return None,
        };
        if self.looked_at.elapsed() < LOOK_HOLDS {
            return Some(text);
        }
        self.looked_at = Instant::now();
        match self.is_signed_in().await {
            Ok(true) => Some(text),
            Ok(false) => {
                self.is_over = true;
                Some("event: over\ndata: {}\n\n".to_owned())
            }
            // The browser comes again by itself.
            Err(_) => None,
        }
    }

    fn told(&self, changed: &Result<Changed, RecvError>) -> Option<String> {
        let feed = &self.server.waiters.feed;
        match changed {
            Ok(Changed { number, request }) => {
                let mark = feed.mark(*number);
                Some(format!(
                    "event: change\nid: {mark}\ndata: {{\"request\":\"{request}\"}}\n\n"
                ))
            }
            Err(RecvError::Lagged(_)) => Some("event: reset\ndata: {}\n\n".to_owned()),
            Err(RecvError::Closed) => None,
        }
    }

    async fn is_signed_in(&self) -> Result<bool, Failure> {
        let mut reader = self.server.store.read().await?;
        let bearer = {
            let idle_seconds = self.server.settings.identity.sign_in.idle_seconds;
            let (connection, now) = (reader.connection(), clock::now());
            web_session::bearer(connection, self.session, idle_seconds, now).await?
        };
        Ok(bearer.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_so_many_seats_and_gets_them_back() {
        let seats = Seats::default();
        let (one, other) = (TokenHash::of("one"), TokenHash::of("other"));
        let mut taken: Vec<Seat> = Vec::new();
        while let Some(seat) = seats.take(one) {
            taken.push(seat);
        }
        assert_eq!(taken.len(), MOST_OF_A_SESSION);
        assert!(seats.take(other).is_some());
        taken.pop();
        assert!(seats.take(one).is_some());
        drop(taken);
        assert!(seats.0.lock().unwrap().is_empty());
    }
}
