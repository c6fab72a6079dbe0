//! `packaging/dist`, and what it makes, with the binaries of these tests in the place of those for a
//! release: they are packed the same, only not as small.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::server::GATE;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The time that everything is to have: 2001-09-09, 01:46:40.
const EPOCH: &str = "1000000000";

/// What was made from the binaries of these tests.
struct Made {
    folder: TempDir,
}

impl Made {
    /// Makes it.
    fn make() -> Self {
        let made = Self::given();
        let done = made.script(&["--dynamic", "--binaries"]);
        assert!(done.status.success(), "{}", said(&done));
        made
    }

    /// Makes only the folder of the programs to pack.
    fn given() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let given = folder.path().join("given");
        fs::create_dir(&given).unwrap();
        for program in ["gate", "gate-shim"] {
            let built = Path::new(GATE).with_file_name(program);
            // What a debugger wants makes nine tenths of them.
            succeed(
                Command::new("strip")
                    .arg("-o")
                    .args([&given.join(program), &built]),
            );
        }
        Self { folder }
    }

    /// Runs the script on a target folder of its own.
    fn script(&self, args: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/dist");
        let mut command = Command::new(script);
        command.args(args).arg(self.folder.path().join("given"));
        command
            .env("CARGO_TARGET_DIR", self.folder.path())
            .env("SOURCE_DATE_EPOCH", EPOCH);
        // Where `tests/run` keeps what it installs.
        if let Some(testbed) = std::env::var_os("GATE_TESTBED") {
            command.env("GATE_DIST_TOOLS", Path::new(&testbed).join("dist-tools"));
        }
        command.output().unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("dist").join(name)
    }

    fn tarball(&self) -> PathBuf {
        self.file(&format!("gate-{VERSION}-x86_64-linux.tar.gz"))
    }

    fn package(&self) -> PathBuf {
        self.file(&format!("gate_{VERSION}-1_amd64.deb"))
    }

    /// Returns the SBOM.
    fn sbom(&self) -> Value {
        let name = format!("gate-{VERSION}-x86_64-linux.cdx.json");
        serde_json::from_slice(&fs::read(self.file(&name)).unwrap()).unwrap()
    }

    /// Unpacks the Debian package, and returns the folder.
    fn unpack(&self) -> PathBuf {
        let root = self.folder.path().join("unpacked");
        succeed(
            Command::new("dpkg-deb")
                .arg("-x")
                .args([&self.package(), &root]),
        );
        root
    }
}

fn said(output: &Output) -> String {
    let both = [&output.stdout, &output.stderr];
    both.map(|text| String::from_utf8_lossy(text)).join("\n")
}

/// Runs a command that has to end with 0, and returns what it printed.
#[track_caller]
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_packed() {
    let made = Made::make();
    the_tarball_has_what_is_promised_and_nothing_of_the_machine(&made);
    the_package_unpacks_to_a_gate_that_runs_and_finds_its_shim(&made);
    the_service_is_neither_enabled_nor_started_and_the_log_outlives_a_purge(&made);
    if nix::unistd::geteuid().is_root() {
        the_package_installs_and_a_purge_leaves_the_log(&made);
    }
    the_sbom_has_what_is_linked_and_nothing_that_only_builds_or_tests(&made);
    the_checksums_hold_and_the_same_programs_give_the_same_files(&made);
}

/// Each line of a listing as `tar -tv` and `dpkg-deb -c` print it: mode, owner, date, path.
fn listed(listing: &str) -> Vec<(String, String, String, String)> {
    let lines = listing.lines();
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let word = |index: usize| words[index].to_owned();
            (
                word(0),
                word(1),
                format!("{} {}", word(3), word(4)),
                word(5),
            )
        })
        .collect()
}

