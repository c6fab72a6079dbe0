//! Makes the constants of gate's own reader, as gate-policy's build script does.

#[path = "../../build/grammar.rs"]
mod grammar;

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let read = grammar::read(Path::new("../../grammar/postgresql.txt"))?;
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("grammar.rs"), grammar::emit(&read)?)?;
    Ok(())
}
