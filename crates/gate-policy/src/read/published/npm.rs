//! What `npm publish` sends. Source: npm 11, `lib/commands/publish.js`, `npm-package-arg`,
//! `npm-packlist`, and `loadLocalPrefix` of `@npmcli/config`.
//!
//! npm packs the folder that it is given, or the working directory. Which files it takes is said
//! by files of that folder, and scripts in it can write others; so all of it is bound. Where the
//! folder is a workspace, the project above says where it goes.

use std::borrow::Cow;
use std::path::Path;

use super::{Package, asks_for_help, skipped};
use crate::command_line::{CommandLine, FileError, FileKind};
use crate::invocation::Invocation;
use crate::profile::Text;
use crate::read::MAX_SCRIPT_BYTES;
use crate::read::path_of;
use crate::read::paths::{leads_out_of, plain_join};
use crate::read::scalars::{self, Document};
use crate::read::words::Parsed;

/// Scripts that npm runs when it publishes.
const SCRIPTS: [&str; 8] = [
    "postpack",
    "postpublish",
    "prepack",
    "prepare",
    "prepublish",
    "prepublishOnly",
    "publish",
    "postprepare",
];
/// What is not packed where no field names it.
const OF_GIT: &[Text] = &[Cow::Borrowed("/.git")];
/// What is not packed where no package is bundled and no script runs.
const WITHOUT_MODULES: &[Text] = &[Cow::Borrowed("/.git"), Cow::Borrowed("/node_modules")];
/// What the project of a workspace says of how it is packed, and where it goes.
const OF_PROJECT: [&str; 3] = [".gitignore", ".npmignore", ".npmrc"];
/// Fields whose files are packed wherever they stand.
const REQUIRED: [&str; 4] = ["bin", "browser", "directories", "main"];
const PACKAGE: &str = "package.json";

pub(in crate::read) fn read(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    invocation: &mut Invocation,
) {
    let mut operands = parsed.operands.iter().map(|operand| operand.bytes);
    let publishes = match parsed.path.iter().map(AsRef::as_ref).collect::<Vec<&str>>()[..] {
        ["publish"] => true,
        ["stage"] => operands.next() == Some(b"publish"),
        _ => false,
    };
    if !publishes || asks_for_help(invocation) {
        return;
    }
    let what = operands.next().unwrap_or(b".");
    let mut package = Package { line, invocation };
    match Spec::of(what) {
        Spec::Fetched(why) => package.refuse(path_of(what), why),
        Spec::Tarball => {}
        Spec::Folder => {
            let is_on = |name: &str| {
                let last = parsed.uses.iter().rfind(|used| used.name == name);
                last.is_some_and(|used| used.on)
            };
            let has_scripts = !is_on("ignore-scripts");
            let prefix = parsed.uses.iter().rfind(|used| used.name == "prefix");
            let prefix = prefix.and_then(|used| used.value).unwrap_or_default();
            let start = plain_join(line.cwd, &path_of(prefix));
            let folder = plain_join(line.cwd, &path_of(what));
            package.add_packed(&folder, has_scripts);
            let several = is_on("workspaces") || is_on("workspace");
            package.add_project(&start, (several, has_scripts));
        }
    }
}

