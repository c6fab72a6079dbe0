//! What pages load: one style sheet, one script, one font, one mark. Names carry
//! the hash of the content, so a browser keeps them and never keeps an old one.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use gate_protocol::canonical::Digest;

use super::page::Refused;
use crate::problem::Failure;

const STYLE: &str = include_str!("../../assets/style.css");
const SCRIPT: &str = include_str!("../../assets/gate.js");
const ICON: &str = include_str!("../../assets/icon.svg");
const FONT: &[u8] = include_bytes!("../../assets/inter-latin.woff2");

/// A year: what has a hash in its name never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A day, for what has none.
const FOR_A_DAY: &str = "public, max-age=86400";

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| hashed("css", STYLE));
static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| hashed("js", SCRIPT));

fn hashed(ending: &str, text: &str) -> String {
    let hash: String = Digest::of_bytes(text.as_bytes())
        .to_string()
        .chars()
        .take(16)
        .collect();
    format!("/assets/gate.{hash}.{ending}")
}

/// Returns the address of the style sheet.
pub(crate) fn style() -> &'static str {
    &STYLE_PATH
}

/// Returns the address of the script.
pub(crate) fn script() -> &'static str {
    &SCRIPT_PATH
}

/// Answers with one of them.
pub(super) async fn serve(Path(name): Path<String>) -> Result<Response, Refused> {
    let path = format!("/assets/{name}");
    let (content_type, kept, body): (_, _, &'static [u8]) = match path.as_str() {
        path if path == style() => ("text/css; charset=utf-8", FOR_EVER, STYLE.as_bytes()),
        path if path == script() => (
            "text/javascript; charset=utf-8",
            FOR_EVER,
            SCRIPT.as_bytes(),
        ),
        "/assets/icon.svg" => ("image/svg+xml", FOR_A_DAY, ICON.as_bytes()),
        "/assets/inter-latin.woff2" => ("font/woff2", FOR_EVER, FONT),
        _ => return Err(Failure::not_found().into()),
    };
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    Ok(response)
}
