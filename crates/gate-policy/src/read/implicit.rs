//! What a tool reads without a word of argv naming it: the folder that it
//! works in, its settings, the repository around it.
//!
//! An approval of argv alone would leave open what these say when the command
//! runs. None of them has an effect of its own, and none is opened here but
//! the two files by which a worktree names its repository.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::inputs::moved;
use super::paths::{plain_join, plain_joined};
use super::{MAX_SCRIPT_BYTES, path_of, scalars};
use crate::command_line::{CommandLine, FileError, FileKind, joined};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation};
use crate::profile::{ImplicitSource, ImplicitSpec, Table, Text, ToolSpec};

/// Adds the implicit inputs of a command whose effect is known.
pub(super) fn find(line: &CommandLine<'_>, spec: &ToolSpec, invocation: &mut Invocation) {
    if spec.implicit.is_empty() {
        return;
    }
    let options = invocation.options.iter();
    let options = options.map(|used| (&used.name, used.value.as_deref()));
    let mut search = Search {
        line,
        invocation,
        folder: moved(line.cwd, spec, options),
        role: &Cow::Borrowed(""),
        found: Vec::new(),
        earlier: 0,
    };
    for one in spec.implicit.iter() {
        if is_read(one, invocation) {
            search.role = &one.role;
            search.earlier = search.found.len();
            search.run(&one.source);
        }
    }
    let mut found = search.found;
    if invocation.inputs.is_empty() {
        invocation.inputs = found;
        return;
    }
    found.retain(|one| {
        let mut known = invocation.inputs.iter();
        !known.any(|known| known.argv_index.is_none() && known.path == one.path)
    });
    invocation.inputs.extend(found);
}

fn is_read(spec: &ImplicitSpec, invocation: &Invocation) -> bool {
    let starts_so = |path: &Text| {
        let mut words = path.split(' ').zip(&invocation.command);
        path.split(' ').count() <= invocation.command.len() && words.all(|(word, own)| word == own)
    };
    let is_replaced = |name: &Text| {
        invocation.options.iter().any(|used| used.name == *name)
            || invocation.inputs.iter().any(|input| {
                input.role == *name
                    && input.argv_index.is_some()
                    && input.kind != InputKind::Directory
            })
    };
    let is_quiet = matches!(invocation.effect, Effect::Read | Effect::Local);
    let has_operands = !invocation.operands.is_empty();
    !(spec.is_acting_only && is_quiet || spec.is_without_operands && has_operands)
        && (spec.commands.is_empty() || spec.commands.iter().any(starts_so))
        && !spec.unless.iter().any(is_replaced)
}

/// The search for what one entry of a profile describes.
struct Search<'a> {
    line: &'a CommandLine<'a>,
    invocation: &'a Invocation,
    /// The folder that files are taken from.
    folder: Cow<'a, Path>,
    role: &'a Text,
    found: Vec<Input>,
    /// How many of them are of other entries: each is judged by its own role.
    earlier: usize,
}

impl<'a> Search<'a> {
    fn run(&mut self, source: &ImplicitSource) {
        match source {
            ImplicitSource::Folder { path, skipped } => {
                let folder = plain_join(&self.folder, Path::new(path.as_ref()));
                if self.line.files.kind(&folder) == Some(FileKind::File) {
                    self.push(InputKind::File, folder);
                } else {
                    self.push_folder(folder, skipped);
                }
            }
            ImplicitSource::Upward {
                files,
                is_whole,
                skipped,
            } => {
                let found = self.add_upward(files);
                if let Some(folder) = found.filter(|_| *is_whole) {
                    self.push_folder(folder, skipped);
                }
            }
            ImplicitSource::NamedFolder { variables } => {
                if let Some(value) = self.variable(variables) {
                    let folder = plain_join(&self.folder, Path::new(value));
                    self.push(InputKind::Directory, folder);
                }
            }
            ImplicitSource::Modules {
                path,
                variables,
                skipped,
            } => {
                let own = self.variable(variables).map(Path::new);
                let own = own.unwrap_or(Path::new(path.as_ref()));
                let list = plain_join(&self.folder, &own.join("modules/modules.json"));
                self.add_modules(list, skipped);
            }
            ImplicitSource::Files {
                variables,
                separator,
                below,
                home,
            } => match self.variable(variables) {
                Some(value) => self.add_named_files(value, separator, below),
                None => self.add_home_files(home),
            },
            ImplicitSource::Repository {
                named_by,
                variables,
                parts,
            } => {
                let base = self.folder.clone();
                match self.named(named_by, variables) {
                    Some(path) => self.add_named_repository(&plain_join(&base, &path), parts),
                    None => self.add_repositories_around(&base, parts),
                }
            }
        }
    }

    fn push(&mut self, kind: InputKind, path: PathBuf) {
        let mut own = self.found.iter().skip(self.earlier);
        if own.any(|known| known.path == path) {
            return;
        }
        self.found
            .push(Input::unnamed(kind, path, self.role.clone()));
    }

    fn push_folder(&mut self, path: PathBuf, skipped: &Table<Text>) {
        self.push(InputKind::Directory, path);
        if let Some(folder) = self.found.last_mut() {
            folder.skipped.clone_from(skipped);
        }
    }

    /// Adds files of the first folder upward that has one, and returns it. Those
    /// that are missing on the way would come before what was found.
    fn add_upward(&mut self, files: &Table<Text>) -> Option<PathBuf> {
        for folder in self.folder.clone().ancestors() {
            let mut is_found = false;
            for name in files.iter() {
                let path = joined([folder, Path::new(name.as_ref())]);
                is_found |= self.line.files.kind(&path).is_some();
                self.push(InputKind::File, path);
            }
            if is_found {
                return Some(folder.to_owned());
            }
        }
        None
    }

