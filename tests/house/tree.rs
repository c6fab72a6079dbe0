//! The house as the rules see it: crates with their dependencies, files with their text.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

use serde_json::Value;

use crate::lexer::code_of;

/// What the rules are asked about. A fake one is put together by hand in the rules' own tests.
#[derive(Debug, Default)]
pub(crate) struct House {
    pub(crate) crates: Vec<Crate>,
    pub(crate) sources: Vec<Source>,
    /// The root manifest.
    pub(crate) manifest: String,
    /// `docs/dependencies.md`.
    pub(crate) dependencies_page: String,
}

/// A member of the workspace.
#[derive(Debug, Default)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// What it needs to be built and to run; not what only its tests need.
    pub(crate) dependencies: BTreeSet<String>,
    /// The text of its own manifest.
    pub(crate) manifest: String,
}

/// A Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text without comments and without what stands in quotes.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: code_of(text),
        }
    }

    /// A breach in every line of code for which `is_breach` holds.
    pub(crate) fn breaches(&self, what: &str, is_breach: impl Fn(&str) -> bool) -> Vec<String> {
        let lines = self.code.lines().enumerate();
        lines
            .filter(|(_, line)| is_breach(line))
            .map(|(index, _)| format!("{}:{}: {what}", self.path, index + 1))
            .collect()
    }
}

impl House {
    /// Reads the house that this test stands in.
    pub(crate) fn read() -> io::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut house = Self {
            crates: crates(root)?,
            manifest: fs::read_to_string(root.join("Cargo.toml"))?,
            dependencies_page: fs::read_to_string(root.join("docs/dependencies.md"))?,
            ..Self::default()
        };
        gather(root, root, &mut house.sources)?;
        house
            .sources
            .sort_by(|one, other| one.path.cmp(&other.path));
        Ok(house)
    }
}

fn crates(root: &Path) -> io::Result<Vec<Crate>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(message));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    list(&metadata, "packages").map(read_crate).collect()
}

fn read_crate(package: &Value) -> io::Result<Crate> {
    let dependencies = list(package, "dependencies")
        // Null is a normal dependency; a build dependency shapes what is built, so it counts as one.
        .filter(|dependency| dependency["kind"] != "dev")
        .map(|dependency| text(dependency, "name"))
        .collect();
    Ok(Crate {
        name: text(package, "name"),
        dependencies,
        manifest: fs::read_to_string(text(package, "manifest_path"))?,
    })
}

fn list<'value>(value: &'value Value, field: &str) -> impl Iterator<Item = &'value Value> {
    value
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text(value: &Value, field: &str) -> String {
    value
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn gather(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            // Build output, and folders that are not ours to judge.
            if !name.starts_with('.') && !name.starts_with("target") && name != "node_modules" {
                gather(root, &path, sources)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
            sources.push(Source::new(&relative, &fs::read_to_string(&path)?));
        }
    }
    Ok(())
}
