//! What the benchmark prints, kept to be looked at in the end.

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

    /// Prints a row of a table.
    pub(crate) fn row(&mut self, name: &str, cells: &[String]) {
        self.line(&format!("| {name} | {} |", cells.join(" | ")));
    }

    /// Fails unless there are so many rows of that name, each with so many figures.
    pub(crate) fn assert_rows(&self, name: &str, rows: usize, figures: usize) {
        let start = format!("| {name} |");
        let found: Vec<&str> = self
            .lines
            .iter()
            .filter_map(|line| line.strip_prefix(&start))
            .collect();
        assert_eq!(found.len(), rows, "rows of `{name}`: {:#?}", self.lines);
        for row in found {
            let cells = row.trim_end_matches('|').split('|').map(str::trim);
            let values: Vec<f64> = cells.map(figure).collect();
            assert_eq!(values.len(), figures, "`{name}`: {row}");
            let are_said = values.iter().all(|value| value.is_finite());
            assert!(are_said, "`{name}`: {row}");
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

/// The value below which this part of all values lies.
pub(crate) fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list of at most thousands"
    )]
    let place = (last as f64 * part).round() as usize;
    values[place]
}
