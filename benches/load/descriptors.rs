//! How many files may be open: each who waits is one at both ends.

use std::process::Command;

/// Raises the limit of this process, and of what it starts from now on, where it is lower.
pub(crate) fn allow(wanted: usize) {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let mut lines = limits.lines();
    let files = lines.find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.unwrap().split_whitespace().next().unwrap();
    if soft == "unlimited" || soft.parse::<usize>().unwrap() >= wanted {
        return;
    }
    // Beyond the hard limit only root gets; what it says then is better than any word here.
    let raised = Command::new("prlimit")
        .arg(format!("--pid={}", std::process::id()))
        .arg(format!("--nofile={wanted}:"))
        .status()
        .unwrap();
    assert!(
        raised.success(),
        "{wanted} descriptors are needed, and {soft} are allowed: raise the hard limit (`ulimit -Hn`)"
    );
}
