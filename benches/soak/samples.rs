//! Memory and descriptors of the server over time, and whether they stay flat.

use std::time::Duration;

use crate::stage::Server;

/// By how much memory may grow from the second quarter to the last, as a part and in bytes, however
/// short the run is. In the first one everything comes up.
const GROWTH: (f64, f64) = (0.10, 16e6);
/// By how many bytes a minute it may grow from the third quarter to the last of a run that is not short.
const SLOPE: f64 = 100e3;
/// What may come on top of that: what an allocator keeps comes and goes in pieces.
const SWING: f64 = 2e6;
/// A shorter run ends while caches still fill.
const SHORT: Duration = Duration::from_mins(10);
/// By how many the descriptors may grow: connections come and go.
const FILES: f64 = 16.0;

/// What was seen, in the order of time, at even distances.
#[derive(Debug)]
pub(crate) struct Samples {
    lasts: Duration,
    memory: Vec<f64>,
    files: Vec<f64>,
}

impl Samples {
    /// Begins a run that lasts so long.
    pub(crate) const fn of(lasts: Duration) -> Self {
        Self {
            lasts,
            memory: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Looks at the server.
    pub(crate) fn take(&mut self, server: &Server) {
        self.memory
            .push(server.measured("process_resident_memory_bytes"));
        self.files.push(server.measured("process_open_fds"));
    }

    /// Prints the median of each quarter, and how memory grew at the end.
    pub(crate) fn print(&self) {
        println!("\n| quarter | memory, MiB | descriptors |\n|---|---|---|");
        for quarter in 0..4 {
            let memory = median(&self.memory, quarter) / f64::from(1 << 20);
            let files = median(&self.files, quarter);
            println!("| {} | {memory:.1} | {files:.0} |", quarter + 1);
        }
        let slope = self.growth() / self.quarter_minutes() / 1e3;
        println!("\nfrom the third quarter to the last: {slope:.0} kB a minute");
    }

    /// Fails where memory or descriptors grew.
    pub(crate) fn assert_flat(&self) {
        assert_eq!(self.fault(), None);
    }

    /// Returns what is not flat.
    fn fault(&self) -> Option<String> {
        let [before, after] = [1, 3].map(|quarter| median(&self.memory, quarter));
        if after > before * (1.0 + GROWTH.0) + GROWTH.1 {
            return Some(format!("memory grew from {before} to {after}"));
        }
        let growth = self.growth();
        if self.lasts >= SHORT && growth > SWING + SLOPE * self.quarter_minutes() {
            return Some(format!("memory grew by {growth} in the last quarter"));
        }
        let [before, after] = [1, 3].map(|quarter| median(&self.files, quarter));
        (after > before + FILES).then(|| format!("descriptors grew from {before} to {after}"))
    }

    /// Returns by how much memory grew from the third quarter to the last.
    fn growth(&self) -> f64 {
        median(&self.memory, 3) - median(&self.memory, 2)
    }

    fn quarter_minutes(&self) -> f64 {
        self.lasts.as_secs_f64() / 60.0 / 4.0
    }

    /// Returns what a server that grows by so much a minute would show in half an hour.
    fn line(memory: f64, files: f64) -> Self {
        let minutes = || (0..30).map(f64::from);
        Self {
            lasts: Duration::from_mins(30),
            memory: minutes().map(|minute| 80e6 + memory * minute).collect(),
            files: minutes().map(|minute| 100.0 + files * minute).collect(),
        }
    }
}

/// Fails unless what grows is told from what is flat: at a hundred calls a second, a server that loses 83
/// bytes with each is found out.
pub(crate) fn prove() {
    let is_flat = |memory, files| Samples::line(memory, files).fault().is_none();
    assert!(is_flat(0.0, 0.0), "what is flat is refused");
    assert!(is_flat(SLOPE, 0.0), "what grows as it may is refused");
    assert!(!is_flat(5.0 * SLOPE, 0.0), "memory that grows is let pass");
    assert!(!is_flat(0.0, 2.0), "descriptors that grow are let pass");
}

/// Returns the median of one of four quarters.
fn median(values: &[f64], quarter: usize) -> f64 {
    let size = values.len() / 4;
    let mut some = values[quarter * size..(quarter + 1) * size].to_vec();
    some.sort_by(f64::total_cmp);
    some[size / 2]
}
