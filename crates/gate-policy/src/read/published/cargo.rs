//! What `cargo publish` sends. Source: the cargo book, "Publishing on crates.io", "The manifest
//! format", "Workspaces" and "Configuration".
//!
//! cargo packs the folder of a package and builds what it packed. Of `target` it takes what git
//! tracks. Which files it takes is said by the manifest and by git; all of them are bound. Fields, lints and the lock
//! come from the workspace above, registries and programs from settings above.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::tracked::can_track;
use super::{Package, asks_for_help, skipped};
use crate::command_line::{CommandLine, FileError, FileKind};
use crate::invocation::Invocation;
use crate::profile::Text;
use crate::read::MAX_SCRIPT_BYTES;
use crate::read::path_of;
use crate::read::paths::{leads_out_of, plain_join};
use crate::read::words::Parsed;
use crate::target::pointed;

const MANIFEST: &str = "Cargo.toml";
/// What is never packed.
const NEVER: &[Text] = &[Cow::Borrowed("/.git")];
/// What is not packed where git tracks nothing of `target`.
const WITHOUT_TARGET: &[Text] = &[Cow::Borrowed("/.git"), Cow::Borrowed("/target")];
/// What a workspace adds to each of its packages.
const OF_WORKSPACE: [&str; 2] = ["Cargo.lock", ".gitignore"];
/// What cargo and rustup look for in every folder from the working directory upward.
const UPWARD: [&str; 4] = [
    ".cargo/config",
    ".cargo/config.toml",
    "rust-toolchain",
    "rust-toolchain.toml",
];
/// Options that choose among the packages of a workspace.
const CHOOSES: [&str; 4] = ["all", "exclude", "package", "workspace"];

pub(in crate::read) fn read(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    invocation: &mut Invocation,
) {
    if !matches!(&parsed.path[..], [command] if command == "publish") || asks_for_help(invocation) {
        return;
    }
    let last = |name: &str| {
        let used = parsed.uses.iter().rfind(|used| used.name == name);
        used.and_then(|used| used.value)
    };
    let cwd = plain_join(line.cwd, &path_of(last("C").unwrap_or_default()));
    let mut package = Package { line, invocation };
    let own = if let Some(named) = last("manifest-path") {
        let manifest = plain_join(&cwd, &path_of(named));
        manifest.parent().unwrap_or(&cwd).to_owned()
    } else {
        let mut above = cwd.ancestors();
        let nearest = above.find(|folder| package.kind(&folder.join(MANIFEST)).is_some());
        nearest.unwrap_or(&cwd).to_owned()
    };
    let chooses = parsed
        .uses
        .iter()
        .any(|used| CHOOSES.contains(&used.name.as_ref()));
    let published = package.add_published(&own, chooses);
    // What stands in the folder itself is bound with it.
    for folder in cwd
        .ancestors()
        .filter(|folder| !folder.starts_with(&published))
    {
        for name in UPWARD {
            package.add_file(folder.join(name));
        }
    }
}

impl Package<'_, '_> {
    /// Adds the package in a folder or, where several can be meant, its whole workspace; returns
    /// the folder of what is published.
    fn add_published(&mut self, own: &Path, chooses: bool) -> PathBuf {
        let manifest = self.read_manifest(own);
        let is_package = manifest.contains_key("package");
        let mut root = manifest
            .contains_key("workspace")
            .then(|| (own.to_owned(), manifest.clone()));
        if let Some(named) = text_at(&manifest, &["package", "workspace"]) {
            let folder = plain_join(own, Path::new(named));
            root = Some((folder.clone(), self.read_manifest(&folder)));
        }
        // One that appears above would be the root.
        for folder in own.ancestors().skip(1) {
            let above = self.read_manifest(folder);
            if root.is_none() && above.contains_key("workspace") {
                root = Some((folder.to_owned(), above));
            }
        }
        let (root, of_root) = root.unwrap_or_else(|| (own.to_owned(), manifest.clone()));
        let published = if is_package && !chooses { own } else { &*root };
        self.add_built(published.to_owned());
        if !root.starts_with(published) {
            for name in OF_WORKSPACE {
                self.add_file(root.join(name));
            }
        }
        self.add_named((own, published), &manifest);
        self.add_named((&root, published), &of_root);
        if let Some(Value::Table(workspace)) = of_root.get("workspace") {
            self.add_named((&root, published), workspace);
            if published == root {
                self.add_members(&root, workspace);
            }
        }
        published.to_owned()
    }

    /// Adds a folder that cargo packs, with what it builds there where git tracks some of it.
    fn add_built(&mut self, folder: PathBuf) {
        let place = self.line.files.canonical(&folder);
        let place = place.unwrap_or_else(|| folder.clone());
        let target = place.join("target");
        let paths = place.ancestors().map(|above| target.strip_prefix(above));
        let paths: Vec<&[u8]> = paths
            .filter_map(|path| Some(path.ok()?.as_os_str().as_encoded_bytes()))
            .collect();
        let mut is_tracked = false;
        for above in place.ancestors() {
            let Some(index) = self.index_in(above) else {
                continue;
            };
            is_tracked |= match self.line.files.read(&index) {
                Ok(content) => can_track(&content, &paths),
                Err(FileError::Absent) => false,
                Err(FileError::Unreadable(_)) => true,
            };
            self.add_file(index);
        }
        let without = if is_tracked { NEVER } else { WITHOUT_TARGET };
        self.add_folder(folder, skipped(without));
    }

