//! Which file a name leads to, and which it never leads to.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail by panic"
)]

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use gate_exec::resolve::Distrust;
use gate_exec::{
    Exclusions, ResolveError, SHIM_FOLDER_MARKER, Tool, ToolKind, is_gate_program, leads_to_gate,
    resolve,
};
use tempfile::TempDir;

/// Folders to put on PATH, under one that only the caller can write.
struct Folders(TempDir);

impl Folders {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        let folder = self.0.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        folder
    }

    fn tool(&self, folder: &str, name: &str, mode: u32) -> PathBuf {
        let path = self.at(folder).join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }
}

fn find(name: impl AsRef<OsStr>, folders: &[&Path]) -> Result<Tool, ResolveError> {
    let path = std::env::join_paths(folders).unwrap();
    let exclusions = Exclusions::of_this_program().unwrap();
    resolve(name.as_ref(), Some(&path), &exclusions)
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

#[test]
fn the_first_tool_on_path_is_found_under_its_own_name() {
    let folders = Folders::new();
    let first = folders.tool("a", "tool", 0o755);
    folders.tool("b", "tool", 0o755);
    let tool = find("tool", &[&folders.at("a"), &folders.at("b")]).unwrap();
    assert_eq!(tool.path, first);
    assert_eq!(tool.name, OsString::from("tool"));
    assert!(matches!(tool.kind, ToolKind::Script { .. }));
    assert!(!tool.file.was_replaced_at(&first).unwrap());
}

#[test]
fn relative_and_empty_entries_of_path_never_name_a_tool() {
    let folders = Folders::new();
    folders.tool("a", "tool", 0o755);
    let exclusions = Exclusions::of_this_program().unwrap();
    for path in ["", ":", ".", "a", "./a", ":.:a:"] {
        let error = resolve(OsStr::new("tool"), Some(OsStr::new(path)), &exclusions).unwrap_err();
        assert_eq!(error.exit_code(), 127, "{path}");
    }
}

#[test]
fn a_name_leads_to_gate_only_where_gate_itself_comes_first() {
    let folders = Folders::new();
    folders.tool("real", "tool", 0o755);
    symlink(this_program(), folders.at("shim").join("tool")).unwrap();
    // Only the mark of a folder for shims: what lies in it is no gate.
    folders.tool("marked", "tool", 0o755);
    fs::write(folders.at("marked").join(SHIM_FOLDER_MARKER), "").unwrap();
    let (real, shim) = (folders.at("real"), folders.at("shim"));
    let (marked, empty) = (folders.at("marked"), folders.at("empty"));
    let exclusions = Exclusions::of_this_program().unwrap();
    let leads = |entries: &[&Path]| {
        let path = std::env::join_paths(entries).unwrap();
        leads_to_gate(OsStr::new("tool"), Some(&path), &exclusions)
    };
    assert!(leads(&[&shim, &real]));
    assert!(leads(&[&empty, &shim]));
    assert!(!leads(&[&real, &shim]));
    assert!(!leads(&[&marked, &shim]));
    assert!(!leads(&[&empty]));
    for relative in ["", ".", "shim"] {
        assert!(!leads(&[Path::new(relative), &shim]), "{relative}");
    }
    let given = |path: &Path| leads_to_gate(path.as_os_str(), None, &exclusions);
    assert!(given(&shim.join("tool")) && !given(&real.join("tool")));
    assert!(!given(Path::new("./tool")));
}

#[test]
fn every_disguise_of_gate_is_passed_over_for_the_real_tool() {
    let folders = Folders::new();
    let program = this_program();
    fs::copy(&program, folders.at("copy").join("tool")).unwrap();
    symlink(&program, folders.at("link").join("tool")).unwrap();
    symlink(
        folders.at("copy").join("tool"),
        folders.at("deep").join("tool"),
    )
    .unwrap();
    folders.tool("shims", "tool", 0o755);
    fs::write(folders.at("shims").join(SHIM_FOLDER_MARKER), "").unwrap();
    symlink(
        folders.at("shims").join("tool"),
        folders.at("into").join("tool"),
    )
    .unwrap();
    let copy = folders.at("copy").join("tool");
    fs::hard_link(copy, folders.at("hard").join("tool")).unwrap();
    let real = folders.tool("real", "tool", 0o755);
    let disguises = ["copy", "link", "deep", "shims", "into", "hard"].map(|name| folders.at(name));
    for folder in &disguises {
        let error = find("tool", &[folder]).unwrap_err();
        assert!(
            matches!(error, ResolveError::NotFound { skipped: 1, .. }),
            "{error:?}"
        );
        assert!(
            error.hint().contains("only gate's shim"),
            "{}",
            error.hint()
        );
        let error = find(folder.join("tool"), &[]).unwrap_err();
        assert!(matches!(error, ResolveError::IsGate { .. }), "{error:?}");
    }
    let mut all: Vec<&Path> = disguises.iter().map(PathBuf::as_path).collect();
    let last = folders.at("real");
    all.push(&last);
    assert_eq!(find("tool", &all).unwrap().path, real);
}

#[test]
fn behind_a_shim_the_search_comes_to_what_stands_before_it_last() {
    let folders = Folders::new();
    let before = folders.tool("before", "tool", 0o755);
    let behind = folders.tool("behind", "tool", 0o755);
    for shims in ["one", "two"] {
        symlink(this_program(), folders.at(shims).join("tool")).unwrap();
    }
    // What others can write is no reason to refuse where it is not come to.
    let open = folders.tool("open", "tool", 0o757);
    let find = |names: &[&str]| {
        let path = std::env::join_paths(names.iter().map(|name| folders.at(name))).unwrap();
        let exclusions = Exclusions::of_this_program().unwrap().from_behind_shim();
        resolve(OsStr::new("tool"), Some(&path), &exclusions).map(|tool| tool.path)
    };
    for (path, expected) in [
        (&["before", "one", "behind"][..], &behind),
        (&["open", "one", "two", "behind"], &behind),
        (&["before", "one", "two"], &before),
        (&["before", "behind"], &before),
        (&["one", "behind", "before"], &behind),
    ] {
        assert_eq!(find(path).unwrap(), *expected, "{path:?}");
    }
    assert!(matches!(
        find(&["open", "one"]).unwrap_err(),
        ResolveError::Untrusted { path, .. } if path == open
    ));
}

#[test]
fn a_stripped_copy_of_gate_is_still_known() {
    let folders = Folders::new();
    let copy = folders.at("a").join("tool");
    let status = std::process::Command::new("strip")
        .arg("-s")
        .arg("-o")
        .arg(&copy)
        .arg(this_program())
        .status()
        .unwrap();
    assert!(status.success());
    assert!(is_gate_program(&fs::File::open(copy).unwrap()));
}

#[test]
fn a_candidate_that_cannot_run_is_passed_over_and_remembered() {
    let folders = Folders::new();
    let plain = folders.tool("a", "tool", 0o644);
    fs::create_dir(folders.at("b").join("tool")).unwrap();
    let (a, b) = (folders.at("a"), folders.at("b"));
    let error = find("tool", &[&a, &b]).unwrap_err();
    assert_eq!(error.exit_code(), 126);
    assert!(matches!(&error, ResolveError::NotExecutable { path, .. } if *path == plain));
    assert!(error.hint().contains("chmod +x"), "{}", error.hint());
    let real = folders.tool("c", "tool", 0o755);
    assert_eq!(
        find("tool", &[&a, &b, &folders.at("c")]).unwrap().path,
        real
    );
}

#[test]
fn fifos_and_devices_are_no_tools_and_are_not_opened() {
    let folders = Folders::new();
    let fifo = folders.at("a").join("tool");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(
        find("tool", &[&folders.at("a")]).unwrap_err().exit_code(),
        126
    );
    assert_eq!(find("/dev/null", &[]).unwrap_err().exit_code(), 126);
}

#[test]
fn names_that_nothing_has_are_127() {
    let folders = Folders::new();
    for name in [
        "",
        "missing",
        "./missing",
        "/nonexistent/tool",
        "/bin/sh/tool",
    ] {
        assert_eq!(
            find(name, &[&folders.at("a")]).unwrap_err().exit_code(),
            127,
            "{name}"
        );
    }
}

#[test]
fn a_tool_that_others_can_write_is_refused() {
    let folders = Folders::new();
    let tool = folders.tool("a", "tool", 0o757);
    let why = |name: &Path| match find(name, &[]).unwrap_err() {
        ResolveError::Untrusted { why, .. } => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(&tool), Distrust::WritableByAll);
    let folder = folders.at("b");
    let tool = folders.tool("b", "tool", 0o755);
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(why(&tool), Distrust::WritableByAll);
    fs::set_permissions(&folder, Permissions::from_mode(0o1777)).unwrap();
    assert!(
        find(&tool, &[]).is_ok(),
        "a sticky folder keeps others away"
    );
    // A link in a folder that others can write chooses the tool just as well.
    let open = folders.at("c");
    symlink(&tool, open.join("tool")).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(why(&open.join("tool")), Distrust::WritableByAll);
}

#[test]
fn a_script_whose_interpreter_others_can_write_is_refused() {
    let folders = Folders::new();
    let interpreter = folders.tool("a", "interpreter", 0o757);
    let script = folders.tool("b", "script", 0o755);
    fs::write(&script, format!("#!{}\n", interpreter.display())).unwrap();
    let found = find(&script, &[]);
    let is_refused = matches!(
        &found,
        Err(ResolveError::Untrusted { path, why: Distrust::WritableByAll }) if *path == interpreter
    );
    assert!(is_refused, "{found:?}");
    fs::set_permissions(&interpreter, Permissions::from_mode(0o755)).unwrap();
    assert!(find(&script, &[]).is_ok());
}

/// Needs the right to give files away: as an ordinary user the kernel refuses the setting itself.
#[test]
fn a_tool_of_another_user_or_group_is_refused() {
    let folders = Folders::new();
    let tool = folders.tool("a", "tool", 0o775);
    if chown(&tool, None, Some(4242)).is_err() {
        // Who cannot give a file away cannot make this trap either.
        assert!(!nix::unistd::geteuid().is_root());
        return;
    }
    let why = || match find(&tool, &[]).unwrap_err() {
        ResolveError::Untrusted { why, .. } => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(), Distrust::WritableByGroup { gid: 4242 });
    chown(&tool, None, Some(50)).unwrap();
    assert_eq!(why(), Distrust::WritableByGroup { gid: 50 });
    chown(&tool, None, Some(0)).unwrap();
    assert!(find(&tool, &[]).is_ok());
    chown(&tool, Some(4242), None).unwrap();
    assert_eq!(why(), Distrust::OwnedBy { uid: 4242 });
    chown(&tool, Some(0), None).unwrap();
    // Debian: /usr/local is root:staff 2775.
    let folder = folders.at("a");
    chown(&folder, Some(0), Some(50)).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o2775)).unwrap();
    assert!(find(&tool, &[]).is_ok());
    chown(&folder, Some(0), Some(4242)).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o775)).unwrap();
    assert_eq!(why(), Distrust::WritableByGroup { gid: 4242 });
}

#[test]
fn links_that_go_round_in_circles_are_an_error() {
    let folders = Folders::new();
    let link = folders.at("a").join("tool");
    symlink(&link, &link).unwrap();
    assert_eq!(
        find("tool", &[&folders.at("a")]).unwrap_err().exit_code(),
        126
    );
}

#[test]
fn a_replaced_tool_is_noticed() {
    let folders = Folders::new();
    let path = folders.tool("a", "tool", 0o755);
    let tool = find("tool", &[&folders.at("a")]).unwrap();
    let other = folders.tool("b", "evil", 0o755);
    fs::rename(other, &path).unwrap();
    assert!(tool.file.was_replaced_at(&path).unwrap());
    fs::write(&path, "changed").unwrap();
    assert!(tool.file.was_replaced_at(&path).unwrap());
}
