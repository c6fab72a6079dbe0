//! A root folder of one command's own, in a mount namespace that nobody else is in: what the test
//! mounts is seen by this command alone, and `/etc` is what the test says.
//!
//! It works the same for root and for anybody else. Anybody else is root in a user namespace, where
//! the machine's own files belong to nobody and would make gate refuse every tool below `/`; so the
//! root folder is new, and only the system's programs, the home and gate itself are mounted into it.
//! What gate is to run there must stand in the home, down to the shell of a script.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::process::Command;

use gate_testkit::home::Home;

/// The binary under test.
const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// Builds the root in `$1` with `$2` as its `/etc` and `$3` as gate, and runs the script `$4` in it.
const ENTER: &str = r#"
set -e
root=$1 etc=$2 gate=$3 script=$4
shift 4
mount -t tmpfs -o mode=755 none "$root"
for name in bin dev lib lib32 lib64 libx32 proc sbin usr; do
  if [ -L "/$name" ]; then
    cp -P "/$name" "$root/$name"
  elif [ -d "/$name" ]; then
    mkdir "$root/$name"
    mount --rbind "/$name" "$root/$name"
  fi
done
mkdir -p "$root/etc" "$root$HOME" "$root${gate%/*}"
mount --rbind "$etc" "$root/etc"
mount --bind "$HOME" "$root$HOME"
: >"$root$gate"
mount --bind "$gate" "$root$gate"
exec unshare --root="$root" --wd="$PWD" sh -c "$script" "$gate" "$@"
"#;

/// Returns `sh -c SCRIPT` in a root of its own in which `etc` is `/etc`: `$0` is gate, what is
/// added to the command comes as `$1` and so on.
pub(crate) fn isolated(home: &Home, etc: &Path, script: &str) -> Command {
    let options = if nix::unistd::geteuid().is_root() {
        "-m"
    } else {
        "-Urm"
    };
    let root = home.path().join("root");
    std::fs::create_dir_all(&root).unwrap();
    let mut command = home.command("unshare");
    command
        .args([options, "sh", "-c", ENTER, "sh"])
        .args([root.as_path(), etc, Path::new(GATE)])
        .arg(script);
    command
}

/// Writes a script into the home that may run isolated: its shell is the home's own copy.
pub(crate) fn own_script(home: &Home, name: &str, text: &str) {
    let shell = home.bin().join("sh");
    std::fs::copy("/bin/sh", &shell).unwrap();
    let text = format!("#!{}\n{text}", shell.display());
    home.script(name, &text).unwrap();
}

/// Makes `path` a file that belongs neither to root nor to the caller, as an isolated command sees
/// it: root gives the file away, and to anybody else the machine's own files are such ones.
pub(crate) fn make_anothers(path: &Path, text: &str) {
    if nix::unistd::geteuid().is_root() {
        std::fs::write(path, text).unwrap();
        chown(path, Some(65_534), Some(65_534)).unwrap();
    } else {
        symlink("/usr/lib/os-release", path).unwrap();
    }
}

/// As [`make_anothers`], a folder.
pub(crate) fn make_anothers_folder(path: &Path) {
    if nix::unistd::geteuid().is_root() {
        std::fs::create_dir(path).unwrap();
        chown(path, Some(65_534), Some(65_534)).unwrap();
    } else {
        symlink("/usr/lib", path).unwrap();
    }
}
