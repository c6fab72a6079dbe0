//! The hours in which a rule holds.

use jiff::civil::{Time, Weekday};
use jiff::tz::Offset;

use super::evaluation::Occasion;
use super::fields::{Fields, Placed, shown};

/// Days and hours. A window whose end is before its start crosses midnight and
/// belongs to the day on which it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Bit 0 is Monday.
    days: u8,
    from: Time,
    to: Option<Time>,
    zone: Zone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zone {
    Local,
    Fixed(Offset),
}

const DAYS: &[(&str, u8)] = &[
    ("mon", 1),
    ("tue", 2),
    ("wed", 4),
    ("thu", 8),
    ("fri", 16),
    ("sat", 32),
    ("sun", 64),
];

impl Window {
    pub(super) const FIELDS: &'static [&'static str] = &["days", "from", "to", "zone"];

    pub(super) fn read(fields: &mut Fields<'_, '_, '_>) -> Self {
        let mut days = 0;
        for day in fields.texts("days").unwrap_or_default() {
            days |= fields.word("days", "a day", &day, DAYS).unwrap_or(0);
        }
        if !fields.has("days") {
            days = 127;
        }
        let from = fields
            .text("from")
            .and_then(|text| clock(fields, "from", &text));
        let to = fields
            .text("to")
            .and_then(|text| clock(fields, "to", &text));
        if from.is_some() && from == to {
            let at = fields.offset;
            fields.error(
                at,
                "to",
                "is the same as `from`",
                "leave both out for the whole day",
            );
        }
        let zone = match fields.text("zone") {
            Some(text) => zone(fields, &text),
            None => Zone::Local,
        };
        Self {
            days,
            from: from.unwrap_or_else(Time::midnight),
            to,
            zone,
        }
    }

    /// Tells whether it is of the clock on the wall where the command is.
    pub(super) fn is_local(&self) -> bool {
        self.zone == Zone::Local
    }

    /// Tells whether the present is inside.
    pub(super) fn contains(&self, occasion: &Occasion) -> bool {
        let offset = match self.zone {
            Zone::Local => (occasion.local_offset)(occasion.now),
            Zone::Fixed(offset) => offset,
        };
        let here = offset.to_datetime(occasion.now);
        let (today, yesterday) = (here.date().weekday(), here.date().weekday().previous());
        let time = here.time();
        match self.to {
            None => self.has(today) && time >= self.from,
            Some(to) if self.from < to => self.has(today) && time >= self.from && time < to,
            Some(to) => {
                (self.has(today) && time >= self.from) || (self.has(yesterday) && time < to)
            }
        }
    }

    fn has(&self, day: Weekday) -> bool {
        let index = day.to_monday_zero_offset();
        self.days & (1 << index) != 0
    }
}

fn clock(fields: &mut Fields<'_, '_, '_>, field: &str, text: &Placed<&str>) -> Option<Time> {
    let time = hours_and_minutes(text.value)
        .and_then(|(hours, minutes)| Time::new(hours, minutes, 0, 0).ok());
    if time.is_none() {
        let problem = format!("`{}` is not a time of day", shown(text.value));
        fields.error(
            text.offset,
            field,
            problem,
            "write hours and minutes, as \"09:30\"",
        );
    }
    time
}

fn zone(fields: &mut Fields<'_, '_, '_>, text: &Placed<&str>) -> Zone {
    match text.value {
        "local" => return Zone::Local,
        "UTC" => return Zone::Fixed(Offset::UTC),
        _ => {}
    }
    if let Some(offset) = fixed_offset(text.value) {
        return Zone::Fixed(offset);
    }
    let problem = format!("`{}` is not a zone", shown(text.value));
    let mend = "write \"local\", \"UTC\" or an offset as \"+02:00\"";
    fields.error(text.offset, "zone", problem, mend);
    Zone::Local
}

fn fixed_offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = hours_and_minutes(rest)?;
    if hours > 14 || minutes > 59 {
        return None;
    }
    let minutes = i32::from(hours) * 60 + i32::from(minutes);
    Offset::from_seconds(sign * minutes * 60).ok()
}

/// Reads `09:30`: two digits, a colon, two digits, and no sign.
fn hours_and_minutes(text: &str) -> Option<(i8, i8)> {
    let number = |digits: &str| {
        let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    let (hours, minutes) = text.split_once(':')?;
    Some((number(hours)?, number(minutes)?))
}
