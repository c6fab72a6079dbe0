//! What an input names in turn: the folders of a kustomization, the uploads of
//! a template. An approval of the file alone would leave these open.
//!
//! Whatever is looked into here is an input of its own, so that what was read
//! is what is bound.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::bicep;
use super::paths::{path_of, plain_join};
use super::scalars::{self, Document, Scalar};
use super::secret_files::reveals;
use super::words::shown;
use crate::command_line::{CommandLine, FileError, FileKind};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Placement};
use crate::profile::Follows;
use crate::read::MAX_SCRIPT_BYTES;

/// The names under which kustomize looks for its file.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Fields of a kustomization that name neither files nor addresses, whatever
/// they hold. Source: the kustomization reference of kubectl 1.32.
const NAMELESS: [&str; 18] = [
    "apiVersion",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "generatorOptions",
    "images",
    "kind",
    "labels",
    "literals",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "options",
    "patch",
    "replicas",
    "sortOptions",
    "vars",
];
/// Fields of a kustomization whose values are files, folders or addresses and
/// nothing else.
const BASES: [&str; 3] = ["bases", "components", "resources"];
/// Fields whose files end as they are in what is built.
const GENERATORS: [&str; 2] = ["configMapGenerator", "secretGenerator"];
/// The most files and folders that are looked into.
const LIMIT: usize = 300;

/// Adds what the input at `path`, joined with its folder, names in turn. What
/// it names stands where the input itself stands: among the same copies, or in
/// place; and it is printed where the command does nothing else with it.
pub(super) fn follow(
    line: &CommandLine<'_>,
    path: PathBuf,
    follows: Follows,
    (placement, is_printed): (Placement, bool),
    invocation: &mut Invocation,
) {
    let mut walk = Walk {
        line,
        invocation,
        is_printed,
        is_copied: placement == Placement::SameName,
        seen: BTreeSet::new(),
        waiting: vec![path],
    };
    while let Some(path) = walk.waiting.pop() {
        let real = line.files.canonical(&path);
        if !walk.seen.insert(real.unwrap_or_else(|| path.clone())) {
            continue;
        }
        if walk.seen.len() > LIMIT {
            let why = "the command leads to more folders and templates than gate follows";
            let role = if follows == Follows::Template {
                "template"
            } else {
                "kustomization"
            };
            walk.refuse(InputKind::Refused { why }, path, role);
            return;
        }
        match follows {
            Follows::Nothing => {}
            Follows::Kustomization => walk.look_into_folder(&path),
            Follows::Template => walk.look_into_template(&path),
            Follows::Folder => walk.add_folder_of(&path),
            Follows::Bicep => walk.look_into_bicep(&path),
        }
    }
    if placement == Placement::SameName && !walk.is_copied {
        leave_in_place(invocation);
    }
}

/// A path from the root is read there, whatever is copied elsewhere.
fn leave_in_place(invocation: &mut Invocation) {
    let mut inputs = invocation.inputs.iter_mut();
    for input in inputs.by_ref().filter(|one| one.role == "kustomization") {
        input.placement = Placement::InPlace;
    }
}

/// Tells whether kustomize could take a name for something to fetch. A name is
/// known to be one where nothing else may stand in its place.
pub(super) fn looks_remote(name: &[u8], is_name: bool) -> bool {
    let name = name.to_ascii_lowercase();
    let has = |part: &[u8]| name.windows(part.len()).any(|window| window == part);
    let starts = |start: &[u8]| name.starts_with(start);
    let is_address = has(b"://") || has(b"::") || has(b"?ref=");
    is_address
        || starts(b"git@")
        || starts(b"gh:")
        || starts(b"github.com")
        || (is_name && (has(b":") || has(b"?")))
}

struct Walk<'a, 'i> {
    line: &'a CommandLine<'a>,
    invocation: &'i mut Invocation,
    /// Whether the command prints what is found.
    is_printed: bool,
    /// Whether copies can stand for what is found.
    is_copied: bool,
    /// What was looked into, by its real path.
    seen: BTreeSet<PathBuf>,
    waiting: Vec<PathBuf>,
}

impl Walk<'_, '_> {
    fn push(&mut self, kind: InputKind, path: PathBuf, role: &str) {
        let placement = if self.is_copied {
            Placement::SameName
        } else {
            Placement::InPlace
        };
        self.invocation.add_input(Input {
            placement,
            ..Input::unnamed(kind, path, role.to_owned())
        });
    }

    /// Adds what can't be bound, so that nobody is asked about the command.
    fn refuse(&mut self, kind: InputKind, name: PathBuf, role: &str) {
        self.invocation.add(
            Effect::Unknown,
            "an input comes over the network or can't be followed, and can differ at each run",
        );
        self.invocation
            .add_input(Input::unnamed(kind, name, role.to_owned()));
    }