fn the_tarball_has_what_is_promised_and_nothing_of_the_machine(made: &Made) {
    let listing = succeed(
        Command::new("tar")
            .args(["--utc", "--full-time", "-tvzf"])
            .arg(made.tarball()),
    );
    let entries = listed(&listing);
    let top = format!("gate-{VERSION}-x86_64-linux");
    for (mode, name) in [
        ("-rwxr-xr-x", "gate"),
        ("-rwxr-xr-x", "gate-shim"),
        ("-rw-r--r--", "README.md"),
        ("-rw-r--r--", "LICENSE"),
        ("-rw-r--r--", "third-party-licenses.txt"),
        ("-rw-r--r--", "man/man1/gate.1"),
        ("-rw-r--r--", "completions/_gate"),
        ("-rw-r--r--", "systemd/gate-server.service"),
        ("-rw-r--r--", "systemd/user/gate-audit-flush.timer"),
        ("-rw-r--r--", "examples/rules.toml"),
        ("-rwxr-xr-x", "examples/github-action/set-up.sh"),
        ("-rw-r--r--", "examples/gitlab/gate.gitlab-ci.yml"),
        ("-rw-r--r--", "docs/packaging.md"),
    ] {
        let path = format!("{top}/{name}");
        let entry = entries.iter().find(|entry| entry.3 == path);
        assert_eq!(
            entry.map(|entry| &*entry.0),
            Some(mode),
            "{name}: {listing}"
        );
    }
    for (_, owner, time, path) in &entries {
        assert_eq!(
            (&**owner, &**time),
            ("0/0", "2001-09-09 01:46:40"),
            "{path}"
        );
    }
}

fn the_package_unpacks_to_a_gate_that_runs_and_finds_its_shim(made: &Made) {
    let listing = succeed(Command::new("dpkg-deb").arg("-c").arg(made.package()));
    for (mode, owner, time, path) in listed(&listing) {
        assert_eq!((&*owner, &*time), ("0/0", "2001-09-09 01:46"), "{path}");
        let is_others = mode.as_bytes()[8] == b'w';
        assert!(!mode.contains('s') && !is_others, "{mode} {path}");
    }
    let root = made.unpack();
    let gate = root.join("usr/bin/gate");
    assert_eq!(
        succeed(Command::new(&gate).arg("--version")),
        format!("gate {VERSION}\n")
    );
    let shims = made.folder.path().join("shims");
    succeed(
        Command::new(&gate)
            .args(["shim", "install", "kubectl", "--dir"])
            .arg(&shims),
    );
    assert_eq!(
        fs::read_link(shims.join("kubectl")).unwrap(),
        root.join("usr/bin/gate-shim")
    );
    for name in [
        "usr/share/bash-completion/completions/gate",
        "usr/share/zsh/vendor-completions/_gate",
        "usr/share/fish/vendor_completions.d/gate.fish",
        "usr/share/man/man1/gate-shim-install.1.gz",
        "usr/share/doc/gate/copyright",
        "usr/share/doc/gate/examples/github-action/action.yml",
        "usr/share/doc/gate/examples/gitlab/gate.gitlab-ci.yml",
        "usr/share/doc/gate/third-party-licenses.txt.gz",
        "usr/lib/systemd/system/gate-server.service",
        "usr/lib/systemd/user/gate-audit-flush.timer",
    ] {
        assert!(root.join(name).is_file(), "{name}: {listing}");
    }
    // Where that is, the machine has an owner whose rules count.
    assert!(!root.join("etc/gate").exists(), "{listing}");
    let control = |field: &str| {
        succeed(
            Command::new("dpkg-deb")
                .arg("-f")
                .arg(made.package())
                .arg(field),
        )
    };
    assert_eq!(control("Version"), format!("{VERSION}-1\n"));
    assert_eq!(control("Architecture"), "amd64\n");
    // What is static needs no library; this one every Debian has.
    assert_eq!(control("Depends"), "init-system-helpers (>= 1.52)\n");
}

fn the_service_is_neither_enabled_nor_started_and_the_log_outlives_a_purge(made: &Made) {
    let control = made.folder.path().join("control");
    succeed(
        Command::new("dpkg-deb")
            .arg("-e")
            .args([&made.package(), &control]),
    );
    let conffiles = fs::read_to_string(control.join("conffiles")).unwrap();
    assert_eq!(conffiles, "/etc/gate-server/server.toml\n");
    for script in ["postinst", "prerm", "postrm"] {
        let path = control.join(script);
        succeed(Command::new("sh").arg("-n").arg(&path));
        let text = fs::read_to_string(&path).unwrap();
        for other in [
            "DEBHELPER",
            "invoke start",
            "_dh_action=start",
            "rm ",
            "userdel",
        ] {
            assert!(!text.contains(other), "{script}: {other}: {text}");
        }
    }
}

