use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::*;

/// A repository made by the real git, with nothing of this machine's configuration.
struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new(init: &[&str]) -> Self {
        let fixture = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fixture.git(&[&["init", "-q", "-b", "main"], init].concat());
        fixture
    }

    /// A repository with two committed files whose times are long before the index's.
    fn committed(init: &[&str]) -> Self {
        let fixture = Self::new(init);
        fixture.write("README", "hello\n");
        fixture.write("deep/er/main.tf", "resource {}\n");
        fixture.commit();
        fixture
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "x"]);
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.folder.path())
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(["-c", "protocol.file.allow=always"])
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        self.age(name);
    }

    /// Dates a file back, so that the index written next is clearly newer.
    fn age(&self, name: &str) {
        let then = SystemTime::now() - Duration::from_mins(1);
        let file = File::options().write(true).open(self.path(name)).unwrap();
        file.set_modified(then).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    fn state(&self) -> GitState {
        read(self.folder.path()).unwrap()
    }
}

fn main_at(commit: Option<String>, dirty: Option<bool>) -> GitState {
    GitState {
        commit,
        branch: Some("main".to_owned()),
        dirty,
    }
}

#[test]
fn a_clean_tree_is_clean_from_the_top_and_from_below() {
    let repository = Fixture::committed(&[]);
    let expected = main_at(Some(repository.head()), Some(false));
    assert_eq!(repository.state(), expected);
    assert_eq!(read(&repository.path("deep/er")), Some(expected));
}

#[test]
fn every_version_of_the_index_is_read() {
    for version in ["2", "3", "4"] {
        let repository = Fixture::committed(&[]);
        // Version 3 is only written where an entry has an extended flag.
        repository.git(&["update-index", "--index-version", version]);
        repository.git(&["update-index", "--skip-worktree", "README"]);
        // What is marked so takes the cached tree away.
        repository.git(&["write-tree"]);
        assert_eq!(repository.state().dirty, Some(false), "version {version}");
        fs::remove_file(repository.path("README")).unwrap();
        assert_eq!(
            repository.state().dirty,
            Some(false),
            "version {version}, not looked at"
        );
        repository.write("deep/er/main.tf", "resource { }\n");
        assert_eq!(
            repository.state().dirty,
            Some(true),
            "version {version}, changed"
        );
    }
}

#[test]
fn a_sha256_repository_is_read_like_any_other() {
    let repository = Fixture::committed(&["--object-format=sha256"]);
    let state = repository.state();
    assert_eq!(state.commit.as_ref().map(String::len), Some(64));
    assert_eq!(state, main_at(Some(repository.head()), Some(false)));
}

