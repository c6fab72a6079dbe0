//! Sending spans, many at once, to a collector that may be slow or away: nothing waits for it.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use tokio::time::Instant;

use super::{Span, Waiting, otlp};
use crate::identity::Secret;
use crate::identity::fetch::{FetchError, admitted};
use crate::outbound::{Exchange, Outbound, OutboundError, TrustError};
use crate::settings::{OutboundSettings, Telemetry};
use crate::state::Server;

/// How long spans are gathered before they are sent.
const GATHER: Duration = Duration::from_secs(1);
/// The most spans of one request.
const MOST: usize = 512;
/// How often it is said that the collector does not take any.
const SAY_AGAIN: Duration = Duration::from_mins(1);

/// Why no span can be sent.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The address of the settings is none.
    #[error("`telemetry.endpoint` can't be used: {0}")]
    Address(String),
    /// The token can't be read.
    #[error("`telemetry.token_file` can't be used: {0}")]
    Token(String),
    /// TLS can't be set up.
    #[error("TLS to the collector can't be set up: {0}")]
    Trust(String),
}

impl From<FetchError> for CollectorError {
    fn from(error: FetchError) -> Self {
        Self::Address(error.to_string())
    }
}

impl From<TrustError> for CollectorError {
    fn from(error: TrustError) -> Self {
        Self::Trust(error.to_string())
    }
}

/// Where spans go.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    outbound: Outbound,
    url: Url,
    headers: HeaderMap,
}

impl Collector {
    pub(crate) fn new(
        telemetry: &Telemetry,
        outbound: &OutboundSettings,
    ) -> Result<Self, CollectorError> {
        let url = admitted(&telemetry.endpoint)?;
        let way = Outbound::new(&outbound.allow_private, outbound.ca_file.as_deref())?;
        let json = HeaderValue::from_static("application/json");
        let mut headers: HeaderMap = [(CONTENT_TYPE, json)].into_iter().collect();
        if let Some(path) = &telemetry.token_file {
            let token = Secret::read(path).map_err(CollectorError::Token)?;
            let value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()));
            let mut value =
                value.map_err(|_| CollectorError::Token("it holds no token".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            outbound: way.towards(url.host_str().unwrap_or_default()),
            url,
            headers,
        })
    }

    async fn send(&self, spans: &[Span], audience: &str) -> Result<(), OutboundError> {
        let reply = self
            .outbound
            .send(Exchange {
                method: Method::POST,
                url: self.url.clone(),
                headers: self.headers.clone(),
                body: otlp::request(spans, audience).to_string().into_bytes(),
            })
            .await?;
        if reply.is_success() {
            return Ok(());
        }
        let status = reply.status;
        Err(OutboundError::Failed(format!("it answers with {status}")))
    }
}

impl Server {
    /// Waits a moment for more spans, so that they go together.
    async fn gather(&self, waiting: &mut Waiting, spans: &mut Vec<Span>) {
        if spans.len() >= MOST || self.is_stopping() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(GATHER) => {}
            () = self.stopped() => {}
        }
        while spans.len() < MOST
            && let Ok(span) = waiting.try_recv()
        {
            spans.push(span);
        }
    }

    /// Sends spans as they come, until nobody can make any.
    pub(crate) async fn export_spans(self, collector: Collector, mut waiting: Waiting) {
        let mut said: Option<Instant> = None;
        let mut spans = Vec::new();
        loop {
            if waiting.recv_many(&mut spans, MOST).await == 0 {
                return;
            }
            self.gather(&mut waiting, &mut spans).await;
            let sent = collector.send(&spans, &self.names.audience).await;
            let outcome = if sent.is_ok() { "sent" } else { "lost" };
            for _ in &spans {
                self.metrics.span(outcome);
            }
            spans.clear();
            if let Err(error) = sent
                && said.is_none_or(|at| at.elapsed() >= SAY_AGAIN)
            {
                said = Some(Instant::now());
                tracing::warn!(%error, "the collector takes no spans");
            }
        }
    }
}
