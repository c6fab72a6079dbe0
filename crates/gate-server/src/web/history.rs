//! Every request that was ever made, to be searched; the search is the address,
//! so that it can be handed on.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use gate_protocol::request::ApprovalStatus;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::moment;
use super::page::{Refused, render};
use super::request::pass;
use super::row::Row;
use super::session::Visitor;
use crate::clock;
use crate::history::AsOf;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::search::Wanted;

/// How many requests are on a page.
const PAGE: u64 = 50;
/// A page ends once what is stored of its requests has this many bytes.
const PAGE_BYTES: u64 = 1 << 20;
const EFFECTS: [&str; 8] = [
    "read", "local", "write", "destroy", "access", "secret", "execute", "unknown",
];

/// What the address asks for.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Filter {
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    status: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    effect: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    principal: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    tool: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    target: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    from: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    to: String,
    /// The zone whose days are meant, as `Europe/Vienna`; UTC where none is said, or the
    /// server does not know it.
    #[serde(skip_serializing_if = "String::is_empty")]
    zone: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    before: String,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    visitor: Option<Visitor>,
    statuses: Vec<(&'static str, &'static str, bool)>,
    effects: Vec<(&'static str, bool)>,
    is_filtered: bool,
    complaint: Option<String>,
    rows: Vec<Row>,
    older: Option<String>,
    /// How far the standby goes that it is of.
    as_of: Option<AsOf>,
    filter: Filter,
}

impl HistoryPage {
    /// Returns when the last record was written that the page knows of.
    fn told_at(&self) -> Option<(String, String)> {
        let at = self.as_of?.at?;
        Some((at.to_string(), moment::utc(at)))
    }
}

impl Filter {
    /// Returns what to look for, or what is wrong with the address.
    fn wanted(&self) -> Result<Wanted, String> {
        let status = match self.status.as_str() {
            "" => None,
            name => {
                let known = ApprovalStatus::ALL.iter().find(|s| s.as_str() == name);
                Some(*known.ok_or("There is no such status.")?)
            }
        };
        let before = match self.before.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| "`before` is no id of a request.")?),
        };
        let wanted = Wanted {
            status,
            principal: self.principal.trim().to_owned(),
            tool: self.tool.trim().to_owned(),
            effect: self.effect.clone(),
            target: self.target.trim().to_owned(),
            text: self.text.clone(),
            from: day(&self.from, 0, &self.zone())?,
            // The last day is wanted whole.
            to: day(&self.to, 1, &self.zone())?,
            before,
            limit: PAGE,
            limit_bytes: PAGE_BYTES,
            ..Wanted::default()
        };
        wanted.refuse_long()?;
        Ok(wanted)
    }

    fn zone(&self) -> TimeZone {
        match self.zone.as_str() {
            "" => TimeZone::UTC,
            name => TimeZone::get(name).unwrap_or(TimeZone::UTC),
        }
    }

    /// Tells whether days are looked for.
    fn has_days(&self) -> bool {
        !self.from.is_empty() || !self.to.is_empty()
    }

    /// Returns the name of the zone whose days are meant.
    fn zone_name(&self) -> String {
        let zone = self.zone();
        zone.iana_name().unwrap_or("UTC").to_owned()
    }

    fn is_empty(&self) -> bool {
        let without = Self {
            before: String::new(),
            zone: String::new(),
            ..self.clone()
        };
        without.link() == "/history"
    }

    /// Returns the address of this search.
    fn link(&self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(fields)) if !fields.is_empty() => {
                let pairs: Vec<String> = fields
                    .iter()
                    .filter_map(|(name, value)| {
                        Some(format!("{name}={}", encoded(value.as_str()?)))
                    })
                    .collect();
                format!("/history?{}", pairs.join("&"))
            }
            _ => "/history".to_owned(),
        }
    }
}

/// Returns the address of all that a principal asked for.
pub(super) fn link_of(principal: &str) -> String {
    let filter = Filter {
        principal: principal.to_owned(),
        ..Filter::default()
    };
    filter.link()
}

/// Returns text as it stands in a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                for digit in [byte >> 4, byte & 15] {
                    let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                    encoded.push(digit.to_ascii_uppercase());
                }
                let at = encoded.len() - 2;
                encoded.insert(at, '%');
            }
        }
    }
    encoded
}