/// What npm takes a word for.
#[derive(Debug, PartialEq, Eq)]
enum Spec {
    Folder,
    Tarball,
    Fetched(&'static str),
}

impl Spec {
    fn of(word: &[u8]) -> Self {
        let is_path = [&b"."[..], b"/", b"~/"]
            .iter()
            .any(|start| word.starts_with(start));
        let has = |byte: u8| word.contains(&byte);
        let parts = word.split(|byte| *byte == b'/').count();
        let is_tarball = [&b".tgz"[..], b".tar.gz", b".tar"]
            .iter()
            .any(|end| word.to_ascii_lowercase().ends_with(end));
        if !is_path && (has(b':') || has(b'@') || has(b'#')) {
            return Self::Fetched("npm fetches it or takes it for an address; name it by a path");
        }
        if !is_path && parts == 2 && !word.ends_with(b"/") {
            return Self::Fetched("npm takes it for a repository of GitHub; write `./` before it");
        }
        if word.starts_with(b"~") {
            return Self::Fetched("the home folder is not followed; write its whole path");
        }
        match (is_tarball, is_path || parts > 1) {
            (true, _) => Self::Tarball,
            (false, true) => Self::Folder,
            (false, false) => Self::Fetched("npm takes it for a package of the registry"),
        }
    }
}

impl Package<'_, '_> {
    /// Adds a folder that npm packs.
    fn add_packed(&mut self, folder: &Path, has_scripts: bool) {
        let manifest = folder.join(PACKAGE);
        let document = self.read_package(&manifest);
        let without = match &document {
            Some(document) if needs_modules(document, has_scripts) => without_git(Some(document)),
            Some(document) if !names_unpacked(document) => WITHOUT_MODULES,
            _ => &[],
        };
        self.add_folder(folder.to_owned(), skipped(without));
    }

    /// Adds the project around a folder: what says that the folder is a workspace, and all of it
    /// where several are published.
    fn add_project(&mut self, start: &Path, (several, has_scripts): (bool, bool)) {
        let own = start.ancestors().find(|folder| {
            self.kind(&folder.join(PACKAGE)).is_some()
                || self.kind(&folder.join("node_modules")) == Some(FileKind::Directory)
        });
        let own = own.unwrap_or(start);
        if own != self.line.cwd {
            self.add_packed(own, has_scripts);
        }
        let mut root = None;
        for folder in own.ancestors() {
            let manifest = folder.join(PACKAGE);
            let document = self.read_package(&manifest);
            let names_workspaces = document.as_ref().is_none_or(has_workspaces);
            if self.kind(&manifest).is_none() || !names_workspaces {
                continue;
            }
            for name in OF_PROJECT {
                self.add_file(folder.join(name));
            }
            root.get_or_insert_with(|| (folder.to_owned(), document));
        }
        if !several {
            return;
        }
        let (root, document) = root.unwrap_or_else(|| (own.to_owned(), None));
        let names = document.iter().flat_map(|document| &document.scalars);
        let mut names = names.filter(|scalar| is_below(&scalar.keys, &["workspaces"]));
        if names.any(|name| leads_out_of(&root, &root, &name.text)) {
            let why = "a workspace stands outside of the project";
            self.refuse(root.join(PACKAGE), why);
        }
        self.add_folder(root, skipped(without_git(document.as_ref())));
    }

    /// Reads a manifest, which is then an input, also where it is not there.
    fn read_package(&mut self, path: &Path) -> Option<Document> {
        self.add_file(path.to_owned());
        match self.line.files.read(path) {
            Ok(content) if content.len() <= MAX_SCRIPT_BYTES => scalars::read(&content),
            Ok(_) | Err(FileError::Absent | FileError::Unreadable(_)) => None,
        }
    }
}

/// Tells whether anything below `node_modules` can be part of what is published, or change it.
fn needs_modules(document: &Document, has_scripts: bool) -> bool {
    document.scalars.iter().any(|scalar| {
        is_below(&scalar.keys, &["bundleDependencies", "bundledDependencies"])
            || (has_scripts
                && is_below(&scalar.keys, &["scripts"])
                && scalar
                    .keys
                    .iter()
                    .any(|key| SCRIPTS.contains(&key.as_str())))
    })
}

/// Returns what is left out of a folder of which `node_modules` is bound.
fn without_git(document: Option<&Document>) -> &'static [Text] {
    if document.is_some_and(|document| !names_unpacked(document)) {
        OF_GIT
    } else {
        &[]
    }
}

/// Tells whether a field can name a file below `node_modules` or `.git`: npm packs it then.
fn names_unpacked(document: &Document) -> bool {
    let mut scalars = document.scalars.iter();
    scalars.any(|scalar| is_below(&scalar.keys, &REQUIRED) && can_lead_to_unpacked(&scalar.text))
}

