//! What the system says of this process, from `/proc/self` (`proc(5)`). What it does not say is
//! left out.

use std::fs;

use super::text::{Kind, Text, count};

/// Clock ticks a second in `/proc`: `sysconf(_SC_CLK_TCK)`, which is 100 on every Linux.
const TICKS: f64 = 100.0;

pub(super) fn write(text: &mut Text) {
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        if let Some(kib) = field(&status, "VmRSS:") {
            let help = "Resident memory size in bytes.";
            text.gauge("process_resident_memory_bytes", help, count(kib * 1024));
        }
        if let Some(kib) = field(&status, "VmSize:") {
            let help = "Virtual memory size in bytes.";
            text.gauge("process_virtual_memory_bytes", help, count(kib * 1024));
        }
        if let Some(threads) = field(&status, "Threads:") {
            text.gauge("process_threads", "Number of threads.", count(threads));
        }
    }
    if let Some(open) = open_descriptors() {
        text.gauge(
            "process_open_fds",
            "Number of open file descriptors.",
            count(open),
        );
    }
    if let Some(most) = most_descriptors() {
        let help = "Maximum number of open file descriptors.";
        text.gauge("process_max_fds", help, count(most));
    }
    if let Some((seconds, started)) = times() {
        let help = "Total user and system CPU time spent in seconds.";
        text.family("process_cpu_seconds_total", Kind::Counter, help)
            .sample(&[], seconds);
        let help = "Start time of the process since the Unix epoch in seconds.";
        text.gauge("process_start_time_seconds", help, started);
    }
}

/// Returns the number behind a name.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Returns how many descriptors are open.
fn open_descriptors() -> Option<u64> {
    // The folder that is read is open too.
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(open).ok()?.checked_sub(1)
}

/// Returns how many descriptors can be open; none where there is no bound.
pub(crate) fn most_descriptors() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    field(&limits, "Max open files")
}

/// Returns the processor's time in seconds, and when the process started.
fn times() -> Option<(f64, f64)> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name, which is in brackets, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok().map(count);
    // Fields 14, 15 and 22; the first behind the name is 3.
    let (user, kernel, begun) = (ticks(11)?, ticks(12)?, ticks(19)?);
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot = count(field(&boot, "btime")?);
    Some(((user + kernel) / TICKS, boot + begun / TICKS))
}
