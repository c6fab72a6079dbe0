//! `gate` puts a human decision between a command and its consequences.
//!
//! `argv[0]` decides which of two programs this is: under its own name the
//! command line of gate, under any other name the shim of the tool of that name.
#![forbid(unsafe_code)]

mod advice;
mod answers;
mod approval;
mod audit;
mod binding;
mod circumstances;
mod cli;
mod config;
mod credential;
mod defect;
mod durable;
mod everyday;
mod exit_code;
mod failure;
mod identity;
mod job;
mod layout;
mod log_key;
mod mask;
mod permit;
mod pipeline;
mod preview;
mod progress;
mod prompt;
mod reading;
mod reason;
mod receipts;
mod remembered;
mod report;
mod server_rules;
mod session;
mod shim;
mod shims;
mod show;
mod since_boot;
mod spool;
mod successors;
mod traced;
mod trust;
mod world;

use std::ffi::{OsStr, OsString};
use std::path::Path;

fn main() {
    defect::guarded(run).leave()
}

fn run() -> exit_code::Ending {
    gate_exec::outlive_file_limit();
    let argv: Vec<OsString> = std::env::args_os().collect();
    let name = argv.first().map(Path::new).and_then(Path::file_name);
    match name {
        Some(name) if name != OsStr::new(layout::PROGRAM) => shim::main(argv),
        Some(_) | None => cli::main(&argv),
    }
}
