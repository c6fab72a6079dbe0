//! OTLP over HTTP: requests in JSON. Source: OTLP 1, "OTLP/HTTP".

use std::time::Duration;

use gate_protocol::inert::inert;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode, redirect};
use serde_json::Value;

use super::destination::Destination;
use super::{ForwardError, chain};
use crate::server_url::ServerUrl;
use crate::settings::SettingsError;
use crate::tls;

const CONNECT: Duration = Duration::from_secs(10);
/// From the connection to the last byte of the answer.
const EXCHANGE: Duration = Duration::from_mins(1);
/// The most bytes of an answer that are looked at.
const ANSWER_BYTES: usize = 64 << 10;
/// How much of what a collector says is repeated, in characters.
const SAID: usize = 300;

/// Sends requests to one collector.
#[derive(Debug)]
pub struct OtlpSender {
    destination: Destination,
    http: reqwest::Client,
    headers: HeaderMap,
}

impl OtlpSender {
    /// Returns a sender that trusts these certificates besides Mozilla's roots, and shows these headers
    /// to the collector. Sends nothing.
    ///
    /// # Errors
    /// The certificates or a header can't be used.
    pub fn new(
        destination: Destination,
        ca_pem: Option<&[u8]>,
        shown: &[(String, String)],
    ) -> Result<Self, SettingsError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(ca_pem)?)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .https_only(destination.is_tls())
            .user_agent(concat!("gate/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(EXCHANGE)
            .resolve_to_addrs("localhost", &ServerUrl::localhost_addresses())
            .build()
            .map_err(SettingsError::Http)?;
        let mut headers = HeaderMap::new();
        for (name, text) in shown {
            let refused = || SettingsError::Header(inert(name).into_owned());
            let mut value = HeaderValue::from_str(text).map_err(|_| refused())?;
            value.set_sensitive(true);
            headers.insert(name.parse::<HeaderName>().map_err(|_| refused())?, value);
        }
        let json = HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, json);
        Ok(Self {
            destination,
            http,
            headers,
        })
    }

    /// Sends one request, and returns once the collector has taken it; with what it says of records
    /// in it that it did not take, and will not.
    ///
    /// # Errors
    /// [`ForwardError`]; it may have taken them all the same.
    pub async fn send(&self, request: &Value) -> Result<Option<String>, ForwardError> {
        let url = self.destination.url().clone();
        let call = self
            .http
            .post(url)
            .headers(self.headers.clone())
            .body(request.to_string());
        let response = call.send().await;
        let response = response.map_err(|error| self.later(chain(&error.without_url()), None))?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let kind = content_type(&response);
        let answer = read(response).await;
        let said = || format!("{status} {}", words(answer.as_deref().unwrap_or_default()));
        if is_passing(status) {
            return Err(self.later(said(), retry_after));
        }
        if !status.is_success() {
            return Err(ForwardError::Refused {
                destination: self.destination.to_string(),
                why: said(),
            });
        }
        match answer {
            Ok(answer) if is_of_collector(status, &kind, &answer) => Ok(rejected(&answer)),
            // A proxy or a page to log in at took nothing.
            Ok(_) => Err(self.later(format!("no collector answered, {status} {kind:?}"), None)),
            // Whether it took them all is not known: once more.
            Err(error) => Err(self.later(error, None)),
        }
    }

    fn later(&self, why: String, retry_after: Option<Duration>) -> ForwardError {
        ForwardError::Later {
            destination: self.destination.to_string(),
            why,
            retry_after,
        }
    }
}

/// Tells whether the same request may be taken later. Source: OTLP 1, "Retryable Response Codes".
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.parse().ok().map(Duration::from_secs)
}

/// Returns the type of an answer, without its parameters.
fn content_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok());
    let kind = value.and_then(|value| value.split(';').next());
    kind.unwrap_or_default().trim().to_ascii_lowercase()
}

/// Tells whether a success is what a collector says: an object of JSON, or nothing, which some send as
/// protobuf, and Loki as 204 without a type. Source: OTLP 1, "OTLP/HTTP Response".
fn is_of_collector(status: StatusCode, kind: &str, answer: &[u8]) -> bool {
    match kind {
        // Nothing at all, or a partial success of nothing.
        "application/x-protobuf" => matches!(answer, [] | [0x0a, 0]),
        "application/json" if answer.is_empty() => true,
        "" if answer.is_empty() => status == StatusCode::NO_CONTENT,
        _ => serde_json::from_slice::<Value>(answer).is_ok_and(|answer| answer.is_object()),
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut answer = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => answer.extend_from_slice(&chunk),
            Ok(None) => return Ok(answer),
            Err(error) => return Err(chain(&error.without_url())),
        }
        if answer.len() > ANSWER_BYTES {
            return Err("its answer is too long".to_owned());
        }
    }
}

/// Returns what a success says of the records that were not taken. Source: OTLP 1, "Partial Success".
fn rejected(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let partial = answer.get("partialSuccess")?;
    let text = partial.get("errorMessage").and_then(Value::as_str);
    let text = text.unwrap_or_default();
    let count = partial.get("rejectedLogRecords");
    let count = count.and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()));
    match count.unwrap_or(0) {
        0 if text.is_empty() => None,
        count => Some(format!(
            "{count} records not taken: {}",
            words(text.as_bytes())
        )),
    }
}

fn words(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer)
        .trim()
        .chars()
        .take(SAID)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_answer_of_a_collector_takes_nothing() {
        for (status, kind, answer) in [
            (200, "application/json", &b""[..]),
            (200, "application/json", b"{}"),
            (200, "", b"{\"partialSuccess\":{}}"),
            (200, "application/x-protobuf", b""),
            (200, "application/x-protobuf", b"\x0a\0"),
            (204, "", b""),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(is_of_collector(status, kind, answer), "{status} {kind}");
        }
        for (status, kind, answer) in [
            (200, "", &b""[..]),
            (200, "", b"<html>log in</html>"),
            (200, "text/html", b""),
            (204, "text/html", b""),
            (200, "text/html", b"<html>log in</html>"),
            (200, "application/json", b"<html>log in</html>"),
            (200, "application/json", b"[]"),
            // Two records were not taken.
            (200, "application/x-protobuf", b"\x0a\x02\x08\x02"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(!is_of_collector(status, kind, answer), "{status} {kind}");
        }
    }

    #[test]
    fn a_success_says_what_was_not_taken() {
        let of = |text: &str| rejected(text.as_bytes());
        assert_eq!(of("{}"), None);
        assert_eq!(of("{\"partialSuccess\":{}}"), None);
        assert_eq!(
            of("{\"partialSuccess\":{\"rejectedLogRecords\":\"0\"}}"),
            None
        );
        let said = Some("2 records not taken: too old".to_owned());
        for count in ["2", "\"2\""] {
            let text = format!(
                "{{\"partialSuccess\":{{\"rejectedLogRecords\":{count},\"errorMessage\":\"too old\"}}}}"
            );
            assert_eq!(of(&text), said);
        }
    }
}
