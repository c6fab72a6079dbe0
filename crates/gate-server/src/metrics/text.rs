//! The text format of Prometheus, version 0.0.4: families with a help and a type, each sample on a
//! line of its own.

use std::fmt::Write as _;

use super::histogram::Histogram;

/// A scrape in the making.
#[derive(Debug, Default)]
pub(super) struct Text(String);

/// What a family is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The samples of one family.
#[derive(Debug)]
pub(super) struct Family<'t> {
    text: &'t mut Text,
    name: &'static str,
}

impl Text {
    /// Begins a family. Its help is plain text of ours.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = kind.as_str();
        let _written = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { text: self, name }
    }

    /// Writes a family of one gauge.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str, value: f64) {
        self.family(name, Kind::Gauge, help).sample(&[], value);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    fn line(&mut self, name: &str, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let _written = write!(self.0, "{name}{suffix}");
        for (number, (label, text)) in labels.iter().enumerate() {
            let open = if number == 0 { "{" } else { "," };
            let _written = write!(self.0, "{open}{label}=\"{}\"", escaped(text));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _written = writeln!(self.0, "{close} {value}");
    }
}

impl Family<'_> {
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.text.line(self.name, "", labels, value);
    }

    pub(super) fn histogram(&mut self, label: (&str, &str), histogram: &Histogram) {
        let (rows, all, sum) = histogram.read();
        for (bound, below) in rows {
            let bound = bound.to_string();
            self.text
                .line(self.name, "_bucket", &[label, ("le", &bound)], count(below));
        }
        let whole = [label, ("le", "+Inf")];
        self.text.line(self.name, "_bucket", &whole, count(all));
        self.text.line(self.name, "_sum", &[label], sum);
        self.text.line(self.name, "_count", &[label], count(all));
    }
}

/// Returns a count as the format has all numbers: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}

/// Escapes what would end the value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_ends_where_it_should_whatever_is_in_it() {
        let mut text = Text::default();
        text.family("a_total", Kind::Counter, "What.")
            .sample(&[("name", "a\"b\\c\nd"), ("x", "y")], count(3));
        let expected = "# HELP a_total What.\n# TYPE a_total counter\n\
                        a_total{name=\"a\\\"b\\\\c\\nd\",x=\"y\"} 3\n";
        assert_eq!(text.finish(), expected);
    }
}
