//! Turns the tool profiles of `profiles/` into compiled-in tables.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a build script reads files and talks to cargo; the crate itself does neither"
)]

#[path = "../src/effect.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is that of the crate")]
mod effect;
mod emit;
mod filled;
mod grammar;
mod kinds;
mod listed;
mod operations;
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "it is that of the crate"
)]
mod profile;
mod shared;
#[path = "../src/slots.rs"]
#[expect(dead_code, reason = "it is that of the crate")]
mod slots;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use profile::ToolSpec;
use profile::source::compile::group_indexes;
use profile::source::{Mistake, Profile, compile};

/// How many places the table of the tools' names has.
const NAME_PLACES: usize = 512;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("profiles");
    println!("cargo::rerun-if-changed=profiles");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/effect.rs");
    println!("cargo::rerun-if-changed=src/profile");
    println!("cargo::rerun-if-changed=src/slots.rs");
    println!("cargo::rerun-if-changed=grammar");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    write_grammar(&folder, out)?;
    write_profiles(&folder, out)
}

fn write_grammar(folder: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let grammar_folder = folder.with_file_name("grammar");
    let grammar = grammar::read(&grammar_folder.join("postgresql.txt"))?;
    fs::write(out.join("grammar.rs"), grammar::emit(&grammar)?)?;
    let kinds = toml::from_str(&fs::read_to_string(grammar_folder.join("kinds.toml"))?)?;
    let lists = ["postgresql_catalogue.txt", "postgresql_modules.txt"];
    let lists = lists.map(|name| fs::read_to_string(grammar_folder.join(name)));
    let catalogue = lists.into_iter().collect::<Result<String, _>>()?;
    fs::write(
        out.join("catalogue.rs"),
        grammar::emit_catalogue(&catalogue)?,
    )?;
    fs::write(out.join("kinds.rs"), kinds::emit(&grammar, &kinds)?)?;
    Ok(())
}

fn write_profiles(folder: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|kind| kind == "toml"));
    files.sort();
    let mut text = String::new();
    let mut tools = Vec::new();
    let mut names = BTreeMap::new();
    let mut details = emit::Details::default();
    for file in &files {
        let fail = |problem: String| format!("{}: {problem}", file.display());
        let content = fs::read_to_string(file)?;
        let mut profile: Profile = toml::from_str(&content).map_err(|e| fail(e.to_string()))?;
        shared::add_all(&mut profile, folder, 0)
            .map_err(|mistake| fail(placed(&content, &mistake)))?;
        let mut tool =
            tables(&profile, folder).map_err(|mistake| fail(placed(&content, &mistake)))?;
        if let Some(path) = operations::path(folder, &profile) {
            let lines =
                operations::expanded(&profile, &fs::read_to_string(&path)?).map_err(fail)?;
            let name = path.file_name().ok_or("the operations have no file")?;
            tool.operation_places = operations::places(&lines)?.into();
            fs::write(out.join(name), lines)?;
        }
        let name = tool.name.to_uppercase().replace('-', "_");
        text.push_str(&emit::profile(
            &name,
            &tool,
            &operations::constant(&profile),
            &mut details,
        ));
        if name == "EVERY" {
            text.push_str("pub(crate) static EVERY_TOOL: &ToolSpec = &EVERY;\n");
        } else {
            tools.push(format!("&{name}"));
            for one in std::iter::once(&tool.name).chain(tool.aliases.iter()) {
                if names.insert(one.to_string(), name.clone()).is_some() {
                    return Err(fail(format!("another tool has the name `{one}`")).into());
                }
            }
        }
    }
    text.push_str(&details.rust());
    let tools = tools.join(", ");
    text.push_str("static TOOLS: &[&ToolSpec] = &[");
    text.push_str(&tools);
    text.push_str("];\n");
    text.push_str(&named(&names)?);
    fs::write(out.join("profiles.rs"), text)?;
    Ok(())
}

/// Returns the names of all tools, and the table in which they are found, as `static`s.
fn named(names: &BTreeMap<String, String>) -> Result<String, Box<dyn Error>> {
    let mut text = "static NAMES: &[(&str, &ToolSpec)] = &[".to_owned();
    let mut places = [0; NAME_PLACES];
    for (index, (name, table)) in names.iter().enumerate() {
        write!(text, "({name:?}, &{table}), ")?;
        filled::fill(&mut places, name.as_bytes(), index + 1);
    }
    write!(
        text,
        "];\n/// Where they stand, counted from 1, by [`crate::slots`].\n\
         static NAME_PLACES: [u16; {NAME_PLACES}] = {places:?};\n"
    )?;
    if names.len() * 2 > NAME_PLACES {
        return Err("too many names for their table: double it".into());
    }
    Ok(text)
}

/// Returns the tables of a profile with what stands in files beside it.
fn tables(profile: &Profile, folder: &Path) -> Result<ToolSpec, Mistake> {
    let mut tool = compile(profile).map_err(|mistakes| {
        let nothing = || Mistake::new(0..0, "it can't be used", "mend it");
        mistakes.into_iter().next().unwrap_or_else(nothing)
    })?;
    if let Some(listed) = &profile.listed {
        let groups: Vec<&str> = tool
            .groups
            .iter()
            .map(|group| group.name.as_ref())
            .collect();
        let indexes = group_indexes(&listed.get_ref().flags, &groups)?;
        tool.commands.to_mut().extend(listed::rows(&indexes));
        let text = listed::text_of(listed.get_ref(), folder);
        let text = text.map_err(|why| Mistake::new(listed.span(), why, "mend the list"))?;
        tool.listed = Some(text);
    }
    Ok(tool)
}

fn placed(content: &str, mistake: &Mistake) -> String {
    let before = content.get(..mistake.place.start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    format!("line {line}: {}; {}", mistake.problem, mistake.mend)
}
