//! A root folder in which there is nothing but gate, a tool and what both are linked against, as in
//! the smallest of containers: it can't be written to, there is no `/etc`, no home, no shell and no
//! terminal, and nobody knows the user.
//!
//! For root the user is another one; anybody else is that user in a user namespace, to whom what is
//! theirs belongs.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gate_testkit::home::Home;

use crate::released;
use crate::server::{GATE, Ran, run};

/// The tool's words come back as it got them.
const TOOL: &str = r#"#include <stdio.h>
int main(int count, char **words) {
    fputs("the tool:", stdout);
    for (int i = 1; i < count; i++) printf(" %s", words[i]);
    puts("");
    return 7;
}
"#;

/// Builds the root in `$1` of the files in the list `$2`, puts the folder `$3` at its `$4` if that is
/// any, and goes into it by the command that follows.
const ENTER: &str = r#"
set -e
root=$1 list=$2 kept=$3 writable=$4
shift 4
mount -t tmpfs -o mode=755 none "$root"
mkdir "$root/proc" "$root/dev" "$root/shims"
while read -r source place; do
  mkdir -p "$root${place%/*}"
  : >"$root$place"
  mount --bind "$source" "$root$place"
done <"$list"
ln -s /bin/gate-shim "$root/shims/kubectl"
[ -n "$WITHOUT_PROC" ] || mount --rbind /proc "$root/proc"
if [ -n "$writable" ]; then
  mkdir -p "$root$writable"
  mount --bind "$kept" "$root$writable"
fi
mount -o remount,bind,ro "$root"
exec "$@"
"#;

/// The user whom nobody knows.
const NOBODY_KNOWS: &str = "54321";

/// Such a root, made anew for each command.
pub(crate) struct Bare {
    home: Home,
    environment: BTreeMap<String, String>,
    /// The only folder that can be written to; what is in it stays from command to command.
    pub(crate) writable: Option<&'static str>,
    /// Whether the kernel's own view is there.
    pub(crate) has_proc: bool,
}

impl Bare {
    /// Puts gate, the small program and a `kubectl` into `/bin`, and shims into `/shims`. The only
    /// variable is PATH, with both folders.
    pub(crate) fn new() -> Self {
        let home = Home::new().unwrap();
        let source = home.write("tool.c", TOOL).unwrap();
        let tool = home.path().join("tool");
        compile(&source, &tool);
        // As it is released: a static program for musl.
        let shim = released::shim();
        assert_eq!(libraries(&shim), Vec::<PathBuf>::new());
        let mut list = line(&tool, "/bin/kubectl");
        list.push_str("/dev/null /dev/null\n");
        for (program, name) in [(Path::new(GATE), "gate"), (&*shim, "gate-shim")] {
            list.push_str(&line(program, &format!("/bin/{name}")));
            for library in libraries(program) {
                let place = library.to_string_lossy();
                let line = line(&library, &place);
                if !list.contains(&line) {
                    list.push_str(&line);
                }
            }
        }
        home.write("list", list).unwrap();
        for folder in ["root", "kept"] {
            std::fs::create_dir(home.path().join(folder)).unwrap();
        }
        let kept = Permissions::from_mode(0o700);
        std::fs::set_permissions(home.path().join("kept"), kept).unwrap();
        if nix::unistd::geteuid().is_root() {
            let owner = Some(NOBODY_KNOWS.parse().unwrap());
            std::os::unix::fs::chown(home.path().join("kept"), owner, owner).unwrap();
        }
        let path = ("PATH".to_owned(), "/shims:/bin".to_owned());
        Self {
            home,
            environment: BTreeMap::from([path]),
            writable: None,
            has_proc: true,
        }
    }

    /// Sets a variable for every later command.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Takes a variable away from every later command.
    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// Puts a file with a text at an absolute path, for every later command.
    pub(crate) fn add(&self, place: &str, text: &str) {
        let name = place.replace('/', "_");
        let source = self.home.write(&name, text).unwrap();
        std::fs::set_permissions(&source, Permissions::from_mode(0o644)).unwrap();
        let mut list = std::fs::read_to_string(self.home.path().join("list")).unwrap();
        list.push_str(&line(&source, place));
        self.home.write("list", list).unwrap();
    }

    /// Takes away gate and all that it is linked against: what is left is static.
    pub(crate) fn leave_what_is_static(&self) {
        let list = std::fs::read_to_string(self.home.path().join("list")).unwrap();
        let stays = ["/bin/kubectl", "/bin/gate-shim", "/dev/null"];
        let is_left = |line: &&str| {
            stays
                .iter()
                .any(|place| line.ends_with(&format!(" {place}")))
        };
        let left: Vec<&str> = list.lines().filter(is_left).collect();
        assert_eq!(left.len(), stays.len(), "{list}");
        self.home.write("list", left.join("\n") + "\n").unwrap();
    }

    /// Returns a command of an absolute path inside.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let is_root = nix::unistd::geteuid().is_root();
        let enter = if is_root { "-m" } else { "-Urm" };
        let (home, root) = (self.home.path(), self.home.path().join("root"));
        let mut command = self.home.command("unshare");
        command
            .args([enter, "sh", "-c", ENTER, "sh"])
            .args([&*root, &*home.join("list"), &*home.join("kept")])
            .arg(self.writable.unwrap_or_default())
            .env("WITHOUT_PROC", if self.has_proc { "" } else { "1" });
        if is_root {
            command.args(["setpriv", "--clear-groups"]);
        }
        command.args(["env", "-i"]);
        for (name, value) in &self.environment {
            command.arg(format!("{name}={value}"));
        }
        command.arg("/usr/bin/unshare");
        if is_root {
            command.args(["--setuid", NOBODY_KNOWS, "--setgid", NOBODY_KNOWS]);
        } else {
            let both = format!("--map-user={NOBODY_KNOWS} --map-group={NOBODY_KNOWS}");
            command.arg("-U").args(both.split(' '));
        }
        let mut inside = std::ffi::OsString::from("--root=");
        inside.push(root);
        command.arg(inside).arg("--wd=/").args(words);
        command.stdin(Stdio::null());
        command
    }

    /// Runs such a command to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        run(&mut self.command(words))
    }
}

/// Returns the line of the list that puts a file at a place.
fn line(source: &Path, place: &str) -> String {
    format!("{} {place}\n", source.display())
}

fn compile(source: &Path, program: &Path) {
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-static", "-o"]).arg(program);
    let done = compiler.arg(source).status().unwrap();
    assert!(done.success(), "cc could not make the tool");
}

/// Returns what a program is linked against; nothing where it is static.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let listed = Command::new("ldd").arg(program).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let words = listed.split_whitespace();
    words
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}
