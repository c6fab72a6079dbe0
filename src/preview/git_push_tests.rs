use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;

/// A repository of the real git with a remote beside it.
struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new(format: &str) -> Self {
        let fixture = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let format = format!("--object-format={format}");
        fixture.git(&["init", "-q", "-b", "main", &format, "work"], "");
        fixture.git(
            &["init", "-q", "--bare", "-b", "main", &format, "remote"],
            "",
        );
        fixture.git(&["remote", "add", "origin", "../remote"], "work");
        for round in 0..30 {
            fixture.write("README", &"line\n".repeat(round + 1));
            fixture.write("deploy/web.yaml", &format!("replicas: {round}\n"));
            fixture.commit(&format!("round {round}"));
        }
        fixture.git(&["push", "-q", "origin", "main"], "work");
        fixture.git(&["fetch", "-q", "origin"], "work");
        fixture
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn git(&self, arguments: &[&str], folder: impl AsRef<Path>) {
        let output = Command::new("git")
            .current_dir(self.folder.path().join(folder))
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {stderr}");
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"], "work");
        self.git(&["commit", "-q", "-m", message], "work");
    }

    fn push(&self, refspecs: &[&str]) -> Push {
        let mut push = Push {
            folder: self.path(),
            remote: "origin".to_owned(),
            branch: "main".to_owned(),
            refspecs: refspecs.iter().map(ToString::to_string).collect(),
            deletes: false,
            wide: None,
            seen: Vec::new(),
        };
        push.seen = push.now();
        push
    }
}

/// Returns the lines without the names of commits.
fn lines(push: &Push) -> Vec<String> {
    let without_name = |line: &String| match line.strip_prefix("  commit ") {
        Some(rest) => format!("  commit {}", rest.split_once(' ').unwrap().1),
        None => line.clone(),
    };
    push.seen.iter().map(without_name).collect()
}

#[test]
fn the_commits_and_files_that_the_remote_has_not_are_listed() {
    for format in ["sha1", "sha256"] {
        let fixture = Fixture::new(format);
        assert_eq!(lines(&fixture.push(&[])), ["0 commits to main at origin"]);
        fixture.write("deploy/sale.yaml", "kind: Page\n");
        fixture.commit("add the sale page\n\nIt starts at noon.");
        fs::remove_file(fixture.path().join("README")).unwrap();
        fixture.write("deploy/web.yaml", "replicas: 100\n");
        fixture.commit("more of the web");
        let wanted = [
            "2 commits, 3 files to main at origin",
            "  commit more of the web",
            "  commit add the sale page",
            "  D README",
            "  A deploy/sale.yaml",
            "  M deploy/web.yaml",
        ];
        assert_eq!(lines(&fixture.push(&[])), wanted, "{format}, loose");
        // The same where all of it stands in a pack, as deltas.
        fixture.git(&["gc", "-q", "--aggressive", "--prune=now"], "work");
        assert_eq!(
            lines(&fixture.push(&["HEAD:refs/heads/main"])),
            wanted,
            "{format}, packed"
        );
        assert_eq!(
            fixture.push(&["main"]).found().unwrap().summary,
            "2 commits, 3 files to main at origin"
        );
    }
}

#[test]
fn what_the_remote_would_lose_is_said_first() {
    let fixture = Fixture::new("sha1");
    fixture.git(&["reset", "-q", "--hard", "HEAD~2"], "work");
    fixture.write("README", "other\n");
    fixture.commit("another way");
    let push = fixture.push(&["+main"]);
    let headline = "1 commit, 2 files to main at origin, which LOSES 2 commits";
    assert_eq!(push.seen.first().unwrap(), headline);
    let lost = |line: &&String| line.starts_with("  LOSES ");
    assert_eq!(push.seen.iter().filter(lost).count(), 2, "{:?}", push.seen);
    assert_eq!(lines(&fixture.push(&[":main"])), ["DELETES main at origin"]);
}

#[test]
fn a_branch_that_is_new_there_is_compared_with_the_usual_ones() {
    let fixture = Fixture::new("sha1");
    fixture.git(&["switch", "-q", "-c", "sale"], "work");
    fixture.write("sale", "x\n");
    fixture.commit("a sale");
    assert_eq!(
        lines(&fixture.push(&["sale"])),
        [
            "1 commit, 1 file to sale at origin, which is new as far as is known here",
            "  commit a sale",
            "  A sale",
        ]
    );
}

#[test]
fn a_branch_that_moved_since_is_not_what_was_asked() {
    let fixture = Fixture::new("sha1");
    let push = fixture.push(&[]);
    assert!(push.is_same());
    fixture.write("README", "more\n");
    fixture.commit("one that nobody saw");
    assert!(!push.is_same());
}

#[test]
fn what_can_not_be_found_is_said_and_a_name_leads_nowhere_else() {
    let fixture = Fixture::new("sha1");
    for (refspec, wanted) in [
        (
            "gone",
            "gone to gone at origin: gate does not find what it is",
        ),
        (
            "main~1:main",
            "main~1 to main at origin: gate does not find what it is",
        ),
        (
            "refs/../../HEAD:x",
            "refs/../../HEAD to x at origin: gate does not find what it is",
        ),
        ("refs/heads/*", "refs/heads/*, which gate does not follow"),
    ] {
        assert_eq!(lines(&fixture.push(&[refspec])), [wanted]);
    }
}