    /// Returns the index of the repository in a folder. That there is none is an input too.
    fn index_in(&mut self, folder: &Path) -> Option<PathBuf> {
        let repository = folder.join(".git");
        match self.kind(&repository) {
            Some(FileKind::Directory) => Some(repository.join("index")),
            Some(FileKind::File) => {
                let own = pointed(self.line, &repository, b"gitdir:", folder);
                self.add_file(repository);
                own.map(|own| own.join("index"))
            }
            Some(FileKind::Special) => None,
            None => {
                self.add_file(repository);
                None
            }
        }
    }

    /// Reads the manifest of a folder, which is then an input, also where it is not there.
    fn read_manifest(&mut self, folder: &Path) -> Table {
        let path = folder.join(MANIFEST);
        self.add_file(path.clone());
        let Ok(content) = self.line.files.read(&path) else {
            return Table::new();
        };
        let text = std::str::from_utf8(&content).ok();
        let table = text.filter(|text| text.len() <= MAX_SCRIPT_BYTES);
        let table = table.and_then(|text| text.parse().ok());
        table.unwrap_or_else(|| {
            let why = "it is too long, or is written in a way that gate can't follow";
            self.refuse(path, why);
            Table::new()
        })
    }

    /// Adds the files outside of a package that its manifest puts into it.
    fn add_named(&mut self, (folder, published): (&Path, &Path), table: &Table) {
        for field in ["readme", "license-file"] {
            let Some(name) = text_at(table, &["package", field]) else {
                continue;
            };
            if leads_out_of(published, folder, name) {
                self.add_file(plain_join(folder, Path::new(name)));
            }
        }
    }

    /// Adds the packages of a workspace that stand outside of its folder.
    fn add_members(&mut self, root: &Path, workspace: &Table) {
        let Some(Value::Array(members)) = workspace.get("members") else {
            return;
        };
        let names = members.iter().filter_map(Value::as_str);
        for name in names.filter(|name| leads_out_of(root, root, name)) {
            let folder: PathBuf = plain_join(root, Path::new(name));
            if self.kind(&folder) == Some(FileKind::Directory) {
                self.add_built(folder);
            } else {
                let why = "it names packages outside of the workspace that gate can't follow";
                self.refuse(folder, why);
            }
        }
    }
}

/// Returns the text at a path of keys.
fn text_at<'t>(table: &'t Table, keys: &[&str]) -> Option<&'t str> {
    let (last, above) = keys.split_last()?;
    let mut table = table;
    for key in above {
        table = table.get(*key)?.as_table()?;
    }
    table.get(*last)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::{Environment, MapFiles, Stdin, without_dots};
    use crate::invocation::InputKind;
    use crate::read::published::tracked::tests::index;
    use crate::read_invocation;

    /// Returns what is left out of the package in `/w/a`, and the files that are bound.
    fn read_with(more: &[(&str, Vec<u8>)]) -> (Vec<Text>, Vec<PathBuf>) {
        let cwd = Path::new("/w/a");
        let manifest = ("Cargo.toml", b"[package]\nname = 'a'\n".to_vec());
        let files = MapFiles::new(cwd, more.iter().cloned().chain([manifest]));
        let invocation = read_invocation(&CommandLine {
            argv: &["cargo", "publish"].map(Into::into),
            env: &Environment::default(),
            cwd,
            stdin: Stdin::Absent,
            files: &files,
        });
        let mut inputs = invocation.inputs.iter();
        let folder = inputs.find(|input| input.kind == InputKind::Directory);
        let skipped = folder.unwrap().skipped.to_vec();
        let files = invocation.inputs.into_iter();
        let files = files.filter(|input| input.kind == InputKind::File);
        (skipped, files.map(|input| input.path).collect())
    }

    #[test]
    fn what_git_tracks_of_target_is_bound() {
        let link = || ("/.git", b"gitdir: g/worktrees/w\n".to_vec());
        for (name, tracked, beside) in [
            (".git/index", "target/a.rs", "src/target/a.rs"),
            ("../.git/index", "a/target/a.rs", "b/target/a.rs"),
            ("/g/worktrees/w/index", "w/a/target/a.rs", "w/a/targets/a"),
        ] {
            let (skipped, files) = read_with(&[link(), (name, index(2, &[tracked]))]);
            assert_eq!(skipped, NEVER, "{name}");
            let bound = without_dots(&Path::new("/w/a").join(name));
            assert!(files.contains(&bound), "{name}: {files:?}");
            let (skipped, _) = read_with(&[link(), (name, index(2, &[beside]))]);
            assert_eq!(skipped, WITHOUT_TARGET, "{name}");
        }
        let (skipped, files) = read_with(&[]);
        assert_eq!(skipped, WITHOUT_TARGET);
        assert!(files.contains(&"/w/.git".into()), "{files:?}");
    }
}
