//! `gate`: puts a human decision between a command and its consequences.
fn main() {}