    /// Adds the modules that stand outside of the working folder. Without a
    /// list terraform has none, and without its own module in it none is read.
    fn add_modules(&mut self, list: PathBuf, skipped: &Table<Text>) {
        let document = match self.line.files.read(&list) {
            Err(FileError::Absent) => return,
            Ok(content) if content.len() <= MAX_SCRIPT_BYTES => scalars::read(&content),
            Ok(_) | Err(FileError::Unreadable(_)) => None,
        };
        let Some(document) = document else {
            // Nobody is asked about modules that can't be named.
            let why = "the list of modules is too long, or can't be read";
            self.push(InputKind::Refused { why }, list);
            return;
        };
        self.push(InputKind::File, list);
        for scalar in &document.scalars {
            let is_folder = scalar.keys.last().is_some_and(|key| key == "Dir");
            let path = Path::new(&scalar.text);
            let reaches_out =
                path.has_root() || path.starts_with("..") || scalar.text.contains("/..");
            if is_folder && reaches_out {
                self.push_folder(plain_join(&self.folder, path), skipped);
            }
        }
    }

    fn variable(&self, names: &Table<Text>) -> Option<&'a OsStr> {
        let env = self.line.env;
        names
            .iter()
            .filter_map(|name| env.get(name.as_ref()))
            .find(|value| !value.is_empty())
    }

    fn add_named_files(&mut self, value: &OsStr, separator: &str, below: &str) {
        let bytes = value.as_encoded_bytes();
        let is_separator = |byte: &u8| separator.as_bytes() == [*byte];
        let cwd = self.line.cwd.to_owned();
        for name in bytes.split(is_separator).filter(|name| !name.is_empty()) {
            let path = plain_join(&plain_join(&cwd, &path_of(name)), Path::new(below));
            self.push(InputKind::File, path);
        }
    }

    fn add_home_files(&mut self, names: &Table<Text>) {
        // Without `HOME` kubectl takes its file from the working directory.
        let home = self.line.env.get("HOME").unwrap_or_default();
        for name in names.iter() {
            let parts = [self.line.cwd, Path::new(home), Path::new(name.as_ref())];
            self.push(InputKind::File, plain_joined(parts));
        }
    }

    /// Returns the path by which an option or a variable names the repository.
    fn named(&self, by: &Table<Text>, variables: &Table<Text>) -> Option<PathBuf> {
        self.invocation
            .options
            .iter()
            .rfind(|used| by.contains(&used.name))
            .map(|used| path_of(used.value.as_deref().unwrap_or_default()))
            .or_else(|| self.variable(variables).map(PathBuf::from))
    }

    fn add_named_repository(&mut self, path: &Path, parts: &Table<Text>) {
        if self.line.files.kind(path) == Some(FileKind::File) {
            self.add_pointer(path, parts);
        } else {
            self.add_repository(path, parts);
        }
    }

    /// Adds every repository around a folder. git takes the nearest that is
    /// whole, and whether one is can't be told without reading it; those that
    /// are missing on the way would come before what was found.
    fn add_repositories_around(&mut self, base: &Path, parts: &Table<Text>) {
        let mut is_found = false;
        for folder in base.ancestors() {
            let path = folder.join(".git");
            match self.line.files.kind(&path) {
                Some(FileKind::Directory) => self.add_repository(&path, parts),
                Some(FileKind::File) => self.add_pointer(&path, parts),
                Some(FileKind::Special) | None => {
                    if !is_found {
                        self.push(InputKind::File, path);
                    }
                    if !self.is_bare(folder) {
                        continue;
                    }
                    self.add_repository(folder, parts);
                }
            }
            is_found = true;
        }
    }

    /// Tells whether a folder looks like a repository without a work tree.
    fn is_bare(&self, folder: &Path) -> bool {
        let kind = |name: &str| self.line.files.kind(&folder.join(name));
        kind("HEAD").is_some()
            && kind("objects") == Some(FileKind::Directory)
            && kind("refs") == Some(FileKind::Directory)
    }

    /// Adds a `.git` that is a file, as in a worktree or submodule, and the
    /// repository that it names.
    fn add_pointer(&mut self, path: &Path, parts: &Table<Text>) {
        self.push(InputKind::File, path.to_owned());
        let folder = path.parent().unwrap_or(path);
        if let Some(repository) = self.read_path(path, b"gitdir:", folder) {
            self.add_repository(&repository, parts);
        }
    }

    fn add_repository(&mut self, repository: &Path, parts: &Table<Text>) {
        self.add_parts(repository, parts);
        let shared = repository.join("commondir");
        if self.line.files.kind(&shared) == Some(FileKind::File)
            && let Some(repository) = self.read_path(&shared, b"", repository)
        {
            self.add_parts(&repository, parts);
        }
    }

    fn add_parts(&mut self, repository: &Path, parts: &Table<Text>) {
        for part in parts.iter() {
            let path = repository.join(part.as_ref());
            let kind = match self.line.files.kind(&path) {
                Some(FileKind::Directory) => InputKind::Directory,
                Some(FileKind::File | FileKind::Special) | None => InputKind::File,
            };
            self.push(kind, path);
        }
    }

    /// Returns the path in a file of one line, where it can be read.
    fn read_path(&self, file: &Path, label: &[u8], from: &Path) -> Option<PathBuf> {
        let content = self.line.files.read(file).ok()?;
        let path = content.strip_prefix(label)?.trim_ascii();
        (!path.is_empty()).then(|| plain_join(from, &path_of(path)))
    }
}