#[test]
fn each_kind_of_change_is_dirty() {
    type Change = fn(&Fixture);
    let changes: [(&str, Change); 6] = [
        ("longer", |f| f.write("README", "hello, world\n")),
        ("deleted", |f| fs::remove_file(f.path("README")).unwrap()),
        ("its folder deleted", |f| {
            fs::remove_dir_all(f.path("deep")).unwrap();
        }),
        ("a folder in its place", |f| {
            fs::remove_file(f.path("README")).unwrap();
            fs::create_dir(f.path("README")).unwrap();
        }),
        ("executable", |f| {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(f.path("README"), fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("added by intent", |f| {
            f.write("new", "x");
            f.git(&["add", "-N", "new"]);
        }),
    ];
    for (what, change) in changes {
        let repository = Fixture::committed(&[]);
        change(&repository);
        assert_eq!(repository.state().dirty, Some(true), "{what}");
    }
}

#[test]
fn what_is_staged_is_never_called_clean() {
    type Change = fn(&Fixture);
    let changes: [(&str, Option<bool>, Change); 5] = [
        ("changed and added", None, |f| {
            f.write("README", "changed\n");
            f.git(&["add", "README"]);
        }),
        ("a new file", None, |f| {
            f.write("new", "x\n");
            f.git(&["add", "new"]);
        }),
        ("removed", None, |f| {
            f.git(&["rm", "-q", "README"]);
        }),
        ("added, and its tree written", Some(true), |f| {
            f.write("README", "changed\n");
            f.git(&["add", "README"]);
            f.git(&["write-tree"]);
        }),
        (
            "the commit taken back and the index kept",
            Some(true),
            |f| {
                f.write("README", "changed\n");
                f.commit();
                f.git(&["reset", "-q", "--soft", "HEAD~1"]);
            },
        ),
    ];
    for (what, dirty, change) in changes {
        let repository = Fixture::committed(&[]);
        change(&repository);
        assert_eq!(repository.state().dirty, dirty, "{what}");
        assert_ne!(
            repository.git(&["status", "--porcelain", "-uno"]),
            "",
            "{what}"
        );
    }
}

#[test]
fn a_commit_in_a_pack_is_compared_too() {
    for format in ["sha1", "sha256"] {
        let repository = Fixture::committed(&[&format!("--object-format={format}")]);
        for round in 0..20 {
            repository.write("README", &"x".repeat(round));
            repository.commit();
        }
        repository.git(&["gc", "-q", "--prune=now"]);
        let objects = repository.git(&["count-objects"]);
        assert!(objects.starts_with("0 objects"), "{objects}");
        assert_eq!(repository.state().dirty, Some(false), "{format}");
        repository.git(&["reset", "-q", "--soft", "HEAD~1"]);
        assert_eq!(repository.state().dirty, Some(true), "{format}");
    }
}

#[test]
fn a_file_of_the_same_size_with_another_time_is_not_called_clean() {
    let repository = Fixture::committed(&[]);
    fs::write(repository.path("README"), "HELLO\n").unwrap();
    assert_eq!(repository.state().dirty, None);
}

#[test]
fn a_change_hidden_by_setting_the_time_back_is_not_called_clean() {
    let repository = Fixture::committed(&[]);
    let before = fs::metadata(repository.path("README"))
        .unwrap()
        .modified()
        .unwrap();
    fs::write(repository.path("README"), "HELLO\n").unwrap();
    let file = File::options()
        .write(true)
        .open(repository.path("README"))
        .unwrap();
    file.set_modified(before).unwrap();
    assert_eq!(repository.state().dirty, None);
}

#[test]
fn untracked_files_are_not_differences() {
    let repository = Fixture::committed(&[]);
    repository.write("untracked", "x");
    assert_eq!(repository.state().dirty, Some(false));
}

#[test]
fn packed_and_symbolic_references_are_followed() {
    let repository = Fixture::committed(&[]);
    let head = Some(repository.head());
    repository.git(&["tag", "-a", "-m", "t", "v1"]);
    repository.git(&["pack-refs", "--all"]);
    assert!(!repository.path(".git/refs/heads/main").exists());
    assert_eq!(repository.state().commit, head);
    repository.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    repository.git(&["symbolic-ref", "HEAD", "refs/heads/alias"]);
    let state = repository.state();
    assert_eq!(
        (state.commit, state.branch.as_deref()),
        (head, Some("alias"))
    );
}

#[test]
fn a_detached_head_has_a_commit_and_no_branch() {
    let repository = Fixture::committed(&[]);
    repository.git(&["checkout", "-q", "--detach"]);
    let state = repository.state();
    assert_eq!(
        (state.commit, state.branch),
        (Some(repository.head()), None)
    );
}

#[test]
fn before_the_first_commit_there_is_a_branch_and_no_commit() {
    let repository = Fixture::new(&[]);
    assert_eq!(repository.state(), main_at(None, Some(false)));
    repository.write("README", "hello\n");
    repository.git(&["add", "README"]);
    assert_eq!(repository.state(), main_at(None, None));
}

#[test]
fn a_linked_work_tree_has_its_own_head_and_the_shared_branches() {
    let repository = Fixture::committed(&[]);
    let other = tempfile::tempdir().unwrap();
    let place = other.path().join("tree");
    repository.git(&[
        "worktree",
        "add",
        "-q",
        "-b",
        "side",
        place.to_str().unwrap(),
    ]);
    let state = read(&place).unwrap();
    assert_eq!(state.branch.as_deref(), Some("side"));
    assert_eq!(state.commit, Some(repository.head()));
    fs::remove_file(place.join("README")).unwrap();
    assert_eq!(read(&place).unwrap().dirty, Some(true));
    assert_eq!(repository.state().dirty, Some(false));
}

#[test]
fn a_submodule_is_its_own_repository_and_no_difference_of_the_outer_one() {
    let inner = Fixture::committed(&[]);
    let outer = Fixture::committed(&[]);
    let source = inner.folder.path().to_str().unwrap();
    outer.git(&["submodule", "--quiet", "add", source, "part"]);
    outer.age(".gitmodules");
    outer.commit();
    fs::remove_file(outer.path("part/README")).unwrap();
    assert_eq!(outer.state().dirty, Some(false));
    let part = read(&outer.path("part")).unwrap();
    assert_eq!((part.commit, part.dirty), (Some(inner.head()), Some(true)));
}

#[test]
fn a_merge_that_is_not_done_is_dirty() {
    let repository = Fixture::committed(&[]);
    repository.git(&["checkout", "-q", "-b", "side"]);
    repository.write("README", "side\n");
    repository.commit();
    repository.git(&["checkout", "-q", "main"]);
    repository.write("README", "main\n");
    repository.commit();
    let merge = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "merge",
            "-q",
            "side",
        ])
        .current_dir(repository.folder.path())
        .output()
        .unwrap();
    assert!(!merge.status.success());
    assert_eq!(repository.state().dirty, Some(true));
}

#[test]
fn a_split_index_is_not_guessed_at() {
    let repository = Fixture::committed(&[]);
    repository.git(&["update-index", "--split-index"]);
    assert_eq!(repository.state().dirty, None);
}

#[test]
fn no_index_that_was_cut_or_changed_makes_it_panic_or_lie() {
    let repository = Fixture::committed(&[]);
    let index = repository.path(".git/index");
    let whole = fs::read(&index).unwrap();
    for length in 0..whole.len() - 20 {
        fs::write(&index, &whole[..length]).unwrap();
        assert_ne!(
            repository.state().dirty,
            Some(true),
            "cut to {length} bytes"
        );
    }
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 0xff;
        fs::write(&index, &changed).unwrap();
        repository.state();
    }
}

#[test]
fn what_only_looks_like_a_repository_is_none_and_never_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path();
    fs::create_dir(top.join(".git")).unwrap();
    assert_eq!(read(top), None);
    for name in ["HEAD", "index"] {
        nix::unistd::mkfifo(&top.join(".git").join(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    assert_eq!(read(top), Some(GitState::default()));
    fs::remove_file(top.join(".git/HEAD")).unwrap();
    for head in [
        "ref: ../../etc/passwd",
        "ref: refs/../../x",
        "ref: refs/heads/\0",
        "zz",
        "\u{ff}",
    ] {
        fs::write(top.join(".git/HEAD"), head).unwrap();
        assert_eq!(read(top), Some(GitState::default()), "{head:?}");
    }
}

#[test]
fn a_branch_name_that_tries_to_look_like_something_else_stays_text() {
    let repository = Fixture::committed(&[]);
    let name = format!("refs/heads/\u{202e}{}", "x".repeat(400));
    fs::write(repository.path(".git/HEAD"), format!("ref: {name}\n")).unwrap();
    let branch = repository.state().branch.unwrap();
    assert_eq!(branch.chars().count(), 300);
    assert!(branch.starts_with("\u{202e}x"));
}