    /// Reads a file that names others; nothing where there is none, or where
    /// it was refused.
    fn read(&mut self, path: &Path, role: &str) -> Option<Document> {
        let files = self.line.files;
        let document = match files.read(path) {
            Err(FileError::Absent) => return None,
            Ok(content) if content.len() <= MAX_SCRIPT_BYTES => scalars::read(&content),
            Ok(_) | Err(FileError::Unreadable(_)) => None,
        };
        if document.is_some() {
            self.push(InputKind::File, path.to_owned(), role);
        } else {
            let why =
                "it is too long, can't be read, or is written in a way that gate can't follow";
            self.refuse(InputKind::Refused { why }, path.to_owned(), role);
        }
        document
    }

    fn look_into_folder(&mut self, folder: &Path) {
        for name in KUSTOMIZATIONS {
            let Some(document) = self.read(&folder.join(name), "kustomization") else {
                continue;
            };
            for scalar in &document.scalars {
                if !(document.is_plain && is_nameless(scalar)) {
                    self.take_name(folder, scalar, document.is_plain);
                }
            }
        }
    }

    fn take_name(&mut self, folder: &Path, scalar: &Scalar, has_keys: bool) {
        let key = scalar.keys.last();
        let is_base = !has_keys || key.is_some_and(|key| BASES.contains(&key.as_str()));
        if !scalar.is_text && looks_remote(scalar.text.as_bytes(), is_base) {
            let name = path_of(scalar.text.as_bytes());
            self.refuse(InputKind::Url, name, "kustomization");
            return;
        }
        // Generators name files as `key=path`.
        let value = scalar.text.split_once('=').map(|(_, value)| value);
        for name in [Some(scalar.text.as_str()), value].into_iter().flatten() {
            let path = plain_join(folder, Path::new(name));
            let is_outside = reaches_out(Path::new(name));
            let kind = self.line.files.kind(&path);
            self.is_copied &= kind.is_none() || !Path::new(name).has_root();
            let mut keys = scalar.keys.iter();
            let is_whole =
                is_outside || !has_keys || keys.any(|key| GENERATORS.contains(&key.as_str()));
            if self.is_printed && is_whole && kind == Some(FileKind::File) {
                self.judge_printed(&path);
            }
            match kind {
                Some(FileKind::Directory) => {
                    if is_outside {
                        self.push(InputKind::Directory, path.clone(), "kustomization");
                    }
                    self.waiting.push(path);
                }
                Some(FileKind::File) if is_outside => {
                    self.push(InputKind::File, path, "kustomization");
                }
                // What is missing inside the folder is bound with the folder.
                None if is_outside && !scalar.is_text && !Path::new(name).has_root() => {
                    self.push(InputKind::File, path, "kustomization");
                }
                Some(FileKind::File | FileKind::Special) | None => {}
            }
        }
    }

    fn judge_printed(&mut self, path: &Path) {
        let path = path.as_os_str().as_encoded_bytes();
        if reveals((self.line, self.line.cwd), path) {
            let reason = format!("it prints `{}`, which holds secrets", shown(path));
            self.invocation.add(Effect::Secret, &reason);
        }
    }

    fn add_folder_of(&mut self, path: &Path) {
        let folder = path.parent().unwrap_or(path);
        if self.line.files.kind(path) != Some(FileKind::Directory) {
            self.push(InputKind::Directory, folder.to_owned(), "folder");
        }
    }

    /// Looks into a text of Bicep, which is read where it is.
    fn look_into_bicep(&mut self, path: &Path) {
        let is_bicep = path.extension().is_some_and(|end| {
            end.eq_ignore_ascii_case("bicep") || end.eq_ignore_ascii_case("bicepparam")
        });
        let content = self.line.files.read(path);
        let text = content.map(|content| String::from_utf8_lossy(&content).into_owned());
        let Some(text) = text.ok().filter(|_| is_bicep) else {
            return;
        };
        if text.len() > MAX_SCRIPT_BYTES {
            let why = "it is too long to find what it names";
            return self.refuse(InputKind::Refused { why }, path.to_owned(), "template");
        }
        let folder = path.parent().unwrap_or(path);
        for name in bicep::quoted(&text) {
            if bicep::is_fetched(name) {
                let why = "it names a module that is fetched";
                self.refuse(InputKind::Refused { why }, name.into(), "template");
                continue;
            }
            let path = plain_join(folder, Path::new(name));
            if self.line.files.kind(&path) == Some(FileKind::File) {
                self.push(InputKind::File, path.clone(), "template");
                self.waiting.push(path);
            }
        }
    }

    fn look_into_template(&mut self, template: &Path) {
        let Some(document) = self.read(template, "template") else {
            return;
        };
        let folder = template.parent().unwrap_or(template);
        for scalar in &document.scalars {
            if !scalar.keys.iter().any(|key| names_an_upload(key)) {
                continue;
            }
            let path = plain_join(folder, Path::new(&scalar.text));
            match self.line.files.kind(&path) {
                Some(FileKind::Directory) => self.push(InputKind::Directory, path, "upload"),
                Some(FileKind::File) if names_a_template(scalar) => self.waiting.push(path),
                Some(FileKind::File) => self.push(InputKind::File, path, "upload"),
                Some(FileKind::Special) | None => {}
            }
        }
    }
}

