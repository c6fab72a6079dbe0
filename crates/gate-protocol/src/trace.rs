//! Which trace a call belongs to: the header `traceparent` of W3C Trace Context, version 00.

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// The name of the header.
pub const TRACEPARENT: &str = "traceparent";

/// A trace, and the span in it that something comes from. It names nothing and nobody: both
/// numbers are random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: [u8; 16],
    span: [u8; 8],
    is_sampled: bool,
}

/// Text that is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent of W3C Trace Context")]
pub struct ParseTraceError;

impl TraceParent {
    /// Begins a trace.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub fn begin() -> Result<Self, getrandom::Error> {
        let mut trace = [0; 16];
        getrandom::fill(&mut trace)?;
        Self {
            trace,
            span: [0; 8],
            is_sampled: true,
        }
        .next()
    }

    /// Returns another span of the same trace.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub fn next(self) -> Result<Self, getrandom::Error> {
        let mut span = [0; 8];
        getrandom::fill(&mut span)?;
        Ok(Self { span, ..self })
    }

    /// Returns the trace's number in hexadecimal.
    #[must_use]
    pub fn trace_id(&self) -> String {
        hexadecimal(&self.trace)
    }

    /// Returns the span's number in hexadecimal.
    #[must_use]
    pub fn span_id(&self) -> String {
        hexadecimal(&self.span)
    }

    /// Tells whether whoever began the trace may keep its spans.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// Tells whether both are of one trace.
    #[must_use]
    pub fn is_of(&self, other: &Self) -> bool {
        self.trace == other.trace
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_lowercase = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(is_lowercase) {
        return None;
    }
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    // All zeros stand for none.
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}

impl FromStr for TraceParent {
    type Err = ParseTraceError;

    fn from_str(text: &str) -> Result<Self, ParseTraceError> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) =
            (parts.next(), parts.next(), parts.next(), parts.next());
        // A later version may have more parts behind these.
        let is_known = version == Some("00") && parts.next().is_none();
        let is_later =
            version.is_some_and(|version| version != "00" && version != "ff" && version.len() == 2);
        if !(is_known || is_later) {
            return Err(ParseTraceError);
        }
        let flags = flags
            .filter(|flags| flags.len() == 2)
            .ok_or(ParseTraceError)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| ParseTraceError)?;
        Ok(Self {
            trace: trace.and_then(bytes).ok_or(ParseTraceError)?,
            span: span.and_then(bytes).ok_or(ParseTraceError)?,
            is_sampled: flags & 1 == 1,
        })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(
            formatter,
            "00-{}-{}-{flags:02x}",
            self.trace_id(),
            self.span_id()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_written_is_read_back_and_a_next_span_is_of_the_same_trace() {
        let given: TraceParent = GIVEN.parse().unwrap();
        assert_eq!(given.to_string(), GIVEN);
        assert!(given.is_sampled());
        let dropped: TraceParent = GIVEN.replace("b7-01", "b7-00").parse().unwrap();
        assert!(!dropped.is_sampled());
        let next = given.next().unwrap();
        assert!(next.is_of(&given) && next.span_id() != given.span_id());
        let other = TraceParent::begin().unwrap();
        assert!(!other.is_of(&given));
        assert_eq!(other.to_string().parse(), Ok(other));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert!(text.parse::<TraceParent>().is_err(), "{text}");
        }
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
        assert!(later.parse::<TraceParent>().is_ok());
    }
}
