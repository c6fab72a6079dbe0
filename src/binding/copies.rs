//! Private copies of folders, and of files whose name means something to the
//! tool: what was hashed is what it reads, whatever becomes of the original.
//!
//! A folder can't be sealed in memory as a file can, and a tool that follows
//! links by their text (kustomize) finds nothing behind `/proc/self/fd/N`. So
//! the copies stand in a folder of gate's own, each below it at its own real
//! path: names, and what leads from one to another, mean what they meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::tree;
use crate::durable;
use crate::layout::Layout;

/// The most entries that are copied; what holds more is read where it is.
const ENTRY_LIMIT: usize = 10_000;
/// The most content that is copied, in bytes.
const CONTENT_LIMIT_BYTES: u64 = 256 << 20;
/// How long another gate may take to make or clear its own.
const PATIENCE: Duration = Duration::from_secs(5);

/// The copies that one command reads. They are removed with this value; what a
/// killed gate leaves, the next one removes.
#[derive(Debug)]
pub(super) struct Copies {
    folder: PathBuf,
    /// Held as long as somebody reads here: by gate, and by the tool where
    /// gate is killed before it.
    lock: File,
    /// Where the copy of each input stands.
    places: BTreeMap<PathBuf, PathBuf>,
}

impl Copies {
    /// Copies what stands at `paths`, each with all that is in it and all that
    /// its links lead to.
    ///
    /// # Errors
    /// There is too much of it, something in it is neither file, folder nor
    /// link or can't be read, or there is no place for a copy.
    pub(super) fn of(layout: &Layout, paths: &[PathBuf]) -> io::Result<Self> {
        let (folder, lock) = new_folder(layout)?;
        let mut copies = Self {
            folder,
            lock,
            places: BTreeMap::new(),
        };
        let mut copying = Copying::into(&copies.folder);
        for path in paths {
            let real = real_place(path)?;
            copies.places.insert(path.clone(), copying.place(&real));
            copying.waiting.push(real);
        }
        copying.finish()?;
        Ok(copies)
    }

    /// Returns where the copy of an input stands.
    pub(super) fn place(&self, path: &Path) -> Option<&Path> {
        self.places.get(path).map(PathBuf::as_path)
    }

    /// Returns the descriptor by which the tool holds the copies too.
    pub(super) fn descriptor(&self) -> io::Result<OwnedFd> {
        gate_exec::duplicate_high(self.lock.as_fd())
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        // What can't be removed now, the next gate tries to.
        drop(remove(&self.folder));
    }
}

/// Makes a folder that nobody else uses, once what others left is gone.
fn new_folder(layout: &Layout) -> io::Result<(PathBuf, File)> {
    let (all, lock) = layout
        .copies()
        .map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
    durable::make_folder(&all)?;
    let all = all.canonicalize()?;
    // One at a time: a folder that is made and not yet locked would look left.
    let _turn = durable::lock(&lock, PATIENCE)?;
    for left in std::fs::read_dir(&all)? {
        let left = left?.path();
        if File::open(&left).is_ok_and(|folder| folder.try_lock().is_ok()) {
            drop(remove(&left));
        }
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let folder = all.join(format!("{:016x}", u64::from_ne_bytes(random)));
    make_private(&folder)?;
    let lock = File::open(&folder)?;
    lock.try_lock()?;
    Ok((folder, lock))
}

fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)?;
    // The caller's umask may have taken our own rights.
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
}

/// Removes a folder whose parts may not be writable. Links are not followed.
fn remove(folder: &Path) -> io::Result<()> {
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        std::fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    std::fs::remove_dir_all(folder)
}

/// Returns the real path of a name: of its folder where it is a name in one, so
/// that it stays the name that it is, a link too.
fn real_place(path: &Path) -> io::Result<PathBuf> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => Ok(folder.canonicalize()?.join(name)),
        _ => path.canonicalize(),
    }
}

/// A copying on its way. Every path in it is real but for its last name.
struct Copying {
    folder: PathBuf,
    done: BTreeSet<PathBuf>,
    /// The folders that were made for it.
    made: BTreeSet<PathBuf>,
    waiting: Vec<PathBuf>,
    size_bytes: u64,
}

