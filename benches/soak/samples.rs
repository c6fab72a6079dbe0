//! Memory and descriptors of the server over time.

use crate::stage::Server;

/// By how much memory may grow from the second quarter to the last, as a part and in bytes: what an
/// allocator keeps comes and goes.
const GROWTH: (f64, f64) = (0.10, 16e6);
/// By how many the descriptors may grow: connections come and go.
const FILES: f64 = 16.0;

/// What was seen, in the order of time.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    memory: Vec<f64>,
    files: Vec<f64>,
}

impl Samples {
    /// Looks at the server.
    pub(crate) fn take(&mut self, server: &Server) {
        self.memory
            .push(server.measured("process_resident_memory_bytes"));
        self.files.push(server.measured("process_open_fds"));
    }

    /// Prints the median of each quarter.
    pub(crate) fn print(&self) {
        println!("\n| quarter | memory, MiB | descriptors |\n|---|---|---|");
        for quarter in 0..4 {
            let memory = median(&self.memory, quarter) / f64::from(1 << 20);
            let files = median(&self.files, quarter);
            println!("| {} | {memory:.1} | {files:.0} |", quarter + 1);
        }
    }

    /// Fails where the last quarter has more than the second. In the first one everything comes up.
    pub(crate) fn assert_flat(&self) {
        let [before, after] = [1, 3].map(|quarter| median(&self.memory, quarter));
        let allowed = before * (1.0 + GROWTH.0) + GROWTH.1;
        assert!(after <= allowed, "memory grew from {before} to {after}");
        let [before, after] = [1, 3].map(|quarter| median(&self.files, quarter));
        assert!(
            after <= before + FILES,
            "descriptors grew from {before} to {after}"
        );
    }
}

/// Returns the median of one of four quarters.
fn median(values: &[f64], quarter: usize) -> f64 {
    let size = values.len() / 4;
    let mut some = values[quarter * size..(quarter + 1) * size].to_vec();
    some.sort_by(f64::total_cmp);
    some[size / 2]
}
