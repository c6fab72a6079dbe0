//! What the benchmark prints, kept to be looked at in the end.

use crate::corpus;

/// Every line that was printed.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<String>,
}

impl Report {
    /// Prints a line.
    pub(crate) fn line(&mut self, text: &str) {
        println!("{text}");
        self.lines.extend(text.lines().map(str::to_owned));
    }

    /// Fails unless every figure that the benchmark promises was printed, and is one.
    /// `allowed` is the number of tables of allowed commands, `fast` of those through the small
    /// shim.
    pub(crate) fn assert_complete(&self, allowed: usize, fast: usize) {
        for name in ["floor_sup", "gate run, allowed", "gate as shim, allowed"] {
            self.assert_rows(name, allowed, 4);
        }
        // Other wrappers and hooks have a table each too.
        self.assert_rows("floor_exec", allowed + fast + 2, 4);
        for (name, _) in crate::fast::COMMANDS {
            let beside_others = usize::from(name == crate::fast::BESIDE_OTHERS.0);
            self.assert_rows(&format!("gate-shim: {name}"), fast + beside_others, 4);
            self.assert_rows(&format!("gate hook: {name}"), 1, 4);
        }
        self.assert_rows("env", 1, 4);
        self.assert_rows("direct", allowed + fast + 3, 3);
        for name in [
            "gate run --no-wait: asks",
            "gate run: approved already",
            "direct, the clock read",
            "approved, beyond wait and network",
            "grant to first instruction",
            "tool's end to gate's",
        ] {
            self.assert_rows(name, 1, 3);
        }
        for name in corpus::TOOLS
            .into_iter()
            .chain(["(reading the rules, once)"])
        {
            self.assert_rows(name, 1, 2);
        }
        for key in ["Rss", "Pss", "Private_Dirty"] {
            let is_said = |line: &String| line.starts_with(&format!("{key}:"));
            assert!(self.lines.iter().any(is_said), "no `{key}`");
        }
    }

    /// Fails unless there are so many rows of that name, each with at least so many figures.
    fn assert_rows(&self, name: &str, rows: usize, figures: usize) {
        let start = format!("| {name} |");
        let found: Vec<&str> = self
            .lines
            .iter()
            .filter_map(|line| line.strip_prefix(&start))
            .collect();
        assert_eq!(found.len(), rows, "rows of `{name}`: {:#?}", self.lines);
        for row in found {
            let cells = row
                .split('|')
                .map(str::trim)
                .filter(|cell| !cell.is_empty());
            let values: Vec<f64> = cells.map(figure).collect();
            assert!(values.len() >= figures, "`{name}`: {row}");
            assert!(
                values.iter().all(|value| value.is_finite()),
                "`{name}`: {row}"
            );
        }
    }
}

/// Returns the number of a cell, without its unit.
fn figure(cell: &str) -> f64 {
    let number = cell.split(' ').next().unwrap_or_default();
    number
        .parse()
        .unwrap_or_else(|error| panic!("`{cell}` is no figure: {error}"))
}