/// By dpkg itself, on this machine's own files: what it writes lands in a layer over them that nobody
/// else sees and that ends with the command. Only root can do that; the scripts are looked at above.
fn the_package_installs_and_a_purge_leaves_the_log(made: &Made) {
    let folder = made.folder.path().join("layer");
    fs::create_dir(&folder).unwrap();
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", ON_A_LAYER, "sh"]);
    let said = succeed(command.args([&folder, &made.package()]).arg(INSTALL));
    let lines: Vec<&str> = said.lines().collect();
    let version = format!("gate {VERSION}");
    let installed = [
        &*version,
        "/usr/bin/gate-shim",
        "700 gate-server",
        "disabled",
    ];
    assert_eq!(
        lines,
        [&installed[..], &["purged", "700 gate-server"]].concat()
    );
}

/// Makes a root folder below `$1` in which everything of this machine is and nothing that is changed
/// reaches it, puts the package `$2` there, and runs the script `$3` in it.
const ON_A_LAYER: &str = r#"
set -e
folder=$1 package=$2 script=$3
mount -t tmpfs none "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" none "$folder/root"
mount --rbind /proc "$folder/root/proc"
mount --rbind /dev "$folder/root/dev"
cp "$package" "$folder/root/gate.deb"
exec chroot "$folder/root" sh -c "$script"
"#;

const INSTALL: &str = r"
set -e
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
dpkg -i /gate.deb >&2
gate --version
gate shim install --dir /shims kubectl >&2
readlink /shims/kubectl
stat -c '%a %U' /var/lib/gate
systemctl is-enabled gate-server || true
dpkg --verify gate
dpkg --purge gate >&2
[ -e /usr/bin/gate ] || [ -e /etc/gate-server ] || echo purged
stat -c '%a %U' /var/lib/gate
";

fn the_sbom_has_what_is_linked_and_nothing_that_only_builds_or_tests(made: &Made) {
    let sbom = made.sbom();
    let components = sbom["components"].as_array().unwrap();
    let has = |name: &str| components.iter().any(|component| component["name"] == name);
    for linked in [
        "gate-shim",
        "gate-policy",
        "ring",
        "rustls",
        "sqlx-sqlite",
        "sqlite",
        "rust-std",
    ] {
        assert!(has(linked), "{linked}");
    }
    // Tests, what expands into code, what builds, and another system's.
    for other in [
        "gate-testkit",
        "proptest",
        "insta",
        "serde_derive",
        "clap_derive",
        "cc",
        "windows-sys",
        "gate",
    ] {
        assert!(!has(other), "{other}");
    }
    let wrong = |component: &&Value| {
        component["version"].as_str().is_none_or(str::is_empty) || component["licenses"].is_null()
    };
    let wrong: Vec<&Value> = components.iter().filter(wrong).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let programs = &sbom["metadata"]["component"]["components"];
    let digest = succeed(Command::new("sha256sum").arg(made.folder.path().join("given/gate")));
    assert_eq!(
        programs[0]["hashes"][0]["content"],
        digest.split(' ').next().unwrap()
    );
    let text = sbom.to_string();
    assert!(
        !text.contains(env!("CARGO_MANIFEST_DIR")) && !text.contains("/tmp/"),
        "{text}"
    );
}

fn the_checksums_hold_and_the_same_programs_give_the_same_files(made: &Made) {
    let dist = made.file("");
    let check = || {
        succeed(
            Command::new("sha256sum")
                .args(["--check", "SHA256SUMS"])
                .current_dir(&dist),
        )
    };
    assert_eq!(check().lines().count(), 3);
    let first = fs::read(made.file("SHA256SUMS")).unwrap();
    let again = made.script(&["--dynamic", "--binaries"]);
    assert!(again.status.success(), "{}", said(&again));
    assert_eq!(fs::read(made.file("SHA256SUMS")).unwrap(), first);
    check();
}

#[test]
fn what_can_not_be_packed_is_refused() {
    let made = Made::given();
    let refused = made.script(&["--binaries"]);
    assert!(
        said(&refused).contains("is not static"),
        "{}",
        said(&refused)
    );
    let other = made.folder.path().join("given/gate");
    fs::write(other, "#!/bin/sh\necho gate 0.0.0\n").unwrap();
    let refused = made.script(&["--dynamic", "--binaries"]);
    assert!(
        said(&refused).contains("says that it is `gate 0.0.0`"),
        "{}",
        said(&refused)
    );
    assert_eq!(refused.status.code(), Some(1));
    assert!(!made.file("SHA256SUMS").exists());
}
