//! The operating system: finds the real tool, replaces or supervises it, signals, terminal.