/// Tells whether a scalar stands below a field that names nothing.
fn is_nameless(scalar: &Scalar) -> bool {
    let mut keys = scalar.keys.iter();
    keys.any(|key| NAMELESS.contains(&key.as_str()))
}

/// Tells whether a path can lead out of the folder that it is taken from.
fn reaches_out(path: &Path) -> bool {
    path.has_root() || path.components().any(|part| part == Component::ParentDir)
}

/// Tells whether `aws cloudformation package` can upload what stands below a
/// property. Source: its reference, "Description", and the exporter's table.
fn names_an_upload(key: &str) -> bool {
    ["Uri", "URL", "Url", "Location"]
        .iter()
        .any(|end| key.ends_with(end))
        || ["Code", "Content", "SourceBundle", "S3"].contains(&key)
}

fn names_a_template(scalar: &Scalar) -> bool {
    let key = scalar.keys.last().map(String::as_str);
    matches!(key, Some("TemplateURL" | "Location"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::command_line::{Environment, MapFiles, Stdin};

    /// Returns `kind path` of each input but the kubeconfig and the kuberc.
    fn inputs(words: &[&str], files: &[(&str, &str)]) -> Vec<String> {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let cwd = Path::new("/w/app");
        let files = files
            .iter()
            .map(|(name, text)| (*name, text.as_bytes().to_vec()));
        let invocation = crate::read_invocation(&CommandLine {
            argv: &argv,
            env: &Environment::default(),
            cwd,
            stdin: Stdin::Absent,
            files: &MapFiles::new(cwd, files),
        });
        let inputs = invocation.inputs.iter();
        let inputs = inputs.filter(|input| !input.role.starts_with("kube"));
        inputs
            .map(|input| format!("{} {}", input.kind.as_str(), input.path.display()))
            .collect()
    }

    const APPLY: [&str; 4] = ["kubectl", "apply", "-k", "."];

    fn kustomization(text: &str) -> Vec<String> {
        inputs(
            &APPLY,
            &[
                ("kustomization.yaml", text),
                ("../base/a.yaml", ""),
                (
                    "../base/kustomization.yml",
                    "resources: [../app, ../../far/b]",
                ),
                ("../../far/b/c.yaml", ""),
            ],
        )
    }

    #[test]
    fn folders_that_name_each_other_are_each_bound_once() {
        assert_eq!(
            kustomization("resources: [../base]\n"),
            [
                "directory .",
                "file /w/app/kustomization.yaml",
                "directory /w/app/../base",
                "file /w/app/../base/kustomization.yml",
                "directory /w/app/../base/../app",
                "directory /w/app/../base/../../far/b",
            ]
        );
    }

    #[test]
    fn a_file_outside_is_bound_whether_it_is_there_or_not() {
        let found = kustomization("patches:\n- path: ../base/a.yaml\n- path: ../later.yaml\n");
        for wanted in ["file /w/app/../base/a.yaml", "file /w/app/../later.yaml"] {
            assert!(found.iter().any(|one| one == wanted), "{found:?}");
        }
    }

    #[test]
    fn an_address_is_refused_where_it_could_be_fetched_and_nowhere_else() {
        for text in [
            "resources: [https://h/a]",
            "resources:\n- host:org/app\n",
            "crds: [HTTP://h/a]",
            "components: [github.com/a/b]",
            "images:\n- name: &a https://h/a\nresources: [*a]",
            "configMapGenerator:\n- files: [k=https://h/a]",
            "resources: [\"https:\\/\\/h\\/a\"]",
            "resources: [a\n",
        ] {
            let found = kustomization(text);
            assert!(
                found
                    .iter()
                    .any(|one| one.starts_with("url ") || one.starts_with("refused ")),
                "{text}: {found:?}"
            );
        }
        for text in [
            "images:\n- name: x\n  newName: host:5000/y\n",
            "configMapGenerator:\n- literals: [\"URL=https://h/a\"]\n",
            "commonAnnotations: {home: https://h/a}\n",
            "patches:\n- patch: |-\n    - op: add\n      path: /\n      value: https://h/a\n",
            "# https://h/a\nresources: [a.yaml]\n",
        ] {
            let found = kustomization(text);
            assert_eq!(
                found,
                ["directory .", "file /w/app/kustomization.yaml"],
                "{text}"
            );
        }
    }

    #[test]
    fn a_template_names_what_is_uploaded() {
        let package = [
            "aws",
            "cloudformation",
            "package",
            "--template-file",
            "t.json",
        ];
        let text =
            "{\"R\": {\"CodeUri\": \"../src\", \"Path\": \"/\", \"TemplateURL\": \"in.yaml\"}}";
        let found = inputs(
            &package,
            &[
                ("t.json", text),
                ("in.yaml", "R:\n  ContentUri: layer.zip\n"),
                ("layer.zip", ""),
                ("../src/a.py", ""),
            ],
        );
        for wanted in [
            "file t.json",
            "directory /w/app/../src",
            "file /w/app/in.yaml",
            "file /w/app/layer.zip",
        ] {
            assert!(found.iter().any(|one| one == wanted), "{wanted}: {found:?}");
        }
        assert!(!found.iter().any(|one| one == "directory /"), "{found:?}");
    }
}