impl Copying {
    fn into(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            done: BTreeSet::new(),
            made: BTreeSet::new(),
            waiting: Vec::new(),
            size_bytes: 0,
        }
    }

    /// Returns where the copy of a path stands.
    fn place(&self, path: &Path) -> PathBuf {
        self.folder.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn finish(mut self) -> io::Result<()> {
        while let Some(path) = self.waiting.pop() {
            if self.done.insert(path.clone()) {
                self.add(&path)?;
            }
            if self.done.len() > ENTRY_LIMIT {
                return Err(io::Error::other("it holds too many entries to be copied"));
            }
        }
        for folder in &self.made {
            std::fs::set_permissions(folder, Permissions::from_mode(0o500))?;
        }
        Ok(())
    }

    fn add(&mut self, path: &Path) -> io::Result<()> {
        let metadata = match path.symlink_metadata() {
            // That it is not there is what is copied.
            Err(error) if tree::is_absence(&error) => return Ok(()),
            found => found?,
        };
        let place = self.place(path);
        if metadata.is_dir() {
            self.make_folder(&place)?;
            for entry in std::fs::read_dir(path)? {
                self.waiting.push(path.join(entry?.file_name()));
            }
            return Ok(());
        }
        self.make_folder(place.parent().unwrap_or(&self.folder.clone()))?;
        if metadata.is_symlink() {
            self.add_link(path, &place)
        } else {
            self.add_file(path, &place)
        }
    }

    /// Makes a folder of the copy, and those above it.
    fn make_folder(&mut self, place: &Path) -> io::Result<()> {
        let mut missing = Vec::new();
        let above = place.ancestors();
        for folder in above.take_while(|folder| *folder != self.folder) {
            if self.made.contains(folder) {
                break;
            }
            missing.push(folder.to_owned());
        }
        for folder in missing.into_iter().rev() {
            make_private(&folder)?;
            self.made.insert(folder);
        }
        Ok(())
    }

    /// Copies a link as one that leads to the copy of what it leads to.
    fn add_link(&mut self, path: &Path, place: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(path);
        let target = folder.join(path.read_link()?);
        let real = target.canonicalize();
        self.waiting.extend(real.as_ref().ok().cloned());
        // It leads nowhere here too.
        let real = real.unwrap_or_else(|_| without_dots(&target));
        std::os::unix::fs::symlink(way(folder, &real), place)
    }

    fn add_file(&mut self, path: &Path, place: &Path) -> io::Result<()> {
        let file = tree::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it holds what is neither file nor folder"));
        }
        let left = CONTENT_LIMIT_BYTES.saturating_sub(self.size_bytes);
        // Before a byte is read: what is all hole would take hours.
        let too_large = || io::Error::other("it is too large to be copied");
        if metadata.len() > left {
            return Err(too_large());
        }
        let mut copy = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(place)?;
        let length = io::copy(&mut file.take(left.saturating_add(1)), &mut copy)?;
        if length > left {
            return Err(too_large());
        }
        self.size_bytes += length;
        copy.set_permissions(read_only(&metadata))
    }
}

/// Returns the rights of the owner alone, without those to write.
fn read_only(metadata: &Metadata) -> Permissions {
    Permissions::from_mode(0o400 | (metadata.permissions().mode() & 0o500))
}

/// Returns a path from the root without `..`, as its text has it.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

/// Returns the way from a folder to a path, both real and from the root.
fn way(folder: &Path, path: &Path) -> PathBuf {
    let mut from = folder.components().peekable();
    let mut to = path.components().peekable();
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    let way: PathBuf = from.map(|_| Component::ParentDir).chain(to).collect();
    if way.as_os_str().is_empty() {
        return PathBuf::from(".");
    }
    way
}