/// Returns when a day begins in a zone, so many days later.
fn day(text: &str, later: i8, zone: &TimeZone) -> Result<Option<Timestamp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || "A day is written as 2026-05-04.".to_owned();
    let date: Date = text.parse().map_err(|_| wrong())?;
    let span = jiff::Span::new().days(i64::from(later));
    let date = date.checked_add(span).map_err(|_| wrong())?;
    let start = date.to_zoned(zone.clone()).map_err(|_| wrong())?;
    Ok(Some(start.timestamp()))
}

/// Shows what was asked.
pub(super) async fn history(
    State(server): State<Server>,
    visitor: Visitor,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, Refused> {
    let Ok(Query(filter)) = query else {
        return Err(
            Refused::from(Failure::bad_request("the address has a field twice")).signed_in(visitor),
        );
    };
    let now = clock::now();
    let (mut rows, mut older, mut complaint) = (Vec::new(), None, None);
    let mut as_of = None;
    match filter.wanted() {
        Ok(wanted) => {
            let (mut found, told) = match server.search(&visitor.actor, &wanted).await {
                Ok(found) => found,
                Err(failure) => return Err(Refused::from(failure).signed_in(visitor)),
            };
            as_of = told;
            let last = found.requests.last().filter(|_| found.has_more);
            older = last.map(|last| {
                let next = Filter {
                    before: last.id.to_string(),
                    ..filter.clone()
                };
                next.link()
            });
            for request in &mut found.requests {
                pass(request, now);
                rows.push(Row::of(request, now, &server.settings.production));
            }
        }
        Err(wrong) => complaint = Some(wrong),
    }
    let status = |known: &ApprovalStatus| {
        let value = known.as_str();
        (value, value, filter.status == value)
    };
    let page = HistoryPage {
        statuses: ApprovalStatus::ALL.iter().map(status).collect(),
        effects: EFFECTS
            .map(|effect| (effect, filter.effect == effect))
            .to_vec(),
        is_filtered: !filter.is_empty(),
        complaint,
        rows,
        older,
        as_of,
        filter,
        visitor: Some(visitor),
    };
    Ok((as_of, render(StatusCode::OK, &page)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_an_address_and_back() {
        let filter = Filter {
            text: "delete ns&x=1".to_owned(),
            effect: "destroy".to_owned(),
            ..Filter::default()
        };
        assert_eq!(
            filter.link(),
            "/history?effect=destroy&text=delete%20ns%26x%3D1"
        );
        assert!(Filter::default().is_empty());
        assert!(!filter.is_empty());
    }

    #[test]
    fn a_search_for_many_words_is_refused() {
        let of = |words: usize| Filter {
            text: "a ".repeat(words),
            ..Filter::default()
        };
        assert!(of(8).wanted().is_ok());
        let refused = of(9).wanted().err().unwrap();
        assert_eq!(refused, "At most 8 words can be looked for.");
    }

    #[test]
    fn days_are_whole_and_of_the_zone_that_is_said() {
        let text = |day: Option<Timestamp>| day.unwrap().to_string();
        let utc = |day_text, later| day(day_text, later, &TimeZone::UTC);
        assert_eq!(text(utc("2026-05-04", 0).unwrap()), "2026-05-04T00:00:00Z");
        assert_eq!(text(utc("2026-12-31", 1).unwrap()), "2027-01-01T00:00:00Z");
        assert!(utc("4.5.2026", 0).is_err());
        assert!(utc("9999-12-31", 1).is_err());
        let of = |zone: &str| Filter {
            zone: zone.to_owned(),
            from: "2026-07-01".to_owned(),
            to: "2026-07-01".to_owned(),
            ..Filter::default()
        };
        let vienna = of("Europe/Vienna");
        let wanted = vienna.wanted().unwrap();
        assert_eq!(text(wanted.from), "2026-06-30T22:00:00Z");
        assert_eq!(text(wanted.to), "2026-07-01T22:00:00Z");
        assert_eq!(vienna.zone_name(), "Europe/Vienna");
        for unknown in ["", "Nowhere/Else", "../../etc/passwd", "<b>"] {
            let filter = of(unknown);
            assert_eq!(filter.zone_name(), "UTC", "{unknown}");
            assert_eq!(text(filter.wanted().unwrap().from), "2026-07-01T00:00:00Z");
        }
    }
}
