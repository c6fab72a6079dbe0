//! What every answer of the pages says to the browser, beside what all answers of the
//! server say (`serve/headers.rs`).

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::middleware::Next;
use axum::response::Response;

/// One script, one style sheet, one font, one mark and forms, all of our own;
/// no frames. Text becomes markup only where the script's one policy lets it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
                      img-src 'self'; connect-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; \
                      require-trusted-types-for 'script'; trusted-types gate";

/// Adds the headers to whatever the pages answer.
pub(super) async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    add(&mut response);
    response
}

/// Adds them to one answer.
pub(super) fn add(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // Not `no-referrer`: with it a browser sends `Origin: null` with its own
    // forms, and then nothing tells them from those of a stranger. Other sites
    // learn as little by this one. Source: Fetch, "append a request `Origin` header".
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}