/// Tells whether a path means itself in the place of another in a word of a
/// command: no tool splits it, or takes a part of it for something else.
pub(super) fn is_plain(path: &Path) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+@".contains(byte);
    path.as_os_str().as_bytes().iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder to copy, `app`, with one beside it, and the folder of copies.
    struct Scene {
        all: tempfile::TempDir,
    }

    impl Scene {
        fn set() -> Self {
            let all = tempfile::tempdir().unwrap();
            for name in ["app/inner", "beside", "copies"] {
                std::fs::create_dir_all(all.path().join(name)).unwrap();
            }
            Self { all }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.all.path().canonicalize().unwrap().join(name)
        }

        /// Copies `app` and returns where its copy stands.
        fn copy(&self) -> io::Result<PathBuf> {
            let mut copying = Copying::into(&self.at("copies"));
            let app = real_place(&self.at("app"))?;
            let place = copying.place(&app);
            copying.waiting.push(app);
            copying.finish()?;
            Ok(place)
        }
    }

    impl Drop for Scene {
        fn drop(&mut self) {
            remove(&self.at("copies")).unwrap();
        }
    }

    #[test]
    fn a_link_leads_to_a_copy_of_what_it_led_to_and_nowhere_else() {
        let scene = Scene::set();
        std::fs::write(scene.at("app/file"), "in").unwrap();
        std::fs::write(scene.at("beside/file"), "out").unwrap();
        let link = |text: &Path, name: &str| symlink(text, scene.at(name)).unwrap();
        link(Path::new("../file"), "app/inner/up");
        link(Path::new("."), "app/self");
        link(Path::new("../beside"), "app/folder");
        link(&scene.at("beside/file"), "app/rooted");
        link(Path::new("inner/up"), "app/twice");
        link(Path::new("/no/such/file"), "app/nowhere");
        let copy = scene.copy().unwrap();
        for (name, content) in [
            ("inner/up", "in"),
            ("self/file", "in"),
            ("folder/file", "out"),
            ("rooted", "out"),
            ("twice", "in"),
        ] {
            let name = copy.join(name);
            assert_eq!(std::fs::read_to_string(&name).unwrap(), content, "{name:?}");
            let real = name.canonicalize().unwrap();
            assert!(real.starts_with(scene.at("copies")), "{real:?}");
        }
        let nowhere = copy.join("nowhere");
        assert!(nowhere.is_symlink() && nowhere.canonicalize().is_err());
        let text = nowhere.read_link().unwrap();
        assert!(
            text.is_relative() && text.ends_with("no/such/file"),
            "{text:?}"
        );
    }

    #[test]
    fn a_copy_hashes_as_its_original_and_keeps_what_may_be_run() {
        let scene = Scene::set();
        std::fs::write(scene.at("app/inner/run"), "x").unwrap();
        std::fs::write(scene.at("app/read"), "y").unwrap();
        let rights = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let run = Permissions::from_mode(0o755);
        std::fs::set_permissions(scene.at("app/inner/run"), run).unwrap();
        symlink("inner", scene.at("app/link")).unwrap();
        let copy = scene.copy().unwrap();
        let hash = |path: &Path| tree::hash(path, &[] as &[&str]).unwrap();
        assert_eq!(hash(&copy), hash(&scene.at("app")));
        assert_eq!(rights(&copy.join("inner/run")), 0o500);
        assert_eq!(rights(&copy.join("read")), 0o400);
        assert_eq!(rights(&copy), 0o500);
    }

    #[test]
    fn what_is_no_file_or_too_large_is_not_copied() {
        let scene = Scene::set();
        let pipe = scene.at("app/pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(scene.copy().is_err());
        let scene = Scene::set();
        let hole = File::create(scene.at("app/hole")).unwrap();
        hole.set_len(CONTENT_LIMIT_BYTES + 1).unwrap();
        let error = scene.copy().unwrap_err();
        assert_eq!(error.to_string(), "it is too large to be copied");
    }

    #[test]
    fn a_way_leads_from_a_folder_to_a_path() {
        let from_to = |from: &str, to: &str| way(Path::new(from), Path::new(to));
        assert_eq!(from_to("/a/b", "/a/b"), Path::new("."));
        assert_eq!(from_to("/a/b", "/a/b/c/d"), Path::new("c/d"));
        assert_eq!(from_to("/a/b/c", "/a/x"), Path::new("../../x"));
        assert_eq!(without_dots(Path::new("/a/../../b/c")), Path::new("/b/c"));
    }

    #[test]
    fn a_word_that_a_tool_would_split_is_not_plain() {
        assert!(is_plain(Path::new("/home/a.b/c-d_e@f+1")));
        for name in ["/a,b", "/a b", "/a=b", "/a*", "/a\"b", "/a:b", "/\u{e9}"] {
            assert!(!is_plain(Path::new(name)), "{name}");
        }
    }
}
