//! Turns the tool profiles of `profiles/` into compiled-in tables.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a build script reads files and talks to cargo; the crate itself does neither"
)]

mod emit;
mod grammar;
mod implicit;
mod kinds;
mod listed;
mod operations;
mod source;
mod variables;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("profiles");
    println!("cargo::rerun-if-changed=profiles");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=grammar");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    let grammar_folder = folder.with_file_name("grammar");
    let grammar = grammar::read(&grammar_folder.join("postgresql.txt"))?;
    fs::write(out.join("grammar.rs"), grammar::emit(&grammar)?)?;
    let kinds = toml::from_str(&fs::read_to_string(grammar_folder.join("kinds.toml"))?)?;
    let catalogue = fs::read_to_string(grammar_folder.join("postgresql_catalogue.txt"))?;
    fs::write(
        out.join("catalogue.rs"),
        grammar::emit_catalogue(&catalogue)?,
    )?;
    fs::write(out.join("kinds.rs"), kinds::emit(&grammar, &kinds)?)?;
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|kind| kind == "toml"));
    files.sort();
    let mut text = String::new();
    let mut tools = Vec::new();
    let mut names = BTreeMap::new();
    for file in &files {
        let fail = |problem: String| format!("{}: {problem}", file.display());
        let profile: source::Profile =
            toml::from_str(&fs::read_to_string(file)?).map_err(|e| fail(e.to_string()))?;
        if let Some(path) = operations::path(&folder, &profile) {
            let lines =
                operations::expanded(&profile, &fs::read_to_string(&path)?).map_err(fail)?;
            fs::write(
                Path::new(&env::var("OUT_DIR")?).join(&profile.operations),
                lines,
            )?;
        }
        let name = profile.name.to_uppercase().replace('-', "_");
        text.push_str(&emit::profile(&name, &profile, &folder).map_err(fail)?);
        if name == "EVERY" {
            text.push_str("pub(crate) static EVERY_TOOL: &ToolSpec = &EVERY;\n");
        } else {
            tools.push(format!("&{name}"));
            for one in std::iter::once(&profile.name).chain(&profile.aliases) {
                if names.insert(one.clone(), name.clone()).is_some() {
                    return Err(fail(format!("another tool has the name `{one}`")).into());
                }
            }
        }
    }
    let tools = tools.join(", ");
    text.push_str("static TOOLS: &[&ToolSpec] = &[");
    text.push_str(&tools);
    text.push_str("];\nstatic NAMES: &[(&str, &ToolSpec)] = &[");
    let names = names
        .iter()
        .map(|(name, table)| format!("({name:?}, &{table})"));
    text.push_str(&names.collect::<Vec<_>>().join(", "));
    text.push_str("];\n");
    fs::write(out.join("profiles.rs"), text)?;
    Ok(())
}