/// Tells whether a value leads to what is not packed otherwise. npm takes it for a pattern of an
/// ignore file in which capital letters don't count, and a line end in it begins another one.
fn can_lead_to_unpacked(value: &str) -> bool {
    let is_pattern = value.contains(['*', '?', '[', '{', '(', '\\']);
    let mut parts = value.split(|letter: char| matches!(letter, '/' | '!') || letter.is_control());
    let is_unpacked = |part: &str| {
        let part = part.trim();
        part.eq_ignore_ascii_case("node_modules") || part.eq_ignore_ascii_case(".git")
    };
    is_pattern || parts.any(is_unpacked)
}

fn has_workspaces(document: &Document) -> bool {
    let mut scalars = document.scalars.iter();
    scalars.any(|scalar| is_below(&scalar.keys, &["workspaces"]))
}

fn is_below(keys: &[String], names: &[&str]) -> bool {
    keys.first()
        .is_some_and(|key| names.contains(&key.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::{Environment, MapFiles, Stdin};
    use crate::invocation::InputKind;
    use crate::read_invocation;

    fn left_out_of(manifest: &str) -> usize {
        let package = format!("/w/{PACKAGE}");
        let content = manifest.as_bytes().to_vec();
        let files = MapFiles::new(Path::new("/w"), [(package.as_str(), content)]);
        let argv = ["npm", "publish", "--ignore-scripts"].map(Into::into);
        let invocation = read_invocation(&CommandLine {
            argv: &argv,
            env: &Environment::default(),
            cwd: Path::new("/w"),
            stdin: Stdin::Absent,
            files: &files,
        });
        let mut inputs = invocation.inputs.iter();
        let folder = inputs.find(|input| input.kind == InputKind::Directory);
        folder.unwrap().skipped.len()
    }

    #[test]
    fn what_a_field_names_is_packed_also_where_nothing_else_is() {
        for named in [
            r#"{"main": "node_modules/a/a.js"}"#,
            r#"{"main": "./Node_Modules/a/a.js"}"#,
            r#"{"main": "lib/../node_modules/a.js"}"#,
            r#"{"main": "n*/a.js"}"#,
            r#"{"main": "a.js\n!/.git"}"#,
            r#"{"browser": ".git/config"}"#,
            r#"{"bin": "node_modules/a/a.js"}"#,
            r#"{"bin": {"a": "a.js", "b": ".git/hooks/b"}}"#,
            r#"{"bundleDependencies": ["a"], "main": ".git/config"}"#,
            "no manifest: [",
        ] {
            assert_eq!(left_out_of(named), 0, "{named}");
        }
        for plain in [
            r#"{"main": "lib/a.js", "bin": {"a": ".github/a.js"}}"#,
            r#"{"dependencies": {"node_modules": "1"}, "description": ".git"}"#,
        ] {
            assert_eq!(left_out_of(plain), 2, "{plain}");
        }
        assert_eq!(left_out_of(r#"{"bundleDependencies": ["a"]}"#), 1);
    }

    #[test]
    fn a_word_is_what_npm_takes_it_for() {
        for folder in [".", "./pkg", "../pkg", "/srv/pkg", "a/b/c", "pkg/"] {
            assert_eq!(Spec::of(folder.as_bytes()), Spec::Folder, "{folder}");
        }
        for tarball in ["a.tgz", "./a.tgz", "/srv/a-1.0.0.tar.gz", "a/b/c.TGZ"] {
            assert_eq!(Spec::of(tarball.as_bytes()), Spec::Tarball, "{tarball}");
        }
        for fetched in [
            "dist/a.tgz",
            "user/repository",
            "left-pad",
            "left-pad@1.0.0",
            "@a/b",
            "a@file:./x",
            "https://h/a.tgz",
            "git@h:a/b",
            "file:pkg",
            "~/pkg",
        ] {
            let spec = Spec::of(fetched.as_bytes());
            assert!(matches!(spec, Spec::Fetched(_)), "{fetched}: {spec:?}");
        }
    }
}
